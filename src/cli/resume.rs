//! The command that resumes a run, ready to paste into a shell.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{Arg, Command};

use crate::format::shell_word;
use crate::job::PinnedPath;

/// The flag whose value is a secret: anyone who knows the URL can report for the job.
const SECRET: &str = "ping";

/// What stands for it: a variable of the shell that the command is pasted into.
const SECRET_VARIABLE: &str = "\"$PROMPTMILL_PING\"";

/// The command line as it was typed, with what clap knows of it, and what stands in it otherwise
/// when it is given again.
pub(super) struct TypedCommand {
    words: Vec<String>,
    verb: Command,
    /// By flag, the values that take the place of what was typed, or are added.
    values: BTreeMap<&'static str, String>,
}

/// What a word of the command line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'a> {
    /// A flag alone, or no flag at all.
    Other,
    /// The value of this flag, from this byte on.
    Value(&'a str, usize),
}

impl TypedCommand {
    /// These words, the program first, for this verb. Paths that depend on the day or on the
    /// environment are written out: tomorrow, or in another shell, they would be other files.
    pub(super) fn new(
        words: impl Iterator<Item = OsString>,
        verb: Command,
        pinned: Vec<PinnedPath>,
    ) -> Self {
        let words = words.map(|word| word.to_string_lossy().into_owned());
        let values = pinned.into_iter().map(|path| (path.flag, path.path));
        Self {
            words: words.collect(),
            verb,
            values: values.collect(),
        }
    }

    /// This command line again. `--fresh` is left out, since it would start over.
    pub(super) fn again(&self) -> String {
        self.again_with(&self.values)
    }

    /// The command that resumes, with another `--max-cost`, in USD.
    pub(super) fn again_with_max_cost(&self, usd: f64) -> String {
        // Digits after six places are rounding noise.
        let usd = format!("{usd:.6}");
        let usd = usd.trim_end_matches('0').trim_end_matches('.');
        let mut values = self.values.clone();
        values.insert("max-cost", usd.to_owned());
        self.again_with(&values)
    }

    fn again_with(&self, values: &BTreeMap<&'static str, String>) -> String {
        let mut left = values.clone();
        let mut again = Vec::new();
        for (word, is) in self.words.iter().zip(self.parse()) {
            match is {
                Word::Other if word == "--fresh" => {}
                Word::Value(SECRET, at) => again.push(format!("{}{SECRET_VARIABLE}", &word[..at])),
                Word::Value(flag, at) => again.push(match left.remove(flag) {
                    Some(value) => shell_word(&format!("{}{value}", &word[..at])),
                    None => shell_word(word),
                }),
                Word::Other => again.push(shell_word(word)),
            }
        }
        for (flag, value) in left {
            again.extend([format!("--{flag}"), shell_word(&value)]);
        }
        again.join(" ")
    }

    /// What each word is.
    fn parse(&self) -> Vec<Word<'_>> {
        let mut flag_before = None;
        let parsed = self.words.iter().map(|word| {
            if let Some(flag) = flag_before.take() {
                return Word::Value(flag, 0);
            }
            let (flag, at) = match word.strip_prefix("--") {
                Some(long) => self.long(long),
                None => self.short(word),
            };
            match (flag, at) {
                (Some(flag), Some(at)) => Word::Value(flag, at),
                (Some(flag), None) => {
                    flag_before = Some(flag);
                    Word::Other
                }
                (None, _) => Word::Other,
            }
        });
        parsed.collect()
    }

    /// The flag of `--flag` or `--flag=value` that takes a value, and where that begins.
    fn long(&self, word: &str) -> (Option<&str>, Option<usize>) {
        let (name, at) = match word.split_once('=') {
            Some((name, _)) => (name, Some("--".len() + name.len() + 1)),
            None => (word, None),
        };
        let flag = self.taking(|arg| arg.get_long() == Some(name));
        // What must be given with `=` leaves the next word alone.
        let takes_next = |arg: &&Arg| at.is_some() || !arg.is_require_equals_set();
        (flag.filter(takes_next).and_then(Arg::get_long), at)
    }

    /// Like [`Self::long`], but for `-f`, `-fvalue` and `-qf`.
    fn short(&self, word: &str) -> (Option<&str>, Option<usize>) {
        let Some(letters) = word.strip_prefix('-') else {
            return (None, None);
        };
        for (at, letter) in letters.char_indices() {
            if let Some(arg) = self.taking(|arg| arg.get_short() == Some(letter)) {
                let rest = &letters[at + letter.len_utf8()..];
                let value = word.len() - rest.strip_prefix('=').unwrap_or(rest).len();
                return (arg.get_long(), (!rest.is_empty()).then_some(value));
            }
        }
        (None, None)
    }

    fn taking(&self, is_it: impl Fn(&Arg) -> bool) -> Option<&Arg> {
        let mut takes = self.verb.get_arguments();
        takes.find(|arg| arg.get_action().takes_values() && is_it(arg))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str], pinned: &[(&'static str, &str)]) -> TypedCommand {
        let pinned = pinned.iter().map(|(flag, path)| PinnedPath {
            flag,
            path: (*path).to_owned(),
        });
        let words = words.iter().map(OsString::from);
        TypedCommand::new(words, crate::cli::run_command(), pinned.collect())
    }

    #[track_caller]
    fn check(words: &[&str], pinned: &[(&'static str, &str)], expected: &str) {
        assert_eq!(typed(words, pinned).again(), expected);
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        check(
            &["target/release/promptmill", "run", "job.toml"],
            &[],
            "target/release/promptmill run job.toml",
        );
        check(
            &["promptmill", "run", "-t", "Don't: {{ x }}", "--fresh"],
            &[],
            r"promptmill run -t 'Don'\''t: {{ x }}'",
        );
        check(
            &["promptmill", "run", "-t", "--fresh", "-i", "x.csv"],
            &[],
            "promptmill run -t --fresh -i x.csv",
        );
    }

    #[test]
    fn the_url_of_a_monitor_is_a_secret() {
        for (words, expected) in [
            (
                vec!["--ping", "https://hc.example/1"],
                "--ping \"$PROMPTMILL_PING\"",
            ),
            (
                vec!["--ping=https://hc.example/1"],
                "--ping=\"$PROMPTMILL_PING\"",
            ),
        ] {
            let typed: Vec<_> = ["promptmill", "run", "a b.toml"]
                .into_iter()
                .chain(words)
                .collect();
            check(
                &typed,
                &[],
                &format!("promptmill run 'a b.toml' {expected}"),
            );
        }
    }

    #[test]
    fn a_path_of_the_job_file_that_depends_on_the_day_is_written_out() {
        check(
            &["promptmill", "run", "job.toml"],
            &[("output", "out/2026-11-22/tags.jsonl"), ("input", "a.csv")],
            "promptmill run job.toml --input a.csv --output out/2026-11-22/tags.jsonl",
        );
    }

    #[test]
    fn a_path_that_was_typed_is_written_out_where_it_was_typed() {
        let pinned = [("output", "d/2026-11-22/x.jsonl")];
        for (typed, expected) in [
            (
                vec!["-o", "d/{{ date }}/x.jsonl"],
                "-o d/2026-11-22/x.jsonl",
            ),
            (vec!["-od/{{ date }}/x.jsonl"], "-od/2026-11-22/x.jsonl"),
            (vec!["-qo=d/{{ date }}/x.jsonl"], "-qo=d/2026-11-22/x.jsonl"),
            (
                vec!["--output", "d/{{ date }}/x.jsonl"],
                "--output d/2026-11-22/x.jsonl",
            ),
            (
                vec!["--stream", "--output=d/{{ date }}/x.jsonl", "--json"],
                "--stream --output=d/2026-11-22/x.jsonl --json",
            ),
        ] {
            let typed: Vec<_> = ["promptmill", "run"].into_iter().chain(typed).collect();
            check(&typed, &pinned, &format!("promptmill run {expected}"));
        }
        check(
            &[
                "promptmill",
                "run",
                "--template-file",
                "{{ date }}.txt",
                "-t",
                "-o",
                "-qo",
                "d/{{ date }}/x.jsonl",
            ],
            &[("output", pinned[0].1), ("template-file", "x.txt")],
            "promptmill run --template-file x.txt -t -o -qo d/2026-11-22/x.jsonl",
        );
    }

    #[test]
    fn a_limit_of_cost_takes_the_place_of_the_one_there_was() {
        for (words, expected) in [
            (vec!["x", "--json"], "x --json --max-cost 0.3"),
            (
                vec!["--max-cost", "1", "x", "--json"],
                "--max-cost 0.3 x --json",
            ),
            (
                vec!["--max-cost=1", "x", "--fresh", "--json"],
                "--max-cost=0.3 x --json",
            ),
            (
                vec!["-t", "at --max-cost 1 {{ x }}"],
                "-t 'at --max-cost 1 {{ x }}' --max-cost 0.3",
            ),
            (
                vec!["-t", "--max-cost", "-od/{{ date }}.jsonl"],
                "-t --max-cost -od/2026-11-22.jsonl --max-cost 0.3",
            ),
        ] {
            let words: Vec<_> = ["promptmill", "run"].into_iter().chain(words).collect();
            let pinned: &[_] = match expected.contains("-o") {
                true => &[("output", "d/2026-11-22.jsonl")],
                false => &[],
            };
            let raised = typed(&words, pinned).again_with_max_cost(0.1 + 0.2);
            assert_eq!(raised, format!("promptmill run {expected}"));
        }
    }
}

//! The command that goes on where a run ended, as it can be pasted into a shell.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{Arg, Command};

use crate::job::PinnedPath;

/// The command line as it was typed, with what clap knows of it.
pub(super) struct Typed<'a> {
    words: Vec<String>,
    verb: &'a Command,
}

/// What a word of the command line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'a> {
    /// A flag alone, or no flag at all.
    Other,
    /// The value of this flag, from this byte on.
    Value(&'a str, usize),
}

impl<'a> Typed<'a> {
    /// These words, the program first, for this verb.
    pub(super) fn new(words: impl Iterator<Item = OsString>, verb: &'a Command) -> Self {
        let words = words.map(|word| word.to_string_lossy().into_owned());
        Self {
            words: words.collect(),
            verb,
        }
    }

    /// This command line again. `--fresh` is left out, for it would begin anew, and paths that
    /// depend on the day or on the environment are written out: tomorrow, or in another shell,
    /// they would be other files.
    pub(super) fn again(&self, pinned: &[PinnedPath]) -> String {
        let mut open: BTreeMap<_, _> = pinned
            .iter()
            .map(|path| (path.flag, path.path.as_str()))
            .collect();
        let mut again = Vec::new();
        for (word, is) in self.words.iter().zip(self.parse()) {
            match is {
                Word::Other if word == "--fresh" => {}
                Word::Value(flag, at) if open.contains_key(flag) => {
                    let path = open.remove(flag).unwrap_or_default();
                    again.push(format!("{}{path}", &word[..at]));
                }
                Word::Other | Word::Value(..) => again.push(word.clone()),
            }
        }
        for (flag, path) in open {
            again.extend([format!("--{flag}"), path.to_owned()]);
        }
        let quoted: Vec<_> = again.iter().map(|word| quote(word)).collect();
        quoted.join(" ")
    }

    /// What each word is.
    fn parse(&self) -> Vec<Word<'a>> {
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
    fn long(&self, word: &str) -> (Option<&'a str>, Option<usize>) {
        let (name, at) = match word.split_once('=') {
            Some((name, _)) => (name, Some("--".len() + name.len() + 1)),
            None => (word, None),
        };
        let flag = self.taking(|arg| arg.get_long() == Some(name));
        // What must be given with `=` leaves the next word alone.
        let takes_next = |arg: &&Arg| at.is_some() || !arg.is_require_equals_set();
        (flag.filter(takes_next).and_then(Arg::get_long), at)
    }

    /// The same for `-f`, `-fvalue` and `-qf`.
    fn short(&self, word: &str) -> (Option<&'a str>, Option<usize>) {
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

    fn taking(&self, is_it: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
        let mut takes = self.verb.get_arguments();
        takes.find(|arg| arg.get_action().takes_values() && is_it(arg))
    }
}

/// The same command with one more switch.
pub(super) fn with(command: &str, switch: &str) -> String {
    if command.split(' ').any(|word| word == switch) {
        command.to_owned()
    } else {
        format!("{command} {switch}")
    }
}

/// Single quotes around anything a shell might read otherwise.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &[&str], pinned: &[(&'static str, &str)], expected: &str) {
        let verb = crate::cli::run_command();
        let pinned: Vec<_> = pinned
            .iter()
            .map(|(flag, path)| PinnedPath {
                flag,
                path: (*path).to_owned(),
            })
            .collect();
        let typed = Typed::new(typed.iter().map(OsString::from), &verb);
        assert_eq!(typed.again(&pinned), expected);
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
    fn a_switch_is_added_once() {
        assert_eq!(
            with("promptmill run x", "--retry-failed"),
            "promptmill run x --retry-failed"
        );
        let there = "promptmill run x --retry-failed";
        assert_eq!(with(there, "--retry-failed"), there);
    }
}

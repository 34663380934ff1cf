//! The command that goes on where a run ended, as it can be pasted into a shell.

use std::ffi::OsString;
use std::path::Path;

use clap::ArgMatches;

/// The words of this command line. `--fresh` is left out, for it would begin anew, and a dated
/// output is written out, for tomorrow it would be another file.
pub(super) fn words(typed: &[OsString], dated_output: Option<&Path>) -> Vec<String> {
    let mut words = vec![program(typed)];
    words.extend(
        typed
            .iter()
            .skip(1)
            .map(|word| word.to_string_lossy().into_owned())
            .filter(|word| word != "--fresh"),
    );
    if let Some(output) = dated_output {
        words.extend(["--output".to_owned(), output.display().to_string()]);
    }
    words
}

/// The words as they can be pasted into a shell.
pub(super) fn command(words: &[String]) -> String {
    words
        .iter()
        .map(|word| quote(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same with one more switch.
pub(super) fn with(command: &str, switch: &str) -> String {
    if command.split(' ').any(|word| word == switch) {
        command.to_owned()
    } else {
        format!("{command} {switch}")
    }
}

/// The same words with another `--max-cost`, in USD.
pub(super) fn with_max_cost(words: &[String], usd: f64) -> Vec<String> {
    const FLAG: &str = "--max-cost";
    let mut others = Vec::new();
    let mut given = words.iter();
    while let Some(word) = given.next() {
        match word.strip_prefix(FLAG) {
            Some("") => drop(given.next()),
            Some(rest) if rest.starts_with('=') => {}
            Some(_) | None => others.push(word.clone()),
        }
    }
    // What is behind six places is the noise of floating point.
    let usd = format!("{usd:.6}");
    let usd = usd.trim_end_matches('0').trim_end_matches('.');
    others.extend([FLAG, usd].map(str::to_owned));
    others
}

/// The output, where its path holds a date and no flag names it.
pub(super) fn dated_output<'a>(
    matches: &ArgMatches,
    is_dated: bool,
    output: &'a Path,
) -> Option<&'a Path> {
    (is_dated && !matches.contains_id("output")).then_some(output)
}

fn program(typed: &[OsString]) -> String {
    let path = typed.first().map(Path::new);
    let name = path
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "promptmill".into())
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
    fn check(typed: &[&str], dated: Option<&str>, expected: &str) {
        let typed: Vec<_> = typed.iter().map(OsString::from).collect();
        let words = words(&typed, dated.map(Path::new));
        assert_eq!(command(&words), expected);
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        check(
            &["/usr/bin/promptmill", "run", "job.toml"],
            None,
            "promptmill run job.toml",
        );
        check(
            &["promptmill", "run", "-t", "Don't: {{ x }}", "--fresh"],
            None,
            r"promptmill run -t 'Don'\''t: {{ x }}'",
        );
    }

    #[test]
    fn a_dated_output_is_written_out() {
        check(
            &["promptmill", "run", "job.toml"],
            Some("out/2026-11-22/tags.jsonl"),
            "promptmill run job.toml --output out/2026-11-22/tags.jsonl",
        );
    }

    #[test]
    fn a_limit_of_cost_takes_the_place_of_the_one_there_was() {
        let raised = |typed: &[&str]| {
            let typed: Vec<_> = typed.iter().map(|word| (*word).to_owned()).collect();
            command(&with_max_cost(&typed, 0.1 + 0.2))
        };
        let expected = "promptmill run x --json --max-cost 0.3";
        assert_eq!(raised(&["promptmill", "run", "x", "--json"]), expected);
        let apart = ["promptmill", "run", "--max-cost", "1", "x", "--json"];
        assert_eq!(raised(&apart), expected);
        let joined = ["promptmill", "run", "--max-cost=1", "x", "--json"];
        assert_eq!(raised(&joined), expected);
        let template = ["promptmill", "run", "-t", "at --max-cost 1 {{ x }}"];
        let expected = "promptmill run -t 'at --max-cost 1 {{ x }}' --max-cost 0.3";
        assert_eq!(raised(&template), expected);
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

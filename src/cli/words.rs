//! The words of the command line as clap takes them: both forms of a boolean flag.
//!
//! clap either takes the word after a flag for its value or leaves it alone. A boolean flag has to do
//! both: in `--stream true` the word belongs to the flag, in `--stream job.toml` it does not.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

/// `words`, the program first, with each boolean flag in the one form that clap knows: a flag of the
/// command line itself alone or left out, a job key with its value after `=`.
pub(super) fn normalized(
    command: &Command,
    words: impl Iterator<Item = OsString>,
) -> Vec<OsString> {
    let mut words = words.peekable();
    let mut verb = None;
    let mut normalized = Vec::new();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        if text == "--" {
            normalized.push(word);
            break;
        }
        let Some(of_verb) = verb else {
            verb = command.find_subcommand(text);
            normalized.push(word);
            continue;
        };
        match flag(of_verb, text) {
            Flag::Boolean { arg, value } => {
                let next = || words.peek().and_then(|next| boolean(next.to_str()?));
                let is_own = value.is_some();
                let value = value.or_else(next);
                if !is_own && value.is_some() {
                    words.next();
                }
                normalized.extend(form(arg, word, value));
            }
            Flag::TakesNext => {
                normalized.push(word);
                normalized.extend(words.next());
            }
            Flag::Other => normalized.push(word),
        }
    }
    normalized.extend(words);
    normalized
}

/// What a word is to a verb.
enum Flag<'a> {
    /// A boolean flag, with the value after its `=`.
    Boolean { arg: &'a Arg, value: Option<bool> },
    /// A flag whose value is the next word, whatever that looks like.
    TakesNext,
    /// Anything else.
    Other,
}

fn flag<'a>(verb: &'a Command, word: &str) -> Flag<'a> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let short = |arg: &&Arg| {
        let letter = name.strip_prefix('-').unwrap_or_default();
        arg.get_short()
            .is_some_and(|short| letter == short.encode_utf8(&mut [0; 4]))
    };
    let long = |arg: &&Arg| arg.get_long() == name.strip_prefix("--");
    let found = match name.starts_with('-') {
        true => verb
            .get_arguments()
            .find(|arg| !arg.is_positional() && (long(arg) || short(arg))),
        false => None,
    };
    let Some(arg) = found else {
        return Flag::Other;
    };
    match (is_boolean(arg), value.map(boolean)) {
        (true, None) => Flag::Boolean { arg, value: None },
        (true, Some(Some(value))) => Flag::Boolean {
            arg,
            value: Some(value),
        },
        // Another value is an error, and clap or the table of keys says so.
        (true, Some(None)) | (false, Some(_)) => Flag::Other,
        (false, None) => Flag::TakesNext,
    }
}

fn is_boolean(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue) || arg.is_require_equals_set()
}

fn boolean(word: &str) -> Option<bool> {
    word.parse().ok()
}

/// The form of a boolean flag that clap knows.
fn form(arg: &Arg, word: OsString, value: Option<bool>) -> Option<OsString> {
    match (value, arg.is_require_equals_set()) {
        (None, _) => Some(word),
        (Some(value), true) => Some(format!("--{}={value}", arg.get_id()).into()),
        (Some(true), false) => Some(format!("--{}", arg.get_id()).into()),
        (Some(false), false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[track_caller]
    fn check(typed: &str, expected: &str) {
        let words = typed.split(' ').map(OsString::from);
        let found = normalized(&command(), words);
        let found: Vec<_> = found.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(found.join(" "), expected, "{typed}");
    }

    #[test]
    fn a_job_key_takes_its_value_as_the_next_word_or_behind_an_equals_sign() {
        check("p run --stream true", "p run --stream=true");
        check("p run --stream false -c 3", "p run --stream=false -c 3");
        check("p run --stream=true", "p run --stream=true");
        check("p run --stream", "p run --stream");
        check("p run --stream job.toml", "p run --stream job.toml");
        check("p run --stream=maybe", "p run --stream=maybe");
        check("p plan --reasoning false", "p plan --reasoning=false");
    }

    #[test]
    fn a_flag_of_the_command_line_takes_true_and_false_too() {
        check("p run --fresh true --json", "p run --fresh --json");
        check("p run --fresh false --json=false", "p run");
        check("p run -q true job.toml", "p run --quiet job.toml");
        check("p run -q job.toml", "p run -q job.toml");
    }

    #[test]
    fn the_value_of_another_flag_is_left_as_it_is() {
        check("p run -t --stream true", "p run -t --stream true");
        check(
            "p run --system --stream false",
            "p run --system --stream false",
        );
        check("p run -- --stream true", "p run -- --stream true");
        check("p run true", "p run true");
        check("p --stream true", "p --stream true");
    }
}

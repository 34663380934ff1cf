//! What people type who guess: flags and commands of other tools, answered with what to type here.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::guesses::{COMMANDS, FLAGS};

/// Answers a flag or command that does not exist with the one that was probably meant.
pub(super) fn explain(mut error: clap::Error) -> clap::Error {
    if let Some(hint) = hint(&error) {
        for kind in [
            ContextKind::SuggestedArg,
            ContextKind::SuggestedSubcommand,
            ContextKind::Usage,
        ] {
            error.remove(kind);
        }
        let hint = ContextValue::StyledStrs(vec![hint.into()]);
        error.insert(ContextKind::Suggested, hint);
    }
    error
}

/// What the parser suggests instead, as plain text.
pub(super) fn suggested(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(tips)) => {
            let tips: Vec<_> = tips.iter().map(ToString::to_string).collect();
            Some(tips.join("; ")).filter(|tips| !tips.is_empty())
        }
        Some(_) | None => None,
    }
}

fn hint(error: &clap::Error) -> Option<String> {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    if error.kind() == ErrorKind::UnknownArgument {
        let typed = named(ContextKind::InvalidArg)?;
        let flag = typed.split(['=', ' ']).next()?;
        find(FLAGS, flag).or_else(|| without_verb(error, flag))
    } else {
        let typed = named(ContextKind::InvalidSubcommand)?;
        find(COMMANDS, &typed.to_lowercase()).or_else(|| file(typed))
    }
}

fn find(table: &[(&[&str], &str)], typed: &str) -> Option<String> {
    let found = table.iter().find(|(guesses, _)| guesses.contains(&typed));
    found.map(|(_, hint)| (*hint).to_owned())
}

/// A flag of `run` before any command.
fn without_verb(error: &clap::Error, flag: &str) -> Option<String> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    let run = super::run_command();
    let is_of_run = run.get_arguments().any(|arg| {
        let long = arg
            .get_long()
            .is_some_and(|long| flag == format!("--{long}"));
        long || arg
            .get_short()
            .is_some_and(|short| flag == format!("-{short}"))
    });
    let has_no_verb = usage.contains("promptmill <COMMAND>");
    (is_of_run && has_no_verb)
        .then(|| format!("{flag} is an option of `run`: type `promptmill run {flag} …`"))
}

/// A file before any command.
fn file(typed: &str) -> Option<String> {
    let path = std::path::Path::new(typed);
    match path.extension()?.to_str()? {
        "toml" => Some(format!("type `promptmill run {typed}`")),
        "csv" | "tsv" | "jsonl" | "ndjson" | "json" | "gz" | "zst" => Some(format!(
            "type `promptmill run -i {typed} -m MODEL -t 'Sum up: {{{{ text }}}}' -o out.jsonl`"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[track_caller]
    fn check(typed: &[&str], hint: &str) {
        let words = ["promptmill"].iter().chain(typed);
        let error = command().try_get_matches_from(words).unwrap_err();
        let said = explain(error).render().to_string();
        assert!(said.starts_with("error: "), "{said}");
        let tips: Vec<_> = said.lines().filter(|line| line.contains("tip: ")).collect();
        assert_eq!(tips.len(), 1, "{said}");
        assert!(tips[0].contains(hint), "{typed:?}\n{said}");
    }

    #[test]
    fn every_guessed_flag_is_answered_with_what_to_type() {
        for (flags, hint) in FLAGS {
            for flag in *flags {
                check(&["run", flag], hint);
            }
        }
        check(&["run", "--rpm=60", "x.toml"], "--requests-per-minute N");
        check(&["plan", "--rpm", "60"], "--requests-per-minute N");
        check(&["check", "--resume"], "resumes by itself");
    }

    #[test]
    fn every_guessed_command_is_answered_with_what_to_type() {
        for (commands, hint) in COMMANDS {
            for command in *commands {
                check(&[command], hint);
                check(&[command, "job.toml", "--fresh"], hint);
            }
        }
    }

    #[test]
    fn a_file_or_an_option_without_a_command_is_one_for_run() {
        check(&["job.toml"], "`promptmill run job.toml`");
        check(&["rows.csv.gz"], "`promptmill run -i rows.csv.gz -m");
        check(&["-i", "rows.csv"], "`promptmill run -i …`");
        check(&["--template", "x"], "`promptmill run --template …`");
    }

    #[test]
    fn a_slip_of_the_finger_is_still_answered_with_the_nearest_name() {
        check(&["run", "--max-cots", "1"], "'--max-cost'");
        check(&["plam"], "'plan'");
    }

    /// What follows each `promptmill ` or `--` of the hints is a command or a flag.
    #[test]
    fn a_hint_names_nothing_that_does_not_exist() {
        let all = command();
        let verbs: Vec<_> = all.get_subcommands().map(|verb| verb.get_name()).collect();
        let flags: Vec<_> = super::super::run_command()
            .get_arguments()
            .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
            .collect();
        for (_, hint) in FLAGS.iter().chain(COMMANDS) {
            let words: Vec<_> = hint
                .split([' ', '`', ',', ';', '(', ')'])
                .filter(|word| !word.is_empty())
                .collect();
            for pair in words.windows(2) {
                if pair[0] == "promptmill" && !["never", "learns"].contains(&pair[1]) {
                    let is_verb = verbs.contains(&pair[1]) || pair[1] == "--version";
                    assert!(is_verb, "{hint}");
                }
            }
            for word in words.iter().filter(|word| word.starts_with("--")) {
                let is_flag = flags.iter().any(|flag| flag == word) || *word == "--version";
                assert!(is_flag, "{word}: {hint}");
            }
        }
        for (guesses, hint) in FLAGS {
            for guess in *guesses {
                assert!(!flags.iter().any(|flag| flag == guess), "{guess}: {hint}");
            }
        }
    }
}

//! The command line: from words to a verb, and the one place where an error is printed.

mod args;
mod check;
mod connect;
mod emulate;
mod errors;
mod export;
mod fixes;
mod flags;
mod guesses;
mod hints;
mod init;
mod models;
mod options;
mod plan;
mod print;
mod privacy;
mod quotas;
mod repair;
mod reparse;
mod report;
mod resume;
mod run;
mod score;
mod shell;
mod signals;
mod status;
mod verbs;
mod words;

use std::panic::{self, AssertUnwindSafe};

use clap::ArgMatches;
use serde_json::json;

use crate::engine::Failure;
use crate::event;
use crate::exit::{Exit, Reason};
use verbs::run_command;

pub use verbs::command;

/// Reads the command line, carries it out, prints the error if there is one.
pub fn main() -> Exit {
    privacy::keep();
    let words = words::normalized(&command(), std::env::args_os());
    let matches = match parser().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => {
            let error = hints::explain(error);
            tell_parser(&error);
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Complete
            };
        }
    };
    // Where there is no such signal there is nothing to outlive.
    let _ = signals::outlive_the_limit_of_a_files_size();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| dispatch(&matches)));
    match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            tell(&matches, &failure);
            failure.exit
        }
        Err(_) => {
            print::error(
                "this is a bug in promptmill: please report it with the line above; completed rows \
                 are in the output, and the same command resumes",
            );
            Exit::Bug
        }
    }
}

/// The parser, with the help that is asked for: all of it for `--help`, the usual part for `-h`.
fn parser() -> clap::Command {
    match std::env::args_os().any(|word| word == "--help") {
        true => command(),
        false => verbs::brief(),
    }
}

/// Says why a verb did not do what it was asked: to people, and where JSON was asked for, to
/// programs too. A run writes lines of JSON to standard error, and its summary, or the error in its
/// place, to standard output.
fn tell(matches: &ArgMatches, failure: &Failure) {
    let wants_json = |matches: &ArgMatches| matches!(matches.try_get_one("json"), Ok(Some(&true)));
    let verb = matches.subcommand();
    let verb = verb.and_then(|(verb, matches)| wants_json(matches).then_some(verb));
    if verb != Some("run") {
        print::error(&failure.to_string());
    }
    if let Some(verb) = verb {
        let message = failure.to_string();
        tell_programs(
            verb,
            &message,
            failure.exit,
            failure.reason,
            failure.advice(),
        );
    }
}

/// Reports a command line that was not understood. What its words mean is then unknown, so any
/// `--json` among them counts as the flag.
fn tell_parser(error: &clap::Error) {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let wants_json = error.use_stderr() && words.iter().any(|word| word == "--json");
    let verb = words.first().and_then(|verb| verb.to_str());
    let verb = verb.filter(|_| wants_json).unwrap_or_default();
    if verb != "run" {
        print::parser(error);
    }
    if !verb.is_empty() {
        let text = error.render().to_string();
        let text = text.trim().trim_start_matches("error: ");
        let suggested = hints::suggested(error);
        let advice = suggested.as_deref().unwrap_or(Reason::Usage.advice());
        tell_programs(verb, text, Exit::Usage, Reason::Usage, advice);
    }
}

fn tell_programs(verb: &str, message: &str, exit: Exit, reason: Reason, advice: &str) {
    let error = json!({
        "kind": reason.as_str(),
        "message": message,
        "advice": advice,
        "exit_code": exit.code(),
    });
    match verb {
        "run" => {
            let fields = json!({ "error": error.clone() });
            print::noted(&event::event("error", event::Level::Error, fields));
            let _ = print::json(&json!({ "ok": false, "error": error }).to_string());
        }
        // If standard output is what failed, there is nowhere left to report it.
        _ => drop(print::json(
            &json!({ "ok": false, "error": error }).to_string(),
        )),
    }
}

fn dispatch(matches: &ArgMatches) -> Result<Exit, Failure> {
    match matches.subcommand() {
        Some(("run", matches)) => run::run(matches),
        Some(("plan", matches)) => plan::plan(matches),
        Some(("check", matches)) => check::check(matches),
        Some(("models", matches)) => models::models(matches),
        Some(("quotas", matches)) => quotas::quotas(matches),
        Some(("init", matches)) => init::init(matches),
        Some(("status", matches)) => status::status(matches),
        Some(("report", matches)) => report::report(matches),
        Some(("errors", matches)) => errors::errors(matches),
        Some(("repair", matches)) => repair::repair(matches),
        Some(("reparse", matches)) => reparse::reparse(matches),
        Some(("score", matches)) => score::score(matches),
        Some(("export", matches)) => export::export(matches),
        Some(("emulate", matches)) => emulate::emulate(matches),
        Some(("completions", matches)) => shell::completions(matches),
        Some(("man", matches)) => shell::man(matches),
        Some(("help", matches)) => shell::help(matches),
        _ => unreachable!("clap lets no other verb through"),
    }
}

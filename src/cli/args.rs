//! Arguments and help that several verbs share.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ValueHint, value_parser};

/// The examples of a verb, as its help shows them.
pub(super) fn examples(examples: &str) -> String {
    format!("Examples:\n{examples}")
}

/// The output that a verb is about.
pub(super) fn output_argument() -> Arg {
    Arg::new("output")
        .value_name("OUT.jsonl")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .required(true)
        .help("Output file, as given to `run` with --output")
}

/// A flag without a value.
pub(super) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

/// A flag with a value that is text.
pub(super) fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// The scenario of the built-in emulator.
pub(super) fn scenario() -> Arg {
    text("scenario", "FILE", "Scenario for the built-in emulator").value_hint(ValueHint::FilePath)
}

/// Whether locks of a network file system are trusted.
pub(super) fn trust_locks() -> Arg {
    switch(
        "trust-locks",
        "Write to a network file system even if its locks may not work across machines",
    )
}

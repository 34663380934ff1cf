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

/// The host that may have an API key: a flag, and no key of a job file, whose author would trust themselves.
pub(super) fn trust_endpoint() -> Arg {
    text(
        "trust-endpoint",
        "HOST",
        "Let this host have a Bedrock API key although it is not an AWS host; may be repeated",
    )
    .action(ArgAction::Append)
    .value_parser(host)
}

/// The name of a host, without a scheme, a port and a path.
fn host(typed: &str) -> Result<String, &'static str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_v6 = typed.parse::<std::net::Ipv6Addr>().is_ok();
    match !typed.is_empty() && (is_v6 || typed.chars().all(is_part)) {
        true => Ok(typed.to_ascii_lowercase()),
        false => Err("it takes the name of a host, such as gateway.example.com"),
    }
}

/// Whether locks of a network file system are trusted.
pub(super) fn trust_locks() -> Arg {
    switch(
        "trust-locks",
        "Write to a network file system even if its locks may not work across machines",
    )
}

/// The examples of a verb, and what else its help ends with.
pub(super) fn with_examples(examples: &str, rest: &str) -> String {
    format!("Examples:\n{examples}\n\n{}", rest.trim_end())
}

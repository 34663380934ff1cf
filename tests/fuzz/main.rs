//! Everything that reads bytes from outside, fed with bytes that nobody meant.
//!
//! Inputs are made by mutation from a few good ones. There is no instrumentation, so that this runs
//! on a stable compiler with one command; what tells a new path from an old one is what the code
//! says about it: an input that brings a message not seen before becomes a parent of others.
//!
//! ```sh
//! cargo test --test fuzz                                  # a few seconds each
//! FUZZ_SECONDS=600 cargo test --release --test fuzz       # ten minutes each
//! FUZZ_SEED=7 cargo test --test fuzz                      # other inputs
//! ```
//!
//! An input that brings a panic, or takes too long, is kept in `target/tmp/fuzz-*`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod corpus;
mod engine;
mod files;
mod schemas;
mod texts;
mod tree;

use engine::Fuzz;

#[test]
fn inputs_of_every_format() {
    Fuzz::new("input", &corpus::INPUTS).run(files::input);
}

#[test]
fn outputs_that_earlier_runs_left() {
    Fuzz::new("ledger", &corpus::LEDGERS).run(files::ledger);
}

#[test]
fn job_files() {
    Fuzz::new("job", &corpus::JOBS).run(files::job);
}

#[test]
fn scenarios() {
    Fuzz::new("scenario", &corpus::SCENARIOS).run(texts::scenario);
}

#[test]
fn templates() {
    Fuzz::new("template", &corpus::TEMPLATES).run(texts::template);
}

#[test]
fn conversations_and_bodies() {
    Fuzz::new("messages", &corpus::MESSAGES).run(texts::messages);
}

#[test]
fn replies_of_every_family() {
    Fuzz::new("reply", &corpus::REPLIES).run(texts::reply);
}

#[test]
fn streams_of_every_family() {
    Fuzz::new("stream", &corpus::STREAMS).run(texts::stream);
}

#[test]
fn schemas_of_people() {
    Fuzz::new("schema", &corpus::SCHEMAS).run(schemas::schema);
}

#[test]
fn completions_that_are_repaired() {
    Fuzz::new("completion", &corpus::COMPLETIONS).run(schemas::completion);
}

#[test]
fn refusals_of_the_service() {
    Fuzz::new("refusal", &corpus::REFUSALS).run(texts::refusal);
}

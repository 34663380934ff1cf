//! What is wrong with a job, by where it was typed.

use crate::job::expand::ExpandError;

/// What is wrong with a job, by where it was typed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The file cannot be read.
    #[error("{file}: {problem}; the first argument of `run` is the job file")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        problem: String,
    },
    /// It is a file of prompts.
    #[error("{file} holds prompts and is no job file: give it with --input {file}")]
    Prompts {
        /// The file.
        file: String,
    },
    /// It is not TOML.
    #[error("{file}:{line}: {message}{hint}")]
    Syntax {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What the parser said.
        message: String,
        /// Whether it may not be a job file at all.
        hint: &'static str,
    },
    /// A table that was written as something else.
    #[error(
        "{file}:{line}: `{table}` is a table, not {found}: write [{table}] on a line of its own, and below it {keys}"
    )]
    NotATable {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The table.
        table: String,
        /// What was found.
        found: String,
        /// The keys that go into it.
        keys: String,
    },
    /// A key that does not exist.
    #[error("{file}:{line}: unknown key `{key}`{hint}")]
    UnknownKey {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The key with its table.
        key: String,
        /// What might have been meant.
        hint: String,
    },
    /// A value of the wrong kind.
    #[error("{place}: `{key}` takes {takes}, not {found}")]
    WrongKind {
        /// File and line, or the flag.
        place: String,
        /// The key or flag.
        key: String,
        /// What it takes.
        takes: &'static str,
        /// What was found.
        found: String,
    },
    /// Something the job cannot do without.
    #[error("the job names no {what}: give --{flag}, or `{key}` in [{table}] of the job file")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Its flag.
        flag: &'static str,
        /// Its key.
        key: &'static str,
        /// The key's table.
        table: &'static str,
    },
    /// Two keys that exclude each other.
    #[error("`{0}` and `{1}` both say where the prompts come from: keep one of them")]
    TwoSources(&'static str, &'static str),
    /// A value that makes no sense.
    #[error("`{key}`: {message}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// A path that cannot be written out.
    #[error(transparent)]
    Expand(#[from] ExpandError),
}

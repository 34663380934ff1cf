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
    /// A key of `[sweep]` that cannot vary.
    #[error("{place}: `{key}` cannot vary: {why}")]
    CannotVary {
        /// File and line, or the table.
        place: String,
        /// The key.
        key: String,
        /// Why not.
        why: String,
    },
    /// What is wrong with one variant of a sweep.
    #[error("variant {variant}: {mistake}")]
    Variant {
        /// The variant.
        variant: String,
        /// What is wrong.
        mistake: Box<JobError>,
    },
    /// A path that cannot be written out.
    #[error(transparent)]
    Expand(#[from] ExpandError),
    /// More than one of these.
    #[error("the job has {} mistakes:{}", .0.len(), listed(.0))]
    Several(Vec<JobError>),
}

fn listed(mistakes: &[JobError]) -> String {
    let lines = mistakes.iter().map(|mistake| format!("\n- {mistake}"));
    lines.collect()
}

/// The mistakes found so far: they are fixed together, so they are reported together.
#[derive(Debug, Default)]
pub(in crate::job) struct Mistakes(Vec<JobError>);

impl Mistakes {
    /// What is right of it; what is wrong is kept.
    pub(in crate::job) fn keep<T>(&mut self, found: Result<T, impl Into<JobError>>) -> Option<T> {
        found.map_err(|mistake| self.0.push(mistake.into())).ok()
    }

    /// `complete`, if nothing was wrong.
    ///
    /// # Errors
    /// All that was wrong.
    pub(in crate::job) fn or<T>(mut self, complete: Option<T>) -> Result<T, JobError> {
        match (complete, self.0.pop()) {
            (Some(complete), None) => Ok(complete),
            (_, Some(only)) if self.0.is_empty() => Err(only),
            (_, last) => {
                self.0.extend(last);
                Err(JobError::Several(self.0))
            }
        }
    }
}

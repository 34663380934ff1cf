//! Files of prompts, read as an iterator of records. Knows nothing of models or networks.

use serde_json::{Map, Value};

/// One record of the input: its fields by name, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The record's number, from 1; bad records count too.
    pub row: u64,
    /// The line it starts on, from 1.
    pub line: u64,
    /// Field name to value; CSV fields are strings.
    pub fields: Map<String, Value>,
}

/// A record that cannot be read, or cannot be turned into a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row} (line {line}): {reason}")]
pub struct BadRow {
    /// The record's number, from 1.
    pub row: u64,
    /// The line it starts on, from 1.
    pub line: u64,
    /// What is wrong with it and what to do.
    pub reason: String,
}

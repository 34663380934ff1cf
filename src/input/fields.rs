//! The names a job may use: what is known of the fields before the records are read.

use super::error::InputError;
use super::path::leads_into;
use super::suggest::{did_you_mean, listed};

/// The field names of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    /// The columns of a header, in order: every record has exactly these.
    Columns(Vec<String>),
    /// The fields of the first record, in order: others may have more or fewer.
    Seen(Vec<String>),
}

impl Fields {
    /// The names, in order.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Columns(names) | Self::Seen(names) => names,
        }
    }

    /// Whether this name is among them.
    pub fn has(&self, name: &str) -> bool {
        self.names().iter().any(|known| known == name)
    }

    /// Whether a record may have such a field: fields that were only seen promise nothing, and a column
    /// may hold JSON that a path leads into.
    pub fn may_have(&self, name: &str) -> bool {
        match self {
            Self::Columns(names) => self.has(name) || leads_into(names, name),
            Self::Seen(_) => true,
        }
    }

    /// Refuses a name that no record can have, with the nearest one; `key` is where it was given.
    pub fn require(&self, key: &'static str, column: &str) -> Result<(), InputError> {
        if self.may_have(column) {
            return Ok(());
        }
        Err(InputError::NoColumn {
            key,
            column: column.into(),
            hint: self.hint(column),
            columns: self.to_string(),
        })
    }

    /// ` (did you mean `x`?)` for the name nearest to this one.
    pub fn hint(&self, name: &str) -> String {
        did_you_mean(name, self.names().iter().map(String::as_str))
    }
}

impl std::fmt::Display for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&listed(self.names()))
    }
}

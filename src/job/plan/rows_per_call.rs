//! How many rows a job lets share a call.

use crate::family::{Family, Parameters};

/// What a job says about rows that share a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsPerCall {
    /// Nothing: as many as the model takes.
    Most(usize),
    /// This many.
    Asked(usize),
}

/// Why so many rows cannot share a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowsPerCallError {
    /// The family answers one row per call.
    #[error("`{0}` takes one row per call: leave it out")]
    NeverShared(&'static str),
    /// A guardrail would judge the rows together.
    #[error("a guardrail judges a call as a whole, so each row has its own: leave it out")]
    Guarded,
    /// Fields merged into the body are part of what is answered.
    #[error(
        "`extra` puts more than the rows' texts into each call of `{0}`, so each row has its own: leave it out"
    )]
    Extra(&'static str),
    /// More than the family takes.
    #[error("`{family}` takes {most} rows a call at most")]
    TooMany {
        /// The family.
        family: &'static str,
        /// The most it takes.
        most: usize,
    },
}

impl RowsPerCall {
    /// Holds what was `asked` against what the family takes.
    ///
    /// # Errors
    /// So many rows cannot share a call.
    pub(crate) fn resolve(
        asked: Option<u32>,
        family: Family,
        parameters: &Parameters,
        is_guarded: bool,
    ) -> Result<Self, RowsPerCallError> {
        let most = match is_guarded {
            // What it finds in one text would be said of all.
            true => 1,
            false => family.most_rows_in_a_call(&parameters.extra),
        };
        let Some(asked) = asked.and_then(|asked| usize::try_from(asked).ok()) else {
            return Ok(Self::Most(most));
        };
        if asked <= most {
            return Ok(Self::Asked(asked));
        }
        let name = family.name();
        Err(match family.most_rows_in_a_call(&Default::default()) {
            1 => RowsPerCallError::NeverShared(name),
            _ if is_guarded => RowsPerCallError::Guarded,
            _ if most == 1 => RowsPerCallError::Extra(name),
            most => RowsPerCallError::TooMany { family: name, most },
        })
    }
}

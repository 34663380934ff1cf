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

impl RowsPerCall {
    /// Holds what was `asked` against what the family takes.
    ///
    /// # Errors
    /// Why so many rows cannot share a call, and what to do.
    pub(crate) fn resolve(
        asked: Option<u32>,
        family: Family,
        parameters: &Parameters,
        is_guarded: bool,
    ) -> Result<Self, String> {
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
            1 => format!("`{name}` answers one row a call: leave it out"),
            _ if is_guarded => {
                "a guardrail judges a call as a whole, so each row has its own: leave it out".into()
            }
            _ if most == 1 => format!(
                "`extra` puts more than the rows' texts into each call of `{name}`, so each row has \
                 its own: leave it out"
            ),
            most => format!("`{name}` takes {most} rows a call at most"),
        })
    }
}

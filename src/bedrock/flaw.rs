//! What is wrong with a value of the environment, told without the value, which may be a secret.

use std::fmt;

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A character that it must not have.
    Character {
        /// At which end.
        at: FlawPlace,
        /// The character.
        character: char,
    },
    /// There is nothing in it.
    Empty,
    /// It is not UTF-8.
    NotUtf8,
    /// It is neither `true` nor `false`.
    NotBoolean,
    /// It is not set, although this variable is.
    Without(&'static str),
}

/// The part of a value that has the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlawPlace {
    /// It is the first.
    Beginning,
    /// It is the last.
    End,
    /// It is in between.
    Inside,
}

impl Flaw {
    /// What to do about it in a credential.
    pub(super) fn remedy_in_credential(self) -> &'static str {
        match self {
            Self::Character { .. } => {
                ", which no AWS key or token does; set it again without that character"
            }
            Self::Empty => "; set it, or unset it",
            Self::NotUtf8 | Self::NotBoolean => "; set it again",
            Self::Without(_) => "; set both, or unset both",
        }
    }

    pub(super) fn of_characters(value: &str, is_bad: &dyn Fn(char) -> bool) -> Option<Self> {
        let first = value.chars().next().filter(|c| is_bad(*c));
        let last = value.chars().last().filter(|c| is_bad(*c));
        let inside = || value.chars().find(|c| is_bad(*c));
        let (at, character) = match (first, last) {
            (Some(character), _) => (FlawPlace::Beginning, character),
            (None, Some(character)) => (FlawPlace::End, character),
            (None, None) => (FlawPlace::Inside, inside()?),
        };
        Some(Self::Character { at, character })
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::NotBoolean => f.write_str("is neither true nor false"),
            Self::Without(other) => write!(f, "is not set, although {other} is"),
            Self::Character { at, character } => {
                let at = match at {
                    FlawPlace::Beginning => "begins with",
                    FlawPlace::End => "ends in",
                    FlawPlace::Inside => "contains",
                };
                write!(f, "{at} {}", name(*character))
            }
        }
    }
}

/// A character by its name, since many of them cannot be seen.
fn name(character: char) -> String {
    let known = match character {
        '\r' => "a carriage return (\\r)",
        '\n' => "a line break (\\n)",
        '\t' => "a tab (\\t)",
        ' ' => "a space",
        '"' => "a double quote (\")",
        '\'' => "a single quote (')",
        '`' => "a backquote (`)",
        _ => "",
    };
    let kind = match character {
        _ if !known.is_empty() => return known.to_owned(),
        _ if character.is_control() => "a control character",
        _ if character.is_whitespace() => "white space",
        _ if character.is_ascii() => return format!("`{character}`"),
        _ => "a character that is not ASCII",
    };
    format!("{kind} (U+{:04X})", u32::from(character))
}

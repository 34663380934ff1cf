//! How a CSV or TSV text is written: what separates, quotes and escapes, and whether it has a header.

/// What the job says of an input beside its path: everything may be left open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// The format.
    pub format: Option<super::Format>,
    /// What separates values.
    pub delimiter: Option<Mark>,
    /// What quotes values.
    pub quote: Option<Quote>,
    /// What stands before a quote that belongs to a quoted value.
    pub escape: Option<Mark>,
    /// What begins a line that is no row.
    pub comment: Option<Mark>,
    /// Whether the first row names the columns; `None` is yes.
    pub header: Option<bool>,
    /// Where in a JSON document the list of rows is: `/data`, or the name `data`.
    pub records: Option<String>,
    /// Whether an input without rows is accepted.
    pub allow_empty: bool,
}

/// A character of the syntax: one byte of ASCII, no letter, digit or line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u8);

/// Whether values are quoted, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// By this character, doubled inside of a quoted value.
    By(Mark),
    /// By nothing: quotes are part of the text.
    Never,
}

/// Everything a reader of separated values has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// What separates values.
    pub(super) delimiter: u8,
    /// Whether the job said so, so that a line `sep=` has nothing to say.
    pub(super) is_given: bool,
    /// What quotes values, if anything does.
    pub(super) quote: Option<u8>,
    /// Whether the job said so: then no quoted value is suspicious.
    pub(super) is_quote_given: bool,
    /// What stands before a quote inside of a quoted value, beside another quote.
    pub(super) escape: Option<u8>,
    /// What begins a line that is no row.
    pub(super) comment: Option<u8>,
    /// Whether the first row names the columns.
    pub(super) has_header: bool,
}

/// What is no [`Mark`], or no [`Quote`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// Not one character of the syntax.
    #[error("\"{}\" is not one ASCII character; write one such as \";\" or \"|\", or tab", .0.escape_debug())]
    NotAMark(String),
    /// Not one character of the syntax, and not `none`.
    #[error(
        "\"{}\" is not one ASCII character; write one such as \";\" or \"|\", or tab, or none where the \
         file does not quote",
        .0.escape_debug()
    )]
    NotAQuote(String),
}

/// Names for characters that are hard to type or to see.
const NAMES: [(&str, u8); 8] = [
    ("tab", b'\t'),
    ("\\t", b'\t'),
    ("comma", b','),
    ("semicolon", b';'),
    ("pipe", b'|'),
    ("colon", b':'),
    ("space", b' '),
    ("backslash", b'\\'),
];

impl Mark {
    /// Reads one character of ASCII that is no letter, digit or line end, or a name such as `tab`.
    ///
    /// # Errors
    /// Anything else, with what may be written.
    pub fn read(typed: &str) -> Result<Self, MarkError> {
        let named = NAMES.iter().find(|(name, _)| *name == typed);
        if let Some((_, byte)) = named {
            return Ok(Self(*byte));
        }
        match typed.as_bytes() {
            [byte] if !byte.is_ascii_alphanumeric() && !matches!(byte, b'\n' | b'\r' | 0) => {
                Ok(Self(*byte))
            }
            _ => Err(MarkError::NotAMark(typed.to_owned())),
        }
    }

    /// As a byte.
    pub(super) fn byte(self) -> u8 {
        self.0
    }
}

impl Quote {
    /// Reads a character, or `none`.
    ///
    /// # Errors
    /// Anything else, with what may be written.
    pub fn read(typed: &str) -> Result<Self, MarkError> {
        match typed {
            "none" | "" => Ok(Self::Never),
            typed => Mark::read(typed)
                .map(Self::By)
                .map_err(|_| MarkError::NotAQuote(typed.to_owned())),
        }
    }
}

impl ReadOptions {
    /// The key that only files of separated values have a use for, if one is given.
    pub(super) fn table_key(&self) -> Option<&'static str> {
        let given = [
            ("delimiter", self.delimiter.is_some()),
            ("quote", self.quote.is_some()),
            ("escape", self.escape.is_some()),
            ("comment", self.comment.is_some()),
            ("header", self.header.is_some()),
        ];
        given.iter().find(|(_, is_given)| *is_given).map(|it| it.0)
    }

    /// What is wrong with the characters taken together: one that has two meanings, or none.
    pub fn conflict(&self) -> Option<String> {
        let quote = match self.quote {
            Some(Quote::By(mark)) => Some(mark),
            Some(Quote::Never) | None => None,
        };
        if self.escape.is_some() && self.quote == Some(Quote::Never) {
            return Some("`escape` is for quoted values, and `quote` is none".into());
        }
        let marks = [
            ("delimiter", self.delimiter),
            ("quote", quote),
            ("escape", self.escape.filter(|mark| Some(*mark) != quote)),
            ("comment", self.comment),
        ];
        let given: Vec<_> = marks
            .into_iter()
            .filter_map(|(key, mark)| Some((key, mark?)))
            .collect();
        let same = given.iter().enumerate().find_map(|(at, (key, mark))| {
            let earlier = given[..at].iter().find(|(_, other)| other == mark)?;
            Some((earlier.0, key))
        });
        same.map(|(one, other)| format!("`{one}` and `{other}` are the same character"))
    }

    /// The dialect of a text whose format has this delimiter.
    pub(super) fn dialect(&self, delimiter: u8) -> Dialect {
        let quote = match self.quote {
            None => Some(b'"'),
            Some(Quote::By(mark)) => Some(mark.byte()),
            Some(Quote::Never) => None,
        };
        Dialect {
            delimiter: self.delimiter.map_or(delimiter, Mark::byte),
            is_given: self.delimiter.is_some(),
            quote,
            is_quote_given: self.quote.is_some(),
            escape: self.escape.map(Mark::byte).filter(|it| Some(*it) != quote),
            comment: self.comment.map(Mark::byte),
            has_header: self.header.unwrap_or(true),
        }
    }
}

/// How a character is typed behind a flag in a POSIX shell.
pub(super) fn typed(byte: u8) -> String {
    match byte {
        b'\t' => "tab".into(),
        byte => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_typed_or_named() {
        for (typed, byte) in [(";", b';'), ("tab", b'\t'), ("\t", b'\t'), ("\\", b'\\')] {
            assert_eq!(Mark::read(typed).unwrap().byte(), byte, "{typed}");
        }
        for typed in ["", ";;", "é", "\n", "x", "7"] {
            assert!(Mark::read(typed).is_err(), "{typed}");
        }
        assert_eq!(Quote::read("none").unwrap(), Quote::Never);
        assert_eq!(Quote::read("'").unwrap(), Quote::By(Mark(b'\'')));
        assert!(Quote::read("no").is_err());
    }

    #[test]
    fn a_character_with_two_meanings_is_rejected() {
        let mut options = ReadOptions {
            delimiter: Some(Mark(b'|')),
            comment: Some(Mark(b'|')),
            ..ReadOptions::default()
        };
        let same = "`delimiter` and `comment` are the same character";
        assert_eq!(options.conflict().unwrap(), same);
        options.comment = None;
        assert_eq!(options.conflict(), None);
        options.escape = Some(Mark(b'\\'));
        options.quote = Some(Quote::Never);
        assert!(options.conflict().unwrap().starts_with("`escape` is for"));
        // A quote that escapes itself is what most files have.
        options.quote = Some(Quote::By(Mark(b'"')));
        options.escape = Some(Mark(b'"'));
        assert_eq!(options.conflict(), None);
        options.escape = Some(Mark(b'|'));
        let same = "`delimiter` and `escape` are the same character";
        assert_eq!(options.conflict().unwrap(), same);
    }
}

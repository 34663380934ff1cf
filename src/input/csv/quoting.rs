//! Whether a TSV text quotes its values. Many do not: text/tab-separated-values knows no quoting.

use std::io::{self, BufRead};

use super::super::dialect::Dialect;
use super::scanner::{FlawKind, Scanner, Shape};

/// What one look over a text found, under one reading of its quotes.
#[derive(Default)]
struct Look {
    columns: usize,
    is_flawed: bool,
    is_over_lines: bool,
    is_even: bool,
    has_doubled: bool,
}

/// Whether `text` is no text whose values are quoted: read with quotes it breaks or has values over
/// several lines, and read without them every line has as many values as the first.
///
/// `text` gives the text from its beginning, once or twice.
pub(in super::super) fn does_not_quote<R: BufRead>(
    text: impl Fn() -> io::Result<R>,
    dialect: Dialect,
) -> io::Result<bool> {
    if dialect.is_quote_given || dialect.quote.is_none() || dialect.escape.is_some() {
        return Ok(false);
    }
    let quoted = look(text()?, dialect)?;
    if !quoted.is_flawed && !quoted.is_over_lines {
        return Ok(false);
    }
    let plain = look(
        text()?,
        Dialect {
            quote: None,
            ..dialect
        },
    )?;
    Ok(1 < plain.columns && plain.is_even && !plain.is_flawed && !plain.has_doubled)
}

fn look(text: impl BufRead, dialect: Dialect) -> io::Result<Look> {
    let mut scanner = Scanner::new(text, dialect);
    let mut raw = Vec::new();
    let mut look = Look {
        is_even: true,
        ..Look::default()
    };
    while let Some(shape) = scanner.next(&mut raw)? {
        let Shape { values, flaw, .. } = shape;
        if look.columns == 0 {
            look.columns = values;
        }
        look.is_even &= values == look.columns;
        look.is_flawed |= flaw.is_some();
        look.is_over_lines |= shape.line != shape.last_line;
        look.has_doubled |= dialect.quote.is_none()
            && raw
                .split(|byte| *byte == dialect.delimiter)
                .any(is_quoted_with_quotes);
        if flaw.is_some_and(|flaw| flaw.kind == FlawKind::TooLong) {
            break;
        }
    }
    Ok(look)
}

/// Whether a value is one that a writer has quoted because of the quotes in it, all of them doubled.
fn is_quoted_with_quotes(value: &[u8]) -> bool {
    let [b'"', inside @ .., b'"'] = value else {
        return false;
    };
    let mut quotes = 0;
    for run in inside.split(|byte| *byte != b'"').map(<[u8]>::len) {
        if run % 2 == 1 {
            return false;
        }
        quotes += run;
    }
    0 < quotes
}

//! Quoted values over several lines that may be rows: where one quote is missing and a later one
//! closes the value, the quoting is valid and rows are swallowed.

/// How much a record looks like several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// Not at all.
    None,
    /// Each of its lines has as many values as the header.
    Weak,
    /// Each of its lines also begins like a row, or has many values.
    Strong,
}

/// From so many values on a line it is no accident that every line of a text has just as many.
const NO_ACCIDENT: usize = 4;

/// Judges a record of several lines that was read as one with as many values as the header.
pub(super) fn judge(raw: &[u8], delimiter: u8, columns: usize) -> Suspicion {
    let lines = || {
        raw.split(|byte| *byte == b'\n' || *byte == b'\r')
            .filter(|it| !it.is_empty())
    };
    let count = |line: &[u8]| 1 + line.iter().filter(|byte| **byte == delimiter).count();
    if columns < 2 || lines().count() < 2 || !lines().all(|line| count(line) == columns) {
        return Suspicion::None;
    }
    let key = |line: &[u8]| {
        shape(
            line.split(|byte| *byte == delimiter)
                .next()
                .unwrap_or_default(),
        )
    };
    let first = lines().next().map(key).unwrap_or_default();
    let alike = first.contains(&b'9') && lines().all(|line| key(line) == first);
    match alike || NO_ACCIDENT <= columns {
        true => Suspicion::Strong,
        false => Suspicion::Weak,
    }
}

/// A value with 9 for every run of digits and `a` for every run of letters: ids look alike in it.
fn shape(value: &[u8]) -> Vec<u8> {
    let class = |byte: &u8| match byte {
        byte if byte.is_ascii_digit() => b'9',
        byte if byte.is_ascii_alphabetic() => b'a',
        byte => *byte,
    };
    let value = value.trim_ascii();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let mut shape: Vec<u8> = value.iter().map(class).collect();
    shape.dedup_by(|one, other| one == other && matches!(*one, b'9' | b'a'));
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_behind_a_missing_quote_look_like_rows_and_prose_does_not() {
        for (record, columns, expected) in [
            ("1,\"a b\n2,c d\"", 2, Suspicion::Strong),
            ("T-10,\"a b\n T-9,c d\"", 2, Suspicion::Strong),
            ("1,\"Dear Ann,\nhow are you?\"", 2, Suspicion::None),
            ("1,\"Dear Ann\nwell, how are you?\"", 2, Suspicion::Weak),
            ("\"a,x\nb,y\nc\",z", 2, Suspicion::Weak),
            ("\"a,x\nb,y\nc,\",z", 2, Suspicion::None),
            ("\"a,1,2,x\nb,1,2,y\"", 4, Suspicion::Strong),
            ("\"a\nb\"", 1, Suspicion::None),
            ("1,\"one line\"", 2, Suspicion::None),
        ] {
            assert_eq!(
                judge(record.as_bytes(), b',', columns),
                expected,
                "{record}"
            );
        }
    }
}

//! Failures, grouped by what they have in common.

use std::collections::HashMap;

use crate::output::RecordFigures;

/// The most groups; failures beyond them are counted by category alone. Messages of a
/// service are few; what differs in every one of them is taken out of their shape.
const MOST_GROUPS: usize = 500;

/// A shape is cut off after this many characters.
const LONGEST_SHAPE: usize = 300;

/// The shape of failures for which there was no group left.
const OTHERS: &str = "other messages";

/// A word of so many characters that has letters and digits names one thing, such as a request.
const SHORTEST_NAME: usize = 8;

/// Failures of one category whose messages have the same shape.
#[derive(Debug, Clone)]
pub(crate) struct FailureGroup {
    /// How many there are.
    pub(crate) count: u64,
    /// What their messages have in common.
    pub(crate) shape: String,
    /// The first of them.
    pub(crate) example: RecordFigures,
}

/// The failures of an output.
#[derive(Debug, Default)]
pub(crate) struct FailureGroups {
    groups: HashMap<(String, String), FailureGroup>,
    /// How many failures there are.
    pub(crate) failed: u64,
}

impl FailureGroups {
    /// Takes in a failed record; one that is not is left out.
    pub(crate) fn take(&mut self, record: RecordFigures) {
        let Some(error) = record.error.as_ref().filter(|_| record.status == "failed") else {
            return;
        };
        self.failed += 1;
        let category = error.category.clone();
        let mut key = (category, shape(&error.message));
        if MOST_GROUPS <= self.groups.len() && !self.groups.contains_key(&key) {
            key.1 = OTHERS.to_owned();
        }
        let group = self.groups.entry(key);
        let group = group.or_insert_with_key(|(_, shape)| FailureGroup {
            count: 0,
            shape: shape.clone(),
            example: record,
        });
        group.count += 1;
    }

    /// The groups, the largest first.
    pub(crate) fn largest_first(self) -> Vec<FailureGroup> {
        let mut groups: Vec<_> = self.groups.into_values().collect();
        groups.sort_by(|a, b| {
            let by_count = b.count.cmp(&a.count);
            by_count.then_with(|| a.example.row.cmp(&b.example.row))
        });
        groups
    }
}

/// A message without what differs from row to row: numbers, and names that hold digits.
fn shape(message: &str) -> String {
    let mut shape = String::new();
    let mut word = String::new();
    for c in message.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '-' || c == '_' {
            word.push(c);
            continue;
        }
        shape += &shape_of_word(&word);
        word.clear();
        shape.push(c);
    }
    shape.pop();
    match shape.char_indices().nth(LONGEST_SHAPE) {
        Some((end, _)) => format!("{}…", &shape[..end]),
        None => shape,
    }
}

fn shape_of_word(word: &str) -> String {
    let has_digit = word.chars().any(|c| c.is_ascii_digit());
    let has_letter = word.chars().any(char::is_alphabetic);
    if !has_digit {
        return word.to_owned();
    }
    if has_letter && SHORTEST_NAME <= word.chars().count() {
        return "…".into();
    }
    let mut shape = String::new();
    for c in word.chars() {
        match c.is_ascii_digit() {
            true if shape.ends_with('N') => {}
            true => shape.push('N'),
            false => shape.push(c),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::RecordError;

    #[test]
    fn a_shape_leaves_out_what_differs_from_row_to_row() {
        for (message, expected) in [
            ("max_tokens: 9000 > 8192", "max_tokens: N > N"),
            ("row 13: no field `text`", "row N: no field `text`"),
            ("`T-1044` names row 3", "`T-N` names row N"),
            (
                "request 0f8fad5b-d9cb-469f-a165-70867728950e failed",
                "request … failed",
            ),
            ("", ""),
            ("naïve: 3é", "naïve: Né"),
        ] {
            assert_eq!(shape(message), expected);
        }
        assert_eq!(shape(&"é".repeat(999)).chars().count(), LONGEST_SHAPE + 1);
    }

    fn failure(row: u64, category: &str, message: &str) -> RecordFigures {
        RecordFigures {
            row,
            status: "failed".into(),
            error: Some(RecordError {
                category: category.into(),
                message: message.into(),
                ..RecordError::default()
            }),
            ..RecordFigures::default()
        }
    }

    #[test]
    fn failures_of_one_shape_are_one_group_and_groups_are_bounded() {
        let mut groups = FailureGroups::default();
        for row in 1..=10 {
            groups.take(failure(
                row,
                "invalid_request",
                &format!("{row} is too many"),
            ));
        }
        groups.take(failure(11, "network", "3 is too many"));
        groups.take(RecordFigures::default());
        assert_eq!(groups.failed, 11);
        let found = groups.largest_first();
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.count, it.shape.as_str()))
            .collect();
        assert_eq!(found, [(10, "N is too many"), (1, "N is too many")]);
        let mut groups = FailureGroups::default();
        let letters =
            |row: u64| "x".repeat(row as usize % 280) + ["a", "b", "c"][row as usize / 280];
        for row in 0..800 {
            groups.take(failure(row, "network", &letters(row)));
        }
        let found = groups.largest_first();
        assert_eq!(found.len(), MOST_GROUPS + 1);
        assert_eq!((found[0].count, found[0].shape.as_str()), (300, OTHERS));
    }
}

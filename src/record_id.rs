//! The ID of a record of an output where the output is the input of another job, such as a judge's.

/// What separates its parts: no name of a variant has it, and no number.
const SEPARATOR: char = '#';

/// One text for what identifies a record: the row's ID, and with a sweep its variant and its sample, as
/// `q1#us.claude-haiku-4-5/plain#2`.
pub(crate) fn record_id(custom_id: &str, cell: Option<(&str, u64)>) -> String {
    match cell {
        Some((variant, sample)) => format!("{custom_id}{SEPARATOR}{variant}{SEPARATOR}{sample}"),
        None => custom_id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_records_stay_what_they_are() {
        assert_eq!(record_id("q1", None), "q1");
        assert_eq!(record_id("q1", Some(("a/b", 2))), "q1#a/b#2");
    }
}

//! "Did you mean" of fields, and lists of names in messages.

use crate::nearest::nearest;

/// The most names that are listed in a message.
const LISTED: usize = 20;

/// ` (did you mean `x`?)` for the candidate nearest to `name`, or nothing when none is near.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates)
        .map(|near| format!(" (did you mean `{near}`?)"))
        .unwrap_or_default()
}

/// `names` in one line, the rest counted when there are many.
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    match names.len().checked_sub(LISTED) {
        None | Some(0) if names.is_empty() => "none".into(),
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(
            did_you_mean("bdy", ["id", "body", "team"]),
            " (did you mean `body`?)"
        );
        assert_eq!(
            did_you_mean("Prompt", ["prompt"]),
            " (did you mean `prompt`?)"
        );
        assert_eq!(did_you_mean("answer", ["id", "body", "team"]), "");
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed::<&str>(&[]), "none");
        let many: Vec<String> = (0..23).map(|n| n.to_string()).collect();
        assert!(listed(&many).ends_with("18, 19 and 3 more"));
    }
}

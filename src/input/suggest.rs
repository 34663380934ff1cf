//! "Did you mean" of fields, and lists of names in messages.

use std::borrow::Cow;

use crate::nearest::nearest;

/// The most names that are listed in a message.
const LISTED: usize = 20;

/// The longest part of a name that is shown, in characters. What is longer is no name but data: the
/// first row of a file without a header, read as one.
const SHOWN: usize = 60;

/// A name of the input as it is shown.
pub fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// ` (did you mean `x`?)` for the candidate nearest to `name`, or nothing when none is near.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<_> = candidates.into_iter().collect();
    if let Some(list) = several(name, &candidates) {
        return format!(" (one field at a time: {list})");
    }
    nearest(name, candidates)
        .map(|near| format!(" (did you mean `{}`?)", shown(near)))
        .unwrap_or_default()
}

/// `names` in one line, the rest counted when there are many.
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let names_shown = names.iter().take(LISTED).map(|name| shown(name.as_ref()));
    let shown: Vec<_> = names_shown.collect();
    match names.len().checked_sub(LISTED) {
        None | Some(0) if names.is_empty() => "none".into(),
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `--keep a --keep b` for `a,b`: how to name several of the candidates.
fn several(name: &str, candidates: &[&str]) -> Option<String> {
    let names: Vec<_> = name.split(',').map(str::trim).collect();
    let are_known = 1 < names.len() && names.iter().all(|name| candidates.contains(name));
    are_known.then(|| format!("--keep {}", names.join(" --keep ")))
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
        assert_eq!(
            did_you_mean("id, team", ["id", "body", "team"]),
            " (one field at a time: --keep id --keep team)"
        );
        assert_eq!(did_you_mean("id,other", ["prompt"]), "");
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed::<&str>(&[]), "none");
        let many: Vec<String> = (0..23).map(|n| n.to_string()).collect();
        assert!(listed(&many).ends_with("18, 19 and 3 more"));
    }

    #[test]
    fn what_is_too_long_for_a_name_is_not_shown_whole() {
        let long = "é".repeat(61);
        let cut = format!("{}…", "é".repeat(60));
        assert_eq!(listed(&[&long]), cut);
        let meant = did_you_mean(&"é".repeat(59), [long.as_str()]);
        assert_eq!(meant, format!(" (did you mean `{cut}`?)"));
        assert_eq!(shown(&long[2..]), &long[2..]);
    }
}

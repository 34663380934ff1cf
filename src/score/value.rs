//! Values in the form in which they are compared.

use serde_json::Value;

/// A value as text: a string without its quotes, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

/// The values of a list, or the value itself.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value.as_array() {
        Some(values) => values.iter().map(text).collect(),
        None => vec![text(value)],
    }
}

/// Text in the form in which case, white space around and between words, Markdown's emphasis
/// around, and a full stop at its end make no difference.
pub(super) fn normalized(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ").to_lowercase();
    let bare = text.trim_matches(['*', '_', '`', '"', '“', '”']);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    bare.trim_matches(['*', '_', '`', '"', '“', '”'])
        .trim()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_difference_is_taken_out() {
        for text in [
            "Paris",
            " paris. ",
            "**Paris**",
            "**Paris.**",
            "\"PARIS\"",
            "`paris`",
        ] {
            assert_eq!(normalized(text), "paris", "{text:?}");
        }
        assert_eq!(normalized("New\n  York"), "new york");
        assert_eq!(normalized("a.b"), "a.b");
    }
}

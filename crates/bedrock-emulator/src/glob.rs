//! Patterns for model ids, in which `*` matches any text.

/// Whether `pattern` matches all of `text`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: &str) {
        let got = if matches(pattern, text) { "yes" } else { "no" };
        assert_eq!(got, expected, "{pattern} on {text}");
    }

    #[test]
    fn a_star_stands_for_any_text() {
        check("*", "", "yes");
        check("*nova*", "us.amazon.nova-lite-v1:0", "yes");
        check("us.*-v1:0", "us.amazon.nova-lite-v1:0", "yes");
        check("*nova", "us.amazon.nova-lite-v1:0", "no");
        check("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", "yes");
        check("amazon.nova", "amazon.nova-lite-v1:0", "no");
        check("*é*", "aéb", "yes");
    }
}

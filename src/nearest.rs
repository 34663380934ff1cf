//! "Did you mean": the nearest of a few names to what was typed, in one measure for keys, fields,
//! verbs and families. Ids of models have another (`model/id/suggest.rs`), for they are long and differ
//! in their numbers, and so have regions (`model/catalog/regions.rs`), which are named much alike.

/// How alike two names must be, from 0 to 1, to be worth a suggestion. A letter lost or swapped
/// in a short word scores about 0.9 in Jaro-Winkler, unrelated words below 0.7.
const ALIKE: f64 = 0.8;

/// The nearest of `names`, whatever their case, if one is near.
pub(crate) fn nearest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_lowercase()), name))
        .filter(|(alike, _)| ALIKE < *alike)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, names: &[&str], meant: Option<&str>) {
        assert_eq!(nearest(typed, names.iter().copied()), meant, "{typed}");
    }

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        check("bdy", &["id", "body", "team"], Some("body"));
        check("Prompt", &["prompt"], Some("prompt"));
        check("answer", &["id", "body", "team"], None);
        check("max_token", &["top_k", "max_tokens"], Some("max_tokens"));
        check(
            "claude-mesages",
            &["nova", "claude-messages"],
            Some("claude-messages"),
        );
        check(
            "claude",
            &["nova", "claude-messages"],
            Some("claude-messages"),
        );
    }
}

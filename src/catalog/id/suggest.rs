//! "Did you mean": the catalog id nearest to what was typed.

use super::{GEOS, is_provider, strip_geo};
use crate::catalog;

/// How alike two names must be to be taken for one another; 1 is the same. `gpt-4o` is 0.6 from
/// its nearest neighbour, and is another model.
const ALIKE: f64 = 0.75;

/// The catalog id that was probably meant by `text`, in the geography that was typed, or as a
/// profile where the model has one.
pub fn suggest(text: &str) -> Option<String> {
    let newest = newest(text);
    let nearest = nearest(text);
    // A name that is written out is meant as it stands; one that leaves the version out is not.
    match (nearest, newest) {
        (Some(nearest), Some(_)) if is_written_out(text, &nearest) => Some(nearest),
        (nearest, newest) => newest.or(nearest),
    }
}

/// Whether the whole name of this id was typed, but for provider and version.
fn is_written_out(text: &str, id: &str) -> bool {
    let typed = text.trim().to_lowercase();
    names_of(strip_geo(id).1).any(|name| typed.ends_with(name))
}

/// The most models that are named for a word they share.
const NAMED: usize = 3;

/// For a word or two of a name, such as `haiku` or `us.haiku`: the newest models that have them all,
/// as an error lists them.
fn newest(text: &str) -> Option<String> {
    let typed = text.trim().to_lowercase();
    let words: Vec<&str> = typed
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let geo = words.iter().copied().find(|word| GEOS.contains(word));
    let words: Vec<&str> = words
        .into_iter()
        .filter(|word| !GEOS.contains(word))
        .collect();
    // Who types a version has one model in mind.
    let is_version = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
    if words.is_empty() || words.iter().any(is_version) {
        return None;
    }
    let has_all = |base: &&str| {
        let of_base: Vec<_> = base.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        words
            .iter()
            .all(|word| of_base.iter().any(|part| part.starts_with(word)))
    };
    let mut found: Vec<_> = catalog::ids()
        .map(|id| strip_geo(id).1)
        .filter(has_all)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.sort_by(|a, b| version(b).cmp(&version(a)).then(a.cmp(b)));
    let named = found.into_iter().take(NAMED);
    let named: Vec<_> = named.map(|base| in_geography(base, geo)).collect();
    (!named.is_empty()).then(|| named.join("`, `"))
}

/// The numbers of a name before its date and revision: `[4, 5]` of Claude Haiku 4.5.
fn version(base: &str) -> Vec<u64> {
    let name = base.split_once('.').map_or(base, |(_, name)| name);
    apart(without_version(name)).1
}

/// The catalog id nearest to `text` by its letters.
fn nearest(text: &str) -> Option<String> {
    let typed = text.trim().to_lowercase().replace(['/', ' '], ".");
    let words: Vec<&str> = typed.split('.').collect();
    let geo = words.iter().copied().find(|word| GEOS.contains(word));
    let prefix = |word: &&str| GEOS.contains(word) || is_provider(word) || *word == "bedrock";
    let name = words[words.iter().take_while(|word| prefix(word)).count()..].join(".");

    // A provider that is misspelt stands before the name.
    let behind = name.split_once('.').map_or("", |(_, behind)| behind);
    let alike = |base: &str| {
        let to = |other: &str| {
            let of = |name| strsim::normalized_damerau_levenshtein(name, other);
            of(&name).max(of(behind))
        };
        names_of(base).map(to).fold(0.0, f64::max)
    };
    let is_version = |base| is_version(base, &name) || is_version(base, behind);
    let is_older = |base| is_older(base, &name) || is_older(base, behind);
    let nearest = |older: bool| {
        catalog::ids()
            .map(|id| strip_geo(id).1)
            .filter(|base| is_older(base) == older)
            .map(|base| (alike(base), base))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
    };
    let (score, base) = nearest(false)?;
    // What is less like it than an older version of it is another model.
    let is_another = nearest(true).is_some_and(|(older, _)| score < older) && !is_version(base);
    (ALIKE <= score && !is_another).then(|| in_geography(base, geo))
}

/// Whether `base` is a version of what was typed: only their numbers differ.
fn is_version(base: &str, name: &str) -> bool {
    names_of(base).any(|known| apart(known).0 == apart(name).0)
}

/// Whether `base` is an older version of what was typed: only its numbers differ, and are lower. A typed
/// version never means an older one. A date after the version, and what follows the date, do not count: they
/// are easily mistyped.
fn is_older(base: &str, name: &str) -> bool {
    let is_the_same = |known| without_version(known) == without_version(name);
    if is_dated(name) && names_of(base).any(is_the_same) {
        return false;
    }
    names_of(base).any(|known| {
        let (known_letters, known_numbers) = apart(known);
        let (letters, numbers) = apart(name);
        known_letters == letters && known_numbers < numbers
    })
}

/// The name of a model without its provider, and without its version.
fn names_of(base: &str) -> impl Iterator<Item = &str> {
    let full = base.split_once('.').map_or(base, |(_, name)| name);
    [full, without_version(full)].into_iter()
}

/// The letters of the text, and its numbers.
fn apart(name: &str) -> (String, Vec<u64>) {
    let letters = name.replace(|c: char| !c.is_ascii_alphabetic(), "");
    let runs = name.split(|c: char| !c.is_ascii_digit());
    (letters, runs.filter_map(|run| run.parse().ok()).collect())
}

/// `claude-haiku-4-5-20251001-v1:0` as people say it: `claude-haiku-4-5`.
fn without_version(name: &str) -> &str {
    let name = name.rsplit_once("-v").map_or(name, |(rest, version)| {
        // What is left must still name one model: `claude-v1` is not every `claude`.
        let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('-');
        if is_version { rest } else { name }
    });
    before_date(name).unwrap_or(name)
}

/// Whether a date stands in this name, at its end or before its last version.
fn is_dated(name: &str) -> bool {
    let unversioned = name.rsplit_once("-v").map_or(name, |(rest, _)| rest);
    before_date(unversioned).is_some()
}

/// What stands before the date at the end of this name.
fn before_date(name: &str) -> Option<&str> {
    let is_date = |word: &str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, date) = name.rsplit_once('-')?;
    is_date(date).then_some(rest)
}

/// The profile of the geography that was typed; else the one most people have; else the model.
fn in_geography(base: &str, geo: Option<&str>) -> String {
    let profiles = catalog::profiles(base);
    [geo, Some("us"), Some("global")]
        .into_iter()
        .flatten()
        .map(|geo| format!("{geo}.{base}"))
        .find(|profile| profiles.contains(&profile.as_str()))
        .unwrap_or_else(|| base.to_owned())
}

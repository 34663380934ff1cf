//! "Did you mean": the catalogue id nearest to what was typed.

use super::{GEOS, is_provider, strip_geo};
use crate::model::catalog;

/// How alike two names must be to be taken for one another; 1 is the same. `gpt-4o` is 0.6 from
/// its nearest neighbour, and is another model.
const ALIKE: f64 = 0.75;

/// The catalogue id that was probably meant by `text`, in the geography that was typed, or as a
/// profile where the model has one.
pub fn suggest(text: &str) -> Option<String> {
    let typed = text.trim().to_lowercase().replace(['/', ' '], ".");
    let words: Vec<&str> = typed.split('.').collect();
    let geo = words.iter().copied().find(|word| GEOS.contains(word));
    let prefix = |word: &&str| GEOS.contains(word) || is_provider(word) || *word == "bedrock";
    let name = words[words.iter().take_while(|word| prefix(word)).count()..].join(".");

    // A provider that is misspelt stands before the name.
    let behind = name.split_once('.').map_or("", |(_, behind)| behind);
    let alike = |base: &str| {
        let full = base.split_once('.').map_or(base, |(_, name)| name);
        let to = |other: &str| {
            let of = |name| strsim::normalized_damerau_levenshtein(name, other);
            of(&name).max(of(behind))
        };
        to(full).max(to(without_version(full)))
    };
    let (score, base) = catalog::ids()
        .map(|id| strip_geo(id).1)
        .filter(|base| !is_older(base, &name) && !is_older(base, behind))
        .map(|base| (alike(base), base))
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))?;
    (ALIKE <= score).then(|| in_geography(base, geo))
}

/// Whether `base` is an older version of what was typed: the same but for lower numbers. Whoever
/// typed a version meant no older one.
fn is_older(base: &str, name: &str) -> bool {
    let full = base.split_once('.').map_or(base, |(_, name)| name);
    [full, without_version(full)].iter().any(|known| {
        let (known_letters, known_numbers) = apart(known);
        let (letters, numbers) = apart(name);
        known_letters == letters && known_numbers < numbers
    })
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
    let is_date = |word: &str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once('-') {
        Some((rest, date)) if is_date(date) => rest,
        Some(_) | None => name,
    }
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

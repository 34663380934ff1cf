//! Texts that match the `pattern` of a JSON Schema.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Repeats beyond the least of a repetition.
const MORE_REPEATS: u32 = 2;

/// The longest text that is written.
const LONGEST: usize = 1_000;

/// A text that matches `pattern`; `None` if the pattern looks around or back, or needs a longer text.
pub(super) fn text(pattern: &str, rng: &mut fastrand::Rng) -> Option<String> {
    // As in ECMAScript `\d`, `\w` and `\s` are about ASCII.
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
    let parsed = parser.parse(pattern).ok()?;
    let mut written = Vec::new();
    write(&parsed, rng, &mut written)?;
    String::from_utf8(written).ok()
}

fn write(part: &Hir, rng: &mut fastrand::Rng, written: &mut Vec<u8>) -> Option<()> {
    if LONGEST < written.len() {
        return None;
    }
    match part.kind() {
        // A text that begins and ends with the match satisfies every anchor.
        HirKind::Empty | HirKind::Look(_) => Some(()),
        HirKind::Literal(literal) => {
            written.extend_from_slice(&literal.0);
            Some(())
        }
        HirKind::Class(class) => {
            written.extend(char_of(class, rng)?.to_string().bytes());
            Some(())
        }
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let most = max
                .unwrap_or(u32::MAX)
                .min(min.saturating_add(MORE_REPEATS));
            for _ in 0..rng.u32(*min..=most) {
                write(sub, rng, written)?;
            }
            Some(())
        }
        HirKind::Capture(capture) => write(&capture.sub, rng, written),
        HirKind::Concat(parts) => parts.iter().try_for_each(|it| write(it, rng, written)),
        HirKind::Alternation(parts) => write(&parts[rng.usize(..parts.len())], rng, written),
    }
}

/// A character of a class: a letter or a digit where it has one.
fn char_of(class: &Class, rng: &mut fastrand::Rng) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
        Class::Unicode(class) => class
            .ranges()
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
    };
    let has = |c: &char| {
        let code = u32::from(*c);
        ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&code))
    };
    let plain: Vec<char> = ('a'..='z')
        .chain('A'..='Z')
        .chain('0'..='9')
        .filter(has)
        .collect();
    match plain.len() {
        0 => char::from_u32(ranges.first()?.0).filter(char::is_ascii),
        many => Some(plain[rng.usize(..many)]),
    }
}

#[cfg(test)]
mod tests {
    use regex::bytes::RegexBuilder;

    use super::*;

    #[test]
    fn a_text_matches_its_pattern() {
        for pattern in [
            "^[a-z]{2,4}-[0-9]+$",
            "^(alpha|beta)(\\.[0-9]{1,3}){3}$",
            "^\\d{4}-(0[1-9]|1[0-2])$",
            "^[^a-z]$",
            "^\\$[A-Z_]+\\.?$",
            "x",
            "^$",
            "^[\\w.-]+@[\\w-]+\\.[a-z]{2,}$",
            "^(?:a|b)*c?$",
        ] {
            let regex = RegexBuilder::new(pattern).unicode(false).build().unwrap();
            for seed in 0..50 {
                let text = text(pattern, &mut fastrand::Rng::with_seed(seed)).expect(pattern);
                assert!(regex.is_match(text.as_bytes()), "{pattern}: {text}");
            }
        }
    }

    #[test]
    fn a_pattern_that_is_not_understood_has_no_text() {
        for pattern in ["^(?!no)", "(a)\\1", "(", "^a{2000}$"] {
            let text = text(pattern, &mut fastrand::Rng::with_seed(1));
            assert_eq!(text, None, "{pattern}");
        }
    }
}

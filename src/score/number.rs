//! Numbers in text, as models write them.
//!
//! `**$1,234.50**`, `\boxed{42}`, `1 234,5 km`, `−3`, `2.5 million`, `6.02 × 10^23` and `3/4` are
//! numbers. `60%` is one of another kind: it equals `60 %` and not `60`. Digits within a word or a
//! name (`B2B`, `GPT-4`, `1.2.3`, `10:30`) are none.

use std::iter::Peekable;
use std::str::CharIndices;

/// A number, and whether a percent sign follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) percent: bool,
}

/// Which of several numbers, or matches, counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Take {
    /// The first.
    First,
    /// The last: answers come at the end.
    #[default]
    Last,
}

impl Number {
    /// As it is shown.
    pub(super) fn text(self) -> String {
        format!("{}{}", self.value, if self.percent { "%" } else { "" })
    }
}

/// The first or the last number of a text.
pub(super) fn number(text: &str, take: Take) -> Option<Number> {
    let text = without_markup(text);
    let mut all = NumberScanner::new(&text);
    match take {
        Take::First => all.next(),
        Take::Last => all.last(),
    }
}

/// The text without what Markdown and LaTeX put around and into a number.
fn without_markup(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let thin = ["\\,", "\\;", "\\!", "{,}"];
        if let Some(mark) = thin.iter().find(|mark| rest.starts_with(**mark)) {
            if *mark == "{,}" {
                plain.push(',');
            }
            rest = &rest[mark.len()..];
            continue;
        }
        if let Some((fraction, behind)) = latex_fraction(rest) {
            plain.push_str(&fraction);
            rest = behind;
            continue;
        }
        if let Some(behind) = rest.strip_prefix("\\times").or(rest.strip_prefix("\\cdot")) {
            plain.push('×');
            rest = behind;
            continue;
        }
        if let Some(behind) = ["\\boxed", "\\text", "\\mathbf", "\\%", "\\$"]
            .iter()
            .find_map(|word| rest.strip_prefix(word).map(|behind| (*word, behind)))
        {
            if behind.0 == "\\%" {
                plain.push('%');
            }
            rest = behind.1;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '*' | '`' => {}
            '−' | '–' | '‒' => plain.push('-'),
            '{' | '}' => plain.push(' '),
            _ => plain.push(c),
        }
    }
    plain
}

/// `\frac{a}{b}` as `a/b`, and what stands behind it.
fn latex_fraction(text: &str) -> Option<(String, &str)> {
    let rest = text
        .strip_prefix("\\frac{")
        .or_else(|| text.strip_prefix("\\dfrac{"))?;
    let (above, rest) = rest.split_once("}{")?;
    let (below, rest) = rest.split_once('}')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(above) && digits(below)).then(|| (format!("{above}/{below}"), rest))
}

/// The numbers of a text, in order.
struct NumberScanner<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> NumberScanner<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            chars: text.char_indices().peekable(),
        }
    }

    /// Moves on to `byte`.
    fn skip_to(&mut self, byte: usize) {
        while self.chars.next_if(|(at, _)| *at < byte).is_some() {}
    }
}

impl Iterator for NumberScanner<'_> {
    type Item = Number;

    fn next(&mut self) -> Option<Number> {
        loop {
            let (at, c) = *self.chars.peek()?;
            let begins = c.is_ascii_digit()
                || c == '.' && digit_at(self.text, at + 1) && !ends_in_digit(&self.text[..at]);
            if !begins {
                self.chars.next();
                continue;
            }
            let (found, end) = at_digits(self.text, at);
            self.skip_to(end);
            if let Some(found) = found {
                return Some(found);
            }
        }
    }
}

fn digit_at(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

fn ends_in_digit(text: &str) -> bool {
    text.as_bytes().last().is_some_and(u8::is_ascii_digit)
}

/// The number whose digits begin at `at`, if they are one, and the end of what was looked at.
fn at_digits(text: &str, at: usize) -> (Option<Number>, usize) {
    let (written, mut end) = digits(text, at);
    let before = &text[..at];
    let Some(mut value) = plain(&written) else {
        return (None, end);
    };
    if glued_before(before) {
        return (None, end);
    }
    let negative = has_minus(before);
    if let Some((scale, behind)) = exponent(&text[end..]) {
        value = format!("{value:e}").parse::<f64>().unwrap_or(value) * 10f64.powi(scale);
        // `1.5e3` in one piece is exact, its parts multiplied may not be.
        if let Ok(exact) = format!("{}e{scale}", written_plain(&written)).parse() {
            value = exact;
        }
        end += behind;
    } else if let Some((below, behind)) = fraction(&text[end..]) {
        value /= below;
        end += behind;
    } else if let Some((scale, behind)) = multiplier(&text[end..]) {
        value *= scale;
        end += behind;
    }
    let rest = &text[end..];
    // 10:30, 2024-05-01 and 1.2.3 are something else.
    if let Some(behind) = rest.strip_prefix([':', '-', '.', '/'])
        && behind.starts_with(|c: char| c.is_ascii_digit())
    {
        let whole: usize = rest
            .find(|c: char| !(c.is_ascii_digit() || ":-./".contains(c)))
            .unwrap_or(rest.len());
        return (None, end + whole);
    }
    let percent = rest.trim_start().starts_with('%') || rest.trim_start().starts_with("percent");
    let value = if negative { -value } else { value };
    (Some(Number { value, percent }), end)
}

/// Digits with what groups them and the decimal mark, from `at`, and where they end.
fn digits(text: &str, at: usize) -> (String, usize) {
    let mut end = at;
    let mut written = String::new();
    for (offset, c) in text[at..].char_indices() {
        let behind = at + offset + c.len_utf8();
        let groups = matches!(
            c,
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' | '_'
        );
        if c.is_ascii_digit() || matches!(c, ',' | '.') && digit_at(text, behind) {
            written.push(c);
        } else if groups && ends_in_digit(&written) && group_of_three(text, behind) {
            // A space groups only what is grouped from its first digits on.
            let head = written.find(['g', ',', '.']).unwrap_or(written.len());
            if 3 < head || written.contains('.') || written.contains(',') {
                break;
            }
            written.push('g');
        } else {
            break;
        }
        end = behind;
    }
    (written, end)
}

/// Exactly three digits stand at `at`.
fn group_of_three(text: &str, at: usize) -> bool {
    (at..at + 3).all(|at| digit_at(text, at)) && !digit_at(text, at + 3)
}

/// The digits as Rust reads them, with the marks of groups taken out.
fn written_plain(written: &str) -> String {
    let commas = written.matches(',').count();
    let dots = written.matches('.').count();
    let written = written.replace('g', "");
    let grouped = |mark: char| {
        let mut parts = written.split(['.', ',']).peekable();
        let first = parts.next().unwrap_or_default();
        let last = written.rsplit(mark).next().unwrap_or_default();
        (1..=3).contains(&first.len()) && last.len() == 3
    };
    match (commas, dots) {
        (0, 0 | 1) => written,
        // 1.234.567 groups with dots.
        (0, _) => written.replace('.', ""),
        // 1,234 is grouped, 1,5 and 0,123 are not.
        (1, 0) if grouped(',') && !written.starts_with('0') => written.replace(',', ""),
        (1, 0) => written.replace(',', "."),
        (_, 0) => written.replace(',', ""),
        // Whichever mark comes last is the decimal one.
        _ if written.rfind(',') < written.rfind('.') => written.replace(',', ""),
        _ => written.replace('.', "").replace(',', "."),
    }
}

fn plain(written: &str) -> Option<f64> {
    let dots = written.matches('.').count();
    let commas = written.matches(',').count();
    let in_threes = |mark: char| written.split(mark).skip(1).all(|part| part.len() == 3);
    // 1.2.3 is a version, 1,2,3 a list.
    if 1 < dots && !in_threes('.') && commas == 0 || 1 < commas && dots == 0 && !in_threes(',') {
        return None;
    }
    written_plain(written).parse().ok()
}

/// A letter or a mark before the digits makes them part of a name.
fn glued_before(before: &str) -> bool {
    let mut back = before.chars().rev();
    match back.next() {
        Some(c) if c.is_alphabetic() || c == '_' => !["USD", "EUR", "GBP"].iter().any(|currency| {
            before.ends_with(currency) && before.len() == currency.len()
                || before.ends_with(&format!(" {currency}"))
        }),
        // GPT-4: a hyphen behind a letter is no minus.
        Some('-') => back.next().is_some_and(char::is_alphanumeric),
        Some(_) | None => false,
    }
}

/// A minus stands before the number, or before its currency.
fn has_minus(before: &str) -> bool {
    let before = before.trim_end_matches(['$', '€', '£', '¥', '₹']);
    before
        .strip_suffix('-')
        .is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == ')'))
        || before
            .strip_suffix("- ")
            .is_some_and(|rest| rest.ends_with('=') || rest.ends_with("= "))
}

/// `e5`, `E-5`, `×10^5`, ` x 10^{5}`: the power of ten, and how long it is.
fn exponent(rest: &str) -> Option<(i32, usize)> {
    let signed = |text: &str| {
        let sign = usize::from(text.starts_with(['+', '-']));
        let length = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let power = text[..sign + length].parse().ok()?;
        (0 < length).then_some((power, sign + length))
    };
    if let Some(power) = rest.strip_prefix(['e', 'E']) {
        let (power, length) = signed(power)?;
        let behind = &power_behind(rest, 1 + length);
        return (!behind.starts_with(char::is_alphanumeric)).then_some((power, 1 + length));
    }
    let times = rest.trim_start().strip_prefix(['×', 'x', '*'])?;
    let ten = times.trim_start().strip_prefix("10")?;
    let power = ten.strip_prefix('^')?;
    let power = power.trim_start_matches([' ', '(']);
    let (scale, length) = signed(power)?;
    Some((scale, rest.len() - power.len() + length))
}

fn power_behind(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// `/4` behind a number: what it is divided by.
fn fraction(rest: &str) -> Option<(f64, usize)> {
    let below = rest.strip_prefix('/')?;
    let length = below.bytes().take_while(u8::is_ascii_digit).count();
    let behind = &below[length..];
    // 3/4/2024 is a date.
    if length == 0 || behind.starts_with(['/', '.']) && digit_at(behind, 1) {
        return None;
    }
    let below: f64 = below[..length].parse().ok()?;
    (below != 0.0).then_some((below, 1 + length))
}

/// What a word behind a number multiplies it by.
fn multiplier(rest: &str) -> Option<(f64, usize)> {
    const WORDS: [(&str, f64); 9] = [
        ("thousand", 1e3),
        ("million", 1e6),
        ("billion", 1e9),
        ("trillion", 1e12),
        ("k", 1e3),
        ("K", 1e3),
        ("M", 1e6),
        ("B", 1e9),
        ("bn", 1e9),
    ];
    let word = rest.strip_prefix(' ').unwrap_or(rest);
    let spaced = rest.len() - word.len();
    WORDS.iter().find_map(|(name, scale)| {
        let behind = word.strip_prefix(name)?;
        // "5 B" and "5 k" are units; "5B" is five billion.
        let is_letter = name.len() <= 2;
        (!(behind.starts_with(char::is_alphanumeric) || is_letter && spaced == 1))
            .then_some((*scale, spaced + name.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = number(text, Take::Last).map_or("none".into(), Number::text);
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn numbers_as_models_write_them() {
        for (text, expected) in [
            ("42", "42"),
            ("The answer is 42.", "42"),
            ("#### 18", "18"),
            ("**18**", "18"),
            ("`18`", "18"),
            ("= 18 eggs", "18"),
            ("$18", "18"),
            ("$1,234.50", "1234.5"),
            ("**$1,234.50**", "1234.5"),
            ("USD 1,234", "1234"),
            ("1,234,567", "1234567"),
            ("1 234 567", "1234567"),
            ("1\u{202f}234,5 km", "1234.5"),
            ("1'234'567", "1234567"),
            ("1_000", "1000"),
            ("1.234.567", "1234567"),
            ("1.234,56 €", "1234.56"),
            ("1,5", "1.5"),
            ("0,123", "0.123"),
            ("3.14", "3.14"),
            (".5", "0.5"),
            ("-3", "-3"),
            ("−3", "-3"),
            ("x = - 3", "-3"),
            ("-$5", "-5"),
            ("5-3", "none"),
            ("60%", "60%"),
            ("60 %", "60%"),
            ("60 percent", "60%"),
            ("60\\%", "60%"),
            ("3/4", "0.75"),
            ("\\frac{3}{4}", "0.75"),
            ("\\boxed{42}", "42"),
            ("$\\boxed{1{,}234}$", "1234"),
            ("\\(x = 7\\)", "7"),
            ("1.5e3", "1500"),
            ("6.02 × 10^23", "602000000000000000000000"),
            ("2 \\times 10^{3}", "2000"),
            ("1E-2", "0.01"),
            ("5k", "5000"),
            ("$2.5M", "2500000"),
            ("2.5 million dollars", "2500000"),
            ("3 billion", "3000000000"),
            ("5 kg", "5"),
            ("5kg", "5"),
            ("5 m", "5"),
            ("5 B", "5"),
            ("GPT-4", "none"),
            ("B2B", "none"),
            ("v1.2.3", "none"),
            ("1.2.3", "none"),
            ("10:30", "none"),
            ("2024-05-01", "none"),
            ("3/4/2024", "none"),
            ("", "none"),
            ("no number", "none"),
            ("first 3 then 4", "4"),
            ("He has 3 apples, so 3 + 4 = 7 in all", "7"),
            ("It costs $18, which is cheap.", "18"),
            ("1,2,3", "none"),
            ("Answer: 1,000 (one thousand)", "1000"),
            ("(-5)", "-5"),
            ("10-year", "10"),
            ("2 1", "1"),
            ("12 345", "12345"),
            ("1234 567", "567"),
            ("0", "0"),
            ("-0.5", "-0.5"),
            ("007", "7"),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn the_first_is_taken_where_that_was_asked_for() {
        let first = number("3 of 4", Take::First).unwrap();
        assert_eq!(first.value, 3.0);
    }
}

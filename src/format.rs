//! Figures as people read them.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `1,234 rows`, where `one` is `row`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        many => format!("{} {one}s", count(many)),
    }
}

/// Whether text is colored. The eight colors that every terminal has, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// For a terminal.
    On,
    /// For a file or a pipe.
    Off,
}

impl Paint {
    /// Bold red: what failed.
    pub(crate) fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Bold yellow: what may go wrong.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// Cyan: what is good to know.
    pub(crate) fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

/// The bytes of a hash as digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `1234567` as `1.2M`.
pub(crate) fn rough(number: f64) -> String {
    match number {
        n if n < 1e4 => count(n.round() as u64),
        n if n < 1e6 => format!("{:.0}k", n / 1e3),
        n if n < 1e9 => format!("{:.1}M", n / 1e6),
        n => format!("{:.1}G", n / 1e9),
    }
}

/// `0.8 s`, `42 s`, `3 m 05 s`, `2 h 10 m`.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..100 => format!("{seconds} s"),
        seconds @ 100..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Dollars with as many places as say something.
pub(crate) fn dollars(usd: f64) -> String {
    match usd {
        0.0 => "$0".into(),
        usd if usd < 0.01 => format!("${usd:.6}"),
        usd if usd < 10.0 => format!("${usd:.4}"),
        usd => format!("${usd:.2}"),
    }
}

/// Whether a character does more to a terminal than to be shown: control characters, with which
/// escape sequences begin, and those that turn the order of the text around.
fn acts(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// Text of several lines as it may be shown on a terminal.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c| if acts(c) && c != '\n' { ' ' } else { c };
    text.chars().map(shown).collect()
}

/// JSON as it may be shown on a terminal: the same JSON, with more of its strings escaped.
pub(crate) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) && c != '\n' {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

/// Text from outside on one line of the terminal: no control characters, and not too long.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if acts(c) { ' ' } else { c })
        .take(longest + 1)
        .collect();
    if longest < line.chars().count() {
        line.pop();
        line.push('…');
    }
    line
}

/// A word as a shell reads it: in single quotes if it would read something else otherwise.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            ["1", "999", "1,000", "1,234,567"],
            [1, 999, 1000, 1_234_567].map(count)[..]
        );
        let rows = [0, 1, 1234].map(|number| plural(number, "row"));
        assert_eq!(["0 rows", "1 row", "1,234 rows"], rows[..]);
        assert_eq!(
            ["950", "12k", "1.2M"],
            [950.0, 12_345.0, 1_234_567.0].map(rough)[..]
        );
        let times = [800, 42_000, 185_000, 7_800_000].map(Duration::from_millis);
        assert_eq!(
            ["0.8 s", "42 s", "3 m 05 s", "2 h 10 m"],
            times.map(time)[..]
        );
        assert_eq!(
            ["$0", "$0.000120", "$1.2346", "$25.00"],
            [0.0, 0.00012, 1.23456, 25.0].map(dollars)[..]
        );
    }

    #[test]
    fn text_is_colored_or_as_it_was() {
        assert_eq!(Paint::Off.red("error:"), "error:");
        assert_eq!(Paint::On.red("error:"), "\u{1b}[1;31merror:\u{1b}[0m");
        assert_ne!(Paint::On.yellow("x"), Paint::On.cyan("x"));
    }

    #[test]
    fn text_from_outside_stays_on_its_line() {
        assert_eq!(one_line("a\u{1b}[31m\nb", 20), "a [31m b");
        assert_eq!(one_line("abcdef", 4), "abcd…");
        assert_eq!(
            printable("a\u{1b}[31m\nb\u{9b}2J\u{202e}\r"),
            "a [31m\nb 2J  "
        );
    }

    #[test]
    fn json_says_the_same_without_what_acts_on_a_terminal() {
        let value = serde_json::json!({ "a": "\u{1b}[31m\u{9b}2J\u{7f}\u{202e}é\t" });
        let text = escaped(&value.to_string());
        assert_eq!(text, r#"{"a":"\u001b[31m\u009b2J\u007f\u202eé\t"}"#);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}

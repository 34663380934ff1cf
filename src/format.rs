//! Figures as people read them.

use std::ops::RangeInclusive;
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

    /// Green: what succeeded.
    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Dim: what is not there yet.
    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
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

/// Words in lines of at most so many columns, each but the first indented; a word that is longer has
/// a line of its own. Without a number of columns it stays one line. Spaces between words are kept.
pub(crate) fn wrap(text: &str, indent: usize, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    // A terminal too narrow for the indent still shows a word a line.
    let indent = indent.min(columns.saturating_sub(20));
    let mut wrapped = String::new();
    for (at, line) in text.split('\n').enumerate() {
        if at != 0 {
            wrapped.push('\n');
        }
        wrapped += &wrap_line(line, indent, columns);
    }
    wrapped
}

fn wrap_line(line: &str, indent: usize, columns: usize) -> String {
    let mut wrapped = String::new();
    let mut width = 0;
    let mut rest = line;
    let mut is_new = true;
    while !rest.is_empty() {
        let spaces = rest.len() - rest.trim_start_matches(' ').len();
        let word = &rest[spaces..];
        let end = word.find(' ').unwrap_or(word.len());
        let (word, behind) = word.split_at(end);
        let length = word.chars().count();
        if columns < width + spaces + length && !is_new {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            wrapped.push_str(word);
            width = indent + length;
        } else {
            wrapped.push_str(&rest[..spaces + end]);
            width += spaces + length;
        }
        is_new = false;
        rest = behind;
    }
    wrapped
}

/// `0.8s`, `42s`, `3m 05s`, `2h 10m`.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1}s", time.as_secs_f64()),
        seconds @ 10..100 => format!("{seconds}s"),
        seconds @ 100..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Dollars with as many places as say something.
pub(crate) fn dollars(usd: f64) -> String {
    match usd {
        0.0 => "$0".into(),
        usd if 0.0 < usd && usd < 0.000_01 => {
            // Two digits that say something: embeddings at half price cost less than a millionth.
            let places = (-usd.log10()).ceil() as usize + 1;
            format!("${usd:.places$}")
        }
        usd if usd < 0.01 => format!("${usd:.6}"),
        usd if usd < 10.0 => format!("${usd:.4}"),
        usd => format!("${usd:.2}"),
    }
}

/// What was spent of a limit: `$0.41 of $2.00`.
pub(crate) fn dollars_of(spent_usd: f64, most_usd: f64) -> String {
    let cents = most_usd * 100.0;
    let most = match (cents - cents.round()).abs() < 1e-6 {
        true => format!("${most_usd:.2}"),
        false => dollars(most_usd),
    };
    let cents = spent_usd * 100.0;
    let spent = match (cents - cents.round()).abs() < 1e-9 {
        true => format!("${spent_usd:.2}"),
        false => dollars(spent_usd),
    };
    format!("{spent} of {most}")
}

/// Characters that format text and are not seen (Unicode 17, general category Cf), those that end lines
/// or paragraphs (Zl and Zp), and those that look like nothing although they are letters.
const UNSEEN: &[RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff9}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Whether a character does more to a terminal than to be shown: control characters, with which
/// escape sequences begin, and those that turn the order of the text around, end a line or hide.
fn acts(c: char) -> bool {
    // Nearly all text is below the first of them.
    c.is_control() || ('\u{ad}' <= c && UNSEEN.iter().any(|range| range.contains(&c)))
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
            // JSON writes what is above U+FFFF as two halves.
            for half in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{half:04x}"));
            }
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

/// The command that runs failed rows again: `command` with `--retry-failed`, and without `--only` and its
/// file, which it does not go with.
pub(crate) fn retrying(command: &str) -> String {
    let mut words = shell_words(command).into_iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "--only" => drop(words.next()),
            "--retry-failed" => {}
            word if word.starts_with("--only=") => {}
            word => kept.push(word),
        }
    }
    kept.push("--retry-failed");
    kept.join(" ")
}

/// The words of a command as they are typed, quotes included.
fn shell_words(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut from, mut is_quoted) = (0, false);
    for (at, c) in command.char_indices() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                words.push(&command[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    words.push(&command[from..]);
    words.retain(|word| !word.is_empty());
    words
}

/// A time in milliseconds: `340 ms`, and from a second on as [`time`] writes it.
pub(crate) fn millis(ms: f64) -> String {
    match ms < 1_000.0 {
        true => format!("{ms:.0} ms"),
        false => time(Duration::from_secs_f64((ms / 1_000.0).min(1e12))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_rows_are_retried_by_a_command_of_its_own() {
        for (command, expected) in [
            ("promptmill run x", "promptmill run x --retry-failed"),
            (
                "promptmill run x --retry-failed",
                "promptmill run x --retry-failed",
            ),
            (
                "promptmill run --only 'my ids.txt' -t 'a --only b' x",
                "promptmill run -t 'a --only b' x --retry-failed",
            ),
            (
                "promptmill run --only=ids.txt x",
                "promptmill run x --retry-failed",
            ),
        ] {
            assert_eq!(retrying(command), expected);
        }
    }

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
        assert_eq!(["0.8s", "42s", "3m 05s", "2h 10m"], times.map(time)[..]);
        assert_eq!(
            [
                "$0",
                "$0.00000025",
                "$0.000010",
                "$0.000120",
                "$1.2346",
                "$25.00"
            ],
            [0.0, 0.000_000_25, 0.00001, 0.00012, 1.23456, 25.0].map(dollars)[..]
        );
    }

    #[test]
    fn long_lines_are_wrapped_between_words() {
        let text = "  calls  12    one two three";
        assert_eq!(wrap(text, 4, None), text);
        assert_eq!(wrap(text, 4, Some(80)), text);
        assert_eq!(wrap(text, 4, Some(24)), "  calls  12    one two\n    three");
        assert_eq!(wrap("a\nb c", 0, Some(2)), "a\nb\nc");
        assert_eq!(wrap("x averylongword y", 0, Some(5)), "x\naverylongword\ny");
        assert_eq!(wrap("één twee", 0, Some(8)), "één twee");
    }

    #[test]
    fn what_was_spent_is_said_beside_its_limit() {
        assert_eq!(dollars_of(0.0, 2.0), "$0.00 of $2.00");
        assert_eq!(dollars_of(0.71823, 2.0), "$0.7182 of $2.00");
        assert_eq!(dollars_of(12.5, 25.0), "$12.50 of $25.00");
        assert_eq!(dollars_of(0.001234, 0.0025), "$0.001234 of $0.002500");
    }

    #[test]
    fn text_is_colored_or_as_it_was() {
        assert_eq!(Paint::Off.red("error:"), "error:");
        assert_eq!(Paint::On.red("error:"), "\u{1b}[1;31merror:\u{1b}[0m");
        assert_ne!(Paint::On.yellow("x"), Paint::On.cyan("x"));
    }

    /// A sample of each block of the general categories Cf, Zl and Zp, and what looks like nothing.
    const HIDDEN: &str = "\u{ad}\u{61c}\u{180e}\u{200b}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\
        \u{2060}\u{2066}\u{2069}\u{206f}\u{3164}\u{feff}\u{fff9}\u{fffb}\u{110bd}\u{13430}\u{1bca0}\u{1d173}\
        \u{e0001}\u{e007f}";

    #[test]
    fn characters_that_format_turn_around_or_hide_text_are_not_shown() {
        for c in HIDDEN.chars() {
            assert_eq!(printable(&format!("a{c}b")), "a b", "{c:?}");
            assert_eq!(one_line(&format!("a{c}b"), 9), "a b", "{c:?}");
            let json = serde_json::Value::from(format!("a{c}b"));
            let text = escaped(&json.to_string());
            assert!(!text.contains(c), "{c:?}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&text).unwrap(),
                json
            );
        }
        let shown = "naïve 漢字 العربية עברית ✓ 👍🏽 e\u{301} \u{fe0f}";
        assert_eq!(printable(shown), shown);
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

//! The page: one HTML file, without script. Every text that comes from outside goes through
//! [`escaped`]: completions and messages are hostile.

use std::fmt::Write as _;

/// Text as it may stand in HTML, in an element or in an attribute. Characters that turn text around or
/// control a display are left out.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            '\n' | '\t' => safe.push(c),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

const STYLE: &str = "
:root { color-scheme: light dark; --fg: #1c1f23; --bg: #fff; --dim: #5b636e; --line: #d5d9de;
  --bar: #3b6ea5; --mark: #b3391f; --good: #1f6f3d; --bad: #a3201a; --code: #f3f4f6; }
@media (prefers-color-scheme: dark) { :root { --fg: #e4e7eb; --bg: #16181b; --dim: #9aa3ad;
  --line: #3a3f46; --bar: #6ea3dc; --mark: #f08a6b; --good: #7cc796; --bad: #f19088; --code: #23262b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--fg); background: var(--bg); }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; } .dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; } td.n, th.n { text-align: right; white-space: nowrap; }
th { font-weight: 600; } thead th { color: var(--dim); font-weight: 500; }
pre, code { font: .85rem/1.45 ui-monospace, monospace; } pre { background: var(--code); padding: .6rem .8rem;
  margin: .4rem 0; white-space: pre-wrap; overflow-wrap: anywhere; border-radius: .3rem; }
figure { margin: 1rem 0; } figcaption { color: var(--dim); font-size: .9rem; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--dim); font-size: 12px; }
.bar { fill: var(--bar); } .mark { fill: var(--mark); } .axis { stroke: var(--line); }
.limit { stroke: var(--mark); stroke-dasharray: 4 3; }
@page { size: A4; margin: 15mm; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } figure, tr, pre { break-inside: avoid; }
  h2 { break-after: avoid; } }
";

/// A page under construction.
#[derive(Debug)]
pub(crate) struct Html {
    text: String,
}

impl Html {
    /// A page with this title.
    pub(crate) fn new(title: &str) -> Self {
        let title = escaped(title);
        Self {
            text: format!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                 <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
                 'unsafe-inline'\">\n\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
                 <meta name=\"robots\" content=\"noindex\">\n\
                 <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
                 <h1>{title}</h1>\n"
            ),
        }
    }

    /// A heading.
    pub(crate) fn heading(&mut self, text: &str) {
        let _ = writeln!(self.text, "<h2>{}</h2>", escaped(text));
    }

    /// A paragraph, in a class of the style or none.
    pub(crate) fn paragraph(&mut self, class: &str, text: &str) {
        let class = match class {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        let _ = writeln!(self.text, "<p{class}>{}</p>", escaped(text));
    }

    /// Text as it is typed or printed.
    pub(crate) fn code(&mut self, text: &str) {
        let _ = writeln!(self.text, "<pre><code>{}</code></pre>", escaped(text));
    }

    /// A chart or other HTML that was made here.
    pub(crate) fn piece(&mut self, html: &str) {
        self.text += html;
    }

    /// A table with a name for each row.
    pub(crate) fn facts(&mut self, facts: &[(&str, String)]) {
        self.text += "<table><tbody>\n";
        for (name, value) in facts {
            let _ = writeln!(
                self.text,
                "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
                escaped(name),
                escaped(value)
            );
        }
        self.text += "</tbody></table>\n";
    }

    /// A table. Columns whose name begins with `#` hold numbers.
    pub(crate) fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        let is_number = |at: usize| columns.get(at).is_some_and(|name| name.starts_with('#'));
        let class = |at: usize| if is_number(at) { " class=\"n\"" } else { "" };
        self.text += "<div class=\"wide\"><table><thead><tr>";
        for (at, column) in columns.iter().enumerate() {
            let name = escaped(column.trim_start_matches('#'));
            let _ = write!(self.text, "<th scope=\"col\"{}>{name}</th>", class(at));
        }
        self.text += "</tr></thead><tbody>\n";
        for row in rows {
            self.text += "<tr>";
            for (at, cell) in row.iter().enumerate() {
                let _ = write!(self.text, "<td{}>{}</td>", class(at), escaped(cell));
            }
            self.text += "</tr>\n";
        }
        self.text += "</tbody></table></div>\n";
    }

    /// The whole page.
    pub(crate) fn finish(mut self, foot: &str) -> String {
        let _ = writeln!(
            self.text,
            "</main>\n<footer><p class=\"dim\">{}</p></footer>\n</body>\n</html>",
            escaped(foot)
        );
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_from_outside_becomes_markup() {
        let hostile =
            "</title></style><script>alert(1)</script>\" onload='x' &amp; \u{202e}\u{7}\0";
        let mut page = Html::new(hostile);
        page.heading(hostile);
        page.paragraph("dim", hostile);
        page.code(hostile);
        page.facts(&[(hostile, hostile.into())]);
        page.table(&[hostile], &[vec![hostile.into()]]);
        let text = page.finish(hostile);
        assert!(!text.contains("<script"), "{text}");
        assert_eq!(text.matches("</title>").count(), 1);
        assert_eq!(text.matches("</style>").count(), 1);
        assert!(!text.contains("onload='"), "{text}");
        assert!(
            text.contains(
                "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp; "
            )
        );
        assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text}");
    }
}

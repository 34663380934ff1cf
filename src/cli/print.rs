//! The one way to the terminal: what is printed was said in part by others (services, file names,
//! rows), and none of it may move the cursor, change colours or turn text around.
//!
//! A closed standard error must not end a run that is being paid for, so nothing that is said there
//! fails. What was asked for on standard output tells whether it got there.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use crate::engine::Failure;
use crate::exit::Exit;
use crate::format::{Paint, escaped, printable, wrap};
use crate::report::display::paint;
pub(super) use crate::report::display::{columns, columns_of_stdout};
use crate::stderr;

/// Text for people, on standard error.
pub(super) fn said(text: &str) {
    stderr::line(&printable(text));
}

/// Why something was not done, on standard error.
pub(super) fn error(text: &str) {
    labelled("error:", Paint::red, text);
}

/// What was done, and may not be what was wanted, on standard error.
pub(super) fn warning(text: &str) {
    labelled("warning:", Paint::yellow, text);
}

/// What is good to know, on standard error.
pub(super) fn note(text: &str) {
    labelled("note:", Paint::cyan, text);
}

/// The end of a run, on standard error: what went wrong in it is highlighted.
pub(super) fn summary(text: &str) {
    let paint = paint();
    for line in printable(text).lines() {
        let label = line.get(2..12).unwrap_or_default().trim_end();
        let label = if line.starts_with("  ") { label } else { "" };
        let colored = match label {
            "failed" | "exit code" => paint.red(label),
            "stopped by" | "what to do" => paint.yellow(label),
            "succeeded" => paint.green(label),
            _ => String::new(),
        };
        match colored.is_empty() {
            true => stderr::line(line),
            false => stderr::line(&format!("  {colored}{}", &line[2 + label.len()..])),
        }
    }
}

fn labelled(label: &str, color: fn(Paint, &str) -> String, text: &str) {
    let text = wrap(&format!("{label} {}", printable(text)), 2, columns());
    let rest = &text[label.len()..];
    stderr::line(&format!("{}{rest}", color(paint(), label)));
}

/// Leaves the line on which a terminal may still show how much was read.
pub(super) fn below_the_bar() {
    if std::io::stderr().is_terminal() {
        said("");
    }
}

/// A line of JSON for programs, on standard error.
pub(super) fn noted(json: &serde_json::Value) {
    stderr::line(&escaped(&json.to_string()));
}

/// Text that was asked for, on standard output.
pub(super) fn text(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", printable(text.trim_end_matches('\n')))?;
    stdout.flush()
}

/// JSON that was asked for, on standard output.
pub(super) fn json(json: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", escaped(json.trim_end_matches('\n')))?;
    stdout.flush()
}

/// Bytes of our own making that were asked for, on standard output: a script, a manual page.
pub(super) fn raw(bytes: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Standard output, for records: as they are for a program that reads them, and without what acts on a
/// terminal where that shows them.
pub(super) fn stream() -> Box<dyn std::io::Write> {
    let stdout = std::io::stdout();
    match stdout.is_terminal() {
        true => Box::new(Shown(stdout)),
        false => Box::new(stdout),
    }
}

/// A terminal that is written to by whole records.
struct Shown(std::io::Stdout);

impl std::io::Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = printable(&String::from_utf8_lossy(bytes));
        self.0.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// The exit of a verb whose output was written with this result: output that cannot be read was not
/// given.
pub(super) fn delivered(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        // A closed pipe means that its reader has read enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::CannotWrite,
            format!("cannot write to standard output: {error}"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What the parser of the command line has to say: help, or a mistake. It colours its own words;
/// where they quote a control character, nothing is coloured.
pub(super) fn parser(error: &clap::Error) {
    let plain = error.render().to_string();
    if printable(&plain) == plain {
        let _ = error.print();
    } else {
        said(plain.trim_end());
    }
}

//! Records as they are, or as rows of columns: JSON Lines and CSV.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::csv_cells::{self, Formulas};
use super::error::ExportError;
use super::filter::{Condition, Filter};
use super::index::{Index, Order};
use super::read::RecordReader;
use super::record::{Cell, Cutter};
use super::target::{self, ExportTarget, Sink};
use crate::output::OutputPaths;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 16;

/// The mark with which Excel reads a file as UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// One object a line: the record itself or, where columns were asked for, these.
    Jsonl,
    /// A header, and a line a record.
    Csv {
        /// What is done with texts that a spreadsheet would run.
        formulas: Formulas,
        /// Whether the file begins with a byte order mark.
        mark: bool,
    },
}

/// Where records of failed rows go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Among the others.
    Together,
    /// Into a file beside the other: `FILE.failed.csv`.
    Apart,
    /// Nowhere.
    LeftOut,
}

/// An export of records.
#[derive(Debug)]
pub struct Table<'a> {
    /// The output.
    pub paths: &'a OutputPaths,
    /// How its records are written.
    pub format: ExportFormat,
    /// The columns; empty is all.
    pub columns: &'a [String],
    /// What all exported records have in common.
    pub conditions: &'a [Condition],
    /// Where failed rows go.
    pub failed: Failed,
    /// The order of the records.
    pub order: Order,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportCounts {
    /// Records.
    pub records: u64,
    /// Those of failed rows among them.
    pub failed: u64,
    /// Records that the conditions left out.
    pub left_out: u64,
}

impl Table<'_> {
    /// Writes the records to `target`. A file is replaced as a whole, and only once all is in it.
    ///
    /// # Errors
    /// The output cannot be read, the target cannot be written, a column is unknown.
    pub fn export(
        &self,
        target: &ExportTarget,
        stream: &mut dyn Write,
    ) -> Result<ExportCounts, ExportError> {
        let apart = match (self.failed, target) {
            (Failed::Apart, ExportTarget::Path(path)) => Some(beside(path)),
            (Failed::Apart, ExportTarget::Stream) => {
                let why = "--failed apart: standard output is one file; name another with -o";
                return Err(ExportError::Usage(why.into()));
            }
            (Failed::Together | Failed::LeftOut, _) => None,
        };
        let files = match target {
            ExportTarget::Path(path) => [Some(path), apart.as_ref()],
            ExportTarget::Stream => [None; 2],
        };
        for file in files.into_iter().flatten() {
            target::check(file, self.paths, &[])?;
        }
        let index = Index::of(self.paths, self.failed != Failed::LeftOut, self.order)?;
        for condition in self.conditions {
            let checked = index.fields.check("--where", condition.field());
            checked.map_err(ExportError::Usage)?;
        }
        for column in self.columns {
            let checked = index.fields.check("--columns", column);
            checked.map_err(ExportError::Usage)?;
        }
        let all = index.fields.columns();
        let columns: &[String] = match (self.columns, self.format) {
            ([], ExportFormat::Csv { .. }) => &all,
            (columns, _) => columns,
        };
        let sink = match target {
            ExportTarget::Stream => Sink::Stream(stream),
            ExportTarget::Path(path) => Sink::file(path)?,
        };
        let mut main = self.pen(columns, sink);
        let mut failed = match &apart {
            Some(path) => Some(self.pen(columns, Sink::file(path)?)),
            None => None,
        };
        let mut written = ExportCounts::default();
        let mut cutter = Cutter::new(columns.iter().map(String::as_str));
        let filter = Filter::new(self.conditions, &mut cutter);
        let is_whole = columns.is_empty() && self.conditions.is_empty();
        RecordReader::of(self.paths).each(&index, |entry, line| {
            let mut cells = Vec::new();
            // A whole record needs no look inside.
            if !is_whole {
                cutter.cut(line, &mut cells);
                if !filter.takes(&cells) {
                    written.left_out += 1;
                    return Ok(());
                }
            }
            let is_failed = entry.place.is_in_failed();
            written.records += 1;
            written.failed += u64::from(is_failed);
            let pen = match &mut failed {
                Some(failed) if is_failed => failed,
                _ => &mut main,
            };
            pen.record(line, &cells)
        })?;
        main.keep(self.paths)?;
        if let Some(failed) = failed {
            failed.keep(self.paths)?;
        }
        Ok(written)
    }

    fn pen<'a>(&self, columns: &'a [String], sink: Sink<'a>) -> Pen<'a> {
        let mut pen = Pen {
            format: self.format,
            keys: columns.iter().map(|it| key(it)).collect(),
            sink,
            pending: Vec::with_capacity(2 * BUFFER),
        };
        if let ExportFormat::Csv { formulas, mark } = self.format {
            let mark = if mark { BYTE_ORDER_MARK } else { &[] };
            pen.pending.extend(mark);
            csv_cells::header(&mut pen.pending, columns, formulas);
        }
        pen
    }
}

/// The file of failed rows beside `path`: `answers.failed.csv` beside `answers.csv`.
fn beside(path: &Path) -> PathBuf {
    let end = path.extension().unwrap_or_default().to_string_lossy();
    let end = if end.is_empty() {
        "failed".into()
    } else {
        format!("failed.{end}")
    };
    path.with_extension(end)
}

/// A name of JSON, with its colon.
fn key(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}

/// Writes records.
struct Pen<'a> {
    format: ExportFormat,
    /// The names of the columns, as JSON writes them.
    keys: Vec<String>,
    sink: Sink<'a>,
    pending: Vec<u8>,
}

impl Pen<'_> {
    fn record(&mut self, line: &[u8], cells: &[Cell<'_>]) -> Result<(), ExportError> {
        let out = &mut self.pending;
        match self.format {
            ExportFormat::Jsonl if self.keys.is_empty() => out.extend(line),
            ExportFormat::Jsonl => {
                for (nth, (key, cell)) in self.keys.iter().zip(cells).enumerate() {
                    out.push(if nth == 0 { b'{' } else { b',' });
                    out.extend(key.as_bytes());
                    out.extend(cell.unwrap_or("null").as_bytes());
                }
                out.extend(b"}\n");
            }
            ExportFormat::Csv { formulas, .. } => {
                for (nth, cell) in cells.iter().take(self.keys.len()).enumerate() {
                    if 0 < nth {
                        out.push(b',');
                    }
                    csv_cells::push(out, *cell, formulas);
                }
                out.push(b'\n');
            }
        }
        match BUFFER <= self.pending.len() {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.sink.write(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    fn keep(mut self, paths: &OutputPaths) -> Result<(), ExportError> {
        self.flush()?;
        self.sink.keep(paths)
    }
}

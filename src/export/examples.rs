//! The records that succeeded, each with the prompt that it answers: kept in the record, or rendered again
//! from the job and checked against the fingerprint of the request that was sent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::conversation::Conversation;
use super::error::ExportError;
use super::filter::{Condition, Filter};
use super::index::{Index, Order, hash};
use super::read::RecordReader;
use super::record::{Cell, Cutter, text};
use super::scores::Scores;
use crate::input::Input;
use crate::output::OutputPaths;
use crate::rows::RowMaker;
use crate::run::{RecordKey, Row};

/// Where prompts come from that records do not keep.
#[derive(Debug, Clone, Copy)]
pub struct Prompts<'a> {
    /// What renders them: it brings prompts.
    pub maker: &'a RowMaker<'a>,
    /// The input of the job.
    pub input: &'a Input,
}

/// Which records are examples.
#[derive(Debug)]
pub struct Examples<'a> {
    /// The output.
    pub paths: &'a OutputPaths,
    /// Where prompts come from; `None` is the records themselves.
    pub prompts: Option<Prompts<'a>>,
    /// What all of them have in common.
    pub conditions: &'a [Condition],
    /// Checks that they passed.
    pub passed: &'a [String],
    /// Whether those that did not pass are examples too.
    pub with_not_passed: bool,
    /// A field by whose value they are split, if not by their ID.
    pub split_by: Option<&'a str>,
    /// Fields that the shape looks at.
    pub fields: &'a [&'a str],
}

/// A record with its prompt.
pub(super) struct Example<'l> {
    pub(super) custom_id: Option<String>,
    pub(super) row: u64,
    pub(super) prompt: Conversation,
    pub(super) completion: String,
    /// Whether it passed the checks, where some were named.
    pub(super) passed: bool,
    /// What decides on the part of a split that it is in.
    pub(super) split_key: String,
    /// The fields that the shape looks at.
    pub(super) fields: Vec<Cell<'l>>,
}

/// Why records are no examples, with how many there are.
pub(super) type LeftOut = BTreeMap<&'static str, u64>;

/// The columns that every example is made of.
const COLUMNS: [&str; 9] = [
    "custom_id",
    "row",
    "variant",
    "sample",
    "status",
    "completion",
    "output",
    "fingerprint",
    "messages",
];

/// Of rows that do not go together: how many, and the first.
#[derive(Default)]
struct Trouble {
    count: u64,
    first: Option<String>,
}

impl Trouble {
    fn add(&mut self, who: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(who);
    }

    fn check(self, what: &str, then: &str) -> Result<(), ExportError> {
        let Some(first) = self.first else {
            return Ok(());
        };
        let records = match self.count {
            1 => "1 record".to_owned(),
            many => format!("{many} records"),
        };
        Err(ExportError::Usage(format!(
            "{records} {what} (first: {first}); {then}"
        )))
    }
}

/// Makes examples of records.
struct Take<'a> {
    cutter: Cutter,
    filter: Filter<'a>,
    split_by: Option<(&'a str, usize)>,
    fields: Vec<usize>,
    scores: Option<Scores>,
    with_not_passed: bool,
    left_out: LeftOut,
}

impl Examples<'_> {
    /// Shows every example to `take`, in the order of the input, and returns what was left out.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(Example<'_>) -> Result<(), ExportError>,
    ) -> Result<LeftOut, ExportError> {
        let scores = match self.passed {
            [] => None,
            checks => Some(Scores::read(self.paths, checks)?),
        };
        let order = match self.prompts {
            Some(_) => Order::Identity,
            None => Order::Input,
        };
        let index = Index::of(self.paths, false, order)?;
        self.check_fields(&index)?;
        let mut cutter = Cutter::new(COLUMNS);
        let mut makes = Take {
            filter: Filter::new(self.conditions, &mut cutter),
            split_by: self.split_by.map(|field| (field, cutter.add(field))),
            fields: self.fields.iter().map(|field| cutter.add(field)).collect(),
            cutter,
            scores,
            with_not_passed: self.with_not_passed,
            left_out: LeftOut::new(),
        };
        match &self.prompts {
            Some(prompts) => self.rendered(prompts, &index, &mut makes, &mut take)?,
            None => self.kept(&index, &mut makes, &mut take)?,
        }
        Ok(makes.left_out)
    }

    fn check_fields(&self, index: &Index) -> Result<(), ExportError> {
        let conditions = self.conditions.iter().map(|it| ("--where", it.field()));
        let by = self.split_by.map(|field| ("--split-by", field));
        for (flag, field) in conditions.chain(by) {
            let checked = index.fields.check(flag, field);
            checked.map_err(ExportError::Usage)?;
        }
        Ok(())
    }

    /// Examples whose records keep their prompts.
    fn kept(
        &self,
        index: &Index,
        makes: &mut Take<'_>,
        take: &mut impl FnMut(Example<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut without = Trouble::default();
        RecordReader::of(self.paths).each(index, |_, line| {
            let mut cells = Vec::new();
            makes.cutter.cut(line, &mut cells);
            if !makes.is_meant(&cells) {
                return Ok(());
            }
            let Some(messages) = cells[8] else {
                without.add(|| who(&cells));
                return Ok(());
            };
            let messages: Vec<Value> = serde_json::from_str(messages).unwrap_or_default();
            makes.example(&cells, &messages, take)
        })?;
        without.check(
            "do not keep their prompts",
            "name the job in the output's place, such as `promptmill export JOB.toml`, and they are \
             rendered again",
        )
    }

    /// Examples whose prompts are rendered again.
    fn rendered(
        &self,
        prompts: &Prompts<'_>,
        index: &Index,
        makes: &mut Take<'_>,
        take: &mut impl FnMut(Example<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut seen = vec![false; index.entries.len()];
        let (mut changed, mut gone) = (Trouble::default(), Trouble::default());
        let mut reader = RecordReader::of(self.paths);
        let rows = prompts.maker.rows(prompts.input);
        for row in rows.map_err(|error| ExportError::Usage(error.to_string()))? {
            let row = row.map_err(|error| ExportError::Usage(error.to_string()))?;
            let identity = crate::rows::identity(&row);
            let Some(found) = index.find(key(identity)) else {
                continue;
            };
            seen[found] = true;
            let line = reader.line(index.entries[found])?;
            let mut cells = Vec::new();
            makes.cutter.cut(line, &mut cells);
            if !makes.is_meant(&cells) {
                continue;
            }
            let sent = cells[7].map(text);
            let now = identity.fingerprint.map(|it| it.to_string());
            if sent.is_some() && sent.as_deref() != now.as_deref() {
                changed.add(|| who(&cells));
                continue;
            }
            let prompt = match &row {
                Row::Ready(ready) => ready.identity.prompt.as_deref(),
                Row::Rejected(..) | Row::Completed(_) => None,
            };
            match prompt {
                Some(prompt) => makes.example(&cells, &prompt.as_messages(), take)?,
                None => makes.leave_out("rows that bring whole request bodies"),
            }
        }
        for (entry, _) in index.entries.iter().zip(seen).filter(|(_, seen)| !seen) {
            let mut cells = Vec::new();
            makes.cutter.cut(reader.line(*entry)?, &mut cells);
            if makes.is_meant(&cells) {
                gone.add(|| who(&cells));
            }
        }
        changed.check(
            "answer another request than the job sends now",
            "export with the job and the input as they were, or rerun the rows with --redo-changed",
        )?;
        gone.check(
            "are of rows that the input no longer has",
            "export with the input as it was, or leave them out with --where",
        )
    }
}

impl Take<'_> {
    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    /// Whether a record may be an example, whatever its prompt.
    fn is_meant(&mut self, cells: &[Cell<'_>]) -> bool {
        if cells[4] != Some("\"succeeded\"") {
            self.leave_out("filtered rows");
            return false;
        }
        if !self.filter.takes(cells) {
            self.leave_out("records that --where leaves out");
            return false;
        }
        let passed = self
            .scores
            .as_ref()
            .map(|scores| scores.of(of_cells(cells)));
        match passed {
            None | Some(Some(true)) => true,
            Some(Some(false)) if self.with_not_passed => true,
            Some(Some(false)) => {
                self.leave_out("records that did not pass");
                false
            }
            Some(None) => {
                self.leave_out("records that were not scored");
                false
            }
        }
    }

    fn example(
        &mut self,
        cells: &[Cell<'_>],
        messages: &[Value],
        take: &mut impl FnMut(Example<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let prompt = match Conversation::of(messages) {
            Ok(prompt) => prompt,
            Err(why) => {
                self.leave_out(why);
                return Ok(());
            }
        };
        // With a schema, a call of a tool may bring the value in place of a text.
        let Some(completion) = cells[5].or(cells[6]).map(text) else {
            self.leave_out("records without text");
            return Ok(());
        };
        let custom_id = cells[0].map(|id| text(id).into_owned());
        let row = cells[1].and_then(|row| row.parse().ok()).unwrap_or(0);
        let split_key = match self.split_by {
            None => custom_id.clone().unwrap_or_else(|| row.to_string()),
            Some((field, number)) => match cells[number] {
                Some(value) => text(value).into_owned(),
                None => {
                    let message = format!("--split-by {field}: {} does not have it", who(cells));
                    return Err(ExportError::Usage(message));
                }
            },
        };
        let passed = self.scores.as_ref();
        let passed = passed.is_none_or(|scores| scores.of(of_cells(cells)) == Some(true));
        take(Example {
            row,
            custom_id,
            prompt,
            completion: completion.into_owned(),
            passed,
            split_key,
            fields: self.fields.iter().map(|number| cells[*number]).collect(),
        })
    }
}

/// What identifies a row that the job makes.
pub(super) fn key(identity: &RecordKey) -> u64 {
    hash(identity.custom_id.as_deref(), identity.row, None, None)
}

/// What identifies a record.
fn of_cells(cells: &[Cell<'_>]) -> u64 {
    let id = cells[0].map(text);
    let row = cells[1].and_then(|row| row.parse().ok()).unwrap_or(0);
    let sample = cells[3].and_then(|sample| sample.parse().ok());
    hash(id.as_deref(), row, cells[2].map(text).as_deref(), sample)
}

fn who(cells: &[Cell<'_>]) -> String {
    let id = cells[0].map_or_else(String::new, |id| format!(" ({})", text(id)));
    let variant = cells[2].map_or_else(String::new, |it| format!(", variant {}", text(it)));
    let sample = cells[3].map_or_else(String::new, |it| format!(", sample {it}"));
    format!("row {}{id}{variant}{sample}", cells[1].unwrap_or("?"))
}

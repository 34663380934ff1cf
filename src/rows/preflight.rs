//! One look over the whole input before the first call: how many rows there are, which cannot be
//! sent, which have ended already, and which are no longer what they were.

use super::RowMaker;
use crate::format::count as counted;
use crate::input::{Input, InputError};
use crate::job::Plan;
use crate::output::resume::key;
use crate::output::{EarlierRow, EarlierRows};
use crate::run::{Identity, Row};

/// How many examples of each kind of trouble are kept for `plan --json`.
pub const EXAMPLES: usize = 1000;

/// How many of them people are shown.
const SHOWN: usize = 3;

/// What the look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// Whether rows are named by a field, and not by their number.
    pub named_ids: bool,
    /// Rows of the input, or of the part that was asked for.
    pub rows: u64,
    /// Rows that have ended already.
    pub ended: u64,
    /// Rows that were answered as what they are now.
    pub answered: u64,
    /// Those of them that ended in failure.
    pub failed: u64,
    /// Keys in the output of failures that hold no longer: of rows that could not be read or sent
    /// when they ended, and have been mended since.
    pub outdated: Vec<u64>,
    /// Rows that cannot be sent and have not ended.
    pub unusable: Trouble,
    /// Rows that ended as something else than they are now.
    pub changed: Trouble,
    /// Their keys in the output.
    pub changed_keys: Vec<u64>,
    /// Rows that share their id with an earlier row.
    pub duplicates: Trouble,
    /// Fields to be kept that no record of the whole input has, each with the field that may be
    /// meant.
    pub never_kept: Vec<String>,
    /// The field that is to name rows, where no record has it, with the field that may be meant.
    pub never_named: Option<String>,
    /// The fields that the first record has.
    pub fields: String,
    /// What is said where nothing of the rows goes into their prompts.
    pub alike: Option<String>,
    /// What is said of the input as a whole: columns left out, rows skipped.
    pub of_input: Vec<String>,
}

/// What is to become of rows that ended as something else than they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The run does not start: its output would answer two different questions.
    Refused,
    /// They run again, and their old lines are put aside.
    Redone,
}

/// Rows with the same kind of trouble.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// How many.
    pub count: u64,
    /// The first [`EXAMPLES`] of them, described.
    pub examples: Vec<String>,
}

impl Trouble {
    fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }

    /// The examples that people are shown, and how many rows are not among them.
    pub fn shown(&self) -> (&[String], u64) {
        let shown = self.examples.get(..SHOWN).unwrap_or(&self.examples);
        (shown, self.count - shown.len() as u64)
    }

    /// `a, b, c and 5 more`
    fn in_a_line(&self) -> String {
        let (shown, more) = self.shown();
        let more = match more {
            0 => String::new(),
            more => format!(" and {} more", counted(more)),
        };
        shown.join(", ") + &more
    }

    /// Each on a line of its own, behind `indent`; where there are more, with the way to them.
    pub fn in_lines(&self, indent: &str) -> String {
        let (shown, more) = self.shown();
        let lines = shown.iter().map(|example| format!("\n{indent}{example}"));
        let more = (0 < more).then(|| {
            format!(
                "\n{indent}and {} more: `promptmill plan --json` lists up to {}",
                counted(more),
                counted(EXAMPLES as u64)
            )
        });
        lines.chain(more).collect()
    }
}

/// Looks over the first `limit` rows of `input`, or all of them, and shows each to `see`, with how it
/// ended if it has. Takes 8 bytes a row for ids.
///
/// # Errors
/// The input cannot be read to its end.
pub fn survey(
    maker: &RowMaker<'_>,
    input: &Input,
    past: &EarlierRows,
    limit: Option<u64>,
    mut see: impl FnMut(&Row, Option<&EarlierRow>),
) -> Result<Preflight, InputError> {
    let mut survey = Preflight {
        named_ids: maker.ids_are_named(),
        ..Preflight::default()
    };
    let mut ids = Vec::new();
    let mut rows = maker.rows(input)?;
    for row in rows.by_ref().take(limit_of(limit)) {
        let row = row?;
        let before = survey.standing(&row, past);
        see(&row, before);
        survey.take(&row, before);
        if survey.named_ids
            && let Some(id) = &identity(&row).custom_id
        {
            ids.push(key(Some(id), 0));
        }
    }
    let fields = input.fields();
    let named = |name: &str| format!("`{name}`{}", fields.hint(name));
    survey.fields = fields.to_string();
    survey.never_named = rows.never_named().map(named);
    // A field that the first rows lack may come later: the others are only read for it.
    while rows.never_kept().next().is_some()
        && let Some(record) = rows.skip_row()
    {
        record?;
    }
    survey.never_kept = rows.never_kept().map(|name| named(name)).collect();
    survey.of_input = rows.remarks();
    survey.of_input.extend(maker.ignored_remark());
    survey.alike = maker.alike_remark(survey.rows);
    let twice = repeated(ids);
    if !twice.is_empty() {
        survey.duplicates = name_duplicates(maker, input, limit, &twice)?;
    }
    Ok(survey)
}

/// A limit as an iterator takes it.
pub fn limit_of(limit: Option<u64>) -> usize {
    limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX)
}

/// Who a row is.
pub fn identity(row: &Row) -> &Identity {
    match row {
        Row::Ready(work) => &work.identity,
        Row::Rejected(identity, _) | Row::Past(identity) => identity,
    }
}

/// Whether a row that has ended was another request then, as far as that is known.
pub fn has_changed(who: &Identity, before: &EarlierRow) -> bool {
    matches!((before.fingerprint, who.fingerprint), (Some(before), Some(now)) if before != now)
}

impl Preflight {
    /// What has to be settled before anything is sent.
    pub fn refusals(&self, plan: &Plan, changed: Changed) -> Vec<String> {
        let refusals = [
            self.named_by_nothing(plan),
            self.kept_of_nothing(plan),
            self.duplicate_ids(plan),
            match changed {
                Changed::Refused => self.changed_rows(plan),
                Changed::Redone => None,
            },
            self.unusable_rows(plan),
        ];
        refusals.into_iter().flatten().collect()
    }

    fn named_by_nothing(&self, plan: &Plan) -> Option<String> {
        let named = self.never_named.as_ref()?;
        Some(format!(
            "{}: `id`: no record that was read has the field {named}; fields here: {}; choose one of \
             them, or leave it out",
            plan.input.display(),
            self.fields,
        ))
    }

    fn kept_of_nothing(&self, plan: &Plan) -> Option<String> {
        let message = || {
            format!(
                "{}: `keep`: no record has the field {}; fields here: {}; keep one of them, or leave \
                 it out",
                plan.input.display(),
                self.never_kept.join(" or "),
                self.fields,
            )
        };
        (!self.never_kept.is_empty()).then(message)
    }

    fn duplicate_ids(&self, plan: &Plan) -> Option<String> {
        let count = &self.duplicates.count;
        let share = match count {
            1 => "1 row shares".to_owned(),
            count => format!("{count} rows share"),
        };
        let message = || {
            format!(
                "{}: {share} an id with an earlier row: {}; give every row an id of its \
                 own, or choose another field with --id",
                plan.input.display(),
                self.duplicates.in_a_line(),
            )
        };
        (0 < *count).then(message)
    }

    fn changed_rows(&self, plan: &Plan) -> Option<String> {
        let count = &self.changed.count;
        let ended = match count {
            1 => "1 completed row".to_owned(),
            count => format!("{count} completed rows"),
        };
        let by_number = if plan.id.is_none() && !self.named_ids {
            "; rows are identified by their number here, so inserting a row changes all rows below \
             it; an --id field prevents that"
        } else {
            ""
        };
        let message = || {
            format!(
                "{}: {ended} would now send a different request ({}): prompt, model or parameters \
                 have changed. Rerun them with --redo-changed, start over with --fresh (both back up the old completions), restore the settings, or choose another --output{by_number}",
                plan.output.display(),
                self.changed.in_a_line(),
            )
        };
        (0 < *count).then(message)
    }

    fn unusable_rows(&self, plan: &Plan) -> Option<String> {
        let count = self.unusable.count;
        let rows = self.rows;
        let fix = if count == 1 {
            "Fix the row"
        } else {
            "Fix these rows"
        };
        let allow = match count == rows {
            true => String::new(),
            false => format!(", or run the others with --max-failures {count}"),
        };
        let message = || {
            format!(
                "{}: {} of {} rows cannot be sent, and max_failures is {}:{}\n\
                 {fix}{allow}",
                plan.input.display(),
                counted(count),
                counted(rows),
                plan.max_failures,
                self.unusable.in_lines("  "),
            )
        };
        // Rows that lack their id have been spoken of.
        let exceeded = plan.max_failures.exceeded_by(count, rows);
        (exceeded && self.never_named.is_none()).then(message)
    }

    /// Rows of the output that the input does not have, or the part of it that was asked for.
    pub fn gone(&self, past: &EarlierRows) -> u64 {
        let outdated = self.outdated.len() as u64;
        past.len().saturating_sub(self.ended + outdated)
    }

    /// What is said of so many rows.
    pub fn gone_remark(gone: u64) -> Option<String> {
        match gone {
            0 => None,
            1 => Some("1 row of the output is no longer in the input; it is kept".into()),
            many => Some(format!(
                "{} rows of the output are no longer in the input; they are kept",
                counted(many)
            )),
        }
    }

    /// What is said of failures that hold no longer.
    pub fn mended(&self) -> String {
        match self.outdated.len() {
            1 => "1 row that could not be read or sent has been fixed since: its failure is backed up"
                .into(),
            many => format!(
                "{many} rows that could not be read or sent have been fixed since: their failures \
                 are backed up"
            ),
        }
    }

    /// The failures among them.
    pub fn gone_failures(&self, past: &EarlierRows) -> u64 {
        let outdated = self.outdated.len() as u64;
        past.tally.failed.saturating_sub(self.failed + outdated)
    }

    /// How a row has ended, if that still holds.
    fn standing<'p>(&mut self, row: &Row, past: &'p EarlierRows) -> Option<&'p EarlierRow> {
        let who = identity(row);
        // A row whose id could not be read was known by its number.
        let unnamed = past.row(None, who.row);
        let has_a_name_now = who.custom_id.is_some();
        let outdated = unnamed.filter(|before| has_a_name_now && before.failed);
        self.outdated.extend(outdated.map(|before| before.key));
        let before = past.row(who.custom_id.as_deref(), who.row)?;
        if before.could_not_be_sent() && matches!(row, Row::Ready(_)) {
            self.outdated.push(before.key);
            return None;
        }
        Some(before)
    }

    fn take(&mut self, row: &Row, before: Option<&EarlierRow>) {
        self.rows += 1;
        let who = identity(row);
        let Some(before) = before else {
            if let Row::Rejected(_, fault) = row {
                self.unusable.add(|| fault.message.clone());
            }
            return;
        };
        self.ended += 1;
        self.failed += u64::from(before.failed);
        let has_changed = has_changed(who, before);
        self.answered += u64::from(!has_changed && !before.failed);
        if has_changed {
            self.changed_keys.push(before.key);
            self.changed.add(|| match &who.custom_id {
                Some(id) => format!("row {} ({id})", who.row),
                None => format!("row {}", who.row),
            });
        }
    }
}

/// The keys that stand more than once.
fn repeated(mut keys: Vec<u64>) -> Vec<u64> {
    keys.sort_unstable();
    let mut twice: Vec<u64> = keys
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    twice.dedup();
    twice
}

/// A second look, to name the rows behind repeated keys.
fn name_duplicates(
    maker: &RowMaker<'_>,
    input: &Input,
    limit: Option<u64>,
    twice: &[u64],
) -> Result<Trouble, InputError> {
    let mut first = std::collections::HashMap::new();
    let mut trouble = Trouble::default();
    for row in maker.rows(input)?.take(limit_of(limit)) {
        let row = row?;
        let Some(id) = &identity(&row).custom_id else {
            continue;
        };
        if twice.binary_search(&key(Some(id), 0)).is_err() {
            continue;
        }
        let number = identity(&row).row;
        match first.get(id) {
            None => drop(first.insert(id.clone(), number)),
            Some(first) => trouble.add(|| format!("`{id}` names row {first} and row {number}")),
        }
    }
    Ok(trouble)
}

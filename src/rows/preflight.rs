//! One look over the whole input before the first call: how many rows there are, which cannot be
//! sent, which have ended already, and which are no longer what they were.

use std::collections::HashSet;

use super::RowMaker;
use super::renames::{By, Renames};
use super::standing::{Standing, has_changed, identity, is_first_of_record, name_of, place_of};
use super::trouble::Trouble;
use crate::format::count as counted;
use crate::input::{Input, InputError};
use crate::output::{EarlierRow, EarlierRows, RowName};
use crate::run::{Identity, Row};

/// What the look found.
#[derive(Debug, Default, PartialEq)]
pub struct Preflight {
    /// Whether rows are named by a field, and not by their number.
    pub named_ids: bool,
    /// Records of the input, or of the part that was asked for.
    pub records: u64,
    /// Rows that they make: as many, and with a sweep one for each sample of each variant.
    pub rows: u64,
    /// Rows that have ended already.
    pub ended: u64,
    /// Rows that were answered as what they are now.
    pub answered: u64,
    /// Those of them that ended in failure.
    pub failed: u64,
    /// Keys in the output of failures that hold no longer: of rows that could not be read or sent
    /// when they completed, and have been fixed since.
    pub outdated: Vec<u64>,
    /// Rows that cannot be sent and have not ended.
    pub unusable: Trouble,
    /// Rows that ended as something else than they are now.
    pub changed: Trouble,
    /// Their keys in the output.
    pub changed_keys: Vec<u64>,
    /// The key and the identity of the first of them.
    pub first_changed: Option<(u64, Identity)>,
    /// Rows without a line, of requests that the output has under another id.
    pub renamed: Trouble,
    /// Their keys in the output.
    pub renamed_keys: Vec<u64>,
    /// Those of them whose ids differ only in how a number is written.
    pub renamed_numbers: u64,
    /// Rows that have no line and can be sent.
    pub new_rows: u64,
    /// Keys in the output of rows that are to run again by name.
    pub selected_keys: Vec<u64>,
    /// What is said of ids that were asked for and are in no record.
    pub not_found: Option<String>,
    /// New rows whose prompts contain only template text, because their fields are blank.
    pub blank: Trouble,
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

/// Looks over the first `limit` records of `input`, or all of them, and shows each to `see`, with how it
/// ended if it has. Takes 8 bytes a row for ids.
///
/// # Errors
/// The input cannot be read to its end.
pub fn survey(
    maker: &RowMaker<'_>,
    input: &Input,
    past: &EarlierRows,
    limit: Option<u64>,
    mut see: impl FnMut(&Row, Standing<'_>),
) -> Result<Preflight, InputError> {
    let mut survey = Preflight {
        named_ids: maker.ids_are_named(),
        ..Preflight::default()
    };
    let mut ids = Vec::new();
    let mut found = HashSet::new();
    let mut renames = Renames::of(past);
    let blank = maker.blank_requests(input);
    let mut rows = maker.rows(input)?.limited(limit);
    for row in rows.by_ref() {
        let row = row?;
        let who = identity(&row);
        renames.has(who);
        survey.records += u64::from(is_first_of_record(who));
        let standing = match survey.line(&row, past) {
            Some(line) if maker.selection().is_some() => Standing::Selected(line),
            Some(line) if has_changed(who, line) => Standing::Changed(line),
            Some(line) => Standing::Completed(line),
            None if maker.selection().is_none() && renames.may_be(&row) => Standing::Renamed,
            None => Standing::New,
        };
        if standing.line().is_none()
            && who.fingerprint.is_some()
            && who.fingerprint == blank[place_of(who)]
        {
            survey.blank.add(|| name_of(who));
        }
        see(&row, standing);
        survey.take(&row, standing);
        if let (Some(_), Some(id)) = (maker.selection(), &who.custom_id) {
            found.insert(id.trim().to_owned());
        }
        if survey.named_ids
            && let who = identity(&row)
            && is_first_of_record(who)
            && let Some(id) = &who.custom_id
        {
            ids.push(RowName::new(Some(id), 0).key());
        }
    }
    let fields = input.fields();
    let named = |name: &str| format!("`{name}`{}", fields.hint(name));
    survey.fields = fields.to_string();
    survey.never_named = rows.never_named().map(named);
    // A field that the first rows lack may come later, and so may the id that one of them seemed to
    // have had: the others are only read for that.
    while (rows.never_kept().next().is_some() || renames.is_open())
        && let Some(skipped) = rows.skip_record()
    {
        skipped?.iter().for_each(|who| renames.has(who));
    }
    survey.renamed(renames);
    survey.not_found = maker.selection().and_then(|only| only.missing(&found));
    survey.never_kept = rows.never_kept().map(|name| named(name)).collect();
    survey.of_input = rows.remarks();
    survey.of_input.extend(maker.ignored_remark());
    survey.alike = maker.alike_remark(survey.records);
    if survey.alike.is_some() {
        survey.blank = Trouble::default();
    }
    let twice = repeated(ids);
    if !twice.is_empty() {
        survey.duplicates = name_duplicates(maker, input, limit, &twice)?;
    }
    Ok(survey)
}

impl Preflight {
    /// The remark about `gone` rows of the output that the input no longer has.
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

    /// The remark about rows whose prompts contain only template text.
    pub fn blank_remark(&self) -> Option<String> {
        let rows = match self.blank.count {
            0 => return None,
            1 => "1 prompt contains only template text because its fields are blank".to_owned(),
            many => format!(
                "{} prompts contain only template text because their fields are blank",
                counted(many)
            ),
        };
        let examples = self.blank.in_a_line();
        Some(format!("{rows}: {examples}"))
    }

    /// The remark about failures of rows that are valid now.
    pub fn fixed_remark(&self) -> String {
        match self.outdated.len() {
            1 => "1 row that could not be read or sent is now valid: its old failure is backed up"
                .into(),
            many => format!(
                "{many} rows that could not be read or sent are now valid: their old failures are \
                 backed up"
            ),
        }
    }

    /// The failures among them.
    pub fn gone_failures(&self, past: &EarlierRows) -> u64 {
        let outdated = self.outdated.len() as u64;
        past.tally.failed.saturating_sub(self.failed + outdated)
    }

    /// Takes in the rows that the output has under another id.
    fn renamed(&mut self, renames: Renames<'_>) {
        for (old, rename) in renames.finish() {
            self.renamed_keys.push(old.key);
            self.renamed_numbers += u64::from(rename.by == By::Number);
            self.renamed.add(|| match rename.id.as_str() {
                "" => format!("row {}", rename.row),
                id => format!("row {}, now `{id}`", rename.row),
            });
        }
    }

    /// The earlier result of a row, if it still holds.
    fn line<'p>(&mut self, row: &Row, past: &'p EarlierRows) -> Option<&'p EarlierRow> {
        let who = identity(row);
        // A row whose id could not be read was known by its number.
        let unnamed = past.row(RowName::from(who).renamed(None));
        let has_a_name_now = who.custom_id.is_some();
        let outdated = unnamed.filter(|before| has_a_name_now && before.failed);
        self.outdated.extend(outdated.map(|before| before.key));
        let before = past.row(RowName::from(who))?;
        if before.could_not_be_sent() && matches!(row, Row::Ready(_)) {
            self.outdated.push(before.key);
            return None;
        }
        Some(before)
    }

    fn take(&mut self, row: &Row, standing: Standing<'_>) {
        self.rows += 1;
        let who = identity(row);
        let Some(line) = standing.line() else {
            match row {
                Row::Rejected(_, fault) => self.unusable.add_once(&fault.message),
                Row::Ready(_) => self.new_rows += 1,
                Row::Completed(_) => {}
            }
            return;
        };
        self.ended += 1;
        self.failed += u64::from(line.failed);
        self.answered += u64::from(!has_changed(who, line) && !line.failed);
        match standing {
            Standing::Changed(_) => {
                self.first_changed
                    .get_or_insert_with(|| (line.key, who.clone()));
                self.changed_keys.push(line.key);
                self.changed.add(|| name_of(who));
            }
            Standing::Selected(_) => self.selected_keys.push(line.key),
            Standing::New | Standing::Renamed | Standing::Completed(_) => {}
        }
    }
}

/// The keys that appear more than once.
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

/// Reads the input again to name the rows of repeated keys.
fn name_duplicates(
    maker: &RowMaker<'_>,
    input: &Input,
    limit: Option<u64>,
    twice: &[u64],
) -> Result<Trouble, InputError> {
    let mut first = std::collections::HashMap::new();
    let mut trouble = Trouble::default();
    for row in maker.rows(input)?.limited(limit) {
        let row = row?;
        let who = identity(&row);
        let Some(id) = who.custom_id.as_ref().filter(|_| is_first_of_record(who)) else {
            continue;
        };
        if twice
            .binary_search(&RowName::new(Some(id), 0).key())
            .is_err()
        {
            continue;
        }
        let number = who.row;
        match first.get(id) {
            None => drop(first.insert(id.clone(), number)),
            Some(first) => trouble.add(|| format!("`{id}` appears in rows {first} and {number}")),
        }
    }
    Ok(trouble)
}

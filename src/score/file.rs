//! One pass over the files of an output.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::check::{CheckOutcome, CheckVerdict};
use super::checks::Checks;
use super::judged::Judged;
use super::record::{Place, ScoredRecord};
use super::tally::{HasSamples, ScoreTally};
use crate::nearest::nearest;
use crate::output::{LedgerError, NotARecord, OutputPaths, each_record_line};
use crate::replacement::{Replacement, mode_of};

/// Records that are looked at before a field that none of them has counts as never kept.
const RECORDS_TO_FIND_FIELDS: u64 = 1000;

/// What to score, and into what.
#[derive(Debug)]
pub struct Scores<'a> {
    /// The output.
    pub paths: &'a OutputPaths,
    /// The checks.
    pub checks: &'a Checks,
    /// A kept field that groups the records.
    pub by: Option<&'a str>,
    /// What a judge said of the records.
    pub judged: Option<&'a Judged>,
    /// Whether rows will be compared.
    pub compares: bool,
    /// Where each verdict is written, one line a record and check.
    pub into: Option<&'a Path>,
}

/// Why an output cannot be scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// A file of it cannot be read.
    #[error(transparent)]
    Read(#[from] LedgerError),
    /// The scores cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is no record.
    #[error(transparent)]
    NoRecord(#[from] NotARecord),
    /// No record of the judge is of a record of the output.
    #[error("{}: none of its records is of a record of {}; IDs here are such as {here}, and there such as {there}", judged.display(), output.display())]
    NotJudged {
        /// The judge's output.
        judged: PathBuf,
        /// The output.
        output: PathBuf,
        /// An ID of the judge's output.
        here: String,
        /// An ID of the output.
        there: String,
    },
    /// A check needs a field that the output does not have.
    #[error("{what}: no record keeps `{field}`{advice}")]
    NoField {
        /// The check, or the flag.
        what: String,
        /// The field.
        field: String,
        /// The fields that are kept.
        advice: String,
    },
}

/// Checks every record of an output and counts; writes the verdicts where that was asked for. The
/// file of verdicts is replaced as a whole, and only once all are in it.
///
/// # Errors
/// A file cannot be read or written, a line is no record, a needed field was never kept.
pub fn score(scores: &Scores<'_>) -> Result<ScoreTally, ScoreError> {
    // Rows are told apart from the start only where that is asked for: it takes memory per row.
    let first = pass(scores, scores.compares);
    let second = match first {
        Err(PassEnd::HasSamples) => pass(scores, true),
        done => done,
    };
    second.map_err(|stop| match stop {
        PassEnd::Error(error) => error,
        PassEnd::HasSamples => unreachable!("a tally that keeps rows takes samples"),
    })
}

/// Why a pass ends before its end.
enum PassEnd {
    /// It has to be made again, with rows told apart.
    HasSamples,
    Error(ScoreError),
}

impl From<LedgerError> for PassEnd {
    fn from(error: LedgerError) -> Self {
        Self::Error(error.into())
    }
}

impl From<ScoreError> for PassEnd {
    fn from(error: ScoreError) -> Self {
        Self::Error(error)
    }
}

fn pass(scores: &Scores<'_>, keep_rows: bool) -> Result<ScoreTally, PassEnd> {
    let mut pass = Pass {
        scores,
        tally: ScoreTally::new(scores.checks, scores.by, keep_rows),
        verdicts: scores.into.map(Verdicts::of).transpose()?,
        fields: NeededFields::of(scores),
        unjudged: None,
    };
    let OutputPaths { output, failed, .. } = scores.paths;
    // A crash between two files leaves a row in both: then it has an answer.
    let mut only_failed = HashSet::new();
    each_checked(failed, |record| {
        only_failed.insert(record.identity());
        Ok(())
    })?;
    each_checked(output, |record| {
        only_failed.remove(&record.identity());
        pass.take(record)
    })?;
    each_checked(failed, |record| {
        match only_failed.remove(&record.identity()) {
            true => pass.take(record),
            false => Ok(()),
        }
    })?;
    pass.fields.check()?;
    if let (Some(judged), Some(there), false) =
        (scores.judged, pass.unjudged, pass.tally.is_judged())
    {
        return Err(ScoreError::NotJudged {
            judged: judged.path().to_owned(),
            output: output.clone(),
            here: judged.an_id().to_owned(),
            there,
        }
        .into());
    }
    if let Some(verdicts) = pass.verdicts {
        verdicts.keep(scores.paths)?;
    }
    Ok(pass.tally)
}

struct Pass<'a> {
    scores: &'a Scores<'a>,
    tally: ScoreTally,
    verdicts: Option<Verdicts<'a>>,
    fields: NeededFields<'a>,
    /// The first record that the judge said nothing of.
    unjudged: Option<String>,
}

impl<'a> Pass<'a> {
    fn take<'r>(&mut self, mut record: ScoredRecord<'r>) -> Result<(), PassEnd>
    where
        'a: 'r,
    {
        if let Some(judged) = self.scores.judged {
            let id = record.record_id();
            record.judged = judged.of(&id);
            if record.judged.is_none() {
                self.unjudged.get_or_insert(id);
            }
        }
        let record = &record;
        self.fields.look(record)?;
        let checks = &self.scores.checks.all;
        let verdicts: Vec<_> = match ScoreTally::is_checked(record) {
            true => checks.iter().map(|check| check.verdict(record)).collect(),
            false => Vec::new(),
        };
        if let Some(file) = &mut self.verdicts {
            for (nth, check) in checks.iter().enumerate() {
                file.write(record, &check.name, verdicts.get(nth))?;
            }
        }
        let added = self.tally.add(record, &verdicts);
        added.map_err(|HasSamples| PassEnd::HasSamples)
    }
}

/// Kept fields that are needed, and whether a record has had them.
struct NeededFields<'a> {
    /// What needs it, the field, whether it was seen.
    needed: Vec<(String, &'a str, bool)>,
    kept: Vec<String>,
    records: u64,
}

impl<'a> NeededFields<'a> {
    fn of(scores: &Scores<'a>) -> Self {
        let by = scores.by.map(|field| ("--by".to_owned(), field, false));
        let of_checks = scores.checks.fields();
        let of_checks = of_checks.map(|(check, field)| (format!("check `{check}`"), field, false));
        Self {
            needed: of_checks.chain(by).collect(),
            kept: Vec::new(),
            records: 0,
        }
    }

    fn look(&mut self, record: &ScoredRecord<'_>) -> Result<(), ScoreError> {
        if self.needed.iter().all(|(.., seen)| *seen) || RECORDS_TO_FIND_FIELDS < self.records {
            return Ok(());
        }
        self.records += 1;
        let kept = record.fields();
        for (_, field, seen) in &mut self.needed {
            *seen |= kept.iter().any(|name| name == field)
                || record
                    .value(&Place::Metadata((*field).to_owned()))
                    .is_some();
        }
        if self.kept.is_empty() {
            self.kept = kept;
        }
        match self.records {
            RECORDS_TO_FIND_FIELDS => self.check(),
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<(), ScoreError> {
        if self.records == 0 {
            return Ok(());
        }
        let Some((what, field, _)) = self.needed.iter().find(|(.., seen)| !seen) else {
            return Ok(());
        };
        let kept = &self.kept;
        let meant = nearest(field, kept.iter().map(String::as_str));
        let advice = match (meant, kept.is_empty()) {
            (Some(meant), _) => format!("; did you mean {meant}?"),
            (None, true) => "; the job keeps no fields: run it with --keep".into(),
            (None, false) => format!("; kept fields: {}", kept.join(", ")),
        };
        Err(ScoreError::NoField {
            what: what.clone(),
            field: (*field).to_owned(),
            advice,
        })
    }
}

/// Shows every record of a file to `take`, in the file's order. A last line without its end is not read: a
/// run may be writing it.
fn each_checked(
    path: &Path,
    mut take: impl FnMut(ScoredRecord<'_>) -> Result<(), PassEnd>,
) -> Result<(), PassEnd> {
    each_record_line(path, |line| {
        let record = line.parse(path).map_err(ScoreError::from)?;
        record.map_or(Ok(()), &mut take)
    })
}

/// The file of verdicts.
struct Verdicts<'a> {
    path: &'a Path,
    file: Replacement<'a>,
}

impl<'a> Verdicts<'a> {
    fn of(path: &'a Path) -> Result<Self, ScoreError> {
        let file = Replacement::of(path).map_err(|source| unwritable(path, source))?;
        Ok(Self { path, file })
    }

    /// Writes what a check said of a record; nothing was said of one that did not succeed.
    fn write(
        &mut self,
        record: &ScoredRecord<'_>,
        check: &str,
        verdict: Option<&CheckVerdict>,
    ) -> Result<(), ScoreError> {
        let pass = verdict.and_then(|verdict| match verdict.outcome {
            CheckOutcome::Passed => Some(true),
            CheckOutcome::NotPassed => Some(false),
            CheckOutcome::Missing => None,
        });
        let reason = match verdict {
            Some(verdict) => verdict.reason.as_ref(),
            None if record.status.0 == "filtered" => "the row was filtered",
            None => "the row failed",
        };
        let mut line = json!({
            "custom_id": record.custom_id.as_ref().map(|id| &id.0),
            "row": record.row,
        });
        if let Some(variant) = &record.variant {
            line["variant"] = variant.0.as_ref().into();
        }
        if let Some(sample) = record.sample {
            line["sample"] = sample.into();
        }
        line["check"] = check.into();
        line["pass"] = pass.into();
        line["value"] = verdict.and_then(|verdict| verdict.value.as_deref()).into();
        line["expected"] = verdict
            .and_then(|verdict| verdict.expected.as_deref())
            .into();
        line["reason"] = (!reason.is_empty()).then_some(reason).into();
        writeln!(self.file, "{line}").map_err(|source| unwritable(self.path, source))
    }

    /// Puts the file in its place, for the same people as the output.
    fn keep(self, paths: &OutputPaths) -> Result<(), ScoreError> {
        let kept = self.file.keep(mode_of(&paths.output, 0o600));
        kept.map_err(|source| unwritable(self.path, source))
    }
}

fn unwritable(path: &Path, source: io::Error) -> ScoreError {
    let path = path.to_owned();
    ScoreError::Write { path, source }
}

#[cfg(test)]
mod tests {
    use super::super::record::RecordHash;
    use super::*;

    #[test]
    fn records_are_identified_by_row_variant_and_sample() {
        let identity = |line: &str| -> RecordHash {
            let record: ScoredRecord<'_> = serde_json::from_str(line).unwrap();
            record.identity()
        };
        let plain = identity(r#"{"custom_id":"a","row":1,"status":"failed"}"#);
        assert_eq!(
            plain,
            identity(r#"{"custom_id":"a","row":2,"status":"failed"}"#)
        );
        for other in [
            r#"{"custom_id":"b","row":1,"status":"failed"}"#,
            r#"{"custom_id":null,"row":1,"status":"failed"}"#,
            r#"{"custom_id":"a","row":1,"status":"failed","variant":"v"}"#,
            r#"{"custom_id":"a","row":1,"status":"failed","variant":"v","sample":2}"#,
        ] {
            assert_ne!(plain, identity(other), "{other}");
        }
    }
}

//! The rows of an input, one after another.

use super::RowMaker;
use crate::input::{InputError, Record, Records};
use crate::output::EarlierRows;
use crate::run::{Identity, Row};

/// The rows of an input.
pub struct Rows<'a> {
    pub(super) maker: &'a RowMaker<'a>,
    pub(super) records: Records,
    pub(super) past: Option<&'a EarlierRows>,
    /// Fields to be kept, and the one that names rows, that no record had so far; `None` before the
    /// first record.
    pub(super) never_had: Option<Vec<String>>,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = match self.records.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            if let Ok(record) = &record {
                self.look_for_named(record);
            }
            if let Some(row) = self.maker.row(record, self.past) {
                return Some(Ok(row));
            }
        }
    }
}

impl Rows<'_> {
    /// What a person should know of the input, once all of it has been read.
    pub fn remarks(&self) -> Vec<String> {
        self.records.remarks()
    }

    /// Reads the next record and says who its row is; nothing is rendered. `None` after the last one.
    pub fn skip_row(&mut self) -> Option<Result<Identity, InputError>> {
        let read = self.records.next()?;
        Some(read.map(|record| {
            if let Ok(record) = &record {
                self.look_for_named(record);
            }
            self.maker.identified(record).0
        }))
    }

    /// Fields to be kept that no record had so far; none where there was no record to have them.
    pub fn never_kept(&self) -> impl Iterator<Item = &String> {
        let kept = self.maker.keep.names();
        self.never_had().filter(|name| kept.contains(name))
    }

    /// The field that is to name rows, where no record had it so far.
    pub fn never_named(&self) -> Option<&str> {
        let id = self.maker.id.field()?;
        self.never_had().any(|name| name == id).then_some(id)
    }

    fn never_had(&self) -> impl Iterator<Item = &String> {
        self.never_had.iter().flatten()
    }

    fn look_for_named(&mut self, record: &Record) {
        let maker = self.maker;
        let sought = || {
            let id = maker.id.field().map(str::to_owned);
            maker.keep.names().iter().cloned().chain(id).collect()
        };
        let sought: &mut Vec<String> = self.never_had.get_or_insert_with(sought);
        sought.retain(|name| record.get(name).is_none());
    }
}

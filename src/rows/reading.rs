//! The rows of an input, one after another.

use super::RowMaker;
use crate::input::{InputError, Record, Records};
use crate::output::EarlierRows;
use crate::run::{Identity, Row};

/// The rows of an input.
pub struct Rows<'a> {
    maker: &'a RowMaker<'a>,
    records: Records,
    past: Option<&'a EarlierRows>,
    /// The variants whose rows are made.
    places: Vec<usize>,
    /// Rows of the last record, in reverse.
    ready: Vec<Row>,
    /// How many more records make rows.
    left: u64,
    /// Fields to be kept, and the one that names rows, that no record had so far; `None` before the
    /// first record.
    never_had: Option<Vec<String>>,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.pop() {
                return Some(Ok(row));
            }
            if self.left == 0 {
                return None;
            }
            let record = match self.records.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            if let Ok(record) = &record {
                self.look_for_named(record);
            }
            if let Some(mut rows) = self.maker.rows_of(record, &self.places, self.past) {
                self.left -= 1;
                rows.reverse();
                self.ready = rows;
            }
        }
    }
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        maker: &'a RowMaker<'a>,
        records: Records,
        past: Option<&'a EarlierRows>,
    ) -> Self {
        Self {
            maker,
            records,
            past,
            places: (0..maker.variants()).collect(),
            ready: Vec::new(),
            left: u64::MAX,
            never_had: None,
        }
    }

    /// The rows of the first so many records.
    #[must_use]
    pub fn limited(self, limit: Option<u64>) -> Self {
        let left = limit.unwrap_or(u64::MAX);
        Self { left, ..self }
    }

    /// The rows of the variants at these places.
    #[must_use]
    pub fn of_variants(self, places: &[usize]) -> Self {
        let places = places.to_vec();
        Self { places, ..self }
    }

    /// What a person should know of the input, once all of it has been read.
    pub fn remarks(&self) -> Vec<String> {
        self.records.remarks()
    }

    /// Reads the next record and says who its rows are; nothing is rendered. `None` after the last one.
    pub fn skip_record(&mut self) -> Option<Result<Vec<Identity>, InputError>> {
        let read = self.records.next()?;
        Some(read.map(|record| {
            if let Ok(record) = &record {
                self.look_for_named(record);
            }
            self.maker.identities(record)
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

//! From records to rows that can be sent: prompt, body, fingerprint.

mod batching;
mod bounds;
mod fingerprint;
pub mod forecast;
mod mismatch;
mod only;
mod prefix;
pub mod preflight;
mod probe;
mod reading;
mod reask;
mod redo;
mod rejections;
mod renames;
mod renderer;
mod standing;
pub mod trouble;

use crate::family::{Doubtful, lacks};
use crate::input::{BadRow, Id, Input, InputError, Keep, Record};
use crate::job::{Plan, PlannedVariant};
use crate::model::{Category, Fault, Fingerprint};
use crate::output::EarlierRows;
use crate::run::{Identity, Row, Sharing};
use batching::sharing;
use renderer::Renderer;

pub(crate) use fingerprint::joined;
pub use mismatch::MismatchError;
pub use only::{Only, OnlyError};
pub use reading::Rows;
pub use redo::{Changed, Redo};
pub use standing::{Standing, identity, place_of};

/// Turns records into rows, the same way every time: each record into one, and with a sweep into one
/// for each sample of each variant.
#[derive(Debug)]
pub struct RowMaker<'a> {
    /// One for each variant, by its place; a job without a sweep has one.
    renderers: Vec<Renderer<'a>>,
    id: Id,
    keep: Keep,
    /// The rows that are made, where not all are.
    only: Option<Only>,
}

impl<'a> RowMaker<'a> {
    /// Settles where prompts, ids and kept fields come from.
    ///
    /// # Errors
    /// A field that does not exist, with those that do; a template that cannot be read.
    pub fn new(plan: &'a Plan, input: &Input) -> Result<Self, MismatchError> {
        Self::of(plan, vec![Renderer::new(plan, None, input)?], input)
    }

    /// Like [`Self::new`], but for all variants of a job, of which there is at least one.
    ///
    /// # Errors
    /// A field that does not exist, with those that do; a template that cannot be read.
    pub fn of_variants(
        variants: &'a [PlannedVariant],
        input: &Input,
    ) -> Result<Self, MismatchError> {
        let renderer = |variant: &'a PlannedVariant| {
            let renderer = Renderer::new(&variant.plan, variant.sweep.as_ref(), input);
            renderer.map_err(|mismatch| match variant.sweep {
                None => mismatch,
                Some(_) => MismatchError::Variant {
                    variant: variant.name().to_owned(),
                    mismatch: Box::new(mismatch),
                },
            })
        };
        let renderers = variants.iter().map(renderer);
        Self::of(
            &variants[0].plan,
            renderers.collect::<Result<_, _>>()?,
            input,
        )
    }

    fn of(
        plan: &'a Plan,
        renderers: Vec<Renderer<'a>>,
        input: &Input,
    ) -> Result<Self, MismatchError> {
        let fields = input.fields();
        Ok(Self {
            renderers,
            id: Id::resolve(plan.id.as_deref(), fields)?,
            keep: Keep::resolve(&plan.keep, fields)?,
            only: None,
        })
    }

    /// Makes these rows only.
    #[must_use]
    pub fn only(self, only: Option<Only>) -> Self {
        Self { only, ..self }
    }

    /// Whether it makes these rows only.
    pub fn selection(&self) -> Option<&Only> {
        self.only.as_ref()
    }

    /// All rows of `input`, from the first.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn rows(&'a self, input: &Input) -> Result<Rows<'a>, InputError> {
        Ok(Rows::new(self, input.records()?, None))
    }

    /// Like [`Self::rows`], but yields [`Row::Completed`] for completed rows without rendering them.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn rows_after(
        &'a self,
        past: &'a EarlierRows,
        input: &Input,
    ) -> Result<Rows<'a>, InputError> {
        Ok(Rows::new(self, input.records()?, Some(past)))
    }

    /// How many variants there are; 1 without a sweep.
    pub fn variants(&self) -> usize {
        self.renderers.len()
    }

    /// How many rows a record makes.
    pub fn rows_per_record(&self) -> u64 {
        let samples = self.renderers.iter().map(|it| u64::from(it.samples()));
        samples.sum()
    }

    /// Whether rows bring whole bodies, which are sent as they are.
    pub fn sends_bodies(&self) -> bool {
        self.renderers[0].sends_bodies
    }

    /// The fingerprints of the requests of a row whose fields are all blank, by variant, if a template
    /// makes prompts and such a request can be sent: what it says is the template alone.
    pub fn blank_requests(&self, input: &Input) -> Vec<Option<Fingerprint>> {
        let renderers = self.renderers.iter();
        renderers.map(|it| it.blank_request(input)).collect()
    }

    /// What a person should know where nothing of these records goes into their prompts.
    pub fn alike_remark(&self, records: u64) -> Option<String> {
        let mut renderers = self.renderers.iter();
        renderers.find_map(|it| it.prompter.alike_remark(records))
    }

    /// What a person should know where conversations have parameters beside them.
    pub fn ignored_remark(&self) -> Option<String> {
        let mut renderers = self.renderers.iter();
        renderers.find_map(|it| it.prompter.ignored_remark())
    }

    /// How many rows of the variant at `place` may share a call.
    pub fn rows_per_call(&self, place: usize) -> usize {
        self.renderers[place].rows_per_call
    }

    /// How rows of the variant at `place` share calls under a quota of `tokens_per_minute`.
    pub fn sharing(&self, place: usize, tokens_per_minute: Option<u64>) -> Sharing {
        sharing(self.rows_per_call(place), tokens_per_minute)
    }

    /// The bytes of a body of the variant at `place` that are no prompt: braces, names of fields,
    /// parameters.
    pub fn layout_bytes(&self, place: usize) -> usize {
        self.renderers[place].layout_bytes()
    }

    /// Whether rows are named by a field, and not by their number.
    pub fn ids_are_named(&self) -> bool {
        self.id != Id::Number
    }

    /// The rows of a record in these variants, unless the run is about other rows.
    fn rows_of(
        &self,
        read: Result<Record, BadRow>,
        places: &[usize],
        past: Option<&EarlierRows>,
    ) -> Option<Vec<Row>> {
        let (identity, record) = self.identified(read);
        let is_meant = |only: &Only| {
            let id = identity.custom_id.as_deref();
            id.is_some_and(|id| only.contains(id))
        };
        if !self.only.as_ref().is_none_or(is_meant) {
            return None;
        }
        let renderers = places.iter().map(|place| &self.renderers[*place]);
        let rows = renderers.flat_map(|renderer| renderer.rows(&identity, &record, past));
        Some(rows.collect())
    }

    /// Who the rows of a record are, in all variants; nothing is rendered.
    fn identities(&self, read: Result<Record, BadRow>) -> Vec<Identity> {
        let (identity, _) = self.identified(read);
        let renderers = self.renderers.iter();
        renderers.flat_map(|it| it.identities(&identity)).collect()
    }

    /// Who a record's row is, and the record if it can be used.
    fn identified(&self, read: Result<Record, BadRow>) -> (Identity, Result<Record, Fault>) {
        let record = match read {
            Ok(record) => record,
            Err(bad) => {
                // A number is known even of a row that cannot be read.
                let number = (self.id == Id::Number).then(|| bad.row.to_string());
                let identity = Identity {
                    row: bad.row,
                    custom_id: number,
                    ..Identity::default()
                };
                return (identity, Err(unusable(&bad)));
            }
        };
        let identity = Identity {
            row: record.row,
            metadata: Some(self.keep.of(&record)),
            ..Identity::default()
        };
        match self.id.of(&record) {
            Ok(id) => {
                let custom_id = Some(id);
                (
                    Identity {
                        custom_id,
                        ..identity
                    },
                    Ok(record),
                )
            }
            Err(bad) => (identity, Err(unusable(&bad))),
        }
    }
}

impl Plan {
    /// What the model wants beside a prompt and the job does not bring.
    pub(crate) fn lacks(&self) -> Option<String> {
        let base = self.model.base()?;
        let lacks = || lacks(&self.parameters.extra, base);
        match self.doubtful {
            Doubtful::Refused => lacks(),
            Doubtful::Sent => None,
        }
    }
}

fn unusable(bad: &BadRow) -> Fault {
    Fault::local(Category::BadInputRow, bad.to_string())
}

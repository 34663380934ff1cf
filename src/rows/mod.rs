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
mod standing;
pub mod trouble;

use std::sync::Arc;

use crate::catalog::id::suggest;
use crate::exact::Exact;
use crate::family::{Doubtful, Family, Rendered, lacks};
use crate::input::{BadRow, Id, Input, InputError, Keep, Record};
use crate::job::Plan;
use crate::model::{Category, Content, Fault, Fingerprint, Message, Prompt, Request, Role};
use crate::output::EarlierRows;
use crate::prompt::{PromptSource, PromptSpec, Prompter};
use crate::run::{Identity, ReadyRow, Row, Sharing};
use batching::sharing;

pub use mismatch::MismatchError;
pub use only::{Only, OnlyError};
pub use reading::Rows;
pub use redo::{Changed, Redo};
pub use standing::{Standing, identity};

/// InvokeModel takes no larger body (botocore 1.44.5, `Body`, max 25,000,000).
const MOST_BODY_BYTES: usize = 25_000_000;

/// Turns records into rows, the same way every time.
#[derive(Debug)]
pub struct RowMaker<'a> {
    plan: &'a Plan,
    prompter: Prompter,
    sends_bodies: bool,
    rows_per_call: usize,
    id: Id,
    keep: Keep,
    /// The rows that are made, where not all are.
    only: Option<Only>,
    /// Whether rows bring their prompts, whatever else needs them.
    with_prompts: bool,
}

impl<'a> RowMaker<'a> {
    /// Settles where prompts, ids and kept fields come from.
    ///
    /// # Errors
    /// A field that does not exist, with those that do; a template that cannot be read.
    pub fn new(plan: &'a Plan, input: &Input) -> Result<Self, MismatchError> {
        let fields = input.fields();
        let source = match &plan.source {
            Some(source) => source.clone(),
            None => PromptSource::usual(fields, input.advice())?,
        };
        let sends_bodies = matches!(source, PromptSource::Body(_));
        if plan.family == Family::Raw && !sends_bodies {
            return Err(MismatchError::NoLayout {
                model: plan.model.to_string(),
                hint: model_like(plan),
                families: Family::names(),
            });
        }
        if matches!(source, PromptSource::Texts(_)) && !plan.family.takes_texts() {
            return Err(MismatchError::NoTexts {
                family: plan.family.name(),
            });
        }
        if let (PromptSource::Body(_), Some(key)) = (&source, plan.idle_with_bodies) {
            return Err(MismatchError::IdleKey { key });
        }
        if !sends_bodies && let Some(what) = plan.lacks() {
            return Err(MismatchError::Lacks {
                model: plan.model.to_string(),
                what,
            });
        }
        let rows_per_call = plan.rows_per_call.of(&source)?;
        let spec = PromptSpec {
            source,
            system: plan.system.clone(),
        };
        Ok(Self {
            plan,
            prompter: Prompter::new(&spec, fields)?,
            sends_bodies,
            rows_per_call,
            id: Id::resolve(plan.id.as_deref(), fields)?,
            keep: Keep::resolve(&plan.keep, fields)?,
            only: None,
            with_prompts: plan.keeps_messages,
        })
    }

    /// Makes rows that bring their prompts.
    #[must_use]
    pub fn with_prompts(self) -> Self {
        Self {
            with_prompts: true,
            ..self
        }
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
        Ok(Rows {
            maker: self,
            records: input.records()?,
            past: None,
            never_had: None,
        })
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
        Ok(Rows {
            past: Some(past),
            ..self.rows(input)?
        })
    }

    /// Whether rows bring whole bodies, which are sent as they are.
    pub fn sends_bodies(&self) -> bool {
        self.sends_bodies
    }

    /// The fingerprint of the request of a row whose fields are all blank, if a template makes prompts
    /// and such a request can be sent: what it says is the template alone.
    pub fn blank_request(&self, input: &Input) -> Option<Fingerprint> {
        if !matches!(self.plan.source, Some(PromptSource::Template(_))) {
            return None;
        }
        let names = input.fields().names().iter();
        let blank = Record {
            row: 0,
            line: 0,
            fields: names.map(|name| (name.clone(), "".into())).collect(),
        };
        let (rendered, _) = self.rendered(&blank).ok()?;
        Some(self.plan.fingerprint_of(&rendered.body))
    }

    /// What a person should know where nothing of these rows goes into their prompts.
    pub fn alike_remark(&self, rows: u64) -> Option<String> {
        self.prompter.alike_remark(rows)
    }

    /// What a person should know where conversations have parameters beside them.
    pub fn ignored_remark(&self) -> Option<String> {
        self.prompter.ignored_remark()
    }

    /// How many rows may share a call.
    pub fn rows_per_call(&self) -> usize {
        self.rows_per_call
    }

    /// How rows share calls under a quota of `tokens_per_minute`.
    pub fn sharing(&self, tokens_per_minute: Option<u64>) -> Sharing {
        sharing(self.rows_per_call, tokens_per_minute)
    }

    /// The bytes of a body that are no prompt: braces, names of fields, parameters.
    pub fn layout_bytes(&self) -> usize {
        if self.sends_bodies {
            return 0;
        }
        // A letter each, since some layouts leave out what is empty.
        let prompt = Prompt {
            system: self.plan.system.is_some().then(|| "s".into()),
            system_written: None,
            messages: vec![Message {
                role: Role::User,
                text: "u".into(),
                images: Vec::new(),
                written: None,
            }],
        };
        let letters = 1 + usize::from(prompt.system.is_some());
        let mut parameters = self.plan.parameters.clone();
        // What is merged into every body, such as tools, is read by the model too.
        parameters.extra.clear();
        let base = self.plan.model.base();
        let body = self.plan.family.body(&prompt, &parameters, base);
        body.to_string().len().saturating_sub(letters)
    }

    /// Whether rows are named by a field, and not by their number.
    pub fn ids_are_named(&self) -> bool {
        self.id != Id::Number
    }

    /// The row of a record, unless the run is about other rows.
    fn row(&self, read: Result<Record, BadRow>, past: Option<&EarlierRows>) -> Option<Row> {
        let (identity, record) = self.identified(read);
        let is_meant = |only: &Only| {
            let id = identity.custom_id.as_deref();
            id.is_some_and(|id| only.contains(id))
        };
        let is_made = self.only.as_ref().is_none_or(is_meant);
        is_made.then(|| self.row_of(identity, record, past))
    }

    fn row_of(
        &self,
        mut identity: Identity,
        record: Result<Record, Fault>,
        past: Option<&EarlierRows>,
    ) -> Row {
        let before = past.and_then(|past| past.row(identity.custom_id.as_deref(), identity.row));
        if before.is_some() {
            return Row::Completed(identity);
        }
        match record.and_then(|record| self.rendered(&record)) {
            Ok((rendered, prompt)) => {
                identity.fingerprint = Some(self.plan.fingerprint_of(&rendered.body));
                identity.prompt = prompt.clone().filter(|_| self.with_prompts);
                Row::Ready(ReadyRow {
                    identity,
                    request: self.request(rendered, prompt),
                })
            }
            Err(fault) => Row::Rejected(identity, fault),
        }
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
            custom_id: None,
            fingerprint: None,
            metadata: Some(self.keep.of(&record)),
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

    fn request(&self, rendered: Rendered, prompt: Option<Arc<Prompt>>) -> Request {
        // What is merged into a body, or brought by a row, overrides the job's own limit.
        let default = self.plan.tokens.default_max_tokens;
        let max_tokens = rendered.limit.max_tokens(default);
        Request {
            worst_cost_usd: self.worst_cost_usd(&rendered, max_tokens),
            reserve_usd: self.plan.reserve_usd(&rendered, max_tokens),
            max_tokens,
            bill: rendered.bill,
            body: rendered.body.into(),
            prompt,
        }
    }

    /// The request of a record, and its prompt where something needs it.
    fn rendered(&self, record: &Record) -> Result<(Rendered, Option<Arc<Prompt>>), Fault> {
        let reasks = self.plan.schema.as_ref().map_or(0, |schema| schema.reasks);
        let mut asked = None;
        let Plan {
            family,
            model,
            parameters,
            ..
        } = self.plan;
        let rendered = match self.prompter.prompt(record).map_err(|bad| unusable(&bad))? {
            Content::Body(body) => {
                let rendered = family.rendered(body.text, &body.value);
                let refused = self.plan.refuses_body(&body.value, rendered.limit);
                refused.map_or(Ok(rendered), |why| Err(unusable(&record.bad(why))))?
            }
            Content::Prompt(prompt) => {
                let fits = family.accepts(&prompt, model.base(), self.plan.doubtful);
                fits.map_err(|reason| unusable(&record.bad(reason)))?;
                self.reject_oversized(record.row, &prompt)?;
                let body = family.body(&prompt, parameters, model.base());
                if self.plan.doubtful == Doubtful::Refused
                    && let Some(why) = family.rejects(&body)
                {
                    return Err(unusable(&record.bad(why)));
                }
                asked = (self.with_prompts || 0 < reasks).then(|| Arc::new(prompt));
                family.rendered(Exact(&body).to_string().into_bytes(), &body)
            }
        };
        if MOST_BODY_BYTES < rendered.body.len() {
            let message = format!(
                "row {}: the request has {} bytes, and InvokeModel takes at most {MOST_BODY_BYTES}",
                record.row,
                rendered.body.len()
            );
            return Err(Fault::local(Category::RequestTooLarge, message));
        }
        self.reject_unpriced(record.row, &rendered)?;
        Ok((rendered, asked))
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

/// The known model whose id is nearest to one that is not known.
fn model_like(plan: &Plan) -> String {
    let Some(base) = plan.model.base() else {
        return String::new();
    };
    match suggest(base) {
        Some(known) if !known.ends_with(base) => format!(" (did you mean `{known}`?)"),
        _ => String::new(),
    }
}

fn unusable(bad: &BadRow) -> Fault {
    Fault::local(Category::BadInputRow, bad.to_string())
}

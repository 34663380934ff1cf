//! From a record to the request of one variant: prompt, body, fingerprint.

use std::sync::Arc;

use super::{MismatchError, unusable};
use crate::catalog::id::suggest;
use crate::exact::Exact;
use crate::family::{Doubtful, Family, Rendered};
use crate::input::{Input, Record};
use crate::job::{Plan, SweepCells};
use crate::model::{Category, Content, Fault, Fingerprint, Message, Prompt, Request, Role};
use crate::output::{EarlierRows, RowName};
use crate::prompt::{PromptSource, PromptSpec, Prompter};
use crate::run::{Identity, ReadyRow, Row};

/// InvokeModel takes no larger body (botocore 1.44.5, `Body`, max 25,000,000).
const MOST_BODY_BYTES: usize = 25_000_000;

/// What makes the requests of one variant.
#[derive(Debug)]
pub(super) struct Renderer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) prompter: Prompter,
    pub(super) sends_bodies: bool,
    pub(super) rows_per_call: usize,
    /// Its place in a sweep.
    sweep: Option<&'a SweepCells>,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        sweep: Option<&'a SweepCells>,
        input: &Input,
    ) -> Result<Self, MismatchError> {
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
            sweep,
        })
    }

    /// How many rows a record makes.
    pub(super) fn samples(&self) -> u32 {
        self.sweep.map_or(1, |sweep| sweep.samples)
    }

    /// Who the rows of a record are.
    pub(super) fn identities(&self, identity: &Identity) -> impl Iterator<Item = Identity> {
        (1..=self.samples()).map(|sample| Identity {
            cell: self.sweep.map(|sweep| sweep.cell(sample)),
            ..identity.clone()
        })
    }

    /// The rows of a record: one for each sample. Samples without a seed of their own send the same
    /// request, which is rendered once.
    pub(super) fn rows(
        &self,
        identity: &Identity,
        record: &Result<Record, Fault>,
        past: Option<&EarlierRows>,
    ) -> Vec<Row> {
        let mut rendered: Option<(Option<u32>, Result<Rendering, Fault>)> = None;
        let row = |identity: Identity| {
            if past.is_some_and(|past| past.row(RowName::from(&identity)).is_some()) {
                return Row::Completed(identity);
            }
            let sample = identity.cell.as_ref().map(|cell| cell.sample);
            let seed = self.sweep.and_then(|sweep| sweep.seed(sample?));
            let again = rendered.as_ref().filter(|(of, _)| *of == seed);
            let rendering = match again {
                Some((_, rendering)) => rendering.clone(),
                None => {
                    let record = record.as_ref().map_err(Clone::clone);
                    let rendering = record.and_then(|record| self.render(record, seed));
                    rendered = Some((seed, rendering.clone()));
                    rendering
                }
            };
            match rendering {
                Ok(rendering) => Row::Ready(ReadyRow {
                    identity: Identity {
                        fingerprint: Some(rendering.fingerprint),
                        prompt: rendering
                            .request
                            .prompt
                            .clone()
                            .filter(|_| self.plan.keeps_messages),
                        ..identity
                    },
                    request: rendering.request,
                }),
                Err(fault) => Row::Rejected(identity, fault),
            }
        };
        self.identities(identity).map(row).collect()
    }

    /// The fingerprint of the request of a row whose fields are all blank, if a template makes prompts
    /// and such a request can be sent: what it says is the template alone.
    pub(super) fn blank_request(&self, input: &Input) -> Option<Fingerprint> {
        if !matches!(self.plan.source, Some(PromptSource::Template(_))) {
            return None;
        }
        let names = input.fields().names().iter();
        let blank = Record {
            row: 0,
            line: 0,
            fields: names.map(|name| (name.clone(), "".into())).collect(),
        };
        let seed = self.sweep.and_then(|sweep| sweep.seed(1));
        Some(self.render(&blank, seed).ok()?.fingerprint)
    }

    /// The bytes of a body that are no prompt: braces, names of fields, parameters.
    pub(super) fn layout_bytes(&self) -> usize {
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

    fn render(&self, record: &Record, seed: Option<u32>) -> Result<Rendering, Fault> {
        let (rendered, prompt) = self.rendered(record, seed)?;
        Ok(Rendering {
            fingerprint: self.plan.fingerprint_of(&rendered.body),
            request: self.request(rendered, prompt),
        })
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
            silence: None,
        }
    }

    /// The request of a record, and its prompt where something needs it.
    fn rendered(
        &self,
        record: &Record,
        seed: Option<u32>,
    ) -> Result<(Rendered, Option<Arc<Prompt>>), Fault> {
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
                let mut body = family.body(&prompt, parameters, model.base());
                if let Some(seed) = seed {
                    family.sow(&mut body, seed);
                }
                if self.plan.doubtful == Doubtful::Refused
                    && let Some(why) = family.rejects(&body)
                {
                    return Err(unusable(&record.bad(why)));
                }
                asked = (self.plan.keeps_messages || 0 < reasks).then(|| Arc::new(prompt));
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

/// A request and what identifies it.
#[derive(Debug, Clone)]
struct Rendering {
    fingerprint: Fingerprint,
    request: Request,
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

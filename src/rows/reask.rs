//! The request that asks a model to correct a response which breaks the schema of the job.

use std::sync::Arc;

use super::bounds::WorstCost;
use super::forecast::{Cases, MOST_BYTES_ADDED};
use crate::catalog::ModelFacts;
use crate::exact::Exact;
use crate::family::{Doubtful, Family, Parameters, Rendered};
use crate::job::Plan;
use crate::model::{
    Message, Prompt, Reply, Request, Role, SchemaCheck, SchemaError, SchemaMode, SentSchema, Tier,
};
use crate::run::Reasks;

/// What stands for a response without text: no API takes an empty turn.
const NO_TEXT: &str = "(no text)";

/// What requests are rendered and priced by.
struct Corrector {
    family: Family,
    parameters: Parameters,
    base: Option<String>,
    doubtful: Doubtful,
    sent: Arc<SentSchema>,
    facts: Option<ModelFacts>,
    tier: Tier,
    default_max_tokens: u64,
}

impl Plan {
    /// How often a row is corrected, on average. What is expected is a guess by the mode: the service
    /// enforces a native schema, a model mostly follows that of a tool.
    pub(crate) fn corrections(&self) -> Cases<f64> {
        let none = Cases {
            low: 0.0,
            expected: 0.0,
            worst: 0.0,
        };
        let Some(schema) = self.schema.as_ref().filter(|schema| 0 < schema.reasks) else {
            return none;
        };
        let expected = match schema.sent.mode {
            SchemaMode::Native => 0.005,
            SchemaMode::Tool => 0.02,
            SchemaMode::Prompt => 0.05,
        };
        Cases {
            expected,
            worst: f64::from(schema.reasks),
            ..none
        }
    }

    /// Whether and how invalid responses of this job are corrected.
    pub(crate) fn reasks(&self) -> Option<Reasks> {
        let schema = self.schema.as_ref().filter(|schema| 0 < schema.reasks)?;
        let corrector = Corrector {
            family: self.family,
            parameters: self.parameters.clone(),
            base: self.model.base().map(str::to_owned),
            doubtful: self.doubtful,
            sent: Arc::clone(&schema.sent),
            facts: self.facts.clone(),
            tier: self.terms.tier.unwrap_or_default(),
            default_max_tokens: self.tokens.default_max_tokens,
        };
        Some(Reasks {
            most: schema.reasks,
            correct: Arc::new(move |own, reply| corrector.request(own, reply)),
        })
    }

    /// What the corrections of a row can cost at most, in USD.
    pub(crate) fn reserve_usd(&self, rendered: &Rendered, max_tokens: Option<u32>) -> f64 {
        let reasks = self.schema.as_ref().map_or(0, |schema| schema.reasks);
        if reasks == 0 {
            return 0.0;
        }
        let worst = WorstCost::of(self);
        let input = most_input(rendered.body.len(), worst.output(max_tokens));
        f64::from(reasks) * worst.usd(rendered, input, max_tokens).unwrap_or(0.0)
    }
}

/// The most tokens that a correction of a request with this many bytes reads: the response is no longer
/// than its limit, however many bytes its tokens have.
fn most_input(own_bytes: usize, output: u64) -> u64 {
    own_bytes as u64 + output + MOST_BYTES_ADDED
}

impl Corrector {
    fn request(&self, own: &Request, reply: &Reply) -> Option<Request> {
        let prompt = self.conversation(own.prompt.as_deref()?, reply)?;
        let base = self.base.as_deref();
        let body = self.family.body(&prompt, &self.parameters, base);
        let text = Exact(&body).to_string().into_bytes();
        let rendered = self.family.rendered(text, &body);
        let max_tokens = rendered.limit.max_tokens(self.default_max_tokens);
        let worst = WorstCost {
            facts: self.facts.as_ref(),
            tier: self.tier,
            default_max_tokens: self.default_max_tokens,
        };
        let most = most_input(own.body.len(), worst.output(max_tokens));
        let input = most.min(rendered.body.len() as u64);
        Some(Request {
            worst_cost_usd: worst.usd(&rendered, input, max_tokens),
            reserve_usd: 0.0,
            max_tokens,
            bill: rendered.bill,
            body: rendered.body.into(),
            prompt: None,
            silence: None,
        })
    }

    /// The conversation so far, the response, and what is wrong with it. A family that knows no
    /// conversations is told all of it in one text.
    fn conversation(&self, own: &Prompt, reply: &Reply) -> Option<Prompt> {
        let said = reply.parsed.completion.as_deref().unwrap_or_default();
        let said = match said.trim() {
            "" => NO_TEXT,
            text => text,
        };
        let Some(SchemaCheck::Invalid(errors)) = &reply.parsed.schema else {
            return None;
        };
        let wanted = wanted(&self.sent, errors);
        let mut prompt = own.clone();
        prompt
            .messages
            .push(message(Role::Assistant, said.to_owned()));
        prompt.messages.push(message(Role::User, wanted.clone()));
        if self.takes(&prompt) {
            return Some(prompt);
        }
        let mut prompt = own.clone();
        let last = prompt.messages.iter_mut().rev();
        let last = last
            .into_iter()
            .find(|it| it.role == Role::User && it.written.is_none())?;
        last.text = format!("{}\n\nYour answer was:\n{said}\n\n{wanted}", last.text);
        self.takes(&prompt).then_some(prompt)
    }

    fn takes(&self, prompt: &Prompt) -> bool {
        let base = self.base.as_deref();
        self.family.accepts(prompt, base, self.doubtful).is_ok()
    }
}

fn message(role: Role, text: String) -> Message {
    Message {
        role,
        text,
        images: Vec::new(),
        written: None,
    }
}

/// What the model is told: the errors, and to give the whole answer again.
fn wanted(sent: &SentSchema, errors: &[SchemaError]) -> String {
    let errors: String = errors.iter().map(|error| format!("- {error}\n")).collect();
    let how = match sent.mode {
        SchemaMode::Tool => format!("Call the tool `{}` again with the whole answer", sent.name),
        SchemaMode::Native | SchemaMode::Prompt => {
            "Give the whole answer again, as one JSON value and nothing else".to_owned()
        }
    };
    format!("That answer is not valid against the JSON Schema:\n{errors}{how}, corrected.")
}

//! One small call that shows whether a job's calls will be taken.

use crate::job::Plan;
use crate::model::{Message, Prompt, Request, Role};
use crate::prompt::PromptSource;

/// The least that every model takes (OpenAI's refuse less), and enough for a word.
const MAX_TOKENS: u32 = 16;

const WORDS: &str = "Reply with one word: ready";

impl Plan {
    /// A call with the job's own parameters and a prompt of a few words; `None` where the job sends
    /// bodies, the family has no form for a prompt, or the model wants more than one: then only
    /// rows know what a body looks like.
    ///
    /// Its answer is kept short, unless the job merges fields of its own into bodies: some of
    /// them, such as a budget for thinking, must be less than `max_tokens`.
    pub fn probe(&self) -> Option<Request> {
        if matches!(self.source, Some(PromptSource::Body(_))) {
            return None;
        }
        let prompt = Prompt {
            system: None,
            system_written: None,
            messages: vec![Message {
                role: Role::User,
                text: WORDS.to_owned(),
                images: Vec::new(),
                written: None,
            }],
        };
        let base = self.model.base();
        self.family.accepts(&prompt, base, self.doubtful).ok()?;
        if self.lacks().is_some() {
            return None;
        }
        let mut parameters = self.parameters.clone();
        if parameters.extra.is_empty() {
            parameters.max_tokens = parameters.max_tokens.map(|most| most.min(MAX_TOKENS));
        }
        let rendered = self
            .family
            .render(&self.family.body(&prompt, &parameters, base));
        Some(Request {
            max_tokens: rendered.limit.max_tokens(self.tokens.default_max_tokens),
            bill: rendered.bill,
            body: rendered.body.into(),
            ..Request::default()
        })
    }
}

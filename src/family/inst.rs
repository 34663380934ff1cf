//! The template of Llama 2, Mistral 7B and Mixtral: the user speaks between `[INST]` and `[/INST]`.

use super::vocabulary::neutralise;
use crate::model::{Prompt, Role};

/// What differs between them.
pub(super) struct InstTemplate {
    /// Before the conversation, and before each turn of the user's.
    pub(super) begin: &'static str,
    pub(super) open: &'static str,
    /// Around the system prompt, which stands inside the first question.
    pub(super) system: [&'static str; 2],
    /// Behind an answer.
    pub(super) end: &'static str,
    /// What must not come from a row.
    pub(super) special: &'static [&'static str],
}

impl InstTemplate {
    /// The conversation, open where the model goes on: after its own words if they come last.
    pub(super) fn fill(&self, prompt: &Prompt) -> String {
        let Self { open, end, .. } = self;
        let safe = |text: &str| neutralise(text, self.special);
        let [before, behind] = self.system;
        let mut system = prompt.system.as_deref();
        let mut said = self.begin.to_owned();
        for (at, message) in prompt.messages.iter().enumerate() {
            let is_last = at + 1 == prompt.messages.len();
            let text = safe(&message.text);
            said += &match message.role {
                Role::User | Role::System => {
                    let system = system
                        .take()
                        .map(|it| format!("{before}{}{behind}", safe(it)));
                    let system = system.unwrap_or_default();
                    format!("{open}{system}{text} [/INST]")
                }
                Role::Assistant if is_last => format!(" {text}"),
                Role::Assistant => format!(" {text}{end}"),
            };
        }
        said
    }
}

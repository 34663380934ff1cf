//! Which conversations a family can put into words.

use super::Family;
use crate::model::catalog;
use crate::prompt::{Message, Prompt, Role};

impl Family {
    /// Refuses a prompt that this family, or the model behind `base`, has no form for; says what
    /// to change.
    pub fn accepts(self, prompt: &Prompt, base: Option<&str>) -> Result<(), String> {
        let name = self.name();
        let (Some(first), Some(last)) = (prompt.messages.first(), prompt.messages.last()) else {
            return match self.brings_body() {
                true => Ok(()),
                false => Err("the prompt has no message".to_owned()),
            };
        };
        if !self.converses() {
            return one_text(name, prompt);
        }
        if self.brings_body() {
            return Err(format!(
                "{name} has no form for prompts: give a body, or name a family"
            ));
        }
        if first.role == Role::Assistant && self.user_first() {
            return Err(format!("{name} wants the user to speak first"));
        }
        if self.alternates() && !takes_turns(&prompt.messages) {
            return Err(format!("{name} wants user and assistant to speak in turn"));
        }
        if last.role == Role::Assistant && !self.continues(base) {
            let model = base.unwrap_or(name);
            return Err(format!(
                "{model} refuses to go on from an assistant's words: end with the user's"
            ));
        }
        Ok(())
    }

    fn brings_body(self) -> bool {
        self == Self::Raw
    }

    fn converses(self) -> bool {
        self != Self::TitanEmbedText
    }

    fn user_first(self) -> bool {
        match self {
            Self::ClaudeMessages | Self::Nova | Self::MistralText => true,
            Self::OpenaiChat
            | Self::MistralChat
            | Self::Llama3
            | Self::Llama4
            | Self::DeepseekText
            | Self::TitanText
            | Self::TitanEmbedText
            | Self::Raw => false,
        }
    }

    /// Mistral's template has no form for two questions in a row.
    fn alternates(self) -> bool {
        self == Self::MistralText
    }

    /// Whether the last turn may be the beginning of the answer.
    fn continues(self, base: Option<&str>) -> bool {
        // The prompt of DeepSeek R1 ends inside its thought, where no answer has begun.
        let refuses = base
            .and_then(catalog::anywhere)
            .is_some_and(|facts| facts.no_prefill);
        self != Self::DeepseekText && !refuses
    }
}

/// An embedding is of one text.
fn one_text(name: &str, prompt: &Prompt) -> Result<(), String> {
    if prompt.system.is_some() {
        return Err(format!(
            "{name} takes no system prompt: put all of the text into one message"
        ));
    }
    match prompt.messages.as_slice() {
        [
            Message {
                role: Role::User, ..
            },
        ] => Ok(()),
        messages => Err(format!(
            "{name} takes one user message, not {} turns",
            messages.len()
        )),
    }
}

fn takes_turns(messages: &[Message]) -> bool {
    messages.windows(2).all(|pair| pair[0].role != pair[1].role)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `turns` is a word of `u` and `a`; a leading `s` is a system prompt.
    #[track_caller]
    fn check(family: Family, base: Option<&str>, turns: &str, said: &str) {
        let role = |c| {
            if c == 'u' {
                Role::User
            } else {
                Role::Assistant
            }
        };
        let messages = turns.trim_start_matches('s').chars();
        let prompt = Prompt {
            system: turns.starts_with('s').then(|| "be brief".into()),
            messages: messages
                .map(|c| Message {
                    role: role(c),
                    text: "hi".into(),
                })
                .collect(),
        };
        let found = family.accepts(&prompt, base);
        assert_eq!(found.map_or_else(|e| e, |()| "ok".into()), said, "{turns}");
    }

    #[test]
    fn conversations_fit_families_that_converse() {
        let families = Family::ALL
            .into_iter()
            .filter(|it| it.converses() && !it.brings_body());
        for family in families {
            check(family, None, "u", "ok");
            check(family, None, "suau", "ok");
            check(family, None, "", "the prompt has no message");
        }
    }

    #[test]
    fn an_embedding_is_of_one_text() {
        let titan = Family::TitanEmbedText;
        check(titan, None, "u", "ok");
        check(
            titan,
            None,
            "su",
            "titan-embed-text takes no system prompt: put all of the text into one message",
        );
        check(
            titan,
            None,
            "uau",
            "titan-embed-text takes one user message, not 3 turns",
        );
        check(
            titan,
            None,
            "a",
            "titan-embed-text takes one user message, not 1 turns",
        );
    }

    #[test]
    fn newer_claude_models_refuse_a_begun_answer() {
        let claude = Family::ClaudeMessages;
        check(
            claude,
            Some("anthropic.claude-haiku-4-5-20251001-v1:0"),
            "ua",
            "ok",
        );
        let opus = "anthropic.claude-opus-4-7";
        let said =
            format!("{opus} refuses to go on from an assistant's words: end with the user's");
        check(claude, Some(opus), "ua", &said);
    }

    #[test]
    fn templates_want_their_order() {
        check(
            Family::Nova,
            None,
            "au",
            "nova wants the user to speak first",
        );
        check(
            Family::MistralText,
            None,
            "uu",
            "mistral-text wants user and assistant to speak in turn",
        );
        check(
            Family::Raw,
            None,
            "u",
            "raw has no form for prompts: give a body, or name a family",
        );
        check(Family::Raw, None, "", "ok");
    }
}

//! Which conversations a family can put into words.

use super::content::is_base64_of_something;
use super::layout::{Form, Images, LaterSystems, Prefill, System, TurnOrder, Turns};
use super::{Doubtful, Family};
use crate::catalog::Capabilities;
use crate::model::{Block, Image, Message, Prompt, Role, Written};

impl Family {
    /// Refuses a prompt that this family, or the model behind `base`, has no form for; says what
    /// to change.
    /// What only the catalog says the model refuses may be sent all the same.
    pub fn accepts(
        self,
        prompt: &Prompt,
        base: Option<&str>,
        doubtful: Doubtful,
    ) -> Result<(), String> {
        let name = self.name();
        self.has_places(prompt)?;
        let shows = images(prompt).next().is_some();
        if shows && self.layout().images != Images::InMessages {
            return Err(format!(
                "{name} has no form for images in messages: send such rows with a body"
            ));
        }
        if let (Some(most), Doubtful::Refused) = (self.layout().largest_image, doubtful) {
            small_images(name, prompt, most)?;
        }
        if doubtful == Doubtful::Refused {
            base64_images(prompt)?;
        }
        match self.layout().form {
            Form::Body if prompt.messages.is_empty() => Ok(()),
            Form::Body => Err(format!(
                "{name} has no form for prompts: give a body, or name a family"
            )),
            _ if prompt.messages.is_empty() => Err("the prompt has no message".to_owned()),
            Form::Turns(turns) => self.converses(turns, prompt, base, doubtful),
            Form::Text(System::Before) => one_text(name, prompt),
            Form::Text(System::Refused) => {
                no_system(name, prompt)?;
                one_text(name, prompt)
            }
            Form::Texts(least, most) => {
                no_system(name, prompt)?;
                texts(name, prompt, least, most)
            }
            Form::EachText(lists) => {
                no_system(name, prompt)?;
                texts(name, prompt, 1, lists.most)
            }
        }
    }

    /// Whether a body can say that its system prompt is to be cached.
    pub fn marks_cache(self) -> bool {
        self.layout().marks_cache
    }

    /// Whether several texts go into one call.
    pub fn takes_texts(self) -> bool {
        matches!(self.layout().form, Form::Texts(..) | Form::EachText(_))
    }

    fn converses(
        self,
        turns: Turns,
        prompt: &Prompt,
        base: Option<&str>,
        doubtful: Doubtful,
    ) -> Result<(), String> {
        let name = self.name();
        let speaks = |at: Option<&Message>, role| at.is_some_and(|message| message.role == role);
        let (user_first, in_turn) = match turns.order {
            TurnOrder::Free => (false, false),
            TurnOrder::UserFirst => (true, false),
            TurnOrder::InTurn => (true, true),
        };
        if user_first && speaks(prompt.messages.first(), Role::Assistant) {
            return Err(format!(
                "{name} requires the first message to be the user's"
            ));
        }
        if in_turn && !takes_turns(&prompt.messages) {
            return Err(format!(
                "{name} requires user and assistant messages to alternate"
            ));
        }
        if prompt.messages.iter().any(|it| it.role == Role::System) {
            let is_taken = match turns.later_systems {
                LaterSystems::Taken => true,
                LaterSystems::ByModel => {
                    let takes = |base| Capabilities::of(base).later_systems;
                    doubtful == Doubtful::Sent || base.is_some_and(takes)
                }
                LaterSystems::Rejected => false,
            };
            if !is_taken {
                let model = base.unwrap_or(name);
                return Err(format!(
                    "{model} takes no system message after the first turn: put it before the \
                     others, or send such rows with a body"
                ));
            }
        }
        let is_begun = speaks(prompt.messages.last(), Role::Assistant);
        let model_refuses = || base.is_some_and(|base| Capabilities::of(base).no_prefill);
        let refuses = || {
            turns.begun == Prefill::Refused || (doubtful == Doubtful::Refused && model_refuses())
        };
        if is_begun && refuses() {
            let model = base.unwrap_or(name);
            return Err(format!(
                "{model} does not support assistant prefill: end with a user message"
            ));
        }
        Ok(())
    }
}

/// All images, those between texts too.
fn images(prompt: &Prompt) -> impl Iterator<Item = &Image> {
    prompt.messages.iter().flat_map(images_of)
}

fn images_of(message: &Message) -> impl Iterator<Item = &Image> {
    let blocks = match &message.written {
        Some(Written::Blocks(blocks)) => blocks.as_slice(),
        Some(Written::As { .. }) | None => &[],
    };
    let between = blocks.iter().filter_map(|block| match block {
        Block::Image(image) => Some(image),
        Block::Text(_) => None,
    });
    message.images.iter().chain(between)
}

fn base64_images(prompt: &Prompt) -> Result<(), String> {
    for (number, message) in (1..).zip(&prompt.messages) {
        let mut images = images_of(message);
        if images.any(|image| !is_base64_of_something(&image.base64)) {
            return Err(format!(
                "an image of message {number} is not base64: encode the bytes of the file, without \
                 line breaks"
            ));
        }
    }
    Ok(())
}

fn small_images(name: &str, prompt: &Prompt, most: usize) -> Result<(), String> {
    let bytes = images(prompt)
        .map(|image| decoded_bytes(&image.base64))
        .max();
    match bytes {
        Some(bytes) if most < bytes => Err(format!(
            "an image of {:.2} MB is too large: {name} takes {:.2} MB; make it smaller",
            bytes as f64 / MEGABYTE,
            most as f64 / MEGABYTE
        )),
        Some(_) | None => Ok(()),
    }
}

const MEGABYTE: f64 = 1_048_576.0;

/// How many bytes this base64 stands for.
fn decoded_bytes(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

fn no_system(name: &str, prompt: &Prompt) -> Result<(), String> {
    match prompt.system {
        Some(_) => Err(format!(
            "{name} takes no system prompt: put all of the text into one message"
        )),
        None => Ok(()),
    }
}

fn one_text(name: &str, prompt: &Prompt) -> Result<(), String> {
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

fn texts(name: &str, prompt: &Prompt, least: usize, most: usize) -> Result<(), String> {
    let given = prompt.messages.len();
    if prompt.messages.iter().any(|it| it.role != Role::User) {
        return Err(format!("{name} takes texts, not a conversation"));
    }
    if given < least {
        return Err(format!(
            "{name} takes {least} texts at least, a query and its documents: give them as a list \
             with --texts"
        ));
    }
    match given <= most {
        true => Ok(()),
        false => Err(format!(
            "{name} takes {most} texts at most, not {given}: make more rows of them"
        )),
    }
}

fn takes_turns(messages: &[Message]) -> bool {
    messages.windows(2).all(|pair| pair[0].role != pair[1].role)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `turns` is a word of `u` and `a`, and `y` for a later system message; a leading `s` is a system
    /// prompt.
    #[track_caller]
    fn check(family: Family, base: Option<&str>, turns: &str, said: &str) {
        let role = |c| match c {
            'u' => Role::User,
            'y' => Role::System,
            _ => Role::Assistant,
        };
        let messages = turns.trim_start_matches('s').chars();
        let prompt = Prompt {
            system: turns.starts_with('s').then(|| "be brief".into()),
            system_written: None,
            messages: messages
                .map(|c| Message {
                    role: role(c),
                    text: "hi".into(),
                    images: Vec::new(),
                    written: None,
                })
                .collect(),
        };
        let found = family.accepts(&prompt, base, Doubtful::Refused);
        assert_eq!(found.map_or_else(|e| e, |()| "ok".into()), said, "{turns}");
    }

    #[test]
    fn conversations_fit_families_that_converse() {
        let talks = |family: &Family| matches!(family.layout().form, Form::Turns(_));
        for family in Family::ALL.iter().copied().filter(talks) {
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
        let said = format!("{opus} does not support assistant prefill: end with a user message");
        check(claude, Some(opus), "ua", &said);
        let begun = crate::family::tests::golden::prompt("user: a\nassistant: b");
        let forced = claude.accepts(&begun, Some(opus), Doubtful::Sent);
        assert_eq!(forced, Ok(()), "the catalog may be wrong");
    }

    #[test]
    fn an_image_has_the_size_that_claude_takes() {
        let shown = |bytes: usize| {
            let mut prompt = crate::family::tests::golden::prompt("user+image: what?");
            prompt.messages[0].images[0].base64 = "A".repeat(bytes * 4 / 3);
            prompt
        };
        let (fits, large) = (shown(3_932_160), shown(3_932_163));
        let claude = Family::ClaudeMessages;
        assert_eq!(claude.accepts(&fits, None, Doubtful::Refused), Ok(()));
        let said = claude.accepts(&large, None, Doubtful::Refused);
        let expected = "an image of 3.75 MB is too large: claude-messages takes 3.75 MB; make it \
                        smaller";
        assert_eq!(said, Err(expected.to_owned()));
        assert_eq!(claude.accepts(&large, None, Doubtful::Sent), Ok(()));
        assert_eq!(
            Family::Nova.accepts(&large, None, Doubtful::Refused),
            Ok(())
        );
    }

    #[test]
    fn a_later_system_message_is_sent_to_models_that_take_it() {
        let claude = Family::ClaudeMessages;
        check(claude, Some("anthropic.claude-opus-4-8"), "uauy", "ok");
        check(Family::OpenaiChat, None, "uyu", "ok");
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        let no = "takes no system message after the first turn: put it before the others, or send \
                  such rows with a body";
        check(claude, Some(haiku), "uauy", &format!("{haiku} {no}"));
        for (family, name) in [
            (Family::Nova, "nova"),
            (Family::Llama3, "llama3"),
            (Family::Jamba, "jamba"),
            (Family::CommandR, "command-r"),
        ] {
            check(family, None, "uay", &format!("{name} {no}"));
        }
        let prompt = crate::family::tests::golden::prompt("user: a\nlater-system: b");
        assert_eq!(
            claude.accepts(&prompt, Some(haiku), Doubtful::Sent),
            Ok(()),
            "the catalog may be wrong"
        );
    }

    #[test]
    fn templates_want_their_order() {
        check(
            Family::Nova,
            None,
            "au",
            "nova requires the first message to be the user's",
        );
        check(
            Family::MistralText,
            None,
            "uu",
            "mistral-text requires user and assistant messages to alternate",
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

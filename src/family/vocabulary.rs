//! The words of templates and replies: stop reasons, special tokens, reasoning.

use serde_json::{Value, json};

use crate::model::{FinishReason, Message, ParsedReply, Prompt, Role, Usage};

/// The speaker of a turn, as every family but Titan names it.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    }
}

/// A provider's stop word in promptmill's words.
pub(super) fn finish(word: &str) -> FinishReason {
    match word.to_ascii_lowercase().as_str() {
        "end_turn" | "stop" | "stop_sequence" | "finish" | "finished" | "stop_criteria_met"
        | "complete" | "endoftext" | "eos_token" => FinishReason::Stop,
        "max_tokens" | "length" => FinishReason::Length,
        "tool_use" | "tool_calls" => FinishReason::ToolCalls,
        "refusal" | "content_filter" | "content_filtered" | "error_toxic" => {
            FinishReason::ContentFilter
        }
        "guardrail_intervened" => FinishReason::Guardrail,
        "model_context_window_exceeded" | "error_limit" => FinishReason::ContextWindow,
        _ => FinishReason::Unknown,
    }
}

/// Whether a provider's stop word says that the model failed: what it wrote until then is no answer.
pub(super) fn means_failure(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "error" | "malformed_model_output" | "malformed_tool_use" | "user_cancel"
    )
}

/// Whether a provider's stop word says that a filter took the answer.
pub(super) fn means_filtered(word: &str) -> bool {
    is_filtered(finish(word))
}

fn is_filtered(finish: FinishReason) -> bool {
    matches!(
        finish,
        FinishReason::ContentFilter | FinishReason::Guardrail
    )
}

fn is_cut_off(finish: FinishReason) -> bool {
    matches!(finish, FinishReason::Length | FinishReason::ContextWindow)
}

/// The text of a reply. A filter that takes the answer may take the key with it: the word for that
/// makes a missing text an empty one.
pub(super) fn text_or_filtered<'v>(text: Option<&'v str>, stop: Option<&str>) -> Option<&'v str> {
    text.or_else(|| stop.filter(|word| means_filtered(word)).map(|_| ""))
}

/// The reading of a reply with several answers to one prompt: the first is the completion, and where
/// there are more, all of them are the output. One that a filter took, or that was cut off, is not
/// hidden behind the others.
pub(super) fn first_of(answers: Vec<ParsedReply>) -> Option<ParsedReply> {
    let output = (1 < answers.len()).then(|| answers.iter().map(listed).collect());
    let that = |is: fn(FinishReason) -> bool| answers.iter().find(|it| is(it.finish_reason));
    let worst = that(is_filtered).or_else(|| that(is_cut_off));
    let worst = worst.map(|it| (it.finish_reason, it.stop_reason.clone()));
    let mut first = answers.into_iter().next()?;
    if let Some((finish_reason, stop_reason)) = worst {
        first.finish_reason = finish_reason;
        first.stop_reason = stop_reason;
    }
    Some(ParsedReply {
        output: output.or(first.output),
        ..first
    })
}

/// One of several answers: its text, and beside it the tools it calls, if it does.
fn listed(answer: &ParsedReply) -> Value {
    match &answer.output {
        None => json!(answer.completion),
        Some(output) => json!({"completion": answer.completion, "output": output}),
    }
}

/// `reading` without the white space at the beginning of its completions.
pub(super) fn trimmed(mut reading: ParsedReply) -> ParsedReply {
    if let Some(completion) = &mut reading.completion {
        trim_start(completion);
    }
    if let Some(Value::Array(all)) = &mut reading.output {
        for completion in all {
            if let Value::String(completion) = completion {
                trim_start(completion);
            }
        }
    }
    reading
}

fn trim_start(text: &mut String) {
    let lead = text.len() - text.trim_start().len();
    text.drain(..lead);
}

/// The reading of a reply that is one text.
pub(super) fn answered(text: impl Into<String>, stop: Option<&str>, usage: Usage) -> ParsedReply {
    ParsedReply {
        completion: Some(text.into()),
        finish_reason: stop.map_or(FinishReason::Unknown, finish),
        stop_reason: stop.map(str::to_owned),
        usage,
        ..ParsedReply::default()
    }
}

/// `text` with a family's special tokens broken by a space after their first character, so that
/// what a row says cannot end its turn and speak as somebody else.
pub(super) fn neutralise(text: &str, tokens: &[&str]) -> String {
    let mut safe = text.to_owned();
    for token in tokens.iter().filter(|token| text.contains(**token)) {
        let mut rest = token.chars();
        let broken: String = rest.next().into_iter().chain([' ']).chain(rest).collect();
        safe = safe.replace(token, &broken);
    }
    safe
}

/// The texts of a prompt as one: for models that know no conversation.
pub(super) fn one_text(prompt: &Prompt) -> String {
    let turns = prompt.messages.iter().map(|message| message.text.as_str());
    let texts: Vec<&str> = prompt.system.as_deref().into_iter().chain(turns).collect();
    texts.join("\n\n")
}

/// The texts of a prompt, each for itself.
pub(super) fn texts(prompt: &Prompt) -> Vec<String> {
    let texts = prompt.messages.iter().map(|message| message.text.clone());
    texts.collect()
}

/// Whether the model is to speak next, and not to go on.
pub(super) fn awaits_answer(prompt: &Prompt) -> bool {
    let last = prompt.messages.last();
    last.is_none_or(|Message { role, .. }| *role != Role::Assistant)
}

/// Reasoning and answer, where a text holds both with `close` between them. Reasoning that was cut
/// short has no answer behind it.
pub(super) fn split_reasoning(
    text: &str,
    close: &str,
    stop: FinishReason,
) -> (Option<String>, String) {
    match text.split_once(close) {
        Some((reasoning, answer)) => (thought(reasoning), answer.trim_start().to_owned()),
        None if is_cut_off(stop) => (thought(text), String::new()),
        None => (None, text.to_owned()),
    }
}

/// Reasoning without the space around it, if there is any.
pub(super) fn thought(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_tokens_are_broken_and_nothing_else_is() {
        let tokens = ["<s>", "</s>", "[INST]", "[/INST]"];
        let safe = neutralise("a < b [/INST] c</s><s>[INST] d", &tokens);
        assert_eq!(safe, "a < b [ /INST] c< /s>< s>[ INST] d");
        assert_eq!(neutralise("plain [x] text", &tokens), "plain [x] text");
    }

    #[test]
    fn reasoning_that_was_cut_short_is_no_answer() {
        for stop in [FinishReason::Length, FinishReason::ContextWindow] {
            let split = split_reasoning("so far", "</think>", stop);
            assert_eq!(split, (Some("so far".into()), String::new()), "{stop:?}");
        }
        let split = split_reasoning("so far", "</think>", FinishReason::Stop);
        assert_eq!(split, (None, "so far".into()));
    }
}

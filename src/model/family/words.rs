//! The words of templates and replies: stop reasons, special tokens, reasoning.

use crate::model::FinishReason;
use crate::prompt::Role;

/// The speaker of a turn, as every family but Titan names it.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
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

/// `text` without what stands up to the first `close`, if it is there.
pub(super) fn after<'t>(text: &'t str, close: &str) -> Option<&'t str> {
    text.split_once(close)
        .map(|(_, answer)| answer.trim_start())
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
}

//! Responses of a guardrail that blocked a prompt.
//!
//! The guardrail writes such a response, which lacks what the model would have added: finish reason,
//! counts, metrics. Titan streamed (August 2025), Llama and Claude (September 2026) are recorded; the
//! other families are made by analogy.

use serde_json::{Value, json};

use super::{Layout, ModelOutput, chunks, claude, tokens_of};

/// The whole body; `None` for models that do not respond in text, whose own layout serves.
pub(super) fn write(layout: Layout, id: &str, answer: &ModelOutput) -> Option<Value> {
    let text = answer.text.as_str();
    Some(match layout {
        Layout::Claude => claude_body(id, answer),
        Layout::Nova => json!({
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "guardrail_intervened",
            "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0},
        }),
        Layout::Chat | Layout::Palmyra | Layout::MistralChat => {
            json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})
        }
        Layout::MistralText | Layout::MistralEither => json!({"outputs": [{"text": text}]}),
        Layout::Llama => json!({"generation": text}),
        Layout::Deepseek | Layout::Completion => json!({"choices": [{"text": text}]}),
        Layout::TitanText => json!({
            "inputTextTokenCount": answer.input_tokens as f64,
            "results": [{"tokenCount": count(text), "outputText": text}],
        }),
        Layout::ClaudeText => json!({"completion": text}),
        Layout::Command => json!({"generations": [{"text": text}]}),
        Layout::CommandR => json!({"text": text}),
        Layout::Jurassic => json!({"completions": [{"data": {"text": text}}]}),
        Layout::Pegasus => json!({"message": text}),
        Layout::TitanEmbed1
        | Layout::TitanEmbed2
        | Layout::TitanEmbedImage
        | Layout::NovaEmbed
        | Layout::CohereEmbed
        | Layout::Marengo
        | Layout::Rerank
        | Layout::AmazonImage
        | Layout::StabilityImage
        | Layout::Sdxl => return None,
    })
}

/// The chunks: one with the whole text, or the events of models that stream events.
pub(super) fn chunks(layout: Layout, id: &str, answer: &ModelOutput) -> Option<Vec<Value>> {
    let text = answer.text.as_str();
    let one = match layout {
        Layout::Claude => return Some(chunks::claude_events(&claude_body(id, answer))),
        Layout::Nova => {
            return Some(vec![
                json!({"messageStart": {"role": "assistant"}}),
                json!({"contentBlockDelta": {"delta": {"text": text}, "contentBlockIndex": 0}}),
                json!({"contentBlockStop": {"contentBlockIndex": 0}}),
                json!({"messageStop": {"stopReason": "guardrail_intervened"}}),
            ]);
        }
        Layout::Chat | Layout::Palmyra => {
            json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]})
        }
        Layout::TitanText => json!({
            "outputText": text,
            "index": 0.0,
            "totalOutputTextTokenCount": count(text),
            "inputTextTokenCount": answer.input_tokens as f64,
        }),
        Layout::Command => json!({"text": text}),
        Layout::CommandR => json!({"event_type": "text-generation", "text": text}),
        Layout::MistralChat
        | Layout::MistralText
        | Layout::MistralEither
        | Layout::Llama
        | Layout::Deepseek
        | Layout::Completion
        | Layout::ClaudeText
        | Layout::Pegasus => write(layout, id, answer)?,
        Layout::Jurassic
        | Layout::TitanEmbed1
        | Layout::TitanEmbed2
        | Layout::TitanEmbedImage
        | Layout::NovaEmbed
        | Layout::CohereEmbed
        | Layout::Marengo
        | Layout::Rerank
        | Layout::AmazonImage
        | Layout::StabilityImage
        | Layout::Sdxl => return None,
    };
    Some(vec![one])
}

/// A complete message with counts of zero and the guardrail's id.
fn claude_body(id: &str, answer: &ModelOutput) -> Value {
    let none = ModelOutput {
        input_tokens: 0,
        output_tokens: 0,
        ..answer.clone()
    };
    let mut body = claude::write(id, &none);
    body["id"] = "bedrock-guardrails-emulated".into();
    body
}

/// The token count, which guardrails write as a float.
fn count(text: &str) -> f64 {
    tokens_of(text.len()) as f64
}

//! Meta Llama 3 and 4: the caller writes the template, in tokens that differ between the two.
//!
//! Source: Amazon Bedrock user guide, "Meta Llama models", as of October 2026.

use serde_json::Value;

use super::Parameters;
use super::json::{Body, count, misread, text};
use super::words::{finish, neutralise, role};
use crate::model::{FinishReason, Reading, Usage};
use crate::prompt::{Prompt, Role};

/// The tokens of one generation.
pub(super) struct Tokens {
    open: &'static str,
    close: &'static str,
    end: &'static str,
    /// All that must not come from a row; a prefix stands for every token that begins so.
    special: &'static [&'static str],
}

/// Llama 3, 3.1, 3.2 and 3.3.
pub(super) const LLAMA_3: Tokens = Tokens {
    open: "<|start_header_id|>",
    close: "<|end_header_id|>\n\n",
    end: "<|eot_id|>",
    special: &[
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|python_tag|>",
        "<|image|>",
        "<|finetune_right_pad_id|>",
        "<|reserved_special_token_",
    ],
};

/// Llama 4.
pub(super) const LLAMA_4: Tokens = Tokens {
    open: "<|header_start|>",
    close: "<|header_end|>\n\n",
    end: "<|eot|>",
    special: &[
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|header_start|>",
        "<|header_end|>",
        "<|eot|>",
        "<|eom|>",
        "<|step|>",
        "<|python_start|>",
        "<|python_end|>",
        "<|image",
        "<|patch|>",
        "<|finetune_right_pad|>",
        "<|reserved_special_token_",
    ],
};

/// Builds the body.
pub(super) fn body(tokens: &Tokens, prompt: &Prompt, parameters: &Parameters) -> Value {
    Body::default()
        .with("prompt", template(tokens, prompt))
        .maybe("max_gen_len", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .finish()
}

/// The conversation, open where the model goes on: after its own words if they come last.
fn template(tokens: &Tokens, prompt: &Prompt) -> String {
    let say = |role: &str, text: &str| {
        let Tokens {
            open,
            close,
            special,
            ..
        } = tokens;
        format!("{open}{role}{close}{}", neutralise(text, special))
    };
    let system = prompt.system.iter().map(|system| say("system", system));
    let turns = prompt
        .messages
        .iter()
        .map(|turn| say(role(turn.role), &turn.text));
    let mut said: Vec<String> = system.chain(turns).collect();
    if prompt
        .messages
        .last()
        .is_none_or(|turn| turn.role == Role::User)
    {
        said.push(say("assistant", ""));
    }
    format!("<|begin_of_text|>{}", said.join(tokens.end))
}

/// Reads a reply. The blank lines that follow a header are not part of the answer.
pub(super) fn read(body: &Value) -> Result<Reading, super::Misread> {
    let answer = text(body, "/generation").ok_or_else(|| misread("llama", "`generation`", body))?;
    let stop = text(body, "/stop_reason");
    Ok(Reading {
        completion: Some(answer.trim_start().to_owned()),
        output: None,
        finish_reason: stop.map_or(FinishReason::Unknown, finish),
        stop_reason: stop.map(str::to_owned),
        usage: Usage {
            input_tokens: count(body, "/prompt_token_count"),
            output_tokens: count(body, "/generation_token_count"),
            ..Usage::default()
        },
    })
}

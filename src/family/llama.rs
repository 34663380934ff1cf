//! Meta Llama 2, 3 and 4: the caller writes the template, in tokens that differ between them.
//!
//! Source: Amazon Bedrock user guide, "Meta Llama models", as of October 2026.

use serde_json::{Value, json};

use super::chunk::Chunk;
use super::inst::InstTemplate;
use super::join::{Brought, StreamError, begin, grow, put};
use super::json::{BodyBuilder, Json as _, count, misread, text};
use super::layout::{FREE, IN_TURN, Images, Layout, Lead, Stream};
use super::ranges::{Ranges, within};
use super::text_completion::thinking_if_closed;
use super::vocabulary::{answered, awaits_answer, neutralise, role, text_or_filtered};
use super::{Misread, Parameter, Parameters};
use crate::model::{ParsedReply, Prompt, Usage};

pub(super) const LLAMA_3: Layout = Layout {
    serves: &["meta.llama3"],
    takes: &TAKES,
    form: FREE,
    images: Images::InBody,
    lead: Lead::Trimmed,
    stream: Stream::Joined(join),
    ..Layout::new(
        "llama3",
        |prompt, parameters, _| body(template(&TOKENS_3, prompt), parameters),
        read,
    )
};

pub(super) const LLAMA_4: Layout = Layout {
    name: "llama4",
    serves: &["meta.llama4"],
    body: |prompt, parameters, _| body(template(&TOKENS_4, prompt), parameters),
    ..LLAMA_3
};

pub(super) const LLAMA_2: Layout = Layout {
    name: "llama2",
    serves: &["meta.llama2"],
    form: IN_TURN,
    body: |prompt, parameters, _| body(TEMPLATE_2.fill(prompt), parameters),
    ..LLAMA_3
};

const TAKES: [Ranges; 3] = [
    within(Parameter::MaxTokens, 1.0, f64::INFINITY),
    within(Parameter::Temperature, 0.0, 1.0),
    within(Parameter::TopP, 0.0, 1.0),
];

/// The tokens of one generation.
struct GenerationTokens {
    open: &'static str,
    close: &'static str,
    end: &'static str,
    /// All that must not come from a row; a prefix stands for every token that begins so.
    special: &'static [&'static str],
}

/// Llama 3, 3.1, 3.2 and 3.3.
const TOKENS_3: GenerationTokens = GenerationTokens {
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
const TOKENS_4: GenerationTokens = GenerationTokens {
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

/// Llama 2.
const TEMPLATE_2: InstTemplate = InstTemplate {
    begin: "",
    open: "<s>[INST] ",
    system: ["<<SYS>>\n", "\n<</SYS>>\n\n"],
    end: " </s>",
    special: &["<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"],
};

fn body(prompt: String, parameters: &Parameters) -> Value {
    BodyBuilder::default()
        .with("prompt", prompt)
        .maybe("max_gen_len", parameters.max_tokens)
        .maybe("temperature", parameters.temperature)
        .maybe("top_p", parameters.top_p)
        .finish()
}

/// The conversation, open where the model goes on: after its own words if they come last.
fn template(tokens: &GenerationTokens, prompt: &Prompt) -> String {
    let say = |role: &str, text: &str| {
        let GenerationTokens {
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
    if awaits_answer(prompt) {
        said.push(say("assistant", ""));
    }
    format!("<|begin_of_text|>{}", said.join(tokens.end))
}

/// The blank lines that follow a header are not part of the answer. A DeepSeek R1 that was imported
/// answers in this shape too, and closes its thought inside the text.
fn read(body: &Value) -> Result<ParsedReply, Misread> {
    let stop = text(body, "/stop_reason");
    let whole = text_or_filtered(text(body, "/generation"), stop)
        .ok_or_else(|| misread("llama", "`generation`", body))?;
    let (reasoning, answer) = thinking_if_closed(whole, stop);
    Ok(ParsedReply {
        reasoning,
        ..answered(answer, stop, usage(body))
    })
}

pub(super) fn usage(body: &Value) -> Usage {
    Usage {
        input_tokens: count(body, "/prompt_token_count"),
        output_tokens: count(body, "/generation_token_count"),
        ..Usage::default()
    }
}

/// The input is counted in the first chunk only, the output so far in each.
pub(super) fn join(whole: &mut Value, chunk: &Chunk<'_>) -> Result<Brought, StreamError> {
    let wrong = || misread("llama", "`generation`", chunk);
    let piece = chunk.field("generation").ok_or_else(wrong)?;
    begin(whole, || {
        json!({
            "generation": "",
            "prompt_token_count": null,
            "generation_token_count": null,
            "stop_reason": null,
        })
    });
    for key in ["prompt_token_count", "generation_token_count"] {
        put(whole, &format!("/{key}"), chunk.field(key));
    }
    Ok(Brought {
        words: grow(whole, "/generation", Some(piece)).ok_or_else(wrong)?,
        end: put(whole, "/stop_reason", chunk.field("stop_reason")),
    })
}

//! Generated outputs: the same for the same model and prompt, and of a plausible length.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::instance::Instance;
use super::layout::{FinishReason, Form, ModelInput, ModelOutput, Reasoning, Task, ToolCall};
use super::measures::Output;

const ONSETS: [&str; 16] = [
    "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "br", "st",
];
const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
const CODAS: [&str; 8] = ["", "", "", "n", "r", "s", "l", "th"];

/// Bytes per token, of input and output.
const TOKEN_BYTES: usize = 4;
/// An upper bound for the length of a word, in bytes.
const LONGEST_WORD: usize = 32;
/// Tokens of reasoning, for models that reason.
const OPENING_TOKENS: usize = 16;

/// What identifies a prompt, and what its output is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// The first eight bytes of the SHA-256 of the last user message.
    pub(super) digest: u64,
    /// Digest and model combined: the seed of the output.
    pub(super) seed: u64,
}

impl Fingerprint {
    /// The fingerprint of a prompt sent to the model `id`.
    pub(super) fn new(id: &str, prompt: &str) -> Self {
        let hash = Sha256::digest(prompt.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        let digest = u64::from_be_bytes(first);
        let seed = digest ^ fnv(id);
        Self { digest, seed }
    }

    /// The fingerprint that the completion of this number, from 0, is drawn from.
    fn of_completion(self, nth: u64) -> Self {
        Self {
            seed: self.seed ^ nth.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            ..self
        }
    }

    /// The fingerprint of another text sent to the same model.
    fn of_text(self, text: &str) -> Self {
        let model = self.seed ^ self.digest;
        let digest = Self::new("", text).digest;
        Self {
            digest,
            seed: digest ^ model,
        }
    }
}

/// FNV-1a, 64 bits: small, and the same on every machine and version.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// So many completions of `ask`, each of them another.
pub(super) fn completions(
    ask: &ModelInput,
    print: Fingerprint,
    output: &Output,
    number: u64,
) -> Vec<ModelOutput> {
    let each = (0..number).map(|nth| answer(ask, print.of_completion(nth), output));
    each.collect()
}

/// The output for `ask`.
fn answer(ask: &ModelInput, print: Fingerprint, output: &Output) -> ModelOutput {
    match &ask.task {
        Task::Vectors(count, dimensions) => {
            let seed = |nth: usize| print.seed.wrapping_add(nth as u64);
            let vectors = (0..*count).map(|nth| vector(seed(nth), *dimensions));
            without_text(ask, vectors.collect())
        }
        Task::VectorsOf(texts, dimensions) => {
            let seed = |text: &String| print.of_text(text).seed;
            let vectors = texts.iter().map(|text| vector(seed(text), *dimensions));
            without_text(ask, vectors.collect())
        }
        Task::Images => without_text(ask, Vec::new()),
        Task::Text {
            max_tokens,
            stop,
            reasoning,
            form,
        } => {
            let mut rng = fastrand::Rng::with_seed(print.seed);
            let room = usize::try_from(*max_tokens)
                .unwrap_or(usize::MAX)
                .saturating_mul(TOKEN_BYTES);
            let length = output.draw(rng.f64()).saturating_mul(TOKEN_BYTES);
            let thought = thought(&mut rng, room, *reasoning);
            let room = room - thought.len();
            let (text, tool_call, finish) = match form {
                Form::Text => {
                    let (text, finish) = text(print, &mut rng, length, room, stop, *reasoning);
                    (text, None, finish)
                }
                Form::Json(schema) => {
                    let (text, finish) = json(print, &mut rng, schema, room);
                    (text, None, finish.unwrap_or(FinishReason::Done))
                }
                Form::ToolCall { name, schema } => {
                    let (input, finish) = json(print, &mut rng, schema, room);
                    let name = name.clone();
                    let finish = finish.unwrap_or(FinishReason::ToolCall);
                    (String::new(), Some(ToolCall { name, input }), finish)
                }
            };
            let input_bytes = tool_call.as_ref().map_or(0, |call| call.input.len());
            let bytes = thought.len() + text.len() + input_bytes;
            ModelOutput {
                output_tokens: bytes.div_ceil(TOKEN_BYTES) as u64,
                thought,
                text,
                tool_call,
                vectors: Vec::new(),
                finish,
                input_tokens: ask.input_tokens,
                others: Vec::new(),
            }
        }
    }
}

fn without_text(ask: &ModelInput, vectors: Vec<Vec<f32>>) -> ModelOutput {
    ModelOutput {
        thought: String::new(),
        text: String::new(),
        tool_call: None,
        vectors,
        finish: FinishReason::Done,
        input_tokens: ask.input_tokens,
        output_tokens: 0,
        others: Vec::new(),
    }
}

/// JSON text that satisfies a schema; with `FinishReason::Length` if it is cut to fit `room` bytes.
fn json(
    print: Fingerprint,
    rng: &mut fastrand::Rng,
    schema: &Value,
    room: usize,
) -> (String, Option<FinishReason>) {
    let first = format!("{}{}", prefix(print), two_words(rng));
    let mut text = Instance::of(schema, rng, first, two_words).to_string();
    if text.len() <= room {
        return (text, None);
    }
    let cut = (0..=room).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or(0));
    (text, Some(FinishReason::Length))
}

fn two_words(rng: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    word(&mut text, rng);
    text.push(' ');
    word(&mut text, rng);
    text
}

/// The beginning of every completion.
fn prefix(print: Fingerprint) -> String {
    format!("[emulated {:08x}] ", print.digest >> 32)
}

fn text(
    print: Fingerprint,
    rng: &mut fastrand::Rng,
    length: usize,
    room: usize,
    stop: &[String],
    reasoning: Reasoning,
) -> (String, FinishReason) {
    let mut text = String::with_capacity(length.min(room) + 64);
    open(&mut text, rng, reasoning);
    let prefix = prefix(print);
    text.push_str(&prefix);
    let words_from = text.len();
    let natural = words_from - prefix.len() + length;
    add_sentences(
        &mut text,
        rng,
        natural.min(room.saturating_add(LONGEST_WORD)),
    );
    let mut finish = FinishReason::Done;
    if room < text.len() {
        text.truncate(room); // every byte before the cut is ASCII
        finish = FinishReason::Length;
    }
    if let Some((at, found)) = first_stop(&text, words_from, stop) {
        text.truncate(at);
        finish = FinishReason::Stop(found);
    }
    (text, finish)
}

/// Reasoning that is separate from the text, cut to fit `room` bytes.
fn thought(rng: &mut fastrand::Rng, room: usize, reasoning: Reasoning) -> String {
    let mut thought = String::new();
    if reasoning == Reasoning::Separate {
        add_sentences(&mut thought, rng, OPENING_TOKENS * TOKEN_BYTES);
        thought.truncate(room); // all of it is ASCII
    }
    thought
}

fn open(text: &mut String, rng: &mut fastrand::Rng, reasoning: Reasoning) {
    if reasoning == Reasoning::InText {
        add_sentences(text, rng, OPENING_TOKENS * TOKEN_BYTES);
        text.push_str("\n</think>\n\n");
    }
}

/// Appends sentences of invented words while `text` has at most `length` bytes; at least one word.
fn add_sentences(text: &mut String, rng: &mut fastrand::Rng, length: usize) {
    word(text, rng);
    loop {
        let end = text.len();
        text.push_str(if rng.u8(0..9) == 0 { ". " } else { " " });
        word(text, rng);
        if length <= text.len() {
            text.truncate(end);
            text.push('.');
            return;
        }
    }
}

fn word(text: &mut String, rng: &mut fastrand::Rng) {
    for _ in 0..rng.u8(1..=3) {
        text.push_str(pick(rng, &ONSETS));
        text.push_str(pick(rng, &VOWELS));
        text.push_str(pick(rng, &CODAS));
    }
}

fn pick(rng: &mut fastrand::Rng, list: &[&'static str]) -> &'static str {
    list[rng.usize(..list.len())]
}

/// The first stop sequence in the generated words, with its position.
fn first_stop(text: &str, from: usize, stop: &[String]) -> Option<(usize, String)> {
    let words = text.get(from..)?;
    let found = stop
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| {
            let at = words.find(stop.as_str())?;
            Some((from + at, stop))
        });
    let (at, stop) = found.min_by_key(|(at, _)| *at)?;
    Some((at, stop.clone()))
}

/// A vector of unit length.
fn vector(seed: u64, dimensions: usize) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut vector: Vec<f32> = (0..dimensions).map(|_| rng.f32() * 2.0 - 1.0).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut vector {
        *x /= norm;
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, FinishReason, Form, ModelInput, Output, Reasoning, Task, answer};

    /// An output as text: reasoning, `|`, completion, `|`, tokens, finish reason.
    fn said(max_tokens: u64, stop: &[&str], reasoning: Reasoning, tokens: usize) -> String {
        let ask = ModelInput {
            prompt: "Hi".to_owned(),
            input_tokens: 8,
            task: Task::Text {
                max_tokens,
                stop: stop.iter().map(|&text| text.to_owned()).collect(),
                reasoning,
                form: Form::Text,
            },
        };
        let output = Output {
            min_tokens: tokens,
            mean_tokens: tokens,
            max_tokens: tokens,
        };
        let answer = answer(&ask, Fingerprint::new("m", "Hi"), &output);
        let finish = match answer.finish {
            FinishReason::Done => "done".to_owned(),
            FinishReason::Length => "length".to_owned(),
            FinishReason::Filtered | FinishReason::Blocked | FinishReason::ToolCall => {
                "taken".to_owned()
            }
            FinishReason::Stop(text) => format!("stop {text:?}"),
        };
        let (thought, text) = (answer.thought, answer.text);
        format!("{thought}|{text}| {} {finish}", answer.output_tokens)
    }

    #[track_caller]
    fn check(got: String, expected: &str) {
        assert_eq!(got, expected);
    }

    #[test]
    fn a_completion_begins_with_the_digest_of_its_prompt() {
        check(
            said(99, &[], Reasoning::None, 12),
            "|[emulated 3639efcd] garhurma tathstan kesne sto.| 12 done",
        );
    }

    #[test]
    fn a_completion_is_cut_at_its_limit() {
        check(
            said(9, &[], Reasoning::None, 12),
            "|[emulated 3639efcd] garhurma tathsta| 9 length",
        );
        check(said(2, &[], Reasoning::None, 12), "|[emulate| 2 length");
        check(said(0, &[], Reasoning::None, 12), "|| 0 length");
    }

    #[test]
    fn a_completion_ends_before_a_stop_sequence() {
        check(
            said(99, &["ou", "e", "]"], Reasoning::None, 12),
            "|[emulated 3639efcd] garhurma tathstan k| 10 stop \"e\"",
        );
        check(
            said(99, &["", "zebra"], Reasoning::None, 12),
            "|[emulated 3639efcd] garhurma tathstan kesne sto.| 12 done",
        );
    }

    #[test]
    fn reasoning_comes_before_the_completion() {
        check(
            said(99, &[], Reasoning::InText, 6),
            "|garhurma tathstan kesne sto dealstulbou loulfothkea fumi.\n</think>\n\n[emulated 3639efcd] geasstaveas.| 25 done",
        );
    }

    #[test]
    fn separate_reasoning_counts_towards_the_limit() {
        check(
            said(99, &[], Reasoning::Separate, 6),
            "garhurma tathstan kesne sto dealstulbou loulfothkea fumi.|[emulated 3639efcd] geasstaveas.| 23 done",
        );
        check(
            said(16, &[], Reasoning::Separate, 6),
            "garhurma tathstan kesne sto dealstulbou loulfothkea fumi.|[emulat| 16 length",
        );
        check(said(2, &[], Reasoning::Separate, 6), "garhurma|| 2 length");
    }
}

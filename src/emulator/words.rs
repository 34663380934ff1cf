//! Made-up answers: the same for the same model and prompt, and of a believable length.

use sha2::{Digest, Sha256};

use super::layout::{Answer, Ask, Ending, Opening, Wants};
use super::scenario::Output;

const ONSETS: [&str; 16] = [
    "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "br", "st",
];
const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
const CODAS: [&str; 8] = ["", "", "", "n", "r", "s", "l", "th"];

/// A token is this many bytes, in and out.
const TOKEN_BYTES: usize = 4;
/// Tokens of reasoning, where a model reasons in its text.
const OPENING_TOKENS: usize = 16;

/// What a prompt is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// The first eight bytes of the SHA-256 of the last user message.
    pub(super) digest: u64,
    /// The digest and the model, mixed: what the answer is drawn from.
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
}

/// FNV-1a, 64 bits: small, and the same on every machine and version.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The answer to `ask`.
pub(super) fn answer(ask: &Ask, print: Fingerprint, output: &Output) -> Answer {
    match &ask.wants {
        Wants::Vector(dimensions) => Answer {
            text: String::new(),
            vector: vector(print, *dimensions),
            ending: Ending::Done,
            input_tokens: ask.input_tokens,
            output_tokens: 0,
        },
        Wants::Words {
            max_tokens,
            stop,
            opening,
        } => {
            let (text, ending) = text(print, output, *max_tokens, stop, *opening);
            Answer {
                output_tokens: text.len().div_ceil(TOKEN_BYTES) as u64,
                text,
                vector: Vec::new(),
                ending,
                input_tokens: ask.input_tokens,
            }
        }
    }
}

fn text(
    print: Fingerprint,
    output: &Output,
    max_tokens: u64,
    stop: &[String],
    opening: Opening,
) -> (String, Ending) {
    let mut rng = fastrand::Rng::with_seed(print.seed);
    let room = usize::try_from(max_tokens)
        .unwrap_or(usize::MAX)
        .saturating_mul(TOKEN_BYTES);
    let length = output.draw(rng.f64()).saturating_mul(TOKEN_BYTES);
    let mut text = String::with_capacity(length.min(room) + 64);
    open(&mut text, &mut rng, opening);
    let prefix = format_args!("[emulated {:08x}] ", print.digest >> 32).to_string();
    text.push_str(&prefix);
    let words_from = text.len();
    let enough = words_from - prefix.len() + length.max(prefix.len() + TOKEN_BYTES);
    babble(
        &mut text,
        &mut rng,
        enough.min(room.saturating_add(TOKEN_BYTES)),
    );
    let mut ending = Ending::Done;
    if room < text.len() {
        text.truncate(room); // every byte before the cut is ASCII
        ending = Ending::Length;
    }
    if let Some((at, found)) = first_stop(&text, words_from, stop) {
        text.truncate(at);
        ending = Ending::Stop(found);
    }
    (text, ending)
}

fn open(text: &mut String, rng: &mut fastrand::Rng, opening: Opening) {
    let (before, after) = match opening {
        Opening::None => return,
        Opening::Tags => ("<reasoning>", "</reasoning>"),
        Opening::Thought => ("", "\n</think>\n\n"),
    };
    text.push_str(before);
    babble(text, rng, text.len() + OPENING_TOKENS * TOKEN_BYTES);
    text.push_str(after);
}

/// Appends sentences of made-up words until `text` is `length` bytes long, to within a word.
fn babble(text: &mut String, rng: &mut fastrand::Rng, length: usize) {
    loop {
        for _ in 0..rng.u8(1..=3) {
            text.push_str(pick(rng, &ONSETS));
            text.push_str(pick(rng, &VOWELS));
            text.push_str(pick(rng, &CODAS));
        }
        if length <= text.len() {
            text.push('.');
            return;
        }
        text.push_str(if rng.u8(0..9) == 0 { ". " } else { " " });
    }
}

fn pick(rng: &mut fastrand::Rng, list: &[&'static str]) -> &'static str {
    list[rng.usize(..list.len())]
}

/// The earliest stop text in the made-up words, and where it is.
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

/// A vector of length one.
fn vector(print: Fingerprint, dimensions: usize) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(print.seed);
    let mut vector: Vec<f32> = (0..dimensions).map(|_| rng.f32() * 2.0 - 1.0).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut vector {
        *x /= norm;
    }
    vector
}

//! Amazon Titan Text Embeddings.

use serde_json::{Value, json};

use super::{Answer, Ask, Wants, input_tokens, texts, whole};
use crate::emulator::refusal::Refusal;
use crate::emulator::schema::{Key, Kind, Object, check, optional, required};

const V1_KEYS: [Key; 1] = [required("inputText", Kind::Text)];
const V1_DIMENSIONS: usize = 1_536;

const V2_KEYS: [Key; 4] = [
    required("inputText", Kind::Text),
    optional("dimensions", Kind::Whole(1, 1_024)),
    optional("normalize", Kind::Flag),
    optional("embeddingTypes", Kind::Texts),
];
const V2_DIMENSIONS: [u64; 3] = [256, 512, 1_024];

fn ask(body: &Object, dimensions: usize) -> Result<Ask, Refusal> {
    let text = body
        .get("inputText")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if text.is_empty() {
        let reason = "#/inputText: expected minLength: 1, actual: 0";
        return Err(Refusal::malformed(reason));
    }
    Ok(Ask {
        prompt: text.to_owned(),
        input_tokens: input_tokens(text.len()),
        wants: Wants::Vector(dimensions),
    })
}

pub(super) fn read_v1(body: &Object) -> Result<Ask, Refusal> {
    check(body, &V1_KEYS, "#")?;
    ask(body, V1_DIMENSIONS)
}

pub(super) fn write_v1(answer: &Answer) -> Value {
    json!({"embedding": answer.vector, "inputTextTokenCount": answer.input_tokens})
}

pub(super) fn read_v2(body: &Object) -> Result<Ask, Refusal> {
    check(body, &V2_KEYS, "#")?;
    let dimensions = whole(body, "dimensions", 1_024);
    if !V2_DIMENSIONS.contains(&dimensions) {
        let reason = format!("#/dimensions: {dimensions} is not a valid enum value");
        return Err(Refusal::malformed(reason));
    }
    ask(body, usize::try_from(dimensions).unwrap_or(V1_DIMENSIONS))
}

/// The vector by the types asked for; `embedding` is there when floats are.
pub(super) fn write_v2(body: &Object, answer: &Answer) -> Value {
    let types = texts(body, "embeddingTypes");
    let wants = |name: &str| types.iter().any(|kind| kind == name);
    let mut reply = json!({"inputTextTokenCount": answer.input_tokens, "embeddingsByType": {}});
    if types.is_empty() || wants("float") {
        reply["embedding"] = json!(answer.vector);
        reply["embeddingsByType"]["float"] = json!(answer.vector);
    }
    if wants("binary") {
        let bits = answer.vector.iter().map(|&x| u8::from(0.0 < x));
        reply["embeddingsByType"]["binary"] = bits.collect();
    }
    reply
}

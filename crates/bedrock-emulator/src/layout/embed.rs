//! Embeddings of Amazon, Cohere and TwelveLabs, and the rerankers of Amazon and Cohere.

use serde_json::{Value, json};

use super::{ModelInput, ModelOutput, Task, input_tokens, texts, whole};
use crate::schema::{Key, Kind, Object, check, optional, required};
use crate::service_error::ServiceError;

const V1_KEYS: [Key; 1] = [required("inputText", Kind::Text)];
const V1_DIMENSIONS: usize = 1_536;

const V2_KEYS: [Key; 4] = [
    required("inputText", Kind::Text),
    optional("dimensions", Kind::Whole(1, 1_024)),
    optional("normalize", Kind::Flag),
    optional("embeddingTypes", Kind::Texts),
];
const V2_DIMENSIONS: [u64; 3] = [256, 512, 1_024];

const IMAGE_KEYS: [Key; 3] = [
    optional("inputText", Kind::Text),
    optional("inputImage", Kind::Text),
    optional("embeddingConfig", Kind::Object),
];

const NOVA_KEYS: [Key; 3] = [
    required("taskType", Kind::Text),
    required("singleEmbeddingParams", Kind::Object),
    optional("schemaVersion", Kind::Text),
];

const COHERE_KEYS: [Key; 8] = [
    optional("texts", Kind::Texts),
    optional("images", Kind::Texts),
    optional("inputs", Kind::List),
    required("input_type", Kind::Text),
    optional("truncate", Kind::Text),
    optional("embedding_types", Kind::Texts),
    optional("output_dimension", Kind::Whole(256, 1_536)),
    optional("max_tokens", Kind::Whole(1, 128_000)),
];
const COHERE_MOST: usize = 96;
const COHERE_TYPES: [&str; 5] = [
    "search_document",
    "search_query",
    "classification",
    "clustering",
    "image",
];

const MARENGO_KEYS: [Key; 3] = [
    required("inputType", Kind::Text),
    optional("inputText", Kind::Text),
    optional("text", Kind::Object),
];

const RERANK_KEYS: [Key; 4] = [
    required("query", Kind::Text),
    required("documents", Kind::List),
    optional("top_n", Kind::Whole(1, 1_000)),
    optional("api_version", Kind::Whole(2, 2)),
];

/// Dimensions that each model offers, and its default.
const TITAN_IMAGE_DIMENSIONS: (&[u64], u64) = (&[256, 384, 1_024], 1_024);
const NOVA_DIMENSIONS: (&[u64], u64) = (&[256, 384, 1_024, 3_072], 3_072);
const COHERE_DIMENSIONS: (&[u64], u64) = (&[256, 512, 1_024, 1_536], 1_024);

/// The requested dimensions, if the model offers them; `at` is their JSON pointer.
fn dimensions(
    asked: Option<&Value>,
    (known, usual): (&[u64], u64),
    at: &str,
) -> Result<usize, ServiceError> {
    let asked = asked.map_or(Some(usual), Value::as_u64);
    let known = asked.filter(|asked| known.contains(asked));
    let known = known.and_then(|asked| usize::try_from(asked).ok());
    known.ok_or_else(|| ServiceError::malformed(format!("{at}: not a valid enum value")))
}

/// The only vector of an output.
fn vector(answer: &ModelOutput) -> &[f32] {
    answer.vectors.first().map_or(&[], Vec::as_slice)
}

fn of_text(text: &str, vectors: usize, dimensions: usize) -> ModelInput {
    ModelInput {
        prompt: text.to_owned(),
        input_tokens: input_tokens(text.len()),
        task: Task::Vectors(vectors, dimensions),
    }
}

/// A text, an image or both.
pub(super) fn read_image(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &IMAGE_KEYS, "#")?;
    let text = body.get("inputText").and_then(Value::as_str);
    if text.is_none() && !body.contains_key("inputImage") {
        return Err(ServiceError::validation(
            "inputText or inputImage must be given.",
        ));
    }
    let config = body.get("embeddingConfig");
    let length = config.and_then(|config| config.get("outputEmbeddingLength"));
    let at = "#/embeddingConfig/outputEmbeddingLength";
    let length = dimensions(length, TITAN_IMAGE_DIMENSIONS, at)?;
    Ok(of_text(text.unwrap_or_default(), 1, length))
}

pub(super) fn write_image(answer: &ModelOutput) -> Value {
    json!({
        "embedding": vector(answer),
        "inputTextTokenCount": answer.input_tokens,
        "message": null,
    })
}

pub(super) fn read_nova(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &NOVA_KEYS, "#")?;
    let params = &body["singleEmbeddingParams"];
    let missing = |key| {
        let reason = format!("#/singleEmbeddingParams: required key [{key}] not found");
        ServiceError::malformed(reason)
    };
    params["embeddingPurpose"]
        .as_str()
        .ok_or_else(|| missing("embeddingPurpose"))?;
    let text = params["text"]["value"]
        .as_str()
        .ok_or_else(|| missing("text"))?;
    let asked = params.get("embeddingDimension");
    let at = "#/singleEmbeddingParams/embeddingDimension";
    let dimension = dimensions(asked, NOVA_DIMENSIONS, at)?;
    Ok(of_text(text, 1, dimension))
}

pub(super) fn write_nova(answer: &ModelOutput) -> Value {
    json!({
        "embeddings": [{"embeddingType": "TEXT", "embedding": vector(answer)}],
        "request_id": "emulated",
    })
}

pub(super) fn read_cohere(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &COHERE_KEYS, "#")?;
    let kind = body.get("input_type").and_then(Value::as_str);
    if !kind.is_some_and(|kind| COHERE_TYPES.contains(&kind)) {
        return Err(ServiceError::malformed(
            "#/input_type: not a valid enum value",
        ));
    }
    let mut given = texts(body, "texts");
    let prompt = given.join("\n");
    let others = ["images", "inputs"].map(|key| body.get(key).and_then(Value::as_array));
    given.extend(others.into_iter().flatten().flatten().map(Value::to_string));
    let count = given.len();
    if count == 0 || COHERE_MOST < count {
        let reason = format!("#/texts: expected 1 to {COHERE_MOST} items, found: {count}");
        return Err(ServiceError::malformed(reason));
    }
    let asked = body.get("output_dimension");
    let dimension = dimensions(asked, COHERE_DIMENSIONS, "#/output_dimension")?;
    Ok(ModelInput {
        task: Task::VectorsOf(given, dimension),
        ..of_text(&prompt, count, dimension)
    })
}

/// Vectors by type if types were requested, and always by Embed v4 (recorded 2025 and 2026); else
/// a plain list.
pub(super) fn write_cohere(body: &Object, id: &str, answer: &ModelOutput) -> Value {
    let mut types = texts(body, "embedding_types");
    if types.is_empty() && id.contains("cohere.embed-v4") {
        types.push("float".to_owned());
    }
    let (response_type, embeddings) = if types.is_empty() {
        ("embeddings_floats", json!(answer.vectors))
    } else {
        let whole_numbers = |scale: f32| -> Value {
            let number = |x: &f32| (x * scale) as i64;
            let vectors = answer.vectors.iter();
            vectors
                .map(|it| it.iter().map(number).collect::<Vec<_>>())
                .collect()
        };
        let of = |kind: &String| match kind.as_str() {
            "float" => (kind.clone(), json!(answer.vectors)),
            _ => (kind.clone(), whole_numbers(127.0)),
        };
        let by_type: Object = types.iter().map(of).collect();
        ("embeddings_by_type", Value::Object(by_type))
    };
    json!({
        "id": "emulated",
        "texts": texts(body, "texts"),
        "response_type": response_type,
        "embeddings": embeddings,
    })
}

/// Marengo 2.7 has the text at the top, 3.0 in an object of its own.
pub(super) fn read_marengo(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &MARENGO_KEYS, "#")?;
    let text = body
        .get("inputText")
        .or_else(|| body.get("text")?.get("inputText"));
    let missing = || ServiceError::malformed("#: required key [inputText] not found");
    let text = text.and_then(Value::as_str).ok_or_else(missing)?;
    Ok(of_text(text, 1, 512))
}

pub(super) fn write_marengo(answer: &ModelOutput) -> Value {
    json!({"data": [{"embedding": vector(answer)}]})
}

pub(super) fn read_rerank(body: &Object, base: &str) -> Result<ModelInput, ServiceError> {
    check(body, &RERANK_KEYS, "#")?;
    if base.starts_with("cohere.") && !body.contains_key("api_version") {
        return Err(ServiceError::malformed(
            "#: required key [api_version] not found",
        ));
    }
    let query = body
        .get("query")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let documents = texts(body, "documents");
    let ask = of_text(query, 1, documents.len());
    Ok(ModelInput {
        input_tokens: ask.input_tokens + input_tokens(documents.concat().len()),
        ..ask
    })
}

/// The documents by their score, the best first.
pub(super) fn write_rerank(body: &Object, answer: &ModelOutput) -> Value {
    let scored = vector(answer).iter().map(|x| x.abs()).enumerate();
    let mut scored: Vec<(usize, f32)> = scored.collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    let most = whole(body, "top_n", scored.len() as u64);
    scored.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let result = |(index, score): &(usize, f32)| json!({"index": index, "relevance_score": score});
    json!({"results": scored.iter().map(result).collect::<Vec<_>>()})
}

fn ask(body: &Object, dimensions: usize) -> Result<ModelInput, ServiceError> {
    let text = body
        .get("inputText")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if text.is_empty() {
        let reason = "#/inputText: expected minLength: 1, actual: 0";
        return Err(ServiceError::malformed(reason));
    }
    Ok(ModelInput {
        prompt: text.to_owned(),
        input_tokens: input_tokens(text.len()),
        task: Task::Vectors(1, dimensions),
    })
}

pub(super) fn read_v1(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &V1_KEYS, "#")?;
    ask(body, V1_DIMENSIONS)
}

pub(super) fn write_v1(answer: &ModelOutput) -> Value {
    json!({"embedding": vector(answer), "inputTextTokenCount": answer.input_tokens})
}

pub(super) fn read_v2(body: &Object) -> Result<ModelInput, ServiceError> {
    check(body, &V2_KEYS, "#")?;
    let dimensions = whole(body, "dimensions", 1_024);
    if !V2_DIMENSIONS.contains(&dimensions) {
        let reason = format!("#/dimensions: {dimensions} is not a valid enum value");
        return Err(ServiceError::malformed(reason));
    }
    ask(body, usize::try_from(dimensions).unwrap_or(V1_DIMENSIONS))
}

/// The vector by the requested types; `embedding` is present if floats are.
pub(super) fn write_v2(body: &Object, answer: &ModelOutput) -> Value {
    let types = texts(body, "embeddingTypes");
    let task = |name: &str| types.iter().any(|kind| kind == name);
    let mut reply = json!({"inputTextTokenCount": answer.input_tokens, "embeddingsByType": {}});
    if types.is_empty() || task("float") {
        reply["embedding"] = json!(vector(answer));
        reply["embeddingsByType"]["float"] = json!(vector(answer));
    }
    if task("binary") {
        let bits = vector(answer).iter().map(|&x| u8::from(0.0 < x));
        reply["embeddingsByType"]["binary"] = bits.collect();
    }
    reply
}

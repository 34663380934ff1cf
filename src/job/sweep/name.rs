//! Names of variants: short, readable, the same whatever else is in the lists.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::catalog::id::ModelId;

/// Longer values are shortened to a hash.
const LONGEST_VALUE: usize = 24;

/// Whether this can stand in a name as it is: no shell, path or URL means anything by it.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// A model in a name: `us.claude-haiku-4-5` for `us.anthropic.claude-haiku-4-5-20251001-v1:0`. What
/// tells models apart stays: the geography of a profile, a version above 1, a context length.
pub(in crate::job) fn model_name(id: &str) -> String {
    let last = id.rsplit('/').next().unwrap_or(id);
    let parsed = ModelId::parse_of_any_provider(last).ok();
    let base = parsed.as_ref().and_then(ModelId::base).unwrap_or(last);
    let (geography, context) = last.split_once(base).unwrap_or_default();
    let model = base.split_once('.').map_or(base, |(_, model)| model);
    let model = model.split_once(':').map_or(model, |(model, _)| model);
    let (model, version) = match model.rsplit_once("-v") {
        Some((model, version)) if is_number(version) => (model, version),
        _ => (model, "1"),
    };
    let model = match model.rsplit_once('-') {
        Some((model, date)) if is_date(date) => model,
        _ => model,
    };
    let mut name = format!("{geography}{model}");
    if version != "1" {
        name += &format!("-v{version}");
    }
    plain(&(name + context))
}

/// A value in a name.
pub(in crate::job) fn value_name(value: &Value) -> String {
    match value {
        // A number without digits that say nothing.
        Value::Number(number) => match number.as_f64() {
            Some(float) => float.to_string(),
            None => number.to_string(),
        },
        Value::Bool(value) => value.to_string(),
        Value::String(text) if is_plain(text) && text.len() <= LONGEST_VALUE => text.clone(),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            let hash = Sha256::digest(value.to_string());
            let first = hash.first_chunk().copied().unwrap_or_default();
            format!("{:08x}", u32::from_be_bytes(first))
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `20251001`
fn is_date(text: &str) -> bool {
    text.len() == 8 && is_number(text) && text.starts_with("20")
}

fn plain(name: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "-_.".contains(c) => c,
        _ => '-',
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_names_of_models_stay_what_they_are() {
        for (id, name) in [
            (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                "us.claude-haiku-4-5",
            ),
            (
                "anthropic.claude-haiku-4-5-20251001-v1:0",
                "claude-haiku-4-5",
            ),
            (
                "anthropic.claude-3-5-sonnet-20240620-v1:0",
                "claude-3-5-sonnet",
            ),
            (
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                "claude-3-5-sonnet-v2",
            ),
            ("openai.gpt-oss-20b-1:0", "gpt-oss-20b-1"),
            ("amazon.nova-lite-v1:0", "nova-lite"),
            ("amazon.nova-lite-v1:0:300k", "nova-lite-300k"),
            ("global.amazon.nova-2-lite-v1:0", "global.nova-2-lite"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
                "a1b2c3",
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
                "us.nova-pro",
            ),
            ("not a model", "not-a-model"),
        ] {
            assert_eq!(model_name(id), name, "{id}");
        }
    }

    #[test]
    fn the_names_of_values_stay_what_they_are() {
        for (value, name) in [
            (json!(0.0), "0"),
            (json!(0.7), "0.7"),
            (json!(512), "512"),
            (json!(true), "true"),
            (json!("flex"), "flex"),
            (json!("arn:aws:x"), "1b4cdc07"),
            (json!(["a", "b"]), "0473ef2d"),
        ] {
            assert_eq!(value_name(&value), name, "{value}");
        }
    }
}

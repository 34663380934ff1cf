//! Which model an id or ARN names.

use super::layout::Layout;
use super::service_error::ServiceError;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A known base model, with its base id.
    Base(&'a str, Layout),
    /// An ARN that hides its model; the request's fields decide.
    Opaque,
}

/// Geographies of inference profiles that are not country codes (AWS profile lists, October 2026).
const GEOGRAPHIES: [&str; 4] = ["apac", "us-gov", "global", "amer"];

/// ARN resource types that hide their base model.
const OPAQUE: [&str; 7] = [
    "application-inference-profile",
    "provisioned-model",
    "custom-model-deployment",
    "imported-model",
    "prompt-router",
    "default-prompt-router",
    "endpoint",
];

/// Retired models, by the beginning of their base ids (regional lists, October 2026).
const RETIRED: [&str; 11] = [
    "anthropic.claude-v1",
    "anthropic.claude-v2",
    "anthropic.claude-instant",
    "anthropic.claude-3-",
    "amazon.titan-text-",
    "amazon.titan-tg1-",
    "ai21.j2-",
    "cohere.command",
    "meta.llama2",
    "meta.llama3-2-",
    "stability.stable-diffusion-xl",
];

/// Beginnings of base ids and the layouts of their models; the first match counts.
const LAYOUTS: [(&str, Layout); 45] = [
    ("anthropic.claude-v1", Layout::ClaudeText),
    ("anthropic.claude-v2", Layout::ClaudeText),
    ("anthropic.claude-instant", Layout::ClaudeText),
    ("anthropic.claude-", Layout::Claude),
    ("amazon.nova-2-lite", Layout::Nova),
    ("amazon.nova-2-pro", Layout::Nova),
    ("amazon.nova-micro", Layout::Nova),
    ("amazon.nova-lite", Layout::Nova),
    ("amazon.nova-pro", Layout::Nova),
    ("amazon.nova-premier", Layout::Nova),
    ("amazon.titan-text-", Layout::TitanText),
    ("amazon.titan-tg1-", Layout::TitanText),
    ("amazon.titan-embed-text-v2", Layout::TitanEmbed2),
    ("amazon.titan-embed-image", Layout::TitanEmbedImage),
    ("amazon.titan-embed-", Layout::TitanEmbed1),
    ("amazon.nova-2-multimodal-embeddings", Layout::NovaEmbed),
    ("amazon.nova-canvas", Layout::AmazonImage),
    ("amazon.titan-image", Layout::AmazonImage),
    ("amazon.rerank", Layout::Rerank),
    ("ai21.j2-", Layout::Jurassic),
    ("ai21.jamba", Layout::Chat),
    ("cohere.command-r", Layout::CommandR),
    ("cohere.command", Layout::Command),
    ("cohere.embed", Layout::CohereEmbed),
    ("cohere.rerank", Layout::Rerank),
    ("stability.stable-diffusion-xl", Layout::Sdxl),
    ("stability.", Layout::StabilityImage),
    ("twelvelabs.pegasus", Layout::Pegasus),
    ("twelvelabs.marengo", Layout::Marengo),
    ("writer.palmyra", Layout::Palmyra),
    ("meta.llama", Layout::Llama),
    ("mistral.mistral-7b", Layout::MistralText),
    ("mistral.mixtral", Layout::MistralText),
    ("mistral.mistral-small-2402", Layout::MistralEither),
    ("mistral.mistral-large-2402", Layout::MistralEither),
    ("mistral.mistral-large-2407", Layout::MistralChat),
    ("mistral.pixtral", Layout::MistralChat),
    ("mistral.", Layout::Chat),
    ("deepseek.r1", Layout::Deepseek),
    ("deepseek.", Layout::Chat),
    ("openai.", Layout::Chat),
    ("qwen.", Layout::Chat),
    ("minimax.", Layout::Chat),
    ("google.", Layout::Chat),
    ("nvidia.", Layout::Chat),
];

/// Providers of chat models with several names.
const CHAT_PROVIDERS: [&str; 4] = ["xai.", "zai.", "moonshot.", "moonshotai."];

/// Finds the model of an id or ARN.
pub(super) fn find(id: &str) -> Result<Entry<'_>, ServiceError> {
    if !id.starts_with("arn:") {
        return base(id);
    }
    let resource = id
        .splitn(6, ':')
        .nth(5)
        .ok_or_else(ServiceError::unknown_model)?;
    let (kind, name) = resource
        .split_once('/')
        .ok_or_else(ServiceError::unknown_model)?;
    match kind {
        "foundation-model" | "inference-profile" => base(name),
        "custom-model" if !name.contains('.') => Ok(Entry::Opaque),
        "custom-model" => base(name.split('/').next().unwrap_or(name)),
        _ if OPAQUE.contains(&kind) => Ok(Entry::Opaque),
        _ => Err(ServiceError::unknown_model()),
    }
}

/// Whether an id or ARN names the base model itself rather than a profile.
pub(super) fn names_base_model(id: &str, base: &str) -> bool {
    let named = id.rsplit_once(":foundation-model/");
    named.map_or(id, |(_, name)| name) == base
}

/// Whether an id or ARN names a retired model.
pub(super) fn is_retired(id: &str) -> bool {
    let name = id.rsplit('/').next().unwrap_or(id);
    RETIRED
        .iter()
        .any(|gone| without_geography(name).starts_with(gone))
}

fn without_geography(id: &str) -> &str {
    match id.split_once('.') {
        Some((geography, rest)) if is_geography(geography) => rest,
        Some(_) | None => id,
    }
}

/// Country codes have two letters; AWS adds new ones every few months.
fn is_geography(word: &str) -> bool {
    let is_country = word.len() == 2 && word.bytes().all(|it| it.is_ascii_lowercase());
    is_country || GEOGRAPHIES.contains(&word)
}

/// Finds a base id, with or without a geography prefix.
fn base(id: &str) -> Result<Entry<'_>, ServiceError> {
    let id = without_geography(id);
    if CHAT_PROVIDERS
        .iter()
        .any(|provider| id.starts_with(provider))
    {
        return Ok(Entry::Base(id, Layout::Chat));
    }
    let found = LAYOUTS.iter().find(|(prefix, _)| id.starts_with(prefix));
    found
        .map(|&(_, layout)| Entry::Base(id, layout))
        .ok_or_else(ServiceError::unknown_model)
}

#[cfg(test)]
mod tests {
    use super::{Entry, find, is_retired};

    #[track_caller]
    fn check(id: &str, expected: &str) {
        let got = match find(id) {
            Ok(Entry::Base(base, layout)) => format!("{layout:?} {base}"),
            Ok(Entry::Opaque) => "Opaque".to_owned(),
            Err(error) => format!("{} {}", error.status, error.message),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn a_base_id_is_known_by_its_prefix() {
        check("amazon.nova-lite-v1:0", "Nova amazon.nova-lite-v1:0");
        check(
            "mistral.mistral-large-2402-v1:0",
            "MistralEither mistral.mistral-large-2402-v1:0",
        );
        check(
            "mistral.magistral-small-2509",
            "Chat mistral.magistral-small-2509",
        );
        check("xai.grok-4.6", "Chat xai.grok-4.6");
        check(
            "us.amazon.nova-2-pro-preview-20251202-v1:0",
            "Nova amazon.nova-2-pro-preview-20251202-v1:0",
        );
        check("amazon.titan-tg1-large", "TitanText amazon.titan-tg1-large");
        check("amer.amazon.nova-lite-v1:0", "Nova amazon.nova-lite-v1:0");
        check(
            "amazon.nova-2-sonic-v1:0",
            "400 The provided model identifier is invalid.",
        );
    }

    #[test]
    fn a_geography_before_the_id_changes_nothing() {
        check(
            "us.anthropic.claude-opus-5",
            "Claude anthropic.claude-opus-5",
        );
        check(
            "us-gov.anthropic.claude-opus-5",
            "Claude anthropic.claude-opus-5",
        );
        check("kr.amazon.nova-lite-v1:0", "Nova amazon.nova-lite-v1:0");
        check(
            "moon.anthropic.claude-opus-5",
            "400 The provided model identifier is invalid.",
        );
    }

    #[test]
    fn an_arn_is_read_by_its_resource() {
        check(
            "arn:aws:bedrock:us-east-1::foundation-model/deepseek.r1-v1:0",
            "Deepseek deepseek.r1-v1:0",
        );
        check(
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
            "Nova amazon.nova-pro-v1:0",
        );
        check(
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-pro-v1:0:300k/abcdefabcdef",
            "Nova amazon.nova-pro-v1:0:300k",
        );
        check(
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/imported/abcdefabcdef",
            "Opaque",
        );
        check(
            "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefabcdef",
            "Opaque",
        );
        check(
            "arn:aws:s3:::bucket",
            "400 The provided model identifier is invalid.",
        );
    }

    #[test]
    fn retired_models_are_known() {
        check("anthropic.claude-v2:1", "ClaudeText anthropic.claude-v2:1");
        assert!(is_retired("us.anthropic.claude-v2:1"));
        assert!(is_retired(
            "arn:aws:bedrock:us-east-1::foundation-model/ai21.j2-ultra-v1"
        ));
        for id in [
            "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            "amazon.titan-text-express-v1",
            "cohere.command-r-v1:0",
            "us.meta.llama3-2-1b-instruct-v1:0",
            "stability.stable-diffusion-xl-v1",
        ] {
            assert!(is_retired(id), "{id}");
        }
        for id in [
            "anthropic.claude-opus-5",
            "amazon.titan-embed-text-v1",
            "cohere.embed-v4:0",
        ] {
            assert!(!is_retired(id), "{id}");
        }
    }
}

//! Which family a model speaks, by its base id.

use super::Family;

impl Family {
    /// The family of a base id; `None` where none is built for it (Cohere, Jamba, Palmyra,
    /// images, speech …) or the id is not known: then only [`Family::Raw`] serves.
    pub fn of(base: &str) -> Option<Self> {
        let (provider, name) = base.split_once('.')?;
        match provider {
            "anthropic" => (!is_claude_text(name)).then_some(Self::ClaudeMessages),
            "amazon" => amazon(name),
            "meta" if name.starts_with("llama3") => Some(Self::Llama3),
            "meta" if name.starts_with("llama4") => Some(Self::Llama4),
            "mistral" => Some(mistral(name)),
            "deepseek" if name.starts_with("r1") => Some(Self::DeepseekText),
            "deepseek" | "openai" | "xai" | "qwen" | "moonshot" | "moonshotai" | "minimax"
            | "zai" | "google" | "nvidia" => Some(Self::OpenaiChat),
            _ => None,
        }
    }
}

/// The text completions of Claude 1 and 2.
fn is_claude_text(name: &str) -> bool {
    ["claude-v1", "claude-v2", "claude-instant"]
        .iter()
        .any(|old| name.starts_with(old))
}

fn amazon(name: &str) -> Option<Family> {
    let is_one_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    // Nova 2 has siblings that speak, and that embed.
    let is_text = !name.contains("sonic") && !name.contains("embed");
    if is_one_of(&[
        "nova-micro",
        "nova-lite",
        "nova-pro",
        "nova-premier",
        "nova-2-",
    ]) {
        return is_text.then_some(Family::Nova);
    }
    if is_one_of(&["titan-embed-text", "titan-embed-g1-text"]) {
        return Some(Family::TitanEmbedText);
    }
    is_one_of(&["titan-text-"]).then_some(Family::TitanText)
}

/// Small and Large of 2402 take raw prompts as well; chat has a system role.
fn mistral(name: &str) -> Family {
    let is_one_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if is_one_of(&["mistral-7b", "mixtral"]) {
        return Family::MistralText;
    }
    if is_one_of(&["mistral-small-24", "mistral-large-24", "pixtral"]) {
        return Family::MistralChat;
    }
    Family::OpenaiChat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_id_tells_its_family() {
        for (base, name) in [
            ("anthropic.claude-opus-5", "claude-messages"),
            ("anthropic.claude-3-haiku-20240307-v1:0", "claude-messages"),
            ("anthropic.claude-v2:1", "-"),
            ("anthropic.claude-instant-v1", "-"),
            ("amazon.nova-lite-v1:0", "nova"),
            ("amazon.nova-2-lite-v1:0", "nova"),
            ("amazon.nova-2-sonic-v1:0", "-"),
            ("amazon.nova-2-multimodal-embeddings-v1:0", "-"),
            ("amazon.nova-canvas-v1:0", "-"),
            ("amazon.titan-text-express-v1", "titan-text"),
            ("amazon.titan-embed-text-v2:0", "titan-embed-text"),
            ("amazon.titan-embed-g1-text-02", "titan-embed-text"),
            ("amazon.titan-embed-image-v1", "-"),
            ("meta.llama2-13b-chat-v1", "-"),
            ("meta.llama3-3-70b-instruct-v1:0", "llama3"),
            ("meta.llama4-scout-17b-instruct-v1:0", "llama4"),
            ("mistral.mistral-7b-instruct-v0:2", "mistral-text"),
            ("mistral.mixtral-8x7b-instruct-v0:1", "mistral-text"),
            ("mistral.mistral-large-2407-v1:0", "mistral-chat"),
            ("mistral.pixtral-large-2502-v1:0", "mistral-chat"),
            ("mistral.mistral-large-3-675b-instruct", "openai-chat"),
            ("mistral.ministral-3-8b-instruct", "openai-chat"),
            ("deepseek.r1-v1:0", "deepseek-text"),
            ("deepseek.v3.2", "openai-chat"),
            ("openai.gpt-oss-20b-1:0", "openai-chat"),
            ("moonshotai.kimi-k3", "openai-chat"),
            ("cohere.command-r-v1:0", "-"),
            ("ai21.jamba-1-5-mini-v1:0", "-"),
            ("writer.palmyra-x5-v1:0", "-"),
            ("nonsense", "-"),
        ] {
            let found = Family::of(base).map_or("-", Family::name);
            assert_eq!(found, name, "{base}");
        }
    }
}

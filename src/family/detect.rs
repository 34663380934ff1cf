//! Which family a model speaks, by its base id.

use super::Family;
use crate::catalog::Capabilities;

impl Family {
    /// The family of a base id; `None` where none serves it, or the id is not known: then only
    /// [`Family::Raw`] does.
    ///
    /// Each family says how the ids it serves begin; the longest beginning decides, so that a
    /// provider's newer models are found before their ids are known.
    pub fn of(base: &str) -> Option<Self> {
        if has_no_body(base).is_some() {
            return None;
        }
        let beginnings = |family: &Self| family.layout().serves.iter();
        let fits = |family: &Self| {
            beginnings(family)
                .filter(|beginning| base.starts_with(**beginning))
                .map(|beginning| beginning.len())
                .max()
        };
        let found = Self::ALL.iter().filter_map(|it| Some((fits(it)?, *it)));
        found.max_by_key(|(length, _)| *length).map(|(_, it)| it)
    }

    /// Whether a model may speak this family although its id tells another: one that no id tells, or
    /// another of its own provider's (Mistral's of February 2024 take both of theirs).
    pub fn may_be_spoken_by(self, base: &str) -> bool {
        let provider = |id: &str| id.split('.').next().map(str::to_owned);
        let serves = self.layout().serves;
        serves.is_empty() || serves.iter().any(|id| provider(id) == provider(base))
    }

    /// How a model is called that InvokeModel does not reach, as the end of a sentence.
    pub fn reached_otherwise(base: &str) -> Option<&'static str> {
        has_no_body(base).or_else(|| Capabilities::served_by(base))
    }
}

/// How models are called for which there is no InvokeModel body at all, whatever their names begin
/// with.
fn has_no_body(base: &str) -> Option<&'static str> {
    let is_video = base.starts_with("luma.") || base.contains("-reel");
    match () {
        () if base.contains("sonic") => Some("speech goes over a stream in both directions"),
        () if is_video => Some("video is made by asynchronous calls (StartAsyncInvoke)"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_id_tells_its_family() {
        for (base, name) in [
            ("anthropic.claude-opus-5", "claude-messages"),
            ("anthropic.claude-3-haiku-20240307-v1:0", "claude-messages"),
            ("anthropic.claude-v2:1", "claude-text"),
            ("anthropic.claude-instant-v1", "claude-text"),
            ("amazon.nova-lite-v1:0", "nova"),
            ("amazon.nova-2-lite-v1:0", "nova"),
            ("amazon.nova-2-sonic-v1:0", "-"),
            ("amazon.nova-2-5-sonic", "-"),
            ("amazon.nova-2-omni-v1:0", "nova"),
            ("luma.ray-v2:0", "-"),
            ("amazon.nova-2-multimodal-embeddings-v1:0", "nova-embed"),
            ("amazon.nova-canvas-v1:0", "amazon-image"),
            ("amazon.nova-reel-v1:0", "-"),
            ("stability.sd3-5-large-v1:0", "stability-image"),
            ("stability.stable-diffusion-xl-v1", "stable-diffusion-xl"),
            ("cohere.embed-v4:0", "cohere-embed"),
            ("cohere.rerank-v3-5:0", "rerank"),
            ("twelvelabs.marengo-embed-3-0-v1:0", "marengo"),
            ("amazon.titan-text-express-v1", "titan-text"),
            ("amazon.titan-embed-text-v2:0", "titan-embed-text"),
            ("amazon.titan-embed-g1-text-02", "titan-embed-text"),
            ("amazon.titan-embed-image-v1", "titan-embed-image"),
            ("meta.llama2-13b-chat-v1", "llama2"),
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
            ("cohere.command-r-v1:0", "command-r"),
            ("cohere.command-light-text-v14", "command"),
            ("ai21.jamba-1-5-mini-v1:0", "jamba"),
            ("ai21.j2-ultra-v1", "jurassic"),
            ("writer.palmyra-x5-v1:0", "palmyra"),
            ("twelvelabs.pegasus-1-2-v1:0", "pegasus"),
            ("nonsense", "-"),
        ] {
            let found = Family::of(base).map_or("-", Family::name);
            assert_eq!(found, name, "{base}");
        }
    }
}

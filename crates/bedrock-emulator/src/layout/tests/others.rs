//! Models that go on from a text, and those that answer with something else than text.

use super::{IMPORTED, RETRY, asks, writes};

const CLAUDE_2: &str = "anthropic.claude-v2:1";
const COMMAND: &str = "cohere.command-text-v14";
const COMMAND_R: &str = "cohere.command-r-plus-v1:0";
const JURASSIC: &str = "ai21.j2-ultra-v1";
const PALMYRA: &str = "us.writer.palmyra-x5-v1:0";
const PEGASUS: &str = "us.twelvelabs.pegasus-1-2-v1:0";
const TITAN_IMAGE: &str = "amazon.titan-embed-image-v1";
const NOVA_EMBED: &str = "amazon.nova-2-multimodal-embeddings-v1:0";
const COHERE_EMBED: &str = "cohere.embed-v4:0";
const MARENGO: &str = "us.twelvelabs.marengo-embed-3-0-v1:0";
const RERANK: &str = "cohere.rerank-v3-5:0";
const CANVAS: &str = "amazon.nova-canvas-v1:0";
const STABILITY: &str = "stability.stable-image-core-v1:1";
const SDXL: &str = "stability.stable-diffusion-xl-v1";

fn malformed(why: &str) -> String {
    format!("Malformed input request: {why}{RETRY}")
}

#[test]
fn claude_2_prompts_alternate_between_human_and_assistant() {
    asks(
        CLAUDE_2,
        r#"{"prompt":"\n\nHuman: One\n\nAssistant: 1\n\nHuman: Two\n\nAssistant:","max_tokens_to_sample":9,"stop_sequences":["x"]}"#,
        r#""Two": 20 in, 9 until x"#,
    );
    asks(
        CLAUDE_2,
        r#"{"prompt":"Hi\n\nAssistant:","max_tokens_to_sample":9}"#,
        "Invalid prompt: prompt must start with \"\n\nHuman:\" turn",
    );
    asks(
        CLAUDE_2,
        r#"{"prompt":"\n\nHuman: Hi","max_tokens_to_sample":9}"#,
        "Invalid prompt: prompt must end with \"\n\nAssistant:\" turn",
    );
    for turns in [
        "Human: a\\n\\nHuman: b",
        "Human: a\\n\\nAssistant: b\\n\\nAssistant: c",
    ] {
        let body = format!(r#"{{"prompt":"\n\n{turns}\n\nAssistant:","max_tokens_to_sample":9}}"#);
        asks(
            CLAUDE_2,
            &body,
            "Invalid prompt: prompt must alternate between \"\n\nHuman:\" and \"\n\nAssistant:\" \
             turns",
        );
    }
    writes(
        CLAUDE_2,
        "{}",
        r#"{"type":"completion","completion":" Io","stop_reason":"max_tokens","stop":null}"#,
    );
}

#[test]
fn text_completion_models_have_their_own_limits() {
    asks(COMMAND, r#"{"prompt":"Hi"}"#, r#""Hi": 8 in, 20"#);
    asks(
        COMMAND,
        r#"{"prompt":"Hi","max_tokens":4097}"#,
        &malformed("#/max_tokens: 4097 is not less or equal to 4096"),
    );
    asks(
        JURASSIC,
        r#"{"prompt":"Hi","maxTokens":5,"stopSequences":["."]}"#,
        r#""Hi": 8 in, 5 until ."#,
    );
    asks(JURASSIC, r#"{"prompt":"Hi"}"#, r#""Hi": 8 in, 200"#);
    asks(
        JURASSIC,
        r#"{"prompt":""}"#,
        &malformed("#/prompt: expected minLength: 1, actual: 0"),
    );
    asks(
        PEGASUS,
        r#"{"inputPrompt":"Hi","mediaSource":{},"maxOutputTokens":7}"#,
        r#""Hi": 10008 in, 7"#,
    );
    asks(
        PEGASUS,
        r#"{"inputPrompt":"Hi"}"#,
        &malformed("#: required key [mediaSource] not found"),
    );
    writes(
        COMMAND,
        "{}",
        r#"{"id":"emulated","generations":[{"id":"emulated-1","text":" Io","finish_reason":"MAX_TOKENS"}]}"#,
    );
    writes(
        JURASSIC,
        "{}",
        r#"{"id":1,"prompt":{"text":"","tokens":[]},"completions":[{"data":{"text":"\nIo","tokens":[]},"finishReason":{"reason":"length","length":1}}]}"#,
    );
    writes(PEGASUS, "{}", r#"{"message":"Io","finishReason":"length"}"#);
}

#[test]
fn command_r_checks_the_roles_of_its_history() {
    asks(
        COMMAND_R,
        r#"{"message":"Two","preamble":"Terse","chat_history":[{"role":"USER","message":"One"},{"role":"CHATBOT","message":"1"}],"max_tokens":5}"#,
        r#""Two": 10 in, 5"#,
    );
    asks(
        COMMAND_R,
        r#"{"message":"Two","chat_history":[{"role":"user","message":"One"}]}"#,
        &malformed("#/chat_history/0/role: not a valid enum value"),
    );
    writes(
        COMMAND_R,
        "{}",
        r#"{"response_id":"emulated","text":"Io","generation_id":"emulated-1","chat_history":[],"finish_reason":"MAX_TOKENS"}"#,
    );
}

#[test]
fn palmyra_responds_in_the_layout_of_the_request() {
    let messages = r#"{"messages":[{"role":"user","content":"Hi"}],"max_tokens":5}"#;
    asks(PALMYRA, messages, r#""Hi": 8 in, 5"#);
    let prompt = r#"{"prompt":"Hi","max_tokens":5}"#;
    asks(PALMYRA, prompt, r#""Hi": 8 in, 5"#);
    let completion = r#"{"id":"cmpl-emulated","object":"text_completion","choices":[{"index":0,"text":"Io","finish_reason":"length","stop_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#;
    writes(PALMYRA, prompt, completion);
    writes(IMPORTED, prompt, completion);
}

#[test]
fn vectors_have_the_requested_number_and_dimensions() {
    asks(
        TITAN_IMAGE,
        r#"{"inputText":"Hi","embeddingConfig":{"outputEmbeddingLength":256}}"#,
        r#""Hi": 8 in, 1 vectors of 256"#,
    );
    asks(TITAN_IMAGE, "{}", "inputText or inputImage must be given.");
    asks(
        NOVA_EMBED,
        r#"{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX","embeddingDimension":384,"text":{"truncationMode":"END","value":"Hi"}}}"#,
        r#""Hi": 8 in, 1 vectors of 384"#,
    );
    asks(
        NOVA_EMBED,
        r#"{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"text":{"value":"Hi"}}}"#,
        &malformed("#/singleEmbeddingParams: required key [embeddingPurpose] not found"),
    );
    asks(
        COHERE_EMBED,
        r#"{"texts":["Hi","Ho"],"input_type":"search_query","output_dimension":256}"#,
        r#""Hi\nHo": 9 in, 2 vectors of 256"#,
    );
    let many = format!(r#"{{"texts":{:?},"input_type":"search_query"}}"#, ["a"; 97]);
    asks(
        COHERE_EMBED,
        &many,
        &malformed("#/texts: expected 1 to 96 items, found: 97"),
    );
    asks(
        COHERE_EMBED,
        r#"{"texts":["Hi"],"input_type":"document"}"#,
        &malformed("#/input_type: not a valid enum value"),
    );
    for text in [r#""inputText":"Hi""#, r#""text":{"inputText":"Hi"}"#] {
        let body = format!(r#"{{"inputType":"text",{text}}}"#);
        asks(MARENGO, &body, r#""Hi": 8 in, 1 vectors of 512"#);
    }
    asks(
        MARENGO,
        r#"{"inputType":"text"}"#,
        &malformed("#: required key [inputText] not found"),
    );
}

#[test]
fn dimensions_that_a_model_lacks_are_rejected() {
    asks(
        TITAN_IMAGE,
        r#"{"inputText":"Hi","embeddingConfig":{"outputEmbeddingLength":300}}"#,
        &malformed("#/embeddingConfig/outputEmbeddingLength: not a valid enum value"),
    );
    asks(
        NOVA_EMBED,
        r#"{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX","embeddingDimension":512,"text":{"value":"Hi"}}}"#,
        &malformed("#/singleEmbeddingParams/embeddingDimension: not a valid enum value"),
    );
    asks(
        COHERE_EMBED,
        r#"{"texts":["Hi"],"input_type":"search_query","output_dimension":300}"#,
        &malformed("#/output_dimension: not a valid enum value"),
    );
}

#[test]
fn image_settings_are_checked() {
    let asked = |config: &str| {
        format!(
            r#"{{"taskType":"TEXT_IMAGE","textToImageParams":{{"text":"Hi"}},"imageGenerationConfig":{{{config}}}}}"#
        )
    };
    asks(
        CANVAS,
        &asked(r#""numberOfImages":5,"cfgScale":1.1"#),
        r#""Hi": 8 in, pictures"#,
    );
    asks(
        CANVAS,
        &asked(r#""numberOfImages":6"#),
        &malformed("#/imageGenerationConfig/numberOfImages: 6 is not less or equal to 5"),
    );
    asks(
        CANVAS,
        &asked(r#""cfgScale":0.5"#),
        &malformed("#/imageGenerationConfig/cfgScale: 0.5 is not greater or equal to 1.1"),
    );
}

#[test]
fn vectors_come_in_each_models_shape() {
    const VECTOR: &str = "[0.6000000238418579,-0.800000011920929]";
    let with = |shape: &str| shape.replace('V', VECTOR);
    writes(
        TITAN_IMAGE,
        "{}",
        &with(r#"{"embedding":V,"inputTextTokenCount":9,"message":null}"#),
    );
    writes(
        NOVA_EMBED,
        "{}",
        &with(r#"{"embeddings":[{"embeddingType":"TEXT","embedding":V}],"request_id":"emulated"}"#),
    );
    writes(MARENGO, "{}", &with(r#"{"data":[{"embedding":V}]}"#));
    writes(
        COHERE_EMBED,
        r#"{"texts":["Hi"]}"#,
        &with(
            r#"{"id":"emulated","texts":["Hi"],"response_type":"embeddings_by_type","embeddings":{"float":[V]}}"#,
        ),
    );
    writes(
        "cohere.embed-english-v3",
        r#"{"texts":["Hi"]}"#,
        &with(
            r#"{"id":"emulated","texts":["Hi"],"response_type":"embeddings_floats","embeddings":[V]}"#,
        ),
    );
    writes(
        COHERE_EMBED,
        r#"{"texts":["Hi"],"embedding_types":["int8"]}"#,
        r#"{"id":"emulated","texts":["Hi"],"response_type":"embeddings_by_type","embeddings":{"int8":[[76,-101]]}}"#,
    );
}

#[test]
fn a_reranker_puts_the_best_document_first() {
    let body = r#"{"query":"Hi","documents":["a","b"],"api_version":2,"top_n":1}"#;
    asks(RERANK, body, r#""Hi": 16 in, 1 vectors of 2"#);
    asks(
        RERANK,
        r#"{"query":"Hi","documents":["a","b"]}"#,
        &malformed("#: required key [api_version] not found"),
    );
    writes(
        RERANK,
        body,
        r#"{"results":[{"index":1,"relevance_score":0.800000011920929}]}"#,
    );
}

#[test]
fn images_are_made_of_a_text() {
    let text = r#""taskType":"TEXT_IMAGE","textToImageParams":{"text":"Hi"}"#;
    asks(CANVAS, &format!("{{{text}}}"), r#""Hi": 8 in, pictures"#);
    asks(
        CANVAS,
        r#"{"taskType":"TEXT_IMAGE","textToImageParams":{}}"#,
        &malformed("#/textToImageParams: required key [text] not found"),
    );
    asks(STABILITY, r#"{"prompt":"Hi"}"#, r#""Hi": 8 in, pictures"#);
    asks(
        STABILITY,
        "{}",
        &malformed("#: required key [prompt] not found"),
    );
    let prompts = r#"{"text_prompts":[{"text":"Hi"}]}"#;
    asks(SDXL, prompts, r#""Hi": 8 in, pictures"#);
    asks(
        SDXL,
        r#"{"text_prompts":[{}]}"#,
        &malformed("#/text_prompts/0: required key [text] not found"),
    );
    let image = super::super::image::PIXEL;
    writes(
        CANVAS,
        r#"{"imageGenerationConfig":{"numberOfImages":2}}"#,
        &format!(r#"{{"images":["{image}","{image}"],"error":null}}"#),
    );
    writes(
        STABILITY,
        "{}",
        &format!(r#"{{"seeds":[7],"finish_reasons":[null],"images":["{image}"]}}"#),
    );
    writes(
        SDXL,
        "{}",
        &format!(
            r#"{{"result":"success","artifacts":[{{"seed":7,"base64":"{image}","finishReason":"SUCCESS"}}]}}"#
        ),
    );
}

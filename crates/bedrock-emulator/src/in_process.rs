//! The service without a socket, for tests that pause time.

use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::header::{HeaderValue, RETRY_AFTER};

use super::reply;
use super::reply_body::{HangUp, ReplyBody};
use super::scenario::Scenario;
use super::service::Service;
use super::stats::Stats;

/// An emulated service that is called in-process. Its responses and latencies are those of the
/// listening [`Emulator`](super::Emulator); only the network is missing.
#[derive(Debug)]
pub struct InProcess(Service);

/// The response to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The exception's name; `None` for a success and for a proxy's page.
    pub code: Option<String>,
    /// The value of `retry-after`.
    pub retry_after: Option<Duration>,
    /// The request id.
    pub request_id: Option<String>,
    /// The body: the model's output, or an error.
    pub body: Bytes,
}

impl InProcess {
    /// A service that behaves as `scenario` says. Time in the scenario starts now.
    pub fn new(scenario: Scenario) -> Self {
        Self(Service::new(scenario))
    }

    /// Sends one InvokeModel body.
    ///
    /// # Errors
    /// The scenario closes the connection.
    pub async fn invoke(&self, model_id: &str, body: &[u8]) -> Result<Reply, HangUp> {
        self.0.invoke(model_id, body).await.and_then(read)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

impl Reply {
    /// The message of an error; `None` if the body has none.
    pub fn message(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get("message")?.as_str()?.to_owned())
    }
}

/// Reads a response as a client does.
fn read(reply: Response<ReplyBody>) -> Result<Reply, HangUp> {
    let header = |name| reply.headers().get(name).map(HeaderValue::to_str);
    let text = |name| header(name)?.ok().map(str::to_owned);
    let code = text(reply::ERROR_TYPE).map(|code| match code.split_once(':') {
        Some((code, _)) => code.to_owned(),
        None => code,
    });
    let seconds = text(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
    Ok(Reply {
        status: reply.status().as_u16(),
        code,
        retry_after: seconds.map(Duration::from_secs),
        request_id: text(reply::REQUEST_ID),
        body: reply.into_body().into_whole()?,
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{InProcess, Scenario};

    /// Compares the response to one call and its latency in milliseconds.
    async fn check(scenario: &str, expected: &str) {
        let service = InProcess::new(Scenario::parse(scenario, "scenario").unwrap());
        let body = br#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#;
        let start = Instant::now();
        let got = match service.invoke("us.amazon.nova-lite-v1:0", body).await {
            Ok(it) => format!(
                "{} {:?} {:?} {:?}",
                it.status,
                it.code,
                it.retry_after,
                it.message()
            ),
            Err(hang_up) => hang_up.to_string(),
        };
        assert_eq!(format!("{got}, {}", start.elapsed().as_millis()), expected);
    }

    #[tokio::test]
    async fn a_request_gets_the_same_response_from_every_emulator() {
        let schema = r#"{"type":"object","required":["a","b"],"additionalProperties":false,"properties":{
            "a":{"type":"string"},"b":{"type":"array","items":{"enum":["x","y","z"]}},"c":{"type":"number"}}}"#;
        let messages = r#""messages":[{"role":"user","content":"Hi"}]"#;
        let blocks = r#""messages":[{"role":"user","content":[{"text":"Hi"}]}]"#;
        let claude = r#""anthropic_version":"bedrock-2023-05-31","max_tokens":99"#;
        let prompt = schema.replace('\n', " ").replace('"', "\\\"");
        for (model, body) in [
            (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                format!(
                    r#"{{{claude},{messages},"output_config":{{"format":{{"type":"json_schema","schema":{schema}}}}}}}"#
                ),
            ),
            (
                "openai.gpt-oss-20b-1:0",
                format!(
                    r#"{{{messages},"n":3,"response_format":{{"type":"json_schema","json_schema":{{"name":"l","schema":{schema}}}}}}}"#
                ),
            ),
            (
                "us.amazon.nova-lite-v1:0",
                format!(
                    r#"{{{blocks},"toolConfig":{{"tools":[{{"toolSpec":{{"name":"l","inputSchema":{{"json":{schema}}}}}}}],"toolChoice":{{"tool":{{"name":"l"}}}}}}}}"#
                ),
            ),
            (
                "us.meta.llama3-3-70b-instruct-v1:0",
                format!(r#"{{"prompt":"Hi\n{prompt}"}}"#),
            ),
            (
                "cohere.command-text-v14",
                r#"{"prompt":"Hi","num_generations":3}"#.to_owned(),
            ),
        ] {
            let scenario = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n";
            let mut bodies = Vec::new();
            for _ in 0..2 {
                let service = InProcess::new(Scenario::parse(scenario, "scenario").unwrap());
                let reply = service.invoke(model, body.as_bytes()).await.unwrap();
                assert_eq!(reply.status, 200, "{model}: {:?}", reply.message());
                bodies.push(reply.body);
            }
            assert_eq!(bodies[0], bodies[1], "{model}");
            let value: serde_json::Value = serde_json::from_slice(&bodies[0]).unwrap();
            for (list, text) in [("choices", "/message/content"), ("generations", "/text")] {
                let completions = value[list].as_array().into_iter().flatten();
                let texts: Vec<_> = completions.map(|it| it.pointer(text)).collect();
                assert!(texts.is_empty() || texts.len() == 3, "{model}: {value}");
                assert!(texts.is_empty() || texts[0] != texts[1], "{model}: {value}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_in_process_gets_the_response_of_the_server() {
        let plain = "[latency]\nfirst_token_ms = 200\nper_token_ms = 0\njitter = 0\n";
        check(plain, "200 None None None, 200").await;
        let fault = "refusal_ms = 5\n[[fault]]\nkind = \"throttled\"\nretry_after_s = 3";
        check(
            fault,
            "429 Some(\"ThrottlingException\") Some(3s) Some(\"Too many requests, please wait \
             before trying again.\"), 5",
        )
        .await;
        let cut = format!("{plain}[[fault]]\nkind = \"reset_mid_body\"");
        check(&cut, "the scenario closes this connection, 200").await;
    }
}

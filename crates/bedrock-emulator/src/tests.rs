//! Through the SDK: what a client sees of the emulator.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{Config, Credentials, Region};
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::primitives::Blob;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Emulator, EmulatorHandle, Scenario};

const NOVA: &str = "us.amazon.nova-lite-v1:0";
const NOVA_HI: &str = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#;

/// A running emulator, and what speaks to it.
struct Bench {
    client: Client,
    emulator: EmulatorHandle,
}

fn bench(scenario: &str) -> Bench {
    let scenario = Scenario::parse(scenario, "scenario")
        .unwrap()
        .without_latency();
    let emulator = Emulator::start(scenario).unwrap();
    let config = Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "SECRET", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(emulator.url())
        .build();
    Bench {
        client: Client::from_conf(config),
        emulator,
    }
}

impl Bench {
    /// What came of one call: the body, or the kind of failure, as text.
    async fn invoke(&self, model: &str, body: &str) -> String {
        let call = self.client.invoke_model().model_id(model);
        let call = call
            .content_type("application/json")
            .body(Blob::new(body.as_bytes()));
        match call.send().await {
            Ok(reply) => String::from_utf8(reply.body.into_inner()).unwrap(),
            Err(SdkError::ServiceError(error)) => {
                let status = error.raw().status().as_u16();
                let retry_after = error.raw().headers().get("retry-after");
                let wait = retry_after.map_or(String::new(), |s| format!(" after {s} s"));
                let error = error.into_err();
                let code = error.code().unwrap_or("no code");
                let message = error.message().unwrap_or("no message");
                format!("{status} {code}{wait}: {message}")
            }
            Err(SdkError::DispatchFailure(_)) => "connection broken".to_owned(),
            Err(SdkError::ResponseError(_)) => "reply broken".to_owned(),
            Err(other) => format!("{other:?}"),
        }
    }

    /// What came back for raw bytes, up to the first blank line, without date and request id.
    async fn speak(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.emulator.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let keep = |line: &&str| !line.starts_with("date:") && !line.contains("requestid");
        let lines: Vec<&str> = reply.lines().filter(keep).collect();
        lines.join("\n")
    }
}

/// Calls Nova `calls` times with the same prompt under a scenario, and compares each outcome.
async fn check(scenario: &str, expected: &[&str]) {
    let bench = bench(scenario);
    let mut seen = Vec::new();
    for _ in expected {
        let outcome = bench.invoke(NOVA, NOVA_HI).await;
        seen.push(match outcome.starts_with(r#"{"output""#) {
            true => "answered".to_owned(),
            false => outcome,
        });
    }
    assert_eq!(seen, expected, "{scenario}");
}

#[tokio::test]
async fn the_output_depends_on_the_prompt_alone() {
    let bench = bench("");
    let first = bench.invoke(NOVA, NOVA_HI).await;
    assert_eq!(bench.invoke(NOVA, NOVA_HI).await, first);
    assert!(first.contains("[emulated 3639efcd] "), "{first}");
    let other = bench.invoke(NOVA, &NOVA_HI.replace("Hi", "Ho")).await;
    assert!(other.contains("[emulated c758089f] "), "{other}");
}

#[tokio::test]
async fn an_arn_in_the_path_is_decoded() {
    let bench = bench("");
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefabcdef";
    let reply = bench.invoke(arn, NOVA_HI).await;
    assert!(reply.starts_with(r#"{"output""#), "{reply}");
}

#[tokio::test]
async fn a_success_has_the_headers_of_the_service() {
    let bench = bench("[output]\nmax_tokens = 12\nmean_tokens = 12");
    let length = NOVA_HI.len();
    let reply = bench
        .speak(&format!(
            "POST /model/amazon.nova-lite-v1%3A0/invoke HTTP/1.1\r\nhost: x\r\n\
             authorization: Bearer x\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{NOVA_HI}"
        ))
        .await;
    let (head, _) = reply.split_once("\n\n").unwrap();
    let (head, length) = head.rsplit_once("\n").unwrap();
    assert_eq!(
        head,
        "HTTP/1.1 200 OK\nserver: promptmill-emulator\ncontent-type: application/json\n\
         x-amzn-bedrock-invocation-latency: 0\nx-amzn-bedrock-input-token-count: 8\n\
         x-amzn-bedrock-output-token-count: 11\nconnection: close"
    );
    assert!(length.starts_with("content-length: "), "{length}");
}

#[tokio::test]
async fn a_call_without_credentials_is_rejected() {
    let bench = bench("");
    let reply = bench
        .speak("POST /model/amazon.nova-lite-v1%3A0/invoke HTTP/1.0\r\n\r\n")
        .await;
    assert_eq!(
        reply.lines().last(),
        Some(r#"{"message":"Missing Authentication Token"}"#)
    );
    assert!(reply.starts_with("HTTP/1.0 403 "), "{reply}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_rejected_after_it_was_read() {
    let bench = bench("");
    let reply = bench.invoke(NOVA, &" ".repeat(25_000_001)).await;
    assert_eq!(
        reply,
        "413 RequestEntityTooLargeException: Request body is larger than the 25000000 bytes \
         allowed."
    );
}

#[tokio::test]
async fn a_prompt_beyond_the_context_window_is_rejected() {
    let too_long = "400 ValidationException: Input is too long for requested model.";
    check("context_tokens = 7", &[too_long]).await;
    check("context_tokens = 8", &["answered"]).await;
}

#[tokio::test]
async fn requests_beyond_the_quota_are_throttled() {
    let throttled = "429 ThrottlingException: Too many requests, please wait before trying again.";
    let scenario = "[[quota]]\nrequests_per_minute = 1\nburst = 2";
    check(scenario, &["answered", "answered", throttled, throttled]).await;
}

#[tokio::test]
async fn tokens_beyond_the_quota_are_throttled() {
    let tokens = "429 ThrottlingException: Too many tokens, please wait before trying again.";
    check("[[quota]]\ntokens_per_minute = 5007", &[tokens]).await;
    check("[[quota]]\ntokens_per_minute = 5008", &["answered", tokens]).await;
    let day = "429 ThrottlingException: Too many tokens per day, please wait before trying again.";
    check("[[quota]]\ntokens_per_day = 10", &[day]).await;
}

#[tokio::test]
async fn every_kind_of_fault_looks_like_the_real_one() {
    let kinds = [
        (
            "throttled",
            "429 ThrottlingException: Too many requests, please wait before trying again.",
        ),
        (
            "daily_quota",
            "429 ThrottlingException: Too many tokens per day, please wait before trying again.",
        ),
        (
            "model_not_ready",
            "429 ModelNotReadyException: Model is not ready for inference. Please wait and try your request again.",
        ),
        (
            "unavailable",
            "503 ServiceUnavailableException: Bedrock is unable to process your request.",
        ),
        (
            "model_throttled",
            "503 ServiceUnavailableException: Model is getting throttled. Try your request again.",
        ),
        (
            "profile_needed",
            "400 ValidationException: Invocation of model ID us.amazon.nova-lite-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.",
        ),
        (
            "too_many_connections",
            "503 ServiceUnavailableException: Too many connections, please wait before trying again.",
        ),
        (
            "server_error",
            "500 InternalServerException: The system encountered an unexpected error during processing. Try your request again.",
        ),
        (
            "model_timeout",
            "408 ModelTimeoutException: Model has timed out in processing the request. Try your request again.",
        ),
        (
            "model_error",
            "424 ModelErrorException: The system encountered an unexpected error during processing. Try your request again.",
        ),
        ("overloaded", "529 overloaded_error: Overloaded"),
        (
            "service_quota",
            "400 ServiceQuotaExceededException: Your request exceeds the service quota for your account.",
        ),
        (
            "access_denied",
            "403 AccessDeniedException: You don't have access to the model with the specified model ID.",
        ),
        (
            "expired_token",
            "403 ExpiredTokenException: The security token included in the request is expired",
        ),
        (
            "not_found",
            "404 ResourceNotFoundException: This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
        ),
        (
            "validation",
            "400 ValidationException: Malformed input request: #: the scenario refuses this request, please reformat your input and try again.",
        ),
        ("html_502", "502 no code: no message"),
        (
            "clock_skew",
            "403 InvalidSignatureException: Signature expired: 20261122T000000Z is now earlier than 20261122T002500Z (20261122T003000Z - 5 min.)",
        ),
        ("reset", "connection broken"),
        ("closed", "connection broken"),
        ("short_body", "reply broken"),
        ("reset_after", "answered"),
        ("closed_after", "answered"),
        ("reset_mid_body", "reply broken"),
        ("empty_body", ""),
        ("not_json", "upstream said something else\n"),
        ("wrong_shape", r#"{"surprise":[1,2,3]}"#),
    ];
    for (kind, expected) in kinds {
        check(&format!("[[fault]]\nkind = \"{kind}\""), &[expected]).await;
    }
}

#[tokio::test]
async fn a_fault_may_have_a_retry_after() {
    let scenario = "[[fault]]\nkind = \"overloaded\"\nretry_after_s = 7\nfirst = 1";
    check(
        scenario,
        &["529 overloaded_error after 7 s: Overloaded", "answered"],
    )
    .await;
}

#[tokio::test]
async fn invalid_requests_get_an_error_and_leave_the_server_running() {
    let bench = bench("");
    let reply = bench.speak("what?\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    drop(TcpStream::connect(bench.emulator.addr()).await.unwrap());
    for nonsense in [
        "",
        "{",
        "[]",
        "\u{0}",
        r#"{"messages":1}"#,
        r#"{"messages":[1]}"#,
    ] {
        let reply = bench.invoke(NOVA, nonsense).await;
        assert!(
            reply.starts_with("400 ValidationException: Malformed"),
            "{reply}"
        );
    }
    let reply = bench.invoke(NOVA, NOVA_HI).await;
    assert!(reply.starts_with(r#"{"output""#), "{reply}");
}

#[tokio::test]
async fn a_stalled_call_ends_when_its_client_leaves() {
    let bench = bench("[[fault]]\nkind = \"stall\"");
    let call = bench.invoke(NOVA, NOVA_HI);
    let patience = std::time::Duration::from_millis(50);
    tokio::time::timeout(patience, call).await.unwrap_err();
    while bench.emulator.stats().counts().in_flight != 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_call_is_counted_once() {
    let bench = bench(
        "[[quota]]\nrequests_per_minute = 1\nburst = 3\n[[fault]]\nkind = \"reset\"\nevery = 3",
    );
    for _ in 0..4 {
        bench.invoke(NOVA, NOVA_HI).await;
    }
    bench.invoke(NOVA, "{}").await;
    let counts = bench.emulator.stats().counts();
    let text = format!(
        "{} calls, {} answered, {} refused, {} throttled, {} faults, {} in flight, {} at most",
        counts.calls,
        counts.answered,
        counts.rejected,
        counts.throttled,
        counts.faults,
        counts.in_flight,
        counts.max_in_flight
    );
    assert_eq!(
        text,
        "5 calls, 2 answered, 1 refused, 1 throttled, 1 faults, 0 in flight, 1 at most"
    );
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let everywhere = ([0, 0, 0, 0], 0).into();
    let error = Emulator::bind(everywhere, Scenario::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "0.0.0.0 is not a loopback address; the emulator listens on 127.0.0.1 or [::1] only"
    );
}

#[test]
fn an_emulator_serves_without_a_runtime_until_its_handle_is_dropped() {
    use std::io::{Read as _, Write as _};

    let emulator = Emulator::start(Scenario::default()).unwrap();
    let (addr, stats) = (emulator.addr(), emulator.stats());
    assert_eq!(emulator.url(), format!("http://{addr}"));
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    write!(stream, "POST /model/x/invoke HTTP/1.0\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.0 403 "), "{reply}");
    let mut idle = std::net::TcpStream::connect(addr).unwrap();
    drop(emulator);
    assert_eq!(
        idle.read(&mut [0]).unwrap_or(0),
        0,
        "the connection is open"
    );
    std::net::TcpStream::connect(addr).unwrap_err();
    assert_eq!(stats.counts().rejected, 1);
}

#[tokio::test]
async fn a_model_that_needs_a_profile_is_named_as_it_was_sent() {
    let bench = bench("");
    let body = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":30,"messages":[{"role":"user","content":"Hi"}]}"#;
    let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
    let arn = format!("arn:aws:bedrock:us-east-1::foundation-model/{haiku}");
    for id in [haiku, &arn] {
        assert_eq!(
            bench.invoke(id, body).await,
            format!(
                "400 ValidationException: Invocation of model ID {id} with on-demand throughput \
                 isn’t supported. Retry your request with the ID or ARN of an inference profile \
                 that contains this model."
            )
        );
    }
    let reply = bench.invoke(&format!("us.{haiku}"), body).await;
    assert!(reply.starts_with(r#"{"id":"#), "{reply}");
}

#[tokio::test]
async fn a_retired_model_is_not_found_whatever_the_body() {
    let retired = bench("end_of_life = true");
    for body in [
        "",
        "{}",
        r#"{"prompt":"\n\nHuman: Hi\n\nAssistant:","max_tokens_to_sample":9}"#,
    ] {
        let reply = retired.invoke("anthropic.claude-v2", body).await;
        assert!(
            reply.starts_with("404 ResourceNotFoundException: This model version has reached"),
            "{reply}"
        );
    }
}

/// Sends Nova's request with a guardrail and other headers, and returns head and body.
async fn with_headers(scenario: &str, model: &str, headers: &str) -> String {
    let length = NOVA_HI.len();
    bench(scenario)
        .speak(&format!(
            "POST /model/{model}/invoke HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\n\
             {headers}content-length: {length}\r\nconnection: close\r\n\r\n{NOVA_HI}"
        ))
        .await
}

#[tokio::test]
async fn a_guardrail_blocks_without_counts_and_masks_a_part() {
    let guardrail = "x-amzn-bedrock-guardrailidentifier: gr-1\r\n\
                     x-amzn-bedrock-guardrailversion: 1\r\n";
    let nova = "amazon.nova-lite-v1%3A0";
    let blocked = with_headers("[guardrail]\nblocks = [\"Hi\"]", nova, guardrail).await;
    assert!(
        blocked.contains("\"amazon-bedrock-guardrailAction\":\"INTERVENED\""),
        "{blocked}"
    );
    assert!(blocked.contains("guardrail_intervened"), "{blocked}");
    assert!(!blocked.contains("token-count"), "{blocked}");
    let masked = with_headers("[guardrail]\nmasks = [\"Hi\"]", nova, guardrail).await;
    assert!(
        masked.contains("{NAME}") && masked.contains("INTERVENED"),
        "{masked}"
    );
    assert!(
        masked.contains("token-count") && masked.contains("end_turn"),
        "{masked}"
    );
    let passed = with_headers("", nova, guardrail).await;
    assert!(
        passed.contains("\"amazon-bedrock-guardrailAction\":\"NONE\""),
        "{passed}"
    );
}

#[tokio::test]
async fn a_service_tier_that_a_model_lacks_is_rejected() {
    let flex = "x-amzn-bedrock-service-tier: flex\r\n";
    let claude = with_headers("", "us.anthropic.claude-opus-5", flex).await;
    assert!(claude.starts_with("HTTP/1.1 400 "), "{claude}");
    assert!(
        claude.contains("The provided service tier is not supported for this model"),
        "{claude}"
    );
    let nova = with_headers("", "us.amazon.nova-2-lite-v1%3A0", flex).await;
    assert!(nova.contains("x-amzn-bedrock-service-tier: flex"), "{nova}");
}

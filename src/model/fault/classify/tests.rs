use super::*;

/// `told` is category and verdict.
#[track_caller]
fn check(code: &str, status: u16, message: &str, told: &str) {
    let code = (!code.is_empty()).then_some(code);
    let fault = Fault::from_response(code, status, message, None, None);
    let found = format!("{} {:?}", fault.category.as_str(), fault.verdict);
    assert_eq!(found, told, "{code:?} {status} {message}");
}

#[test]
fn a_code_goes_before_its_status() {
    check(
        "ThrottlingException",
        429,
        "Too many requests",
        "throttled Retry",
    );
    check(
        "ModelNotReadyException",
        429,
        "Model is not ready",
        "model_not_ready Retry",
    );
    check(
        "ServiceQuotaExceededException",
        400,
        "limit",
        "service_quota StopRun",
    );
    check(
        "ModelTimeoutException",
        408,
        "timed out",
        "model_timeout Retry",
    );
    check("ModelErrorException", 424, "broke", "model_error Retry");
    check(
        "InternalServerException",
        500,
        "broke",
        "server_error Retry",
    );
    check(
        "ValidationException",
        400,
        "content is empty",
        "invalid_request RowFailed",
    );
    check("AccessDeniedException", 403, "no", "access_denied StopRun");
    check("ResourceNotFoundException", 404, "no", "not_found StopRun");
    check(
        "ExpiredTokenException",
        403,
        "expired",
        "credentials StopRun",
    );
    check("InvalidAction", 400, "what?", "invalid_request StopRun");
}

#[test]
fn a_status_speaks_where_no_code_does() {
    check("", 529, "Overloaded", "unavailable Retry");
    check("", 502, "<html>Bad Gateway</html>", "server_error Retry");
    check(
        "",
        504,
        "<html>Gateway Timeout</html>",
        "server_error Retry",
    );
    check(
        "",
        413,
        "<html>too large</html>",
        "request_too_large RowFailed",
    );
    check("", 429, "", "throttled Retry");
    check("", 400, "", "invalid_request RowFailed");
    check("", 407, "", "credentials StopRun");
    check("", 302, "", "network Retry");
    check("BrandNewException", 503, "", "unavailable Retry");
}

#[test]
fn a_throttle_is_told_from_the_end_of_the_day() {
    let throttled = "throttled Retry";
    let code = "ThrottlingException";
    check(
        code,
        429,
        "Too many tokens, please wait before trying again.",
        throttled,
    );
    check(
        code,
        429,
        "Your request rate is too high. Reduce the frequency.",
        throttled,
    );
    let day = "Too many tokens per day, please wait before trying again.";
    check(code, 429, day, "daily_quota StopRun");
}

#[test]
fn a_throttle_is_one_whatever_its_code_and_status() {
    let throttled = "throttled Retry";
    for (code, status, message) in [
        (
            "ServiceUnavailableException",
            503,
            "Model is getting throttled. Try your request again.",
        ),
        (
            "",
            503,
            "Too many requests, please wait before trying again.",
        ),
        ("InternalServerException", 500, "Rate exceeded"),
        ("ModelErrorException", 424, "The model is being throttled."),
        ("ValidationException", 400, "Your request rate is too high."),
    ] {
        check(code, status, message, throttled);
    }
    let day = "Too many tokens per day, please wait before trying again.";
    check(
        "ServiceUnavailableException",
        503,
        day,
        "daily_quota StopRun",
    );
    let busy = "Bedrock is unable to process your request.";
    check(
        "ServiceUnavailableException",
        503,
        busy,
        "unavailable Retry",
    );
}

#[test]
fn what_the_headers_of_every_call_ask_for_stops_the_run() {
    for message in [
        "The provided service tier is not supported for this model",
        "Service tier isn’t available for the requested model.",
        "This model does not support the service tier flex.",
        "Latency performance configuration is not supported for this model.",
        "The guardrail identifier or version provided in the request does not exist.",
    ] {
        let stops = "invalid_request StopRun";
        check("ValidationException", 400, message, stops);
        let code = Some("ValidationException");
        let fault = Fault::from_response(code, 400, message, None, None);
        assert!(
            fault.wants_another_job() && !fault.blames_body(),
            "{message}"
        );
    }
}

#[test]
fn busy_is_told_from_too_many_connections() {
    let message = "Too many connections, please wait before trying again.";
    let fault = Fault::from_response(
        Some("ServiceUnavailableException"),
        503,
        message,
        None,
        None,
    );
    assert!(fault.wants_fewer_connections());
    assert_eq!(fault.category, Category::Unavailable);
    let message = "Bedrock is unable to process your request.";
    let fault = Fault::from_response(None, 503, message, None, None);
    assert!(!fault.wants_fewer_connections());
}

#[test]
fn a_row_that_is_too_long_fails_alone() {
    let long = "context_window RowFailed";
    let code = "ValidationException";
    check(code, 400, "Input is too long for requested model.", long);
    check(
        code,
        400,
        "prompt is too long: 208310 tokens > 200000 maximum",
        long,
    );
    check(
        code,
        400,
        "Too many input tokens. Max input tokens: 8192, request input token count: 9000",
        long,
    );
    let body = "1 validation error detected: Value at 'body' failed to satisfy constraint: \
                Member must have length less than or equal to 25000000";
    check(code, 400, body, "request_too_large RowFailed");
}

#[test]
fn a_mistake_of_the_whole_job_stops_the_run() {
    let job = "invalid_request StopRun";
    let code = "ValidationException";
    for apostrophe in ["'", "’"] {
        let message = format!(
            "Invocation of model ID anthropic.claude-opus-5 with on-demand throughput \
             isn{apostrophe}t supported. Retry your request with the ID or ARN of an \
             inference profile that contains this model."
        );
        check(code, 400, &message, job);
        check(
            code,
            400,
            &format!("This model doesn{apostrophe}t support the stopSequences field."),
            job,
        );
    }
    check(code, 400, "The provided model identifier is invalid.", job);
    check(
        code,
        400,
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens",
        job,
    );
    check(
        code,
        400,
        "`temperature` and `top_p` cannot both be specified for this model.",
        job,
    );
    check(
        code,
        400,
        "Malformed input request: extraneous key [foo] is not permitted",
        job,
    );
    check(
        code,
        400,
        "messages.0.foo: Extra inputs are not permitted",
        job,
    );
    check(
        code,
        400,
        "Malformed input request: #/messages/0/content: expected minLength: 1",
        "invalid_request RowFailed",
    );
    let legacy = "This model version has reached the end of its life.";
    check(
        "ResourceNotFoundException",
        404,
        legacy,
        "not_found StopRun",
    );
    let form = "Model use case details have not been submitted for this account.";
    check(
        "ResourceNotFoundException",
        404,
        form,
        "access_denied StopRun",
    );
}

#[test]
fn credentials_speak_through_other_codes_too() {
    let credentials = "credentials StopRun";
    let expired = "The security token included in the request is expired";
    check("AccessDeniedException", 403, expired, credentials);
    check(
        "ValidationException",
        400,
        "Signature expired: 20261122T000000Z",
        credentials,
    );
    check(
        "",
        403,
        "The security token included in the request is invalid.",
        credentials,
    );
}

#[test]
fn only_credentials_that_expired_or_were_never_resolved_may_be_renewed() {
    let fault = |category, code: Option<&str>, status_code, message: &str| Fault {
        code: code.map(str::to_owned),
        status_code,
        ..Fault::local(category, message)
    };
    let expired = "The security token included in the request is expired";
    for (fault, may_be_renewed) in [
        (
            fault(Category::Credentials, None, None, "no credentials"),
            true,
        ),
        (
            fault(Category::Credentials, Some("ExpiredToken"), Some(403), ""),
            true,
        ),
        (
            fault(
                Category::Credentials,
                Some("ExpiredTokenException"),
                Some(403),
                "",
            ),
            true,
        ),
        (fault(Category::Credentials, None, Some(403), expired), true),
        (
            fault(
                Category::Credentials,
                None,
                Some(403),
                "Bearer Token has expired",
            ),
            true,
        ),
        (
            fault(
                Category::Credentials,
                Some("InvalidSignatureException"),
                Some(403),
                "no",
            ),
            false,
        ),
        (fault(Category::Credentials, None, Some(403), "no"), false),
        (
            fault(Category::Credentials, Some("Other"), None, "no"),
            false,
        ),
        (fault(Category::AccessDenied, None, None, expired), false),
        (
            fault(Category::Network, Some("ExpiredToken"), Some(403), expired),
            false,
        ),
    ] {
        assert_eq!(fault.may_be_renewed(), may_be_renewed, "{fault:?}");
    }
}

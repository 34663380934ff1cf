//! Incoming requests: path, headers, body.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request};

use super::service_error::ServiceError;

/// The largest body that the service accepts (botocore 1.44.5, `Body`), in bytes.
const MAX_BODY_BYTES: usize = 25_000_000;

/// The operations on a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// InvokeModel.
    Invoke,
    /// InvokeModelWithResponseStream.
    Stream,
}

/// Whether a request asks which server this is.
pub(super) fn is_identity_check<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && request.uri().path() == "/"
}

/// The operation and the model id of a request whose headers are acceptable.
pub(super) fn asked<B>(request: &Request<B>) -> Result<(Operation, String), ServiceError> {
    let path = request.uri().path();
    let named = path
        .strip_prefix("/model/")
        .and_then(|rest| rest.rsplit_once('/'));
    let is_post = request.method() == Method::POST;
    let (operation, id) = match named {
        Some((id, "invoke")) if is_post => (Operation::Invoke, id),
        Some((id, "invoke-with-response-stream")) if is_post => (Operation::Stream, id),
        Some(_) | None => {
            let message = "the emulator answers POST /model/{id}/invoke and \
                           /model/{id}/invoke-with-response-stream";
            return Err(ServiceError::new(404, "UnknownOperationException", message));
        }
    };
    authorized(request.headers())?;
    typed(request.headers())?;
    let id = decode(id).ok_or_else(ServiceError::unknown_model)?;
    Ok((operation, id))
}

/// Accepts any signature and any bearer token, but requires one.
pub(super) fn authorized(headers: &HeaderMap) -> Result<(), ServiceError> {
    let authorization = headers
        .get(AUTHORIZATION)
        .map_or(&b""[..], HeaderValue::as_bytes);
    if authorization.starts_with(b"AWS4-HMAC-SHA256 ") || authorization.starts_with(b"Bearer ") {
        return Ok(());
    }
    let message = "Missing Authentication Token";
    Err(ServiceError::new(
        403,
        "MissingAuthenticationTokenException",
        message,
    ))
}

/// The region in the request's signature.
pub(super) fn signed_region(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = authorization.split_once("Credential=")?;
    // key/date/region/service/aws4_request
    scope.split('/').nth(2).map(str::to_owned)
}

/// The access key id of the request's signature; empty without one.
pub(super) fn access_key(headers: &HeaderMap) -> &str {
    let authorization = headers.get(AUTHORIZATION).map(HeaderValue::to_str);
    let Some(Ok(authorization)) = authorization else {
        return "";
    };
    let credential = authorization.split_once("Credential=");
    credential.map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default())
}

/// A body is JSON unless the request says otherwise: `application/json` is the default of
/// `contentType` (botocore 1.44.5, `InvokeModelRequest`), and boto3 sends no header for a default.
fn typed(headers: &HeaderMap) -> Result<(), ServiceError> {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    if kind.as_bytes().starts_with(b"application/json") {
        return Ok(());
    }
    let message = "The provided Content-Type is invalid or not supported for this model";
    Err(ServiceError::validation(message))
}

/// Undoes percent-encoding; `None` if it is invalid or not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// The whole body. A body that is too large is read to its end too, so that the client reads the
/// response; `None` if the client hung up.
pub(super) async fn read_body(mut body: Incoming) -> Option<Result<Bytes, ServiceError>> {
    let mut whole = BytesMut::new();
    let mut too_large = false;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        if body.is_end_stream() && whole.is_empty() && data.len() <= MAX_BODY_BYTES {
            return Some(Ok(data)); // the usual case: one frame, nothing to copy
        }
        too_large |= MAX_BODY_BYTES < whole.len() + data.len();
        if !too_large {
            whole.extend_from_slice(&data);
        }
    }
    if too_large {
        let message = "Request body is larger than the 25000000 bytes allowed.";
        return Some(Err(ServiceError::new(
            413,
            "RequestEntityTooLargeException",
            message,
        )));
    }
    Some(Ok(whole.freeze()))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::{Operation, asked};

    /// Compares what a request line with these headers (one a line) is read as.
    #[track_caller]
    fn check(line: &str, headers: &str, expected: &str) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for header in headers.lines() {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let got = match asked(&request.body(()).unwrap()) {
            Ok((Operation::Invoke, id)) => id,
            Ok((Operation::Stream, id)) => format!("{id}, streamed"),
            Err(error) => format!("{} {}", error.status, error.code),
        };
        assert_eq!(got, expected);
    }

    const GOOD: &str = "authorization: Bearer x\ncontent-type: application/json; charset=utf-8";

    #[test]
    fn the_model_id_is_percent_encoded_in_the_path() {
        check("POST /model/a.b%3A0/invoke", GOOD, "a.b:0");
        check("POST /model/arn%3Aaws%3Ax%2Fy/invoke", GOOD, "arn:aws:x/y");
        check("POST /model/arn:aws:x/y/invoke", GOOD, "arn:aws:x/y");
        check(
            "POST /model/a.b%3A0/invoke-with-response-stream",
            GOOD,
            "a.b:0, streamed",
        );
        check("POST /model/a%3/invoke", GOOD, "400 ValidationException");
        check("POST /model/%ff/invoke", GOOD, "400 ValidationException");
    }

    #[test]
    fn other_operations_are_not_known() {
        check("GET /model/a/invoke", GOOD, "404 UnknownOperationException");
        check(
            "POST /model/a/converse",
            GOOD,
            "404 UnknownOperationException",
        );
        check(
            "GET /model/a/invoke-with-response-stream",
            GOOD,
            "404 UnknownOperationException",
        );
    }

    #[test]
    fn a_request_is_signed_and_is_json_unless_it_says_otherwise() {
        let json = "content-type: application/json";
        let missing = "403 MissingAuthenticationTokenException";
        check("POST /model/a/invoke", json, missing);
        check(
            "POST /model/a/invoke",
            &format!("{json}\nauthorization: x"),
            missing,
        );
        let signed = "authorization: AWS4-HMAC-SHA256 Credential=x/20261122/us-east-1";
        check("POST /model/a/invoke", &format!("{json}\n{signed}"), "a");
        check("POST /model/a/invoke", signed, "a");
        check(
            "POST /model/a/invoke-with-response-stream",
            signed,
            "a, streamed",
        );
        for other in ["text/csv", "application/xml", ""] {
            check(
                "POST /model/a/invoke",
                &format!("{signed}\ncontent-type: {other}"),
                "400 ValidationException",
            );
        }
    }
}

//! What the body of an error says, in the forms that the service, providers and gateways write it.

use serde_json::Value;

use crate::json_cost;

/// The code and the message of an error; `None` where it has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ErrorBody {
    /// Such as `ThrottlingException`, without a namespace before it or an address after it.
    pub(super) code: Option<String>,
    /// What it says, as it stands there.
    pub(super) message: Option<String>,
}

/// Where messages stand, most telling first. An error within another says more than what is around it.
const MESSAGES: [&str; 12] = [
    "/error/message",
    "/Error/Message",
    "/error/Message",
    "/message",
    "/Message",
    "/errorMessage",
    "/error_message",
    "/errors/0/message",
    "/error_description",
    "/detail",
    "/error",
    "/errors/0",
];

/// Where codes stand. Anthropic's types and OpenAI's end in `_error`, or the code says more.
const CODES: [&str; 11] = [
    "/__type",
    "/error/type",
    "/error/code",
    "/Error/Code",
    "/code",
    "/Code",
    "/errorCode",
    "/error_code",
    "/errorType",
    "/error_type",
    "/type",
];

impl ErrorBody {
    /// Reads it from the bytes of a body. What is no JSON object says nothing.
    pub(super) fn of(body: &[u8]) -> Self {
        let body = match json_cost::check(body) {
            Ok(()) => serde_json::from_slice(body).unwrap_or_default(),
            Err(_) => Value::Null,
        };
        let text = |pointer: &&str| {
            let text = body.pointer(pointer)?.as_str()?;
            (!text.trim().is_empty()).then_some(text)
        };
        Self {
            code: CODES
                .iter()
                .filter_map(text)
                .find_map(code)
                .map(str::to_owned),
            message: MESSAGES.iter().find_map(text).map(str::to_owned),
        }
    }
}

/// The code that a text is, as the SDK reads it too: `com.amazon.coral.service#Code`, `Code:http://…`.
fn code(text: &str) -> Option<&str> {
    let code = text.rsplit('#').next()?;
    let code = code.split(':').next()?.trim();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_code = !code.is_empty()
        && code.chars().all(is_word)
        && !code.chars().all(|c| c.is_ascii_digit())
        && code != "error";
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_in_the_forms_that_are_seen() {
        for (body, code, message) in [
            (r#"{"message":"no"}"#, None, Some("no")),
            (r#"{"Message":"no"}"#, None, Some("no")),
            (r#"{"errorMessage":"no"}"#, None, Some("no")),
            (r#"{"error":"no"}"#, None, Some("no")),
            (r#"{"detail":"no","message":" "}"#, None, Some("no")),
            (
                r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"no"}"#,
                Some("ThrottlingException"),
                Some("no"),
            ),
            (
                r#"{"code":"ThrottlingException:http://internal/","message":"no"}"#,
                Some("ThrottlingException"),
                Some("no"),
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
                Some("overloaded_error"),
                Some("busy"),
            ),
            (
                r#"{"error":{"message":"no","type":"invalid_request_error","code":"unsupported"}}"#,
                Some("invalid_request_error"),
                Some("no"),
            ),
            (
                r#"{"error":{"message":"no","type":null,"code":400}}"#,
                None,
                Some("no"),
            ),
            (r#"{"code":"400","message":7}"#, None, None),
            (r#"{"type":"about us","title":"x"}"#, None, None),
            ("{}", None, None),
            ("<html>Bad Gateway</html>", None, None),
            ("\"no\"", None, None),
            ("", None, None),
        ] {
            let read = ErrorBody::of(body.as_bytes());
            let found = (read.code.as_deref(), read.message.as_deref());
            assert_eq!(found, (code, message), "{body}");
        }
    }
}

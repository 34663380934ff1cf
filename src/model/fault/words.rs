//! What is said of a fault where a person, a program or the run file sees it.
//!
//! A service may quote in its message what it was sent: the prompt, or a token of the headers. So a message
//! of the service goes to `OUT.failed.jsonl` and nowhere else. Everywhere else stand our own words for what
//! it means, with the names of parameters that it has, from a closed list.

use super::messages::Remedy;
use super::{Category, Fault, classify, messages};

/// Begins what we say where a model says why it made nothing; its own words follow.
const MADE_NO: &str = "the model made no ";

/// The longest code that is shown; `ServiceQuotaExceededException` has 29 characters.
const LONGEST_CODE: usize = 64;

/// The most parameters that are named.
const MOST_NAMED: usize = 4;

/// Parameters and keys of bodies that a message may be about.
const PARAMETERS: [&str; 42] = [
    "anthropic_beta",
    "anthropic_version",
    "budget_tokens",
    "cache_control",
    "dimensions",
    "effort",
    "embeddingConfig",
    "embedding_types",
    "frequency_penalty",
    "guardrailIdentifier",
    "guardrailVersion",
    "imageGenerationConfig",
    "inferenceConfig",
    "inputImage",
    "inputText",
    "input_type",
    "logprobs",
    "maxTokenCount",
    "maxTokens",
    "max_completion_tokens",
    "max_gen_len",
    "max_tokens",
    "min_p",
    "output_config",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stopSequences",
    "stop_sequences",
    "stream",
    "temperature",
    "textGenerationConfig",
    "thinking",
    "tool_choice",
    "tools",
    "topK",
    "topP",
    "top_k",
    "top_p",
    "truncate",
];

impl Fault {
    /// What may be said of this fault outside of `OUT.failed.jsonl`: its message where that is ours, else what it
    /// means.
    pub fn words(&self) -> String {
        words(
            self.category,
            self.code.as_deref(),
            self.status_code,
            &self.message,
        )
    }

    /// The code or the category, and the message as it came: for somebody who asks a question that holds no
    /// prompt of theirs, such as which models there are.
    pub fn in_full(&self) -> String {
        let what = self.shown_code().unwrap_or(self.category.as_str());
        format!("{what}: {}", self.message)
    }

    /// Like [`Fault::words`], but without the names of parameters.
    pub fn meaning(&self) -> &str {
        match is_ours(self.code.as_deref(), self.status_code, &self.message) {
            true => &self.message,
            false => meaning(
                self.category,
                self.code.as_deref(),
                self.status_code,
                &self.message,
            ),
        }
    }

    /// The service's code, if it is shaped as one: anything else may be what it was sent.
    pub(super) fn shown_code(&self) -> Option<&str> {
        self.code.as_deref().filter(|code| is_code(code))
    }
}

/// Like [`Fault::words`], for a failure that was read back.
pub fn words(category: Category, code: Option<&str>, status: Option<u16>, message: &str) -> String {
    if is_ours(code, status, message) {
        return message.to_owned();
    }
    let meaning = meaning(category, code, status, message);
    if category != Category::InvalidRequest {
        return meaning.to_owned();
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let has = |parameter: &str| message.split(|c| !is_part(c)).any(|word| word == parameter);
    let named = PARAMETERS.iter().filter(|parameter| has(parameter));
    let named: Vec<_> = named.take(MOST_NAMED).map(|it| format!("`{it}`")).collect();
    match named.is_empty() {
        true => meaning.to_owned(),
        false => format!("{meaning}; its message names {}", named.join(", ")),
    }
}

/// Whether a message is of our own making: the service has given neither a code nor a status but that of a
/// response which we could not parse.
fn is_ours(code: Option<&str>, status: Option<u16>, message: &str) -> bool {
    code.is_none() && matches!(status, None | Some(200)) && !message.starts_with(MADE_NO)
}

fn is_code(code: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !code.is_empty() && code.len() <= LONGEST_CODE && code.chars().all(is_part)
}

fn meaning(
    category: Category,
    code: Option<&str>,
    status: Option<u16>,
    message: &str,
) -> &'static str {
    let first = classify::first(code, status.unwrap_or(0));
    let remedy = messages::class_of(first, message).map_or(Remedy::Usual, |class| class.remedy);
    match remedy {
        Remedy::Usual => of_category(category),
        Remedy::UseProfile => "the model is called by an inference profile, not by its own ID",
        Remedy::CorrectId => "the model ID is invalid",
        Remedy::LowerMaxTokens => "max_tokens is above the model's limit",
        Remedy::RemoveParameter => "the model does not take a parameter of the request",
        Remedy::CompleteBody => "a key is missing from the body",
        Remedy::LeaveStreaming => "the model does not stream",
        Remedy::RemoveTier => "the model does not have the service tier",
        Remedy::RemoveLatency => "the model does not have the latency mode",
        Remedy::CorrectGuardrail => "the guardrail's identifier or version is wrong",
        Remedy::ReplaceModel => "the model is retired",
        Remedy::FillForm => "Anthropic's use case form is missing",
        Remedy::AwaitMarketplace => "the subscription to the model is being set up",
        Remedy::OpenAccess => "the account has no access to the model",
        Remedy::GrantPermission => "a permission is missing",
        Remedy::SetClock => "the signature is out of time",
        Remedy::TrustCertificate => "the certificate is not trusted",
    }
}

fn of_category(category: Category) -> &'static str {
    match category {
        Category::Throttled => "the service throttled the call",
        Category::ModelNotReady => "the model is being loaded",
        Category::Unavailable => "the service has no capacity at the moment",
        Category::ServerError => "the service failed",
        Category::ModelTimeout => "the model took longer than the service allows",
        Category::ModelError => "the model failed",
        Category::Network => "the connection broke",
        Category::AttemptTimeout => "no response in time",
        Category::InvalidRequest => "the service rejected the request",
        Category::ContextWindow => "prompt and completion do not fit the model's context window",
        Category::RequestTooLarge => "the request is larger than the service takes",
        Category::BadInputRow => "the row could not be turned into a request",
        Category::BadResponse => "the response could not be parsed",
        Category::InvalidOutput => "the output does not match the schema",
        Category::AccessDenied => "access to the model is denied",
        Category::NotFound => "there is no such model here",
        Category::Credentials => "the credentials are rejected",
        Category::DailyQuota => "the account's tokens per day are used up",
        Category::ServiceQuota => "a quota of the account is used up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: Option<&str>, status: u16, message: &str, shown: &str) {
        let fault = Fault::from_response(code, status, message, None, None);
        assert_eq!(fault.to_string(), shown);
        assert_eq!(fault.message, message);
    }

    #[test]
    fn a_message_of_the_service_is_not_quoted_and_its_meaning_is_said() {
        let quoted = "SECRET prompt SECRET";
        let invalid = Some("ValidationException");
        check(
            invalid,
            400,
            quoted,
            "ValidationException (HTTP 400): the service rejected the request",
        );
        check(
            invalid,
            400,
            &format!("{quoted} top_k is not SECRET, nor is stop_sequences"),
            "ValidationException (HTTP 400): the service rejected the request; its message names \
             `stop_sequences`, `top_k`",
        );
        check(
            Some("AccessDeniedException"),
            403,
            "User: arn:aws:iam::1:user/SECRET is not authorized to perform: bedrock:InvokeModel",
            "AccessDeniedException (HTTP 403): a permission is missing",
        );
        check(
            None,
            502,
            "<SECRET>",
            "server_error (HTTP 502): the service failed",
        );
        check(
            Some("SECRET prompt"),
            500,
            quoted,
            "server_error (HTTP 500): the service failed",
        );
    }

    #[test]
    fn our_own_words_are_said_as_they_are() {
        let local = Fault::local(Category::Network, "connection refused");
        assert_eq!(local.to_string(), "network: connection refused");
        let misread = Fault {
            status_code: Some(200),
            ..Fault::local(Category::BadResponse, "the response is empty")
        };
        assert_eq!(misread.to_string(), "bad_response: the response is empty");
        let made_none = Fault {
            message: format!("{MADE_NO}image: SECRET"),
            ..misread
        };
        assert_eq!(
            made_none.to_string(),
            "bad_response: the response could not be parsed"
        );
    }

    #[test]
    fn a_list_of_names_has_none_twice() {
        assert!(PARAMETERS.is_sorted_by(|a, b| a < b));
    }
}

//! What a person can do about a fault, in one sentence.

use super::messages::{self, Remedy};
use super::{Category, Fault, classify};
use crate::model::catalog;
use crate::model::id::{self, ModelId};

impl Fault {
    /// What to do, where there is something to do: for what passes by itself there is not.
    pub fn advice(&self, model: &ModelId) -> Option<String> {
        let words = match self.remedy() {
            Remedy::Usual => usual(self.category)?,
            Remedy::UseProfile => return Some(use_profile(model)),
            Remedy::CorrectId => return Some(correct_id(model)),
            Remedy::LowerMaxTokens => "lower max_tokens to what the message allows",
            Remedy::RemoveParameter => {
                "remove the parameter the message names, from the job or its extra fields"
            }
            Remedy::ReplaceModel => "this model is retired: choose a newer one",
            Remedy::FillForm => {
                "hand in Anthropic's use case form once for the account: open any Claude model \
                 in the Bedrock console, then try again after 15 minutes"
            }
            Remedy::AwaitMarketplace => {
                "the account's subscription to this model is being set up: try again in 15 minutes"
            }
            Remedy::OpenAccess => {
                "open the model for this account and region in the Bedrock console, under Model \
                 access"
            }
            Remedy::GrantPermission => {
                "grant bedrock:InvokeModel on the model, and for a profile on the profile too"
            }
            Remedy::SetClock => {
                "set this machine's clock: signatures hold for five minutes around the service's time"
            }
            Remedy::TrustCertificate => {
                "behind a proxy that opens TLS, name the file of its certificate authority in \
                 SSL_CERT_FILE; otherwise check the endpoint"
            }
        };
        Some(words.to_owned())
    }

    /// Whether it is the body that the service refuses, not the model, the caller or the account.
    pub fn blames_body(&self) -> bool {
        matches!(
            self.remedy(),
            Remedy::LowerMaxTokens | Remedy::RemoveParameter
        )
    }

    /// The remedy of the message's class. Classes keep their category apart from what the code
    /// says by itself, so the code's own meaning is asked for again.
    fn remedy(&self) -> Remedy {
        if self.code.as_deref() == Some("MPAgreementBeingCreated") {
            return Remedy::AwaitMarketplace;
        }
        let first = classify::first(self.code.as_deref(), self.status_code.unwrap_or(0));
        messages::class_of(first, &self.message).map_or(Remedy::Usual, |class| class.remedy)
    }
}

/// What to do about a category, whatever the message.
fn usual(category: Category) -> Option<&'static str> {
    match category {
        Category::Throttled
        | Category::ModelNotReady
        | Category::Unavailable
        | Category::ServerError
        | Category::ModelError
        | Category::Network
        | Category::InvalidRequest
        | Category::BadInputRow
        | Category::BadResponse => None,
        Category::ModelTimeout => Some("if it persists, lower max_tokens"),
        Category::AttemptTimeout => Some(
            "if it persists, raise attempt_timeout or lower max_tokens: a call that is given \
                  up may still be billed",
        ),
        Category::ContextWindow => {
            Some("shorten the prompt, lower max_tokens, or choose a model with a larger window")
        }
        Category::RequestTooLarge => Some("shorten the prompt: the service takes 25 MB"),
        Category::AccessDenied => Some(
            "check that these credentials may call bedrock:InvokeModel on this model, and \
                  that the account has access to it in this region",
        ),
        Category::NotFound => Some("check the model id, and that this region has the model"),
        Category::Credentials => {
            Some("renew the credentials (with SSO: aws sso login), then run the same command again")
        }
        Category::DailyQuota => Some(
            "run the same command again tomorrow, or ask for a higher quota of tokens per day \
                  in Service Quotas",
        ),
        Category::ServiceQuota => Some("ask for a higher quota in Service Quotas"),
    }
}

fn use_profile(model: &ModelId) -> String {
    let profiles = model.base().map(catalog::profiles).unwrap_or_default();
    match (profiles.as_slice(), model.base()) {
        ([], Some(base)) => format!("use an inference profile of this model, such as us.{base}"),
        ([], None) => "use an inference profile of this model".to_owned(),
        (profiles, _) => format!("use an inference profile: {}", profiles.join(", ")),
    }
}

fn correct_id(model: &ModelId) -> String {
    match id::suggest(model.as_str()).filter(|meant| meant != model.as_str()) {
        Some(meant) => format!("check the model id: did you mean {meant}?"),
        None => "check the model id, and that this region has the model".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, code: &str, status: u16, message: &str, advice: &str) {
        let model = ModelId::parse(model).expect("a model id");
        let fault = Fault::from_response(Some(code), status, message, None, None);
        assert_eq!(fault.advice(&model).as_deref().unwrap_or("-"), advice);
    }

    #[test]
    fn advice_names_what_to_write_instead() {
        let code = "ValidationException";
        let bare = "Invocation of model ID x with on-demand throughput isn’t supported.";
        check(
            "amazon.nova-micro-v1:0",
            code,
            400,
            bare,
            "use an inference profile: apac.amazon.nova-micro-v1:0, eu.amazon.nova-micro-v1:0, \
             us.amazon.nova-micro-v1:0",
        );
        check(
            "amazon.nova-next-v1:0",
            code,
            400,
            bare,
            "use an inference profile of this model, such as us.amazon.nova-next-v1:0",
        );
        check(
            "us.anthropic.claude-haiku-4-5",
            code,
            400,
            "The provided model identifier is invalid.",
            "check the model id: did you mean us.anthropic.claude-haiku-4-5-20251001-v1:0?",
        );
    }

    #[test]
    fn advice_follows_the_message_where_the_category_changed() {
        let form = "Model use case details have not been submitted for this account.";
        check(
            "us.anthropic.claude-opus-5",
            "ResourceNotFoundException",
            404,
            form,
            "hand in Anthropic's use case form once for the account: open any Claude model in \
             the Bedrock console, then try again after 15 minutes",
        );
        check(
            "us.anthropic.claude-opus-5",
            "ExpiredTokenException",
            403,
            "expired",
            "renew the credentials (with SSO: aws sso login), then run the same command again",
        );
    }

    #[test]
    fn what_passes_by_itself_needs_no_advice() {
        check(
            "zai.glm-5",
            "ThrottlingException",
            429,
            "Too many requests",
            "-",
        );
        check("zai.glm-5", "InternalServerException", 500, "broke", "-");
    }

    #[test]
    fn a_clock_is_set_and_a_certificate_is_trusted() {
        let clock = "set this machine's clock: signatures hold for five minutes around the \
                     service's time";
        for (code, status, message) in [
            (
                "InvalidSignatureException",
                403,
                "Signature expired: a is now earlier than b",
            ),
            ("RequestExpired", 400, "Request has expired."),
        ] {
            check("zai.glm-5", code, status, message, clock);
        }
        let model = ModelId::parse("zai.glm-5").expect("a model id");
        let fault = Fault::on_the_way("invalid peer certificate: UnknownIssuer");
        let advice = fault.advice(&model).unwrap_or_default();
        assert!(advice.contains("SSL_CERT_FILE"), "{advice}");
    }
}

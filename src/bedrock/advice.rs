//! What a person can do about a fault, in one sentence.

use crate::catalog;
use crate::catalog::id;
use crate::catalog::id::{IdKind, ModelId};
use crate::model::fault::messages;
use crate::model::fault::messages::Remedy;
use crate::model::fault::{Category, Fault, classify};

impl Fault {
    /// What to do, where there is something to do: for what passes by itself there is not.
    pub fn advice(&self, model: &ModelId) -> Option<String> {
        self.advice_in(model, None)
    }

    /// Like [`Fault::advice`], but for calls to `region`, where it is known: models are not everywhere.
    pub fn advice_in(&self, model: &ModelId, region: Option<&str>) -> Option<String> {
        let elsewhere = || not_offered(model, region?);
        let words = match self.remedy() {
            Remedy::Usual if self.category == Category::NotFound => {
                return elsewhere().or_else(|| usual(self.category).map(str::to_owned));
            }
            Remedy::Usual if self.category == Category::Network => {
                return no_address(self, region?);
            }
            Remedy::Usual => usual(self.category)?,
            Remedy::UseProfile => return Some(use_profile(model, region)),
            Remedy::CorrectId => return Some(elsewhere().unwrap_or_else(|| correct_id(model))),
            Remedy::LowerMaxTokens => "lower max_tokens to what the message allows",
            Remedy::RemoveParameter => {
                "remove the parameter that the service does not take (`promptmill check` shows its message), \
                 from the job or its extra fields"
            }
            Remedy::CompleteBody => {
                "put the key that the message names into the body, or into the job's extra fields"
            }
            Remedy::LeaveStreaming => "leave --stream out: this model does not stream",
            Remedy::RemoveTier => {
                "this model does not have the service tier that the job asks for: remove \
                 service_tier (--service-tier), or choose a model that has it"
            }
            Remedy::RemoveLatency => {
                "this model does not have the latency mode that the job asks for: remove latency \
                 (--latency), or choose a model that has it"
            }
            Remedy::CorrectGuardrail => {
                "check the guardrail's identifier and version, and that it is in the region that \
                 is called"
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
                let action = self.denied_action();
                return Some(format!(
                    "grant {action} on the model, and for a profile on the profile too"
                ));
            }
            Remedy::SetClock => {
                "set this machine's clock: signatures hold for five minutes around the service's time"
            }
            Remedy::TrustCertificate => {
                "if a proxy intercepts TLS, set SSL_CERT_FILE to the file of its certificate \
                 authority; otherwise check the endpoint"
            }
        };
        Some(words.to_owned())
    }

    /// The permission that the message says is missing.
    fn denied_action(&self) -> &str {
        let named = self.message.split_once("not authorized to perform: ");
        let named = named.and_then(|(_, rest)| rest.split_whitespace().next());
        let is_action = |action: &&str| {
            let name = action.strip_prefix("bedrock:");
            name.is_some_and(|name| {
                name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphabetic())
            })
        };
        named.filter(is_action).unwrap_or("bedrock:InvokeModel")
    }

    /// Whether it is the body that the service refuses, not the model, the caller or the account.
    pub fn blames_body(&self) -> bool {
        matches!(
            self.remedy(),
            Remedy::LowerMaxTokens | Remedy::RemoveParameter | Remedy::CompleteBody
        )
    }

    /// Whether the job has to change, and the same one would be refused again.
    pub fn wants_another_job(&self) -> bool {
        match self.remedy() {
            Remedy::UseProfile
            | Remedy::CorrectId
            | Remedy::LowerMaxTokens
            | Remedy::RemoveParameter
            | Remedy::CompleteBody
            | Remedy::LeaveStreaming
            | Remedy::RemoveTier
            | Remedy::RemoveLatency
            | Remedy::CorrectGuardrail
            | Remedy::ReplaceModel => true,
            Remedy::FillForm
            | Remedy::AwaitMarketplace
            | Remedy::OpenAccess
            | Remedy::GrantPermission
            | Remedy::SetClock
            | Remedy::TrustCertificate => false,
            Remedy::Usual => self.category == Category::NotFound,
        }
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
        Category::InvalidOutput => Some(
            "see `schema_errors` of the row: change the prompt or the schema, or raise max_tokens",
        ),
        Category::ModelTimeout => Some("if it persists, lower max_tokens"),
        Category::AttemptTimeout => Some(
            "if it persists, raise attempt_timeout or lower max_tokens: a call that times out may \
             still be billed",
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

fn use_profile(model: &ModelId, region: Option<&str>) -> String {
    let here = || catalog::ids_in(model.base()?, region?);
    let known = || {
        let profiles = catalog::profiles(model.base()?).into_iter();
        Some(profiles.map(str::to_owned).collect())
    };
    let is_profile = |id: &String| Some(id.as_str()) != model.base();
    let here: Option<Vec<_>> = here().map(|ids| ids.into_iter().filter(is_profile).collect());
    let profiles = here.filter(|ids| !ids.is_empty()).or_else(known);
    match (profiles.unwrap_or_default().as_slice(), model.base()) {
        ([], Some(base)) => format!("use an inference profile of this model, such as us.{base}"),
        ([], None) => "use an inference profile of this model".to_owned(),
        (profiles, _) => format!("use an inference profile: {}", profiles.join(", ")),
    }
}

/// What to do where the endpoint's name has no address: the message says what to look at, and the
/// region is what is misspelt most.
fn no_address(fault: &Fault, region: &str) -> Option<String> {
    if !fault.message.starts_with("dns error") {
        return None;
    }
    let what = "check what the message names, then run the same command";
    Some(match catalog::region_remark(region) {
        Some(remark) => format!("{remark}; {what}"),
        None => format!("{what}; the region is {region}"),
    })
}

/// Where the model is, if it is known not to be in `region` under this id.
fn not_offered(model: &ModelId, region: &str) -> Option<String> {
    if !matches!(model.kind(), IdKind::Base | IdKind::Profile) {
        return None;
    }
    let base = model.base()?;
    let here = catalog::ids_in(base, region)?;
    let name = model.as_str().rsplit('/').next().unwrap_or_default();
    if here.iter().any(|id| id == name) {
        return None;
    }
    if !here.is_empty() {
        return Some(format!(
            "in {region} this model is called {}",
            here.join(" or ")
        ));
    }
    let regions = catalog::regions_of(base);
    (!regions.is_empty()).then(|| {
        format!(
            "{region} does not offer this model: set region to one of {}",
            regions.join(", ")
        )
    })
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
    fn a_retired_model_wants_another_job_and_a_form_does_not() {
        let wants = |message: &str| {
            let code = Some("ResourceNotFoundException");
            Fault::from_response(code, 404, message, None, None).wants_another_job()
        };
        assert!(wants("This model version has reached the end of its life."));
        assert!(wants(
            "Could not resolve the foundation model from the provided model identifier."
        ));
        assert!(!wants(
            "Model use case details have not been submitted for this account."
        ));
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

    #[track_caller]
    fn check_in(region: &str, model: &str, message: &str, advice: &str) {
        let model = ModelId::parse(model).expect("a model id");
        let code = Some("ValidationException");
        let fault = Fault::from_response(code, 400, message, None, None);
        assert_eq!(
            fault.advice_in(&model, Some(region)).as_deref(),
            Some(advice)
        );
    }

    #[test]
    fn advice_knows_which_ids_a_region_has() {
        let bare = "Invocation of model ID x with on-demand throughput isn't supported.";
        let wrong = "The provided model identifier is invalid.";
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        check_in(
            "sa-east-1",
            haiku,
            bare,
            "use an inference profile: global.anthropic.claude-haiku-4-5-20251001-v1:0",
        );
        check_in(
            "eu-west-3",
            "us.amazon.nova-lite-v1:0",
            wrong,
            "in eu-west-3 this model is called eu.amazon.nova-lite-v1:0",
        );
        check_in(
            "eu-west-1",
            "amazon.titan-embed-text-v1",
            wrong,
            "eu-west-1 does not offer this model: set region to one of ap-northeast-1, \
             eu-central-1, us-east-1, us-west-2",
        );
        check_in(
            "us-east-1",
            "amazon.nova-lite-v1:0",
            wrong,
            "check the model id: did you mean us.amazon.nova-lite-v1:0?",
        );
    }

    #[test]
    fn advice_names_the_permission_that_is_missing() {
        let denied = "User: x is not authorized to perform: \
                      bedrock:InvokeModelWithResponseStream on resource: y";
        check(
            "amazon.nova-lite-v1:0",
            "AccessDeniedException",
            403,
            denied,
            "grant bedrock:InvokeModelWithResponseStream on the model, and for a profile on the \
             profile too",
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

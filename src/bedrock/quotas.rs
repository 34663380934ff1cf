//! What the account may use of a model, as Service Quotas says: the only file that names its SDK.
//!
//! Service Quotas keeps a value of the account's own only where it differs from the default, and
//! answers `NoSuchResourceException` where it does not; then the default is in force. Requests
//! here cost no quota of the model, so the SDK may repeat them.

use std::time::Duration;

use aws_sdk_servicequotas::Client;
use aws_sdk_servicequotas::config::Builder;
use aws_sdk_servicequotas::config::http::HttpResponse;
use aws_sdk_servicequotas::config::timeout::TimeoutConfig;
use aws_sdk_servicequotas::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_servicequotas::types::ServiceQuota;

use super::aws::{Access, ConnectError, Rehearsal, WAYS, causes, configured_url};
use super::wire::BoundedAnswer;
use crate::catalog::quota_codes::{QuotaCode, SERVICE};
use crate::model::fault::{Category, Fault};

/// What the SDK's settings call the service.
const NAME: &str = "Service Quotas";

/// How long one question may take, repeats included: a run that waits for it has not begun.
const PATIENCE: Duration = Duration::from_secs(15);

/// What may be asked, and the permission it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The account's own value.
    Applied,
    /// The value every account begins with.
    Default,
}

/// One quota, as the account has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Which.
    pub code: QuotaCode,
    /// The account's own value, where it ever had one.
    pub applied: Option<u64>,
    /// The value every account begins with, where it was asked for and is known.
    pub default: Option<u64>,
    /// Whether AWS may raise it on request.
    pub adjustable: bool,
}

/// Why a quota could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// The identity may not ask.
    #[error(
        "{permission} is missing: {message}; allow {applied} and {default} in its policy",
        permission = .asked.permission(),
        applied = Question::Applied.permission(),
        default = Question::Default.permission(),
    )]
    Denied {
        /// What was asked.
        asked: Question,
        /// What the service said.
        message: String,
    },
    /// The credentials do not work.
    #[error("Service Quotas refuses the credentials: {0}; log in (`aws sso login`) or renew them")]
    Credentials(String),
    /// None of the model's quotas exists in this region.
    #[error(
        "Service Quotas knows no quotas of this model in {region}, where it may not be offered"
    )]
    Absent {
        /// The region that was asked.
        region: String,
    },
    /// There is no way to the service.
    #[error("Service Quotas cannot be asked at {place}: {message}; {}", WAYS)]
    NoWay {
        /// The endpoint that was named, else the region.
        place: String,
        /// What went wrong.
        message: String,
    },
    /// Anything else.
    #[error("Service Quotas cannot be asked: {0}")]
    Unreachable(String),
}

/// Something that answers what a quota is.
#[derive(Debug)]
pub struct ServiceQuotas {
    client: Client,
    region: String,
    /// Where it is, for people.
    place: String,
}

impl ServiceQuotas {
    /// Finds region, credentials and endpoint, and rehearses one question up to the moment it
    /// would leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub async fn connect(access: Access) -> Result<Self, ConnectError> {
        let sdk = access.config(NAME).await?;
        let region = sdk.region().map(ToString::to_string);
        let timeouts = sdk
            .timeout_config()
            .map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let config = Builder::from(&sdk)
            .timeout_config(timeouts.operation_timeout(PATIENCE).build())
            .interceptor(BoundedAnswer::WHOLE)
            .build();
        let quotas = Self {
            client: Client::from_conf(config),
            place: configured_url(&sdk, NAME)
                .or_else(|| region.clone())
                .unwrap_or_default(),
            region: region.unwrap_or_default(),
        };
        quotas.rehearse().await?;
        Ok(quotas)
    }

    async fn rehearse(&self) -> Result<(), ConnectError> {
        let rehearsal = Rehearsal::default();
        let question = self.client.get_service_quota();
        let question = question.service_code(SERVICE).quota_code("L-00000000");
        let asked = question.customize().interceptor(rehearsal.clone());
        match rehearsal.verdict(asked.send().await) {
            Err(ConnectError::NoCredentials { causes, .. }) => {
                Err(ConnectError::NoSignature(causes))
            }
            verdict => verdict,
        }
    }

    /// The region whose quotas these are.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account's own value and the default; `None` where the region knows neither.
    ///
    /// # Errors
    /// [`QuotaError`], but not for a default that may not be read beside a value of the account's.
    pub async fn read(&self, code: QuotaCode) -> Result<Option<Quota>, QuotaError> {
        let applied = self.ask(Question::Applied, code).await?;
        let default = match self.ask(Question::Default, code).await {
            Err(QuotaError::Denied { .. }) if applied.is_some() => None,
            default => default?,
        };
        Ok(quota(code, applied, default))
    }

    /// The value in force; the default is asked for only where it is in force.
    ///
    /// # Errors
    /// [`QuotaError`].
    pub async fn in_force(&self, code: QuotaCode) -> Result<Option<Quota>, QuotaError> {
        let applied = self.ask(Question::Applied, code).await?;
        let default = match applied {
            Some(_) => None,
            None => self.ask(Question::Default, code).await?,
        };
        Ok(quota(code, applied, default))
    }

    async fn ask(
        &self,
        question: Question,
        code: QuotaCode,
    ) -> Result<Option<ServiceQuota>, QuotaError> {
        match question {
            Question::Applied => {
                let asked = self.client.get_service_quota();
                let asked = asked.service_code(SERVICE).quota_code(code.code);
                answer(
                    question,
                    &self.place,
                    asked.send().await.map(|found| found.quota),
                )
            }
            Question::Default => {
                let asked = self.client.get_aws_default_service_quota();
                let asked = asked.service_code(SERVICE).quota_code(code.code);
                answer(
                    question,
                    &self.place,
                    asked.send().await.map(|found| found.quota),
                )
            }
        }
    }
}

impl Question {
    /// The permission it needs.
    pub fn permission(self) -> &'static str {
        match self {
            Self::Applied => "servicequotas:GetServiceQuota",
            Self::Default => "servicequotas:GetAWSDefaultServiceQuota",
        }
    }
}

impl Quota {
    /// What may be used of it: the value in force, as often as the route may use it.
    pub fn usable(&self) -> Option<u64> {
        let value = self.applied.or(self.default)?;
        Some(value.saturating_mul(self.code.times))
    }
}

fn quota(
    code: QuotaCode,
    applied: Option<ServiceQuota>,
    default: Option<ServiceQuota>,
) -> Option<Quota> {
    let value = |quota: &Option<ServiceQuota>| {
        // Quotas are whole numbers far below 2^53; the cast saturates at both ends.
        Some(quota.as_ref()?.value()? as u64)
    };
    let found = Quota {
        code,
        applied: value(&applied),
        default: value(&default),
        adjustable: applied.or(default).is_some_and(|quota| quota.adjustable()),
    };
    found.usable().map(|_| found)
}

fn answer<E>(
    asked: Question,
    place: &str,
    found: Result<Option<ServiceQuota>, SdkError<E, HttpResponse>>,
) -> Result<Option<ServiceQuota>, QuotaError>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let error = match found {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    if matches!(
        error,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)
    ) {
        return Err(QuotaError::NoWay {
            place: place.to_owned(),
            message: causes(&error),
        });
    }
    let SdkError::ServiceError(refused) = &error else {
        return Err(QuotaError::Unreachable(causes(&error)));
    };
    let code = refused.err().code();
    if code == Some("NoSuchResourceException") {
        return Ok(None);
    }
    let status = refused.raw().status().as_u16();
    let said = refused.err().message().unwrap_or_default();
    let fault = Fault::from_response(code, status, said, None, None);
    let text = fault.to_string();
    Err(if fault.category == Category::AccessDenied {
        let message = text;
        QuotaError::Denied { asked, message }
    } else if fault.category == Category::Credentials {
        QuotaError::Credentials(text)
    } else {
        QuotaError::Unreachable(text)
    })
}

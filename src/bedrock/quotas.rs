//! What the account may use of a model, as Service Quotas says.
//!
//! Service Quotas keeps a value of the account's own only where it differs from the default, and
//! answers `NoSuchResourceException` where it does not; then the default is in force.

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};

use super::api::{ApiAuth, ApiError, ApiRequest, Service, ServiceApi};
use super::aws::Access;
use super::error::{ConnectError, WAYS};
use super::hosts::Hosts;
use super::wire::unwrapped;
use crate::catalog::quota_codes::{QuotaCode, SERVICE};
use crate::model::fault::{Category, Fault};

const SERVICE_QUOTAS: Service = Service {
    name: "Service Quotas",
    host: "servicequotas",
    signing: "servicequotas",
    identity: ApiAuth::Signature,
};

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
    #[error("Service Quotas rejected the credentials: {0}; log in (`aws sso login`) or renew them")]
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
    #[error("cannot query Service Quotas at {place}: {message}; {}", WAYS)]
    NoWay {
        /// The endpoint.
        place: String,
        /// What went wrong.
        message: String,
    },
    /// Anything else.
    #[error("cannot query Service Quotas: {0}")]
    Unreachable(String),
}

/// Something that answers what a quota is.
#[derive(Debug)]
pub struct ServiceQuotas(ServiceApi);

/// A value as the service keeps it.
#[derive(Debug, Clone, Copy)]
struct StoredQuota {
    value: Option<f64>,
    adjustable: bool,
}

impl ServiceQuotas {
    /// Finds region, credentials and endpoint, and rehearses one question up to the moment it
    /// would leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub async fn connect(access: Access, hosts: &mut Hosts<'_>) -> Result<Self, ConnectError> {
        let asked = Question::Applied;
        let question = asked.about("L-00000000");
        let api =
            ServiceApi::connect(access, SERVICE_QUOTAS, asked.operation(), question, hosts).await;
        match api {
            Err(ConnectError::NoCredentials { causes, .. }) => {
                Err(ConnectError::NoSignature(causes))
            }
            api => api.map(Self),
        }
    }

    /// The region whose quotas these are.
    pub fn region(&self) -> &str {
        self.0.region()
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
    ) -> Result<Option<StoredQuota>, QuotaError> {
        let asked = question.about(code.code);
        let answer = self.0.ask(question.operation(), asked).await;
        match answer {
            Ok(answer) => Ok(StoredQuota::read(&answer)),
            Err(error) => absent(question, self.0.place(), &error).map(|()| None),
        }
    }
}

impl StoredQuota {
    fn read(answer: &Value) -> Option<Self> {
        let quota = answer.get("Quota")?;
        Some(Self {
            value: quota["Value"].as_f64(),
            adjustable: quota["Adjustable"].as_bool().unwrap_or_default(),
        })
    }
}

impl Question {
    /// The permission it needs.
    pub fn permission(self) -> String {
        format!("servicequotas:{}", self.operation())
    }

    fn operation(self) -> &'static str {
        match self {
            Self::Applied => "GetServiceQuota",
            Self::Default => "GetAWSDefaultServiceQuota",
        }
    }

    fn about(self, code: &str) -> ApiRequest {
        ApiRequest::Json {
            target: format!("ServiceQuotasV20190624.{}", self.operation()),
            body: json!({ "ServiceCode": SERVICE, "QuotaCode": code }),
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
    applied: Option<StoredQuota>,
    default: Option<StoredQuota>,
) -> Option<Quota> {
    // Quotas are whole numbers far below 2^53; the cast saturates at both ends.
    let value = |kept: Option<StoredQuota>| Some(kept?.value? as u64);
    let found = Quota {
        code,
        applied: value(applied),
        default: value(default),
        adjustable: applied.or(default).is_some_and(|kept| kept.adjustable),
    };
    found.usable().map(|_| found)
}

/// Nothing, where the error says that there is no such quota.
fn absent(
    asked: Question,
    place: String,
    error: &SdkError<ApiError, HttpResponse>,
) -> Result<(), QuotaError> {
    if matches!(
        error,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)
    ) {
        return Err(QuotaError::NoWay {
            place,
            message: unwrapped(error),
        });
    }
    let SdkError::ServiceError(refused) = error else {
        return Err(QuotaError::Unreachable(unwrapped(error)));
    };
    let code = refused.err().code();
    if code == Some("NoSuchResourceException") {
        return Ok(());
    }
    let status = refused.raw().status().as_u16();
    let said = refused.err().message().unwrap_or_default();
    let fault = Fault::from_response(code, status, said, None, None);
    let text = fault.in_full();
    Err(if fault.category == Category::AccessDenied {
        let message = text;
        QuotaError::Denied { asked, message }
    } else if fault.category == Category::Credentials {
        QuotaError::Credentials(text)
    } else {
        QuotaError::Unreachable(text)
    })
}

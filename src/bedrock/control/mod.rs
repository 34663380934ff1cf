//! Bedrock's control plane, as far as it says which models there are.

mod list;
mod resolve;
mod streams;

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use serde_json::Value;

use super::api::{ApiAuth, ApiError, ApiRequest, Service, ServiceApi};
use super::aws::Access;
use super::error::{ConnectError, WAYS};
use super::hosts::Hosts;
use super::wire::unwrapped;
use crate::model::fault::{Category, Fault};
use crate::percent::segment;
pub use list::{ListedModel, Listing};

const BEDROCK: Service = Service {
    name: "Bedrock",
    host: "bedrock",
    signing: "bedrock",
    identity: ApiAuth::KeyOrSignature,
};

/// Something that answers which models there are.
#[derive(Debug)]
pub struct Control(ServiceApi);

/// Why something could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The identity may not ask.
    #[error("bedrock:{operation} is missing: {message}")]
    Denied {
        /// What was asked.
        operation: &'static str,
        /// What the service said.
        message: String,
    },
    /// The credentials do not work.
    #[error("Bedrock rejected the credentials: {0}; log in (`aws sso login`) or renew them")]
    Credentials(String),
    /// There is no such thing.
    #[error("{0}")]
    Absent(String),
    /// There is no way to the service.
    #[error("{operation} failed at {url}: {message}; {}", WAYS)]
    NoWay {
        /// What was asked.
        operation: &'static str,
        /// Where.
        url: String,
        /// What went wrong.
        message: String,
    },
    /// Anything else.
    #[error("{operation} failed: {message}")]
    Unreachable {
        /// What was asked.
        operation: &'static str,
        /// What went wrong.
        message: String,
    },
}

impl Control {
    /// Finds region, credentials and endpoint, and rehearses one question up to the moment it
    /// would leave this machine.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has been sent to the service.
    pub async fn connect(access: Access, hosts: &mut Hosts<'_>) -> Result<Self, ConnectError> {
        let question = ApiRequest::Get("/foundation-models".to_owned());
        let api =
            ServiceApi::connect(access, BEDROCK, "ListFoundationModels", question, hosts).await?;
        Ok(Self(api))
    }

    /// The region whose models these are.
    pub fn region(&self) -> &str {
        self.0.region()
    }

    async fn get(&self, operation: &'static str, path: String) -> Result<Value, ControlError> {
        let answer = self.0.ask(operation, ApiRequest::Get(path)).await;
        answer.map_err(|error| refusal(operation, self.0.place(), &error))
    }
}

fn refusal(
    operation: &'static str,
    url: String,
    error: &SdkError<ApiError, HttpResponse>,
) -> ControlError {
    if matches!(
        error,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)
    ) {
        return ControlError::NoWay {
            operation,
            url,
            message: unwrapped(error),
        };
    }
    let SdkError::ServiceError(refused) = error else {
        let message = unwrapped(error);
        return ControlError::Unreachable { operation, message };
    };
    let status = refused.raw().status().as_u16();
    let (code, said) = (refused.err().code(), refused.err().message());
    let fault = Fault::from_response(code, status, said.unwrap_or_default(), None, None);
    let message = fault.in_full();
    if fault.category == Category::AccessDenied {
        ControlError::Denied { operation, message }
    } else if fault.category == Category::Credentials {
        ControlError::Credentials(message)
    } else if fault.category == Category::NotFound {
        ControlError::Absent(message)
    } else {
        ControlError::Unreachable { operation, message }
    }
}

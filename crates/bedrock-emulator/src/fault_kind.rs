//! The kinds of fault and the effect of each on a call.

use serde::Deserialize;

use super::connection::Cut;
use super::service_error::ServiceError;

/// The kinds of fault. Kinds whose name begins with `stream_` apply to streamed calls only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 ThrottlingException: too many requests.
    Throttled,
    /// 429 ThrottlingException: too many tokens per day.
    DailyQuota,
    /// 429 ModelNotReadyException: a cold imported model.
    ModelNotReady,
    /// 503 ServiceUnavailableException: no capacity.
    Unavailable,
    /// 503 ServiceUnavailableException: the model itself is throttled.
    ModelThrottled,
    /// 503 ServiceUnavailableException: too many connections.
    TooManyConnections,
    /// 500 InternalServerException.
    ServerError,
    /// 408 ModelTimeoutException.
    ModelTimeout,
    /// 424 ModelErrorException.
    ModelError,
    /// 529 overloaded_error, as Anthropic's models respond when overloaded.
    Overloaded,
    /// 400 ServiceQuotaExceededException.
    ServiceQuota,
    /// 403 AccessDeniedException.
    AccessDenied,
    /// 403 ExpiredTokenException.
    ExpiredToken,
    /// 403 InvalidSignatureException: the clocks differ by more than five minutes.
    ClockSkew,
    /// 404 ResourceNotFoundException.
    NotFound,
    /// 400 ValidationException.
    Validation,
    /// 400 ValidationException: the model is called through an inference profile only.
    ProfileNeeded,
    /// 400 ValidationException: no such model here.
    UnknownModel,
    /// 400 ValidationException: a parameter that the model rejects.
    RefusedParameter,
    /// 403 AccessDeniedException: no policy allows the call.
    NotAuthorized,
    /// 403 UnrecognizedClientException: no such access key.
    InvalidToken,
    /// 403 MPAgreementBeingCreated: the subscription to the model is not ready yet.
    MarketplacePending,
    /// 404 ResourceNotFoundException: Anthropic's use case form has not been submitted.
    UseCaseForm,
    /// 502 with an HTML page, as a proxy sends it.
    #[serde(rename = "html_502")]
    Html502,
    /// 502 with an HTML page of 200 MB and no content-length.
    HugeError,
    /// The connection is reset before the response.
    Reset,
    /// The connection is reset in the middle of the response's body.
    ResetMidBody,
    /// The connection is reset after a complete response. Not for streams.
    ResetAfter,
    /// The connection is closed before the response.
    Closed,
    /// The connection is closed in the middle of the response's body, which is shorter than declared.
    ShortBody,
    /// The connection is closed after a complete response that did not announce it. Not for streams.
    ClosedAfter,
    /// The call is never answered.
    Stall,
    /// The body is sent at one byte per second. Not for streams.
    Drip,
    /// The response is delayed by `ms`; later rules may still apply.
    Slow,
    /// 200 with no body.
    EmptyBody,
    /// 200 with a body that is not JSON.
    NotJson,
    /// 200 with JSON in the shape of no model family.
    WrongShape,
    /// 200 with a body of 200 MB and no content-length; in a stream, a chunk of that size.
    HugeBody,
    /// In the middle of a stream: modelStreamErrorException.
    StreamModelError,
    /// In the middle of a stream: throttlingException.
    StreamThrottled,
    /// In the middle of a stream: internalServerException.
    StreamServerError,
    /// In the middle of a stream: serviceUnavailableException.
    StreamUnavailable,
    /// In the middle of a stream: modelTimeoutException.
    StreamModelTimeout,
    /// In the middle of a stream: validationException.
    StreamValidation,
    /// The stream ends properly, but before the completion does.
    StreamCutShort,
    /// The stream stays open and sends nothing more.
    StreamSilent,
    /// A chunk is a JSON string.
    StreamBareString,
    /// An event of an unknown type comes between two chunks.
    StreamUnknownEvent,
    /// A byte of a chunk has changed.
    StreamCorrupt,
}

/// The effect of a fault on a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is rejected before it reaches the model.
    Reject(ServiceError),
    /// A proxy responds with an HTML page and, where given, this `retry-after` in seconds.
    Html502(Option<u32>),
    /// A proxy responds with a page of 200 MB and, where given, this `retry-after` in seconds.
    HugeError(Option<u32>),
    /// The connection is cut.
    HangUp(Cut),
    /// Nothing more is sent, and the connection stays open.
    Stall,
    /// The model responds, and the response is damaged on its way.
    Damage(Damage),
}

/// How a response is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// It is cut in the middle.
    Halve(Cut),
    /// It arrives, and the connection is cut after it.
    Last(Cut),
    /// It is sent at one byte per second.
    Drip,
    /// Its body has 200 MB.
    Huge,
    /// Its body is empty.
    Empty,
    /// Its body is replaced by something that is not JSON.
    NotJson,
    /// Its body is replaced by JSON in the shape of no family.
    WrongShape,
    /// This happens in the middle of the stream; a response that is not streamed is left alone.
    InStream(InStream),
}

/// What happens in the middle of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InStream {
    /// An exception with this type and message.
    Exception(&'static str, &'static str),
    /// It ends properly.
    CutShort,
    /// It stays open and sends nothing more.
    Silent,
    /// A chunk is a JSON string.
    BareString,
    /// An event of an unknown type comes in between.
    UnknownEvent,
    /// A byte of a chunk is changed.
    Corrupt,
}

const TOO_MANY_REQUESTS: &str = "Too many requests, please wait before trying again.";
const TOO_MANY_TODAY: &str = "Too many tokens per day, please wait before trying again.";
const COLD: &str = "Model is not ready for inference. Please wait and try your request again.";
const MODEL_THROTTLED: &str = "Model is getting throttled. Try your request again.";
const NO_CAPACITY: &str = "Bedrock is unable to process your request.";
const UNEXPECTED: &str =
    "The system encountered an unexpected error during processing. Try your request again.";
const TIMED_OUT: &str = "Model has timed out in processing the request. Try your request again.";
const OVER_QUOTA: &str = "Your request exceeds the service quota for your account.";
const NO_ACCESS: &str = "You don't have access to the model with the specified model ID.";
const INVALID: &str = "The model could not go on with this input.";
const ONE_SAMPLING: &str = "temperature and top_p cannot both be specified for this model. Please \
    use only one.";
const NOT_AUTHORIZED: &str = "User: arn:aws:iam::123456789012:user/emulated is not authorized to \
    perform: bedrock:InvokeModel on this resource because no identity-based policy allows the \
    bedrock:InvokeModel action";
const UNKNOWN_TOKEN: &str = "The security token included in the request is invalid.";
const SUBSCRIBING: &str = "Your AWS Marketplace subscription for this model is still being \
    processed. Try again in 15 minutes.";
const NO_FORM: &str = "Model use case details have not been submitted for this account. Fill out \
    the Anthropic use case details form before using the model. If you have already filled out \
    the form, try again in 15 minutes.";
const EXPIRED: &str = "The security token included in the request is expired";
const SKEWED: &str = "Signature expired: 20261122T000000Z is now earlier than 20261122T002500Z \
                      (20261122T003000Z - 5 min.)";

impl FaultKind {
    /// Its effect on a call; `None` for `slow`, which only adds latency.
    /// `model` is the id in the request's path.
    pub(super) fn effect(self, retry_after_s: Option<u32>, model: &str) -> Option<Effect> {
        let reject = |mut error: ServiceError| {
            error.retry_after_s = retry_after_s;
            Some(Effect::Reject(error))
        };
        let error = |status, code, text| reject(ServiceError::new(status, code, text));
        let damage = |damage| Some(Effect::Damage(damage));
        let in_stream = |what| damage(Damage::InStream(what));
        let exception = |kind, text| in_stream(InStream::Exception(kind, text));
        match self {
            Self::Throttled => reject(ServiceError::throttling(TOO_MANY_REQUESTS)),
            Self::DailyQuota => reject(ServiceError::throttling(TOO_MANY_TODAY)),
            Self::ModelNotReady => error(429, "ModelNotReadyException", COLD),
            Self::Unavailable => error(503, "ServiceUnavailableException", NO_CAPACITY),
            Self::ModelThrottled => error(503, "ServiceUnavailableException", MODEL_THROTTLED),
            Self::TooManyConnections => reject(ServiceError::too_many_connections()),
            Self::ServerError => error(500, "InternalServerException", UNEXPECTED),
            Self::ModelTimeout => error(408, "ModelTimeoutException", TIMED_OUT),
            Self::ModelError => error(424, "ModelErrorException", UNEXPECTED),
            Self::Overloaded => error(529, "overloaded_error", "Overloaded"),
            Self::ServiceQuota => error(400, "ServiceQuotaExceededException", OVER_QUOTA),
            Self::AccessDenied => error(403, "AccessDeniedException", NO_ACCESS),
            Self::ExpiredToken => error(403, "ExpiredTokenException", EXPIRED),
            Self::ClockSkew => error(403, "InvalidSignatureException", SKEWED),
            Self::NotFound => reject(ServiceError::end_of_life()),
            Self::Validation => reject(ServiceError::malformed(
                "#: the scenario refuses this request",
            )),
            Self::ProfileNeeded => reject(ServiceError::profile_required(model)),
            Self::UnknownModel => reject(ServiceError::unknown_model()),
            Self::RefusedParameter => error(400, "ValidationException", ONE_SAMPLING),
            Self::NotAuthorized => error(403, "AccessDeniedException", NOT_AUTHORIZED),
            Self::InvalidToken => error(403, "UnrecognizedClientException", UNKNOWN_TOKEN),
            Self::MarketplacePending => error(403, "MPAgreementBeingCreated", SUBSCRIBING),
            Self::UseCaseForm => error(404, "ResourceNotFoundException", NO_FORM),
            Self::Html502 => Some(Effect::Html502(retry_after_s)),
            Self::HugeError => Some(Effect::HugeError(retry_after_s)),
            Self::Reset => Some(Effect::HangUp(Cut::Reset)),
            Self::Closed => Some(Effect::HangUp(Cut::Close)),
            Self::Stall => Some(Effect::Stall),
            Self::ResetMidBody => damage(Damage::Halve(Cut::Reset)),
            Self::ShortBody => damage(Damage::Halve(Cut::Close)),
            Self::ResetAfter => damage(Damage::Last(Cut::Reset)),
            Self::ClosedAfter => damage(Damage::Last(Cut::Close)),
            Self::Drip => damage(Damage::Drip),
            Self::HugeBody => damage(Damage::Huge),
            Self::EmptyBody => damage(Damage::Empty),
            Self::NotJson => damage(Damage::NotJson),
            Self::WrongShape => damage(Damage::WrongShape),
            Self::StreamModelError => exception("modelStreamErrorException", UNEXPECTED),
            Self::StreamThrottled => exception("throttlingException", TOO_MANY_REQUESTS),
            Self::StreamServerError => exception("internalServerException", UNEXPECTED),
            Self::StreamUnavailable => exception("serviceUnavailableException", NO_CAPACITY),
            Self::StreamModelTimeout => exception("modelTimeoutException", TIMED_OUT),
            Self::StreamValidation => exception("validationException", INVALID),
            Self::StreamCutShort => in_stream(InStream::CutShort),
            Self::StreamSilent => in_stream(InStream::Silent),
            Self::StreamBareString => in_stream(InStream::BareString),
            Self::StreamUnknownEvent => in_stream(InStream::UnknownEvent),
            Self::StreamCorrupt => in_stream(InStream::Corrupt),
            Self::Slow => None,
        }
    }

    /// Whether it cuts the connection.
    pub(super) fn cuts(self) -> bool {
        matches!(
            self.effect(None, ""),
            Some(Effect::HangUp(_) | Effect::Damage(Damage::Halve(_) | Damage::Last(_)))
        )
    }

    /// Whether the client receives an error status with headers.
    pub(super) fn has_headers(self) -> bool {
        matches!(
            self.effect(None, ""),
            Some(Effect::Reject(_) | Effect::Html502(_) | Effect::HugeError(_))
        )
    }
}

//! The kinds of fault, and what each does to a call.

use serde::Deserialize;

use super::connection::Cut;
use super::service_error::ServiceError;

/// Everything that can go wrong.
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
    /// 529, as Anthropic's models answer when overloaded.
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
    /// 400 ValidationException: a parameter that the model refuses.
    RefusedParameter,
    /// 403 AccessDeniedException: no policy allows the call.
    NotAuthorized,
    /// 403 UnrecognizedClientException: no such access key.
    InvalidToken,
    /// 403 MPAgreementBeingCreated: the subscription to the model is not ready yet.
    MarketplacePending,
    /// 404 ResourceNotFoundException: Anthropic's form has not been handed in.
    UseCaseForm,
    /// 502 with a page of HTML, as a proxy answers.
    #[serde(rename = "html_502")]
    Html502,
    /// 502 with a page of HTML of 200 MB, of a length that is not said beforehand.
    HugeError,
    /// The connection is reset before the reply.
    Reset,
    /// The connection is reset in the middle of the reply's body.
    ResetMidBody,
    /// The connection is reset behind a whole reply that is no stream.
    ResetAfter,
    /// The connection is closed before the reply.
    Closed,
    /// The connection is closed in the middle of the reply's body: it is shorter than it says.
    ShortBody,
    /// The connection is closed behind a whole reply, no stream, that does not say so.
    ClosedAfter,
    /// No answer, ever.
    Stall,
    /// The answer, if it is no stream, comes a byte a second.
    Drip,
    /// The answer comes later, by `ms`; later rules may still strike.
    Slow,
    /// 200 with no body.
    EmptyBody,
    /// 200 with a body that is not JSON.
    NotJson,
    /// 200 with JSON of no family's shape.
    WrongShape,
    /// 200 with a body of 200 MB, of a length that is not said beforehand; in a stream, a chunk.
    HugeBody,
    /// In the middle of a stream: modelStreamErrorException. It and all below strike streams only.
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
    /// The stream ends in good order, and before the answer does.
    StreamCutShort,
    /// The stream stays open and says nothing more.
    StreamSilent,
    /// A chunk is a JSON string.
    StreamBareString,
    /// An event of a type that nobody has heard of stands between two chunks.
    StreamUnknownEvent,
    /// A byte of a chunk is not what it was.
    StreamCorrupt,
}

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is refused before the model sees it.
    Reject(ServiceError),
    /// A proxy answers in the service's place, with these seconds in `retry-after`.
    Html502(Option<u32>),
    /// The same, and its page has no end that anybody would wait for.
    HugeError(Option<u32>),
    /// The connection ends.
    HangUp(Cut),
    /// Nothing happens any more.
    Stall,
    /// The model answers, and the answer is spoiled on its way.
    Damage(Damage),
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// It breaks off halfway.
    Halve(Cut),
    /// It arrives, and its connection ends.
    Last(Cut),
    /// It comes a byte a second.
    Drip,
    /// Its body is far larger than any answer.
    Huge,
    /// Its body is lost.
    Empty,
    /// Its body is replaced by something that is not JSON.
    NotJson,
    /// Its body is replaced by JSON that no model writes.
    WrongShape,
    /// Where it comes in chunks, this happens in their middle; else nothing.
    InStream(InStream),
}

/// What happens in the middle of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InStream {
    /// An exception of this type and text.
    Exception(&'static str, &'static str),
    /// It ends in good order.
    CutShort,
    /// It says nothing more.
    Silent,
    /// A chunk is a JSON string.
    BareString,
    /// There is an event of an unknown type, and it goes on.
    UnknownEvent,
    /// A byte changes on its way.
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
    /// What it does to a call; nothing for `slow`, which only adds time.
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

    /// Whether it ends the connection.
    pub(super) fn cuts(self) -> bool {
        matches!(
            self.effect(None, ""),
            Some(Effect::HangUp(_) | Effect::Damage(Damage::Halve(_) | Damage::Last(_)))
        )
    }

    /// Whether a client sees an error status, with headers.
    pub(super) fn has_headers(self) -> bool {
        matches!(
            self.effect(None, ""),
            Some(Effect::Reject(_) | Effect::Html502(_) | Effect::HugeError(_))
        )
    }
}

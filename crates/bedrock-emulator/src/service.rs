//! One call, from its headers to its response.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::answers::{self, Answers};
use super::connection::Connection;
use super::control_plane::{self, Query};
use super::event_body;
use super::fault_kind::{Damage, Effect};
use super::faults::{Faults, Subject};
use super::generate::{self, Fingerprint};
use super::layout::{FinishReason, Form, Layout, ModelInput, ModelOutput, Task};
use super::model_ids::{self, Entry};
use super::prompt_cache::{Entries, Prefix};
use super::quota::{Limit, Quotas, Reservation};
use super::regions;
use super::reply::{self, Metrics};
use super::reply_body::{HangUp, ReplyBody};
use super::request_options::{Assessment, RequestOptions};
use super::scenario::Scenario;
use super::schema::Object;
use super::service_error::ServiceError;
use super::service_quotas;
use super::stats::{self, InFlight, Stats};
use super::wire::{self, Operation};

/// The emulated service, shared by all connections.
#[derive(Debug)]
pub(super) struct Service {
    scenario: Scenario,
    quotas: Arc<Quotas>,
    faults: Faults,
    answers: Answers,
    prompts: Arc<Entries>,
    stats: Stats,
    started: Instant,
}

/// Who sent a request.
#[derive(Debug, Default)]
struct Caller {
    line: Arc<Connection>,
    /// The access key id of its signature.
    key: String,
}

/// A request that was read and accepted.
struct Call {
    caller: Caller,
    operation: Operation,
    options: RequestOptions,
    id: String,
    body: Object,
    layout: Layout,
    prefix: Option<Prefix>,
    ask: ModelInput,
    print: Fingerprint,
}

impl Service {
    pub(super) fn new(scenario: Scenario) -> Self {
        let started = Instant::now();
        let scenario_cache = scenario.prompt_cache;
        Self {
            quotas: Arc::new(Quotas::new(
                scenario.quotas.clone(),
                scenario.tenants.clone(),
                started,
            )),
            faults: Faults::new(scenario.faults.clone(), scenario.seed),
            answers: Answers::new(scenario.answers.clone(), scenario.seed),
            scenario,
            prompts: Arc::new(Entries::new(scenario_cache)),
            stats: Stats::default(),
            started,
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats.clone()
    }

    /// The state of a new connection, for faults that cut it.
    pub(super) fn line(&self, stream: &TcpStream) -> Connection {
        if self.faults.may_cut() {
            Connection::of(stream)
        } else {
            Connection::default()
        }
    }

    /// Answers a request, or cuts the connection if the scenario says so.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        line: Arc<Connection>,
    ) -> Result<Response<ReplyBody>, HangUp> {
        if wire::is_identity_check(&request) {
            let who = concat!("bedrock-emulator ", env!("CARGO_PKG_VERSION"));
            return Ok(reply::json(&serde_json::json!({"emulator": who})));
        }
        if let Some(operation) = service_quotas::operation(&request) {
            return self.service_quotas_reply(&operation, request).await;
        }
        if let Some(query) = control_plane::query(&request) {
            return Ok(self.control_plane_reply(&query, request.headers()));
        }
        let in_flight = self.stats.enter();
        let asked = wire::asked(&request);
        let options = RequestOptions::read(request.headers());
        let key = wire::access_key(request.headers()).to_owned();
        let caller = Caller { line, key };
        let body = wire::read_body(request.into_body()).await.ok_or(HangUp)?;
        let call =
            asked.and_then(|(operation, id)| self.parse(caller, operation, options?, id, &body?));
        self.admit(in_flight, call).await
    }

    /// Answers a call that did not come over a connection.
    pub(super) async fn invoke(
        &self,
        id: &str,
        body: &[u8],
    ) -> Result<Response<ReplyBody>, HangUp> {
        let in_flight = self.stats.enter();
        let (caller, options) = (Caller::default(), RequestOptions::default());
        let call = self.parse(caller, Operation::Invoke, options, id.to_owned(), body);
        self.admit(in_flight, call).await
    }

    /// Checks a call against connections and quotas, and rejects or answers it.
    async fn admit(
        &self,
        in_flight: InFlight,
        call: Result<Call, ServiceError>,
    ) -> Result<Response<ReplyBody>, HangUp> {
        let call = match call {
            Ok(call) => call,
            Err(error) => {
                return Ok(self
                    .reject(&in_flight, stats::Outcome::Rejected, &error)
                    .await);
            }
        };
        if self
            .scenario
            .connections
            .is_some_and(|most| most < in_flight.count())
        {
            let error = ServiceError::too_many_connections();
            return Ok(self.reject(&in_flight, stats::Outcome::Fault, &error).await);
        }
        let most = call.most_tokens();
        match self.quotas.admit(&call.id, Instant::now(), most) {
            Ok(reservation) => self.respond(in_flight, &call, reservation).await,
            Err(limit) => {
                let error = limit.error();
                Ok(self
                    .reject(&in_flight, stats::Outcome::Throttled, &error)
                    .await)
            }
        }
    }

    async fn reject(
        &self,
        in_flight: &InFlight,
        outcome: stats::Outcome,
        error: &ServiceError,
    ) -> Response<ReplyBody> {
        in_flight.end(outcome);
        wait(self.round_trip()).await;
        reply::rejected(error)
    }

    /// The latency of an error.
    fn round_trip(&self) -> Duration {
        Duration::from_secs_f64(self.scenario.refusal_ms / 1_000.0)
    }

    /// Answers for Service Quotas. These requests are not counted as calls.
    async fn service_quotas_reply(
        &self,
        operation: &str,
        request: Request<Incoming>,
    ) -> Result<Response<ReplyBody>, HangUp> {
        let authorized = wire::authorized(request.headers());
        let body = wire::read_body(request.into_body()).await.ok_or(HangUp)?;
        let Scenario {
            quotas,
            service_quotas: access,
            ..
        } = &self.scenario;
        let answer = authorized
            .and(body)
            .and_then(|body| service_quotas::answer(operation, &body, quotas, *access));
        Ok(reply::json_1_1(answer))
    }

    /// Answers for the control plane. These requests are not counted as calls.
    fn control_plane_reply(&self, query: &Query, headers: &HeaderMap) -> Response<ReplyBody> {
        let answer = wire::authorized(headers);
        let account = &self.scenario.control_plane;
        match answer.and_then(|()| control_plane::answer(query, account)) {
            Ok(answer) => reply::json(&answer),
            Err(error) => reply::rejected(&error),
        }
    }

    /// Answers a call that was admitted, or makes it fail as the scenario says.
    async fn respond(
        &self,
        in_flight: InFlight,
        call: &Call,
        reservation: Reservation,
    ) -> Result<Response<ReplyBody>, HangUp> {
        let verdict = self.faults.apply(call.subject(self.started));
        let slow = Duration::from_millis(verdict.slow_ms);
        let damage = match verdict.effect {
            None => None,
            Some(Effect::Damage(damage)) => damage.strikes(call.operation),
            Some(effect) => {
                self.quotas.settle(reservation, 0, 0);
                in_flight.end(stats::Outcome::Fault);
                wait(slow + self.round_trip()).await;
                return fail(effect, &call.caller.line).await;
            }
        };
        let mut answer = self.answer_of(call);
        if call.layout.filters() {
            self.scenario.filter.look(&call.ask.prompt, &mut answer);
        }
        let guardrail = &self.scenario.guardrail;
        let word = call.options.guard(guardrail, &call.ask.prompt, &mut answer);
        let (first, latency) = self.latency(call, &answer);
        let metrics = Metrics {
            input_tokens: answer.input_tokens,
            output_tokens: answer.output_tokens,
            counted: !word.as_ref().is_some_and(Assessment::is_blocked),
            latency: slow + latency,
            first: slow + first,
            cached: self.prompts.look(call.prefix),
        };
        let (input, output) = (answer.input_tokens, answer.output_tokens);
        let outcome = match damage {
            None => stats::Outcome::Succeeded { input, output },
            Some(_) => stats::Outcome::Fault,
        };
        let (quotas, prompts) = (Arc::clone(&self.quotas), Arc::clone(&self.prompts));
        let (prefix, read) = (call.prefix, metrics.cached.read);
        let end = move || {
            prompts.keep(prefix);
            quotas.settle(reservation, input.saturating_sub(read), output);
            in_flight.end(outcome);
        };
        let chunks = match call.operation {
            Operation::Invoke => None,
            Operation::Stream => call.chunks(&answer),
        };
        match chunks {
            None => {
                wait(metrics.latency).await;
                end();
                Ok(call
                    .options
                    .echo(whole_reply(call, &answer, word.as_ref(), metrics, damage)))
            }
            Some(mut chunks) => {
                wait(metrics.first).await;
                if let Some(word) = word {
                    word.add_to_chunks(&mut chunks);
                }
                for chunk in &mut chunks {
                    metrics.cached.say(chunk);
                }
                let body = event_body::body(chunks, metrics, damage, end);
                Ok(call.options.echo(reply::streamed(body)))
            }
        }
    }

    /// What the model answers: the completions that the request asks for, in one output.
    fn answer_of(&self, call: &Call) -> ModelOutput {
        let number = call.layout.completions(&call.body).max(1);
        let output = &self.scenario.output;
        let mut answers = generate::completions(&call.ask, call.print, output, number);
        self.answers
            .apply(&call.ask.prompt, call.print.digest, &mut answers);
        let output_tokens = answers.iter().map(|answer| answer.output_tokens).sum();
        let mut first = answers.remove(0);
        first.output_tokens = output_tokens;
        first.others = answers;
        first
    }

    /// Reads a request's body as the model that it names would.
    fn parse(
        &self,
        caller: Caller,
        operation: Operation,
        options: RequestOptions,
        id: String,
        body: &[u8],
    ) -> Result<Call, ServiceError> {
        let entry = model_ids::find(&id)?;
        if self.scenario.end_of_life && model_ids::is_retired(&id) {
            return Err(ServiceError::end_of_life());
        }
        let body: Object = serde_json::from_slice(body).map_err(|error| {
            ServiceError::malformed(format!("the body is not a JSON object ({error})"))
        })?;
        let (base, layout) = match entry {
            Entry::Base(base, layout) => (base, layout),
            Entry::Opaque => ("", Layout::of_fields(&body)),
        };
        if model_ids::names_base_model(&id, base) && regions::is_profile_only(base) {
            return Err(ServiceError::profile_required(&id));
        }
        options.check(base)?;
        let layout = layout.for_body(&body);
        self.read(caller, operation, options, (id.clone(), base, layout), body)
    }

    /// Reads a body in this layout, for the model with this base id.
    fn read(
        &self,
        caller: Caller,
        operation: Operation,
        options: RequestOptions,
        (id, base, layout): (String, &str, Layout),
        mut body: Object,
    ) -> Result<Call, ServiceError> {
        if operation == Operation::Invoke {
            layout.check_whole(&body)?;
        }
        if operation == Operation::Stream {
            if self
                .scenario
                .control_plane
                .whole_only
                .iter()
                .any(|it| it == base)
            {
                return Err(ServiceError::no_stream());
            }
            layout.check_stream(&body, base)?;
            // In layouts that allow it, `stream` repeats what the path says.
            let says_so = layout.may_say_stream();
            body.retain(|key, value| !(says_so && key == "stream" && *value == true));
        }
        let mut ask = layout.read(&body, base)?;
        // A model that is asked for JSON in the prompt writes it.
        if let Task::Text { form, .. } = &mut ask.task
            && *form == Form::Text
            && let Some(schema) = answers::schema_in(&ask.prompt)
        {
            *form = Form::Json(schema);
        }
        if self.scenario.context_tokens < ask.input_tokens {
            return Err(ServiceError::too_long());
        }
        let print = Fingerprint::new(&id, &ask.prompt);
        Ok(Call {
            prefix: Prefix::of(&id, base, &body),
            caller,
            operation,
            options,
            id,
            body,
            layout,
            ask,
            print,
        })
    }

    /// Until the first token, and until the last.
    fn latency(&self, call: &Call, answer: &ModelOutput) -> (Duration, Duration) {
        let chance = fastrand::Rng::with_seed(call.print.seed ^ self.scenario.seed).f64();
        let draw = |tokens| self.scenario.latency.draw(tokens, chance);
        (draw(0), draw(answer.output_tokens))
    }
}

impl Call {
    /// The output as one body.
    fn whole(&self, answer: &ModelOutput) -> Value {
        let is_blocked = answer.finish == FinishReason::Blocked;
        let blocked = is_blocked.then(|| self.layout.blocked(&self.id, answer));
        let written = || self.layout.write(&self.body, &self.id, answer);
        blocked.flatten().unwrap_or_else(written)
    }

    /// The output as chunks; `None` if the layout does not stream.
    fn chunks(&self, answer: &ModelOutput) -> Option<Vec<Value>> {
        match answer.finish == FinishReason::Blocked {
            true => self.layout.blocked_chunks(&self.id, answer),
            false => self.layout.chunks(&self.body, &self.id, answer),
        }
    }

    /// Tokens that the call reserves: its input and the longest output.
    fn most_tokens(&self) -> u64 {
        match self.ask.task {
            Task::Text { max_tokens, .. } => {
                let completions = self.layout.completions(&self.body);
                self.ask.input_tokens + max_tokens * completions
            }
            Task::Vectors(..) | Task::VectorsOf(..) | Task::Images => self.ask.input_tokens,
        }
    }

    fn subject(&self, started: Instant) -> Subject<'_> {
        Subject {
            model: &self.id,
            prompt: &self.ask.prompt,
            key: &self.caller.key,
            digest: self.print.digest,
            at_s: started.elapsed().as_secs_f64(),
        }
    }
}

impl Damage {
    /// Damage inside a stream applies to streamed calls only.
    fn strikes(self, operation: Operation) -> Option<Self> {
        let is_for_streams = matches!(self, Self::InStream(_));
        (operation == Operation::Stream || !is_for_streams).then_some(self)
    }
}

impl Limit {
    fn error(self) -> ServiceError {
        ServiceError::throttling(match self {
            Self::Requests => "Too many requests, please wait before trying again.",
            Self::Tokens => "Too many tokens, please wait before trying again.",
            Self::TokensPerDay => "Too many tokens per day, please wait before trying again.",
        })
    }
}

/// Waits for a latency; zero does not even set a timer.
async fn wait(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

/// Fails a call that does not reach the model.
async fn fail(effect: Effect, line: &Connection) -> Result<Response<ReplyBody>, HangUp> {
    match effect {
        Effect::Reject(error) => Ok(reply::rejected(&error)),
        Effect::Html502(retry_after_s) => Ok(reply::html_502(retry_after_s)),
        Effect::HugeError(retry_after_s) => Ok(reply::html_502(retry_after_s).map(ReplyBody::huge)),
        Effect::Stall => std::future::pending().await,
        Effect::HangUp(how) => {
            line.cut(how);
            Err(HangUp)
        }
        Effect::Damage(_) => Err(HangUp),
    }
}

/// The response in one piece, damaged if a fault says so.
fn whole_reply(
    call: &Call,
    answer: &ModelOutput,
    word: Option<&Assessment>,
    metrics: Metrics,
    damage: Option<Damage>,
) -> Response<ReplyBody> {
    let body = || {
        let mut body = call.whole(answer);
        if let Some(word) = word {
            word.say(&mut body);
        }
        metrics.cached.say(&mut body);
        body.to_string().into_bytes()
    };
    let whole = || reply::answered(body(), metrics);
    let instead = |body: &[u8]| reply::answered(body.to_vec(), metrics);
    let line = &call.caller.line;
    match damage {
        None | Some(Damage::InStream(_)) => whole(),
        Some(Damage::Halve(how)) => whole().map(|body| body.broken().last_of(line, how)),
        Some(Damage::Last(how)) => whole().map(|body| body.last_of(line, how)),
        Some(Damage::Drip) => whole().map(ReplyBody::dripping),
        Some(Damage::Huge) => whole().map(ReplyBody::huge),
        Some(Damage::Empty) => instead(b""),
        Some(Damage::NotJson) => instead(b"upstream said something else\n"),
        Some(Damage::WrongShape) => instead(br#"{"surprise":[1,2,3]}"#),
    }
}

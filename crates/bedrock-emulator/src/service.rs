//! One call, from its head to its answer.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::control_plane::{self, Question};
use super::directory::{self, Entry};
use super::fault_kind::{Effect, Spoil};
use super::faults::{Faults, Struck};
use super::layout::{Answer, Ask, Ending, Layout, Wants};
use super::line::Line;
use super::prompt_cache::{Entries, Prefix};
use super::quota::{Limit, Quotas, Reservation};
use super::refusal::Refusal;
use super::regions;
use super::reply::{self, Metrics};
use super::scenario::Scenario;
use super::schema::Object;
use super::sent::{HangUp, Sent};
use super::service_quotas;
use super::stats::{self, Flight, Stats};
use super::streamed;
use super::terms::{Terms, Word};
use super::wire::{self, Operation};
use super::words::{self, Fingerprint};

/// The emulated service, shared by all connections.
#[derive(Debug)]
pub(super) struct Service {
    scenario: Scenario,
    quotas: Arc<Quotas>,
    faults: Faults,
    prompts: Arc<Entries>,
    stats: Stats,
    started: Instant,
}

/// Who sent a request.
#[derive(Debug, Default)]
struct Caller {
    line: Arc<Line>,
    /// The access key id of its signature.
    key: String,
}

/// A request that has been read and found good.
struct Call {
    caller: Caller,
    operation: Operation,
    terms: Terms,
    id: String,
    body: Object,
    layout: Layout,
    prefix: Option<Prefix>,
    ask: Ask,
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
            scenario,
            prompts: Arc::new(Entries::new(scenario_cache)),
            stats: Stats::default(),
            started,
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats.clone()
    }

    /// A line for a new connection, ready for the faults of the scenario.
    pub(super) fn line(&self, stream: &TcpStream) -> Line {
        if self.faults.may_cut() {
            Line::of(stream)
        } else {
            Line::default()
        }
    }

    /// Answers a request, or hangs up as the scenario wishes.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        line: Arc<Line>,
    ) -> Result<Response<Sent>, HangUp> {
        if wire::asks_who(&request) {
            let who = concat!("bedrock-emulator ", env!("CARGO_PKG_VERSION"));
            return Ok(reply::json(&serde_json::json!({"emulator": who})));
        }
        if let Some(operation) = service_quotas::operation(&request) {
            return self.quotas_asked(&operation, request).await;
        }
        if let Some(question) = control_plane::question(&request) {
            return Ok(self.models_asked(&question, request.headers()));
        }
        let flight = self.stats.enter();
        let asked = wire::asked(&request);
        let terms = Terms::read(request.headers());
        let key = wire::access_key(request.headers()).to_owned();
        let caller = Caller { line, key };
        let body = wire::read_body(request.into_body()).await.ok_or(HangUp)?;
        let call =
            asked.and_then(|(operation, id)| self.judge(caller, operation, terms?, id, &body?));
        self.take(flight, call).await
    }

    /// Answers a call that came on no wire.
    pub(super) async fn invoke(&self, id: &str, body: &[u8]) -> Result<Response<Sent>, HangUp> {
        let flight = self.stats.enter();
        let (caller, terms) = (Caller::default(), Terms::default());
        let call = self.judge(caller, Operation::Invoke, terms, id.to_owned(), body);
        self.take(flight, call).await
    }

    /// Takes a call in: refuses it, fails it, or answers it.
    async fn take(
        &self,
        flight: Flight,
        call: Result<Call, Refusal>,
    ) -> Result<Response<Sent>, HangUp> {
        let call = match call {
            Ok(call) => call,
            Err(refusal) => {
                return Ok(self.refuse(&flight, stats::Ending::Refused, &refusal).await);
            }
        };
        if self
            .scenario
            .connections
            .is_some_and(|most| most < flight.in_flight())
        {
            let refusal = Refusal::too_many_connections();
            return Ok(self.refuse(&flight, stats::Ending::Fault, &refusal).await);
        }
        let most = call.most_tokens();
        match self.quotas.admit(&call.id, Instant::now(), most) {
            Ok(hold) => self.work(flight, &call, hold).await,
            Err(limit) => {
                let refusal = limit.refusal();
                Ok(self
                    .refuse(&flight, stats::Ending::Throttled, &refusal)
                    .await)
            }
        }
    }

    async fn refuse(
        &self,
        flight: &Flight,
        ending: stats::Ending,
        refusal: &Refusal,
    ) -> Response<Sent> {
        flight.end(ending);
        wait(self.round_trip()).await;
        reply::refused(refusal)
    }

    /// How long an error takes to come back.
    fn round_trip(&self) -> Duration {
        Duration::from_secs_f64(self.scenario.refusal_ms / 1_000.0)
    }

    /// Answers for Service Quotas; its requests are no calls of a model, and not counted as such.
    async fn quotas_asked(
        &self,
        operation: &str,
        request: Request<Incoming>,
    ) -> Result<Response<Sent>, HangUp> {
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

    /// Answers for the control plane; its requests are no calls of a model either.
    fn models_asked(&self, question: &Question, headers: &HeaderMap) -> Response<Sent> {
        let answer = wire::authorized(headers);
        let account = &self.scenario.control_plane;
        match answer.and_then(|()| control_plane::answer(question, account)) {
            Ok(answer) => reply::json(&answer),
            Err(refusal) => reply::refused(&refusal),
        }
    }

    /// Works on a call that was admitted: fails it as the scenario wishes, or answers it.
    async fn work(
        &self,
        flight: Flight,
        call: &Call,
        hold: Reservation,
    ) -> Result<Response<Sent>, HangUp> {
        let verdict = self.faults.judge(call.struck(self.started));
        let slow = Duration::from_millis(verdict.slow_ms);
        let spoil = match verdict.effect {
            None => None,
            Some(Effect::Spoil(spoil)) => spoil.strikes(call.operation),
            Some(effect) => {
                self.quotas.settle(hold, 0, 0);
                flight.end(stats::Ending::Fault);
                wait(slow + self.round_trip()).await;
                return fail(effect, &call.caller.line).await;
            }
        };
        let mut answer = words::answer(&call.ask, call.print, &self.scenario.output);
        if call.layout.filters() {
            self.scenario.filter.look(&call.ask.prompt, &mut answer);
        }
        let guardrail = &self.scenario.guardrail;
        let word = call.terms.guard(guardrail, &call.ask.prompt, &mut answer);
        let (first, latency) = self.latency(call, &answer);
        let metrics = Metrics {
            input_tokens: answer.input_tokens,
            output_tokens: answer.output_tokens,
            counted: !word.as_ref().is_some_and(Word::is_blocked),
            latency: slow + latency,
            first: slow + first,
            cached: self.prompts.look(call.prefix),
        };
        let (input, output) = (answer.input_tokens, answer.output_tokens);
        let ending = match spoil {
            None => stats::Ending::Answered { input, output },
            Some(_) => stats::Ending::Fault,
        };
        let (quotas, prompts) = (Arc::clone(&self.quotas), Arc::clone(&self.prompts));
        let (prefix, read) = (call.prefix, metrics.cached.read);
        let end = move || {
            prompts.keep(prefix);
            quotas.settle(hold, input.saturating_sub(read), output);
            flight.end(ending);
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
                    .terms
                    .echo(finish(call, &answer, word.as_ref(), metrics, spoil)))
            }
            Some(mut chunks) => {
                wait(metrics.first).await;
                if let Some(word) = word {
                    word.say_in(&mut chunks);
                }
                for chunk in &mut chunks {
                    metrics.cached.say(chunk);
                }
                let body = streamed::body(chunks, metrics, spoil, end);
                Ok(call.terms.echo(reply::streamed(body)))
            }
        }
    }

    /// Reads a request's body as the model it names would.
    fn judge(
        &self,
        caller: Caller,
        operation: Operation,
        terms: Terms,
        id: String,
        body: &[u8],
    ) -> Result<Call, Refusal> {
        let entry = directory::look_up(&id)?;
        if self.scenario.end_of_life && directory::has_left(&id) {
            return Err(Refusal::end_of_life());
        }
        let body: Object = serde_json::from_slice(body).map_err(|error| {
            Refusal::malformed(format!("the body is not a JSON object ({error})"))
        })?;
        let (base, layout) = match entry {
            Entry::Base(base, layout) => (base, layout),
            Entry::Opaque => ("", Layout::of_fields(&body)),
        };
        if directory::names_base_model(&id, base) && regions::only_by_profile(base) {
            return Err(Refusal::profile_needed(&id));
        }
        terms.check(base)?;
        let layout = layout.for_body(&body);
        self.read(caller, operation, terms, (id.clone(), base, layout), body)
    }

    /// Reads a body by its layout, for a model with this base id.
    fn read(
        &self,
        caller: Caller,
        operation: Operation,
        terms: Terms,
        (id, base, layout): (String, &str, Layout),
        mut body: Object,
    ) -> Result<Call, Refusal> {
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
                return Err(Refusal::no_stream());
            }
            layout.check_stream(&body, base)?;
            // Where a body may say so too, it says what the path says.
            let says_so = layout.may_say_stream();
            body.retain(|key, value| !(says_so && key == "stream" && *value == true));
        }
        let ask = layout.read(&body, base)?;
        if self.scenario.context_tokens < ask.input_tokens {
            return Err(Refusal::too_long());
        }
        let print = Fingerprint::new(&id, &ask.prompt);
        Ok(Call {
            prefix: Prefix::of(&id, base, &body),
            caller,
            operation,
            terms,
            id,
            body,
            layout,
            ask,
            print,
        })
    }

    /// Until the first token, and until the last.
    fn latency(&self, call: &Call, answer: &Answer) -> (Duration, Duration) {
        let chance = fastrand::Rng::with_seed(call.print.seed ^ self.scenario.seed).f64();
        let draw = |tokens| self.scenario.latency.draw(tokens, chance);
        (draw(0), draw(answer.output_tokens))
    }
}

impl Call {
    /// The answer in one piece.
    fn whole(&self, answer: &Answer) -> Value {
        let is_blocked = answer.ending == Ending::Blocked;
        let blocked = is_blocked.then(|| self.layout.blocked(&self.id, answer));
        let written = || self.layout.write(&self.body, &self.id, answer);
        blocked.flatten().unwrap_or_else(written)
    }

    /// The answer in chunks; `None` where its layout does not stream.
    fn chunks(&self, answer: &Answer) -> Option<Vec<Value>> {
        match answer.ending == Ending::Blocked {
            true => self.layout.blocked_chunks(&self.id, answer),
            false => self.layout.chunks(&self.body, &self.id, answer),
        }
    }

    /// What the call reserves: its input and the longest answer.
    fn most_tokens(&self) -> u64 {
        match self.ask.wants {
            Wants::Words { max_tokens, .. } => self.ask.input_tokens + max_tokens,
            Wants::Vectors(..) | Wants::VectorsOf(..) | Wants::Pictures => self.ask.input_tokens,
        }
    }

    fn struck(&self, started: Instant) -> Struck<'_> {
        Struck {
            model: &self.id,
            prompt: &self.ask.prompt,
            key: &self.caller.key,
            digest: self.print.digest,
            at_s: started.elapsed().as_secs_f64(),
        }
    }
}

impl Spoil {
    /// What goes wrong in a stream goes wrong in streams only.
    fn strikes(self, operation: Operation) -> Option<Self> {
        let is_for_streams = matches!(self, Self::InStream(_));
        (operation == Operation::Stream || !is_for_streams).then_some(self)
    }
}

impl Limit {
    fn refusal(self) -> Refusal {
        Refusal::throttling(match self {
            Self::Requests => "Too many requests, please wait before trying again.",
            Self::Tokens => "Too many tokens, please wait before trying again.",
            Self::TokensPerDay => "Too many tokens per day, please wait before trying again.",
        })
    }
}

/// Lets a latency pass; none takes no time at all, not even a timer's tick.
async fn wait(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

/// Fails a call that never reached the model.
async fn fail(effect: Effect, line: &Line) -> Result<Response<Sent>, HangUp> {
    match effect {
        Effect::Refuse(refusal) => Ok(reply::refused(&refusal)),
        Effect::Html502(retry_after_s) => Ok(reply::html_502(retry_after_s)),
        Effect::HugeError(retry_after_s) => Ok(reply::html_502(retry_after_s).map(Sent::huge)),
        Effect::Stall => std::future::pending().await,
        Effect::HangUp(how) => {
            line.cut(how);
            Err(HangUp)
        }
        Effect::Spoil(_) => Err(HangUp),
    }
}

/// Writes the answer out, or what a fault made of it.
fn finish(
    call: &Call,
    answer: &Answer,
    word: Option<&Word>,
    metrics: Metrics,
    spoil: Option<Spoil>,
) -> Response<Sent> {
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
    match spoil {
        None | Some(Spoil::InStream(_)) => whole(),
        Some(Spoil::Halve(how)) => whole().map(|body| body.broken().last_of(line, how)),
        Some(Spoil::Last(how)) => whole().map(|body| body.last_of(line, how)),
        Some(Spoil::Drip) => whole().map(Sent::dripping),
        Some(Spoil::Huge) => whole().map(Sent::huge),
        Some(Spoil::Empty) => instead(b""),
        Some(Spoil::NotJson) => instead(b"upstream said something else\n"),
        Some(Spoil::WrongShape) => instead(br#"{"surprise":[1,2,3]}"#),
    }
}

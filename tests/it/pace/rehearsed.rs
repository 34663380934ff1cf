//! One job against the emulator, in-process.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedrock_emulator::InProcess;
use promptmill::family::{Family, Parameters};
use promptmill::model::{Category, Fault, FinishReason, Model, ParsedReply, Reply, Request, Usage};
use promptmill::model::{Message, Prompt, Role};
use promptmill::run::{
    CompletedRow, Event, FirstAlone, Identity, Limits, ReadyRow, RequestsPerMinute, RetryPolicy,
    Row, Settings, Sharing, StopRequest, Store, TokenLimits,
};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::scenario::Job;

/// What a job came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outcome {
    pub(super) makespan_s: f64,
    pub(super) attempts: u64,
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Attempts that were refused for now.
    pub(super) refused: u64,
    /// When each answer came, in seconds since the start.
    pub(super) landed_s: Vec<f64>,
    /// The latency of all answers together.
    pub(super) latency_s: f64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    /// By how much a call came sooner than the service had asked for, at worst.
    pub(super) too_soon_s: f64,
}

/// The emulator as the loop sees it.
struct Rehearsed {
    service: Arc<InProcess>,
    model_id: String,
    asked: Mutex<Asked>,
}

/// What counts of an answer: the scenarios are many rows, and the families have tests of their own.
#[derive(Deserialize)]
struct Answer {
    usage: Counted,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    input_tokens: u64,
    output_tokens: u64,
}

/// Until when the service wants to be left alone, and by how much that was undercut.
#[derive(Default)]
struct Asked {
    until: Option<Instant>,
    too_soon: Duration,
}

impl Model for Rehearsed {
    async fn invoke(&self, call: &Request) -> Result<Reply, Fault> {
        self.note_start();
        let answer = self.service.invoke(&self.model_id, &call.body).await;
        let answer = answer.map_err(|end| Fault::local(Category::Network, end.to_string()))?;
        if answer.status != 200 {
            self.note_ask(answer.retry_after);
            return Err(Fault::from_response(
                answer.code.as_deref(),
                answer.status,
                &answer.message().unwrap_or_default(),
                answer.retry_after,
                None,
            ));
        }
        let answer_body: Answer = serde_json::from_slice(&answer.body).unwrap();
        let usage = answer_body.usage;
        Ok(Reply {
            parsed: ParsedReply {
                finish_reason: FinishReason::Stop,
                usage: Usage {
                    input_tokens: Some(usage.input_tokens),
                    output_tokens: Some(usage.output_tokens),
                    ..Usage::default()
                },
                ..ParsedReply::default()
            },
            raw: answer.body,
            ..Reply::default()
        })
    }

    async fn invoke_together(&self, _: &[&Request]) -> Result<Vec<Reply>, Fault> {
        unreachable!("every row has a call of its own here")
    }
}

impl Rehearsed {
    fn note_start(&self) {
        let mut asked = self.asked.lock().unwrap();
        let early = asked
            .until
            .map_or(Duration::ZERO, |until| until - Instant::now().min(until));
        asked.too_soon = asked.too_soon.max(early);
    }

    fn note_ask(&self, ask: Option<Duration>) {
        if let Some(ask) = ask {
            self.asked.lock().unwrap().until = Some(Instant::now() + ask);
        }
    }
}

struct Nowhere;

impl Store for Nowhere {
    type Error = Infallible;

    fn commit(&mut self, _: &[CompletedRow]) -> Result<(), Infallible> {
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn rescue(&mut self, _: &[CompletedRow]) -> Option<promptmill::run::Rescued> {
        None
    }
}

/// Runs `job` to its end.
pub(super) async fn run(job: Job, service: Arc<InProcess>, start: Instant) -> Outcome {
    let model = Arc::new(Rehearsed {
        service,
        model_id: job.model.clone(),
        asked: Mutex::default(),
    });
    let body = body(&job);
    let rows = (1..=job.rows).map(|row| Ok::<_, Infallible>(Row::Ready(work(&job, &body, row))));
    let mut outcome = Outcome::default();
    let (_ask, asked) = watch::channel(StopRequest::Run);
    let tell = |event: &Event<'_>| note(event, start, &mut outcome);
    let (settings, mut nowhere) = (settings(&job), Nowhere);
    let stop = promptmill::run::run(
        Arc::clone(&model),
        rows,
        &mut nowhere,
        settings,
        asked,
        tell,
    );
    let stop = stop.await;
    assert!(stop.is_none(), "stopped: {stop:?}");
    outcome.makespan_s = start.elapsed().as_secs_f64();
    outcome.too_soon_s = model.asked.lock().unwrap().too_soon.as_secs_f64();
    outcome
}

fn note(event: &Event<'_>, start: Instant, outcome: &mut Outcome) {
    match event {
        Event::Sent { .. } => outcome.attempts += 1,
        Event::Retry { fault, .. } => {
            outcome.refused += u64::from(fault.category == Category::Throttled);
        }
        Event::Completed(ended) => note_end(ended, start, outcome),
        Event::Left { .. }
        | Event::Reasked { .. }
        | Event::Uncorrected { .. }
        | Event::Abandoned
        | Event::Unattributed { .. }
        | Event::Over(_)
        | Event::CannotWrite(_)
        | Event::Stops(_)
        | Event::Waits(..)
        | Event::Tick => {}
    }
}

fn note_end(ended: &CompletedRow, start: Instant, outcome: &mut Outcome) {
    match &ended.outcome {
        promptmill::run::Outcome::Replied(reply) => {
            let usage = reply.parsed.usage;
            outcome.answered += 1;
            outcome
                .landed_s
                .push((ended.completed_at - start).as_secs_f64());
            outcome.latency_s += ended.latency.as_secs_f64();
            outcome.input_tokens += usage.input_tokens.unwrap();
            outcome.output_tokens += usage.output_tokens.unwrap();
        }
        promptmill::run::Outcome::Failed(_) => outcome.failed += 1,
    }
}

/// What stands in a body where each row has its number.
const NUMBER: &str = "NUMBER";

/// The body of every row, but for the number in it.
fn body(job: &Job) -> String {
    let prompt = Prompt {
        system: None,
        system_written: None,
        messages: vec![Message {
            role: Role::User,
            text: NUMBER.into(),
            images: Vec::new(),
            written: None,
        }],
    };
    let parameters = Parameters {
        max_tokens: Some(job.max_tokens),
        ..Parameters::default()
    };
    Family::Nova.body(&prompt, &parameters, None).to_string()
}

/// A prompt of the job's length, like no other.
fn work(job: &Job, body: &str, row: u64) -> ReadyRow {
    let text = format!("{row:0>width$}", width = job.prompt_bytes);
    ReadyRow {
        identity: Identity {
            row,
            ..Identity::default()
        },
        request: Request {
            body: body.replace(NUMBER, &text).into(),
            max_tokens: Some(job.max_tokens),
            ..Request::default()
        },
    }
}

fn settings(job: &Job) -> Settings {
    let requests = job.requests_per_minute.and_then(NonZeroU32::new);
    Settings {
        duplicates: promptmill::run::Duplicates::default(),
        steering: promptmill::run::Steering::none(),
        earlier: promptmill::run::EarlierUse::default(),
        concurrency: job.concurrency,
        sharing: Sharing::NONE,
        requests_per_minute: requests.map(RequestsPerMinute),
        tokens: TokenLimits {
            per_minute: job.tokens_per_minute,
            per_day: None,
            burndown: job.burndown,
            default_max_tokens: 1000,
        },
        limits: Limits::default(),
        retry: RetryPolicy {
            max_attempts: 6,
            throttle_wait: Duration::from_secs(900),
        },
        succeeded_before: false,
        first_alone: FirstAlone::No,
        first_timeout: Duration::from_secs(900),
        reasks: None,
        attempt_timeout: Duration::from_secs(900),
        drain: Duration::from_secs(25),
        tick: Duration::from_secs(5),
        seed: 7,
    }
}

//! The loop in paused time: a script for the service on one side, what happened on the other.

mod disk;
mod ends;
mod pace;
mod patience;
mod reasks;
mod retries;
mod sharing;
mod steering;
mod stops;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{
    CompletedRow, EarlierUse, Event, FirstAlone, Identity, Limits, Outcome, ReadyRow,
    RequestsPerMinute, Rescued, RetryPolicy, Row, Settings, Sharing, Signal, Steering, StopRequest,
    Store, TokenLimits, run,
};
use crate::model::fault::Verdict;
use crate::model::{
    Category, Fault, FinishReason, Model, ParsedReply, Reply, Request, SchemaCheck, SchemaError,
    Usage,
};

/// What the scripted service does with one call.
#[derive(Clone)]
enum Act {
    Answer,
    /// A response that breaks the schema.
    Invalid,
    AnswerAfter(Duration),
    /// A stream that says nothing for so long, and is aborted after [`IDLE`] unless the call has more time.
    SilentFor(Duration),
    Refuse(Fault),
    Hang,
    Panic,
}

/// How long a stream may say nothing.
const IDLE: Duration = Duration::from_secs(60);

/// A service that takes 100 ms a call and asks the script what to do with the nth call of a row.
struct Scripted<F> {
    script: F,
    /// A call of more rows has more tokens than there are in a minute.
    most_rows: usize,
    calls: Mutex<HashMap<u64, u32>>,
}

impl<F> Model for Scripted<F>
where
    F: Fn(u64, u32) -> Act + Send + Sync + 'static,
{
    async fn invoke(&self, call: &Request) -> Result<Reply, Fault> {
        let act = self.act(row(call));
        let is_invalid = matches!(act, Act::Invalid);
        if let Act::SilentFor(time) = act
            && call.silence.unwrap_or(IDLE) < time
        {
            return Err(fault(Category::Network));
        }
        play(act).await?;
        let mut reply = reply(row(call));
        reply.parsed.schema =
            is_invalid.then(|| SchemaCheck::Invalid(vec![SchemaError::of_all("enum", "another")]));
        Ok(reply)
    }

    /// What the script does with any of the rows happens to all of them.
    async fn invoke_together(&self, calls: &[&Request]) -> Result<Vec<Reply>, Fault> {
        if self.most_rows < calls.len() {
            return Err(fault(Category::Throttled));
        }
        let acts: Vec<Act> = calls.iter().map(|call| self.act(row(call))).collect();
        let act = acts.into_iter().find(|act| !matches!(act, Act::Answer));
        play(act.unwrap_or(Act::Answer)).await?;
        Ok(calls.iter().map(|call| reply(row(call))).collect())
    }
}

impl<F> Scripted<F>
where
    F: Fn(u64, u32) -> Act,
{
    fn new(script: F, most_rows: usize) -> Self {
        Self {
            script,
            most_rows,
            calls: Mutex::default(),
        }
    }

    fn act(&self, row: u64) -> Act {
        let mut calls = self.calls.lock().unwrap();
        let nth = calls.entry(row).or_default();
        *nth += 1;
        (self.script)(row, *nth)
    }
}

fn row(call: &Request) -> u64 {
    String::from_utf8_lossy(&call.body).parse().unwrap()
}

async fn play(act: Act) -> Result<(), Fault> {
    match act {
        Act::Answer | Act::Invalid => sleep(Duration::from_millis(100)).await,
        Act::AnswerAfter(time) | Act::SilentFor(time) => sleep(time).await,
        Act::Refuse(fault) => {
            sleep(Duration::from_millis(1)).await;
            return Err(fault);
        }
        Act::Hang => std::future::pending().await,
        Act::Panic => panic!("the model is broken"),
    }
    Ok(())
}

fn reply(row: u64) -> Reply {
    Reply {
        parsed: ParsedReply {
            completion: Some(format!("answer {row}")),
            finish_reason: FinishReason::Stop,
            usage: Usage {
                input_tokens: Some(1),
                output_tokens: Some(1),
                ..Usage::default()
            },
            ..ParsedReply::default()
        },
        cost_usd: Some(1.0),
        ..Reply::default()
    }
}

/// A store whose first commits fail, which has room for this many rows, and takes its time.
struct Memory {
    refusals: u32,
    refuses_copies: bool,
    room: usize,
    takes: Duration,
    kept: Vec<u64>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            refusals: 0,
            refuses_copies: false,
            room: usize::MAX,
            takes: Duration::ZERO,
            kept: Vec::new(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no space left on device")]
struct Full;

impl Store for Memory {
    type Error = Full;

    fn commit(&mut self, ended: &[CompletedRow]) -> Result<(), Full> {
        // The clock goes on at the first poll.
        let passes = pin!(tokio::time::advance(self.takes));
        let _ = passes.poll(&mut Context::from_waker(Waker::noop()));
        if 0 < self.refusals {
            self.refusals -= 1;
            return Err(Full);
        }
        let copies = ended.iter().filter(|ended| ended.copied_from.is_some());
        if self.refuses_copies && 0 < copies.count() {
            return Err(Full);
        }
        self.kept
            .extend(ended.iter().map(|ended| ended.identity.row));
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), Full> {
        if self.kept.len() < self.room {
            return Ok(());
        }
        Err(Full)
    }

    fn rescue(&mut self, _: &[CompletedRow]) -> Option<Rescued> {
        None
    }
}

fn settings() -> Settings {
    Settings {
        steering: Steering::none(),
        concurrency: 2,
        sharing: Sharing::NONE,
        duplicates: crate::run::Duplicates::default(),
        // Known and out of the way: what is learned has scenes of its own.
        requests_per_minute: NonZeroU32::new(600_000).map(RequestsPerMinute),
        tokens: TokenLimits {
            per_minute: None,
            per_day: None,
            burndown: 1.0,
            default_max_tokens: 1000,
        },
        earlier: EarlierUse::default(),
        limits: Limits::default(),
        retry: RetryPolicy {
            max_attempts: 3,
            throttle_wait: Duration::from_secs(900),
        },
        succeeded_before: false,
        first_alone: FirstAlone::No,
        first_timeout: Duration::from_secs(600),
        reasks: None,
        attempt_timeout: Duration::from_secs(60),
        drain: Duration::from_secs(25),
        tick: Duration::from_secs(3600),
        seed: 7,
    }
}

fn ready(row: u64) -> Row {
    Row::Ready(ReadyRow {
        identity: Identity {
            row,
            custom_id: Some(row.to_string()),
            ..Identity::default()
        },
        request: Request {
            body: row.to_string().into(),
            ..Request::default()
        },
    })
}

fn fault(category: Category) -> Fault {
    Fault::local(category, "said the service")
}

/// One run, described.
struct Scene {
    rows: Vec<Row>,
    /// Whether the input breaks off behind them.
    breaks_off: bool,
    settings: Settings,
    store: Memory,
    asks: Vec<(u64, Signal)>,
    most_rows: usize,
}

impl Scene {
    fn of(rows: u64) -> Self {
        Self {
            rows: (1..=rows).map(ready).collect(),
            breaks_off: false,
            settings: settings(),
            store: Memory::default(),
            asks: Vec::new(),
            most_rows: usize::MAX,
        }
    }

    /// Plays the scene and tells it, one event a line, with milliseconds since the start.
    async fn play<F>(mut self, script: F) -> String
    where
        F: Fn(u64, u32) -> Act + Send + Sync + 'static,
    {
        let start = Instant::now();
        let mut story = Vec::new();
        let model = Arc::new(Scripted::new(script, self.most_rows));
        let end = self.breaks_off.then_some(Err(Full));
        let rows = self.rows.into_iter().map(Ok).chain(end);
        let (ask, asked) = watch::channel(StopRequest::Run);
        let asks = self.asks;
        tokio::spawn(async move {
            for (at, what) in asks {
                tokio::time::sleep_until(start + Duration::from_millis(at)).await;
                ask.send_modify(|asked| *asked = asked.and(what));
            }
            std::future::pending::<()>().await;
        });
        let stop = run(
            model,
            rows,
            &mut self.store,
            self.settings,
            asked,
            |event| {
                if let Some(line) = tell(event) {
                    story.push(format!("{:>5} {line}", start.elapsed().as_millis()));
                }
            },
        )
        .await;
        story.push(format!(
            "{:>5} over: {}",
            start.elapsed().as_millis(),
            how(stop.as_ref())
        ));
        story.join("\n")
    }
}

fn how(stop: Option<&super::Stop>) -> String {
    match stop {
        None => "every row ended".into(),
        Some(super::Stop::Fault(fault)) => format!("stopped by {}", fault.category.as_str()),
        Some(super::Stop::AllInvalid(_)) => "stopped, all invalid".into(),
        Some(super::Stop::CannotWrite { why, rows, .. }) => {
            format!("stopped, {} lost: {why}", rows.len())
        }
        Some(other) => format!("stopped, {other}").to_lowercase(),
    }
}

fn tell(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Sent { identity, .. } => format!("sent {}", identity.row),
        Event::Retry {
            identity,
            fault,
            after,
        } => {
            format!(
                "{} {}, again in {} ms",
                identity.row,
                fault.category.as_str(),
                after.as_millis()
            )
        }
        Event::Reasked { identity } => format!("{} is to be corrected", identity.row),
        Event::Uncorrected { identity } => format!("{} is not corrected", identity.row),
        Event::Completed(ended) => {
            let row = ended.identity.row;
            match &ended.outcome {
                Outcome::Replied(reply) => {
                    let sent = ended.copied_from.clone().unwrap_or(row.to_string());
                    let own = format!("answer {sent}");
                    assert_eq!(reply.parsed.completion, Some(own), "another row's");
                    format!(
                        "{row} answered after {} attempts{}",
                        ended.attempts,
                        corrected(reply)
                    )
                }
                Outcome::Failed(fault) => {
                    let paid = fault.invalid.as_deref();
                    format!(
                        "{row} failed, {}, after {} attempts{}",
                        fault.category.as_str(),
                        ended.attempts,
                        paid.map(corrected).unwrap_or_default()
                    )
                }
            }
        }
        Event::Left { identity } => format!("{} left", identity.row),
        Event::Abandoned => "abandoned".into(),
        Event::Unattributed { unattributed_usd } => {
            format!("${unattributed_usd:.2} are in no line")
        }
        Event::CannotWrite(error) => format!("cannot write: {error}"),
        Event::Stops(stop) => format!("stops: {}", how(Some(stop))),
        Event::Waits(why, _) => format!("waits for {}", why.as_str()),
        Event::Over(_) | Event::Tick => return None,
    })
}

/// What a row took whose response was invalid at some time.
fn corrected(reply: &Reply) -> String {
    let is_invalid = reply.parsed.schema.is_some();
    let reasks = match reply.reasks {
        0 if !is_invalid => return String::new(),
        0 => String::new(),
        number => format!(", corrected {number} times"),
    };
    let tokens = reply.parsed.usage.output_tokens.unwrap_or(0);
    format!(
        "{reasks}, {tokens} tokens, ${}",
        reply.cost_usd.unwrap_or(0.0)
    )
}

#[track_caller]
fn check(story: &str, expected: &str) {
    let trim = |text: &str| {
        text.trim()
            .lines()
            .map(str::trim)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(trim(story), trim(expected), "\n{story}");
}

#[tokio::test(start_paused = true)]
async fn rows_run_two_at_a_time_and_the_last_responses_are_waited_for() {
    let story = Scene::of(3).play(|_, _| Act::Answer).await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         100 1 answered after 1 attempts
         100 2 answered after 1 attempts
         100 sent 3
         100 waits for last responses
         200 3 answered after 1 attempts
         200 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_call_goes_alone_where_it_fills_a_cache_for_the_others() {
    let mut scene = Scene::of(3);
    scene.settings.concurrency = 3;
    scene.settings.first_alone = FirstAlone::ForCache;
    let story = scene.play(|_, _| Act::Answer).await;
    check(
        &story,
        "0 sent 1
         0 waits for first response, which fills the prompt cache
         100 sent 2
         100 sent 3
         100 1 answered after 1 attempts
         100 waits for last responses
         200 2 answered after 1 attempts
         200 3 answered after 1 attempts
         200 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn no_minute_holds_more_calls_than_the_quota() {
    let mut scene = Scene::of(25);
    scene.settings.requests_per_minute = NonZeroU32::new(10).map(RequestsPerMinute);
    let story = scene.play(|_, _| Act::Answer).await;
    let sent: Vec<u64> = story
        .lines()
        .filter_map(|line| line.split_once(" sent ")?.0.trim().parse().ok())
        .collect();
    assert_eq!(sent.len(), 25);
    for window in sent.windows(11) {
        // A second more, by which the service may have counted the first one later.
        assert!(61_000 <= window[10] - window[0], "{sent:?}");
    }
    assert!(sent[24] <= 24 * 6_100 + 10, "the quota is used: {sent:?}");
    assert!(story.contains("waits for requests per minute"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_sent_fails_without_a_call() {
    let mut scene = Scene::of(2);
    let identity = Identity {
        row: 3,
        ..Identity::default()
    };
    scene
        .rows
        .push(Row::Rejected(identity, fault(Category::BadInputRow)));
    let story = scene.play(|_, _| Act::Answer).await;
    assert!(
        story.contains("3 failed, bad_input_row, after 0 attempts"),
        "{story}"
    );
    assert!(!story.contains("sent 3"), "{story}");
}

//! `promptmill run`: from a job to its exit code.

mod conclusion;
mod opening;
mod options;
mod verdict;

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::block_in_place;
use tokio::time::Instant;

use super::auto_quota::{self, Quotas};
use super::day::Day;
use super::emulated::Responder;
use super::failure::Failure;
use super::resume::Typed;
use super::signals::Signals;
use super::{connect, flags, print, resolve_arn, resume, signals, words};
use crate::bedrock::Bedrock;
use crate::exit::Exit;
use crate::input::Input;
use crate::job::{Endpoint, JobFile, Plan};
use crate::output::{Claim, InFlight, Manner, OutputPaths};
use crate::report::display::{Display, ReadingProgress};
use crate::report::progress::Progress;
use crate::report::summary::Context;
use crate::rows::RowMaker;
use crate::rows::preflight::{Changed, Preflight, limit_of, survey};
use crate::run::{Limits, Settings, Signal};
use bedrock_emulator::Scenario;
use options::RunOptions;

pub(super) use options::{changed, existing, locks, style};
pub(super) use verdict::stopped;

/// Runs a job.
///
/// The loop is a task like the calls it starts: on a thread of its own it would have to be woken for
/// every answer, and wake another for every call.
pub(super) fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let runtime = connect::runtime()?;
    let matches = matches.clone();
    let ended = runtime.block_on(async {
        let signals = signals::listen()
            .map_err(|error| Failure::usage(format!("cannot listen for signals: {error}")))?;
        let asked = signals.asked.clone();
        let (begin, begins) = oneshot::channel();
        let run =
            tokio::spawn(async move { prepare_and_carry_out(&matches, signals, begin).await });
        tokio::select! {
            ended = run => ended.unwrap_or_else(|panicked| resume_unwind(panicked.into_panic())),
            signal = signals::too_soon(asked, begins) => Err(stopped_too_soon(signal)),
        }
    });
    // What was still being read is not waited for.
    runtime.shutdown_background();
    ended
}

/// Why a run that had not begun ended.
fn stopped_too_soon(signal: Signal) -> Failure {
    let (exit, by) = match signal {
        Signal::Interrupt => (Exit::Interrupted, "Ctrl-C"),
        Signal::Terminate => (Exit::Stopped, "SIGTERM"),
        Signal::HangUp => (Exit::Stopped, "SIGHUP"),
    };
    print::below_the_bar();
    Failure::new(
        exit,
        format!("stopped by {by} before any call; the same command begins again"),
    )
}

async fn prepare_and_carry_out(
    matches: &ArgMatches,
    signals: Signals,
    begin: oneshot::Sender<()>,
) -> Result<Exit, Failure> {
    let asked = RunOptions::of(matches)?;
    let mut job = JobFile::load(asked.job_file.as_deref(), flags::table(matches)?)?;
    let day = Day::of(matches);
    day.warn(asked.style, &job);
    let today = day.date;
    let hidden = resolve_arn::settle(&mut job, today).await;
    let variable = |name: &str| std::env::var(name).ok();
    let pinned = job.pinned(today, variable);
    let plan = Plan::new(job, asked.job_file.as_deref(), today, variable)?;
    let input = block_in_place(|| Input::open(&plan.input, &plan.reading))?;
    let scenario = scenario(&plan.endpoint)?;
    let paths = OutputPaths::new(&plan.output);
    refuse_output_over_input(&input, &paths)?;
    let maker = RowMaker::new(&plan, &input)
        .map_err(|error| resolve_arn::explain(error, hidden.as_deref()))?;
    let claim = asked.stake(&paths, plan.mode).await?;
    if !claim.past.is_empty() {
        let who = Responder::answers(&plan).await.asked().await;
        if let Some(refusal) = who.refusal(&claim.past.tally, &plan.output) {
            return Err(Failure::usage(refusal));
        }
    }
    let survey = {
        let mut reading = ReadingProgress::new(asked.style, &plan.input, Instant::now());
        block_in_place(|| {
            survey(&maker, &input, &claim.past, asked.limit, |_, _| {
                reading.saw_a_row(Instant::now());
            })
        })?
    };
    let words = words::normalized(&super::command(), std::env::args_os());
    let typed = Typed::new(words.into_iter(), super::run_command(), pinned);
    let gone = survey.gone(&claim.past);
    let context = context(&typed, &plan, &maker, &paths, &survey, gone);
    if let Some(refusal) = survey.refusals(&plan, asked.changed).into_iter().next() {
        return Err(Failure::usage(refusal));
    }
    let changed: &[u64] = match asked.changed {
        Changed::Refused => &[],
        Changed::Redone => &survey.changed_keys,
    };
    let kept = match asked.limit {
        None => Kept {
            rows: gone,
            failures: survey.gone_failures(&claim.past),
        },
        // The rest of the input was not looked at, and may have them.
        Some(_) => Kept::default(),
    };
    let job = Job {
        asked,
        answered_before: 0 < survey.answered,
        is_done: survey.ended == survey.rows && changed.is_empty(),
        redo: [changed, survey.outdated.as_slice()].concat(),
        kept,
        scenario,
        plan: &plan,
        input,
        maker: &maker,
        context,
        typed,
        hidden,
        region: None,
    };
    job.say_opening(&claim, &survey);
    job.carry_out(claim, signals, begin).await
}

pub(super) fn scenario(endpoint: &Endpoint) -> Result<Option<Scenario>, Failure> {
    match endpoint {
        Endpoint::Emulator { scenario } => connect::scenario(scenario.as_deref()).map(Some),
        Endpoint::Aws | Endpoint::Url(_) => Ok(None),
    }
}

pub(super) fn refuse_output_over_input(input: &Input, paths: &OutputPaths) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    let Some(read) = input.path().and_then(real) else {
        return Ok(());
    };
    for written in [&paths.answered, &paths.failed, &paths.run] {
        if real(written).as_ref() == Some(&read) {
            let message = format!(
                "the output {} is the input: choose another --output",
                written.display()
            );
            return Err(Failure::usage(message));
        }
    }
    Ok(())
}

fn context(
    typed: &Typed,
    plan: &Plan,
    maker: &RowMaker<'_>,
    paths: &OutputPaths,
    survey: &Preflight,
    gone: u64,
) -> Context {
    let command = typed.again();
    Context {
        name: plan.name.clone(),
        model: plan.model.as_str().to_owned(),
        rows: survey.rows + gone,
        emulated: matches!(plan.endpoint, Endpoint::Emulator { .. }),
        named_ids: survey.named_ids,
        fingerprint: plan.fingerprint(),
        max_tokens: plan.longest_answer().filter(|_| !maker.sends_bodies()),
        thought: plan.parameters.thought(),
        max_cost_usd: plan.limits.max_cost_usd,
        // They are settled once there are credentials to ask Service Quotas with.
        requests_per_minute: None,
        tokens_per_minute: None,
        started_at: Timestamp::now(),
        paths: paths.clone(),
        mode: plan.mode,
        retry_failed: resume::with(&command, "--retry-failed"),
        resume: command,
    }
}

/// What the output keeps of rows that the input no longer has.
#[derive(Default)]
struct Kept {
    rows: u64,
    failures: u64,
}

/// A job that is ready to run.
struct Job<'a> {
    asked: RunOptions,
    /// Whether every row has ended and none runs again.
    is_done: bool,
    /// Keys in the output whose lines are put aside: of rows that have changed or were mended.
    redo: Vec<u64>,
    /// Whether a row was answered as it would be sent now.
    answered_before: bool,
    kept: Kept,
    /// What the embedded emulator plays, where it answers.
    scenario: Option<Scenario>,
    plan: &'a Plan,
    input: Input,
    maker: &'a RowMaker<'a>,
    context: Context,
    /// The command line, which goes on where this run ends.
    typed: Typed,
    /// Why it is not known which model stands behind the job's ARN.
    hidden: Option<String>,
    /// The region that is called, once it is known.
    region: Option<String>,
}

impl Job<'_> {
    async fn carry_out(
        mut self,
        mut claim: Claim,
        signals: Signals,
        begin: oneshot::Sender<()>,
    ) -> Result<Exit, Failure> {
        if self.is_done {
            self.put_aside(&mut claim)?;
            let progress = Progress::new(&claim.past, Instant::now());
            return self.conclude(None, &progress);
        }
        let access = connect::access(self.plan, self.scenario.as_ref()).await?;
        let target = connect::target(self.plan, self.maker.sends_bodies());
        let model = Arc::new(Bedrock::connect(access.clone(), target).await?);
        self.region = Some(model.region().await?);
        self.say_region();
        let quotas = auto_quota::settle(self.plan, &access).await;
        self.say_quotas(&quotas);
        let requests = quotas.requests_per_minute;
        self.context.requests_per_minute = requests.map(|limit| limit.0.get().into());
        self.context.tokens_per_minute = quotas.tokens.per_minute;
        self.put_aside(&mut claim)?;
        let manner = self.manner(self.context.rows.saturating_sub(claim.past.len()));
        let (mut ledger, past) = claim.begin(manner)?;
        let start = Instant::now();
        let mut progress = Progress::new(&past, start);
        let drain = self.asked.drain;
        let mut display = Display::new(self.asked.style, self.context.rows, drain, start)
            .of_job(&self.context.name, self.context.max_cost_usd)
            .showing_when(signals.status);
        let rows = self
            .maker
            .rows_after(&past, &self.input)?
            .take(limit_of(self.asked.limit));
        let settings = self.settings(display.tick(), past.tally.charge_usd(), &quotas);
        // From here on a signal is the loop's to see.
        let _ = begin.send(());
        let stop = crate::run::run(model, rows, &mut ledger, settings, signals.asked, |event| {
            let now = Instant::now();
            progress.take(event, now);
            display.show(event, &mut progress, now);
        })
        .await;
        display.close();
        if let Some(left) = ledger.left_of_it() {
            progress.output_holds(left);
        }
        // The run file may need the room.
        ledger.release();
        self.conclude(stop, &progress)
    }

    fn put_aside(&self, claim: &mut Claim) -> Result<(), Failure> {
        for aside in claim.put_aside(&self.redo)? {
            self.say(&format!("earlier output is kept in {}", aside.display()));
        }
        Ok(())
    }

    fn settings(&self, tick: Duration, spent_usd: f64, quotas: &Quotas) -> Settings {
        Settings {
            concurrency: self.plan.concurrency,
            sharing: self.maker.sharing(quotas.tokens.per_minute),
            requests_per_minute: quotas.requests_per_minute,
            tokens: quotas.tokens,
            limits: Limits {
                spent_usd,
                ..self.plan.limits
            },
            retry: self.plan.retry,
            answered_before: self.answered_before,
            first_alone: self.plan.shares_prefix(),
            attempt_timeout: self.plan.attempt_timeout,
            drain: self.asked.drain,
            tick,
            seed: u64::from(std::process::id()),
        }
    }

    /// How lines are kept where `left` rows are to come.
    fn manner(&self, left: u64) -> Manner {
        let plan = self.plan;
        let shared = plan.concurrency.saturating_mul(self.maker.rows_per_call());
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        Manner {
            model: plan.model.as_str().to_owned(),
            keep_raw: plan.keep_raw,
            service_tier: plan.terms.tier.unwrap_or_default().as_str(),
            latency_mode: plan.terms.latency.clone(),
            reasoning: plan.reasoning,
            own_body: self.maker.sends_bodies(),
            emulated: self.context.emulated,
            durability: plan.durability,
            in_flight: InFlight {
                calls: plan.concurrency,
                rows: shared.min(left).max(plan.concurrency),
            },
            max_tokens: plan.longest_answer(),
        }
    }
}

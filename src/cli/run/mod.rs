//! `promptmill run`: from a job to its exit code.

mod conclusion;
mod opening;
mod options;
mod verdict;

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
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
use crate::event;
use crate::exit::{Exit, Reason};
use crate::input::Input;
use crate::job::{Endpoint, JobFile, Plan};
use crate::output::{
    Claim, InFlight, LastRun, Manner, OnlyRun, OutputPaths, Place, killed, last_run, old_lines,
};
use crate::report::display::{Display, ReadingProgress};
use crate::report::progress::Progress;
use crate::report::summary::{Context, Updates};
use crate::rows::RowMaker;
use crate::rows::forecast::Gathered;
use crate::rows::preflight::{Preflight, limit_of, survey};
use crate::rows::{Only, Redo};
use crate::run::{Limits, Settings, Signal};
use bedrock_emulator::Scenario;
use options::RunOptions;

pub(super) use options::{changed, existing, locks, max_redo, only, style};
pub(super) use verdict::stopped;

/// Runs a job.
///
/// The loop is a task like the calls it starts: on a thread of its own it would have to be woken for
/// every answer, and wake another for every call.
pub(super) fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let runtime = connect::runtime()?;
    let matches = matches.clone();
    let place = Arc::new(Place::default());
    let ended = runtime.block_on(async {
        let signals = signals::listen()
            .map_err(|error| Failure::usage(format!("cannot listen for signals: {error}")))?;
        let asked = signals.asked.clone();
        let (begin, begins) = oneshot::channel();
        let its_place = Arc::clone(&place);
        let mut run = tokio::spawn(async move {
            prepare_and_carry_out(&matches, signals, begin, &its_place).await
        });
        tokio::select! {
            ended = &mut run => ended.unwrap_or_else(|panicked| {
                place.failed(Exit::Bug, Reason::Bug, "a bug in promptmill");
                resume_unwind(panicked.into_panic())
            }),
            signal = signals::too_soon(asked, begins) => {
                run.abort();
                Err(stopped_too_soon(signal))
            }
        }
    });
    if let Err(failure) = &ended {
        place.failed(failure.exit, failure.reason, &failure.to_string());
    }
    // What was still being read is not waited for.
    runtime.shutdown_background();
    ended
}

/// Why a run that had not begun ended.
fn stopped_too_soon(signal: Signal) -> Failure {
    let (exit, reason, by) = match signal {
        Signal::Interrupt => (Exit::Interrupted, Reason::Interrupted, "Ctrl-C"),
        Signal::Terminate => (Exit::Stopped, Reason::Terminated, "SIGTERM"),
        Signal::HangUp => (Exit::Stopped, Reason::HungUp, "SIGHUP"),
    };
    print::below_the_bar();
    Failure::new(
        exit,
        format!("stopped by {by} before any call; the same command starts again"),
    )
    .because(reason)
}

async fn prepare_and_carry_out(
    matches: &ArgMatches,
    signals: Signals,
    begin: oneshot::Sender<()>,
    place: &Place,
) -> Result<Exit, Failure> {
    let day = Day::of(matches);
    let today = day.date;
    let variable = |name: &str| std::env::var(name).ok();
    let is_at = |output: Option<PathBuf>| {
        if let Some(output) = output {
            place.is_at(&OutputPaths::new(&output));
        }
    };
    is_at(flags::output_path(matches, today, variable));
    let asked = RunOptions::of(matches)?;
    let mut job = JobFile::load(asked.job_file.as_deref(), flags::table(matches)?)?;
    is_at(job.output_path(today, variable));
    if let Some(name) = &job.name {
        event::name_job(name);
    }
    day.warn(asked.style, &job);
    let hidden = resolve_arn::settle(&mut job, today).await;
    let pinned = job.pinned(today, variable);
    let plan = Plan::new(job, asked.job_file.as_deref(), today, variable)?;
    event::name_job(&plan.name);
    let input = block_in_place(|| Input::open(&plan.input, &plan.reading))?;
    let scenario = scenario(&plan.endpoint)?;
    let paths = OutputPaths::new(&plan.output);
    refuse_output_over_input(&input, &paths)?;
    let maker = RowMaker::new(&plan, &input)
        .map_err(|error| resolve_arn::explain(error, hidden.as_deref()))?
        .only(options::only(asked.only.as_deref())?);
    let claim = asked.stake(&paths, plan.mode).await?;
    let words = words::normalized(&super::command(), std::env::args_os());
    let typed = Typed::new(words.into_iter(), super::run_command(), pinned);
    if let Some(killed) = killed(&paths.run) {
        asked.say(&killed);
    }
    let last = last_run(&paths);
    place.starts(&plan.name, &typed.again(), plan.mode);
    if !claim.past.is_empty() {
        let who = Responder::answers(&plan).await.asked().await;
        if let Some(refusal) = who.refusal(&claim.past.tally, &plan.output) {
            return Err(Failure::usage(refusal).because(Reason::Output));
        }
    }
    let mut redone = Gathered::of(&plan, &maker);
    let survey = {
        let mut reading = ReadingProgress::new(asked.style, &plan.input, Instant::now());
        block_in_place(|| {
            let limit = asked.limit;
            survey(&maker, &input, &claim.past, limit, |row, standing| {
                reading.saw_a_row(Instant::now());
                redone.take_again(row, standing);
            })
        })?
    };
    let redo = Redo {
        changed: asked.changed,
        max: asked.max_redo,
        completed: claim.past.len(),
        usd: redone.cost_usd(survey.bought_again(), &claim.past.lessons, &plan),
        paths: &paths,
        last: &last,
    };
    let gone = survey.gone(&claim.past, asked.changed);
    let mut context = context(&typed, &plan, &maker, &paths, &survey, gone);
    if let Some(refusal) = survey.refusals(&plan, &redo).into_iter().next() {
        return Err(Failure::usage(refusal.message).because(refusal.reason));
    }
    let mut again = survey.keys_to_redo(asked.changed);
    if let Some(only) = maker.selection() {
        let run = only_run(only, &last, context.started_at);
        again = unfinished(&paths, &survey.selected_keys, &run);
        context.only = Some(run);
    }
    let remarks = [
        survey.redo_remark(&redo),
        survey.selection_remark(again.len() as u64, redo.usd),
    ];
    let kept = match asked.limit {
        None => EarlierOnly {
            rows: gone,
            failures: survey.gone_failures(&claim.past),
        },
        // The rest of the input was not looked at, and may have them.
        Some(_) => EarlierOnly::default(),
    };
    let job = Job {
        asked,
        answered_before: 0 < survey.answered,
        is_done: survey.ended == survey.rows && again.is_empty(),
        redo: [again.as_slice(), survey.outdated.as_slice()].concat(),
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
    remarks
        .into_iter()
        .flatten()
        .for_each(|remark| job.say(&remark));
    job.carry_out(claim, signals, begin).await
}

/// The run of these ids: the same as the last one, where that did not complete.
fn only_run(only: &Only, last: &LastRun, now: Timestamp) -> OnlyRun {
    let ids = only.fingerprint();
    let same = last.only.clone().filter(|last| last.ids == ids);
    same.unwrap_or_else(|| OnlyRun {
        ids,
        since: now.to_string(),
    })
}

/// Those of the completed rows that did not complete since the run of their ids first started.
fn unfinished(paths: &OutputPaths, keys: &[u64], run: &OnlyRun) -> Vec<u64> {
    let Ok(since) = run.since.parse() else {
        return keys.to_vec();
    };
    let lines = old_lines(paths, keys).into_iter();
    let finished = lines.filter(|line| line.completed_since(since));
    let finished: HashSet<_> = finished.map(|line| line.key()).collect();
    let keys = keys.iter().copied();
    keys.filter(|key| !finished.contains(key)).collect()
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
        settings: plan.settings(),
        only: None,
        max_tokens: plan.longest_answer().filter(|_| !maker.sends_bodies()),
        thought: plan.parameters.thought(),
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
struct EarlierOnly {
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
    kept: EarlierOnly,
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
            .showing_when(signals.status);
        let rows = self
            .maker
            .rows_after(&past, &self.input)?
            .take(limit_of(self.asked.limit));
        let settings = self.settings(display.tick(), past.tally.charge_usd(), &quotas);
        // From here on a signal is the loop's to see.
        let _ = begin.send(());
        let mut updates = Updates::new(start);
        let context = &self.context;
        updates.tick(context, &progress, start);
        let stop = crate::run::run(model, rows, &mut ledger, settings, signals.asked, |event| {
            let now = Instant::now();
            progress.take(event, now);
            display.show(event, &mut progress, now);
            updates.tick(context, &progress, now);
        })
        .await;
        display.close(&mut progress, Instant::now());
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

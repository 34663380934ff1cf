//! `promptmill run`: from a job to its exit code.

mod asked;
mod opening;
mod verdict;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use jiff::{Timestamp, Zoned};
use tokio::time::Instant;

use super::auto_quota::{self, Quotas};
use super::failure::Failure;
use super::{behind, connect, emulate, flags, print, resume, signals};
use crate::emulator::Scenario;
use crate::exit::Exit;
use crate::input::Input;
use crate::job::rows::RowMaker;
use crate::job::survey::{Changed, Survey, identity, limit_of, survey};
use crate::job::{Endpoint, JobFile, PinnedPath, Plan};
use crate::model::bedrock::Bedrock;
use crate::output::display::{Display, Style};
use crate::output::summary::{Context, Ending, Summary};
use crate::output::tally::Progress;
use crate::output::{Claim, Manner, OutputPaths};
use crate::run::{Limits, Settings, Stop};
use asked::Asked;
use verdict::verdict;

pub(super) use asked::{changed, existing, locks};
pub(super) use verdict::stopped;

/// Runs a job.
///
/// The loop is a task like the calls it starts: on a thread of its own it would have to be woken for
/// every answer, and wake another for every call.
pub(super) fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start the runtime: {error}")))?;
    let matches = matches.clone();
    let run = runtime.spawn(async move { prepare_and_carry_out(&matches).await });
    match runtime.block_on(run) {
        Ok(ended) => ended,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

async fn prepare_and_carry_out(matches: &ArgMatches) -> Result<Exit, Failure> {
    let asked = Asked::of(matches)?;
    let mut job = JobFile::load(asked.job_file.as_deref(), flags::table(matches)?)?;
    let hidden = behind::settle(&mut job).await;
    let today = Zoned::now().date();
    let variable = |name: &str| std::env::var(name).ok();
    let pinned = job.pinned(today, variable);
    let plan = Plan::new(job, asked.job_file.as_deref(), today, variable)?;
    let input = Input::open(&plan.input, plan.format)?;
    let scenario = scenario(&plan.endpoint)?;
    let paths = OutputPaths::new(&plan.output);
    refuse_output_over_input(&input, &paths)?;
    let maker =
        RowMaker::new(&plan, &input).map_err(|error| behind::explain(error, hidden.as_deref()))?;
    let claim = asked.stake(&paths).await?;
    let survey = survey(&maker, &input, &claim.past, asked.limit)?;
    let context = context(&pinned, &plan, &maker, &paths, &survey, claim.past.len());
    if let Some(refusal) = survey.refusals(&plan, asked.changed).into_iter().next() {
        return Err(Failure::usage(refusal));
    }
    let redo = match asked.changed {
        Changed::Refused => Vec::new(),
        Changed::Redone => survey.changed_keys.clone(),
    };
    let job = Job {
        asked,
        redo,
        scenario,
        plan: &plan,
        input,
        maker: &maker,
        context,
        hidden,
    };
    job.say_opening(&claim, &survey);
    job.carry_out(claim).await
}

pub(super) fn scenario(endpoint: &Endpoint) -> Result<Option<Scenario>, Failure> {
    match endpoint {
        Endpoint::Emulator { scenario } => emulate::scenario(scenario.as_deref()).map(Some),
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
    pinned: &[PinnedPath],
    plan: &Plan,
    maker: &RowMaker<'_>,
    paths: &OutputPaths,
    survey: &Survey,
    ended: u64,
) -> Context {
    let verb = super::run_command();
    let command = resume::Typed::new(std::env::args_os(), &verb).again(pinned);
    Context {
        name: plan.name.clone(),
        model: plan.model.as_str().to_owned(),
        rows: survey.rows + (ended - survey.ended),
        emulated: matches!(plan.endpoint, Endpoint::Emulator { .. }),
        named_ids: survey.named_ids,
        fingerprint: plan.fingerprint(),
        max_tokens: plan.parameters.max_tokens.filter(|_| !maker.sends_bodies()),
        requests_per_minute: plan
            .requests_per_minute
            .map(|limit| u64::from(limit.0.get())),
        tokens_per_minute: plan.tokens.per_minute,
        started_at: Timestamp::now(),
        paths: paths.clone(),
        retry_failed: resume::with(&command, "--retry-failed"),
        resume: command,
    }
}

/// A job that is ready to run.
struct Job<'a> {
    asked: Asked,
    /// Keys of rows that have ended and run again, because they have changed.
    redo: Vec<u64>,
    /// What the embedded emulator plays, where it answers.
    scenario: Option<Scenario>,
    plan: &'a Plan,
    input: Input,
    maker: &'a RowMaker<'a>,
    context: Context,
    /// Why it is not known which model stands behind the job's ARN.
    hidden: Option<String>,
}

impl Job<'_> {
    async fn carry_out(self, claim: Claim) -> Result<Exit, Failure> {
        let mut progress = Progress::new(claim.past.tally.clone(), Instant::now());
        if claim.past.len() == self.context.rows && self.redo.is_empty() {
            return self.conclude(None, &progress);
        }
        let access = connect::access(self.plan, self.scenario.as_ref()).await?;
        let target = connect::target(self.plan, self.maker.sends_bodies());
        let model = Arc::new(Bedrock::connect(access.clone(), target).await?);
        let quotas = auto_quota::settle(self.plan, &access).await;
        self.say_quotas(&quotas);
        let signals = signals::listen()
            .map_err(|error| Failure::usage(format!("cannot listen for signals: {error}")))?;
        let (mut ledger, past, aside) = claim.begin(self.manner(), &self.redo)?;
        for aside in aside {
            self.say(&format!("earlier output is kept in {}", aside.display()));
        }
        let start = Instant::now();
        progress = Progress::new(past.tally.clone(), start);
        let drain = self.asked.drain;
        let mut display = Display::new(self.asked.style, self.context.rows, drain, start)
            .showing_when(signals.status);
        let rows = self
            .maker
            .rows(&self.input)?
            .take(limit_of(self.asked.limit))
            .filter(|row| {
                let who = row.as_ref().map(identity);
                who.map_or(true, |who| {
                    past.row(who.custom_id.as_deref(), who.row).is_none()
                })
            });
        let settings = self.settings(display.tick(), past.tally.cost_usd, &quotas);
        let outcome = crate::run::run(model, rows, &mut ledger, settings, signals.asked, |event| {
            let now = Instant::now();
            progress.take(event, now);
            display.show(event, &mut progress, now);
        })
        .await;
        display.close();
        // The run file may need the room.
        ledger.release();
        self.conclude(outcome?, &progress)
    }

    fn settings(&self, tick: Duration, spent_usd: f64, quotas: &Quotas) -> Settings {
        Settings {
            concurrency: self.plan.concurrency,
            requests_per_minute: quotas.requests_per_minute,
            tokens: quotas.tokens,
            limits: Limits {
                spent_usd,
                ..self.plan.limits
            },
            retry: self.plan.retry,
            first_alone: self.plan.shares_prefix(),
            attempt_timeout: self.plan.attempt_timeout,
            drain: self.asked.drain,
            tick,
            seed: u64::from(std::process::id()),
        }
    }

    fn manner(&self) -> Manner {
        let plan = self.plan;
        Manner {
            model: plan.model.as_str().to_owned(),
            keep_raw: plan.keep_raw,
            durability: plan.durability,
            calls: plan.concurrency,
            max_tokens: plan.parameters.max_tokens,
        }
    }

    /// Prints the summary, writes it down, and finds the exit code.
    fn conclude(&self, stop: Option<Stop>, progress: &Progress) -> Result<Exit, Failure> {
        let ending = self.ending(stop.as_ref(), progress);
        let summary = Summary::new(&self.context, &ending, progress, Instant::now());
        let written = summary.write();
        let mut printed = Ok(());
        if self.asked.json {
            printed = print::json(&summary.json());
        } else if self.asked.style != Style::Quiet || ending.exit != Exit::Complete {
            print::said(&summary.to_string());
        }
        written?;
        match printed {
            Err(error)
                if error.kind() != ErrorKind::BrokenPipe && ending.exit == Exit::Complete =>
            {
                let message = format!(
                    "cannot write to standard output: {error}; the summary is in {}",
                    self.context.paths.run.display()
                );
                Err(Failure::new(Exit::CannotWrite, message))
            }
            // Whoever closed the pipe has read enough.
            Ok(()) | Err(_) => Ok(ending.exit),
        }
    }

    fn ending(&self, stop: Option<&Stop>, progress: &Progress) -> Ending {
        let failed = progress.overall().failed;
        let Some(stop) = stop else {
            let exceeded = self
                .plan
                .max_failures
                .exceeded_by(failed, self.context.rows);
            let exit = if exceeded {
                Exit::TooManyFailed
            } else {
                Exit::Complete
            };
            return Ending {
                exit,
                stopped_by: None,
                advice: None,
            };
        };
        let (exit, advice) = verdict(stop, &self.plan.model, &self.context.paths);
        Ending {
            exit,
            stopped_by: Some(stop.to_string()),
            advice,
        }
    }
}

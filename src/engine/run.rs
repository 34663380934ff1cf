//! A run, from its job to its end: opens the job, claims the output, looks over the rows, runs the loop,
//! and finds out how it ended. What happens on the way is told to the caller, who shows it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::auto_quota::{self, Quotas};
use super::claim::{claim_output, only_run, unfinished};
use super::connect;
use super::day::Day;
use super::failure::Failure;
use super::finished::{Finished, write};
use super::limit_use::LimitUseFile;
use super::open::{JobSource, Loaded, LookedOver, Lookup, Opened};
use super::options::RunOptions;
use super::responder::Responder;
use super::steering::WindowSchedule;
use super::told::{Command, Notice, Tell, Told};
use crate::bedrock::Bedrock;
use crate::bedrock::hosts::Hosts;
use crate::event;
use crate::format::{retrying, time};
use crate::job::{Endpoint, PinnedPath, Plan};
use crate::model::Fingerprint;
use crate::output::{
    Claim, EarlierReply, InFlight, LedgerSettings, OutputPaths, RunFilePlace, earlier_replies,
    killed, last_run,
};
use crate::report::metrics::MetricsFile;
use crate::report::progress::Progress;
use crate::report::summary::{Context, Updates};
use crate::rows::identity;
use crate::rows::preflight::limit_of;
use crate::run::{Ask, Duplicates, EarlierUse, Event, Limits, Settings, Steering, Stop};

/// How often the loop tells that time goes by.
const TICK: Duration = Duration::from_millis(200);

/// Runs the job in `source` to its end, or until it stops.
///
/// # Errors
/// It was rejected before its first call.
pub(crate) async fn run(
    source: &JobSource,
    options: &RunOptions,
    command: &Command<'_>,
    asked: watch::Receiver<Ask>,
    place: &RunFilePlace,
    tell: &mut Tell<'_>,
) -> Result<Finished, Failure> {
    let is_at = |output: Option<PathBuf>| {
        if let Some(output) = output {
            place.is_at(&OutputPaths::new(&output));
        }
    };
    is_at(source.output_path());
    let job = source.read()?;
    let variable = |name: &str| std::env::var(name).ok();
    is_at(job.output_path(Day::of(source.date).date, variable));
    if let Some(name) = &job.name {
        event::name_job(name);
    }
    let loaded = {
        let warn = &mut |text: &str| tell(Told::Warning(text));
        let mut hosts = Hosts::new(&options.trusted_hosts, warn);
        Loaded::new(job, source, Lookup::Ask(&mut hosts)).await?
    };
    if let Some(warning) = &loaded.warning {
        tell(Told::Warning(warning));
    }
    event::name_job(&loaded.plan.name);
    let mut opened = loaded.open(options.only.as_ref(), options.extent())?;
    reject(&mut opened.rejections)?;
    let claim = claim_output(&opened, options, tell).await?;
    if let Some(killed) = killed(&opened.paths.run) {
        tell(Told::Warning(&killed));
    }
    let last = last_run(&opened.paths);
    let resume = command(&loaded.pinned, None);
    place.starts(&opened.plan.name, &resume, opened.plan.mode);
    let responder = match claim.past.is_empty() {
        // There is nothing that its answers could not go with.
        true => Responder::Unknown,
        false => Responder::answers(opened.plan).await.asked().await,
    };
    if let Some(rejected) = opened.rejected_responder(&claim.past, &responder) {
        return Err(rejected);
    }
    tell(Told::Reads(&opened.plan.input));
    let mut requests = HashMap::new();
    let looked = opened.look_over(&claim.past, &responder, options, &last, |row, standing| {
        tell(Told::Read);
        if opened.plan.dedupe
            && options.changed.sends(standing)
            && let Some(request) = identity(row).fingerprint
        {
            *requests.entry(request).or_default() += 1;
        }
    });
    tell(Told::HasRead);
    let mut looked = looked?;
    reject(&mut looked.rejections)?;
    let mut run = Run::new(&loaded, &opened, options, &looked, &claim, command, tell);
    run.context.run = place.run_id().to_owned();
    run.requests = requests;
    run.carry_out(&looked, claim, asked).await
}

/// The first rejection, if there is one.
fn reject(rejections: &mut Vec<Failure>) -> Result<(), Failure> {
    match rejections.is_empty() {
        true => Ok(()),
        false => Err(rejections.swap_remove(0)),
    }
}

/// What the output keeps of rows that the input no longer has.
#[derive(Default)]
pub(super) struct RemovedRows {
    pub(super) rows: u64,
    pub(super) failures: u64,
}

/// A job that is ready to run.
pub(super) struct Run<'a, 't> {
    pub(super) opened: &'a Opened<'a>,
    pub(super) plan: &'a Plan,
    pub(super) options: &'a RunOptions,
    /// Whether every row has completed and none runs again.
    is_done: bool,
    /// Keys in the output whose lines are backed up: of rows that have changed or were fixed.
    redo: Vec<u64>,
    /// What is said of rows that run again by name.
    selected: Option<String>,
    /// Whether a row succeeded with the request that it would send now.
    succeeded_before: bool,
    /// How many rows are to send each request, where identical ones are sent once.
    requests: HashMap<Fingerprint, u64>,
    pub(super) kept: RemovedRows,
    pub(super) context: Context,
    pub(super) command: &'a Command<'a>,
    pub(super) pinned: &'a [PinnedPath],
    /// Why the model of the job's ARN is not known.
    pub(super) hidden: Option<&'a str>,
    /// The region that is called, once it is known.
    pub(super) region: Option<String>,
    metrics: Option<MetricsFile>,
    tell: &'a mut Tell<'t>,
}

impl<'a, 't> Run<'a, 't> {
    fn new(
        loaded: &'a Loaded,
        opened: &'a Opened<'a>,
        options: &'a RunOptions,
        looked: &LookedOver,
        claim: &Claim,
        command: &'a Command<'a>,
        tell: &'a mut Tell<'t>,
    ) -> Self {
        let plan = opened.plan;
        let preflight = &looked.preflight;
        let gone = preflight.gone(&claim.past, options.changed);
        let started_at = Timestamp::now();
        let only = options.only.as_ref();
        let only = only.map(|only| only_run(only, &looked.last, started_at));
        let again = match &only {
            Some(run) => unfinished(&opened.paths, &preflight.selected_keys, run),
            None => preflight.keys_to_redo(options.changed),
        };
        let selected = preflight.selection_remark(again.len() as u64, looked.redo_usd);
        let kept = match options.limit {
            None => RemovedRows {
                rows: gone,
                failures: preflight.gone_failures(&claim.past),
            },
            // The rest of the input was not looked at, and may have them.
            Some(_) => RemovedRows::default(),
        };
        let resume = command(&loaded.pinned, None);
        let context = Context {
            run: String::new(),
            name: plan.name.clone(),
            model: plan.model.as_str().to_owned(),
            rows: preflight.rows + gone,
            emulated: matches!(plan.endpoint, Endpoint::Emulator { .. }),
            named_ids: preflight.named_ids,
            fingerprint: plan.fingerprint(),
            settings: plan.settings(),
            only,
            max_tokens: plan
                .longest_answer()
                .filter(|_| !opened.maker.sends_bodies()),
            thought: plan.parameters.thought(),
            max_cost_usd: plan.limits.max_cost_usd,
            deadline_at: plan
                .clock_deadline
                .as_ref()
                .and_then(|clock| clock.deadline(started_at, looked.last.deadline_at)),
            // They are known once there are credentials to ask Service Quotas with.
            requests_per_minute: None,
            tokens_per_minute: None,
            started_at,
            paths: opened.paths.clone(),
            mode: plan.mode,
            retry_failed: retrying(&resume),
            resume,
        };
        Self {
            opened,
            plan,
            options,
            is_done: preflight.ended == preflight.rows && again.is_empty(),
            redo: [again.as_slice(), preflight.outdated.as_slice()].concat(),
            selected,
            succeeded_before: 0 < preflight.answered,
            requests: HashMap::new(),
            kept,
            context,
            command,
            pinned: &loaded.pinned,
            hidden: loaded.hidden.as_deref(),
            region: None,
            metrics: options
                .metrics_file
                .as_deref()
                .map(|path| MetricsFile::new(path, Instant::now())),
            tell,
        }
    }

    async fn carry_out(
        mut self,
        looked: &LookedOver,
        mut claim: Claim,
        asked: watch::Receiver<Ask>,
    ) -> Result<Finished, Failure> {
        for notice in self.opening_notices(&claim, &looked.preflight) {
            (self.tell)(match &notice {
                Notice::Note(text) => Told::Note(text),
                Notice::Warning(text) => Told::Warning(text),
            });
        }
        let remarks = [looked.redo_remark.clone(), self.selected.take()];
        for remark in remarks.into_iter().flatten() {
            self.note(&remark);
        }
        if self.is_done {
            self.back_up(&mut claim)?;
            let progress = Progress::new(&claim.past, Instant::now());
            return Ok(self.conclude(None, progress));
        }
        let connection = connect::connection(self.plan, self.opened.scenario.as_ref())?;
        let access = &connection.access;
        let target = connect::target(self.plan, self.opened.maker.sends_bodies());
        let tell = &mut *self.tell;
        let warn = &mut |text: &str| tell(Told::Warning(text));
        let mut hosts = Hosts::new(&self.options.trusted_hosts, warn);
        let model = Arc::new(Bedrock::connect(access.clone(), target, &mut hosts).await?);
        self.region = Some(model.region().await?);
        if let Some(remark) = self.region_remark() {
            (self.tell)(Told::Warning(&remark));
        }
        if let Some(remark) = self.geography_remark() {
            self.note(&remark);
        }
        let tell = &mut *self.tell;
        let warn = &mut |text: &str| tell(Told::Warning(text));
        let mut hosts = Hosts::new(&self.options.trusted_hosts, warn);
        let quotas = auto_quota::resolve(self.plan, access, &mut hosts).await;
        if let Some(note) = &quotas.note {
            self.note(note);
        }
        if let Some(warning) = &quotas.warning {
            (self.tell)(Told::Warning(warning));
        }
        let requests = quotas.requests_per_minute;
        self.context.requests_per_minute = requests.map(|limit| limit.0.get().into());
        self.context.tokens_per_minute = quotas.tokens.per_minute;
        let (mut limit_use, earlier) = LimitUseFile::open(
            &self.context.paths,
            self.plan.mode,
            self.context.emulated,
            requests.is_some()
                || quotas.tokens.per_minute.is_some()
                || quotas.tokens.per_day.is_some()
                || !self.plan.windows.is_empty(),
        )?;
        self.back_up(&mut claim)?;
        let ledger_settings =
            self.ledger_settings(self.context.rows.saturating_sub(claim.past.len()));
        let (mut ledger, past) = claim.begin(ledger_settings)?;
        let start = Instant::now();
        let mut progress = Progress::new(&past, start);
        let opened = self.opened;
        let rows = opened.maker.rows_after(&past, &opened.input)?;
        let rows = rows.take(limit_of(self.options.limit));
        let mut schedule = WindowSchedule::new(&self.plan.windows, self.context.started_at);
        if let Some(note) = schedule.opening_note() {
            self.note(&note);
        }
        if let (Some(clock), Some(at)) = (&self.plan.clock_deadline, self.context.deadline_at) {
            let left = at.duration_since(Timestamp::now());
            let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
            self.note(&match left.is_zero() {
                true => format!("the deadline of this night, {clock}, has passed"),
                false => format!("the deadline is {clock}, in {}", time(left)),
            });
        }
        let settings = Settings {
            steering: schedule.steering(),
            earlier,
            ..self.settings(past.tally.charge_usd(), &quotas)
        };
        (self.tell)(Told::Starts {
            context: &self.context,
            rows: self.context.rows,
            at: start,
        });
        let tell = &mut *self.tell;
        let context = &self.context;
        let mut metrics = self.metrics.as_mut();
        let mut updates = Updates::new(start);
        updates.tick(context, &progress, start);
        let stop = crate::run::run(model, rows, &mut ledger, settings, asked, |event| {
            let now = Instant::now();
            progress.take(event, now);
            if let Some(warning) = limit_use.take(event) {
                tell(Told::Warning(&warning));
            }
            tell(Told::Happened(event, &mut progress, now));
            if matches!(event, Event::Tick)
                && let Some(note) = schedule.tick(Timestamp::now())
            {
                tell(Told::Note(&note));
            }
            updates.tick(context, &progress, now);
            if let Some(metrics) = &mut metrics
                && let Some(warning) = metrics.tick(context, &mut progress, now)
            {
                tell(Told::Warning(&warning));
            }
        })
        .await;
        (self.tell)(Told::Ends(&mut progress, Instant::now()));
        if let Some(left) = ledger.remaining_after_deletion() {
            progress.output_holds(left);
        }
        // The run file may need the room.
        ledger.release();
        Ok(self.conclude(stop, progress))
    }

    fn note(&mut self, text: &str) {
        (self.tell)(Told::Note(text));
    }

    /// Backs up what does not stay in the output.
    fn back_up(&mut self, claim: &mut Claim) -> Result<(), Failure> {
        for backup in claim.back_up(&self.redo)? {
            self.note(&format!("earlier output is kept in {}", backup.display()));
        }
        Ok(())
    }

    fn conclude(mut self, stop: Option<Stop>, mut progress: Progress) -> Finished {
        let ending = self.ending(stop.as_ref(), &progress);
        let context = self.context_after(stop.as_ref(), &progress);
        let metrics = self.metrics.as_mut();
        let warning =
            metrics.and_then(|it| it.write(&context, &mut progress, Some(&ending), Instant::now()));
        if let Some(warning) = warning {
            (self.tell)(Told::Warning(&warning));
        }
        let mut finished = Finished {
            context,
            ending,
            progress,
            at: Instant::now(),
            written: Ok(()),
        };
        finished.written = write(&finished);
        finished
    }

    fn settings(&self, spent_usd: f64, quotas: &Quotas) -> Settings {
        Settings {
            concurrency: self.plan.concurrency,
            sharing: self.opened.maker.sharing(quotas.tokens.per_minute),
            requests_per_minute: quotas.requests_per_minute,
            tokens: quotas.tokens,
            limits: Limits {
                spent_usd,
                deadline: self.deadline(),
                ..self.plan.limits
            },
            retry: self.plan.retry,
            succeeded_before: self.succeeded_before,
            duplicates: self.duplicates(),
            first_alone: self.plan.first_alone(),
            first_timeout: self.plan.first_timeout(),
            reasks: self.plan.reasks(),
            attempt_timeout: self.plan.attempt_timeout,
            drain: self.options.drain,
            tick: TICK,
            earlier: EarlierUse::default(),
            seed: u64::from(std::process::id()),
            steering: Steering::none(),
        }
    }

    /// The requests that are sent once, with the records of earlier runs that are copied.
    fn duplicates(&self) -> Duplicates {
        let mut duplicates = Duplicates::among(&self.requests);
        if !self.requests.is_empty() {
            earlier_replies(&self.opened.paths, &self.requests, |earlier| {
                let EarlierReply {
                    fingerprint,
                    custom_id,
                    reply,
                } = earlier;
                let rows = self.requests.get(&fingerprint).copied().unwrap_or_default();
                duplicates.succeeded_before(fingerprint, rows, custom_id, reply);
            });
        }
        duplicates
    }

    /// How long the loop may send from now on.
    fn deadline(&self) -> Option<Duration> {
        let Some(at) = self.context.deadline_at else {
            return self.plan.limits.deadline;
        };
        let left = at.duration_since(Timestamp::now());
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
    }

    /// How lines are kept if `left` rows are to complete.
    fn ledger_settings(&self, left: u64) -> LedgerSettings {
        let plan = self.plan;
        let shared = plan
            .concurrency
            .saturating_mul(self.opened.maker.rows_per_call());
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        LedgerSettings {
            model: plan.model.as_str().to_owned(),
            keep_raw: plan.keep_raw,
            service_tier: plan.terms.tier.unwrap_or_default().as_str(),
            latency_mode: plan.terms.latency.clone(),
            reasoning: plan.reasoning,
            own_body: self.opened.maker.sends_bodies(),
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

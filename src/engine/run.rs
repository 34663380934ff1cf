//! A run, from its job to its end: opens the job, claims the output, looks over the rows, runs the loop,
//! and finds out how it ended. What happens on the way is told to the caller, who shows it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::auto_quota::{self, Quotas};
use super::claim::{claim_output, only_run, unfinished};
use super::connect::{self, Connection};
use super::day::Day;
use super::failure::Failure;
use super::finished::{Finished, write};
use super::lanes::{Lane, fingerprint, lanes, models, settings};
use super::limit_use::LimitUseFile;
use super::open::{JobSource, Loaded, LookedOver, Lookup, Opened};
use super::options::RunOptions;
use super::responder::Responder;
use super::steering::WindowSchedule;
use super::told::{Command, Notice, Tell, Told};
use super::work::VariantWork;
use crate::bedrock::Bedrock;
use crate::bedrock::hosts::Hosts;
use crate::event;
use crate::format::{retrying, time};
use crate::job::{Endpoint, PinnedPath, Plan, PlannedVariant};
use crate::output::{Claim, LedgerError, OutputPaths, RunFilePlace, killed, last_run};
use crate::report::metrics::MetricsFile;
use crate::report::progress::Progress;
use crate::report::summary::{Context, SummaryVariant, Updates};
use crate::run::{EarlierUse, Event, Settings, Stop, StopRequest};

/// Runs the job in `source` to its end, or until it stops.
///
/// # Errors
/// It was rejected before its first call.
pub(crate) async fn run(
    source: &JobSource,
    options: &RunOptions,
    command: &Command<'_>,
    asked: watch::Receiver<StopRequest>,
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
    let mut work = VariantWork::of(&loaded.variants);
    let looked = opened.look_over(&claim.past, &responder, options, &last, |row, standing| {
        tell(Told::Read);
        let is_sent_once = opened.plan.dedupe;
        work.take(row, standing, options.changed, is_sent_once);
    });
    tell(Told::HasRead);
    let mut looked = looked?;
    reject(&mut looked.rejections)?;
    let mut run = Run::new(&loaded, &opened, options, &looked, &claim, command, tell);
    run.context.run = place.run_id().to_owned();
    run.work = work;
    run.carry_out(&looked, claim, asked).await
}

/// A lane that is connected.
pub(super) struct Link {
    pub(super) lane: Lane,
    model: Arc<Bedrock>,
    pub(super) quotas: Quotas,
    region: String,
    /// Stops the embedded emulator when it is dropped.
    _connection: Connection,
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
    /// What there is to do.
    pub(super) work: VariantWork,
    /// The plan that the loop under way follows, that of the first variant before there is one.
    pub(super) current: &'a Plan,
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
            model: models(opened.variants).join(", "),
            variants: summary_variants(opened.variants, preflight.records),
            records: preflight.records,
            rows: preflight.rows + gone,
            emulated: matches!(plan.endpoint, Endpoint::Emulator { .. }),
            named_ids: preflight.named_ids,
            fingerprint: fingerprint(opened.variants),
            settings: settings(opened.variants),
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
            work: VariantWork::default(),
            current: plan,
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
        asked: watch::Receiver<StopRequest>,
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
            return Ok(self.nothing_to_do(&claim));
        }
        let lanes = lanes(self.opened.variants);
        let lanes_of_job = lanes.len();
        let mut links = Vec::new();
        for lane in lanes {
            if lanes_of_job == 1 || self.work.is_left_in(&lane) {
                links.push(self.connect(lane).await?);
            }
        }
        self.back_up(&mut claim)?;
        let left = self.context.rows.saturating_sub(claim.past.len());
        let Some(first) = links.first() else {
            // What was to run again has completed since: there is nothing to send.
            return Ok(self.nothing_to_do(&claim));
        };
        let settings = self.ledger_settings(&first.lane, left);
        let (mut ledger, past) = claim.begin(settings)?;
        let start = Instant::now();
        let mut progress = Progress::new(&past, start).of_variants(&past, self.variant_names());
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
        (self.tell)(Told::Starts {
            context: &self.context,
            rows: self.context.rows,
            at: start,
        });
        let mut updates = Updates::new(start);
        updates.tick(&self.context, &progress, start);
        let mut stop = None;
        let lanes = links.len();
        for link in links {
            self.follow(&link);
            ledger.serve(self.ledger_settings(&link.lane, left));
            let (mut limit_use, earlier) = self.limit_use(&link)?;
            let settings = Settings {
                steering: schedule.steering(),
                earlier,
                ..self.settings(&link, &past, &progress, start)
            };
            let opened = self.opened;
            let rows = opened.maker.rows_after(&past, &opened.input)?;
            let rows = rows
                .of_variants(&link.lane.places)
                .limited(self.options.limit);
            let tell = &mut *self.tell;
            let context = &self.context;
            let mut metrics = self.metrics.as_mut();
            let asked = asked.clone();
            let model = Arc::clone(&link.model);
            stop = crate::run::run(model, rows, &mut ledger, settings, asked, |event| {
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
            if 1 < lanes {
                self.end_of_lane(&mut progress);
            }
            if stop.is_some() {
                break;
            }
        }
        (self.tell)(Told::Ends(&mut progress, Instant::now()));
        if let Some(left) = ledger.remaining_after_deletion() {
            progress.output_holds(left);
        }
        // The run file may need the room.
        ledger.release();
        Ok(self.conclude(stop, progress))
    }

    /// Connects a lane: finds credentials, endpoint and quotas, and says what is to be said of them.
    async fn connect(&mut self, lane: Lane) -> Result<Link, Failure> {
        let plan = &self.opened.variants[lane.first()].plan;
        self.current = plan;
        let connection = connect::connection(plan, self.opened.scenario.as_ref())?;
        let access = &connection.access;
        let target = connect::target(plan, self.opened.maker.sends_bodies());
        let tell = &mut *self.tell;
        let warn = &mut |text: &str| tell(Told::Warning(text));
        let mut hosts = Hosts::new(&self.options.trusted_hosts, warn);
        let model = Arc::new(Bedrock::connect(access.clone(), target, &mut hosts).await?);
        let region = model.region().await?;
        let quotas = auto_quota::resolve(plan, access, &mut hosts).await;
        self.region = Some(region.clone());
        if let Some(remark) = self.region_remark() {
            (self.tell)(Told::Warning(&remark));
        }
        if let Some(remark) = self.geography_remark() {
            self.note(&remark);
        }
        if let Some(note) = &quotas.note {
            self.note(note);
        }
        if let Some(warning) = &quotas.warning {
            (self.tell)(Told::Warning(warning));
        }
        Ok(Link {
            lane,
            model,
            quotas,
            region,
            _connection: connection,
        })
    }

    /// The loop of a lane is over. What is said of limits per minute is of this lane alone.
    fn end_of_lane(&mut self, progress: &mut Progress) {
        let requests = self.context.requests_per_minute.take();
        let tokens = self.context.tokens_per_minute.take();
        let model = self.current.model.as_str();
        progress.end_of_model(model, (requests, tokens), Instant::now());
    }

    /// Every row has completed.
    fn nothing_to_do(self, claim: &Claim) -> Finished {
        let progress = Progress::new(&claim.past, Instant::now())
            .of_variants(&claim.past, self.variant_names());
        self.conclude(None, progress)
    }

    /// The names of the variants; none without a sweep.
    fn variant_names(&self) -> impl Iterator<Item = &str> {
        self.context.variants.iter().map(|it| it.name.as_str())
    }

    /// This lane is next.
    fn follow(&mut self, link: &Link) {
        let variants = self.opened.variants;
        self.current = &variants[link.lane.first()].plan;
        self.region = Some(link.region.clone());
        let requests = link.quotas.requests_per_minute;
        self.context.requests_per_minute = requests.map(|limit| limit.0.get().into());
        self.context.tokens_per_minute = link.quotas.tokens.per_minute;
    }

    /// What earlier runs have used of the limits of a lane.
    fn limit_use(&self, link: &Link) -> Result<(LimitUseFile, EarlierUse), LedgerError> {
        let is_sweep = !self.context.variants.is_empty();
        LimitUseFile::open(
            &self.context.paths,
            self.plan.mode,
            self.context.emulated,
            is_sweep.then(|| self.current.model.as_str()),
            link.quotas.requests_per_minute.is_some()
                || link.quotas.tokens.per_minute.is_some()
                || link.quotas.tokens.per_day.is_some()
                || !self.plan.windows.is_empty(),
        )
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
}

/// The variants, for the summary; none without a sweep.
fn summary_variants(variants: &[PlannedVariant], records: u64) -> Vec<SummaryVariant> {
    let sweeps = variants.iter().filter_map(|it| it.sweep.as_ref());
    let variants = sweeps.map(|sweep| SummaryVariant {
        name: sweep.variant.name.clone(),
        params: sweep.varies().clone(),
        rows: records * u64::from(sweep.samples),
    });
    variants.collect()
}

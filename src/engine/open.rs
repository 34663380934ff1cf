//! The opening of a job, the same for `run`, `plan`, `check` and the library: load, resolve, plan,
//! open the input, check that rows fit it, and look over all of them. What is wrong is a rejection:
//! `run` fails with the first, `plan` lists all.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::day::Day;
use super::failure::Failure;
use super::options::RunOptions;
use super::responder::Responder;
use super::{connect, resolve_arn, sweep_remarks};
use crate::bedrock::hosts::Hosts;
use crate::blocking::blocking;
use crate::exit::Reason;
use crate::input::{Extent, Input};
use crate::job::expand::expand;
use crate::job::{JobFile, PinnedPath, Plan, PlannedVariant, SweepPlan};
use crate::output::{EarlierRows, LastRun, OutputPaths};
use crate::rows::forecast::Gathered;
use crate::rows::preflight::{Preflight, survey};
use crate::rows::{Only, Redo, RowMaker, Standing, identity, place_of};
use crate::run::Row;
use bedrock_emulator::Scenario;

/// Said of an ARN that does not tell its model, by an opening that makes no request.
const NOT_LOOKED_UP: &str = "`run` and `check` ask Bedrock which model it is; plan makes no calls";

/// What a job is read from.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobSource {
    /// The job file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// Keys that override the file's, shaped as a job file.
    pub(crate) keys: toml::Table,
    /// The day that `{{ date }}` stands for in paths; `None` is today.
    pub(crate) date: Option<Date>,
}

/// Whether Bedrock may be asked which model an ARN stands for.
#[derive(Debug)]
pub(crate) enum Lookup<'h, 't> {
    /// It is asked, if nothing else tells.
    Ask(&'h mut Hosts<'t>),
    /// No request is made.
    Skip,
}

/// A job with its plan.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The plan of the first variant, which says what all of them share.
    pub(crate) plan: Plan,
    /// All variants; a job without a sweep has one.
    pub(crate) variants: Vec<PlannedVariant>,
    /// Variants that are left out, each with the reason.
    pub(crate) skipped: Vec<(String, String)>,
    /// Paths of the job that depend on the day or on the environment, as they are now.
    pub(crate) pinned: Vec<PinnedPath>,
    /// What a person should know of the day that paths have.
    pub(crate) warning: Option<String>,
    /// Why the model of the job's ARN is not known.
    pub(crate) hidden: Option<String>,
}

/// A job whose input is open and fits it.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    /// The plan of the first variant.
    pub(crate) plan: &'a Plan,
    pub(crate) variants: &'a [PlannedVariant],
    /// Variants that are left out, each with the reason.
    pub(crate) skipped: &'a [(String, String)],
    pub(crate) input: Input,
    pub(crate) maker: RowMaker<'a>,
    pub(crate) paths: OutputPaths,
    /// What the embedded emulator plays, if it answers.
    pub(crate) scenario: Option<Scenario>,
    /// Why the job cannot run, as far as is known before its output is touched.
    pub(crate) rejections: Vec<Failure>,
}

/// All rows, looked over beside what earlier runs left.
#[derive(Debug)]
pub(crate) struct LookedOver {
    pub(crate) preflight: Preflight,
    /// What the last run left in the run file.
    pub(crate) last: LastRun,
    /// What is said of completed rows that are sent again.
    pub(crate) redo_remark: Option<String>,
    /// What these cost, in USD, if that is known.
    pub(crate) redo_usd: Option<f64>,
    /// Why the job cannot run as its rows and its output are.
    pub(crate) rejections: Vec<Failure>,
}

impl JobSource {
    /// Where the output is, as far as the keys say that override the file's.
    pub(crate) fn output_path(&self) -> Option<PathBuf> {
        let output = self.keys.get("output")?.get("path")?.as_str()?;
        let variable = |name: &str| std::env::var(name).ok();
        let day = Day::of(self.date).date;
        expand(output, day, variable).ok().map(PathBuf::from)
    }

    /// Reads the job file, if there is one, and lays the keys over it.
    pub(crate) fn read(&self) -> Result<JobFile, Failure> {
        Ok(JobFile::load(self.file.as_deref(), self.keys.clone())?)
    }
}

impl Loaded {
    /// Plans `job`, which was read from `source`.
    pub(crate) async fn new(
        mut job: JobFile,
        source: &JobSource,
        lookup: Lookup<'_, '_>,
    ) -> Result<Self, Failure> {
        let day = Day::of(source.date);
        let warning = day.warning(&job);
        let today = day.date;
        let is_skipped = matches!(lookup, Lookup::Skip);
        let mut variants = job.variants()?;
        let hidden = match lookup {
            Lookup::Ask(hosts) if variants.is_empty() => {
                resolve_arn::resolve(&mut job, today, hosts).await
            }
            Lookup::Ask(hosts) => resolve_arn::resolve_all(&mut variants, today, hosts).await,
            Lookup::Skip => None,
        };
        let variable = |name: &str| std::env::var(name).ok();
        let pinned = job.pinned(today, variable);
        let SweepPlan { variants, skipped } =
            SweepPlan::new(job, variants, source.file.as_deref(), today, variable)?;
        let plan = variants[0].plan.clone();
        let not_asked = is_skipped && plan.model.hides_its_model();
        Ok(Self {
            hidden: hidden.or_else(|| not_asked.then(|| NOT_LOOKED_UP.to_owned())),
            pinned,
            warning,
            plan,
            variants,
            skipped,
        })
    }

    /// Opens the input and checks that the job's fields are in it.
    ///
    /// Where `only` names rows, no others are made.
    pub(crate) fn open(&self, only: Option<&Only>, extent: Extent) -> Result<Opened<'_>, Failure> {
        let plan = &self.plan;
        let input = blocking(|| Input::open_part(&plan.input, &plan.reading, extent))?;
        let maker = RowMaker::of_variants(&self.variants, &input)
            .map_err(|error| resolve_arn::explain(error, self.hidden.as_deref()))?
            .only(only.cloned());
        let paths = OutputPaths::new(&plan.output);
        let mut rejections = Vec::new();
        rejections.extend(output_is_input(&input, &paths));
        let scenario = connect::scenario(plan).unwrap_or_else(|failure| {
            rejections.push(failure);
            None
        });
        Ok(Opened {
            plan,
            variants: &self.variants,
            skipped: &self.skipped,
            input,
            maker,
            paths,
            scenario,
            rejections,
        })
    }
}

impl Opened<'_> {
    /// Looks over the rows, and shows each to `see` with what the output has of it. `responder` is who
    /// will answer, and `last` what the last run left.
    pub(crate) fn look_over(
        &self,
        past: &EarlierRows,
        responder: &Responder,
        options: &RunOptions,
        last: &LastRun,
        mut see: impl FnMut(&Row, Standing<'_>),
    ) -> Result<LookedOver, Failure> {
        let mut rejections = Vec::new();
        rejections.extend(self.rejected_responder(past, responder));
        rejections.extend(sweep_remarks::mixed(self.variants, past, &self.paths));
        let mut redone = self.gathered();
        let limit = options.limit;
        let preflight = blocking(|| {
            survey(&self.maker, &self.input, past, limit, |row, standing| {
                redone[place_of(identity(row))].take_again(row, standing);
                see(row, standing);
            })
        })?;
        let redo_usd = self.redo_usd(&redone, preflight.bought_again(), past);
        let redo = Redo {
            changed: options.changed,
            max: options.max_redo,
            completed: past.len(),
            usd: redo_usd,
            paths: &self.paths,
            last,
        };
        let refusals = preflight.refusals(self.plan, &redo).into_iter();
        let refusals = refusals.map(|it| Failure::usage(it.message).because(it.reason));
        rejections.extend(refusals);
        Ok(LookedOver {
            last: last.clone(),
            redo_remark: preflight.redo_remark(&redo),
            redo_usd,
            preflight,
            rejections,
        })
    }

    /// Nothing yet, for each variant.
    pub(crate) fn gathered(&self) -> Vec<Gathered> {
        let variants = self.variants.iter().enumerate();
        let gathered = variants.map(|(place, it)| Gathered::of(&it.plan, &self.maker, place));
        gathered.collect()
    }

    /// What so many of the rows in `redone` will cost, in USD, if that is known: all of them but for
    /// those that turned out to be others.
    fn redo_usd(&self, redone: &[Gathered], rows: u64, past: &EarlierRows) -> Option<f64> {
        let all: u64 = redone.iter().map(Gathered::rows).sum();
        if rows == 0 || all == 0 {
            return None;
        }
        let cost = |(of, variant): (&Gathered, &PlannedVariant)| {
            let statistics = past.statistics_of(variant.sweep.as_ref().map(|_| variant.name()));
            of.cost_usd(statistics, &variant.plan)
        };
        let there = redone.iter().zip(self.variants);
        let there = there.filter(|(of, _)| 0 < of.rows());
        let usd: Option<f64> = there.map(cost).sum();
        let share = rows as f64 / all as f64;
        Some(usd? * share.min(1.0))
    }

    /// Why these answers and those in the output cannot share it.
    pub(crate) fn rejected_responder(
        &self,
        past: &EarlierRows,
        responder: &Responder,
    ) -> Option<Failure> {
        let refusal = responder.refusal(&past.tally, &self.plan.output)?;
        Some(Failure::usage(refusal).because(Reason::Output))
    }
}

/// An output that would overwrite the input.
fn output_is_input(input: &Input, paths: &OutputPaths) -> Option<Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    let read = input.path().and_then(real)?;
    let written = [&paths.output, &paths.failed, &paths.run];
    let same = written
        .into_iter()
        .find(|path| real(path).as_ref() == Some(&read))?;
    Some(Failure::usage(format!(
        "the output {} is the input: choose another --output",
        same.display()
    )))
}

//! What a job will take, found out without a call: reads the input and the output, and writes nothing.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::failure::Failure;
use super::open::{JobSource, Loaded, Lookup};
use super::options::RunOptions;
use super::responder::Responder;
use super::sweep_remarks::{self, of_each};
use super::told::{Tell, Told};
use crate::bedrock;
use crate::catalog;
use crate::catalog::id::ModelId;
use crate::format::{count, dollars, rough, time};
use crate::job::{Endpoint, Plan, PlannedVariant};
use crate::model::Fingerprint;
use crate::output::{Inspection, last_run};
use crate::rows::forecast::FirstCall;
use crate::rows::forecast::{Forecast, Gathered};
use crate::rows::preflight::Preflight;
use crate::rows::{identity, place_of};

/// All that was found out.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) survey: Preflight,
    /// All variants, with what each takes.
    pub(crate) variants: Vec<PlannedWork>,
    /// Variants that are left out, each with the reason.
    pub(crate) skipped: Vec<(String, String)>,
    /// What all of them take.
    pub(crate) forecast: Forecast,
    /// Rows of the output that the input no longer has.
    pub(crate) gone: u64,
    /// What the output holds, rows that the input no longer has included.
    pub(crate) earlier: EarlierCounts,
    /// What the responses so far have cost, in USD; `None` if that is not known.
    pub(crate) spent_usd: Option<f64>,
    /// What calls may have cost beyond that, in USD.
    pub(crate) maybe_billed_usd: f64,
    /// Whether rows bring whole bodies.
    pub(crate) sends_bodies: bool,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
    /// Why `run` would reject the job.
    pub(crate) refusals: Vec<String>,
}

/// One variant of a job, which without a sweep is all of it.
#[derive(Debug)]
pub(crate) struct PlannedWork {
    pub(crate) of: PlannedVariant,
    pub(crate) gathered: Gathered,
    pub(crate) forecast: Forecast,
}

/// Rows in the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EarlierCounts {
    pub(crate) answered: u64,
    pub(crate) failed: u64,
}

/// Plans the job in `source`, for a run with these options.
///
/// # Errors
/// There is nothing to plan: the job cannot be read, or its input, or they do not fit each other.
pub(crate) async fn plan(
    source: &JobSource,
    options: &RunOptions,
    tell: &mut Tell<'_>,
) -> Result<Planned, Failure> {
    let job = source.read()?;
    let loaded = Loaded::new(job, source, Lookup::Skip).await?;
    if let Some(warning) = &loaded.warning {
        tell(Told::Warning(warning));
    }
    let opened = loaded.open(options.only.as_ref(), options.extent())?;
    let (plan, maker) = (opened.plan, &opened.maker);
    let Inspection {
        past,
        notes,
        mut refusals,
    } = Inspection::at(&opened.paths, options.existing, options.locks);
    let mut gathered = opened.gathered();
    let changed = options.changed;
    let responder = Responder::answers(plan).await;
    let mut requests = HashMap::new();
    tell(Told::Reads(&plan.input));
    let last = last_run(&opened.paths);
    let looked = opened.look_over(&past, &responder, options, &last, |row, standing| {
        tell(Told::Read);
        // What a run would refuse to send stays as it is.
        let runs_again = changed.sends(standing);
        let line = standing.line().filter(|_| !runs_again);
        let who = identity(row);
        // Further samples send the same request on purpose.
        let is_first = who.cell.as_ref().is_none_or(|cell| cell.sample == 1);
        if line.is_none()
            && is_first
            && let Some(request) = who.fingerprint
        {
            let rows: &mut u64 = requests.entry(request).or_default();
            *rows += 1;
            if plan.dedupe && 1 < *rows {
                return;
            }
        }
        gathered[place_of(who)].take(row, line);
    });
    tell(Told::HasRead);
    let looked = looked?;
    let rejections = opened.rejections.iter().chain(&looked.rejections);
    refusals.extend(rejections.map(Failure::to_string));
    let survey = looked.preflight;
    let variants = loaded.variants.iter().zip(gathered);
    let variants = variants.map(|(of, gathered)| {
        let statistics = past.statistics_of(of.sweep.as_ref().map(|_| of.name()));
        PlannedWork {
            forecast: Forecast::new(&gathered, statistics, &of.plan),
            of: of.clone(),
            gathered,
        }
    });
    let variants: Vec<_> = variants.collect();
    let mut planned = Planned {
        forecast: match &variants[..] {
            [only] => only.forecast.clone(),
            several => {
                let forecasts: Vec<_> = several.iter().map(|it| it.forecast.clone()).collect();
                Forecast::sum(&forecasts)
            }
        },
        skipped: loaded.skipped.clone(),
        variants,
        spent_usd: past.tally.known_cost(),
        maybe_billed_usd: past.tally.uncertain_usd(),
        sends_bodies: maker.sends_bodies(),
        gone: match options.limit {
            None if maker.selection().is_none() => survey.gone(&past, changed),
            None | Some(_) => 0,
        },
        earlier: EarlierCounts {
            answered: past.tally.answered(),
            failed: past.tally.failed,
        },
        plan: plan.clone(),
        survey,
        notes,
        refusals,
    };
    let endpoint = match &plan.endpoint {
        Endpoint::Emulator { .. } => None,
        Endpoint::Aws => Some(None),
        Endpoint::Url(url) => Some(Some(url.as_str())),
    };
    if let Some(url) = endpoint {
        let (profile, region) = (plan.profile.as_deref(), plan.region.as_deref());
        let remark = bedrock::remark_on_host(url, profile, region).await;
        planned.notes.extend(remark);
    }
    planned.notes.extend(looked.redo_remark);
    planned.notes.extend(planned.survey.of_input.clone());
    planned.notes.extend(match planned.is_sweep() {
        false => Preflight::gone_remark(planned.gone),
        true => sweep_remarks::gone(planned.gone, &loaded.variants, &past),
    });
    planned.notes.extend(planned.remarks());
    if planned.survey.alike.is_none() {
        planned
            .notes
            .extend(identical_remark(&requests, planned.plan.dedupe));
    }
    Ok(planned)
}

/// What is said of rows that would send the request of an earlier row again; `requests` has how many
/// rows send each.
fn identical_remark(requests: &HashMap<Fingerprint, u64>, dedupe: bool) -> Option<String> {
    let again: u64 = requests.values().map(|rows| rows - 1).sum();
    let rows = match again {
        0 => return None,
        1 => "1 row".to_owned(),
        many => format!("{} rows", count(many)),
    };
    Some(match (dedupe, again) {
        (false, _) => format!(
            "{rows} would send the same request as an earlier row; with --dedupe it is sent once"
        ),
        (true, 1) => format!("{rows} copies the record of an earlier row with the same request"),
        (true, _) => format!("{rows} copy the record of an earlier row with the same request"),
    })
}

fn unknown_model(plan: &Plan) -> Option<String> {
    let remark = plan.catalog_remark()?;
    Some(format!("{remark}; give it in a file with --prices"))
}

fn outside_geography(plan: &Plan) -> Option<String> {
    plan.geography_remark(plan.region.as_deref()?)
}

/// Seconds as a time; more than a century is no time to tell.
pub(crate) fn duration(seconds: f64) -> Duration {
    const CENTURY: f64 = 100.0 * 365.0 * 86_400.0;
    Duration::from_secs_f64(seconds.clamp(0.0, CENTURY))
}

impl Planned {
    /// Rows that have ended with a response.
    pub(crate) fn answered(&self) -> u64 {
        self.variants.iter().map(|it| it.gathered.answered).sum()
    }

    /// Rows that have ended in failure.
    pub(crate) fn failed(&self) -> u64 {
        self.variants.iter().map(|it| it.gathered.failed).sum()
    }

    /// The first request that is left, else the first of all, and the plan that it follows.
    pub(crate) fn first(&self) -> Option<(&Plan, &FirstCall)> {
        let first = |it: &'_ PlannedWork| 0 < it.forecast.calls;
        let of = self.variants.iter().find(|it| first(it));
        let of = of.or(self.variants.first())?;
        Some((&of.of.plan, of.gathered.first()?))
    }

    /// Whether the job has a sweep.
    pub(crate) fn is_sweep(&self) -> bool {
        self.variants.iter().any(|it| it.of.sweep.is_some())
    }

    /// What a person should know beside the figures.
    fn remarks(&self) -> Vec<String> {
        let variants: Vec<_> = self.variants.iter().map(|it| it.of.clone()).collect();
        let of_rows = [
            self.mended_rows(),
            self.survey.alike.clone(),
            self.survey.blank_remark(),
        ];
        let of_limits = [
            self.over_budget(),
            self.over_deadline(),
            self.over_the_minute(),
            self.over_the_day(),
        ];
        [
            of_rows.into_iter().flatten().collect(),
            sweep_remarks::remarks(&variants, &self.skipped),
            of_each(&variants, unknown_model),
            self.unknown_region().into_iter().collect(),
            of_each(&variants, outside_geography),
            of_each(&variants, Plan::unpriced_remark),
            self.emulated().into_iter().collect(),
            of_each(&variants, Plan::profile_remark),
            of_each(&variants, Plan::prefix_remark),
            of_limits.into_iter().flatten().collect(),
        ]
        .concat()
    }

    fn mended_rows(&self) -> Option<String> {
        (!self.survey.outdated.is_empty()).then(|| self.survey.fixed_remark())
    }

    fn unknown_region(&self) -> Option<String> {
        let is_aws = self.plan.endpoint == Endpoint::Aws;
        let region = self.plan.region.as_deref().filter(|_| is_aws);
        region.and_then(catalog::region_remark)
    }

    fn emulated(&self) -> Option<String> {
        let emulated = matches!(self.plan.endpoint, Endpoint::Emulator { .. });
        let message = "the emulator would respond: nothing is billed; the costs are Bedrock's";
        emulated.then(|| message.into())
    }

    fn over_budget(&self) -> Option<String> {
        let most = self.plan.limits.max_cost_usd?;
        let cost = self.forecast.in_tier;
        let total = self.spent_usd? + self.maybe_billed_usd + cost.expected.or(cost.low)?;
        let message = format!(
            "max_cost_usd is {}, and the whole output will cost about {}: the run would stop with \
             exit code 8",
            dollars(most),
            dollars(total)
        );
        (most < total).then_some(message)
    }

    fn over_deadline(&self) -> Option<String> {
        let deadline = self.plan.deadline_in(Timestamp::now(), None)?;
        let seconds = self.forecast.pace.seconds;
        let takes = duration(seconds.expected.or(seconds.low)?);
        let deadline_is = match &self.plan.clock_deadline {
            Some(clock) => format!("{clock}, in {}", time(deadline)),
            None => time(deadline),
        };
        let message = format!(
            "the deadline is {deadline_is}, and the run will take about {}: it would stop with exit \
             code 8",
            time(takes)
        );
        (deadline < takes).then_some(message)
    }

    fn over_the_minute(&self) -> Option<String> {
        let minute = self.plan.tokens.per_minute? as f64;
        let largest = self.forecast.largest_reservation;
        let message = format!(
            "the largest call reserves about {} tokens (its input and max_tokens), more than the \
             {} of a minute: Bedrock always throttles it; lower max_tokens",
            rough(largest),
            rough(minute)
        );
        (minute < largest).then_some(message)
    }

    /// The tokens of quota that the run takes of one model: of the one it takes most of.
    fn quota_of_a_model(&self) -> Option<f64> {
        let models = self.variants.iter().map(|it| &it.of.plan.model);
        let of_model = |model: &ModelId| {
            let variants = self.variants.iter();
            let of_model = variants.filter(|it| it.of.plan.model == *model);
            let quota = of_model.map(|it| it.forecast.quota);
            quota
                .map(|quota| quota.expected.or(quota.low))
                .sum::<Option<f64>>()
        };
        models.filter_map(of_model).max_by(f64::total_cmp)
    }

    fn over_the_day(&self) -> Option<String> {
        let day = self.plan.tokens.per_day? as f64;
        let of = if self.is_sweep() { " of one model" } else { "" };
        let uses = self.quota_of_a_model()?;
        let message = format!(
            "the run takes about {} tokens of quota{of}, and tokens_per_day is {}: it would stop with \
             exit code 75 and need {} days",
            rough(uses),
            rough(day),
            count((uses / day).ceil() as u64)
        );
        (day < uses).then_some(message)
    }
}

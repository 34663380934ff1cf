//! `promptmill plan`: what a job will take, found out without a call. Reads the input and the
//! output, and writes nothing but its answer.

mod json;
mod request;
mod text;

use std::path::PathBuf;

use clap::ArgMatches;
use tokio::time::Instant;

use super::day::Day;
use super::emulated::Responder;
use super::failure::Failure;
use super::run::{changed, existing, locks, refuse_output_over_input, scenario, style};
use super::{connect, flags, print, resolve_arn};
use crate::catalog;
use crate::exit::Exit;
use crate::format::{count, dollars, rough, time};
use crate::input::Input;
use crate::job::{Endpoint, JobFile, Plan};
use crate::output::{EarlierRow, Inspection, OutputPaths};
use crate::report::display::ReadingProgress;
use crate::rows::RowMaker;
use crate::rows::forecast::{Forecast, Gathered};
use crate::rows::preflight::{Changed, Preflight, has_changed, identity, survey};

/// All that was found out.
struct Planned {
    plan: Plan,
    survey: Preflight,
    gathered: Gathered,
    forecast: Forecast,
    /// Rows of the output that the input no longer has.
    gone: u64,
    /// What the answers so far have cost; `None` where that is not known.
    spent_usd: Option<f64>,
    /// What calls may have cost beyond that.
    maybe_billed_usd: f64,
    /// Whether rows bring whole bodies.
    sends_bodies: bool,
    /// What a person should know.
    notes: Vec<String>,
    /// Why `run` would refuse the job.
    refusals: Vec<String>,
}

/// Plans a job.
pub(super) fn plan(matches: &ArgMatches) -> Result<Exit, Failure> {
    let planned = look_over(matches)?;
    print::delivered(match matches.get_flag("json") {
        true => print::json(&json::of(&planned)),
        false => print::text(&text::of(&planned)),
    })?;
    Ok(match planned.refusals.is_empty() {
        true => Exit::Complete,
        false => Exit::Usage,
    })
}

fn look_over(matches: &ArgMatches) -> Result<Planned, Failure> {
    let job_file: Option<&PathBuf> = matches.get_one("job");
    let limit: Option<u64> = matches.get_one("limit").copied();
    let job_file = job_file.map(PathBuf::as_path);
    let job = JobFile::load(job_file, flags::table(matches)?)?;
    let variable = |name: &str| std::env::var(name).ok();
    let day = Day::of(matches);
    day.warn(style(matches), &job);
    let plan = Plan::new(job, job_file, day.date, variable)?;
    let input = Input::open(&plan.input, &plan.reading)?;
    let paths = OutputPaths::new(&plan.output);
    let unasked = "`run` and `check` ask Bedrock which model stands behind it; plan asks nobody";
    let unasked = plan.model.hides_its_model().then_some(unasked);
    let maker =
        RowMaker::new(&plan, &input).map_err(|error| resolve_arn::explain(error, unasked))?;
    let Inspection {
        past,
        notes,
        mut refusals,
    } = Inspection::at(&paths, existing(matches), locks(matches));
    let mut gathered = Gathered::new(
        plan.family,
        maker.layout_bytes(),
        plan.tokens.default_max_tokens,
        maker.sharing(plan.tokens.per_minute),
    );
    if maker.sends_bodies() {
        gathered = gathered.of_whole_bodies();
    }
    let changed = changed(matches);
    let mut reading = ReadingProgress::new(style(matches), &plan.input, Instant::now());
    let survey = survey(&maker, &input, &past, limit, |row, before| {
        reading.saw_a_row(Instant::now());
        let stays = |before: &&EarlierRow| {
            changed == Changed::Refused || !has_changed(identity(row), before)
        };
        gathered.take(row, before.filter(stays));
    })?;
    drop(reading);
    let gone = match limit {
        None => survey.gone(&past),
        Some(_) => 0,
    };
    let settings = [
        refuse_output_over_input(&input, &paths).err(),
        scenario(&plan.endpoint).err(),
    ];
    if !past.is_empty() {
        let who = connect::runtime()?.block_on(Responder::answers(&plan));
        refusals.extend(who.refusal(&past.tally, &plan.output));
    }
    refusals.extend(settings.into_iter().flatten().map(|why| why.to_string()));
    refusals.extend(survey.refusals(&plan, changed));
    let mut planned = Planned {
        forecast: Forecast::new(&gathered, &past.lessons, &plan),
        spent_usd: past.tally.known_cost(),
        maybe_billed_usd: past.tally.uncertain_usd(),
        sends_bodies: maker.sends_bodies(),
        plan: plan.clone(),
        survey,
        gathered,
        gone,
        notes,
        refusals,
    };
    planned.notes.extend(planned.survey.of_input.clone());
    planned.notes.extend(planned.remarks());
    Ok(planned)
}

impl Planned {
    /// What a person should know beside the figures.
    fn remarks(&self) -> Vec<String> {
        let remarks = [
            Preflight::gone_remark(self.gone),
            self.mended_rows(),
            self.survey.alike.clone(),
            self.unknown_model(),
            self.unknown_region(),
            self.outside_geography(),
            self.plan.unpriced_remark(),
            self.made_up(),
            self.plan.profile_remark(),
            self.plan.prefix_remark(),
            self.over_budget(),
            self.over_deadline(),
            self.over_the_minute(),
            self.over_the_day(),
        ];
        remarks.into_iter().flatten().collect()
    }

    fn mended_rows(&self) -> Option<String> {
        (!self.survey.outdated.is_empty()).then(|| self.survey.mended())
    }

    fn unknown_model(&self) -> Option<String> {
        let remark = self.plan.catalogue_remark()?;
        Some(format!("{remark}; give it in a file with --prices"))
    }

    fn unknown_region(&self) -> Option<String> {
        let is_aws = self.plan.endpoint == Endpoint::Aws;
        let region = self.plan.region.as_deref().filter(|_| is_aws);
        region.and_then(catalog::region_remark)
    }

    fn outside_geography(&self) -> Option<String> {
        self.plan.geography_remark(self.plan.region.as_deref()?)
    }

    fn made_up(&self) -> Option<String> {
        let emulated = matches!(self.plan.endpoint, Endpoint::Emulator { .. });
        let message = "the emulator would answer: nothing is billed; the cost is what Bedrock asks";
        emulated.then(|| message.into())
    }

    fn over_budget(&self) -> Option<String> {
        let most = self.plan.limits.max_cost_usd?;
        let cost = self.forecast.in_tier;
        let total = self.spent_usd? + self.maybe_billed_usd + cost.expected.or(cost.low)?;
        let message = format!(
            "max_cost_usd is {}, and the whole output will cost about {}: the run would stop with 8",
            dollars(most),
            dollars(total)
        );
        (most < total).then_some(message)
    }

    fn over_deadline(&self) -> Option<String> {
        let deadline = self.plan.limits.deadline?;
        let seconds = self.forecast.pace.seconds;
        let takes = text::duration(seconds.expected.or(seconds.low)?);
        let message = format!(
            "the deadline is {}, and the run will take about {}: it would stop with 8",
            time(deadline),
            time(takes)
        );
        (deadline < takes).then_some(message)
    }

    fn over_the_minute(&self) -> Option<String> {
        let minute = self.plan.tokens.per_minute? as f64;
        let largest = self.forecast.largest_reservation;
        let message = format!(
            "the largest call reserves about {} tokens (its input and max_tokens), more than the \
             {} of a minute: Bedrock refuses it for ever; lower max_tokens",
            rough(largest),
            rough(minute)
        );
        (minute < largest).then_some(message)
    }

    fn over_the_day(&self) -> Option<String> {
        let day = self.plan.tokens.per_day? as f64;
        let quota = self.forecast.quota;
        let uses = quota.expected.or(quota.low)?;
        let message = format!(
            "the run takes about {} tokens of quota, and tokens_per_day is {}: it would stop with \
             75 and need {} days",
            rough(uses),
            rough(day),
            count((uses / day).ceil() as u64)
        );
        (day < uses).then_some(message)
    }
}

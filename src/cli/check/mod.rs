//! `promptmill check`: whether a job's calls will be taken, found out with one of them.

mod report;

use std::time::Duration;

use clap::ArgMatches;
use tokio::time::{Instant, timeout};

use super::{options, print};
use crate::bedrock::Bedrock;
use crate::bedrock::hosts::Hosts;
use crate::engine::lanes::first_of_each;
use crate::engine::open::{Loaded, Lookup, Opened};
use crate::engine::{Failure, connect, stopped};
use crate::exit::Exit;
use crate::format::count;
use crate::input::Extent;
use crate::job::{JobFile, Plan};
use crate::model::{Category, Fault, Model as _, Reply, Request};
use crate::run::{FirstAlone, Row};
use bedrock_emulator::Scenario;

/// A person waits for this call; a cold model may take a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// A template that does not fit shows in the first rows; a person does not wait for millions.
const MOST_LOOKED_AT: usize = 1000;

const NEEDS_ROWS: &str = "the request format of this model is unknown: give it with --family, or give \
                          rows with --input and, if they hold whole bodies, --body FIELD";

/// What was found out.
struct Checked {
    plan: Plan,
    /// What the call was made of.
    asked: Asked,
    outcome: ProbeOutcome,
}

/// What the one call asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A prompt of a few words.
    AFewWords,
    /// The first row of the job that can be sent, as it is.
    FirstRow,
}

/// How it went.
enum ProbeOutcome {
    /// No call was made.
    NotSent(Failure),
    /// The call came back.
    Sent {
        region: String,
        took: Duration,
        came: Result<Box<Reply>, Fault>,
    },
}

/// Checks a job.
pub(super) fn check(matches: &ArgMatches) -> Result<Exit, Failure> {
    let runtime = super::connect::runtime()?;
    let checked = runtime.block_on(look(matches))?;
    print::delivered(match matches.get_flag("json") {
        true => print::json(&report::json_of_all(&checked).to_string()),
        false => print::text(&report::text_of_all(&checked)),
    })?;
    let failed = checked.iter().map(Checked::exit);
    let mut failed = failed.filter(|exit| *exit != Exit::Complete);
    Ok(failed.next().unwrap_or(Exit::Complete))
}

/// Makes the call of the job, and of a sweep one for each of its models.
async fn look(matches: &ArgMatches) -> Result<Vec<Checked>, Failure> {
    let source = options::source(matches)?;
    let mut job = source.read()?;
    let rows = stand_in(&mut job);
    let trusted = options::trusted_hosts(matches);
    let warn = &mut |text: &str| options::warn(options::style(matches), text);
    let mut hosts = Hosts::new(&trusted, warn);
    let loaded = Loaded::new(job, &source, Lookup::Ask(&mut hosts)).await?;
    if let Some(warning) = &loaded.warning {
        options::warn(options::style(matches), warning);
    }
    let scenario = connect::scenario(&loaded.plan)?;
    let opened = match rows {
        RowNames::Named => Some(loaded.open(None, Extent::Beginning)?),
        RowNames::Unnamed => None,
    };
    let mut checked = Vec::new();
    for place in first_of_each(&loaded.variants) {
        let plan = &loaded.variants[place].plan;
        let (asked, call) = match &opened {
            Some(opened) => of_rows(opened, place)?,
            None => match plan.probe() {
                Some(call) => (Asked::AFewWords, call),
                None => return Err(Failure::usage(NEEDS_ROWS)),
            },
        };
        checked.push(Checked {
            outcome: ask(plan, scenario.as_ref(), asked, &call, &mut hosts).await?,
            plan: plan.clone(),
            asked,
        });
    }
    Ok(checked)
}

/// Whether the job names its rows.
enum RowNames {
    Named,
    Unnamed,
}

/// A plan has an input and an output. A check does without them: it writes nothing, and reads
/// rows only where there are some. So where none is named, standard input and a name that is never
/// opens stand in.
fn stand_in(job: &mut JobFile) -> RowNames {
    job.output
        .path
        .get_or_insert_with(|| "unnamed.jsonl".into());
    match job.input.path {
        Some(_) => RowNames::Named,
        None => {
            job.input.path = Some("-".into());
            RowNames::Unnamed
        }
    }
}

/// The call that shows most: the first row where rows bring whole bodies or only they know what
/// the model wants, else a few words. Either way the input has to be there and fit the job.
fn of_rows(opened: &Opened<'_>, place: usize) -> Result<(Asked, Request), Failure> {
    match opened.variants[place].plan.probe() {
        Some(call) if !opened.maker.sends_bodies() => {
            let _ = first_row(opened, place)?;
            Ok((Asked::AFewWords, call))
        }
        Some(_) | None => Ok((Asked::FirstRow, first_row(opened, place)?)),
    }
}

/// The first row of the variant at `place` that can be sent, of the first [`MOST_LOOKED_AT`].
fn first_row(opened: &Opened<'_>, place: usize) -> Result<Request, Failure> {
    let mut looked_at = 0;
    let mut first = None;
    let rows = opened.maker.rows(&opened.input)?.of_variants(&[place]);
    for row in rows.take(MOST_LOOKED_AT) {
        match row? {
            Row::Ready(ready) => return Ok(ready.request),
            Row::Rejected(_, fault) => drop(first.get_or_insert(fault.message)),
            Row::Completed(_) => {}
        }
        looked_at += 1;
    }
    let part = match looked_at {
        MOST_LOOKED_AT => format!(" of the first {}", count(looked_at as u64)),
        _ => String::new(),
    };
    Err(Failure::usage(format!(
        "{}: no row{part} can be sent: {}; see `promptmill plan`",
        opened.plan.input.display(),
        first.unwrap_or_else(|| "there is none".into())
    )))
}

async fn ask(
    plan: &Plan,
    scenario: Option<&Scenario>,
    asked: Asked,
    call: &Request,
    hosts: &mut Hosts<'_>,
) -> Result<ProbeOutcome, Failure> {
    let connection = connect::connection(plan, scenario)?;
    let target = connect::target(plan, asked == Asked::FirstRow);
    let model = match Bedrock::connect(connection.access.clone(), target, hosts).await {
        Ok(model) => model,
        Err(error) => return Ok(ProbeOutcome::NotSent(error.into())),
    };
    let region = match model.region().await {
        Ok(region) => region,
        Err(error) => return Ok(ProbeOutcome::NotSent(error.into())),
    };
    let patience = patience(plan);
    let call = Request {
        silence: Some(patience),
        ..call.clone()
    };
    let sent = Instant::now();
    let came = match timeout(patience, model.invoke(&call)).await {
        Ok(came) => came.map(Box::new),
        Err(_) => Err(Fault {
            maybe_billed: true,
            ..Fault::local(
                Category::AttemptTimeout,
                format!("no response within {} s", patience.as_secs_f64()),
            )
        }),
    };
    Ok(ProbeOutcome::Sent {
        region,
        took: sent.elapsed(),
        came,
    })
}

/// How long the call may take: longer where the service may have to compile a schema first.
fn patience(plan: &Plan) -> Duration {
    match plan.first_alone() {
        FirstAlone::ForGrammar => plan.first_timeout(),
        FirstAlone::ForCache | FirstAlone::No => plan.attempt_timeout.min(PATIENCE),
    }
}

impl Checked {
    fn exit(&self) -> Exit {
        match &self.outcome {
            ProbeOutcome::NotSent(failure) => failure.exit,
            ProbeOutcome::Sent { came: Ok(_), .. } => Exit::Complete,
            ProbeOutcome::Sent {
                came: Err(fault), ..
            } => stopped(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_for_which_the_service_compiles_a_schema_has_more_time() {
        let schema = r#"[schema]
            json = '{"type": "object", "properties": {"a": {"type": "string"}}}'"#;
        for (model, more, seconds) in [
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", schema, 900),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "", 120),
            ("us.amazon.nova-lite-v1:0", schema, 120),
        ] {
            let job = format!(
                "[input]\npath = \"in.csv\"\n[output]\npath = \"out.jsonl\"\n\
                 [model]\nid = \"{model}\"\n{more}"
            );
            let job: JobFile = toml::from_str(&job).expect("a job file");
            let today = jiff::civil::date(2026, 11, 22);
            let plan = Plan::new(job, None, today, |_| None).expect("a good job");
            assert_eq!(patience(&plan).as_secs(), seconds, "{model} {more}");
        }
    }
}

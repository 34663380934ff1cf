//! `promptmill check`: whether a job's calls will be taken, found out with one of them.

mod report;

use std::time::Duration;

use clap::ArgMatches;
use tokio::time::{Instant, timeout};

use super::{options, print};
use crate::bedrock::Bedrock;
use crate::bedrock::hosts::Hosts;
use crate::engine::open::{Loaded, Lookup, Opened};
use crate::engine::{Failure, connect, stopped};
use crate::exit::Exit;
use crate::format::count;
use crate::input::Extent;
use crate::job::{JobFile, Plan};
use crate::model::{Category, Fault, Model as _, Reply, Request};
use crate::run::Row;
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
        true => print::json(&checked.json().to_string()),
        false => print::text(&checked.text()),
    })?;
    Ok(checked.exit())
}

async fn look(matches: &ArgMatches) -> Result<Checked, Failure> {
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
    let (asked, call) = match rows {
        RowNames::Named => of_rows(&loaded)?,
        RowNames::Unnamed => match loaded.plan.probe() {
            Some(call) => (Asked::AFewWords, call),
            None => return Err(Failure::usage(NEEDS_ROWS)),
        },
    };
    Ok(Checked {
        outcome: ask(&loaded.plan, scenario.as_ref(), asked, &call, &mut hosts).await?,
        plan: loaded.plan,
        asked,
    })
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
fn of_rows(loaded: &Loaded) -> Result<(Asked, Request), Failure> {
    let opened = loaded.open(None, Extent::Beginning)?;
    match loaded.plan.probe() {
        Some(call) if !opened.maker.sends_bodies() => {
            let _ = first_row(&opened)?;
            Ok((Asked::AFewWords, call))
        }
        Some(_) | None => Ok((Asked::FirstRow, first_row(&opened)?)),
    }
}

/// The first row that can be sent, of the first [`MOST_LOOKED_AT`].
fn first_row(opened: &Opened<'_>) -> Result<Request, Failure> {
    let mut looked_at = 0;
    let mut first = None;
    for row in opened.maker.rows(&opened.input)?.take(MOST_LOOKED_AT) {
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
    let patience = plan.attempt_timeout.min(PATIENCE);
    let sent = Instant::now();
    let came = match timeout(patience, model.invoke(call)).await {
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

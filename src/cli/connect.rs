//! From a plan to the model it calls, or to the emulator that plays it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use clap::ArgMatches;
use tokio::runtime::Runtime;

use super::failure::Failure;
use crate::bedrock::aws::Access;
use crate::bedrock::{Bodies, Parts, Target};
use crate::job::{self, Plan, small};
use crate::output::KeepRaw;
use bedrock_emulator::{Emulator, Scenario};

/// What calls are made on.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::usage(format!("cannot start the runtime: {error}")))
}

/// Where the calls of a job go; starts the embedded emulator where there is a scenario for it.
pub(super) async fn access(plan: &Plan, scenario: Option<&Scenario>) -> Result<Access, Failure> {
    match scenario {
        Some(scenario) => emulator(scenario.clone(), plan.region.clone()).await,
        None => Ok(Access::Aws {
            region: plan.region.clone(),
            profile: plan.profile.clone(),
            endpoint: plan.endpoint.url().map(str::to_owned),
        }),
    }
}

/// Reads a scenario file, or takes the usual scenario.
pub(super) fn scenario(path: Option<&Path>) -> Result<Scenario, Failure> {
    let Some(path) = path else {
        return Ok(Scenario::default());
    };
    let name = path.display().to_string();
    let text =
        small::text(path).map_err(|why| Failure::usage(format!("scenario {name}: {why}")))?;
    Ok(Scenario::parse(&text, &name)?)
}

/// Starts an emulator on a free port; it ends with the runtime.
pub(super) async fn emulator(
    scenario: Scenario,
    region: Option<String>,
) -> Result<Access, Failure> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let emulator = Emulator::bind(any_port, scenario)?;
    let address = emulator.addr();
    tokio::spawn(emulator.serve());
    Ok(Access::Emulator { address, region })
}

/// Where a verb without a job asks, by its flags.
pub(super) async fn of_flags(
    matches: &ArgMatches,
    region: Option<String>,
) -> Result<Access, Failure> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let scenario = text("scenario");
    match text("endpoint-url") {
        Some(url) if url == "emulator" => {
            let scenario = self::scenario(scenario.as_deref().map(Path::new))?;
            emulator(scenario, region).await
        }
        _ if scenario.is_some() => Err(Failure::usage(
            "--scenario: only the embedded emulator plays a scenario: give --endpoint-url emulator",
        )),
        Some(url) if !job::is_url(&url) => Err(Failure::usage(format!(
            "--endpoint-url: \"{url}\" is neither an http(s) URL nor \"emulator\""
        ))),
        endpoint => Ok(Access::Aws {
            region,
            profile: text("profile"),
            endpoint,
        }),
    }
}

/// What the calls of a job address.
pub(super) fn target(plan: &Plan, sends_bodies: bool) -> Target {
    Target {
        model_id: plan.model.as_str().to_owned(),
        family: plan.family,
        content_type: plan.content_type.clone(),
        accept: plan.accept.clone(),
        terms: plan.terms.clone(),
        delivery: plan.delivery,
        bodies: if sends_bodies {
            Bodies::OfRows
        } else {
            Bodies::Built
        },
        reasoning: plan.reasoning,
        parts: match plan.keep_raw {
            KeepRaw::Always => Parts::Kept,
            KeepRaw::Errors | KeepRaw::Never => Parts::Dropped,
        },
        facts: plan.facts.clone(),
    }
}

//! From a plan to the model it calls, or to the emulator that stands in for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio::task::JoinHandle;

use super::failure::Failure;
use crate::bedrock::aws::Access;
use crate::bedrock::{Bodies, ReadBodies, Target};
use crate::job::{Endpoint, Plan, small};
use crate::output::KeepRaw;
use bedrock_emulator::{Emulator, Scenario};

/// Where calls go. An emulator that was started for them stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) access: Access,
    emulator: Option<JoinHandle<std::io::Result<()>>>,
}

impl Connection {
    /// A connection to AWS, or to the endpoint that `access` names.
    pub(crate) fn aws(access: Access) -> Self {
        Self {
            access,
            emulator: None,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(emulator) = &self.emulator {
            emulator.abort();
        }
    }
}

/// Where the calls of a job go; starts the embedded emulator if there is a scenario for it.
pub(crate) fn connection(plan: &Plan, scenario: Option<&Scenario>) -> Result<Connection, Failure> {
    match scenario {
        Some(scenario) => emulator(scenario.clone(), plan.region.clone()),
        None => Ok(Connection::aws(Access::Aws {
            region: plan.region.clone(),
            profile: plan.profile.clone(),
            endpoint: plan.endpoint.url().map(str::to_owned),
        })),
    }
}

/// Starts an emulator on a free port, on the runtime of the caller.
pub(crate) fn emulator(scenario: Scenario, region: Option<String>) -> Result<Connection, Failure> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let emulator = Emulator::bind(any_port, scenario)?;
    let address = emulator.addr();
    Ok(Connection {
        access: Access::Emulator { address, region },
        emulator: Some(tokio::spawn(emulator.serve())),
    })
}

/// The scenario that the embedded emulator plays for a job; `None` if the job does not call it.
pub(crate) fn scenario(plan: &Plan) -> Result<Option<Scenario>, Failure> {
    match &plan.endpoint {
        Endpoint::Emulator { scenario } => scenario_file(scenario.as_deref()).map(Some),
        Endpoint::Aws | Endpoint::Url(_) => Ok(None),
    }
}

/// Reads a scenario file; the default scenario if there is none.
pub(crate) fn scenario_file(path: Option<&Path>) -> Result<Scenario, Failure> {
    let Some(path) = path else {
        return Ok(Scenario::default());
    };
    let name = path.display().to_string();
    let text =
        small::text(path).map_err(|why| Failure::usage(format!("scenario {name}: {why}")))?;
    Ok(Scenario::parse(&text, &name)?)
}

/// What the calls of a job address.
pub(crate) fn target(plan: &Plan, sends_bodies: bool) -> Target {
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
        bodies_read: match plan.keep_raw {
            KeepRaw::Always => ReadBodies::Kept,
            KeepRaw::Errors | KeepRaw::Never => ReadBodies::Dropped,
        },
        judge: plan.schema.as_ref().map(|schema| {
            let judge = schema.judge(plan.longest_answer());
            (judge, schema.sent.name.clone())
        }),
        facts: plan.facts.clone(),
    }
}

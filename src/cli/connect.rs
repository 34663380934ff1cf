//! What verbs without a job connect to, by their flags.

use std::num::NonZeroUsize;
use std::path::Path;

use clap::ArgMatches;
use tokio::runtime::{Builder, Runtime};

use crate::bedrock::aws::Access;
use crate::engine::{Failure, connect};
use crate::job;

/// The fewest threads of the runtime: the loop blocks one of them while it syncs the output, and calls go
/// on in another, also where there is a single processor.
const LEAST_THREADS: usize = 2;

/// The runtime that calls are made on.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Builder::new_multi_thread()
        .worker_threads(processors.max(LEAST_THREADS))
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("cannot start the runtime: {error}")))
}

/// Where a verb without a job sends its requests; starts the embedded emulator if the flags ask for it.
pub(super) fn of_flags(
    matches: &ArgMatches,
    region: Option<String>,
) -> Result<connect::Connection, Failure> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let scenario = text("scenario");
    match text("endpoint-url") {
        Some(url) if url == "emulator" => {
            let scenario = connect::scenario_file(scenario.as_deref().map(Path::new))?;
            connect::emulator(scenario, region)
        }
        _ if scenario.is_some() => Err(Failure::usage(
            "--scenario: only the built-in emulator has scenarios: give --endpoint-url emulator",
        )),
        Some(url) if !job::is_url(&url) => Err(Failure::usage(format!(
            "--endpoint-url: \"{}\" is neither an http(s) URL nor \"emulator\"{}",
            job::shown_url(&url),
            job::url_advice(&url)
        ))),
        endpoint => Ok(connect::Connection::aws(Access::Aws {
            region,
            profile: text("profile"),
            endpoint,
        })),
    }
}

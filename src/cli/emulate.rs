//! `promptmill emulate`: the emulator on its own, for other programs to call.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};

use super::args::examples;
use super::connect;
use super::print;
use crate::engine::Failure;
use crate::engine::connect::scenario_file;
use crate::exit::Exit;
use crate::format::plural;
use bedrock_emulator::{Emulator, Scenario, Stats};

const EXAMPLES: &str = "  promptmill emulate
  promptmill emulate --port 0 --scenario jobs/scenarios/busy-afternoon.toml";

/// The verb and its flags.
pub(super) fn command() -> Command {
    Command::new("emulate")
        .about("Serve a local Bedrock endpoint that generates fake responses")
        .before_help(
            "Any AWS SDK can use it: set the printed variables. A job needs none of this: with \
             endpoint = \"emulator\" (--endpoint-url emulator) it starts its own.",
        )
        .after_help(examples(EXAMPLES))
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .value_parser(value_parser!(u16))
                .default_value("8686")
                .help("Port on 127.0.0.1; 0 picks a free one"),
        )
        .arg(
            Arg::new("scenario")
                .long("scenario")
                .value_name("FILE")
                .value_parser(value_parser!(std::path::PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Scenario: latency, quotas, faults [default: no faults, no quotas]"),
        )
}

/// How often the emulator says what it has served, when that has changed.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Serves until Ctrl-C.
pub(super) fn emulate(matches: &ArgMatches) -> Result<Exit, Failure> {
    let scenario = scenario_file(matches.get_one("scenario").map(std::path::PathBuf::as_path))?;
    let port = matches.get_one("port").copied().unwrap_or_default();
    let runtime = connect::runtime()?;
    runtime.block_on(serve(
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        scenario,
    ))
}

async fn serve(address: SocketAddr, scenario: Scenario) -> Result<Exit, Failure> {
    let mut asked = super::signals::listen().map_err(Failure::usage)?.asked;
    let emulator = Emulator::bind(address, scenario)?;
    let stats = emulator.stats();
    let url = emulator.url();
    print::said(&format!(
        "promptmill emulator on {url}: all responses are fake\n\
         export AWS_ENDPOINT_URL_BEDROCK_RUNTIME={url} \
         AWS_ENDPOINT_URL_BEDROCK={url} AWS_ENDPOINT_URL_SERVICE_QUOTAS={url} \
         AWS_REGION=us-east-1 \
         AWS_ACCESS_KEY_ID=made-up AWS_SECRET_ACCESS_KEY=made-up\n\
         Ctrl-C ends it"
    ));
    tokio::select! {
        served = emulator.serve() => served.map_err(Failure::usage)?,
        () = tell(&stats) => {}
        _ = asked.changed() => {}
    }
    print::said(&line(&stats));
    Ok(Exit::Complete)
}

async fn tell(stats: &Stats) {
    let mut last = line(stats);
    loop {
        tokio::time::sleep(SAY_EVERY).await;
        let now = line(stats);
        if now != last {
            print::said(&now);
            last = now;
        }
    }
}

fn line(stats: &Stats) -> String {
    let counts = stats.counts();
    format!(
        "{}: {} answered, {} rejected, {}; at most {} in flight",
        plural(counts.calls, "call"),
        counts.answered,
        counts.rejected,
        plural(counts.faults, "fault"),
        counts.max_in_flight
    )
}

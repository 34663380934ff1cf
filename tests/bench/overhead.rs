//! What promptmill costs beside a bare loop over the SDK: `cargo bench --bench overhead`.
//!
//! Both sides make the same calls to the same emulator on loopback, each as a process of its own
//! that is watched from outside: wall clock from its start to its end, CPU time, peak memory. They
//! take turns, so that what else the machine does falls on both. Ratios are what counts: the
//! emulator shares the processors with the side it serves. The loop is as one would write it, with
//! the system's allocator; promptmill and the emulator bring their own.
//!
//! `-- --one-core` compares throughput with each side on one processor and the emulator on another.
//! `-- --short` takes half a minute, `-- --rows 1000000` adds a size to the memory table,
//! `-- --only streams` measures one thing.

mod bare;
mod broken;
mod durability;
mod figures;
mod memory;
mod process;
mod report;
mod schemas;
mod setting;
mod startup;
mod streams;
mod throughput;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use broken::Broken;
use report::Report;
use setting::{Cores, Form, Setting};

/// What is measured.
const TABLES: [&str; 6] = [
    "throughput",
    "durability",
    "schemas",
    "streams",
    "memory",
    "startup",
];

fn main() -> ExitCode {
    let matches = command().get_matches();
    let outcome = match matches.subcommand() {
        Some((bare::VERB, matches)) => bare::run(matches),
        Some(_) | None if matches.get_flag("bench") => bench(&matches),
        Some(_) | None => {
            println!("this is a benchmark: cargo bench --bench overhead");
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("overhead: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    Command::new("overhead")
        .about("Measures promptmill against a bare loop over the SDK")
        .args_conflicts_with_subcommands(true)
        .arg(
            Arg::new("bench")
                .long("bench")
                .action(ArgAction::SetTrue)
                .hide(true)
                .help("Given by cargo"),
        )
        .arg(
            Arg::new("short")
                .long("short")
                .action(ArgAction::SetTrue)
                .help("Few calls: whether it works, not what it costs"),
        )
        .arg(
            Arg::new("one-core")
                .long("one-core")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["only", "rows"])
                .help("Throughput alone, each side on one processor (needs taskset)"),
        )
        .arg(
            Arg::new("rows")
                .long("rows")
                .value_parser(value_parser!(u64).range(1..))
                .help("One more size for the memory table"),
        )
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("TABLE")
                .value_parser(TABLES)
                .help("One table instead of all"),
        )
        .subcommand(bare::command())
}

/// Measures everything, or what was asked for, prints the tables, then the goals.
fn bench(matches: &ArgMatches) -> Result<(), Broken> {
    let form = if matches.get_flag("short") {
        Form::short()
    } else {
        Form::full()
    };
    let form = form.with_size(matches.get_one("rows").copied());
    bare::check_body()?;
    let one_core = matches.get_flag("one-core");
    let setting = Setting::new(match one_core {
        true => Cores::One,
        false => Cores::All,
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(broken::io("start the runtime"))?;
    let mut report = Report::default();
    let only: Option<&String> = matches.get_one("only");
    let asked = |table: &str| match one_core {
        true => table == "throughput",
        false => only.is_none_or(|only| only == table),
    };
    runtime.block_on(async {
        if asked("throughput") {
            throughput::measure(&setting, &form, &mut report).await?;
        }
        if asked("durability") {
            durability::measure(&setting, &form, &mut report).await?;
        }
        if asked("schemas") {
            schemas::measure(&setting, &form, &mut report).await?;
        }
        if asked("streams") {
            streams::measure(&setting, &form, &mut report).await?;
        }
        if asked("memory") {
            memory::measure(&setting, &form, &mut report).await?;
        }
        if asked("startup") {
            startup::measure(&setting, &form, &mut report).await?;
        }
        Ok(())
    })?;
    report.print_goals();
    Ok(())
}

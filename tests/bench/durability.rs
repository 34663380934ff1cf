//! What it costs that every answer survives a power cut.

use crate::broken::Broken;
use crate::figures::Figures;
use crate::process::Took;
use crate::report::Report;
use crate::setting::{CONCURRENCY, Form, Ids, Setting};

/// The least share of the throughput without syncs.
const GOAL: f64 = 0.9;

/// A call that is short for a model.
const LATENCY_MS: u64 = 100;

/// Calls of one run: a tenth of what the other measurements make, for these take their time.
const SHARE_OF_CALLS: u64 = 10;

const SYNC: [&str; 4] = ["--durability", "sync", "-c", "64"];
const NONE: [&str; 4] = ["--durability", "none", "-c", "64"];

/// Prints a table of runs with syncs and without, which take turns at being first.
pub(crate) async fn measure(
    setting: &Setting,
    form: &Form,
    report: &mut Report,
) -> Result<(), Broken> {
    let emulator = setting.emulator(LATENCY_MS).await?;
    let calls = (form.calls / SHARE_OF_CALLS).max(CONCURRENCY * 4);
    let input = setting.input(calls, Ids::None)?;
    let run = |durability| setting.run_with(&emulator.url, &input, calls, durability);
    let mut rounds = Vec::new();
    for number in 0..form.rounds {
        rounds.push(if number % 2 == 0 {
            let sync = run(SYNC).await?;
            (sync, run(NONE).await?)
        } else {
            let none = run(NONE).await?;
            (run(SYNC).await?, none)
        });
    }
    tell(&rounds, calls, report);
    Ok(())
}

fn tell(rounds: &[(Took, Took)], calls: u64, report: &mut Report) {
    let rate = |took: &Took| calls as f64 / took.wall.as_secs_f64();
    let sync = rounds.iter().map(|(sync, _)| rate(sync));
    let none = rounds.iter().map(|(_, none)| rate(none));
    let share: Figures = rounds
        .iter()
        .map(|(sync, none)| rate(sync) / rate(none))
        .collect();
    report.title(&format!(
        "{calls} calls at {LATENCY_MS} ms, {CONCURRENCY} at once, {} rounds: median (spread)",
        rounds.len()
    ));
    report.row("", ["sync", "none", "sync / none"].map(str::to_owned));
    report.row(
        "calls per second",
        [
            format!("{:.0}", sync.collect::<Figures>()),
            format!("{:.0}", none.collect::<Figures>()),
            format!("{share:.2}"),
        ],
    );
    report.goal(
        &format!("throughput with syncs at least {GOAL:.2} of that without"),
        &format!("{share:.2}"),
        (GOAL <= share.median()).into(),
    );
}

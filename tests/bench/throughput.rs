//! Calls per second and CPU time, at once and with a latency.

use crate::broken::Broken;
use crate::figures::Figures;
use crate::process::Took;
use crate::report::Report;
use crate::setting::{CONCURRENCY, Form, Ids, Setting};

/// The least share of the bare loop's throughput.
const GOAL: f64 = 0.8;

/// The latencies: none, where every microsecond of work counts, and one that is still far quicker
/// than any model.
const LATENCIES_MS: [u64; 2] = [0, 50];

/// One round: each side once.
struct Round {
    bare: Took,
    promptmill: Took,
}

/// Prints a table for each latency.
pub(crate) async fn measure(
    setting: &Setting,
    form: &Form,
    report: &mut Report,
) -> Result<(), Broken> {
    for latency_ms in LATENCIES_MS {
        let rounds = rounds(setting, form, latency_ms).await?;
        tell(&rounds, form.calls, latency_ms, report);
    }
    Ok(())
}

/// The sides take turns at being first; one run of each before that is not counted.
async fn rounds(setting: &Setting, form: &Form, latency_ms: u64) -> Result<Vec<Round>, Broken> {
    let emulator = setting.emulator(latency_ms).await?;
    let url = &emulator.url;
    let few = CONCURRENCY * 4;
    let input = setting.input(few, Ids::None)?;
    setting.bare(url, few).await?;
    setting.run(url, &input, few).await?;
    let calls = form.calls;
    let input = setting.input(calls, Ids::None)?;
    let mut rounds = Vec::new();
    for number in 0..form.rounds {
        rounds.push(if number % 2 == 0 {
            Round {
                bare: setting.bare(url, calls).await?,
                promptmill: setting.run(url, &input, calls).await?,
            }
        } else {
            Round {
                promptmill: setting.run(url, &input, calls).await?,
                bare: setting.bare(url, calls).await?,
            }
        });
    }
    Ok(rounds)
}

fn tell(rounds: &[Round], calls: u64, latency_ms: u64, report: &mut Report) {
    let figures = |of: &dyn Fn(&Round) -> f64| rounds.iter().map(of).collect::<Figures>();
    let rate = |took: &Took| calls as f64 / took.wall.as_secs_f64();
    let cpu_us = |took: &Took| took.cpu.as_secs_f64() * 1e6 / calls as f64;
    let share = figures(&|round| rate(&round.promptmill) / rate(&round.bare));
    let cpu = figures(&|round| cpu_us(&round.promptmill) / cpu_us(&round.bare));
    report.title(&format!(
        "{calls} calls at {latency_ms} ms, {CONCURRENCY} at once, {} rounds: median (spread)",
        rounds.len()
    ));
    let columns = ["promptmill", "bare loop", "promptmill / bare"];
    report.row("", columns.map(str::to_owned));
    report.row(
        "calls per second",
        [
            format!("{:.0}", figures(&|round| rate(&round.promptmill))),
            format!("{:.0}", figures(&|round| rate(&round.bare))),
            format!("{share:.2}"),
        ],
    );
    report.row(
        "CPU time a call, us",
        [
            format!("{:.0}", figures(&|round| cpu_us(&round.promptmill))),
            format!("{:.0}", figures(&|round| cpu_us(&round.bare))),
            format!("{cpu:.2}"),
        ],
    );
    report.goal(
        &format!("throughput at {latency_ms} ms at least {GOAL:.2} of the bare loop's"),
        &format!("{share:.2}"),
        (GOAL <= share.median()).into(),
    );
}

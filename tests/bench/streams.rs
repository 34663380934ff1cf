//! CPU time of many streams at once, beside a loop that receives the chunks and looks at none.
//!
//! Both sides start all streams at once, for promptmill is told a quota that is large enough. Left to
//! find it out, it would start them over some seconds, and the two would not do the same.

use crate::broken::Broken;
use crate::figures::Figures;
use crate::process::Took;
use crate::report::Report;
use crate::setting::{Form, Ids, Setting};

/// The most CPU time, as a multiple of the receiver's.
const GOAL: f64 = 1.25;

/// Lets all streams start within a second.
const QUOTA: &str = "600000";

/// Chunks with words in them, and the time between two.
const CHUNKS: u64 = 500;
const GAP_MS: u64 = 40;

/// Prints a table of the two sides, which take turns at being first.
pub(crate) async fn measure(
    setting: &Setting,
    form: &Form,
    report: &mut Report,
) -> Result<(), Broken> {
    let (streams, rounds) = form.streams;
    let emulator = setting.emulator_of(100, GAP_MS, CHUNKS).await?;
    let input = setting.input(streams, Ids::None)?;
    let at_once = streams.to_string();
    let args = ["--stream", "-c", &at_once, "--requests-per-minute", QUOTA];
    let promptmill = || setting.run_with(&emulator.url, &input, streams, args);
    let bare = || setting.bare_with(&emulator.url, [streams, streams], ["--stream"]);
    let mut both: Vec<(Took, Took)> = Vec::new();
    for number in 0..rounds {
        both.push(if number % 2 == 0 {
            let first = promptmill().await?;
            (first, bare().await?)
        } else {
            let first = bare().await?;
            (promptmill().await?, first)
        });
    }
    tell(&both, streams, report);
    Ok(())
}

fn tell(both: &[(Took, Took)], streams: u64, report: &mut Report) {
    let chunks = (streams * CHUNKS) as f64;
    let cpu_us = |took: &Took| took.cpu.as_secs_f64() * 1e6 / chunks;
    let promptmill = both.iter().map(|(promptmill, _)| cpu_us(promptmill));
    let bare = both.iter().map(|(_, bare)| cpu_us(bare));
    let share: Figures = both
        .iter()
        .map(|(promptmill, bare)| cpu_us(promptmill) / cpu_us(bare))
        .collect();
    report.title(&format!(
        "{streams} streams at once of {CHUNKS} chunks, {} rounds: median (spread)",
        both.len()
    ));
    report.row(
        "",
        ["promptmill", "receiver", "promptmill / receiver"].map(str::to_owned),
    );
    report.row(
        "CPU time a chunk, us",
        [
            format!("{:.1}", promptmill.collect::<Figures>()),
            format!("{:.1}", bare.collect::<Figures>()),
            format!("{share:.2}"),
        ],
    );
    report.goal(
        &format!("CPU time of streams at most {GOAL:.2} of a receiver's"),
        &format!("{share:.2}"),
        (share.median() <= GOAL).into(),
    );
}

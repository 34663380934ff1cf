//! `promptmill plan`: prints what a job will take.

mod json;
mod request;
mod text;
mod variants;

use clap::ArgMatches;
use tokio::time::Instant;

use super::{connect, options, print};
use crate::engine::Failure;
use crate::engine::plan::Planned;
use crate::engine::told::Told;
use crate::exit::Exit;
use crate::report::display::ReadingProgress;

/// Plans a job.
pub(super) fn plan(matches: &ArgMatches) -> Result<Exit, Failure> {
    let source = options::source(matches)?;
    let asked = options::of_plan(matches)?;
    let style = options::style(matches);
    let mut reading = None;
    let tell = &mut |told: Told<'_>| match told {
        Told::Reads(input) => reading = Some(ReadingProgress::new(style, input, Instant::now())),
        Told::Read => {
            if let Some(reading) = &mut reading {
                reading.saw_a_row(Instant::now());
            }
        }
        Told::HasRead => reading = None,
        Told::Warning(text) => options::warn(style, text),
        Told::Note(_) | Told::Starts { .. } | Told::Happened(..) | Told::Ends(..) => {}
    };
    let planned = connect::runtime()?.block_on(crate::engine::plan::plan(&source, &asked, tell))?;
    print::delivered(match matches.get_flag("json") {
        true => print::json(&json::of(&planned)),
        false => print::text(&text::of(print::columns_of_stdout(), &planned)),
    })?;
    Ok(match planned.refusals.is_empty() {
        true => Exit::Complete,
        false => Exit::Usage,
    })
}

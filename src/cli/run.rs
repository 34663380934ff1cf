//! `promptmill run`: shows what a run tells, and prints its summary.

use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgMatches;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::resume::TypedCommand;
use super::{connect, flags, options, print, signals, words};
use crate::bedrock::ping::PingUrl;
use crate::engine::Failure;
use crate::engine::day::Day;
use crate::engine::finished::Finished;
use crate::engine::told::Told;
use crate::event::{self, Level};
use crate::exit::{Exit, Reason};
use crate::output::{OutputPaths, RunFilePlace};
use crate::report::display::{Display, ReadingProgress, Style};
use crate::report::metrics;
use crate::run::Signal;

/// Runs a job.
///
/// The loop is a task like the calls it starts: on a thread of its own it would have to be woken for
/// every response, and wake another for every call.
pub(super) fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let runtime = connect::runtime()?;
    let style = options::style(matches);
    let ping: Option<&PingUrl> = matches.get_one("ping");
    if let Some(ping) = ping.cloned() {
        // The run does not wait for it.
        runtime.spawn(async move { tell_monitor(&ping, "start", style).await });
    }
    let matches_of_run = matches;
    let matches = matches.clone();
    let place = Arc::new(RunFilePlace::default());
    let ended = runtime.block_on(async {
        let signals = signals::listen()
            .map_err(|error| Failure::usage(format!("cannot listen for signals: {error}")))?;
        let asked = signals.asked.clone();
        let (begin, begins) = oneshot::channel();
        let its_place = Arc::clone(&place);
        let mut run = tokio::spawn(async move {
            let mut view = View::new(options::style(&matches), signals.status, begin);
            let day = Day::of(matches.get_one("date").copied()).date;
            let variable = |name: &str| std::env::var(name).ok();
            if let Some(output) = flags::output_path(&matches, day, variable) {
                its_place.is_at(&OutputPaths::new(&output));
            }
            let source = options::source(&matches)?;
            let options = options::of_run(&matches)?;
            view.drain = options.drain;
            let command = |pinned: &[_], usd: Option<f64>| {
                let words = words::normalized(&super::command(), std::env::args_os());
                let verb = super::run_command();
                let typed = TypedCommand::new(words.into_iter(), verb, pinned.to_vec());
                match usd {
                    None => typed.again(),
                    Some(usd) => typed.again_with_max_cost(usd),
                }
            };
            let asked = signals.asked;
            let tell = &mut |told: Told<'_>| view.show(told);
            let place = &its_place;
            let run = crate::engine::run::run(&source, &options, &command, asked, place, tell);
            let ended = run.await?;
            conclude(&ended, matches.get_flag("json"), view.style)
        });
        tokio::select! {
            ended = &mut run => ended.unwrap_or_else(|panicked| {
                place.failed(Exit::Bug, Reason::Bug, "a bug in promptmill");
                resume_unwind(panicked.into_panic())
            }),
            signal = signals::too_soon(asked, begins) => {
                run.abort();
                Err(stopped_too_soon(signal))
            }
        }
    });
    if let Err(failure) = &ended {
        place.failed(failure.exit, failure.reason, &failure.to_string());
    }
    let exit = match &ended {
        Ok(exit) => *exit,
        Err(failure) => failure.exit,
    };
    if let Err(failure) = &ended
        && let Some(path) = matches_of_run.get_one::<PathBuf>("metrics-file")
        && failure.exit != Exit::Locked
    {
        metrics::write_failed(path, failure.exit, failure.reason);
    }
    if let Some(ping) = ping {
        let code = exit.code().to_string();
        runtime.block_on(tell_monitor(ping, &code, style));
    }
    // What was still being read is not waited for.
    runtime.shutdown_background();
    ended
}

/// Pings a monitor. That it does not answer changes nothing but that it is said.
async fn tell_monitor(ping: &PingUrl, what: &str, style: Style) {
    if let Err(why) = ping.send(what).await {
        let host = ping.host();
        options::warn(style, &format!("--ping {host} ({what}): {why}"));
    }
}

/// Why a run that had not begun ended.
fn stopped_too_soon(signal: Signal) -> Failure {
    let (exit, reason, by) = match signal {
        Signal::Interrupt => (Exit::Interrupted, Reason::Interrupted, "Ctrl-C"),
        Signal::Terminate => (Exit::Stopped, Reason::Terminated, "SIGTERM"),
        Signal::HangUp => (Exit::Stopped, Reason::HungUp, "SIGHUP"),
    };
    print::below_the_bar();
    Failure::new(
        exit,
        format!("stopped by {by} before any call; run the same command to start again"),
    )
    .because(reason)
}

/// What a run tells, as it is shown.
struct View {
    style: Style,
    drain: std::time::Duration,
    reading: Option<ReadingProgress>,
    display: Option<Display>,
    /// Changes whenever the status line is asked for.
    status: watch::Receiver<()>,
    /// From when on a signal is the loop's to see.
    begin: Option<oneshot::Sender<()>>,
}

impl View {
    fn new(style: Style, status: watch::Receiver<()>, begin: oneshot::Sender<()>) -> Self {
        Self {
            style,
            drain: std::time::Duration::ZERO,
            reading: None,
            display: None,
            status,
            begin: Some(begin),
        }
    }

    fn show(&mut self, told: Told<'_>) {
        match told {
            Told::Note(text) => self.note(text),
            Told::Warning(text) => options::warn(self.style, text),
            Told::Reads(input) => {
                let reading = ReadingProgress::new(self.style, input, Instant::now());
                self.reading = Some(reading);
            }
            Told::Read => {
                if let Some(reading) = &mut self.reading {
                    reading.saw_a_row(Instant::now());
                }
            }
            Told::HasRead => self.reading = None,
            Told::Starts { context, rows, at } => {
                let display = Display::new(self.style, rows, self.drain, at)
                    .of_job(&context.name, context.max_cost_usd);
                self.display = Some(display.showing_when(self.status.clone()));
                if let Some(begin) = self.begin.take() {
                    // If the receiver is gone, a signal has come.
                    let _ = begin.send(());
                }
            }
            Told::Happened(event, progress, now) => {
                if let Some(display) = &mut self.display {
                    display.show(event, progress, now);
                }
            }
            Told::Ends(progress, now) => {
                if let Some(display) = self.display.take() {
                    display.close(progress, now);
                }
            }
        }
    }

    /// A note, in the form that was asked for; none for those who asked for quiet.
    fn note(&self, text: &str) {
        match self.style {
            Style::Quiet | Style::QuietJson => {}
            Style::Json => print::noted(&event::note(Level::Info, text)),
            Style::Live | Style::Lines => print::note(text),
        }
    }
}

/// JSON on one line, for callers that read the last line of standard output.
fn one_json_line(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.map_or_else(|_| json.to_owned(), |value| value.to_string())
}

/// Prints the summary, and finds the exit code.
fn conclude(ended: &Finished, wants_json: bool, style: Style) -> Result<Exit, Failure> {
    let exit = ended.ending.exit;
    let summary = ended.summary();
    let mut printed = Ok(());
    if wants_json {
        printed = print::json(&one_json_line(&summary.json()));
    } else if style != Style::Quiet || exit != Exit::Complete {
        print::summary(&summary.screen(print::columns()));
    }
    if let Err(failure) = &ended.written {
        return Err(failure.clone());
    }
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe && exit == Exit::Complete => {
            let message = format!(
                "cannot write to standard output: {error}; the summary is in {}",
                ended.context.paths.run.display()
            );
            Err(Failure::new(Exit::CannotWrite, message))
        }
        // A closed pipe means that its reader has read enough.
        Ok(()) | Err(_) => Ok(exit),
    }
}

//! Signals, turned into what they ask of the run.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGINT, SIGTERM, SIGHUP | the first drains, any second one leaves |
//! | SIGUSR1 | the status line is written now |
//! | SIGXFSZ | nothing: a file that may not grow is an error of the write |
//! | SIGPIPE | nothing: Rust ignores it, and who closed a pipe has read enough |

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::run::{self, StopRequest};

/// What signals have asked for so far.
pub(super) struct Signals {
    /// Whether to stop.
    pub(super) asked: watch::Receiver<StopRequest>,
    /// Changes whenever the status line is asked for.
    pub(super) status: watch::Receiver<()>,
}

/// Listens from now on.
///
/// # Errors
/// The system lets no handler be installed.
pub(super) fn listen() -> std::io::Result<Signals> {
    let (ask, asked) = watch::channel(StopRequest::Run);
    let (show, status) = watch::channel(());
    let relay = Relay {
        interrupts: signal(SignalKind::interrupt())?,
        terminations: signal(SignalKind::terminate())?,
        hangups: match hangups_are_ignored() {
            true => None,
            false => Some(signal(SignalKind::hangup())?),
        },
        status: signal(SignalKind::user_defined1())?,
        ask,
        show,
    };
    tokio::spawn(relay.carry());
    Ok(Signals { asked, status })
}

/// The first signal to stop, if it comes before the run begins; else it never says anything.
pub(super) async fn too_soon(
    mut asked: watch::Receiver<StopRequest>,
    begins: oneshot::Receiver<()>,
) -> run::Signal {
    let first = asked.wait_for(|asked| *asked != StopRequest::Run);
    tokio::select! {
        biased;
        _ = begins => std::future::pending().await,
        asked = first => match asked.map(|asked| *asked) {
            Ok(StopRequest::Drain(signal) | StopRequest::Leave(signal)) => signal,
            Ok(StopRequest::Run) | Err(_) => std::future::pending().await,
        },
    }
}

/// Makes a file that may not grow an error of the write, which the default would not survive. That
/// there is a handler is enough, and it stays when the runtime that installed it has ended.
pub(super) fn outlive_the_limit_of_a_files_size() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _inside = runtime.enter();
    let exceeded = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    signal(exceeded).map(drop)
}

/// Whether the one who started us has seen to it that a terminal may go, as nohup does. Where
/// there is no `/proc` this is unknown, and a hangup stops the run, which can be resumed.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let hangup = 1 << (rustix::process::Signal::HUP.as_raw() - 1);
    ignored.is_some_and(|mask| mask & hangup != 0)
}

struct Relay {
    interrupts: Signal,
    terminations: Signal,
    hangups: Option<Signal>,
    status: Signal,
    ask: watch::Sender<StopRequest>,
    show: watch::Sender<()>,
}

impl Relay {
    async fn carry(mut self) {
        loop {
            let signal = tokio::select! {
                // Of two that came at once the same one is first every time.
                biased;
                _ = self.interrupts.recv() => run::Signal::Interrupt,
                _ = self.terminations.recv() => run::Signal::Terminate,
                () = hangup(&mut self.hangups) => run::Signal::HangUp,
                _ = self.status.recv() => {
                    self.show.send_replace(());
                    continue;
                }
            };
            self.ask.send_modify(|asked| *asked = asked.and(signal));
        }
    }
}

async fn hangup(hangups: &mut Option<Signal>) {
    match hangups {
        Some(hangups) => drop(hangups.recv().await),
        None => std::future::pending().await,
    }
}

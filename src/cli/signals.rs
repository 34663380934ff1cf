//! Signals, turned into what they ask of the run.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::run::Ask;

/// Listens from now on: the first signal drains, any second one leaves.
///
/// # Errors
/// The system lets no handler be installed.
pub(super) fn listen() -> std::io::Result<watch::Receiver<Ask>> {
    let interrupts = signal(SignalKind::interrupt())?;
    let terminations = signal(SignalKind::terminate())?;
    let (ask, asked) = watch::channel(Ask::Run);
    tokio::spawn(relay(interrupts, terminations, ask));
    Ok(asked)
}

async fn relay(mut interrupts: Signal, mut terminations: Signal, ask: watch::Sender<Ask>) {
    loop {
        let first = tokio::select! {
            _ = interrupts.recv() => Ask::Interrupt,
            _ = terminations.recv() => Ask::Terminate,
        };
        ask.send_modify(|asked| {
            *asked = if *asked == Ask::Run {
                first
            } else {
                Ask::Leave
            };
        });
    }
}

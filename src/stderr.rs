//! Standard error, which never holds up a run: a reader that has stopped reading (a stopped pager, a full
//! pipe, Ctrl-S) misses what it does not take.
//!
//! A write to a full pipe waits for as long as its reader likes, and the loop, its signals and the end of a
//! run would wait with it. So it is asked first whether there is room, and no more is written at once than
//! that room is for.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a reader may keep the writer waiting, once; then it is not waited for until it reads again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What may be written at once where there is room: `PIPE_BUF`, which is 4,096 bytes on Linux and 512
/// elsewhere (POSIX, limits.h).
const AT_ONCE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// Whether the reader has kept the writer waiting for too long, and has not read since.
static IS_STALLED: AtomicBool = AtomicBool::new(false);

/// Writes a line. What is not read in time, or cannot be written, is lost.
pub(crate) fn line(text: &str) {
    let mut stderr = std::io::stderr().lock();
    for part in [text.as_bytes(), b"\n"].concat().chunks(AT_ONCE) {
        if !is_ready() || stderr.write_all(part).is_err() {
            return;
        }
    }
}

/// Whether something can be written without waiting for the reader, who is given a moment once.
pub(crate) fn is_ready() -> bool {
    let patience = match IS_STALLED.load(Ordering::Relaxed) {
        true => Duration::ZERO,
        false => PATIENCE,
    };
    let stderr = std::io::stderr();
    let mut asked = [PollFd::new(&stderr, PollFlags::OUT)];
    let patience = Timespec::try_from(patience).ok();
    // A signal ends the wait; then, as where it cannot be asked, the write tells.
    let is_ready = poll(&mut asked, patience.as_ref()).map_or(true, |ready| 0 < ready);
    IS_STALLED.store(!is_ready, Ordering::Relaxed);
    is_ready
}

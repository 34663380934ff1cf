//! Bodies of responses: whole, paced, or damaged by a fault.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::connection::{Connection, Cut};

/// The length of the body of `huge_body` and `huge_error`, in bytes.
pub(super) const HUGE_BYTES: u32 = 200_000_000;

/// A part of the huge body.
static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];

/// The parts of the huge body.
pub(super) fn pieces() -> impl Iterator<Item = Bytes> {
    let pieces = HUGE_BYTES as usize / PIECE.len();
    std::iter::repeat_n(Bytes::from_static(&PIECE), pieces)
}

/// The time per byte of `drip`.
const BYTE_TIME: Duration = Duration::from_secs(1);

/// The body of a response.
pub(super) enum ReplyBody {
    /// In one piece.
    Whole(Whole),
    /// In parts, each at its time.
    Paced(Box<Paced>),
}

/// A body in one piece, or what a fault turns it into.
pub(super) struct Whole {
    data: Bytes,
    /// The declared content-length; `None` declares none.
    promised: Option<u64>,
    left: Left,
    /// The connection to cut after this body, and how.
    cut: Option<(Arc<Connection>, Cut)>,
}

/// What remains to be sent.
#[derive(Debug)]
enum Left {
    Data,
    HalfThenBreak,
    Drip(Pin<Box<Sleep>>),
    Pieces(u64),
    Flush,
    Break,
    Nothing,
}

/// A body whose parts are sent at given times.
pub(super) struct Paced {
    parts: VecDeque<(Instant, Bytes)>,
    timer: Pin<Box<Sleep>>,
    close: Close,
    flushed: bool,
    /// Called after the last part.
    finish: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// What happens after the last part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The body ends properly.
    Properly,
    /// The connection is closed.
    Break,
    /// Nothing more is sent, and the connection stays open.
    Never,
}

/// The scenario cuts the connection: there is no response.
#[derive(Debug, thiserror::Error)]
#[error("the scenario closes this connection")]
pub struct HangUp;

impl ReplyBody {
    /// All of `data`.
    pub(super) fn whole(data: Bytes) -> Self {
        let promised = data.len() as u64;
        let left = if data.is_empty() {
            Left::Nothing
        } else {
            Left::Data
        };
        Self::Whole(Whole {
            data,
            promised: Some(promised),
            left,
            cut: None,
        })
    }

    /// `parts` at their times, then `close`; `finish` is called after the last part.
    pub(super) fn paced(
        parts: VecDeque<(Instant, Bytes)>,
        close: Close,
        finish: impl FnOnce() + Send + Sync + 'static,
    ) -> Self {
        Self::Paced(Box::new(Paced {
            parts,
            timer: Box::pin(sleep_until(Instant::now())),
            close,
            flushed: false,
            finish: Some(Box::new(finish)),
        }))
    }

    /// The whole body, or `HangUp` if a fault cuts it.
    pub(super) fn into_whole(self) -> Result<Bytes, HangUp> {
        match self {
            Self::Whole(mut whole) if matches!(whole.left, Left::Data | Left::Nothing) => {
                Ok(std::mem::take(&mut whole.data))
            }
            Self::Whole(_) | Self::Paced(_) => Err(HangUp),
        }
    }

    /// Declares the whole length and cuts the body in its middle.
    pub(super) fn broken(mut self) -> Self {
        if let Self::Whole(whole) = &mut self {
            whole.left = Left::HalfThenBreak;
        }
        self
    }

    /// Sends it at one byte per second.
    pub(super) fn dripping(mut self) -> Self {
        if let Self::Whole(whole) = &mut self {
            whole.left = Left::Drip(Box::pin(sleep(BYTE_TIME)));
        }
        self
    }

    /// Replaces it by the huge body, without a content-length.
    pub(super) fn huge(mut self) -> Self {
        if let Self::Whole(whole) = &mut self {
            whole.promised = None;
            whole.left = Left::Pieces(HUGE_BYTES.into());
        }
        self
    }

    /// Cuts the connection after it.
    pub(super) fn last_of(mut self, line: &Arc<Connection>, how: Cut) -> Self {
        if let Self::Whole(whole) = &mut self {
            whole.cut = Some((Arc::clone(line), how));
        }
        self
    }
}

/// hyper drops a body once it has taken its last byte for writing.
impl Drop for Whole {
    fn drop(&mut self) {
        if let Some((line, how)) = &self.cut {
            line.cut(*how);
        }
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, HangUp>>>;

impl Whole {
    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        match &mut self.left {
            Left::Data => {
                self.left = Left::Nothing;
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))))
            }
            Left::HalfThenBreak => {
                self.left = Left::Flush;
                let middle = self.data.len() / 2;
                let half = self.data.split_to(middle);
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Left::Drip(time) => {
                ready!(time.as_mut().poll(cx));
                if self.data.is_empty() {
                    self.left = Left::Nothing;
                    return Poll::Ready(None);
                }
                self.left = Left::Drip(Box::pin(sleep(BYTE_TIME)));
                Poll::Ready(Some(Ok(Frame::data(self.data.split_to(1)))))
            }
            Left::Pieces(left) => {
                let piece = (PIECE.len() as u64).min(*left);
                if piece == 0 {
                    return Poll::Ready(None);
                }
                *left -= piece;
                let piece = Bytes::from_static(&PIECE).slice(..piece as usize);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Left::Flush => {
                self.left = Left::Break;
                flush(cx)
            }
            Left::Break => Poll::Ready(Some(Err(HangUp))),
            Left::Nothing => Poll::Ready(None),
        }
    }
}

/// hyper writes its buffer when a body is pending.
fn flush(cx: &Context<'_>) -> Polled {
    cx.waker().wake_by_ref();
    Poll::Pending
}

impl Paced {
    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        if let Some((due, _)) = self.parts.front() {
            if Instant::now() < *due {
                let due = *due;
                self.timer.as_mut().reset(due);
                if self.timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
            let part = self.parts.pop_front().map(|(_, part)| part);
            return Poll::Ready(part.map(|part| Ok(Frame::data(part))));
        }
        if let Some(finish) = self.finish.take() {
            finish();
        }
        match self.close {
            Close::Properly => Poll::Ready(None),
            Close::Break if self.flushed => Poll::Ready(Some(Err(HangUp))),
            Close::Break => {
                self.flushed = true;
                flush(cx)
            }
            Close::Never => Poll::Pending,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        match &mut *self {
            Self::Whole(whole) => whole.poll(cx),
            Self::Paced(paced) => paced.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => matches!(whole.left, Left::Nothing),
            Self::Paced(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => {
                let promised = whole.promised;
                promised.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Self::Paced(_) => SizeHint::default(),
        }
    }
}

//! The body of a reply: whole, or what a fault makes of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::line::{Cut, Line};

/// The length of a body that no answer has.
const HUGE_BYTES: u64 = 200_000_000;

/// A piece of it.
static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];

/// How long a byte takes where each is sent by itself.
const BYTE_TIME: Duration = Duration::from_secs(1);

/// A reply's body: whole, or what a fault makes of it.
#[derive(Debug)]
pub(super) struct Sent {
    data: Bytes,
    /// The length that the head of the reply says; `None` says nothing.
    promised: Option<u64>,
    left: Left,
    /// The connection that ends with this body, and how.
    cut: Option<(Arc<Line>, Cut)>,
}

/// What is still to be done for a body.
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

/// The scenario closes the connection here.
#[derive(Debug, thiserror::Error)]
#[error("the scenario closes this connection")]
pub struct HangUp;

impl Sent {
    /// All of `data`.
    pub(super) fn whole(data: Bytes) -> Self {
        let promised = data.len() as u64;
        let left = if data.is_empty() {
            Left::Nothing
        } else {
            Left::Data
        };
        Self {
            data,
            promised: Some(promised),
            left,
            cut: None,
        }
    }

    /// All of it, or the connection's end.
    pub(super) fn into_whole(mut self) -> Result<Bytes, HangUp> {
        match self.left {
            Left::Data | Left::Nothing => Ok(std::mem::take(&mut self.data)),
            Left::HalfThenBreak | Left::Drip(_) | Left::Pieces(_) | Left::Flush | Left::Break => {
                Err(HangUp)
            }
        }
    }

    /// Breaks the body off in its middle, after promising all of it.
    pub(super) fn broken(mut self) -> Self {
        self.left = Left::HalfThenBreak;
        self
    }

    /// Sends it a byte a second.
    pub(super) fn dripping(mut self) -> Self {
        self.left = Left::Drip(Box::pin(sleep(BYTE_TIME)));
        self
    }

    /// Goes on far longer than any answer, without saying for how long.
    pub(super) fn huge(mut self) -> Self {
        self.promised = None;
        self.left = Left::Pieces(HUGE_BYTES);
        self
    }

    /// Ends the connection behind it.
    pub(super) fn last_of(mut self, line: &Arc<Line>, how: Cut) -> Self {
        self.cut = Some((Arc::clone(line), how));
        self
    }
}

/// A body is dropped when its last byte has been taken over for writing.
impl Drop for Sent {
    fn drop(&mut self) {
        if let Some((line, how)) = &self.cut {
            line.cut(*how);
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
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
                self.left = Left::Break; // hyper writes what it holds when a body has to wait
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Left::Break => Poll::Ready(Some(Err(HangUp))),
            Left::Nothing => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        self.promised
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

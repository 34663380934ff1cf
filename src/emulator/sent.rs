//! The body of a reply: whole, or broken off halfway.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A reply's body: whole, or broken off halfway.
#[derive(Debug)]
pub(super) struct Sent {
    data: Bytes,
    promised: u64,
    left: Left,
}

/// What is still to be done for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Data,
    HalfThenBreak,
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
            promised,
            left,
        }
    }

    /// All of it, or the connection's end.
    pub(super) fn into_whole(self) -> Result<Bytes, HangUp> {
        match self.left {
            Left::Data | Left::Nothing => Ok(self.data),
            Left::HalfThenBreak | Left::Flush | Left::Break => Err(HangUp),
        }
    }

    /// Breaks the body off in its middle, after promising all of it.
    pub(super) fn broken(mut self) -> Self {
        self.left = Left::HalfThenBreak;
        self
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
        match self.left {
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
        self.left == Left::Nothing
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}

//! The body of a response that comes whole, and the memory that large ones may take at once.
//!
//! The SDK holds a body three times before it hands it over: in pieces, in one, and as a copy of that. And
//! of every call in flight there may be a large one. So bodies are put together here, once, and what is
//! large waits until there is room for it: while it waits, it stays on its way.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::alarm::Alarm;
use crate::blocking::blocking;
use crate::json_cost;

/// A body that is no longer than this needs no room: completions are not, nor are embeddings.
pub(super) const LARGE: usize = 64 << 10;

/// The bytes that large bodies may have together; one that is longer takes all of it.
const MOST_BYTES: usize = 12 << 20;

/// What a body that does not say its length takes first, before it takes all.
const FIRST_BYTES: usize = 1 << 20;

/// How long a body waits for room: others may be stuck on their way, which must not hold up this one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Semaphores count in 32 bits, so in units of a KiB.
const UNIT: usize = 1 << 10;

/// Memory that calls share: the bytes of large bodies, and the trees that are built of them.
#[derive(Debug)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
    trees: Semaphore,
}

/// Room that is taken, until this is dropped.
pub(super) type Taken = Option<OwnedSemaphorePermit>;

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(MOST_BYTES / UNIT)),
            trees: Semaphore::new(json_cost::MOST_BYTES / UNIT),
        }
    }
}

impl Room {
    /// A body that takes its room from here.
    pub(super) fn body(&self) -> WholeBody {
        let inner = TakenIn {
            body: SdkBody::empty(),
            came: Vec::new(),
            length: None,
            granted: LARGE,
            waiting: None,
            taken: None,
            bytes: Arc::clone(&self.bytes),
        };
        WholeBody(Arc::new(Mutex::new(inner)))
    }

    /// Runs what builds a tree of `raw`: small ones at once, large ones while there is room for them, and
    /// without blocking other calls.
    pub(super) async fn read<T>(&self, raw: &[u8], read: impl FnOnce() -> T) -> T {
        let cost = match raw.len() {
            ..LARGE => json_cost::cost(raw),
            _ => blocking(|| json_cost::cost(raw)),
        };
        // Of what costs too much none is built, but there may be copies of it.
        let needed = cost.unwrap_or(0) + raw.len();
        if needed <= json_cost::SMALL {
            return read();
        }
        let units = needed.min(json_cost::MOST_BYTES) / UNIT;
        // It is never closed.
        let _taken = self.trees.acquire_many(units as u32).await.ok();
        blocking(read)
    }
}

/// The body of one response, which is put together here while the SDK reads it.
#[derive(Debug, Clone)]
pub(super) struct WholeBody(Arc<Mutex<TakenIn>>);

struct TakenIn {
    body: SdkBody,
    came: Vec<u8>,
    /// What the headers say of it.
    length: Option<usize>,
    /// How long it may become before it asks for more room.
    granted: usize,
    waiting: Option<Pin<Box<dyn Future<Output = Taken> + Send>>>,
    taken: Taken,
    bytes: Arc<Semaphore>,
}

impl std::fmt::Debug for TakenIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.came.len())
    }
}

impl WholeBody {
    /// What came, and the room that it takes. There is nothing a second time.
    pub(super) fn take(&self) -> (Bytes, Taken) {
        let mut inner = self.lock();
        let came = std::mem::take(&mut inner.came);
        (came.into(), inner.taken.take())
    }

    fn lock(&self) -> MutexGuard<'_, TakenIn> {
        // A panic elsewhere leaves bytes as good as they were.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TakenIn {
    /// How long it may become after the next wait, and for how many bytes that waits.
    fn next(&self) -> (usize, usize) {
        match self.length {
            Some(length) => (usize::MAX, length.min(MOST_BYTES)),
            None if self.granted < FIRST_BYTES => (FIRST_BYTES, FIRST_BYTES),
            None => (usize::MAX, MOST_BYTES - FIRST_BYTES),
        }
    }

    /// Waits for room where more has come, or is to come, than it has room for.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let coming = self.length.unwrap_or(0).max(self.came.len());
        while self.granted < coming {
            let (grants, bytes) = self.next();
            let free = &self.bytes;
            let waiting = self.waiting.get_or_insert_with(|| {
                let asked = Arc::clone(free).acquire_many_owned((bytes / UNIT) as u32);
                Box::pin(async move {
                    let mut patience = Alarm::after(PATIENCE);
                    patience.or(Box::pin(asked)).await.and_then(Result::ok)
                })
            });
            let more = ready!(waiting.as_mut().poll(context));
            self.waiting = None;
            self.granted = grants;
            match (&mut self.taken, more) {
                (Some(taken), Some(more)) => taken.merge(more),
                (taken @ None, more) => *taken = more,
                (Some(_), None) => {}
            }
        }
        Poll::Ready(())
    }

    fn keep(&mut self, data: &[u8]) {
        if let Some(length) = self.length.filter(|_| self.came.is_empty()) {
            self.came.reserve_exact(length);
        }
        self.came.extend_from_slice(data);
    }
}

/// It ends as the body does, without a byte: they are kept here.
impl Body for WholeBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut inner = self.lock();
        loop {
            ready!(inner.poll_room(context));
            match ready!(Pin::new(&mut inner.body).poll_frame(context)) {
                Some(Ok(frame)) => inner.keep(frame.data_ref().map_or(&[], |data| data)),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Intercept for WholeBody {
    fn name(&self) -> &'static str {
        "whole body"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if response.status().is_success() {
            let length = response.headers().get("content-length");
            let length = length.and_then(|length| length.parse().ok());
            let mut inner = self.lock();
            inner.length = length.filter(|length| *length <= super::wire::LONGEST_ANSWER);
            inner.body = response.take_body();
            drop(inner);
            *response.body_mut() = SdkBody::from_body_1_x(self.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::*;

    /// A body of so many bytes, that says so or not.
    fn body(room: &Room, bytes: usize, says: bool) -> WholeBody {
        let body = room.body();
        let mut inner = body.lock();
        inner.body = SdkBody::from(vec![b'x'; bytes]);
        inner.length = says.then_some(bytes);
        drop(inner);
        body
    }

    /// Takes it in; returns how long that took, and the room that it holds.
    async fn take_in(body: WholeBody) -> (Duration, usize, Taken) {
        let begun = Instant::now();
        let left = body.clone().collect().await.unwrap().to_bytes();
        assert!(left.is_empty(), "the SDK gets none of it");
        let (bytes, taken) = body.take();
        (begun.elapsed(), bytes.len(), taken)
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_takes_no_room_and_a_large_one_what_it_says() {
        let room = Room::default();
        for (bytes, says, held) in [
            (0, true, 0),
            (LARGE, true, 0),
            (LARGE, false, 0),
            (LARGE + UNIT, true, LARGE + UNIT),
            (LARGE + UNIT, false, FIRST_BYTES),
            (MOST_BYTES / 2, true, MOST_BYTES / 2),
            (FIRST_BYTES + 1, false, MOST_BYTES),
            (2 * MOST_BYTES, true, MOST_BYTES),
        ] {
            let (waited, came, taken) = take_in(body(&room, bytes, says)).await;
            assert_eq!((waited, came), (Duration::ZERO, bytes));
            let units = taken.map_or(0, |taken| taken.num_permits());
            assert_eq!(units * UNIT, held, "{bytes} bytes, {says}");
        }
        assert_eq!(room.bytes.available_permits() * UNIT, MOST_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_waits_for_room_and_not_for_ever_and_a_small_one_does_not_wait() {
        let room = Room::default();
        let (_, _, first) = take_in(body(&room, MOST_BYTES, true)).await;
        let second = tokio::spawn(take_in(body(&room, 2 * LARGE, true)));
        let small = take_in(body(&room, LARGE, true)).await;
        assert_eq!(small.0, Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(first);
        let (waited, _, second) = second.await.unwrap();
        assert_eq!(waited, Duration::from_secs(1));
        let (waited, came, third) = take_in(body(&room, MOST_BYTES, true)).await;
        assert_eq!((waited, came), (PATIENCE, MOST_BYTES));
        assert!(second.is_some() && third.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_trees_are_built_at_once_as_there_is_room_for() {
        let room = Room::default();
        let large = [b"[".as_slice(), &b"0,".repeat(100_000), b"0]"].concat();
        let tree = json_cost::cost(&large).unwrap();
        assert!(json_cost::MOST_BYTES / 2 < tree);
        let held = room.trees.try_acquire_many((tree / UNIT) as u32);
        assert_eq!(room.read(b"{}", || 1).await, 1);
        let waits = tokio::time::timeout(PATIENCE, room.read(&large, || 2)).await;
        assert!(waits.is_err());
        drop(held);
        assert_eq!(room.read(&large, || 3).await, 3);
    }
}

//! A connection that faults can close or reset.

use std::net::TcpStream as Socket;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How long written bytes have to leave this process before the connection is cut.
const FLUSH: Duration = Duration::from_millis(5);

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Closed in order, as by a server that shuts down.
    Close,
    /// Reset, as by a middlebox that has lost its state.
    Reset,
}

/// A connection that a fault can cut.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// A second handle on the socket: the HTTP server owns the first and does not return it.
    socket: Option<Socket>,
    asked: Notify,
    how: OnceLock<Cut>,
}

impl Connection {
    /// The state of this connection.
    pub(super) fn of(stream: &TcpStream) -> Self {
        let socket = stream.as_fd().try_clone_to_owned().ok();
        Self {
            socket: socket.map(Socket::from),
            ..Self::default()
        }
    }

    /// Requests that the connection be cut.
    pub(super) fn cut(&self, how: Cut) {
        // The first fault decides how.
        let _ = self.how.set(how);
        self.asked.notify_one();
    }

    /// Waits until the connection is to be cut.
    pub(super) async fn is_cut(&self) {
        self.asked.notified().await;
        tokio::time::sleep(FLUSH).await;
    }

    /// Must be called after every other handle on the socket has been dropped.
    pub(super) fn hang_up(&self) {
        if self.how.get() != Some(&Cut::Reset) {
            return;
        }
        let socket = self.socket.as_ref().and_then(|it| it.try_clone().ok());
        if let Some(Ok(socket)) = socket.map(TcpStream::from_std) {
            // A socket that is already closed needs nothing.
            let _ = socket.set_zero_linger();
        }
    }
}

//! One connection, as far as faults reach it.

use std::net::TcpStream as Socket;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How long what was already written has to leave this process before its connection is cut.
const FLUSH: Duration = Duration::from_millis(5);

/// How a connection ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// In order, as a server that goes away.
    Close,
    /// Abruptly, as a middlebox that has forgotten it.
    Reset,
}

/// A connection that a fault may cut.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// The connection's socket once more: what owns it otherwise does not give it back.
    socket: Option<Socket>,
    asked: Notify,
    how: OnceLock<Cut>,
}

impl Connection {
    /// The line of this connection.
    pub(super) fn of(stream: &TcpStream) -> Self {
        let socket = stream.as_fd().try_clone_to_owned().ok();
        Self {
            socket: socket.map(Socket::from),
            ..Self::default()
        }
    }

    /// Asks for the connection's end.
    pub(super) fn cut(&self, how: Cut) {
        // The first fault that cuts a connection decides how.
        let _ = self.how.set(how);
        self.asked.notify_one();
    }

    /// Waits until the connection is to end.
    pub(super) async fn is_cut(&self) {
        self.asked.notified().await;
        tokio::time::sleep(FLUSH).await;
    }

    /// To be called when nobody else holds the socket any more.
    pub(super) fn hang_up(&self) {
        if self.how.get() != Some(&Cut::Reset) {
            return;
        }
        let socket = self.socket.as_ref().and_then(|it| it.try_clone().ok());
        if let Some(Ok(socket)) = socket.map(TcpStream::from_std) {
            // Nothing can be done about a socket that is gone already.
            let _ = socket.set_zero_linger();
        }
    }
}

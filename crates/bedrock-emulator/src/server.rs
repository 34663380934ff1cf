//! The listening socket, its connections, and the thread that serves them in the background.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::scenario::Scenario;
use super::service::Service;
use super::stats::Stats;

/// How long to leave the listener alone after it could not accept (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many connections may wait to be accepted: clients open hundreds at once.
const BACKLOG: i32 = 1_024;

/// An emulated Bedrock Runtime endpoint, bound and not yet serving.
///
/// [`Emulator::start`] is all that most tests need. Where the address, the runtime or the moment
/// matter, [`bind`](Self::bind) first and then [`serve`](Self::serve) or [`spawn`](Self::spawn).
#[derive(Debug)]
pub struct Emulator {
    listener: std::net::TcpListener,
    addr: SocketAddr,
    service: Arc<Service>,
}

/// An emulator that serves in the background, on a thread of its own. It stops when this is
/// dropped: open connections are closed, and the port is free again.
#[derive(Debug)]
#[must_use = "the emulator stops when its handle is dropped"]
pub struct EmulatorHandle {
    addr: SocketAddr,
    stats: Stats,
    /// Dropping the sender ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The emulator cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address can be reached from other machines.
    #[error("{0} is not a loopback address; the emulator listens on 127.0.0.1 or [::1] only")]
    NotLoopback(IpAddr),
    /// The port is taken, or the operating system rejects it.
    #[error("cannot listen on {addr}: {source}; port 0 takes a free one")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// The operating system's error.
        source: io::Error,
    },
    /// The operating system cannot start a thread.
    #[error("cannot start the emulator's thread: {0}")]
    Thread(io::Error),
}

impl Emulator {
    /// Binds a loopback address; port 0 takes a free port. Connections wait until the emulator
    /// serves. Time in the scenario starts now.
    ///
    /// # Errors
    /// The address is not a loopback address, or it cannot be bound.
    pub fn bind(addr: SocketAddr, scenario: Scenario) -> Result<Self, BindError> {
        if !addr.ip().is_loopback() {
            return Err(BindError::NotLoopback(addr.ip()));
        }
        let failed = |source| BindError::Listen { addr, source };
        let listener = std::net::TcpListener::bind(addr).map_err(failed)?;
        SockRef::from(&listener).listen(BACKLOG).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let service = Arc::new(Service::new(scenario));
        Ok(Self {
            listener,
            addr,
            service,
        })
    }

    /// Serves `scenario` on a free port of 127.0.0.1, in the background.
    ///
    /// # Errors
    /// No port or no thread is available.
    pub fn start(scenario: Scenario) -> Result<EmulatorHandle, BindError> {
        Self::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), scenario)?.spawn()
    }

    /// Where it listens, with the port that was found.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint URL for an SDK: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The counters; they stay readable while and after it serves.
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Serves until dropped; dropping the future closes every connection.
    ///
    /// # Errors
    /// The runtime cannot watch the socket.
    pub async fn serve(self) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(converse(stream, Arc::clone(&self.service)));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Serves in the background, on a thread and a runtime of its own, so that a test needs no
    /// runtime, and one that pauses the time of its runtime does not pause the emulator's.
    ///
    /// # Errors
    /// No thread is available.
    pub fn spawn(self) -> Result<EmulatorHandle, BindError> {
        let (addr, stats) = (self.addr, self.stats());
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BindError::Thread)?;
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    // If the socket cannot be watched, connections are refused, which the test sees.
                    _ = self.serve() => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("bedrock-emulator".to_owned())
            .spawn(serve)
            .map_err(BindError::Thread)?;
        Ok(EmulatorHandle {
            addr,
            stats,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl EmulatorHandle {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint URL for an SDK: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The counters; they stay readable after it has stopped.
    pub fn stats(&self) -> Stats {
        self.stats.clone()
    }
}

impl Drop for EmulatorHandle {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed already.
            let _ = thread.join();
        }
    }
}

/// Serves one connection until either side closes it.
async fn converse(stream: TcpStream, service: Arc<Service>) {
    if stream.set_nodelay(true).is_err() {
        return; // the client has gone already
    }
    let line = Arc::new(service.line(&stream));
    let answer = service_fn(|request| {
        let (service, line) = (Arc::clone(&service), Arc::clone(&line));
        async move { service.answer(request, line).await }
    });
    // HTTP/1.1, or HTTP/2 if the client starts with it, as the SDK for JavaScript does.
    let http = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // An error is a client that left, or a cut that the scenario requested.
        _ = http.serve_connection(TokioIo::new(stream), answer) => {}
        () = line.is_cut() => {}
    }
    line.hang_up();
}

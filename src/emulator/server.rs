//! The listening socket and its connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::scenario::Scenario;
use super::service::Service;
use super::stats::Stats;

/// How long to leave the listener alone after it could not accept (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An emulated Bedrock Runtime endpoint, bound and not yet serving.
#[derive(Debug)]
pub struct Emulator {
    listener: TcpListener,
    addr: SocketAddr,
    service: Arc<Service>,
}

/// The emulator cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address can be reached from other machines.
    #[error("{0} is not a loopback address; the emulator listens on 127.0.0.1 or [::1] only")]
    NotLoopback(IpAddr),
    /// The port is taken, or the system refuses it.
    #[error("cannot listen on {addr}: {source}; port 0 takes a free one")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Emulator {
    /// Binds a loopback address; port 0 takes a free port. Time in the scenario starts now.
    pub async fn bind(addr: SocketAddr, scenario: Scenario) -> Result<Self, BindError> {
        if !addr.ip().is_loopback() {
            return Err(BindError::NotLoopback(addr.ip()));
        }
        let refused = |source| BindError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let service = Arc::new(Service::new(scenario));
        Ok(Self {
            listener,
            addr,
            service,
        })
    }

    /// Where it listens, with the port that was found.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint as an SDK wants it: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The counters; they stay readable while and after it serves.
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Serves until dropped; dropping the future closes every connection.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(converse(stream, Arc::clone(&self.service)));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Answers one connection's calls until either side is done with it.
async fn converse(stream: TcpStream, service: Arc<Service>) {
    if stream.set_nodelay(true).is_err() {
        return; // the client has gone already
    }
    let line = Arc::new(service.line(&stream));
    let answer = service_fn(|request| {
        let (service, line) = (Arc::clone(&service), Arc::clone(&line));
        async move { service.answer(request, line).await }
    });
    // HTTP/1.1, or HTTP/2 where a client begins with it: the SDK for JavaScript does.
    let http = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // An error here is the client's going, or a hang-up the scenario asked for.
        _ = http.serve_connection(TokioIo::new(stream), answer) => {}
        () = line.is_cut() => {}
    }
    line.hang_up();
}

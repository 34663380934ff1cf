//! Faults on the way to the service, before a call is there: names, connections, certificates.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::harness::{Job, Out};

/// Nobody's, signed by itself, for `localhost`, until 2126.
const CERTIFICATE: &[u8] = include_bytes!("untrusted.cert.der");

/// Its key, which protects nothing.
const KEY: &[u8] = include_bytes!("untrusted.key.der");

/// A job over these rows against this endpoint.
fn job(rows: &str, endpoint: &str) -> Job {
    Job::new("run")
        .file("prompts.csv", format!("id,text\n{rows}"))
        .on(endpoint)
        .env("RES_OPTIONS", "timeout:1 attempts:1") // where there is no resolver at all
        .the_usual()
}

/// No row fails of it; the run stops, resumable, and says what it was.
#[track_caller]
fn stops(endpoint: &str, says: &str) -> Out {
    let out = job("a,one\nb,two\nc,three\n", endpoint)
        .args(["--max-attempts", "3", "--throttle-wait", "2s"])
        .run()
        .exits(75)
        .says(says);
    assert_eq!(out.run_file()["remaining"], 3);
    assert_eq!(out.run_file()["this_run"]["maybe_billed"], 0);
    out.sent_nothing()
}

#[test]
fn a_name_that_nobody_knows() {
    let out = stops("https://bedrock.invalid", "network: dns error");
    let _ = out
        .says("; check the name of the region, the proxy (HTTPS_PROXY, NO_PROXY), the VPC endpoint")
        .says("check what the message names, then run the same command; the region is us-east-1");
}

#[test]
fn a_region_that_nobody_knows_is_said_before_the_first_call() {
    let out = Job::new("run")
        .file("prompts.csv", "id,text\na,one\nb,two\nc,three\n")
        .env("AWS_ACCESS_KEY_ID", "made-up")
        .env("AWS_SECRET_ACCESS_KEY", "made-up")
        .env("RES_OPTIONS", "timeout:1 attempts:1")
        .the_usual()
        .args(["--region", "us-esat-1", "--throttle-wait", "2s"])
        .run()
        .exits(75)
        .sent_nothing();
    let note = "us-esat-1 is not a region in the catalog (did you mean us-east-1?): if calls cannot connect, check its name";
    let out = out.says(&format!("warning: {note}\n"));
    let _ = out.says(&format!("what to do {note}; check what the message names"));
}

#[test]
fn a_port_where_nobody_listens() {
    stops(
        "http://127.0.0.1:1",
        "network: tcp connect error: Connection refused",
    );
}

#[test]
fn a_port_that_swallows_connections_is_given_up_after_ten_seconds() {
    let hole = BlackHole::new();
    let start = Instant::now();
    let endpoint = format!("http://{}", hole.address);
    let out = job("a,one\n", &endpoint).args(["--max-attempts", "1"]);
    let out = out.run().exits(3).says("network (row 1");
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    let row = &out.failures()["a"];
    let message = "HTTP connect timeout occurred after 10s: timed out";
    assert_eq!(row["error"]["message"], message);
    assert_eq!(row["maybe_billed"], 0);
}

#[test]
fn a_certificate_that_nobody_signed_stops_the_run_at_once() {
    let server = Untrusted::new();
    let start = Instant::now();
    let endpoint = format!("https://localhost:{}", server.address.port());
    let out = stops(
        &endpoint,
        "network: TLS handshake failed: invalid peer certificate",
    );
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    out.says(
        "what to do if a proxy intercepts TLS, set SSL_CERT_FILE to the file of its certificate authority",
    );
}

#[test]
fn a_port_that_speaks_no_tls() {
    let server = Emulated::new();
    let endpoint = format!("https://localhost:{}", server.address.port());
    stops(
        &endpoint,
        "network: TLS handshake failed: received corrupt message",
    );
}

/// What Nova answers.
const REPLY: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},
"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#;

/// A job against a server whose certificate only this bundle has.
fn job_with_bundle() -> (Untrusted, Job) {
    let server = Untrusted::new();
    let endpoint = format!("https://localhost:{}", server.address.port());
    let job = job("a,one\nb,two\n", &endpoint).file("ca.pem", pem());
    (server, job)
}

/// The certificate as a file of them has it, behind one that nobody can read.
fn pem() -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(CERTIFICATE);
    let block =
        |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    format!("{}{}", block("AAAA"), block(&text))
}

#[test]
fn the_certificates_of_aws_ca_bundle_are_trusted() {
    let (_server, job) = job_with_bundle();
    let out = job.env("AWS_CA_BUNDLE", "ca.pem").run().exits(0);
    assert_eq!(out.answers()["a"]["completion"], "hi");
}

#[test]
fn the_certificates_of_ca_bundle_in_the_profile_are_trusted() {
    let (_server, job) = job_with_bundle();
    let job = job.file(".aws/config", "[profile work]\nca_bundle = ca.pem\n");
    let out = job.env("AWS_PROFILE", "work").run().exits(0);
    assert_eq!(out.answers()["b"]["completion"], "hi");
}

#[test]
fn a_bundle_that_cannot_be_used_is_named_by_its_setting() {
    for (variable, file, says) in [
        (
            "AWS_CA_BUNDLE",
            "none.pem",
            "AWS_CA_BUNDLE: none.pem cannot be read: No such file",
        ),
        (
            "SSL_CERT_FILE",
            "prompts.csv",
            "SSL_CERT_FILE: prompts.csv has no certificate in PEM form that can be used",
        ),
    ] {
        let (_server, job) = job_with_bundle();
        let _ = job.env(variable, file).run().exits(2).says(says);
    }
}

/// A listener whose queue is full: the system answers no further connection.
struct BlackHole {
    address: SocketAddr,
    _held: (
        tokio::net::TcpListener,
        Vec<TcpStream>,
        tokio::runtime::Runtime,
    ),
}

impl BlackHole {
    fn new() -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            socket.listen(1).unwrap()
        });
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queued.push(stream);
        }
        Self {
            address,
            _held: (listener, queued, runtime),
        }
    }
}

/// A server with a certificate that nobody trusts, which answers as Nova whoever does.
struct Untrusted {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Untrusted {
    fn new() -> Self {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (address, runtime) = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                // Most clients are expected to turn away in the middle of it.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut asked = vec![0; 64 << 10];
                while stream.read(&mut asked).await.is_ok_and(|length| 0 < length) {
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
                    let length = REPLY.len();
                    let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{REPLY}");
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

/// A server that speaks plain HTTP, whatever it is sent.
struct Emulated {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Emulated {
    fn new() -> Self {
        let (address, runtime) = serve(|mut stream| async move {
            let _ = stream.read(&mut [0; 16]).await;
            let _ = stream.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

/// Accepts connections in the background.
pub(super) fn serve<F, C>(converse: F) -> (SocketAddr, tokio::runtime::Runtime)
where
    F: Fn(tokio::net::TcpStream) -> C + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let runtime = runtime();
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream));
        }
    });
    (address, runtime)
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

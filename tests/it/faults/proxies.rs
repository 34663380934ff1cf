//! Proxies of the environment that do not let calls through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::AsyncReadExt as _;

use super::way::serve;
use crate::harness::{Job, NOVA, Out};

/// A proxy that answers its nth connection with the nth of these lines, the last one from then on.
struct Proxy {
    url: String,
    asked: Arc<AtomicU32>,
    _runtime: tokio::runtime::Runtime,
}

impl Proxy {
    fn answering(lines: &'static [&'static str]) -> Self {
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        let (address, runtime) = serve(move |mut stream| {
            let nth = count.fetch_add(1, Ordering::SeqCst) as usize;
            async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let line = lines[nth.min(lines.len() - 1)];
                let _ = stream.try_write(format!("{line}\r\n\r\n").as_bytes());
            }
        });
        Self {
            url: format!("http://ada:SECRET@{address}"),
            asked,
            _runtime: runtime,
        }
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A run that would call AWS.
fn job() -> Job {
    signed(Job::new("run"))
        .file("prompts.csv", "id,text\na,one\nb,two\nc,three\n")
        .the_usual()
        .args(["--max-attempts", "3", "--throttle-wait", "2s"])
}

fn signed(job: Job) -> Job {
    job.env("AWS_ACCESS_KEY_ID", "made-up")
        .env("AWS_SECRET_ACCESS_KEY", "made-up")
        .env("AWS_REGION", "us-east-1")
}

/// Nothing was sent, and the proxy's password is not shown.
#[track_caller]
fn stops(job: Job, code: i32, says: &str) -> Out {
    let out = job.run().exits(code).says(says).sent_nothing();
    assert!(!out.stderr.contains("SECRET"), "{}", out.stderr);
    out
}

#[test]
fn a_proxy_that_wants_credentials_stops_the_run_before_its_first_call() {
    let proxy = Proxy::answering(&["HTTP/1.1 407 Proxy Authentication Required"]);
    let out = stops(
        job().env("HTTPS_PROXY", &proxy.url),
        77,
        "bedrock-runtime.us-east-1.amazonaws.com:443: 407 Proxy Authentication Required; put the \
         proxy's user and password into it",
    );
    let _ = out.says("error: HTTPS_PROXY: the proxy http://127.0.0.1:");
    assert_eq!(proxy.asked(), 1);
}

#[test]
fn a_proxy_that_forbids_the_service_stops_the_run_before_its_first_call() {
    let proxy = Proxy::answering(&["HTTP/1.1 403 Forbidden by policy"]);
    stops(
        job().env("https_proxy", &proxy.url),
        77,
        ":443: 403 Forbidden; ask for that host to be allowed, or name it in NO_PROXY",
    );
    assert_eq!(proxy.asked(), 1);
}

#[test]
fn a_proxy_that_is_not_there_or_of_another_kind_is_named_by_its_variable() {
    stops(
        job().env("ALL_PROXY", "http://127.0.0.1:1"),
        2,
        "ALL_PROXY: the proxy http://127.0.0.1:1 cannot be reached: Connection refused",
    );
    stops(
        job().env("HTTPS_PROXY", "socks5://ada:SECRET@127.0.0.1:1080"),
        2,
        "HTTPS_PROXY: proxies of the scheme socks5 are not supported; set it to the URL of an HTTP proxy",
    );
    let ssh = Proxy::answering(&["SSH-2.0-OpenSSH_9.6"]);
    stops(
        job().env("HTTPS_PROXY", &ssh.url),
        2,
        "does not answer as an HTTP proxy",
    );
}

#[test]
fn the_lists_of_models_and_quotas_name_the_proxy_too() {
    let proxy = Proxy::answering(&["HTTP/1.1 407 Proxy Authentication Required"]);
    for job in [Job::new("models"), Job::new("quotas").args([NOVA])] {
        let out = signed(job).env("HTTPS_PROXY", &proxy.url).run().exits(77);
        let _ = out.says("HTTPS_PROXY: the proxy").says("407");
    }
    let check = signed(Job::new("check")).args(["-m", NOVA]);
    let out = check.env("HTTPS_PROXY", &proxy.url).run().exits(77);
    assert!(out.stdout.contains("407"), "{}", out.stdout);
}

#[test]
fn no_proxy_is_asked_for_a_host_that_no_proxy_names_or_on_this_machine() {
    let proxy = Proxy::answering(&["HTTP/1.1 407 Proxy Authentication Required"]);
    let direct = job()
        .env("HTTPS_PROXY", &proxy.url)
        .env("NO_PROXY", ".amazonaws.com")
        .env("RES_OPTIONS", "timeout:1 attempts:1");
    let _ = direct.run().exits(75).says("network: ");
    let here = Job::over("id,text\na,one\n").args(["-t", "{{ text }}"]);
    let _ = here.env("HTTPS_PROXY", &proxy.url).run().exits(0);
    assert_eq!(proxy.asked(), 0);
}

#[test]
fn a_proxy_that_fails_after_it_has_worked_is_an_outage() {
    let proxy = Proxy::answering(&[
        "HTTP/1.1 200 Connection established",
        "HTTP/1.1 407 Proxy Authentication Required",
    ]);
    let out = job().env("HTTPS_PROXY", &proxy.url).run();
    let _ = out.exits(75).says("network: ").sent_nothing();
    assert!(2 < proxy.asked());
}

#[test]
fn a_proxy_that_has_no_way_to_the_service_now_is_an_outage() {
    let proxy = Proxy::answering(&["HTTP/1.1 502 Bad Gateway"]);
    let out = job().env("HTTPS_PROXY", &proxy.url).run();
    let _ = out.exits(75).says("network: ").sent_nothing();
}

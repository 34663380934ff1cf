//! The proxy that the environment names, asked once before the first call.
//!
//! A proxy that wants credentials, forbids the service or is not there at all does so for every call.
//! From the SDK's errors that cannot be told from an outage, which a run waits for. So before anything
//! is sent a tunnel to the service is asked for and let go again. What fails later, when the proxy has
//! worked, is an outage.

use std::ffi::OsString;
use std::time::Duration;

use hyper::{StatusCode, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::ConnectError;

/// How long a proxy may take to accept a connection, and then to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than the head of a proxy's answer has.
const LONGEST_HEAD: u64 = 8 << 10;

/// The variables that may name the proxy of an https endpoint. Of each pair the first that is set
/// counts; the second pair, where the first names no proxy.
const VARIABLES: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];

/// A proxy, and what named it.
#[derive(Debug)]
struct Proxy {
    variable: &'static str,
    /// Its URL, without the credentials that may stand in it.
    address: String,
    intercept: Intercept,
}

/// How a proxy answered.
#[derive(Debug, PartialEq, Eq)]
enum ProxyResponse {
    /// It opened a tunnel, or what it said may pass.
    Usable,
    /// It refused, with this status line.
    Refused { status: u16, said: String },
    /// It cannot be reached.
    Absent(String),
    /// It does not speak HTTP.
    NoProxy,
}

/// Asks the proxy on the way to `endpoint`, where there is one.
///
/// # Errors
/// [`ConnectError::ProxyDenied`] and [`ConnectError::ProxySettings`], with the variable's name.
pub(super) async fn check(endpoint: &str) -> Result<(), ConnectError> {
    let Some(proxy) = on_the_way(endpoint, |name| std::env::var_os(name))? else {
        return Ok(());
    };
    let target = target(endpoint);
    let Proxy {
        variable,
        address,
        intercept,
    } = proxy;
    let of_setting = |why: String| ConnectError::ProxySettings { variable, why };
    match ask(&intercept, &target).await {
        ProxyResponse::Usable => Ok(()),
        ProxyResponse::Refused { status, said } if [401, 403, 407].contains(&status) => {
            let remedy = match status {
                403 => "ask for that host to be allowed, or name it in NO_PROXY",
                _ => "put the proxy's user and password into it (http://USER:PASSWORD@HOST:PORT)",
            };
            Err(ConnectError::ProxyDenied {
                variable,
                why: format!(
                    "the proxy {address} refuses a connection to {target}: {said}; {remedy}"
                ),
            })
        }
        ProxyResponse::Refused { said, .. } => Err(of_setting(format!(
            "the proxy {address} refuses a connection to {target}: {said}"
        ))),
        ProxyResponse::Absent(why) => Err(of_setting(format!(
            "the proxy {address} cannot be reached: {why}"
        ))),
        ProxyResponse::NoProxy => Err(of_setting(format!(
            "{address} does not answer as an HTTP proxy"
        ))),
    }
}

/// The proxy for `endpoint`, as the SDK's HTTP client finds it. It ignores what it does not know, and
/// calls the service without a proxy then.
fn on_the_way(
    endpoint: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Proxy>, ConnectError> {
    let Ok(endpoint) = endpoint.parse::<Uri>() else {
        return Ok(None);
    };
    // Plain HTTP stays on this machine; and a variable of that name is a header in a CGI script.
    if endpoint.scheme_str() != Some("https") || variable("REQUEST_METHOD").is_some() {
        return Ok(None);
    }
    let text = |name: &str| variable(name)?.into_string().ok();
    let direct = text("NO_PROXY")
        .or_else(|| text("no_proxy"))
        .unwrap_or_default();
    for pair in VARIABLES {
        let set = pair.into_iter().find_map(|name| Some((name, text(name)?)));
        let Some((name, url)) = set.filter(|(_, url)| !url.is_empty()) else {
            continue;
        };
        let matcher = |url: &str| Matcher::builder().all(url).no(direct.as_str()).build();
        if matcher("http://proxy").intercept(&endpoint).is_none() {
            return Ok(None);
        }
        let refuse = |why: String| ConnectError::ProxySettings {
            variable: name,
            why,
        };
        let Some(intercept) = matcher(&url).intercept(&endpoint) else {
            let why = match url.split_once("://") {
                Some((scheme, _)) if is_scheme(scheme) && !scheme.starts_with("http") => {
                    unsupported(scheme)
                }
                _ => "it is no URL of a proxy".to_owned(),
            };
            return Err(refuse(why));
        };
        let uri = intercept.uri();
        let scheme = uri.scheme_str().unwrap_or_default();
        if !["http", "https"].contains(&scheme) {
            return Err(refuse(unsupported(scheme)));
        }
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        return Ok(Some(Proxy {
            variable: name,
            address: format!("{scheme}://{host}"),
            intercept,
        }));
    }
    Ok(None)
}

fn is_scheme(word: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(rest)
}

fn unsupported(scheme: &str) -> String {
    format!("proxies of the scheme {scheme} are not supported")
}

/// Host and port of an https endpoint.
fn target(endpoint: &str) -> String {
    let uri = endpoint.parse::<Uri>().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(443);
    format!("{}:{port}", uri.host().unwrap_or_default())
}

/// Asks for a tunnel. A proxy that is spoken to by TLS is only looked for.
async fn ask(proxy: &Intercept, target: &str) -> ProxyResponse {
    let uri = proxy.uri();
    let is_encrypted = uri.scheme_str() == Some("https");
    let port = uri
        .port_u16()
        .unwrap_or(if is_encrypted { 443 } else { 80 });
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let connected = timeout(PATIENCE, TcpStream::connect((host, port))).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return ProxyResponse::Absent(error.to_string()),
        Err(_) => {
            return ProxyResponse::Absent(format!("no response within {} s", PATIENCE.as_secs()));
        }
    };
    if is_encrypted {
        return ProxyResponse::Usable;
    }
    let authorization = proxy.basic_auth().and_then(|it| it.to_str().ok());
    let authorization = authorization.map(|it| format!("Proxy-Authorization: {it}\r\n"));
    let question = format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n",
        authorization.unwrap_or_default()
    );
    match timeout(PATIENCE, first_line(stream, &question)).await {
        Ok(Ok(line)) => read(&line),
        // It may be busy, or just gone.
        Ok(Err(_)) | Err(_) => ProxyResponse::Usable,
    }
}

async fn first_line(mut stream: TcpStream, question: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(question.as_bytes()).await?;
    let mut said = Vec::new();
    let mut stream = stream.take(LONGEST_HEAD);
    while !said.contains(&b'\n') {
        if stream.read_buf(&mut said).await? == 0 {
            break;
        }
    }
    match said.is_empty() {
        true => Err(std::io::ErrorKind::UnexpectedEof.into()),
        false => Ok(said),
    }
}

/// What the first line of an answer means.
fn read(said: &[u8]) -> ProxyResponse {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().next().unwrap_or_default();
    let mut words = line.splitn(3, ' ');
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    let status = words.next().and_then(|word| word.parse::<u16>().ok());
    match (is_http, status) {
        (true, Some(status @ 400..=499)) if status != 408 && status != 429 => {
            // The proxy's own words may be what it was sent.
            let code = StatusCode::from_u16(status).ok();
            let reason = code
                .and_then(|code| code.canonical_reason())
                .unwrap_or_default();
            ProxyResponse::Refused {
                status,
                said: format!("{status} {reason}").trim_end().to_owned(),
            }
        }
        (true, Some(_)) => ProxyResponse::Usable,
        _ => ProxyResponse::NoProxy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy for a service of AWS with these variables.
    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &str) {
        let variable = |name: &str| {
            let set = variables.iter().find(|(set, _)| *set == name);
            set.map(|(_, value)| OsString::from(value))
        };
        let endpoint = "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke";
        let found = match on_the_way(endpoint, variable) {
            Ok(Some(proxy)) => format!("{} {}", proxy.variable, proxy.address),
            Ok(None) => "direct".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{variables:?}");
    }

    #[test]
    fn the_proxy_is_the_one_that_the_http_client_uses() {
        check(&[], "direct");
        check(&[("HTTPS_PROXY", "")], "direct");
        check(&[("HTTP_PROXY", "http://p:1")], "direct");
        check(&[("HTTPS_PROXY", "http://p:1")], "HTTPS_PROXY http://p:1");
        check(&[("https_proxy", "p:1")], "https_proxy http://p:1");
        check(
            &[("HTTPS_PROXY", "http://ada:secret@p:1")],
            "HTTPS_PROXY http://p:1",
        );
        check(&[("ALL_PROXY", "https://p")], "ALL_PROXY https://p");
        check(
            &[("HTTPS_PROXY", "http://p:1"), ("ALL_PROXY", "http://q:1")],
            "HTTPS_PROXY http://p:1",
        );
        check(
            &[
                ("HTTPS_PROXY", "http://p:1"),
                ("NO_PROXY", ".amazonaws.com"),
            ],
            "direct",
        );
        check(
            &[("HTTPS_PROXY", "socks5://p:1"), ("NO_PROXY", "*")],
            "direct",
        );
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_by_its_variable() {
        let remedy =
            "set it to the URL of an HTTP proxy such as http://proxy.example.com:8080, or unset it";
        let unsupported = |variable: &str, scheme: &str| {
            format!("{variable}: proxies of the scheme {scheme} are not supported; {remedy}")
        };
        check(
            &[("HTTPS_PROXY", "socks5://ada:secret@p:1")],
            &unsupported("HTTPS_PROXY", "socks5"),
        );
        check(
            &[("ALL_PROXY", "ftp://p:1")],
            &unsupported("ALL_PROXY", "ftp"),
        );
        check(
            &[("https_proxy", "http://")],
            &format!("https_proxy: it is no URL of a proxy; {remedy}"),
        );
    }

    #[test]
    fn the_first_line_of_an_answer_tells_what_to_expect() {
        let refused = |status, said: &str| ProxyResponse::Refused {
            status,
            said: said.into(),
        };
        let table: &[(&[u8], ProxyResponse)] = &[
            (
                b"HTTP/1.1 200 Connection established\r\n\r\n",
                ProxyResponse::Usable,
            ),
            (
                b"HTTP/1.1 407 Proxy Authentication Required\r\n",
                refused(407, "407 Proxy Authentication Required"),
            ),
            (b"HTTP/1.0 403\r\n", refused(403, "403 Forbidden")),
            (b"HTTP/1.1 502 Bad Gateway\r\n", ProxyResponse::Usable),
            (b"HTTP/1.1 429 Too Many Requests\r\n", ProxyResponse::Usable),
            (b"SSH-2.0-OpenSSH_9.6\r\n", ProxyResponse::NoProxy),
        ];
        for (said, expected) in table {
            assert_eq!(read(said), *expected, "{}", String::from_utf8_lossy(said));
        }
    }
}

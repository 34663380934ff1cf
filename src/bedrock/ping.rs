//! Pings of a monitor that watches whether a job runs at all: one GET that carries nothing but its
//! address. It goes through the same proxies, and trusts the same certificates, as calls do by default.

use std::fmt;
use std::time::Duration;

use aws_sdk_bedrockruntime::config::http::{HttpRequest, HttpResponse};
use aws_sdk_bedrockruntime::error::BoxError;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;

use super::aws::http_client;
use super::error::{causes, plain};
use super::trust;
use crate::url::{is_unencrypted, is_url, origin};

/// How long a ping may take: a monitor that hangs must not hold up the end of a run.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address of a check, as healthchecks.io has them.
#[derive(Clone, PartialEq, Eq)]
pub struct PingUrl {
    origin: String,
    path: String,
    query: String,
}

/// The path of a check is what allows to ping it: it is not shown.
impl fmt::Debug for PingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PingUrl({}/…)", self.origin)
    }
}

impl PingUrl {
    /// Reads an address: HTTPS, or plain HTTP to this machine.
    ///
    /// # Errors
    /// Says what is wrong with it, without quoting it.
    pub fn parse(typed: &str) -> Result<Self, String> {
        let typed = typed.split('#').next().unwrap_or(typed);
        let (url, query) = match typed.split_once('?') {
            Some((url, query)) => (url, format!("?{query}")),
            None => (typed, String::new()),
        };
        if typed.is_empty() {
            return Err("no URL: set PROMPTMILL_PING to it first, or leave the flag out".into());
        }
        if !is_url(url) || query.contains(char::is_whitespace) {
            return Err("it takes a URL such as https://hc-ping.com/UUID".into());
        }
        if is_unencrypted(url) {
            return Err("plain http:// goes to this machine only: use https://".into());
        }
        let origin = origin(url).to_owned();
        let path = url[origin.len()..].trim_end_matches('/').to_owned();
        Ok(Self {
            origin,
            path,
            query,
        })
    }

    fn with(&self, what: &str) -> String {
        format!("{}/{what}{}", self.path, self.query)
    }

    /// Pings the check: `start`, or an exit code.
    ///
    /// # Errors
    /// Why it did not arrive, without the path of the check.
    pub async fn send(&self, what: &str) -> Result<(), String> {
        let proxy = match self.origin.starts_with("http://") {
            true => ProxyConfig::disabled(),
            false => ProxyConfig::from_env(),
        };
        let trust = trust::of_system().map_err(|error| error.to_string())?;
        let client = http_client(proxy, trust).map_err(|error| error.to_string())?;
        let ping = Operation::builder()
            .service_name("ping")
            .operation_name("ping")
            .endpoint_url(&self.origin)
            .no_auth()
            .no_retry()
            .http_client(client)
            .serializer(request)
            .deserializer(answer)
            .build();
        let sent = tokio::time::timeout(PATIENCE, ping.invoke(self.with(what)));
        match sent.await {
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            Ok(Ok(status)) if (200..300).contains(&status) => Ok(()),
            Ok(Ok(status)) => Err(format!("answered with status {status}")),
            Ok(Err(error)) => {
                let text = plain(&causes(&error));
                // They are what tells one check from another, and stay secret.
                let secrets = [&self.query, &self.path].into_iter();
                let secrets = secrets.filter(|secret| !secret.is_empty());
                Err(secrets.fold(text, |text, secret| text.replace(secret.as_str(), "…")))
            }
        }
    }

    /// Where it is, as messages name it.
    pub fn host(&self) -> &str {
        &self.origin
    }
}

fn request(path: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::get(path)?;
    let name = concat!("promptmill/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert("user-agent", name);
    Ok(request)
}

/// A ping is answered by its status alone.
#[derive(Debug, thiserror::Error)]
#[error("the answer was not understood")]
struct NotUnderstood;

#[expect(clippy::unnecessary_wraps, reason = "the operation asks for a result")]
fn answer(response: &HttpResponse) -> Result<u16, OrchestratorError<NotUnderstood>> {
    Ok(response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pinged_stands_behind_the_path_and_before_the_query() {
        for (typed, expected) in [
            ("https://hc.example/uuid", "/uuid/start"),
            ("https://hc.example/uuid/", "/uuid/start"),
            (
                "https://hc.example/key/slug?create=1",
                "/key/slug/start?create=1",
            ),
            ("http://127.0.0.1:8000/uuid#x", "/uuid/start"),
        ] {
            assert_eq!(PingUrl::parse(typed).unwrap().with("start"), expected);
        }
    }

    #[test]
    fn an_address_that_is_not_encrypted_or_none_is_rejected_and_never_quoted() {
        for typed in [
            "http://hc.example/secret",
            "hc.example/secret",
            "",
            "ftp://a/secret",
        ] {
            let why = PingUrl::parse(typed).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
        let url = PingUrl::parse("https://hc.example/secret").unwrap();
        assert_eq!(format!("{url:?}"), "PingUrl(https://hc.example/…)");
    }
}

//! Endpoints as people write them: whether they are URLs, whether they stay on this machine, and what of
//! them may be shown.

/// Whether this is an http(s) URL with a host, with a port or none, and without a user, a query or a fragment:
/// the SDK ignores these, and they may be secrets.
pub fn is_url(url: &str) -> bool {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let unfit = |c: char| c.is_whitespace() || c == '?' || c == '#';
    let Some(rest) = rest.filter(|rest| !rest.contains(unfit)) else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((host, port)) => (host, port),
            None => return false,
        },
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
    let begins = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':');
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| 0 < port);
    begins
        && host.chars().all(is_host)
        && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Plain HTTP to anywhere but this machine.
pub fn is_unencrypted(uri: &str) -> bool {
    uri.starts_with("http://") && !is_loopback(uri)
}

/// Whether a URL is of this machine, by its host.
pub(crate) fn is_loopback(uri: &str) -> bool {
    let host = host(uri);
    let is_address = |host: &str| {
        host.parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
    };
    host.eq_ignore_ascii_case("localhost") || is_address(host)
}

/// The host of a URL, without its port.
pub(crate) fn host(uri: &str) -> &str {
    let origin = origin(uri);
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host),
    }
}

/// The URL as it may be shown: without a user and a password, a query and a fragment, which may be secrets and
/// belong into no message. `...` stands for what is left out.
pub fn shown(url: &str) -> String {
    let from = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(from);
    let end = rest.find(['?', '#']);
    let user = rest.rfind('@');
    match (user, end) {
        (None, None) => url.to_owned(),
        (Some(at), None) => format!("{scheme}...{}", &rest[at..]),
        (None, Some(end)) => format!("{scheme}{}...", &rest[..=end]),
        // Which part of it is a password, and which a query?
        (Some(_), Some(_)) => format!("{scheme}..."),
    }
}

/// What to do about a URL that [`is_url`] does not take because of what may be a secret; nothing else.
pub fn advice(url: &str) -> &'static str {
    match shown(url) == url {
        true => "",
        false => "; leave out its user, query and fragment",
    }
}

/// Scheme, host and port.
pub(crate) fn origin(uri: &str) -> &str {
    let from = uri.find("://").map_or(0, |at| at + 3);
    let to = uri[from..]
        .find(['/', '?', '#'])
        .map_or(uri.len(), |at| from + at);
    &uri[..to]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_a_port_that_is_one_and_nothing_secret() {
        for url in [
            "https://vpce-1a2b.bedrock-runtime.us-east-1.vpce.amazonaws.com",
            "http://127.0.0.1:8686",
            "http://[::1]:8686/",
            "https://example.com/path",
        ] {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "garbage",
            "ftp://example.com",
            "http://",
            "http://:80",
            "http://127.0.0.1:43681:",
            "http://127.0.0.1:",
            "http://127.0.0.1:99999",
            "http://[::1",
            "http://exa mple.com",
            "https://-",
            "https://ada:secret@example.com",
            "https://example.com/path?query",
            "https://example.com#fragment",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_left_out_of_a_url() {
        for (url, expected) in [
            (
                "http://ada:secret@127.0.0.1:1/x",
                "http://...@127.0.0.1:1/x",
            ),
            ("ada:sec/ret@host", "...@host"),
            ("https://example.com/x", "https://example.com/x"),
            (
                "https://example.com/x?key=secret",
                "https://example.com/x?...",
            ),
            ("https://example.com#secret", "https://example.com#..."),
            ("https://ada:sec?ret@example.com/x", "https://..."),
            ("https://example.com/x?secret@cret", "https://..."),
            ("garbage?secret", "garbage?..."),
        ] {
            assert_eq!(shown(url), expected);
            assert!(!shown(url).contains("secret"), "{url}");
        }
    }

    #[test]
    fn only_this_machine_may_be_spoken_to_in_plain_text() {
        let table = [
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke",
                false,
            ),
            ("http://127.0.0.1:9000/model/x/invoke", false),
            ("http://localhost/model/x/invoke", false),
            ("http://[::1]:9000/model/x/invoke", false),
            ("http://bedrock.example.com:9000/model/x/invoke", true),
            ("http://127.0.0.1.example.com/", true),
            ("http://10.0.0.7/", true),
        ];
        for (uri, unencrypted) in table {
            assert_eq!(is_unencrypted(uri), unencrypted, "{uri}");
        }
    }
}

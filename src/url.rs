//! Endpoints as people write them: whether they are URLs, and whether they stay on this machine.

/// Whether this is an http(s) URL with a host, and with a port or none.
pub fn is_url(url: &str) -> bool {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest.filter(|rest| !rest.contains(char::is_whitespace)) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
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
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host),
    };
    let loopback = host
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    !loopback && host != "localhost"
}

/// The URL without a user and a password, which may be a secret and belong into no message.
pub fn without_user(url: &str) -> String {
    let from = url.find("://").map_or(0, |at| at + 3);
    match url[from..].rfind('@') {
        Some(at) => format!("{}...{}", &url[..from], &url[from + at..]),
        None => url.to_owned(),
    }
}

/// Scheme, host and port.
pub(crate) fn origin(uri: &str) -> &str {
    let from = uri.find("://").map_or(0, |at| at + 3);
    let to = uri[from..].find('/').map_or(uri.len(), |at| from + at);
    &uri[..to]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_a_port_that_is_one() {
        for url in [
            "https://vpce-1a2b.bedrock-runtime.us-east-1.vpce.amazonaws.com",
            "http://127.0.0.1:8686",
            "http://[::1]:8686/",
            "https://example.com/path?query",
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
        ] {
            assert!(!is_url(url), "{url}");
        }
    }

    #[test]
    fn a_password_is_left_out_of_a_url() {
        for (url, shown) in [
            (
                "http://ada:secret@127.0.0.1:1/x",
                "http://...@127.0.0.1:1/x",
            ),
            ("ada:sec/ret@host", "...@host"),
            ("https://example.com/x", "https://example.com/x"),
        ] {
            assert_eq!(without_user(url), shown);
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

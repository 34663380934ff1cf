//! The credentials of a call, taken out of what comes back: a gateway, a proxy or a hostile endpoint may echo
//! the headers that it was sent, and an error is kept in a file.

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;

/// What stands where a credential stood.
const REMOVED: &[u8] = b"[credential removed]";

/// Bytes in a row by which a credential is known, so that a part of one is found too. Shorter ones are known
/// by all of theirs.
const KNOWN_BY: usize = 16;

/// A shorter credential is made up: it may be a word of any text.
const SHORTEST: usize = 8;

/// The credentials that one call carried.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Those of these headers: `authorization` and `x-amz-security-token`.
    pub(super) fn of(authorization: Option<&str>, session: Option<&str>) -> Self {
        // `Bearer KEY`, or `AWS4-HMAC-SHA256 Credential=ID/day/…, SignedHeaders=…, Signature=…`.
        let parts = authorization.unwrap_or_default().split([' ', ',']);
        let secret = |part: &str| {
            let found = match part.split_once('=') {
                Some(("Signature", signature)) => signature,
                Some(("Credential", scope)) => scope.split_once('/').map_or(scope, |(id, _)| id),
                Some(("SignedHeaders", _)) => return None,
                Some(_) | None => part,
            };
            (SHORTEST <= found.len() && found != "AWS4-HMAC-SHA256").then(|| found.to_owned())
        };
        let session = session.filter(|it| SHORTEST <= it.len()).map(str::to_owned);
        Self(parts.filter_map(secret).chain(session).collect())
    }

    /// The bytes without them.
    pub(super) fn removed_from(&self, bytes: &Bytes) -> Bytes {
        match self.without(bytes) {
            Some(without) => without.into(),
            None => bytes.clone(),
        }
    }

    /// The text without them.
    pub(super) fn removed_from_text(&self, text: String) -> String {
        match self.without(text.as_bytes()) {
            Some(without) => String::from_utf8_lossy(&without).into_owned(),
            None => text,
        }
    }

    /// `None` where there is none of them.
    fn without(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for secret in &self.0 {
            let length = secret.len().min(KNOWN_BY);
            let known: HashSet<&[u8]> = secret.as_bytes().windows(length).collect();
            // Bodies are long, and hardly a place of theirs begins as a credential does.
            let mut begins = [false; 1 << 16];
            for window in &known {
                begins[pair(window)] = true;
            }
            for (at, window) in bytes.windows(length).enumerate() {
                if !(begins[pair(window)] && known.contains(window)) {
                    continue;
                }
                match found.last_mut() {
                    Some(last) if last.contains(&at) => last.end = at + length,
                    Some(_) | None => found.push(at..at + length),
                }
            }
        }
        found.sort_unstable_by_key(|place| place.start);
        let mut without = Vec::new();
        let mut end = 0;
        for place in &found {
            if end < place.start || end == 0 {
                without.extend_from_slice(&bytes[end..place.start]);
                without.extend_from_slice(REMOVED);
            }
            end = end.max(place.end);
        }
        without.extend_from_slice(&bytes[end..]);
        (!found.is_empty()).then_some(without)
    }
}

/// How a credential begins; it has more bytes than that.
fn pair(window: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([window[0], window[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE12345678/20261201/us-east-1/bedrock/aws4_request, \
                          SignedHeaders=content-type;host;x-amz-date, \
                          Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

    #[track_caller]
    fn check(secrets: &Secrets, text: &str, without: &str) {
        assert_eq!(secrets.removed_from_text(text.to_owned()), without);
        assert_eq!(
            secrets.removed_from(&text.to_owned().into()),
            without.as_bytes()
        );
    }

    #[test]
    fn what_a_call_carried_is_taken_out_of_what_comes_back() {
        let secrets = Secrets::of(
            Some(SIGNED),
            Some("IQoJb3JpZ2luX2VjEXAMPLETOKEN//////////wEaCXVz"),
        );
        let removed = "[credential removed]";
        check(&secrets, "no prompt of ours", "no prompt of ours");
        check(
            &secrets,
            "got IQoJb3JpZ2luX2VjEXAMPLETOKEN//////////wEaCXVz!",
            &format!("got {removed}!"),
        );
        check(
            &secrets,
            "cut: IQoJb3JpZ2luX2VjEXAM…",
            &format!("cut: {removed}…"),
        );
        check(
            &secrets,
            "Credential=AKIDEXAMPLE12345678/2026",
            &format!("Credential={removed}/2026"),
        );
        check(
            &secrets,
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            removed,
        );
        let key = Secrets::of(Some("Bearer ABSKQmVkcm9ja0FQSUtleQ=="), None);
        check(
            &key,
            "{\"k\":\"ABSKQmVkcm9ja0FQSUtleQ==\"}",
            &format!("{{\"k\":\"{removed}\"}}"),
        );
        check(&key, "Bearer", "Bearer");
        let made_up = Secrets::of(
            Some("AWS4-HMAC-SHA256 Credential=test/1, Signature=x"),
            None,
        );
        check(&made_up, "a test", "a test");
    }
}

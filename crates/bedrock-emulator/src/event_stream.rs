//! Framing of `application/vnd.amazon.eventstream`: lengths, headers, payload, and CRC-32 checksums of
//! prelude and message.
//!
//! Written from the format's description and not with the SDK's code, so that the SDK's reader checks it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};

/// Bytes of a message besides headers and payload: two lengths and two checksums.
const FRAME_BYTES: usize = 16;

/// The type of a header whose value is a string.
const TEXT: u8 = 7;

/// The padding of a chunk, which hides the length of its text.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A chunk with this payload and `padding` letters.
pub(super) fn chunk(chunk: &[u8], padding: usize) -> Bytes {
    let padding = &PADDING[..padding.min(PADDING.len())];
    let payload = json!({"bytes": STANDARD.encode(chunk), "p": padding});
    event("chunk", &payload)
}

/// An event of this type.
pub(super) fn event(kind: &str, payload: &Value) -> Bytes {
    let headers = [
        (":event-type", kind),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, payload.to_string().as_bytes())
}

/// An exception between two chunks.
pub(super) fn exception(kind: &str, text: &str) -> Bytes {
    let headers = [
        (":exception-type", kind),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    message(&headers, json!({"message": text}).to_string().as_bytes())
}

/// The beginning of a message that declares this many bytes.
pub(super) fn beginning(total: u32) -> Bytes {
    prelude(total, 0).freeze()
}

fn prelude(total: u32, head: u32) -> BytesMut {
    let mut prelude = BytesMut::with_capacity(total.min(1 << 16) as usize);
    prelude.put_u32(total);
    prelude.put_u32(head);
    prelude.put_u32(crc32fast::hash(&prelude));
    prelude
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in headers {
        // Names and values are short constants.
        head.put_u8(name.len() as u8);
        head.put_slice(name.as_bytes());
        head.put_u8(TEXT);
        head.put_u16(value.len() as u16);
        head.put_slice(value.as_bytes());
    }
    let total = FRAME_BYTES + head.len() + payload.len();
    let mut whole = prelude(total as u32, head.len() as u32);
    whole.put_slice(&head);
    whole.put_slice(payload);
    whole.put_u32(crc32fast::hash(&whole));
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_laid_out_as_the_format_says() {
        let hex: String = exception("throttlingException", "no")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let headers = concat!(
            "0f3a657863657074696f6e2d74797065", // 15, ":exception-type"
            "070013",                           // text of 19
            "7468726f74746c696e67457863657074696f6e",
            "0d3a636f6e74656e742d74797065", // 13, ":content-type"
            "070010",
            "6170706c69636174696f6e2f6a736f6e",
            "0d3a6d6573736167652d74797065", // 13, ":message-type"
            "070009",
            "657863657074696f6e",
        );
        let payload = "7b226d657373616765223a226e6f227d"; // {"message":"no"}
        let length = FRAME_BYTES + (headers.len() + payload.len()) / 2;
        assert!(hex.starts_with(&format!("{length:08x}{:08x}", headers.len() / 2)));
        assert!(
            hex[24..].starts_with(&format!("{headers}{payload}")),
            "{hex}"
        );
        assert_eq!(hex.len(), length * 2);
    }
}

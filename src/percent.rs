//! Percent-encoding, as the SDK writes it.

use std::fmt::Write as _;

/// An id or ARN as one segment of a path, or one value of a query.
pub(crate) fn segment(text: &str) -> String {
    let mut segment = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            other => drop(write!(segment, "%{other:02X}")),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_one_segment_of_a_path() {
        assert_eq!(segment("arn:a/b-1.x_y~"), "arn%3Aa%2Fb-1.x_y~");
    }
}

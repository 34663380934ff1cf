//! Fingerprints: 64 bits of a hash, as outputs store them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What a request, or a job's settings, are recognized by in an output: the first 8 bytes of a
/// SHA-256 hash, big-endian. Written as 16 lowercase hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fingerprint(pub u64);

/// Text that is not 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fingerprint: expected 16 hexadecimal digits")]
pub struct FingerprintError(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let are_digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u64::from_str_radix(text, 16) {
            Ok(value) if are_digits => Ok(Self(value)),
            Ok(_) | Err(_) => Err(FingerprintError(text.to_owned())),
        }
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_sixteen_digits_both_ways() {
        for (value, text) in [
            (0, "0000000000000000"),
            (0x2a, "000000000000002a"),
            (u64::MAX, "ffffffffffffffff"),
        ] {
            assert_eq!(Fingerprint(value).to_string(), text);
            assert_eq!(text.parse(), Ok(Fingerprint(value)));
            let json = serde_json::to_string(&Fingerprint(value)).unwrap();
            assert_eq!(json, format!("\"{text}\""));
        }
        assert_eq!(
            "ABCDEF0123456789".parse(),
            Ok(Fingerprint(0xabcd_ef01_2345_6789))
        );
    }

    #[test]
    fn other_text_is_not_a_fingerprint() {
        for text in [
            "",
            "00",
            "+123456789abcdef",
            "000000000000000g",
            "00000000000000000",
            "é",
        ] {
            let error = text.parse::<Fingerprint>().unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{text}` is not a fingerprint"))
            );
        }
    }
}

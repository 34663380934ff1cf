//! The chunks of a stream: read as they come, and kept in case they make no response.

use std::ops::Range;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::time::Instant;

use super::bad_stream::BadStream;
use super::wire;
use crate::family::Assembly;

/// Chunks as they come. They are read at once until there are words, for the time of the first;
/// from then on many together, because a processor that turns to another stream after each has
/// forgotten how.
pub(super) struct Chunks {
    pub(super) assembly: Assembly,
    /// All of them, as in a JSON array that is still open, in case they make no response.
    pub(super) raw: Vec<u8>,
    /// Where in it each of them ends.
    pub(super) ends: Vec<usize>,
    /// How many of them have been read.
    read: usize,
    sent: Instant,
    pub(super) first_token: Option<Duration>,
}

impl Chunks {
    /// The most chunks that are read together: enough for the processor, few for the memory.
    const TOGETHER: usize = 256;

    pub(super) fn new(assembly: Assembly) -> Self {
        Self {
            assembly,
            raw: b"[".to_vec(),
            ends: Vec::new(),
            read: 0,
            sent: Instant::now(),
            first_token: None,
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), BadStream> {
        if 1 < self.raw.len() {
            self.raw.push(b',');
        }
        let end = self.raw.len() + bytes.len();
        if wire::LONGEST_ANSWER < end {
            return Err(BadStream::TooLong);
        }
        self.raw.extend_from_slice(bytes);
        self.ends.push(end);
        if self.first_token.is_none() {
            self.read()?;
            let has_words = self.assembly.has_words();
            self.first_token = has_words.then(|| self.sent.elapsed());
        } else if Self::TOGETHER <= self.ends.len() - self.read {
            self.read()?;
        }
        Ok(())
    }

    pub(super) fn read(&mut self) -> Result<(), BadStream> {
        while self.read < self.ends.len() {
            let chunk = &self.raw[range(&self.ends, self.read)];
            self.read += 1;
            self.assembly.push(chunk)?;
        }
        Ok(())
    }
}

/// Where the chunk of this number stands: each is behind a bracket or a comma.
fn range(ends: &[usize], number: usize) -> Range<usize> {
    let before = number.checked_sub(1).map_or(0, |before| ends[before]);
    before + 1..ends[number]
}

/// All chunks in a JSON array. One that is not JSON is a text there.
pub(super) fn array(mut raw: Vec<u8>, ends: &[usize]) -> Vec<u8> {
    let chunks = || (0..ends.len()).map(|number| &raw[range(ends, number)]);
    let is_json = |chunk: &[u8]| serde_json::from_slice::<IgnoredAny>(chunk).is_ok();
    if chunks().all(is_json) {
        raw.push(b']');
        return raw;
    }
    let written = chunks().map(|chunk| match is_json(chunk) {
        true => chunk.to_vec(),
        false => Value::from(String::from_utf8_lossy(chunk))
            .to_string()
            .into(),
    });
    let written: Vec<Vec<u8>> = written.collect();
    [b"[".as_slice(), &written.join(&b','), b"]"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;

    #[test]
    fn chunks_are_kept_as_a_json_array_whatever_they_are() {
        for (chunks, kept) in [
            (&[][..], "[]"),
            (&["{\"a\":1}"], "[{\"a\":1}]"),
            (&["{\"a\":1}", "7", "[]"], "[{\"a\":1},7,[]]"),
            (&["{\"a\":1}", "<p>", ""], "[{\"a\":1},\"<p>\",\"\"]"),
        ] {
            let mut taken = Chunks::new(Family::Llama3.assemble().unwrap());
            for chunk in chunks {
                taken.take(chunk.as_bytes()).unwrap();
            }
            let array = array(taken.raw, &taken.ends);
            assert_eq!(String::from_utf8(array).unwrap(), kept);
        }
    }
}

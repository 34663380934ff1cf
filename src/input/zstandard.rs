//! Zstandard archives, which may be several frames behind each other (RFC 8878).

use std::io::{self, BufRead as _, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// An archive, decompressed as it is read.
pub(super) struct Archive<R> {
    raw: BufReader<Remembering<R>>,
    decoder: FrameDecoder,
    /// Whether the decoder is inside a frame.
    in_frame: bool,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(raw: R) -> Self {
        Self {
            raw: BufReader::new(Remembering { raw, error: None }),
            decoder: FrameDecoder::new(),
            in_frame: false,
        }
    }

    /// Goes to the next frame with content; false where the archive ends.
    fn begin_frame(&mut self) -> io::Result<bool> {
        loop {
            match self.raw.fill_buf() {
                Ok([]) => return Ok(false),
                Ok(_) => {}
                Err(error) => return Err(self.raw.get_mut().error.take().unwrap_or(error)),
            }
            match self.decoder.reset(&mut self.raw) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped = io::copy(&mut self.raw.by_ref().take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(cut_short());
                    }
                }
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    /// What the decoder says, in words: its own are those of its types.
    fn broken(&mut self, error: &FrameDecoderError) -> io::Error {
        match self.raw.get_mut().error.take() {
            Some(error) => error,
            None => explained(error),
        }
    }

    /// A frame may carry a checksum of its content.
    fn end_frame(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let said = self.decoder.get_checksum_from_data();
        match (said, self.decoder.get_calculated_checksum()) {
            (Some(said), Some(calculated)) if said != calculated => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the Zstandard archive is corrupt: its checksum does not fit",
            )),
            _ => Ok(()),
        }
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame && !self.begin_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.raw, one);
                decoded.map_err(|error| self.broken(&error))?;
            }
            let read = self.decoder.read(buffer)?;
            if 0 < read {
                return Ok(read);
            }
            self.end_frame()?;
        }
    }
}

fn cut_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the Zstandard archive is cut short",
    )
}

/// A reader whose error can still be had when the decoder has wrapped it.
struct Remembering<R> {
    raw: R,
    error: Option<io::Error>,
}

impl<R: Read> Read for Remembering<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.raw.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.error = Some(error);
            }
            kind.into()
        })
    }
}

fn explained(error: &FrameDecoderError) -> io::Error {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        let end = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        if end == Some(io::ErrorKind::UnexpectedEof) {
            return cut_short();
        }
        next = cause.source();
    }
    let why = if matches!(error, FrameDecoderError::WindowSizeTooBig { .. }) {
        "it needs more than 128 MiB of memory; compress it again without --long"
    } else if matches!(error, FrameDecoderError::DictNotProvided { .. }) {
        "it was compressed with a dictionary; compress it again without one"
    } else {
        "decompress it with `zstd -d` to see where"
    };
    let message = format!("the Zstandard archive cannot be read: {why}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(archive: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        let read = Archive::new(archive).read_to_string(&mut text);
        read.map(|_| text).map_err(|error| error.to_string())
    }

    fn frame(text: &str, level: i32) -> Vec<u8> {
        zstd::encode_all(text.as_bytes(), level).unwrap()
    }

    /// A frame that has a checksum, as the command line tool writes it.
    fn checked(text: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn long() -> String {
        let mut rng = fastrand::Rng::with_seed(7);
        let lines = (0..40_000).map(|row| format!("{row},{}\n", rng.u64(..) >> rng.u8(..60)));
        lines.collect()
    }

    #[test]
    fn an_archive_is_read_at_every_level_and_with_its_checksum() {
        let text = long();
        for level in [-5, 1, 3, 9, 19, 22] {
            assert!(read(&frame(&text, level)) == Ok(text.clone()), "{level}");
        }
        assert!(read(&checked(&text)) == Ok(text));
        assert_eq!(read(&frame("", 3)), Ok(String::new()));
    }

    #[test]
    fn frames_behind_each_other_are_one_text_and_skippable_ones_are_skipped() {
        let skippable = [b"\x50\x2a\x4d\x18\x03\0\0\0abc".as_slice()].concat();
        let parts = [
            skippable.clone(),
            frame("one\n", 3),
            checked("two\n"),
            frame("", 3),
            skippable.clone(),
            frame("three\n", 19),
            skippable,
        ];
        assert_eq!(read(&parts.concat()), Ok("one\ntwo\nthree\n".into()));
    }

    #[test]
    fn an_error_of_the_file_stays_what_it_is() {
        struct Dies;
        impl Read for Dies {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let whole = checked(&long());
        for length in [0, 3, 1000] {
            let mut archive = Archive::new(whole[..length].chain(Dies));
            let error = io::copy(&mut archive, &mut io::sink()).expect_err("it broke");
            assert_eq!(error.to_string(), "the disk is gone", "{length}");
        }
    }

    #[test]
    fn a_broken_archive_is_never_a_shorter_text() {
        let whole = checked(&long());
        for length in [5, 100, whole.len() / 2, whole.len() - 1] {
            assert_eq!(
                read(&whole[..length]),
                Err("the Zstandard archive is cut short".into()),
                "{length}"
            );
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(
            read(&flipped),
            Err("the Zstandard archive is corrupt: its checksum does not fit".into())
        );
        let garbage = [frame("one\n", 3), b"garbage".to_vec()].concat();
        assert!(read(&garbage).is_err());
        assert!(read(b"\x50\x2a\x4d\x18\xff\0\0\0abc").is_err());
    }
}

//! A file of lines, read without trusting it.
//!
//! What follows the last good line decides what the file is: nothing (whole), a whole line without its
//! newline (fixed), other bytes (torn: backed up and cut). A bad line
//! *between* good ones is a hole if it holds NUL bytes: a line never does, and a file system that
//! lost power leaves them where it gave room and wrote nothing; only lines that were never synced
//! can surround one. Any other bad line between good ones is corruption: rejected, since a person
//! should know before anything is cut there. A file without a good line is an output if it begins as a
//! line of an output does.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::disk::OnDisk;
use super::error::{LedgerError, io_error};
use super::line::Known;

/// What every line of an output begins with.
const OURS: &[u8] = br#"{"custom_id":"#;

/// The least that a disk writes or leaves out.
const SECTOR: usize = 512;

/// No line of an output is longer: a response has at most 32 MiB and a record of the input 64, of which
/// escaping makes six times as many where they are no text; what else is in a line fits into the rest.
/// What is longer was written by another program, and is not read into memory.
pub(super) const LONGEST_LINE: u64 = 640 << 20;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

/// One line, as it was found.
pub(super) struct FoundLine<'a> {
    /// Where it starts.
    pub(super) at: u64,
    /// Which line it is, from 1.
    pub(super) number: u64,
    /// With its newline, where it has one.
    pub(super) bytes: &'a [u8],
    /// What it says, if it is a line of an output.
    pub(super) known: Option<Known>,
}

/// What was found at the end of a file, or on the way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TailState {
    Whole,
    NoNewline,
    Torn { from: u64 },
    Holed,
}

/// A line that is longer than any of an output.
#[derive(Debug, thiserror::Error)]
#[error("line {line} (at byte {byte}) is longer than any that promptmill writes; remove it")]
struct TooLong {
    byte: u64,
    line: u64,
}

/// Shows every line of `file` to `see`, from the first.
///
/// # Errors
/// The disk failed, or a line is longer than any of an output.
pub(super) fn each_line(
    file: &mut dyn OnDisk,
    see: impl FnMut(FoundLine<'_>) -> io::Result<()>,
) -> io::Result<()> {
    each_line_within(LONGEST_LINE, file, see)
}

fn each_line_within(
    longest: u64,
    file: &mut dyn OnDisk,
    mut see: impl FnMut(FoundLine<'_>) -> io::Result<()>,
) -> io::Result<()> {
    each_unread_line(longest, file, |Unread { at, number, bytes }| {
        see(FoundLine {
            at,
            number,
            bytes,
            known: serde_json::from_slice(bytes).ok(),
        })
    })
}

/// A line of a file, before it is parsed.
pub(super) struct Unread<'a> {
    /// Where it begins, in bytes.
    pub(super) at: u64,
    /// Its number, from 1.
    pub(super) number: u64,
    /// The line, with its end where it has one.
    pub(super) bytes: &'a [u8],
}

/// Shows every line of `file` to `see` without parsing it.
///
/// # Errors
/// The disk failed, or a line is longer than `longest`.
pub(super) fn each_unread_line(
    longest: u64,
    file: &mut dyn OnDisk,
    mut see: impl FnMut(Unread<'_>) -> io::Result<()>,
) -> io::Result<()> {
    file.seek_to(0)?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let mut line = Vec::new();
    let (mut at, mut number) = (0, 0);
    loop {
        line.clear();
        let read = Read::take(&mut reader, longest + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if longest < read as u64 {
            let (byte, line) = (at, number);
            return Err(io::Error::other(TooLong { byte, line }));
        }
        see(Unread {
            at,
            number,
            bytes: &line,
        })?;
        at += read as u64;
    }
}

/// Reads every line, shows the good ones to `take`, and says in which state the file is.
pub(super) fn scan(
    file: &mut dyn OnDisk,
    path: &Path,
    mut take: impl FnMut(Known),
) -> Result<TailState, LedgerError> {
    let mut seen = FileSoFar::default();
    let mut refusal = None;
    let read = each_line(file, |found| {
        let refused = seen.take(&found);
        if let Some(known) = found.known {
            take(known);
        }
        match refused {
            None => Ok(()),
            Some(refused) => {
                refusal = Some(refused);
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    });
    match refusal {
        Some(RejectedLine::NotOurs) => return Err(LedgerError::NotOurs { path: path.into() }),
        Some(RejectedLine::Corrupt { byte, line }) => {
            let path = path.into();
            return Err(LedgerError::Corrupt { path, line, byte });
        }
        None => read.map_err(|error| not_read(error, path))?,
    }
    match seen.may_be_ours() {
        true => Ok(seen.state()),
        false => Err(LedgerError::NotOurs { path: path.into() }),
    }
}

/// A first line that is too long shows that the file is not an output.
fn not_read(error: io::Error, path: &Path) -> LedgerError {
    let too_long = error.get_ref().and_then(|it| it.downcast_ref::<TooLong>());
    match too_long {
        Some(TooLong { line: 1, .. }) => LedgerError::NotOurs { path: path.into() },
        Some(_) | None => io_error("read", path)(error),
    }
}

enum RejectedLine {
    NotOurs,
    Corrupt { byte: u64, line: u64 },
}

/// What the lines so far say of their file.
#[derive(Default)]
struct FileSoFar {
    good: bool,
    no_newline: bool,
    holed: bool,
    /// Where the bad lines after the last good one begin.
    bad: Option<u64>,
    /// The first of them that no hole explains, and its number.
    unexplained: Option<(u64, u64)>,
    /// Whether a bad first line may be a torn line of an output.
    first_may_be_ours: Option<bool>,
}

impl FileSoFar {
    fn take(&mut self, found: &FoundLine<'_>) -> Option<RejectedLine> {
        if found.known.is_some() {
            self.good = true;
            self.no_newline = found.bytes.last() != Some(&b'\n');
            if let Some((byte, line)) = self.unexplained {
                return Some(RejectedLine::Corrupt { byte, line });
            }
            self.holed |= self.bad.take().is_some();
            return None;
        }
        self.bad = self.bad.or(Some(found.at));
        if !found.bytes.contains(&0) {
            self.unexplained = self.unexplained.or(Some((found.at, found.number)));
        }
        if found.number == 1 {
            self.first_may_be_ours = Some(may_be_ours(found.bytes));
            let is_foreign = !begins_like_ours(found.bytes) && !found.bytes.contains(&0);
            return is_foreign.then_some(RejectedLine::NotOurs);
        }
        None
    }

    fn may_be_ours(&self) -> bool {
        self.good || self.first_may_be_ours != Some(false)
    }

    fn state(&self) -> TailState {
        match self.bad {
            _ if self.holed => TailState::Holed,
            Some(from) => TailState::Torn { from },
            None if self.no_newline => TailState::NoNewline,
            None => TailState::Whole,
        }
    }
}

fn begins_like_ours(line: &[u8]) -> bool {
    let shared = line.len().min(OURS.len());
    line[..shared] == OURS[..shared]
}

/// A bad line of ours has lost its end, or was given room on the disk and no bytes.
pub(super) fn may_be_ours(line: &[u8]) -> bool {
    let has_its_end = line.last() == Some(&b'\n');
    let nothing = line.iter().take(SECTOR).all(|byte| *byte == 0);
    nothing || begins_like_ours(line) && (!has_its_end || line.contains(&0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::disk::Disk as _;
    use crate::output::disk::testing::Simulated;

    const GOOD: &str =
        "{\"custom_id\":\"a\",\"row\":1,\"status\":\"succeeded\",\"fingerprint\":null}\n";

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let disk = Simulated::default();
        let path = Path::new("out.jsonl");
        disk.put(path, text.replace("GOOD", GOOD.trim_end()).as_bytes());
        let mut file = disk.open(path, crate::output::disk::Open::Append).unwrap();
        let found = match scan(&mut *file, path, drop) {
            Ok(state) => format!("{state:?}"),
            Err(LedgerError::Corrupt { line, .. }) => format!("corrupt in line {line}"),
            Err(LedgerError::NotOurs { .. }) => "not ours".into(),
            Err(other) => other.to_string(),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn what_follows_the_last_good_line_decides() {
        check("", "Whole");
        check("GOOD\nGOOD\n", "Whole");
        check("GOOD\nGOOD", "NoNewline");
        check("GOOD\n{\"custom_id\":\"b", "Torn { from: 66 }");
        check("GOOD\noops\noops\n", "Torn { from: 66 }");
        check("{\"custom_id\":\"b", "Torn { from: 0 }");
        check("{\"cus", "Torn { from: 0 }");
    }

    #[test]
    fn a_bad_line_between_good_ones_is_corruption_unless_it_is_a_hole() {
        check("GOOD\noops\nGOOD\n", "corrupt in line 2");
        check("GOOD\n{\"custom_id\":\"b\0\0\0\"}\nGOOD\n", "Holed");
        check("GOOD\n\0\0\nGOOD\ntorn", "Holed");
        check("GOOD\n\0\0\noops\nGOOD\n", "corrupt in line 3");
        check("{\"custom_id\":\"b\0\0\0\"}\nGOOD\n", "Holed");
    }

    #[test]
    fn a_file_of_another_program_is_not_an_output() {
        check("hello\n", "not ours");
        check("{\"custom_id\":1}\n", "not ours");
        check("\0\0\0 ftypmp4\n and so on\n", "not ours");
        check("hello\nGOOD\n", "not ours");
    }

    #[test]
    fn reserved_room_that_was_never_written_is_part_of_the_output() {
        check(&"\0".repeat(4096), "Torn { from: 0 }");
        check(
            &format!("{}rest of a line\n", "\0".repeat(512)),
            "Torn { from: 0 }",
        );
    }

    #[test]
    fn a_line_longer_than_any_of_an_output_is_not_read_into_memory() {
        let disk = Simulated::default();
        let path = Path::new("out.jsonl");
        disk.put(path, format!("{GOOD}{}", "x".repeat(1 << 20)).as_bytes());
        let mut file = disk.open(path, crate::output::disk::Open::Append).unwrap();
        let mut seen = Vec::new();
        let read = each_line_within(100, &mut *file, |found| {
            seen.push(found.bytes.len());
            Ok(())
        });
        let error = read.unwrap_err();
        assert_eq!(seen, [GOOD.len()]);
        let at = GOOD.len();
        let expected =
            format!("line 2 (at byte {at}) is longer than any that promptmill writes; remove it");
        assert_eq!(error.to_string(), expected);
        let read = each_line_within(10, &mut *file, |_| Ok(()));
        let refused = not_read(read.unwrap_err(), path);
        assert!(matches!(refused, LedgerError::NotOurs { .. }), "{refused}");
    }
}

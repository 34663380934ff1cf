//! Who may read and write the files that promptmill creates.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

/// The mode of a file: who may read it, and who may write to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(u32);

impl Default for Mode {
    /// Completions may be private: only the owner reads them, unless the job says otherwise.
    fn default() -> Self {
        Self(0o600)
    }
}

impl Mode {
    /// The mode of an existing file, readable and writable by its owner whatever it says.
    pub(super) fn of_file(bits: u32) -> Self {
        Self(0o600 | bits & 0o666)
    }

    /// Reads octal text such as `0640`. Its owner must be able to read and to write,
    /// since a run resumes from its file; an output is never executable.
    pub fn parse(typed: &str) -> Option<Self> {
        let is_octal = typed.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        let bits = u32::from_str_radix(typed, 8).ok()?;
        let may_be = bits & !0o666 == 0 && bits & 0o600 == 0o600;
        (is_octal && may_be).then_some(Self(bits))
    }

    pub(super) fn bits(self) -> u32 {
        self.0
    }

    /// For a file. A mask takes nothing away from what was told.
    pub(super) fn permissions(self) -> Permissions {
        Permissions::from_mode(self.0)
    }

    /// For a directory: who may read files in it may enter it.
    pub(super) fn of_directory(self) -> Permissions {
        Permissions::from_mode(self.0 | (self.0 & 0o444) >> 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_and_its_owner_reads_and_writes() {
        for (typed, bits) in [
            ("0600", Some(0o600)),
            ("640", Some(0o640)),
            ("0666", Some(0o666)),
            ("0440", None),
            ("0200", None),
            ("0750", None),
            ("4600", None),
            ("0o640", None),
            ("+640", None),
            ("rw-r-----", None),
            ("", None),
        ] {
            assert_eq!(Mode::parse(typed).map(Mode::bits), bits, "{typed}");
        }
        assert_eq!(Mode(0o640).of_directory().mode(), 0o750);
    }
}

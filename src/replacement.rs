//! Files that are replaced as a whole: a new one is written beside the old and takes its name, so that no
//! reader sees half of it. What stood under the name, a link too, is replaced and never written through.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

/// A file that takes the place of the one at `path` once it is whole; dropped, it is gone.
pub(crate) struct Replacement<'a> {
    path: &'a Path,
    file: BufWriter<NamedTempFile>,
}

impl<'a> Replacement<'a> {
    /// Creates the file, in the folder of `path` and for its owner alone.
    ///
    /// # Errors
    /// The folder is not there, or takes no file.
    pub(crate) fn of(path: &'a Path) -> io::Result<Self> {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let file = tempfile::Builder::new()
            .prefix(".promptmill-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        Ok(Self {
            path,
            file: BufWriter::with_capacity(BUFFER, file),
        })
    }

    /// Puts the file in its place, readable and writable as `mode` says.
    ///
    /// # Errors
    /// The disk refused, or a folder has the name.
    pub(crate) fn keep(self, mode: u32) -> io::Result<()> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.as_file()
            .set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl Write for Replacement<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Who may read and write the file at `path`; `otherwise` where there is none.
pub(crate) fn mode_of(path: &Path, otherwise: u32) -> u32 {
    let metadata = path.metadata();
    metadata.map_or(otherwise, |it| it.permissions().mode() & 0o666)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, "theirs").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut file = Replacement::of(&link).unwrap();
        file.write_all(b"ours").unwrap();
        file.keep(0o640).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "ours");
        assert_eq!(mode_of(&link, 0o600), 0o640);
        assert_eq!(mode_of(&folder.path().join("none"), 0o600), 0o600);
    }

    #[test]
    fn what_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        let mut file = Replacement::of(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}

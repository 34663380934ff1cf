//! The few things the output asks of a file system, as a seam: [`Real`] is the one of the
//! machine, and tests replace it with one that fails, forgets and loses power on demand.

use std::fmt::Debug;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::sync::Arc;

use super::mode::Mode;

#[cfg(test)]
pub(super) mod testing;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// To be read and appended to; it must be there.
    Append,
    /// To be appended to; created where it does not exist. What a dangling link names is not created.
    AppendOrCreate,
    /// To be written from the start: a new file, in place of whatever had the name. A link of that name
    /// is removed, never followed.
    Truncate,
    /// To be written; it must not be there.
    New,
}

/// A file system.
pub(super) trait Disk: Debug + Send + Sync {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn OnDisk>>;

    /// Puts `from` in the place of `to`, whatever was there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    fn create_directories(&self, directory: &Path) -> io::Result<()>;

    /// Makes created and renamed names in this directory survive a power cut.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;

    /// Whether there is something of this name.
    fn exists(&self, path: &Path) -> bool;
}

/// An open file. Writing appends.
pub(super) trait OnDisk: Read + Write + Debug + Send {
    fn len(&self) -> io::Result<u64>;

    /// Goes to this byte, for reading.
    fn seek_to(&mut self, byte: u64) -> io::Result<()>;

    /// Makes what was written survive a power cut.
    fn sync(&mut self) -> io::Result<()>;

    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Reserves room for the file to grow to `len` bytes, without making it longer.
    fn reserve(&mut self, len: u64) -> io::Result<()>;

    /// Gives it the mode, and as far as that is allowed the owner, of the file at `path`, where
    /// there is one.
    fn take_after(&self, path: &Path) -> io::Result<()>;

    /// Whether `path` still leads to this file.
    fn is_at(&self, path: &Path) -> io::Result<bool>;

    /// Takes the file's lock, if no process holds it.
    fn try_lock(&self) -> Result<(), TryLockError>;
}

/// The file system of this machine.
#[derive(Debug)]
struct Real {
    /// Of what is created; what is there keeps its own.
    mode: Mode,
}

impl Real {
    /// Creates the file at `path`, which has the mode whatever the mask takes away. The system follows no
    /// link where a file must be new (open(2), `O_EXCL`).
    fn create(&self, path: &Path, options: &mut OpenOptions) -> io::Result<File> {
        let file = options.create_new(true).mode(self.mode.bits()).open(path)?;
        if self.mode != Mode::default() {
            file.set_permissions(self.mode.permissions())?;
        }
        Ok(file)
    }
}

pub(super) fn real(mode: Mode) -> Arc<dyn Disk> {
    Arc::new(Real { mode })
}

impl Disk for Real {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn OnDisk>> {
        let existing = || OpenOptions::new().read(true).append(true).open(path);
        Ok(Box::new(match how {
            Open::Append => existing()?,
            Open::AppendOrCreate => match existing() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let mut options = OpenOptions::new();
                    match self.create(path, options.read(true).append(true)) {
                        // Another run was first; a link that leads nowhere still cannot be opened.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                            existing().map_err(|_| error)?
                        }
                        created => created?,
                    }
                }
                opened => opened?,
            },
            Open::New => self.create(path, OpenOptions::new().write(true))?,
            Open::Truncate => {
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    Ok(()) | Err(_) => {}
                }
                self.create(path, OpenOptions::new().write(true))?
            }
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_directories(&self, directory: &Path) -> io::Result<()> {
        let is_missing =
            |directory: &&Path| !directory.as_os_str().is_empty() && !directory.exists();
        let new: Vec<_> = directory.ancestors().take_while(is_missing).collect();
        // Private from the first moment on, and with the mode of the output once it is there.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        new.into_iter()
            .try_for_each(|new| std::fs::set_permissions(new, self.mode.of_directory()))
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let named = !directory.as_os_str().is_empty();
        let directory = if named { directory } else { Path::new(".") };
        File::open(directory)?.sync_all()
    }

    fn exists(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }
}

impl OnDisk for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn seek_to(&mut self, byte: u64) -> io::Result<()> {
        io::Seek::seek(self, io::SeekFrom::Start(byte)).map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    #[cfg(target_os = "linux")]
    fn reserve(&mut self, len: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::process::{Resource, getrlimit};
        // The limit of the file's size is no matter to fallocate, and is to every write.
        if getrlimit(Resource::Fsize)
            .current
            .is_some_and(|most| most < len)
        {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let at = OnDisk::len(self)?;
        let more = len.saturating_sub(at);
        if more == 0 {
            return Ok(());
        }
        Ok(fallocate(&*self, FallocateFlags::KEEP_SIZE, at, more)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn reserve(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn take_after(&self, path: &Path) -> io::Result<()> {
        let Ok(there) = path.metadata() else {
            return Ok(());
        };
        // Only root may give a file away; of everybody else it is their own already, or stays so.
        let _ = fchown(self, Some(there.uid()), Some(there.gid()));
        self.set_permissions(there.permissions())
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let mine = self.metadata()?;
        match path.metadata() {
            Ok(there) => Ok((mine.dev(), mine.ino()) == (there.dev(), there.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        File::try_lock(self)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn disk() -> Arc<dyn Disk> {
        real(Mode::default())
    }

    #[test]
    fn a_replacement_takes_the_name_of_a_planted_link_and_leaves_its_target_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("new"), folder.path().join("target"));
        std::fs::write(&target, "precious").unwrap();
        symlink(&target, &link).unwrap();
        let mut file = disk().open(&link, Open::Truncate).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
        assert!(!link.is_symlink());
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "new");
    }

    #[test]
    fn what_a_dangling_link_names_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("elsewhere"));
        symlink(&target, &link).unwrap();
        for how in [Open::AppendOrCreate, Open::New, Open::Append] {
            assert!(disk().open(&link, how).is_err(), "{how:?}");
            assert!(!target.exists(), "{how:?}");
        }
    }

    #[test]
    fn new_folders_are_their_owners_alone_and_old_ones_keep_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let old = folder.path().join("old");
        std::fs::create_dir(&old).unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
        disk().create_directories(&old.join("a/b")).unwrap();
        assert_eq!(mode(&old), 0o755);
        assert_eq!([mode(&old.join("a")), mode(&old.join("a/b"))], [0o700; 2]);
    }
}

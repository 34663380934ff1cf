//! The files of one output, all beside each other.
//!
//! An output that is a link is the file it leads to, and the others are beside that file: so they
//! are the same files, and the lock the same lock, under whatever name a run is given.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::disk::Disk;
use super::mode::Mode;

/// Where one run's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPaths {
    /// Rows with a response: the file that the user named.
    pub output: PathBuf,
    /// Failed rows.
    pub failed: PathBuf,
    /// The run itself: counts, usage, cost, the command that resumes.
    pub run: PathBuf,
    /// Images that were made; there is none until one is.
    pub images: PathBuf,
    /// What checks said of each record; there is none until the output is scored.
    pub scores: PathBuf,
    /// Held while a run writes; never removed, so that two runs lock the same file.
    pub lock: PathBuf,
    /// What is used of the limits per minute and per day.
    pub pace: PathBuf,
    /// A change of several files that is under way.
    pub journal: PathBuf,
    stem: PathBuf,
}

/// How an output's name ends: the names of the files beside it are made of what is before.
const ENDING: &str = ".jsonl";

/// How the names of the files beside an output end.
const FAILED: &str = ".failed.jsonl";
pub(super) const RUN: &str = ".run.json";
const IMAGES: &str = ".images";
const SCORES: &str = ".scores.jsonl";
const LOCK: &str = ".lock";
const PACE: &str = ".pace";
const JOURNAL: &str = ".journal";
const BESIDE: [&str; 7] = [FAILED, RUN, IMAGES, SCORES, LOCK, PACE, JOURNAL];

/// Why a path cannot name an output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is a file beside an output, such as `tags.failed.jsonl`.
    #[error("{name} belongs to the output {output}: give {output}")]
    Beside {
        /// The path.
        name: String,
        /// The output it is beside.
        output: String,
    },
    /// It does not end in `.jsonl`.
    #[error(
        "{name} does not end in {ENDING}, and an output is JSON Lines: name one that does, such as {meant}"
    )]
    Ending {
        /// The path.
        name: String,
        /// The path with the right ending.
        meant: String,
    },
}

/// Checks `path` as the name of an output: outputs whose names differ in their endings alone would
/// share the files beside them.
///
/// # Errors
/// A name that does not end in `.jsonl`, or that of a file beside an output.
pub fn check_name(path: &Path) -> Result<(), NameError> {
    let name = path.to_string_lossy();
    if let Some(stem) = BESIDE.iter().find_map(|end| name.strip_suffix(end)) {
        return Err(NameError::Beside {
            output: format!("{stem}{ENDING}"),
            name: name.into_owned(),
        });
    }
    if name.ends_with(ENDING) {
        return Ok(());
    }
    let meant = path.with_extension(&ENDING[1..]);
    Err(NameError::Ending {
        name: name.into_owned(),
        meant: meant.display().to_string(),
    })
}

impl OutputPaths {
    /// The mode of the existing output, or of the file `or_of`: files beside it are for the same people.
    pub(super) fn mode(&self, or_of: Option<&Path>) -> Mode {
        let mode = |path: &Path| Some(Mode::of_file(path.metadata().ok()?.mode()));
        let existing = mode(&self.output).or_else(|| mode(&self.failed));
        existing.or_else(|| mode(or_of?)).unwrap_or_default()
    }

    /// The files that go with `output`, or with what it leads to where it is a link; its `.jsonl`
    /// is replaced in the others' names.
    pub fn new(output: &Path) -> Self {
        let output = &led_to(output);
        let name = output.to_string_lossy();
        let stem = name.strip_suffix(ENDING).unwrap_or(&name);
        Self {
            output: output.to_owned(),
            failed: format!("{stem}{FAILED}").into(),
            run: format!("{stem}{RUN}").into(),
            images: format!("{stem}{IMAGES}").into(),
            scores: format!("{stem}{SCORES}").into(),
            lock: format!("{stem}{LOCK}").into(),
            pace: format!("{stem}{PACE}").into(),
            journal: format!("{stem}{JOURNAL}").into(),
            stem: stem.into(),
        }
    }

    /// Whether a file beside the output has a name that is made of the output's.
    pub(super) fn is_named_after(&self, name: &Path) -> bool {
        let stem = self.stem.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_string_lossy();
        let rest = name.strip_prefix(&*stem);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    /// Whether the file `name` in `folder` is one of the output's own.
    pub fn owns(&self, folder: &Path, name: &OsStr) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let name = name.to_string_lossy();
        let stem = self.stem.file_name().unwrap_or_default().to_string_lossy();
        let end = name.strip_prefix(&*stem);
        end.is_some_and(|end| end == ENDING || BESIDE.contains(&end))
            && real(folder) == real(self.directory())
    }

    /// Where a torn tail is put: `OUT.torn-20261122T021500Z`, or that with a number.
    pub(super) fn torn(&self, disk: &dyn Disk, now: Timestamp) -> PathBuf {
        self.free_name(disk, "torn", now)
    }

    /// Where the lines of as many files are put that mean nothing: `OUT.bad-20261122T021500Z`, or that
    /// with a number.
    pub(super) fn bad(&self, disk: &dyn Disk, now: Timestamp, files: usize) -> Vec<PathBuf> {
        let stem = self.stem_at("bad", now);
        let path = |nth| PathBuf::from(numbered(&stem, nth));
        let free = (1..).map(path).filter(|path| !disk.exists(path));
        free.take(files).collect()
    }

    fn free_name(&self, disk: &dyn Disk, what: &str, now: Timestamp) -> PathBuf {
        let stem = self.stem_at(what, now);
        let path = |nth| PathBuf::from(numbered(&stem, nth));
        path((1..).find(|nth| !disk.exists(&path(*nth))).unwrap_or(1))
    }

    /// Where earlier output is put, under names that go together as these do:
    /// `OUT.before-20261122T021500Z.jsonl`, `….failed.jsonl` and `….images`.
    pub(super) fn before(&self, disk: &dyn Disk, now: Timestamp) -> Self {
        let stem = self.stem_at("before", now);
        let paths = |nth| Self::new(Path::new(&format!("{}{ENDING}", numbered(&stem, nth))));
        let is_free = |paths: &Self| {
            let all = [&paths.output, &paths.failed, &paths.images];
            all.into_iter().all(|path| !disk.exists(path))
        };
        let nth = (1..).find(|nth| is_free(&paths(*nth)));
        paths(nth.unwrap_or(1))
    }

    /// Where rows may be saved that cannot be written here: to the directory for temporary files, or
    /// to the one the run was started in.
    pub(super) fn rescued(&self, disk: &dyn Disk) -> Vec<PathBuf> {
        let name = self.stem.file_name().unwrap_or_default().to_string_lossy();
        let process = std::process::id();
        let stem = format!("promptmill-{name}-{process}.rescued");
        let directories = [std::env::temp_dir(), PathBuf::from(".")];
        let free = |directory: PathBuf| {
            let path = |nth| directory.join(format!("{}{ENDING}", numbered(&stem, nth)));
            path((1..).find(|nth| !disk.exists(&path(*nth))).unwrap_or(1))
        };
        directories.map(free).into()
    }

    fn stem_at(&self, what: &str, now: Timestamp) -> String {
        format!(
            "{}.{what}-{}",
            self.stem.display(),
            now.strftime("%Y%m%dT%H%M%SZ")
        )
    }

    /// A file beside the output whose name ends like this, such as `report.html`.
    pub fn beside(&self, end: &str) -> PathBuf {
        format!("{}.{end}", self.stem.display()).into()
    }

    /// The directory all of them are in.
    pub fn directory(&self) -> &Path {
        match self.output.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

/// The most links that lead from one to the next (Linux, path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Where a file is that is a link, be there one or not; what is none is where it says.
pub(super) fn led_to(path: &Path) -> PathBuf {
    let mut end = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = end.read_link() else { break };
        end = end.parent().unwrap_or(Path::new("")).join(next);
    }
    // What some links name is no path: `/dev/stdout` may lead to `pipe:[4711]`.
    let is_there = |path: &Path| path.metadata().is_ok();
    if is_there(path) == is_there(&end) {
        end
    } else {
        path.to_owned()
    }
}

fn numbered(name: &str, nth: u32) -> String {
    if nth == 1 {
        name.to_owned()
    } else {
        format!("{name}-{nth}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_files_are_named_after_the_output() {
        let paths = OutputPaths::new(Path::new("out/tags.jsonl"));
        assert_eq!(paths.failed, Path::new("out/tags.failed.jsonl"));
        assert_eq!(paths.run, Path::new("out/tags.run.json"));
        assert_eq!(paths.lock, Path::new("out/tags.lock"));
        assert_eq!(paths.images, Path::new("out/tags.images"));
        assert_eq!(paths.pace, Path::new("out/tags.pace"));
        assert_eq!(paths.directory(), Path::new("out"));
    }

    #[test]
    fn a_link_is_what_it_leads_to_and_what_is_no_file_stays_as_it_was_named() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("real.jsonl", at("one")).unwrap();
        symlink(at("one"), at("two")).unwrap();
        symlink("loop", at("loop")).unwrap();
        for _ in 0..2 {
            assert_eq!(
                OutputPaths::new(&at("two")),
                OutputPaths::new(&at("real.jsonl"))
            );
            std::fs::write(at("real.jsonl"), "").unwrap(); // first it is not there, then it is
        }
        assert_eq!(led_to(&at("plain")), at("plain"));
        assert_eq!(led_to(&at("loop")), at("loop"));
        let (reader, _writer) = std::io::pipe().unwrap();
        let pipe = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let named = PathBuf::from(format!("/proc/self/fd/{pipe}"));
        assert_eq!(led_to(&named), named);
    }

    #[test]
    fn no_two_names_of_outputs_share_the_files_beside_them() {
        let check = |name: &str| check_name(Path::new(name)).map_err(|error| error.to_string());
        assert_eq!(check("out/tags.jsonl"), Ok(()));
        assert_eq!(check("v1.2.jsonl"), Ok(()));
        for name in [
            "out/tags.failed.jsonl",
            "out/tags.run.json",
            "out/tags.lock",
        ] {
            let why = check(name).unwrap_err();
            let meant = format!("{name} belongs to the output out/tags.jsonl: give out/tags.jsonl");
            assert_eq!(why, meant);
        }
        for (name, meant) in [
            ("st", "st.jsonl"),
            ("a/tags.csv", "a/tags.jsonl"),
            ("tags.JSONL", "tags.jsonl"),
        ] {
            let why = check(name).unwrap_err();
            assert!(why.starts_with(name), "{why}");
            assert!(why.ends_with(&format!(", such as {meant}")), "{why}");
        }
    }
}

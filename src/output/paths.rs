//! The files of one output, all beside each other.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::disk::Disk;

/// Where one run's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPaths {
    /// Rows that were answered: the file the user named.
    pub answered: PathBuf,
    /// Rows that ended in failure.
    pub failed: PathBuf,
    /// The run itself: counts, usage, cost, the command that resumes.
    pub run: PathBuf,
    /// Images that were made; there is none until one is.
    pub pictures: PathBuf,
    /// Held while a run writes; never removed, so that two runs lock the same file.
    pub lock: PathBuf,
    stem: PathBuf,
}

impl OutputPaths {
    /// The files that go with `answered`, whose `.jsonl` is replaced in the others' names.
    pub fn new(answered: &Path) -> Self {
        let name = answered.to_string_lossy();
        let stem = name.strip_suffix(".jsonl").unwrap_or(&name);
        Self {
            answered: answered.to_owned(),
            failed: format!("{stem}.failed.jsonl").into(),
            run: format!("{stem}.run.json").into(),
            pictures: format!("{stem}.images").into(),
            lock: format!("{stem}.lock").into(),
            stem: stem.into(),
        }
    }

    /// Where a torn tail is put: `OUT.torn-20261122T021500Z`, or that with a number.
    pub(super) fn torn(&self, disk: &dyn Disk, now: Timestamp) -> PathBuf {
        self.free_name(disk, "torn", now)
    }

    /// Where lines are put that mean nothing: `OUT.bad-20261122T021500Z`, or that with a number.
    pub(super) fn bad(&self, disk: &dyn Disk, now: Timestamp) -> PathBuf {
        self.free_name(disk, "bad", now)
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
        let paths = |nth| Self::new(Path::new(&format!("{}.jsonl", numbered(&stem, nth))));
        let is_free = |paths: &Self| {
            let all = [&paths.answered, &paths.failed, &paths.pictures];
            all.into_iter().all(|path| !disk.exists(path))
        };
        let nth = (1..).find(|nth| is_free(&paths(*nth)));
        paths(nth.unwrap_or(1))
    }

    /// Where answers may go that cannot be written here: to the directory for temporary files, or
    /// to the one the run was started in.
    pub(super) fn rescued(&self, disk: &dyn Disk) -> Vec<PathBuf> {
        let name = self.stem.file_name().unwrap_or_default().to_string_lossy();
        let process = std::process::id();
        let stem = format!("promptmill-{name}-{process}.rescued");
        let directories = [std::env::temp_dir(), PathBuf::from(".")];
        let free = |directory: PathBuf| {
            let path = |nth| directory.join(format!("{}.jsonl", numbered(&stem, nth)));
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

    /// The directory all of them are in.
    pub fn directory(&self) -> &Path {
        match self.answered.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
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
        assert_eq!(paths.pictures, Path::new("out/tags.images"));
        assert_eq!(paths.directory(), Path::new("out"));
    }

    #[test]
    fn an_output_without_the_usual_ending_keeps_its_name() {
        let paths = OutputPaths::new(Path::new("answers"));
        assert_eq!(paths.failed, Path::new("answers.failed.jsonl"));
        assert_eq!(paths.directory(), Path::new("."));
    }
}

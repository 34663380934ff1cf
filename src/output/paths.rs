//! The files of one output, all beside each other.

use std::path::{Path, PathBuf};

/// Where one run's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPaths {
    /// Rows that were answered: the file the user named.
    pub answered: PathBuf,
    /// Rows that ended in failure.
    pub failed: PathBuf,
    /// The run itself: counts, usage, cost, the command that resumes.
    pub run: PathBuf,
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
            lock: format!("{stem}.lock").into(),
            stem: stem.into(),
        }
    }

    /// Where something is put aside: `OUT.torn-20261122T021500Z`.
    pub fn aside(&self, what: &str, now: jiff::Timestamp) -> PathBuf {
        let time = now.strftime("%Y%m%dT%H%M%SZ");
        let base = format!("{}.{what}-{time}", self.stem.display());
        let mut candidate = PathBuf::from(&base);
        for nth in 2.. {
            if !candidate.exists() {
                break;
            }
            candidate = format!("{base}-{nth}").into();
        }
        candidate
    }

    /// The directory all of them are in.
    pub fn directory(&self) -> &Path {
        match self.answered.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
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
        assert_eq!(paths.directory(), Path::new("out"));
    }

    #[test]
    fn an_output_without_the_usual_ending_keeps_its_name() {
        let paths = OutputPaths::new(Path::new("answers"));
        assert_eq!(paths.failed, Path::new("answers.failed.jsonl"));
        assert_eq!(paths.directory(), Path::new("."));
    }
}

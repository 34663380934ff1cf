//! Reading the rows of an output back from the disk, after an error that says nothing good about it.

use std::fs::File;

use super::error::LedgerError;
use super::paths::OutputPaths;
use super::resume::EarlierRows;

/// How many rows of this output can be read from the disk. Pages that the kernel keeps in memory are
/// let go before, as far as it does that: after an error of the disk they may hold what the disk does
/// not.
///
/// # Errors
/// A file cannot be read, or its lines are not records.
pub fn read_back(paths: &OutputPaths) -> Result<u64, LedgerError> {
    let mut rows = EarlierRows::default();
    for path in [&paths.output, &paths.failed] {
        let Ok(mut file) = File::open(path) else {
            continue;
        };
        forget_pages(&file);
        rows.look(&mut file, path)?;
        rows.complete();
    }
    Ok(rows.len())
}

#[cfg(target_os = "linux")]
fn forget_pages(file: &File) {
    // Advice: where it is not followed, what is read is what the kernel has.
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn forget_pages(_: &File) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_in_both_files_and_what_is_torn_or_corrupt_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let paths = OutputPaths::new(&folder.path().join("out.jsonl"));
        assert_eq!(read_back(&paths).unwrap(), 0);
        let line = |id: &str| {
            format!(
                "{{\"custom_id\":\"{id}\",\"row\":1,\"status\":\"succeeded\",\"fingerprint\":null}}\n"
            )
        };
        let failed = "{\"custom_id\":\"c\",\"row\":3,\"status\":\"failed\",\"fingerprint\":null,\
                      \"error\":{\"category\":\"network\",\"message\":\"x\"}}\n";
        std::fs::write(&paths.output, line("a") + &line("b")).unwrap();
        std::fs::write(&paths.failed, failed).unwrap();
        assert_eq!(read_back(&paths).unwrap(), 3);
        std::fs::write(&paths.output, line("a") + &line("b")[..30]).unwrap();
        assert_eq!(read_back(&paths).unwrap(), 2);
        std::fs::write(&paths.output, format!("{}oops\n{}", line("a"), line("b"))).unwrap();
        assert!(read_back(&paths).is_err());
    }
}

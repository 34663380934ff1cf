//! Lines that come from another file: whose they are, and the images that come with them.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::output::disk::Disk;
use crate::output::error::{LedgerError, io_error};
use crate::output::images;
use crate::output::paths::OutputPaths;
use crate::output::resume::open_if_there;
use crate::output::scan::each_line;

/// What of a line tells whose it is, and what it needs beside it.
#[derive(Default, Deserialize)]
struct Named {
    model: Option<String>,
    #[serde(default)]
    files: Vec<String>,
}

impl Named {
    fn of(line: &[u8]) -> Self {
        serde_json::from_slice(line).unwrap_or_default()
    }
}

/// Rejects a file without a row, or with rows of a model that the output has none of: it is the wrong file.
pub(super) fn reject_wrong_file(
    disk: &dyn Disk,
    paths: &OutputPaths,
    from: &Path,
) -> Result<(), LedgerError> {
    let mut models = BTreeSet::new();
    for path in [&paths.output, &paths.failed] {
        each_model(disk, path, |_, model| {
            models.insert(model);
        })?;
    }
    let mut other = None;
    let rows = each_model(disk, from, |line, model| {
        if !models.is_empty() && !models.contains(&model) {
            other.get_or_insert((line, model));
        }
    })?;
    if rows == 0 {
        return Err(LedgerError::NoRows { path: from.into() });
    }
    let Some((line, other)) = other else {
        return Ok(());
    };
    let models: Vec<_> = models.into_iter().collect();
    Err(LedgerError::OtherModel {
        path: from.into(),
        line,
        other,
        output: paths.output.clone(),
        models: models.join(", "),
    })
}

/// Shows the model of every good line, with the line's number, and says how many good lines there
/// are.
fn each_model(
    disk: &dyn Disk,
    path: &Path,
    mut see: impl FnMut(u64, String),
) -> Result<u64, LedgerError> {
    let Some(mut file) = open_if_there(disk, path)? else {
        return Ok(0);
    };
    let mut rows = 0;
    let read = each_line(&mut *file, |found| {
        if found.known.is_none() {
            return Ok(());
        }
        rows += 1;
        if let Some(model) = Named::of(found.bytes).model {
            see(found.number, model);
        }
        Ok(())
    });
    read.map_err(io_error("read", path))?;
    Ok(rows)
}

/// The line as it is added to this output, after its images were copied; `None` if they cannot be read.
pub(super) fn imported_line(
    disk: &dyn Disk,
    paths: &OutputPaths,
    from: &Path,
    line: &[u8],
) -> Result<Option<Vec<u8>>, LedgerError> {
    let files = Named::of(line).files;
    let mut imported_line = line.trim_ascii_end().to_vec();
    if !files.is_empty() {
        let from = from.parent().unwrap_or(Path::new(""));
        let Some(files) = images::adopt(disk, &paths.images, from, &files)? else {
            return Ok(None);
        };
        let mut named: Map<String, Value> = serde_json::from_slice(line).unwrap_or_default();
        named.insert("files".into(), files.into());
        imported_line = Value::from(named).to_string().into_bytes();
    }
    imported_line.push(b'\n');
    Ok(Some(imported_line))
}

//! Paths that lead nowhere: what was probably meant.

use std::path::Path;
use std::{fs, io};

use super::error::InputError;
use super::format::Format;
use super::suggest::{did_you_mean, listed};

/// Why there is nothing at `path`, with the nearest name beside it.
pub(super) fn missing(path: &Path, error: io::Error) -> InputError {
    if error.kind() != io::ErrorKind::NotFound {
        return InputError::Unreadable {
            name: path.display().to_string(),
            source: error,
        };
    }
    InputError::NotFound {
        path: path.into(),
        hint: file_like(path),
    }
}

/// ` (did you mean `x`?)` for the file beside `path` whose name is nearest to its name.
pub fn file_like(path: &Path) -> String {
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let siblings = names_in(folder, |_| true);
    did_you_mean(&wanted, siblings.iter().map(String::as_str))
}

/// `; files in it: …` for a folder that was named instead of a file.
pub(super) fn files_in(folder: &Path) -> String {
    match names_in(folder, |path| Format::of_path(path).is_some()) {
        files if files.is_empty() => String::new(),
        files => format!("; files in it: {}", listed(&files)),
    }
}

fn names_in(folder: &Path, wanted: fn(&Path) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| wanted(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

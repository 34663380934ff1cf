//! What a run leaves in `OUT.run.json` for the next one: what may have been paid for and stands in no
//! line of the output, because its lines were put aside or its calls abandoned.
//!
//! Lines go aside only once their cost is noted here. Who dies between the two counts it twice,
//! which a budget bears; the other way round it would be forgotten.

use std::io::Read as _;

use serde_json::{Value, json};

use super::disk::Disk;
use super::error::{LedgerError, io_error};
use super::past::open_if_there;
use super::paths::OutputPaths;
use super::rewrite::replace;

/// What `text`, a run file, says of it, in USD.
pub(super) fn unlisted_usd(text: &[u8]) -> f64 {
    let file: Value = serde_json::from_slice(text).unwrap_or_default();
    let said = file.pointer("/total/unlisted_usd").and_then(Value::as_f64);
    said.filter(|usd| 0.0 < *usd).unwrap_or(0.0)
}

/// What the run file of this output says of it, in USD.
pub(super) fn read(disk: &dyn Disk, paths: &OutputPaths) -> Result<f64, LedgerError> {
    Ok(unlisted_usd(&text(disk, paths)?))
}

/// Notes it, and leaves all else in the run file as it is.
pub(super) fn note(disk: &dyn Disk, paths: &OutputPaths, usd: f64) -> Result<(), LedgerError> {
    let before = serde_json::from_slice(&text(disk, paths)?);
    let mut file = match before {
        Ok(Value::Object(file)) => file,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    file.entry("promptmill")
        .or_insert_with(|| env!("CARGO_PKG_VERSION").into());
    let total = file.entry("total").or_insert_with(|| json!({}));
    if let Value::Object(total) = total {
        total.insert("unlisted_usd".into(), usd.into());
    }
    let text = format!("{:#}\n", Value::Object(file));
    replace(disk, &paths.run, |file| file.write_all(text.as_bytes()))
}

fn text(disk: &dyn Disk, paths: &OutputPaths) -> Result<Vec<u8>, LedgerError> {
    let mut text = Vec::new();
    if let Some(mut file) = open_if_there(disk, &paths.run)? {
        let read = file
            .seek_to(0)
            .and_then(|()| file.read_to_end(&mut text).map(drop));
        read.map_err(io_error("read", &paths.run))?;
    }
    Ok(text)
}

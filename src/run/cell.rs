//! The place of a row in a sweep.

use std::sync::Arc;

use serde_json::{Map, Value};

/// One combination of what a sweep varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Which of the job's variants it is, from 0.
    pub place: usize,
    /// Its name, which identifies it in the output.
    pub name: String,
}

/// What a row of a sweep has besides its ID: rows of one ID differ in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The variant.
    pub variant: Arc<Variant>,
    /// Which of its samples, from 1.
    pub sample: u32,
    /// What varies, with the values of this cell.
    pub params: Arc<Map<String, Value>>,
}

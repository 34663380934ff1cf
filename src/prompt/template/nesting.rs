//! Templates that can nest values in themselves, and the room that these are given.

use std::panic::resume_unwind;

use super::chains::Words;

/// The work one rendering may do: a million steps, or the 64 MB that this much writes at the
/// engine's 64 bytes a step. A template that needs more loops over something it should not.
const FUEL: u64 = 1_000_000;

/// Like [`FUEL`], but for a template that can put a value into itself again and again: each step may then
/// nest it one level deeper, and what is nested is walked down on the stack.
const FUEL_OF_NESTING: u64 = 100_000;

/// The stack such a template is rendered on: 5 KiB for each level. Memory that is not used is not taken.
const STACK_OF_NESTING: usize = 512 << 20;

/// The most assignments of a template whose values cannot be nested deep.
const FEW_ASSIGNMENTS: usize = 100;

/// How deep the values can be that a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nesting {
    /// As deep as its source and its record.
    Shallow,
    /// As deep as it has steps.
    Deep,
}

impl Nesting {
    /// Judges by what may put a value into itself: a `namespace`, which outlives the rounds of a loop, or
    /// one assignment after the other.
    pub(super) fn of(words: Words) -> Self {
        match words.has_namespace || FEW_ASSIGNMENTS < words.assignments {
            true => Self::Deep,
            false => Self::Shallow,
        }
    }

    /// The steps that one rendering may take.
    pub(super) fn fuel(self) -> u64 {
        match self {
            Self::Shallow => FUEL,
            Self::Deep => FUEL_OF_NESTING,
        }
    }

    /// Does something with values of such a template, on a stack that is large enough for them. Errors keep
    /// values too, so none leaves it.
    pub(super) fn with_room<T: Send>(self, work: impl FnOnce() -> T + Send) -> Result<T, String> {
        if self == Self::Shallow {
            return Ok(work());
        }
        std::thread::scope(|scope| {
            let roomy = std::thread::Builder::new().stack_size(STACK_OF_NESTING);
            let working = roomy.spawn_scoped(scope, work);
            let working = working.map_err(|error| format!("no memory to render it: {error}"))?;
            working.join().or_else(|panicked| resume_unwind(panicked))
        })
    }
}

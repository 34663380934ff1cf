//! What a request is billed by.

/// How a request is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill {
    /// Whether its tokens are billed.
    pub tokens: Metered,
    /// At least so many units.
    pub least: Units,
    /// At most so many units.
    pub most: Units,
}

/// Whether something is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metered {
    /// It is.
    Billed,
    /// It costs nothing.
    Free,
}

/// Things that a call is billed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Images that the model makes.
    pub made: u64,
    /// Images that the model is shown.
    pub shown: u64,
    /// Searches.
    pub queries: u64,
}

impl Bill {
    /// Tokens and nothing else.
    pub const TOKENS: Self = Self::of(Metered::Billed, Units::NONE);

    /// Exactly so many units.
    pub const fn of(tokens: Metered, units: Units) -> Self {
        Self {
            tokens,
            least: units,
            most: units,
        }
    }
}

impl Units {
    /// None of them.
    pub const NONE: Self = Self {
        made: 0,
        shown: 0,
        queries: 0,
    };

    /// These and those.
    pub fn and(self, more: Self) -> Self {
        Self {
            made: self.made.saturating_add(more.made),
            shown: self.shown.saturating_add(more.shown),
            queries: self.queries.saturating_add(more.queries),
        }
    }
}

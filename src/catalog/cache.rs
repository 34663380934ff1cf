//! Whether a request's input is written to the prompt cache.

/// Whether a request asks for its input to be written to the prompt cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cached {
    /// It does not.
    #[default]
    No,
    /// For five minutes.
    Minutes,
    /// For an hour.
    Hour,
}

impl Cached {
    /// What `body` asks for, by the words for it. A prompt that holds them too is taken to ask for
    /// it, which is never too cheap.
    pub fn of(body: &[u8]) -> Self {
        // Bodies are JSON, which is UTF-8. Of text the standard library searches many bytes at once.
        let text = str::from_utf8(body).unwrap_or_default();
        match text.contains("cache_control") || text.contains("cachePoint") {
            true if text.contains("\"1h\"") => Self::Hour,
            true => Self::Minutes,
            false => Self::No,
        }
    }
}

//! How far a run is: a closed list of words on disk.

/// How far a run is, as its file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedState {
    /// It holds the output's lock; where nothing does, it was killed.
    Running,
    /// Every row completed.
    Completed,
    /// It stopped before that, or did not start.
    Stopped,
}

impl RecordedState {
    /// The word on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_disk_stay_what_they_are() {
        let words = [
            RecordedState::Running,
            RecordedState::Completed,
            RecordedState::Stopped,
        ]
        .map(RecordedState::as_str);
        assert_eq!(words, ["running", "completed", "stopped"]);
    }
}

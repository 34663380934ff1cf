//! What a family can, as the documentation shows it.

use super::Family;
use super::layout::{Counts, Form, Images, ResponseKind, Stream, System};

/// What a family can. A single model of it may do less: see the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Answers may come in chunks.
    pub streams: bool,
    /// Where a whole reply counts its tokens: `body`, `headers` or `–`.
    pub usage: &'static str,
    /// The reply says why the model stopped.
    pub stop_reason: bool,
    /// A prompt may be a conversation.
    pub multi_turn: bool,
    /// There is a place for a system prompt.
    pub system: bool,
    /// How models are shown images: `in messages`, `in a body` or `–`.
    pub images: &'static str,
}

impl Family {
    /// What it can.
    pub fn abilities(self) -> Abilities {
        let layout = self.layout();
        Abilities {
            streams: !matches!(layout.stream, Stream::None),
            usage: match layout.counts {
                Counts::InBody => "body",
                Counts::InHeaders => "headers",
                Counts::Nowhere => "–",
            },
            stop_reason: layout.answer == ResponseKind::Text,
            multi_turn: matches!(layout.form, Form::Turns(_)),
            system: matches!(layout.form, Form::Turns(_) | Form::Text(System::Before)),
            images: match layout.images {
                Images::InMessages => "in messages",
                Images::InBody => "in a body",
                Images::None => "–",
            },
        }
    }

    /// How the base ids begin that it serves.
    pub fn serves(self) -> &'static [&'static str] {
        self.layout().serves
    }
}

//! What a request is billed by, read from its body.

use super::layout::{Answer, Billed};
use super::{Family, Parameters};
use crate::catalog::{Bill, Units};
use crate::model::{FinishReason, Message, ParsedReply, Prompt, Role};

impl Family {
    /// How a request with this body is billed; `None` where nobody knows.
    pub fn bill(self, body: &[u8]) -> Option<Bill> {
        match self.layout().billed {
            Billed::Tokens => Some(Bill::TOKENS),
            Billed::ByRequest(of) => of(&serde_json::from_slice(body).ok()?),
        }
    }

    /// How a request is billed that holds a text and nothing else.
    pub fn usual_bill(self, base: Option<&str>) -> Bill {
        let text = Message {
            role: Role::User,
            text: "text".to_owned(),
            images: Vec::new(),
            written: None,
        };
        let prompt = Prompt {
            system: None,
            system_written: None,
            messages: vec![text],
        };
        let body = self.body(&prompt, &Parameters::default(), base);
        self.bill(body.to_string().as_bytes())
            .unwrap_or(Bill::TOKENS)
    }

    /// How a request is billed that was answered so; `None` where nobody knows. The request is
    /// not always at hand.
    ///
    /// An image that came is billed. Whether one is that a filter held back is not documented.
    pub fn bill_of_answer(self, request: Option<&[u8]>, reading: &ParsedReply) -> Option<Bill> {
        if self.layout().answer != Answer::Images {
            return match (self.layout().billed, request) {
                (Billed::Tokens, _) => Some(Bill::TOKENS),
                (Billed::ByRequest(_), request) => self.bill(request?),
            };
        }
        let made = Units {
            made: reading.pictures.len() as u64,
            ..Units::NONE
        };
        let all_came = reading.finish_reason == FinishReason::Stop;
        all_came.then_some(Bill::of(super::image::TOKENS, made))
    }
}

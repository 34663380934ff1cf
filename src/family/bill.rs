//! What a request is billed by, read from its body.

use serde_json::Value;

use super::layout::{Billed, ResponseKind};
use super::{Family, Parameters};
use crate::model::{Bill, Units};
use crate::model::{FinishReason, Message, ParsedReply, Prompt, Role};

impl Family {
    /// What a request with this body is billed by; `None` if that is not known.
    pub fn bill(self, body: &Value) -> Option<Bill> {
        match self.layout().billed {
            Billed::Tokens => Some(Bill::TOKENS),
            Billed::ByRequest(of) => of(body),
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
        self.bill(&body).unwrap_or(Bill::TOKENS)
    }

    /// What a call is billed by that was answered so; `None` if that is not known. `request` is the bill
    /// of its request, if that is at hand.
    ///
    /// An image that came is billed. Whether one is that a filter withheld is not documented.
    pub fn bill_of_answer(self, request: Option<Bill>, reading: &ParsedReply) -> Option<Bill> {
        if self.layout().answer != ResponseKind::Images {
            return match self.layout().billed {
                Billed::Tokens => Some(Bill::TOKENS),
                Billed::ByRequest(_) => request,
            };
        }
        let made = Units {
            made: reading.images.len() as u64,
            ..Units::NONE
        };
        let all_came = reading.finish_reason == FinishReason::Stop;
        all_came.then_some(Bill::of(super::image::TOKENS, made))
    }
}

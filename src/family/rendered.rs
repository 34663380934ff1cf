//! A request that has been rendered, and what its body says, asked while it is still a value.

use serde_json::Value;

use super::{Family, OutputLimit};
use crate::model::Bill;

/// The body of a request, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Compact JSON.
    pub body: Vec<u8>,
    /// The longest response that it asks for.
    pub limit: OutputLimit,
    /// What it is billed by; `None` if that is not known.
    pub bill: Option<Bill>,
}

impl Family {
    /// Writes a body of this family, and reads from it what the run needs to know.
    pub fn render(self, body: &Value) -> Rendered {
        self.rendered(body.to_string().into_bytes(), body)
    }

    /// Like [`Family::render`], of a body that has been written already.
    pub fn rendered(self, text: Vec<u8>, body: &Value) -> Rendered {
        Rendered {
            body: text,
            limit: OutputLimit::of(body),
            bill: self.bill(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metered, Units};

    #[test]
    fn what_is_sent_is_the_text_and_what_is_asked_about_is_the_value() {
        let body = serde_json::json!({
            "taskType": "TEXT_IMAGE",
            "imageGenerationConfig": { "numberOfImages": 3 },
            "max_tokens": 7,
        });
        let own = Family::AmazonImage.rendered(b"as it was typed".to_vec(), &body);
        assert_eq!(own.body, b"as it was typed");
        let made = Units {
            made: 3,
            ..Units::NONE
        };
        assert_eq!(own.bill.map(|bill| bill.most), Some(made));
        assert_eq!(own.limit.limit, Some(7));
        let written = Family::Nova.render(&body);
        assert_eq!(written.body, body.to_string().into_bytes());
        assert_eq!(written.bill.map(|bill| bill.tokens), Some(Metered::Billed));
    }
}

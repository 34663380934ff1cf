//! What stands for a request, and for a job: 64 bits of a hash, in hexadecimal.

use sha2::{Digest, Sha256};

use super::Plan;
use crate::output::text::hexadecimal;

impl Plan {
    /// What stands for the request with this body: model, headers that change the answer, and body.
    pub(super) fn fingerprint_of(&self, body: &[u8]) -> String {
        let mut hash = Sha256::new();
        for part in [self.model.as_str(), &self.content_type, &self.accept] {
            hash.update(part);
            hash.update([0]);
        }
        if let Some(guardrail) = &self.terms.guardrail {
            hash.update(format!("{guardrail:?}"));
            hash.update([0]);
        }
        hash.update(body);
        hexadecimal(&hash.finalize()[..8])
    }

    /// What stands for the job's settings, whatever its rows.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let prompt = format!("{:?} {:?}", self.source, self.system);
        let parameters = format!(
            "{:?} {:?} {:?}",
            self.family, self.parameters, self.terms.guardrail
        );
        for part in [
            self.model.as_str(),
            &self.content_type,
            &self.accept,
            &prompt,
            &parameters,
        ] {
            hash.update(part);
            hash.update([0]);
        }
        hexadecimal(&hash.finalize()[..8])
    }
}

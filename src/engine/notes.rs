//! What is said before the first call.

use super::run::Run;
use crate::catalog;
use crate::job::Endpoint;
use crate::output::{Claim, TailFix, TornTail};
use crate::rows::preflight::Preflight;

impl Run<'_, '_> {
    /// What a person wants to know before the first call.
    pub(super) fn opening_notes(&self, claim: &Claim, preflight: &Preflight) -> Vec<String> {
        let model = self.plan.model.as_str();
        let fixed = (!preflight.outdated.is_empty()).then(|| preflight.mended());
        let hidden = self
            .hidden
            .map(|why| format!("{model}: {why}; its price is unknown"));
        let found = self.plan.model.found_behind();
        let notes = [
            Preflight::gone_remark(self.kept.rows),
            fixed,
            hidden,
            found.map(|found| format!("behind {model} is {found}, as Bedrock says")),
            preflight.alike.clone(),
            self.plan.catalogue_remark(),
            self.plan.unpriced_remark(),
            self.plan.profile_remark(),
            self.plan.prefix_remark(),
            self.context.emulated.then(|| {
                "the emulator answers: every completion is made up, nothing is sent or billed"
                    .to_owned()
            }),
        ];
        let torn = claim.torn.iter().map(mended);
        torn.chain(notes.into_iter().flatten()).collect()
    }

    /// Said of a region that is not known: it is likely to be misspelt, and then nothing answers there.
    pub(super) fn region_remark(&self) -> Option<String> {
        let region = self.region.as_deref().unwrap_or_default();
        let is_aws = self.plan.endpoint == Endpoint::Aws;
        catalog::region_remark(region).filter(|_| is_aws)
    }
}

/// How a file was found, and what was put aside of it.
fn mended(torn: &TornTail) -> String {
    let (from, kept) = (torn.from.display(), torn.kept.display());
    let bytes = match torn.bytes {
        1 => "1 byte is".into(),
        many => format!("{many} bytes are"),
    };
    match torn.why {
        TailFix::Torn => format!(
            "{from} ended inside a line, as after a crash: its last {bytes} kept in \
             {kept}, and that row runs again"
        ),
        TailFix::Holes => format!(
            "{from} had lines without their bytes, as after a power cut: the {bytes} kept \
             in {kept}, and their rows run again"
        ),
        TailFix::Answered => format!(
            "{from} had rows that were answered since, as after a crash: their lines are kept in \
             {kept}, and their answers stay"
        ),
        TailFix::Both => format!(
            "{from} had lines that mean nothing, and rows that were answered since, as after a \
             crash: these lines are kept in {kept}, and rows without an answer run again"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_aside_is_said_in_its_own_words() {
        let said = |why| {
            mended(&TornTail {
                from: "out.jsonl".into(),
                kept: "out.torn".into(),
                bytes: 7,
                why,
            })
        };
        assert!(said(TailFix::Torn).contains("ended inside a line"));
        assert!(said(TailFix::Holes).contains("their rows run again"));
        for why in [TailFix::Answered, TailFix::Both] {
            assert!(said(why).contains("rows that were answered since"));
        }
        assert!(!said(TailFix::Answered).contains("again"));
    }
}

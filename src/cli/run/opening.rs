//! What is said before the first call.

use super::Job;
use crate::catalog;
use crate::cli::auto_quota::Quotas;
use crate::job::Endpoint;
use crate::output::{Claim, TailFix, TornTail};
use crate::rows::preflight::Preflight;

impl Job<'_> {
    /// What a person wants to know before the first call.
    pub(super) fn say_opening(&self, claim: &Claim, survey: &Preflight) {
        for torn in &claim.torn {
            self.asked.warn(&repaired(torn));
        }
        if let Some(gone) = Preflight::gone_remark(self.kept.rows) {
            self.say(&gone);
        }
        if !survey.outdated.is_empty() {
            self.say(&survey.mended());
        }
        let model = self.plan.model.as_str();
        if let Some(why) = &self.hidden {
            self.asked
                .warn(&format!("{model}: {why}; its price is unknown"));
        }
        if let Some(found) = self.plan.model.found_behind() {
            self.say(&format!("{model} calls {found}, according to Bedrock"));
        }
        for remark in &survey.of_input {
            self.asked.warn(remark);
        }
        let warnings = [
            survey.alike.clone(),
            self.plan.catalogue_remark(),
            self.plan.unpriced_remark(),
            self.plan.profile_remark(),
        ];
        for warning in warnings.into_iter().flatten() {
            self.asked.warn(&warning);
        }
        if let Some(note) = self.plan.prefix_remark() {
            self.say(&note);
        }
        if self.context.emulated {
            self.say(
                "the emulator generates fake responses: nothing is sent to AWS, nothing is billed",
            );
        }
    }

    /// A region that the catalog does not know is likely to be misspelt.
    pub(super) fn say_region(&self) {
        let region = self.region.as_deref().unwrap_or_default();
        if self.plan.endpoint == Endpoint::Aws
            && let Some(remark) = catalog::region_remark(region)
        {
            self.asked.warn(&remark);
        }
        // The emulator plays a region of its own where the job names none.
        let region = match self.plan.endpoint {
            Endpoint::Emulator { .. } => self.plan.region.as_deref(),
            Endpoint::Aws | Endpoint::Url(_) => Some(region),
        };
        if let Some(remark) = region.and_then(|region| self.plan.geography_remark(region)) {
            self.say(&remark);
        }
    }

    pub(super) fn say(&self, text: &str) {
        self.asked.say(text);
    }

    /// What was read of the account's quotas; what is missing is said to everyone.
    pub(super) fn say_quotas(&self, quotas: &Quotas) {
        if let Some(note) = &quotas.note {
            self.say(note);
        }
        if let Some(warning) = &quotas.warning {
            self.asked.warn(warning);
        }
    }
}

/// In what state a file was found, and what of it was backed up.
fn repaired(torn: &TornTail) -> String {
    let (from, kept) = (torn.from.display(), torn.kept.display());
    let bytes = match torn.bytes {
        1 => "1 byte is".into(),
        many => format!("{many} bytes are"),
    };
    match torn.why {
        TailFix::Torn => format!(
            "{from} ended inside a line, as after a crash: its last {bytes} backed up in {kept}, and \
             that row runs again"
        ),
        TailFix::Holes => format!(
            "{from} had lines of zeros, as after a power cut: the {bytes} backed up in {kept}, and \
             their rows run again"
        ),
        TailFix::Answered => format!(
            "{from} had failures of rows that succeeded later, as after a crash: these lines are \
             backed up in {kept}; the completions stay"
        ),
        TailFix::Both => format!(
            "{from} had corrupt lines, and failures of rows that succeeded later, as after a crash: \
             these lines are backed up in {kept}, and rows without a completion run again"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_damage_has_its_own_warning() {
        let said = |why| {
            repaired(&TornTail {
                from: "out.jsonl".into(),
                kept: "out.torn".into(),
                bytes: 7,
                why,
            })
        };
        assert!(said(TailFix::Torn).contains("ended inside a line"));
        assert!(said(TailFix::Holes).contains("their rows run again"));
        for why in [TailFix::Answered, TailFix::Both] {
            assert!(said(why).contains("rows that succeeded later"));
        }
        assert!(!said(TailFix::Answered).contains("again"));
    }
}

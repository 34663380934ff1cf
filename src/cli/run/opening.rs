//! What is said before the first call.

use serde_json::json;

use super::Job;
use crate::catalog;
use crate::cli::auto_quota::Quotas;
use crate::cli::print;
use crate::job::Endpoint;
use crate::output::{Claim, TailFix, TornTail};
use crate::report::display::Style;
use crate::rows::preflight::Preflight;

impl Job<'_> {
    /// What a person wants to know before the first call.
    pub(super) fn say_opening(&self, claim: &Claim, survey: &Preflight) {
        for torn in &claim.torn {
            self.say(&mended(torn));
        }
        if let Some(gone) = Preflight::gone_remark(self.kept.rows) {
            self.say(&gone);
        }
        if !survey.outdated.is_empty() {
            self.say(&survey.mended());
        }
        let model = self.plan.model.as_str();
        if let Some(why) = &self.hidden {
            self.say(&format!("{model}: {why}; its price is unknown"));
        }
        if let Some(found) = self.plan.model.found_behind() {
            self.say(&format!("behind {model} is {found}, as Bedrock says"));
        }
        let remarks = [
            survey.alike.clone(),
            self.plan.catalogue_remark(),
            self.plan.unpriced_remark(),
            self.plan.profile_remark(),
            self.plan.prefix_remark(),
        ];
        for remark in remarks.into_iter().flatten() {
            self.say(&remark);
        }
        if self.context.emulated {
            self.say(
                "the emulator answers: every completion is made up, nothing is sent or billed",
            );
        }
    }

    /// A region that nobody has heard of is likely to be misspelt, and then nothing answers there.
    pub(super) fn say_region(&self) {
        let region = self.region.as_deref().unwrap_or_default();
        if self.plan.endpoint == Endpoint::Aws
            && let Some(remark) = catalog::region_remark(region)
        {
            self.say(&remark);
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
        match (&quotas.warning, self.asked.style) {
            (None, _) => {}
            (Some(warning), Style::Quiet) => print::said(warning),
            (Some(warning), Style::QuietJson) => {
                print::noted(&json!({ "event": "note", "message": warning }));
            }
            (Some(warning), Style::Json | Style::Live | Style::Lines) => self.say(warning),
        }
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

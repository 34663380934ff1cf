//! What is said before the first call.

use super::run::Run;
use super::sweep_remarks::{self, of_each};
use super::told::Notice;
use crate::catalog;
use crate::job::{Endpoint, Plan};
use crate::output::{Claim, Locks, TailFix, TornTail, lock_remark};
use crate::rows::preflight::Preflight;

impl Run<'_, '_> {
    /// What a person wants to know before the first call.
    pub(super) fn opening_notices(&self, claim: &Claim, preflight: &Preflight) -> Vec<Notice> {
        let model = self.plan.model.as_str();
        let fixed = (!preflight.outdated.is_empty()).then(|| preflight.fixed_remark());
        let hidden = self.hidden;
        let found = self.plan.model.found_behind();
        let fake =
            "the emulator generates fake responses: nothing is sent to AWS, nothing is billed";
        let torn = claim
            .torn
            .iter()
            .map(|torn| Notice::Warning(repaired(torn)));
        let of_input = preflight.of_input.iter().cloned().map(Notice::Warning);
        let variants = self.opened.variants;
        let gone = match variants.iter().any(|it| it.sweep.is_some()) {
            false => Preflight::gone_remark(self.kept.rows),
            true => sweep_remarks::gone(self.kept.rows, variants, &claim.past),
        };
        let gone = gone.filter(|_| self.opened.maker.selection().is_none());
        let unknown_locks = || lock_remark(self.opened.paths.directory());
        let unknown_locks = (self.options.locks == Locks::Trusted).then(unknown_locks);
        let notices = [
            unknown_locks.flatten().map(Notice::Warning),
            gone.map(Notice::Note),
            fixed.map(Notice::Note),
            hidden.map(|why| Notice::Warning(format!("{model}: {why}; its price is unknown"))),
            found.map(|found| Notice::Note(format!("{model} calls {found}, according to Bedrock"))),
            preflight.alike.clone().map(Notice::Warning),
            preflight.blank_remark().map(Notice::Warning),
        ];
        let of_sweep = sweep_remarks::remarks(variants, self.opened.skipped);
        let of_plans = [
            of_each(variants, Plan::catalog_remark),
            of_each(variants, Plan::unpriced_remark),
            of_each(variants, Plan::profile_remark),
        ];
        let of_plans = of_plans.into_iter().flatten();
        let warnings = of_sweep.into_iter().chain(of_plans).map(Notice::Warning);
        let prefix = of_each(variants, Plan::prefix_remark);
        let notes = prefix.into_iter().map(Notice::Note);
        let fake = self.context.emulated.then(|| Notice::Note(fake.to_owned()));
        torn.chain(of_input)
            .chain(notices.into_iter().flatten())
            .chain(warnings)
            .chain(notes)
            .chain(fake)
            .collect()
    }

    /// Said of a region that the catalog does not know: it is likely to be misspelt.
    pub(super) fn region_remark(&self) -> Option<String> {
        let region = self.region.as_deref().unwrap_or_default();
        let is_aws = self.current.endpoint == Endpoint::Aws;
        catalog::region_remark(region).filter(|_| is_aws)
    }

    /// Said of an inference profile that is not of the region's geography.
    pub(super) fn geography_remark(&self) -> Option<String> {
        // The emulator plays a region of its own if the job names none.
        let region = match self.current.endpoint {
            Endpoint::Emulator { .. } => self.current.region.as_deref(),
            Endpoint::Aws | Endpoint::Url(_) => self.region.as_deref(),
        };
        self.current.geography_remark(region?)
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

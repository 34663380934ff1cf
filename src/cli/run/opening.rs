//! What is said before the first call.

use super::Job;
use crate::cli::auto_quota::Quotas;
use crate::cli::print;
use crate::job::survey::Survey;
use crate::model::id::suggest;
use crate::output::Claim;
use crate::output::display::Style;

impl Job<'_> {
    /// What a person wants to know before the first call.
    pub(super) fn say_opening(&self, claim: &Claim, survey: &Survey) {
        for torn in &claim.torn {
            self.say(&format!(
                "{} ended inside a line, as after a crash: its last {} bytes are kept in {}, and \
                 that row runs again",
                torn.from.display(),
                torn.bytes,
                torn.kept.display()
            ));
        }
        let gone = self.kept.rows;
        if 0 < gone {
            self.say(&format!(
                "{gone} rows of the output are no longer in the input; they are kept"
            ));
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
        if self.plan.facts.is_none() && self.plan.model.base().is_some() {
            let meant = suggest(model).map(|near| format!(" (did you mean `{near}`?)"));
            let meant = meant.unwrap_or_default();
            self.say(&format!(
                "`{model}` is not in the catalogue{meant}: its price is unknown"
            ));
        }
        let remarks = [self.plan.profile_remark(), self.plan.prefix_remark()];
        for remark in remarks.into_iter().flatten() {
            self.say(&remark);
        }
        if self.context.emulated {
            self.say(
                "the emulator answers: every completion is made up, nothing is sent or billed",
            );
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
            (Some(warning), Style::Quiet) => {
                print::said(warning);
            }
            (Some(warning), Style::Json | Style::Live | Style::Lines) => self.say(warning),
        }
    }
}

//! What the summary says of each of its numbers.

use super::RunSummary;
use crate::format::{count, dollars, dollars_of, one_line, plural, rough};
use crate::run::WaitReason;

/// Less is what is left of sums that should be nothing.
pub(super) const LEAST_USD: f64 = 1e-9;

impl RunSummary<'_> {
    /// What is said of the rows that succeeded.
    pub(super) fn succeeded(&self) -> Vec<String> {
        let Self {
            overall,
            progress,
            context,
            ..
        } = self;
        let mut remarks = Vec::new();
        if 0 < progress.past.answered() {
            let before = count(progress.past.answered());
            remarks.push(format!("{before} in earlier runs"));
        }
        if 0 < overall.cut_off {
            let limit = context.max_tokens.map(|limit| format!(" = {limit}"));
            let (cut_off, limit) = (count(overall.cut_off), limit.unwrap_or_default());
            remarks.push(format!("{cut_off} cut off at max_tokens{limit}"));
        }
        in_one(remarks)
    }

    /// Why rows failed, one category a line.
    pub(super) fn failures(&self) -> Vec<String> {
        let failures = &self.overall.failures;
        let is_only = failures.len() == 1;
        let described = failures.iter().map(|(category, failures)| {
            let number = match is_only {
                true => String::new(),
                false => format!("{} ", count(failures.count)),
            };
            let id = match failures.example_id.as_deref() {
                Some(id) => format!(", {}", one_line(id, 60)),
                None => String::new(),
            };
            let first = match failures.count {
                1 => "",
                _ => "first: ",
            };
            format!(
                "{number}{category} ({first}row {}{id}): {}",
                failures.example_row,
                one_line(&failures.example_message, 200),
            )
        });
        described.collect()
    }

    /// What all of it cost, and may have.
    pub(super) fn cost(&self) -> String {
        let overall = &self.overall;
        let mut parts = vec![match self.context.max_cost_usd {
            Some(most) => dollars_of(overall.cost_usd, most),
            None => dollars(overall.cost_usd),
        }];
        let (unpriced, completed) = (overall.unpriced, overall.responses());
        if unpriced == completed && 0 < completed {
            parts = vec![format!("unknown for {}", plural(completed, "completion"))];
        } else if 0 < unpriced {
            let (priced, all) = (count(completed - unpriced), count(completed));
            parts[0] += &format!(" for {priced} of {all} completions");
            parts.push(format!("unknown for {}", count(unpriced)));
        }
        if self.is_emulated() {
            parts[0] += " on Bedrock";
            parts.push("the emulator bills nothing".into());
        }
        let backed_up = overall.unattributed.answers_usd;
        if LEAST_USD <= backed_up {
            let usd = dollars(backed_up);
            parts.push(format!(
                "{usd} more for completions no longer in the output"
            ));
        }
        let uncertain = overall.uncertain_usd() - backed_up;
        if LEAST_USD <= uncertain {
            let usd = dollars(uncertain);
            parts.push(format!(
                "up to {usd} more for calls that may have been billed"
            ));
        }
        parts.join("; ")
    }

    /// What is said of the calls, a line each.
    pub(super) fn calls(&self) -> Vec<String> {
        let Self { progress, .. } = self;
        let minutes = self.elapsed.as_secs_f64().max(0.001) / 60.0;
        let pace = (progress.now.ended() as f64 / minutes).round() as u64;
        let mut counts = vec![format!("{} rows/min", count(pace))];
        for (number, what) in [
            (progress.copied, "copied from identical rows"),
            (progress.throttles, "throttled"),
            (progress.retries, "retried"),
            (progress.maybe_billed, "timed out (possibly billed)"),
        ] {
            if 0 < number {
                counts.push(format!("{} {what}", count(number)));
            }
        }
        let mut parts = vec![counts.join(", ")];
        if let Some((why, share)) = self.held_back
            && 0.5 <= share
        {
            parts.push(format!("limited by {}", why.as_str()));
        }
        let mut lines = vec![parts.join("; ")];
        lines.extend(self.quota());
        lines
    }

    /// How much of the quota was used, or what was learned of it from throttling.
    pub(super) fn quota(&self) -> Option<String> {
        let Self {
            context, progress, ..
        } = self;
        let gauge = &progress.gauge;
        let minutes = self.elapsed.as_secs_f64() / 60.0;
        // Of a quota for a minute, a shorter run says nothing.
        let limit = |per_minute: Option<u64>| per_minute.filter(|_| 1.0 <= minutes);
        let share = |used: f64, per_minute: u64, what: &str| {
            let share = (used / (per_minute as f64 * minutes) * 100.0).round();
            format!("{share}% of {} {what}/min used", rough(per_minute as f64))
        };
        let mut parts = Vec::new();
        if let Some(per_minute) = limit(context.requests_per_minute) {
            // A run begins and ends with a call, so it has one more than there are waits between them.
            let sent = progress.sent.saturating_sub(1) as f64;
            parts.push(share(sent, per_minute, "requests"));
        }
        if let Some(per_minute) = limit(context.tokens_per_minute) {
            parts.push(share(gauge.tokens_settled, per_minute, "tokens"));
        }
        if let Some(learned) = gauge.learned_per_minute {
            parts.push(format!("learned limit: about {} calls/min", rough(learned)));
        }
        if let Some(learned) = gauge.learned_tokens_per_minute {
            let key = match context.tokens_per_minute {
                Some(_) => String::new(),
                None => format!(
                    " (to keep to it: tokens_per_minute = {})",
                    as_limit(learned)
                ),
            };
            parts.push(format!(
                "learned limit: about {} tokens/min{key}",
                rough(learned)
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// One thing that would make the next run faster, where there is one.
    pub(super) fn hint(&self) -> Option<String> {
        let (why, share) = self.held_back?;
        if !matches!(why, WaitReason::Tokens | WaitReason::LearnedRate) || share < 0.25 {
            return None;
        }
        let (limit, statistics) = (
            u64::from(self.context.max_tokens?),
            &self.progress.statistics,
        );
        let enough = statistics.lower_limit(limit, self.context.thought)?;
        Some(format!(
            "max_tokens = {enough} would free quota: every call reserves {}, and the longest of {} \
             completions has {} tokens",
            count(limit),
            count(statistics.output_tokens.count()),
            count(statistics.output_tokens.max()),
        ))
    }
}

/// A learned limit as a job file has it: its first two digits, so that it is not above what was learned.
fn as_limit(learned: f64) -> String {
    let unit = 10_f64.powf((learned.max(1.0).log10().floor() - 1.0).max(0.0));
    let limit = (learned / unit).floor().max(1.0) * unit;
    count(limit as u64).replace(',', "_")
}

/// Remarks side by side.
fn in_one(remarks: Vec<String>) -> Vec<String> {
    match remarks.is_empty() {
        true => remarks,
        false => vec![remarks.join(", ")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learned_limit_is_rounded_down_to_what_a_job_file_takes() {
        for (learned, limit) in [
            (0.3, "1"),
            (7.9, "7"),
            (59.9, "59"),
            (1_999.0, "1_900"),
            (59_871.0, "59_000"),
            (1_234_567.0, "1_200_000"),
        ] {
            assert_eq!(as_limit(learned), limit, "{learned}");
        }
    }
}

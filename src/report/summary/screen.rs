//! The summary for people: one screen.

use std::fmt::Write as _;

use super::Summary;
use crate::exit::Exit;
use crate::format::{count, dollars, one_line, plural, time};
use crate::model::Category;
use crate::run::WaitReason;

/// Less is what is left of sums that should be nothing.
const LEAST_USD: f64 = 1e-9;

impl std::fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = self.headline();
        for (name, what) in self.figures() {
            let _ = write!(text, "\n  {name:<10} {what}");
        }
        for (category, failures) in &self.overall.failures {
            let id = failures
                .example_id
                .as_deref()
                .map(|id| format!(" ({id})"))
                .unwrap_or_default();
            let _ = write!(
                text,
                "\n  {:<10} {category} ×{}; first row {}{}: {}",
                "",
                count(failures.count),
                failures.example_row,
                one_line(&id, 60),
                one_line(&failures.example_message, 200),
            );
        }
        for (name, what) in self.whereabouts() {
            let _ = write!(text, "\n  {name:<10} {what}");
        }
        f.write_str(&text)
    }
}

impl Summary<'_> {
    fn headline(&self) -> String {
        let Self {
            context, ending, ..
        } = self;
        let ended = count(self.overall.ended());
        let rows = count(context.rows);
        let took = time(self.elapsed);
        let made_up = if self.is_made_up() {
            "; the emulator made these answers up"
        } else {
            ""
        };
        match &ending.stopped_by {
            None => format!(
                "{}: {ended} of {rows} rows ended in {took}{made_up}",
                context.name
            ),
            Some(why) if matches!(ending.exit, Exit::Complete | Exit::TooManyFailed) => format!(
                "{}: {ended} of {rows} rows ended in {took}{made_up}\n  {:<10} {}, with nothing left to send",
                context.name,
                "stopped by",
                one_line(why, 2000),
            ),
            Some(why) => format!(
                "{}: stopped after {took}, {ended} of {rows} rows ended{made_up}\n  {:<10} {}",
                context.name,
                "stopped by",
                one_line(why, 2000),
            ),
        }
    }

    fn figures(&self) -> Vec<(&'static str, String)> {
        let Self {
            overall, progress, ..
        } = self;
        let mut figures = Vec::new();
        if let Some(advice) = &self.ending.advice {
            figures.push(("what to do", advice.clone()));
        }
        figures.push(("answered", self.answered()));
        figures.push(("failed", count(overall.failed)));
        if let Some(failures) = &self.ending.too_many_failed {
            figures.push(("exit 3", failures.clone()));
        }
        if 0 < self.remaining() {
            figures.push(("left", count(self.remaining())));
        }
        let usage = &overall.usage;
        if 0 < usage.input_tokens.max(usage.output_tokens) {
            let cached = match usage.cache_read_input_tokens {
                0 => String::new(),
                cached => format!(" ({} of them from the cache)", count(cached)),
            };
            let (input, output) = (count(usage.input_tokens), count(usage.output_tokens));
            figures.push(("tokens", format!("{input} in{cached}, {output} out")));
        }
        if 0 < overall.answered() || 0.0 < overall.uncertain_usd() {
            figures.push(("cost", self.cost()));
        }
        if 0 < progress.sent {
            figures.push(("calls", self.calls()));
            figures.extend(self.quota().map(|quota| ("quota", quota)));
            figures.extend(self.hint().map(|hint| ("hint", hint)));
        }
        figures
    }

    fn answered(&self) -> String {
        let Self {
            overall,
            progress,
            context,
            ..
        } = self;
        let mut notes = Vec::new();
        if 0 < progress.past.answered() {
            notes.push(format!(
                "{} of them before this run",
                count(progress.past.answered())
            ));
        }
        if 0 < overall.filtered {
            notes.push(format!("{} filtered", count(overall.filtered)));
        }
        if 0 < overall.cut_off {
            let limit = context
                .max_tokens
                .map(|n| format!(" of {n}"))
                .unwrap_or_default();
            notes.push(format!(
                "{} cut off at max_tokens{limit}",
                count(overall.cut_off)
            ));
        }
        let answered = count(overall.answered());
        if notes.is_empty() {
            answered
        } else {
            format!("{answered} ({})", notes.join(", "))
        }
    }

    fn cost(&self) -> String {
        let overall = &self.overall;
        let mut known = dollars(overall.cost_usd);
        if self.is_made_up() {
            known += " on Bedrock, nothing here";
        }
        let (unpriced, answered) = (overall.unpriced, overall.answered());
        if unpriced == answered && 0 < answered {
            known = format!("unknown for {} of {0} answers", count(answered));
        } else if 0 < unpriced {
            let priced = count(answered - unpriced);
            let (all, rest) = (count(answered), count(unpriced));
            known = format!("{known}, for {priced} of {all} answers; unknown for {rest}");
        }
        let put_aside = overall.unlisted.answers_usd;
        if LEAST_USD <= put_aside {
            let _ = write!(
                known,
                "; {} more for answers no longer in the output",
                dollars(put_aside)
            );
        }
        let uncertain = overall.uncertain_usd() - put_aside;
        if LEAST_USD <= uncertain {
            let _ = write!(
                known,
                "; up to {} more for calls that may have been billed",
                dollars(uncertain)
            );
        }
        known
    }

    fn calls(&self) -> String {
        let Self { progress, .. } = self;
        let minutes = self.elapsed.as_secs_f64().max(0.001) / 60.0;
        let pace = (progress.now.ended() as f64 / minutes).round() as u64;
        let mut text = format!("{}, {} rows/min", count(progress.sent), count(pace));
        let tell = |number: u64, what: &str| match number {
            0 => String::new(),
            number => format!(", {} {what}", count(number)),
        };
        text += &tell(progress.throttles, "refused for now");
        text += &tell(progress.retries, "sent again");
        text += &tell(progress.maybe_billed, "given up on and maybe billed");
        if let Some((why, share)) = self.held_back
            && 0.5 <= share
        {
            let _ = write!(text, "; held back by {}", why.as_str());
        }
        text
    }

    /// How much of the quota was used, or what refusals have taught of it.
    fn quota(&self) -> Option<String> {
        let Self {
            context, progress, ..
        } = self;
        let gauge = &progress.gauge;
        let minutes = self.elapsed.as_secs_f64() / 60.0;
        // Of a quota for a minute, a shorter run says nothing.
        let limit = |per_minute: Option<u64>| per_minute.filter(|_| 1.0 <= minutes);
        let share = |used: f64, per_minute: u64| {
            let share = (used / (per_minute as f64 * minutes) * 100.0).round();
            format!("{share} % of {} ", count(per_minute))
        };
        let mut parts = Vec::new();
        if let Some(per_minute) = limit(context.requests_per_minute) {
            // A run begins and ends with a call, so it has one more than there are waits between them.
            let sent = progress.sent.saturating_sub(1) as f64;
            parts.push(share(sent, per_minute) + "requests a minute used");
        }
        if let Some(per_minute) = limit(context.tokens_per_minute) {
            parts.push(share(gauge.tokens_settled, per_minute) + "tokens a minute used");
        }
        if let Some(learned) = gauge.learned_per_minute {
            parts.push(format!(
                "refusals taught about {} a minute",
                plural(learned as u64, "call")
            ));
        }
        if let Some(learned) = gauge.learned_tokens_per_minute {
            parts.push(format!(
                "refusals taught about {} a minute",
                plural(learned as u64, "token")
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// One thing that would make the next run faster, where there is one.
    fn hint(&self) -> Option<String> {
        let (why, share) = self.held_back?;
        if !matches!(why, WaitReason::Tokens | WaitReason::Refusals) || share < 0.25 {
            return None;
        }
        let (limit, lessons) = (u64::from(self.context.max_tokens?), &self.progress.lessons);
        let enough = lessons.lower_limit(limit, self.context.thought)?;
        Some(format!(
            "the longest of {} answers has {} tokens and every call reserves {}: max_tokens = \
             {enough} would leave more of the quota",
            count(lessons.output_tokens.count()),
            count(lessons.output_tokens.max()),
            count(limit),
        ))
    }

    fn whereabouts(&self) -> Vec<(&'static str, String)> {
        let Self {
            context, overall, ..
        } = self;
        let mut lines = Vec::new();
        if 0 < overall.answered() {
            lines.push(("answers", context.paths.answered.display().to_string()));
        }
        if 0 < overall.failed {
            lines.push(("failures", context.paths.failed.display().to_string()));
        }
        if 0 < self.remaining() {
            let goes_on = self.ending.goes_on;
            lines.extend(goes_on.then(|| ("to go on", context.resume.clone())));
        } else if 0 < overall.failed {
            lines.extend(self.to_mend_and_retry());
        }
        lines
    }

    /// What to do about the failures. Rows that could not be read or sent run once they are mended;
    /// as they are they may be too many for a run to start that is to send all failures again.
    fn to_mend_and_retry(&self) -> Vec<(&'static str, String)> {
        let Self {
            context, overall, ..
        } = self;
        let bad = overall.failed_of(Category::BadInputRow);
        let retry = ("to retry", context.retry_failed.clone());
        let mend = |then: &str| {
            let bad = plural(bad, "row");
            let text = format!("{bad} of the input that could not be read or sent; {then}");
            ("to mend", text)
        };
        let runs = match bad {
            1 => "then it runs by the same command",
            _ => "then they run by the same command",
        };
        if bad == 0 {
            vec![retry]
        } else if bad == overall.failed {
            vec![mend(runs), ("then", context.resume.clone())]
        } else if self.ending.bears_bad_rows {
            vec![mend(runs), retry]
        } else {
            vec![mend("until then the command below is refused"), retry]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::*;
    use crate::model::Fingerprint;
    use crate::output::{EarlierRows, Mode, OutputPaths};
    use crate::report::progress::Progress;
    use crate::report::summary::{Context, Ending};

    /// What is said of 60 requests a minute after `sent` calls in so many seconds.
    fn quota(sent: u64, seconds: u64) -> Option<String> {
        let context = Context {
            name: "job".into(),
            model: "m".into(),
            rows: sent,
            emulated: false,
            named_ids: true,
            fingerprint: Fingerprint::default(),
            max_tokens: None,
            thought: 0,
            requests_per_minute: Some(60),
            tokens_per_minute: None,
            started_at: Timestamp::UNIX_EPOCH,
            paths: OutputPaths::new(Path::new("out.jsonl")),
            mode: Mode::default(),
            resume: String::new(),
            retry_failed: String::new(),
        };
        let ending = Ending {
            exit: Exit::Complete,
            stopped_by: None,
            advice: None,
            goes_on: true,
            too_many_failed: None,
            bears_bad_rows: false,
        };
        let start = Instant::now();
        let mut progress = Progress::new(&EarlierRows::default(), start);
        progress.sent = sent;
        let end = start + Duration::from_secs(seconds);
        Summary::new(&context, &ending, &progress, end).quota()
    }

    #[test]
    fn what_was_used_of_a_minute_is_said_of_whole_minutes_only() {
        assert_eq!(quota(1, 1), None);
        assert_eq!(quota(60, 59), None);
        let used = |percent| Some(format!("{percent} % of 60 requests a minute used"));
        assert_eq!(quota(61, 60), used(100));
        assert_eq!(quota(46, 90), used(50));
    }
}

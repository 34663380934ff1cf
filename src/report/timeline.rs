//! The course of a run in a bounded number of steps: what was sent, what came back, what limited it.
//! The steps grow with the run, so a run of a minute and one of a day take the same room.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::model::Category;
use crate::run::{Event, Gauge, Outcome, WaitReason};

/// So many steps at most. When they are used up, each takes in its neighbour and they become twice as
/// long.
const STEPS: usize = 120;

/// How long a step is at first.
const FIRST_STEP: Duration = Duration::from_secs(1);

/// The course of a run.
#[derive(Debug)]
pub(crate) struct Timeline {
    start: Instant,
    step: Duration,
    steps: Vec<TimelineStep>,
    quota_tokens: f64,
    waits: Option<(WaitReason, Instant)>,
}

#[derive(Debug, Clone, Default)]
struct TimelineStep {
    calls: u64,
    succeeded: u64,
    failed: u64,
    throttled: u64,
    quota_tokens: f64,
    waits: BTreeMap<WaitReason, Duration>,
}

/// The timeline as `OUT.run.json` keeps it: a list for each figure, with a value for each step.
#[derive(Debug, Serialize)]
pub(crate) struct TimelineOnDisk {
    step_seconds: u64,
    calls: Vec<u64>,
    succeeded: Vec<u64>,
    failed: Vec<u64>,
    throttled: Vec<u64>,
    quota_tokens: Vec<u64>,
    limited_by: Vec<Option<&'static str>>,
}

impl Timeline {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            step: FIRST_STEP,
            steps: Vec::new(),
            quota_tokens: 0.0,
            waits: None,
        }
    }

    /// Takes in one event.
    pub(crate) fn take(&mut self, event: &Event<'_>, now: Instant) {
        match event {
            Event::Sent { .. } => self.at(now).calls += 1,
            Event::Retry { fault, .. } => {
                let throttled = fault.category == Category::Throttled;
                self.at(now).throttled += u64::from(throttled);
            }
            Event::Completed(completed) => match &completed.outcome {
                Outcome::Replied(_) => self.at(now).succeeded += 1,
                Outcome::Failed(_) => self.at(now).failed += 1,
            },
            Event::Waits(why, gauge) => {
                self.used(gauge, now);
                self.waits(Some(*why), now);
            }
            Event::Over(gauge) => {
                self.used(gauge, now);
                self.waits(None, now);
            }
            Event::Left { .. }
            | Event::Reasked { .. }
            | Event::Uncorrected { .. }
            | Event::Abandoned
            | Event::Unattributed { .. }
            | Event::CannotWrite(_)
            | Event::Stops(_)
            | Event::Tick => {}
        }
    }

    fn used(&mut self, gauge: &Gauge, now: Instant) {
        let more = (gauge.tokens_settled - self.quota_tokens).max(0.0);
        self.quota_tokens += more;
        self.at(now).quota_tokens += more;
    }

    fn waits(&mut self, why: Option<WaitReason>, now: Instant) {
        let before = std::mem::replace(&mut self.waits, why.map(|why| (why, now)));
        if let Some((why, since)) = before {
            *self.at(now).waits.entry(why).or_default() += now - since;
        }
    }

    fn at(&mut self, now: Instant) -> &mut TimelineStep {
        let mut number = self.number(now);
        while STEPS <= number {
            self.steps = self.steps.chunks(2).map(merged).collect();
            self.step *= 2;
            number = self.number(now);
        }
        if self.steps.len() <= number {
            self.steps.resize(number + 1, TimelineStep::default());
        }
        &mut self.steps[number]
    }

    fn number(&self, now: Instant) -> usize {
        let elapsed = (now - self.start).as_secs() / self.step.as_secs().max(1);
        usize::try_from(elapsed).unwrap_or(usize::MAX)
    }

    /// What is written to the run file.
    pub(crate) fn on_disk(&self) -> TimelineOnDisk {
        let steps = &self.steps;
        let each = |figure: fn(&TimelineStep) -> u64| steps.iter().map(figure).collect();
        TimelineOnDisk {
            step_seconds: self.step.as_secs(),
            calls: each(|step| step.calls),
            succeeded: each(|step| step.succeeded),
            failed: each(|step| step.failed),
            throttled: each(|step| step.throttled),
            quota_tokens: each(|step| step.quota_tokens.round() as u64),
            limited_by: steps.iter().map(TimelineStep::limited_by).collect(),
        }
    }
}

impl TimelineStep {
    /// What was waited for longest.
    fn limited_by(&self) -> Option<&'static str> {
        let longest = self.waits.iter().max_by_key(|(_, time)| **time);
        longest.map(|(why, _)| why.as_str())
    }
}

fn merged(steps: &[TimelineStep]) -> TimelineStep {
    let mut merged = TimelineStep::default();
    for step in steps {
        merged.calls += step.calls;
        merged.succeeded += step.succeeded;
        merged.failed += step.failed;
        merged.throttled += step.throttled;
        merged.quota_tokens += step.quota_tokens;
        for (why, time) in &step.waits {
            *merged.waits.entry(*why).or_default() += *time;
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Gauge, Identity};

    #[tokio::test(start_paused = true)]
    async fn a_run_of_a_day_has_as_many_steps_as_one_of_a_minute_and_loses_no_call() {
        let start = Instant::now();
        let mut timeline = Timeline::new(start);
        let identity = &Identity::default();
        let sent = Event::Sent {
            identity,
            is_retry: false,
            gauge: Gauge::default(),
        };
        for second in 0..86_400 {
            timeline.take(&sent, start + Duration::from_secs(second));
        }
        let on_disk = timeline.on_disk();
        assert_eq!(on_disk.step_seconds, 1024);
        assert_eq!(on_disk.calls.len(), 85);
        assert_eq!(on_disk.calls.iter().sum::<u64>(), 86_400);
        assert!(
            on_disk
                .calls
                .iter()
                .rev()
                .skip(1)
                .all(|calls| *calls == 1024)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_format_on_disk_stays_what_it_is() {
        let start = Instant::now();
        let mut timeline = Timeline::new(start);
        let gauge = |tokens_settled| Gauge {
            tokens_settled,
            ..Gauge::default()
        };
        let at = |seconds| start + Duration::from_secs(seconds);
        timeline.take(&Event::Waits(WaitReason::Tokens, gauge(10.0)), at(0));
        timeline.take(&Event::Waits(WaitReason::Requests, gauge(25.0)), at(2));
        timeline.take(&Event::Over(gauge(25.4)), at(2));
        assert_eq!(
            serde_json::to_string(&timeline.on_disk()).unwrap(),
            r#"{"step_seconds":1,"calls":[0,0,0],"succeeded":[0,0,0],"failed":[0,0,0],"throttled":[0,0,0],"quota_tokens":[10,0,15],"limited_by":[null,null,"tokens per minute"]}"#
        );
    }
}

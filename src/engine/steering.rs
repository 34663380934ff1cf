//! What changes the limits of a run while it is under way: the windows of the job.

use jiff::Timestamp;
use tokio::sync::watch;

use crate::format::count;
use crate::job::{LimitWindow, WindowLimits, limits_at};
use crate::run::Steering;

/// Steers a run by the clock.
#[derive(Debug)]
pub(super) struct WindowSchedule<'a> {
    windows: &'a [LimitWindow],
    now: WindowLimits,
    steering: watch::Sender<Steering>,
}

impl<'a> WindowSchedule<'a> {
    /// Of a run that starts at `now`.
    pub(super) fn new(windows: &'a [LimitWindow], now: Timestamp) -> Self {
        let limits = limits_at(windows, now);
        Self {
            windows,
            now: limits,
            steering: watch::Sender::new(steered(limits)),
        }
    }

    /// What the loop follows.
    pub(super) fn steering(&self) -> watch::Receiver<Steering> {
        self.steering.subscribe()
    }

    /// What is said of a window that holds when the run starts.
    pub(super) fn opening_note(&self) -> Option<String> {
        (self.now != WindowLimits::default()).then(|| note(self.now))
    }

    /// Looks at the clock. If other limits hold from now on, they are set, and there is a note about it.
    pub(super) fn tick(&mut self, now: Timestamp) -> Option<String> {
        let limits = limits_at(self.windows, now);
        if limits == self.now {
            return None;
        }
        self.now = limits;
        self.steering.send_replace(steered(limits));
        Some(note(limits))
    }
}

fn steered(limits: WindowLimits) -> Steering {
    Steering {
        requests_per_minute: limits.requests_per_minute,
        tokens_per_minute: limits.tokens_per_minute,
    }
}

fn note(limits: WindowLimits) -> String {
    let requests = limits.requests_per_minute.map(|it| it.0.get().into());
    let amounts = [
        (requests, "requests per minute"),
        (limits.tokens_per_minute, "tokens per minute"),
    ];
    let amounts = amounts.into_iter();
    let amounts = amounts.filter_map(|(amount, unit)| Some(format!("{} {unit}", count(amount?))));
    let amounts: Vec<_> = amounts.collect();
    match amounts.is_empty() {
        true => "no window of limits holds now: the limits of the job apply".into(),
        false => format!("a window of limits holds now: {}", amounts.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobFile;
    use crate::job::Plan;

    #[test]
    fn the_limits_change_when_a_window_begins_and_when_it_ends() {
        let job = r#"
            input.path = "in.csv"
            output.path = "out.jsonl"
            model = { id = "amazon.nova-lite-v1:0", region = "us-east-1" }
            [[limits.window]]
            from = "08:00"
            to = "18:00"
            zone = "UTC"
            requests_per_minute = 200
            tokens_per_minute = 5000
        "#;
        let job = JobFile::load(None, toml::from_str(job).unwrap()).unwrap();
        let today = jiff::civil::date(2026, 12, 1);
        let plan = Plan::new(job, None, today, |_| None).unwrap();
        let at = |time: &str| format!("2026-12-01T{time}Z").parse().unwrap();
        let mut schedule = WindowSchedule::new(&plan.windows, at("07:00:00"));
        let steering = schedule.steering();
        assert_eq!(schedule.opening_note(), None);
        assert_eq!(schedule.tick(at("07:59:59")), None);
        assert_eq!(*steering.borrow(), Steering::default());
        let note = schedule.tick(at("08:00:00")).unwrap();
        assert!(note.ends_with("now: 200 requests per minute and 5,000 tokens per minute"));
        assert_eq!(steering.borrow().tokens_per_minute, Some(5000));
        assert_eq!(schedule.tick(at("12:00:00")), None);
        assert!(
            schedule
                .tick(at("18:00:00"))
                .unwrap()
                .starts_with("no window")
        );
        assert_eq!(*steering.borrow(), Steering::default());
        let late = WindowSchedule::new(&plan.windows, at("09:00:00"));
        assert!(late.opening_note().is_some());
    }
}

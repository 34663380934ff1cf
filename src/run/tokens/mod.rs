//! The tokens-per-minute budget, as Bedrock keeps it.
//!
//! Bedrock admits a call if `input + max_tokens` fit into what is left of the quota, and settles
//! at the end to `input + cache write + output × burndown`; cache reads are free (user guide,
//! "token burndown", read October 2026). So a call is charged twice over here: what it reserves
//! counts against the minute while it is in flight, and what it is expected to settle to, which
//! is learned from the replies, sets the pace. An admission is settled exactly once: refunded if
//! it never started, charged in full if its use is unknown. A day counts calls in flight at the
//! worst they can settle to, so that it is not overshot: of input not at the mean that was learned, but
//! at four times that, or a token for every byte, of which no token has less.

mod day;
mod estimate;

use std::time::Duration;

use tokio::time::Instant;

use super::learn::Learned;
use super::limit_use::EarlierUse;
use super::reserved::ReservedCeiling;
use crate::model::{Request, Usage};
use day::DayBudget;
use estimate::Estimate;

/// Limits of tokens, as the job says them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenLimits {
    /// Tokens per minute.
    pub per_minute: Option<u64>,
    /// Tokens per day (UTC), runs of the same output before this one included.
    pub per_day: Option<u64>,
    /// How many tokens of quota one token of output costs.
    pub burndown: f64,
    /// What a call without a limit of its own reserves for its completion: the model's maximum.
    pub default_max_tokens: u64,
}

/// Where the estimate of input tokens begins: about 3.3 bytes a token, fewer than English prose
/// has, so that it errs on the large side until replies correct it.
const FIRST_TOKENS_PER_BYTE: f64 = 0.3;

/// A row may have so many times as many tokens a byte as the others before it. Chosen, not measured:
/// rows of one job are much alike, and the estimate begins so near to a token a byte that text counts
/// as that until replies say otherwise.
const ESTIMATE_MARGIN: f64 = 4.0;

/// Throttles that are closer together do not show what the quota is: what is in flight weighs too much.
const LEAST_MEASURED: Duration = Duration::from_secs(5);

/// What was settled and reserved of a quota when a call was throttled for its tokens.
#[derive(Debug, Clone, Copy)]
struct UsedUp {
    at: Instant,
    tokens: f64,
}

/// What an admitted call holds of the budget. Settled exactly once.
#[must_use = "a charge is given back by settling it"]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Charge {
    reserved: f64,
    /// What calls in flight had reserved when it was sent.
    beside: f64,
    expected: f64,
    /// The part of the reservation that is for the completion.
    most: f64,
    /// What the day counts it as until it has settled: the worst that it can settle to.
    worst: f64,
    /// The size of its body.
    bytes: f64,
}

/// What a call turned out to use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Settled {
    /// It never started, or was throttled: nothing.
    Nothing,
    /// As the reply says.
    Used(Usage),
    /// Unknown: the worst.
    Unknown,
}

/// Why a call may not start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Short {
    /// The minute's tokens: ask again then.
    Until(Instant),
    /// The minute's tokens are reserved by calls in flight: one of them has to return.
    InFlight,
    /// The rest of the day's tokens may be used by calls in flight: one of them has to return.
    DayInFlight,
    /// The day's tokens are used up.
    Day,
}

/// The budget.
#[derive(Debug)]
pub(super) struct Tokens {
    limits: TokenLimits,
    /// When the tokens that an earlier run has taken are paid for.
    owed_until: Instant,
    day: DayBudget,
    /// The rate: of the quota that the job names, or as throttles teach it.
    pace: Learned,
    /// What calls in flight may reserve, where the job names no quota.
    ceiling: ReservedCeiling,
    /// When the quota was used up, the first time and the last.
    used_up: Option<[UsedUp; 2]>,
    /// What calls in flight have reserved, what they are expected to settle to, and how many they are.
    reserved: f64,
    expected: f64,
    in_flight: u64,
    /// Settled since the start.
    settled: f64,
    /// Reserved by calls that have settled to less.
    never_used: f64,
    tokens_per_byte: Estimate,
    output_share: Estimate,
}

impl Tokens {
    pub(super) fn new(limits: TokenLimits, earlier: &EarlierUse, start: Instant) -> Self {
        let owed_until = start + earlier.tokens_due_in;
        let mut pace = pace(limits.per_minute, start);
        if limits.per_minute.is_some() {
            pace.owes_until(owed_until);
        }
        Self {
            limits,
            owed_until,
            day: DayBudget::new(limits.per_day, earlier, start),
            pace,
            ceiling: ReservedCeiling::default(),
            used_up: None,
            reserved: 0.0,
            expected: 0.0,
            in_flight: 0,
            settled: 0.0,
            never_used: 0.0,
            tokens_per_byte: Estimate::new(FIRST_TOKENS_PER_BYTE),
            output_share: Estimate::new(1.0),
        }
    }

    /// This limit holds from now on.
    pub(super) fn limit(&mut self, per_minute: Option<u64>, now: Instant) {
        if per_minute == self.limits.per_minute {
            return;
        }
        match (self.limits.per_minute, per_minute) {
            (Some(_), Some(tokens)) => self.pace.limit(per_second(tokens), now),
            (Some(_) | None, _) => {
                self.pace = pace(per_minute, now);
                if per_minute.is_some() {
                    self.pace.owes_until(self.owed_until);
                }
                self.ceiling = ReservedCeiling::default();
                self.used_up = None;
            }
        }
        self.limits.per_minute = per_minute;
    }

    /// What `calls` would hold, sent as one.
    pub(super) fn charge<'a>(&self, calls: impl Iterator<Item = &'a Request>) -> Charge {
        let (mut bytes, mut most) = (0.0, 0.0);
        for call in calls {
            bytes += call.body.len() as f64;
            most += call
                .max_tokens
                .map_or(self.limits.default_max_tokens, u64::from) as f64;
        }
        let input = bytes * self.tokens_per_byte.value;
        let expected = input + most * self.output_share.value * self.limits.burndown;
        Charge {
            reserved: input + most,
            beside: self.reserved,
            expected,
            most,
            worst: self.worst_of_day(bytes, most).unwrap_or(expected),
            bytes,
        }
    }

    /// As many tokens of input as so many bytes can have, and the longest answer, at what each of its
    /// tokens costs. `None` for a call that would have no room in the whole day: it is most likely an
    /// image, whose bytes are no text.
    fn worst_of_day(&self, bytes: f64, most: f64) -> Option<f64> {
        let worst = bytes * self.most_per_byte() + most * self.limits.burndown.max(1.0);
        self.day.could_hold(worst).then_some(worst)
    }

    /// The tokens of a byte of input, at the most that is reckoned with: no text has more than one, and
    /// images have hardly any.
    fn most_per_byte(&self) -> f64 {
        (ESTIMATE_MARGIN * self.tokens_per_byte.value).min(1.0)
    }

    /// Whether it fits now. A call larger than the whole minute goes alone.
    pub(super) fn ready(&mut self, charge: &Charge, now: Instant) -> Result<(), Short> {
        if !self.day.has_room(charge.worst, now) {
            return Err(match self.in_flight {
                0 => Short::Day,
                _ => Short::DayInFlight,
            });
        }
        let most = match self.limits.per_minute {
            Some(minute) => minute as f64,
            None => self.ceiling.tokens(now),
        };
        if 0 < self.in_flight && most < self.reserved + charge.reserved {
            return Err(Short::InFlight);
        }
        self.pace.ready(now).map_err(Short::Until)
    }

    /// The call starts.
    pub(super) fn reserve(&mut self, charge: &Charge, now: Instant) {
        self.reserved += charge.reserved;
        self.expected += charge.expected;
        self.day.reserve(charge.worst);
        self.in_flight += 1;
        self.pace.sent(charge.expected, now);
    }

    /// The call is over.
    pub(super) fn settle(&mut self, charge: &Charge, settled: Settled, sent: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        // With nothing in flight, what is left of the sums is the noise of floating point.
        let is_last = self.in_flight == 0;
        (self.reserved, self.expected) = match is_last {
            true => (0.0, 0.0),
            false => (
                (self.reserved - charge.reserved).max(0.0),
                (self.expected - charge.expected).max(0.0),
            ),
        };
        let known = match settled {
            Settled::Nothing => Some(0.0),
            Settled::Unknown => None,
            Settled::Used(usage) => self.learn(charge, &usage),
        };
        // A call that was cut off has hardly made the longest answer there is: the pace believes
        // what the service had reserved for it, or minutes would be lost for every such call.
        let believed = known.unwrap_or_else(|| charge.reserved.max(charge.expected));
        let of_day = known.unwrap_or(charge.worst);
        self.day
            .settle(charge.worst, of_day, is_last, Instant::now());
        self.settled += believed;
        self.never_used += (charge.reserved - believed).max(0.0);
        self.pace.correct(believed - charge.expected, sent);
    }

    /// The service throttled a call for its tokens.
    pub(super) fn refused(
        &mut self,
        charge: &Charge,
        sent: Instant,
        now: Instant,
        ask: Option<Duration>,
    ) {
        self.ceiling.refuse(charge.beside, sent, now);
        let last = UsedUp {
            at: now,
            tokens: self.settled + self.reserved,
        };
        let [first, _] = self.used_up.unwrap_or([last; 2]);
        self.used_up = Some([first, last]);
        self.pace.refused(0.0, sent, now, ask);
    }

    /// Whether the job says how many tokens there are in a minute.
    pub(super) fn are_limited(&self) -> bool {
        self.limits.per_minute.is_some()
    }

    /// The tokens per second that throttles have taught.
    pub(super) fn ceiling(&self) -> Option<f64> {
        match self.limits.per_minute {
            Some(_) => self.pace.ceiling(),
            None => self.refill(),
        }
    }

    /// The tokens per second that the quota was refilled with, from the first throttle to the last: there
    /// was hardly anything left of it at both. `None` while too little time lies between them.
    fn refill(&self) -> Option<f64> {
        let [first, last] = self.used_up?;
        let lasted = last.at - first.at;
        let per_second = (last.tokens - first.tokens) / lasted.as_secs_f64();
        (LEAST_MEASURED <= lasted && 0.0 < per_second).then_some(per_second)
    }

    /// When the minute's tokens that calls have taken are paid for, those in flight with all that they
    /// have reserved.
    pub(super) fn due(&self) -> Option<Instant> {
        self.limits.per_minute?;
        Some(self.pace.due(self.reserved - self.expected))
    }

    /// What the day has used, calls in flight at their worst.
    pub(super) fn of_day(&self, now: Instant) -> f64 {
        self.day.used(now)
    }

    /// Tokens of quota settled, and reserved but never used.
    pub(super) fn totals(&self) -> (f64, f64) {
        (self.settled, self.never_used)
    }

    /// The quota that `usage` cost, and what it says about the next calls; `None` where it does not
    /// count the input.
    fn learn(&mut self, charge: &Charge, usage: &Usage) -> Option<f64> {
        let Usage {
            input_tokens,
            output_tokens,
            cache_read_input_tokens,
            ..
        } = *usage;
        let input = input_tokens? as f64;
        let output = output_tokens.map_or(charge.most, |output| output as f64);
        if 0.0 < charge.bytes {
            self.tokens_per_byte.learn(input / charge.bytes);
        }
        if 1.0 <= charge.most {
            self.output_share.learn((output / charge.most).min(1.0));
        }
        // A reply whose counts contradict each other gives nothing back.
        let read = cache_read_input_tokens.unwrap_or(0) as f64;
        Some((input - read).max(0.0) + output * self.limits.burndown)
    }
}

fn per_second(per_minute: u64) -> f64 {
    per_minute as f64 / 60.0
}

/// Where the job names no quota nothing is paced until throttles blame the tokens: the search for a
/// rate is that of the calls.
fn pace(per_minute: Option<u64>, now: Instant) -> Learned {
    match per_minute {
        Some(tokens) => Learned::paced(per_second(tokens), now),
        None => Learned::known(f64::INFINITY, now),
    }
}

#[cfg(test)]
mod tests;

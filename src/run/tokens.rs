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

use std::time::Duration;

use tokio::time::Instant;

use super::learn::Learned;
use super::limit_use::EarlierUse;
use super::reserved::ReservedCeiling;
use crate::model::{Request, Usage};

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

/// How many replies the estimates are about; until there are so many, all of them.
const REPLIES: f64 = 32.0;

/// From one midnight UTC to the next.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// When the day ends whose tokens are counted, if it matters.
    day_ends: Option<Instant>,
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
    /// What they settle to at the worst: a day counts what is settled, not what is reserved.
    worst: f64,
    /// Settled since the start.
    settled: f64,
    /// As the day counts it: unknown usage at its worst.
    of_day: f64,
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
            day_ends: earlier.day_ends_in.map(|left| start + left),
            pace,
            ceiling: ReservedCeiling::default(),
            used_up: None,
            reserved: 0.0,
            expected: 0.0,
            in_flight: 0,
            worst: 0.0,
            settled: 0.0,
            of_day: earlier.tokens_of_day,
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
        let has_room = |day: u64| worst <= day as f64;
        self.limits.per_day.is_none_or(has_room).then_some(worst)
    }

    /// The tokens of a byte of input, at the most that is reckoned with: no text has more than one, and
    /// images have hardly any.
    fn most_per_byte(&self) -> f64 {
        (ESTIMATE_MARGIN * self.tokens_per_byte.value).min(1.0)
    }

    /// Whether it fits now. A call larger than the whole minute goes alone.
    pub(super) fn ready(&mut self, charge: &Charge, now: Instant) -> Result<(), Short> {
        self.begin_day(now);
        if let Some(day) = self.limits.per_day
            && (day as f64) < self.of_day + self.worst + charge.worst
        {
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
        self.worst += charge.worst;
        self.in_flight += 1;
        self.pace.sent(charge.expected, now);
    }

    /// The call is over.
    pub(super) fn settle(&mut self, charge: &Charge, settled: Settled, sent: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        // With nothing in flight, what is left of the sums is the noise of floating point.
        (self.reserved, self.expected, self.worst) = match self.in_flight {
            0 => (0.0, 0.0, 0.0),
            _ => (
                (self.reserved - charge.reserved).max(0.0),
                (self.expected - charge.expected).max(0.0),
                (self.worst - charge.worst).max(0.0),
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
        self.begin_day(Instant::now());
        self.of_day += known.unwrap_or(charge.worst);
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
        match self.day_ends {
            Some(end) if end <= now => self.worst,
            Some(_) | None => self.of_day + self.worst,
        }
    }

    /// A new day has all its tokens. Calls that are in flight then count for it.
    fn begin_day(&mut self, now: Instant) {
        while let Some(end) = self.day_ends.filter(|end| *end <= now) {
            self.of_day = 0.0;
            self.day_ends = Some(end + DAY);
        }
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

/// A mean that is about the recent past.
#[derive(Debug)]
struct Estimate {
    value: f64,
    seen: f64,
}

impl Estimate {
    /// A guess, which counts for nothing once something was seen.
    fn new(guess: f64) -> Self {
        Self {
            value: guess,
            seen: 0.0,
        }
    }

    fn learn(&mut self, seen: f64) {
        self.seen = (self.seen + 1.0).min(REPLIES);
        self.value += (seen - self.value) / self.seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(per_minute: u64, start: Instant) -> Tokens {
        let limits = TokenLimits {
            per_minute: Some(per_minute),
            per_day: None,
            burndown: 5.0,
            default_max_tokens: 1000,
        };
        Tokens::new(limits, &EarlierUse::default(), start)
    }

    fn charge(tokens: &Tokens, bytes: usize, max_tokens: Option<u32>) -> Charge {
        tokens.charge([call(bytes, max_tokens)].iter())
    }

    fn call(bytes: usize, max_tokens: Option<u32>) -> Request {
        Request {
            body: vec![b'x'; bytes].into(),
            max_tokens,
            worst_cost_usd: None,
            reserve_usd: 0.0,
            bill: None,
            prompt: None,
            silence: None,
        }
    }

    fn used(input: u64, output: Option<u64>, cached: u64) -> Settled {
        Settled::Used(Usage {
            input_tokens: Some(input),
            output_tokens: output,
            cache_read_input_tokens: Some(cached),
            cache_write_input_tokens: None,
            cache_write_1h_input_tokens: None,
        })
    }

    /// What one call is settled at, and what of its reservation it never used.
    #[track_caller]
    fn check(settled: Settled, expected: (f64, f64)) {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        let charge = charge(&tokens, 100, None);
        tokens.reserve(&charge, start);
        tokens.settle(&charge, settled, start);
        assert_eq!(tokens.totals(), expected);
        assert_eq!((tokens.reserved, tokens.in_flight), (0.0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_settled_at_what_it_used_or_at_all_it_reserved() {
        check(Settled::Nothing, (0.0, 1030.0));
        check(Settled::Unknown, (5030.0, 0.0));
        check(used(30, Some(100), 0), (530.0, 500.0));
        check(used(30, Some(100), 20), (510.0, 520.0));
        check(used(30, Some(1000), 0), (5030.0, 0.0));
        check(used(30, None, 0), (5030.0, 0.0));
        check(used(30, Some(10), 5_000), (50.0, 980.0));
        check(Settled::Used(Usage::default()), (5030.0, 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_quota_is_what_was_used_between_two_throttles() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        tokens.limit(None, start);
        let throttle = |tokens: &mut Tokens, seconds| {
            let now = start + Duration::from_secs(seconds);
            let charge = charge(tokens, 100, None);
            tokens.reserve(&charge, now);
            tokens.settle(&charge, Settled::Nothing, now);
            tokens.refused(&charge, now, now, None);
            tokens.ceiling()
        };
        assert_eq!(throttle(&mut tokens, 0), None);
        for _ in 0..10 {
            let charge = charge(&tokens, 100, None);
            tokens.reserve(&charge, start);
            tokens.settle(&charge, used(50, Some(10), 0), start);
        }
        assert_eq!(throttle(&mut tokens, 4), None, "too soon");
        assert_eq!(throttle(&mut tokens, 10), Some(100.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_started_gives_its_time_back() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        let charge = charge(&tokens, 100, None);
        assert_eq!(tokens.ready(&charge, start), Ok(()));
        tokens.reserve(&charge, start);
        assert!(matches!(tokens.ready(&charge, start), Err(Short::Until(_))));
        tokens.settle(&charge, Settled::Nothing, start);
        assert_eq!(tokens.ready(&charge, start), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_larger_than_the_minute_goes_alone_and_the_next_waits_for_it() {
        let start = Instant::now();
        let mut tokens = tokens(500, start);
        let (large, small) = (charge(&tokens, 7, None), charge(&tokens, 7, Some(1)));
        assert_eq!(tokens.ready(&large, start), Ok(()));
        tokens.reserve(&large, start);
        assert_eq!(tokens.ready(&small, start), Err(Short::InFlight));
        tokens.settle(&large, used(7, Some(1), 0), start);
        let later = start + Duration::from_secs(60);
        assert_eq!(tokens.ready(&small, later), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_charges_that_floating_point_cannot_add_up() {
        let start = Instant::now();
        let mut tokens = tokens(10_000_000, start);
        let charges: Vec<Charge> = (1..200).map(|n| charge(&tokens, n * 7, None)).collect();
        for charge in &charges {
            tokens.reserve(charge, start);
        }
        for charge in charges.iter().rev() {
            tokens.settle(charge, Settled::Nothing, start);
        }
        assert_eq!(tokens.reserved, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_calls_settle_to_is_learned_from_the_first_few() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        for _ in 0..20 {
            let charge = charge(&tokens, 400, None);
            tokens.reserve(&charge, start);
            tokens.settle(&charge, used(100, Some(50), 0), start);
        }
        let expected = charge(&tokens, 400, None).expected;
        assert!((350.0..400.0).contains(&expected), "{expected}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_is_a_token_at_most_and_four_times_what_was_seen_once_there_are_replies() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        // 100 bytes at a token each, and 10 tokens of output at 5 of quota each.
        let first = charge(&tokens, 100, Some(10));
        assert_eq!((tokens.most_per_byte(), first.worst), (1.0, 150.0));
        tokens.reserve(&first, start);
        tokens.settle(&first, used(10, Some(10), 0), start);
        assert!((tokens.most_per_byte() - 0.4).abs() < 1e-9);
        let second = charge(&tokens, 100, Some(10));
        assert!((second.worst - 90.0).abs() < 1e-9, "{}", second.worst);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_no_day_has_room_for_is_reckoned_with_as_expected() {
        let mut tokens = tokens(60_000, Instant::now());
        // 150 at worst, 80 expected.
        for (day, worst) in [(150, 150.0), (149, 80.0)] {
            tokens.limits.per_day = Some(day);
            assert_eq!(charge(&tokens, 100, Some(10)).worst, worst, "{day}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_counts_what_is_in_flight_at_its_worst() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        tokens.limit(None, start);
        tokens.limits.per_day = Some(6_000);
        let charge = charge(&tokens, 100, None);
        tokens.reserve(&charge, start);
        assert_eq!(tokens.ready(&charge, start), Err(Short::DayInFlight));
        tokens.settle(&charge, Settled::Unknown, start);
        assert_eq!(tokens.ready(&charge, start), Err(Short::Day));
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_is_never_overshot_however_expensive_an_output_token_is() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        tokens.limit(None, start);
        tokens.limits.per_day = Some(50_000);
        let mut in_flight = Vec::new();
        let mut next = charge(&tokens, 100, None);
        loop {
            match tokens.ready(&next, start) {
                Ok(()) => {
                    tokens.reserve(&next, start);
                    in_flight.push(next);
                }
                // Every answer is as long as it may be.
                Err(Short::DayInFlight) => {
                    let landed = in_flight.remove(0);
                    tokens.settle(&landed, used(30, Some(1000), 0), start);
                }
                Err(Short::Day | Short::InFlight | Short::Until(_)) => break,
            }
            next = charge(&tokens, 100, None);
        }
        let (settled, _) = tokens.totals();
        assert!((45_000.0..=50_000.0).contains(&settled), "{settled}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_is_not_overshot_by_rows_with_more_tokens_than_those_before_them() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        tokens.limit(None, start);
        tokens.limits.per_day = Some(1_000);
        for _ in 0..10 {
            let english = charge(&tokens, 100, Some(1));
            tokens.reserve(&english, start);
            tokens.settle(&english, used(20, Some(1), 0), start);
        }
        let dense = charge(&tokens, 100, Some(1));
        let mut in_flight = 0;
        while tokens.ready(&dense, start).is_ok() {
            tokens.reserve(&dense, start);
            in_flight += 1;
        }
        for _ in 0..in_flight {
            tokens.settle(&dense, used(80, Some(1), 0), start);
        }
        assert!(0 < in_flight);
        assert!(tokens.of_day <= 1_000.0, "{}", tokens.of_day);
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_has_room_for_images_whose_bytes_are_many_and_tokens_few() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        tokens.limit(None, start);
        tokens.limits.per_day = Some(2_000_000);
        for _ in 0..20 {
            let image = charge(&tokens, 4_000_000, Some(1));
            assert!(tokens.ready(&image, start).is_ok(), "{}", tokens.of_day);
            tokens.reserve(&image, start);
            tokens.settle(&image, used(1_600, Some(1), 0), start);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_broke_off_leaves_most_of_the_day() {
        let start = Instant::now();
        let mut tokens = tokens(60_000, start);
        tokens.limit(None, start);
        tokens.limits.per_day = Some(2_000_000);
        let image = charge(&tokens, 2_700_000, Some(1));
        tokens.reserve(&image, start);
        assert_eq!(tokens.ready(&image, start), Ok(()), "{}", tokens.worst);
        tokens.settle(&image, Settled::Unknown, start);
        let next = charge(&tokens, 2_700_000, Some(1));
        assert_eq!(tokens.ready(&next, start), Ok(()), "{}", tokens.of_day);
    }
}

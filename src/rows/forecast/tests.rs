//! The arithmetic, with figures worked out by hand.

use std::num::NonZeroU32;

use super::*;
use crate::job::JobFile;
use crate::model::{Bill, Category, Fault, Fingerprint, Request};
use crate::output::EarlierRow;
use crate::run::{Identity, ReadyRow, Row, Sharing};

/// The braces and names of fields in every body here.
const LAYOUT: usize = 10;

/// Nova Lite: $0.00006 and $0.00024 per 1,000 tokens, half of that as batch, no flex tier.
fn plan(job: &str) -> Plan {
    let rest = "[input]\npath = \"in.csv\"\n[output]\npath = \"out.jsonl\"\n";
    let model = match job.contains("[model]") {
        true => "",
        false => "[model]\nid = \"amazon.nova-lite-v1:0\"\nmax_tokens = 100\n",
    };
    let job: JobFile = toml::from_str(&format!("{rest}{model}{job}")).expect("a job file");
    let today = jiff::civil::date(2026, 11, 22);
    Plan::new(job, None, today, |_| None).expect("a good job")
}

fn row(number: u64, bytes: usize) -> Row {
    Row::Ready(ReadyRow {
        identity: Identity {
            row: number,
            ..Identity::default()
        },
        request: Request {
            body: vec![b'x'; LAYOUT + bytes].into(),
            max_tokens: Some(100),
            bill: Some(Bill::TOKENS),
            ..Request::default()
        },
    })
}

fn answered(input_tokens: u32) -> EarlierRow {
    EarlierRow {
        input_tokens: NonZeroU32::new(input_tokens),
        ..EarlierRow::default()
    }
}

fn gathered(rows: &[(usize, Option<EarlierRow>)]) -> Gathered {
    let mut gathered = Gathered::new(LAYOUT, 4096, Sharing::NONE);
    for (number, (bytes, before)) in (1..).zip(rows) {
        gathered.take(&row(number, *bytes), before.as_ref());
    }
    gathered
}

/// Answers of so many tokens, each of so many seconds.
fn statistics(answers: &[u64], latency_s: u64) -> Statistics {
    let mut statistics = Statistics::default();
    for tokens in answers {
        statistics.answer(Some(*tokens), "stop", Some(latency_s * 1000));
    }
    statistics
}

#[track_caller]
fn check(estimate: Estimate, low: f64, expected: Option<f64>, worst: f64) {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-9);
    let same = match (estimate.expected, expected) {
        (Some(a), Some(b)) => near(a, b),
        (a, b) => a == b,
    };
    let ends = [(estimate.low, low), (estimate.worst, worst)];
    let same = same && ends.iter().all(|(a, b)| a.is_some_and(|a| near(a, *b)));
    assert!(same, "{estimate:?}");
}

const UNKNOWN: Estimate = Cases {
    low: None,
    expected: None,
    worst: None,
};

/// 4,200 bytes: 840, 1,200 or 2,100 tokens, of which Nova reads a quarter's price and no quota.
#[test]
fn what_is_cached_is_read_by_all_calls_but_the_first_and_at_worst_by_none() {
    let cached = format!(
        "[prompt]\nsystem = \"{}\"\ncache = true\n",
        "x".repeat(4200)
    );
    let gathered = gathered(&[(4550, None), (4900, None), (4550, None)]);
    let forecast = Forecast::new(&gathered, &statistics(&[20], 1), &plan(&cached));
    check(forecast.input, 2800.0, Some(4000.0), 7000.0); // 14,000 bytes by 5, 3.5, 2
    check(forecast.cache_read, 1680.0, Some(2400.0), 0.0);
    check(forecast.quota, 1168.0, Some(1660.0), 7300.0); // and 3 × 16, 20, 100 of output
    let expected = (1600.0 * 6e-5 + 2400.0 * 1.5e-5 + 60.0 * 2.4e-4) / 1000.0;
    let low = (1120.0 * 6e-5 + 1680.0 * 1.5e-5 + 48.0 * 2.4e-4) / 1000.0;
    check(
        forecast.on_demand,
        low,
        Some(expected),
        (7000.0 * 6e-5 + 300.0 * 2.4e-4) / 1000.0,
    );
    let batch = (4000.0 * 3e-5 + 60.0 * 1.2e-4) / 1000.0;
    assert!(
        (forecast.batch.expected.unwrap() - batch).abs() < 1e-12,
        "batch has no cache"
    );
}

#[test]
fn without_answers_the_middle_of_output_and_cost_is_unknown() {
    let gathered = gathered(&[(350, None), (700, None)]);
    let forecast = Forecast::new(&gathered, &Statistics::default(), &plan(""));
    check(forecast.input, 210.0, Some(300.0), 525.0); // 1,050 bytes by 5, 3.5, 2
    check(forecast.output, 2.0, None, 200.0);
    check(forecast.quota, 212.0, None, 725.0);
    check(forecast.on_demand, 1.308e-5, None, 7.95e-5); // 0.21×6e-5 + 0.002×2.4e-4; 0.525×6e-5 + 0.2×2.4e-4
    check(forecast.batch, 6.54e-6, None, 3.975e-5);
    assert_eq!(forecast.flex, UNKNOWN);
    assert_eq!(forecast.largest_reservation, 300.0); // 700 by 3.5, and 100
    assert_eq!((forecast.pace.bound, forecast.max_tokens), (None, None));
}

#[test]
fn answers_teach_bytes_tokens_and_lengths() {
    // 400 bytes were 100 tokens; answers have 20 and 40.
    let before = [(300, Some(answered(80))), (100, Some(answered(20)))];
    let rows = [before[0], before[1], (480, None)];
    let forecast = Forecast::new(&gathered(&rows), &statistics(&[20, 40], 1), &plan(""));
    assert_eq!((forecast.measured_on, forecast.answers), (2, 2));
    check(forecast.input, 100.0, Some(120.0), 144.0); // 480 by 4.8, 4, 3.33
    check(forecast.output, 24.0, Some(30.0), 100.0);
    check(forecast.on_demand, 1.176e-5, Some(1.44e-5), 3.264e-5);
}

#[test]
fn rows_that_changed_or_say_nothing_teach_nothing() {
    let mut gathered = gathered(&[(300, Some(EarlierRow::default())), (350, None)]);
    let changed = EarlierRow {
        fingerprint: Some(Fingerprint(1)),
        ..answered(1)
    };
    let Row::Ready(mut ready) = row(3, 350) else {
        panic!("made ready above")
    };
    ready.identity.fingerprint = Some(Fingerprint(2));
    gathered.take(&Row::Ready(ready), Some(&changed));
    let forecast = Forecast::new(&gathered, &Statistics::default(), &plan(""));
    assert_eq!(forecast.measured_on, 0);
    check(forecast.input, 70.0, Some(100.0), 175.0);
}

#[test]
fn a_long_input_is_paid_for_at_its_own_price() {
    // Haiku 5.5: $0.0001 and $0.0005, above 100,000 tokens of input twice that and half as much more.
    let job = "[model]\nid = \"anthropic.claude-haiku-5-5\"\nmax_tokens = 100\n";
    let plan = plan(job);
    let facts = plan.facts.clone().expect("listed");
    let (step, above) = facts.above.expect("listed with a step");
    assert_eq!(step, 100_000);
    let gathered = gathered(&[(350, None), (700_000, None)]);
    let forecast = Forecast::new(&gathered, &statistics(&[50], 1), &plan);
    let short = facts.price.of(100, 50).expect("priced");
    let long = above.of(200_000, 50).expect("priced");
    let expected = forecast.on_demand.expected.expect("known");
    assert!((expected - short - long).abs() < 1e-12, "{expected}");
    assert!(facts.price.of(200_000, 50).expect("priced") < long);
}

#[test]
fn an_unknown_price_stays_unknown() {
    let job = "[model]\nid = \"amazon.nova-next-v9:0\"\nfamily = \"nova\"\nmax_tokens = 100\n";
    let forecast = Forecast::new(&gathered(&[(9, None)]), &statistics(&[50], 1), &plan(job));
    assert_eq!(
        [forecast.on_demand, forecast.flex, forecast.batch],
        [UNKNOWN; 3]
    );
}

#[test]
fn nothing_left_takes_nothing() {
    let gathered = gathered(&[(350, Some(answered(100)))]);
    let forecast = Forecast::new(&gathered, &statistics(&[50], 1), &plan(""));
    assert_eq!(forecast.calls, 0);
    check(forecast.on_demand, 0.0, Some(0.0), 0.0);
    assert!(!format!("{:?}", forecast).contains("-0.0"));
    assert_eq!(gathered.first().map(|first| first.row), Some(1));
}

#[test]
fn the_first_request_is_the_first_that_is_left() {
    let mut gathered = gathered(&[(350, Some(answered(100)))]);
    let fault = Fault::local(Category::BadInputRow, "no such field");
    gathered.take(&Row::Rejected(Identity::default(), fault), None);
    gathered.take(&row(3, 9), None);
    gathered.take(&row(4, 9), None);
    assert_eq!(gathered.first().map(|first| first.row), Some(3));
    assert_eq!((gathered.unusable, gathered.calls), (1, 2));
}

/// Checks expected and worst seconds, and what paces 60 calls of 700 bytes (200 tokens expected,
/// 350 worst) and 50 tokens of output, which takes `latency_s`.
#[track_caller]
fn paced(limits: &str, latency_s: u64, seconds: (Option<f64>, Option<f64>), bound: Option<Bound>) {
    let rows = vec![(700, None); 60];
    let statistics = match latency_s {
        0 => Statistics::default(),
        latency => statistics(&[50], latency),
    };
    let plan = plan(&format!("[limits]\n{limits}"));
    let PaceEstimate {
        seconds: found,
        bound: by,
    } = Forecast::new(&gathered(&rows), &statistics, &plan).pace;
    let found = (found.expected, found.worst);
    let near = |(a, b): (Option<f64>, Option<f64>)| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-6,
        (a, b) => a == b,
    };
    assert!(
        near((found.0, seconds.0)) && near((found.1, seconds.1)),
        "{found:?}"
    );
    assert_eq!(by, bound);
}

#[test]
fn the_tightest_limit_says_how_long_it_takes() {
    use Bound::{Concurrency, Requests, Reservations, Tokens};
    // 60 calls at 30 a minute.
    let requests = "requests_per_minute = 30";
    paced(requests, 0, (Some(120.0), Some(120.0)), Some(Requests));
    // 60 × (200 + 50) = 15,000 tokens expected, 60 × (350 + 100) = 27,000 worst.
    let both = "requests_per_minute = 30\ntokens_per_minute = 5000";
    paced(both, 1, (Some(180.0), Some(324.0)), Some(Tokens));
    // Output counts ten times: 60 × (200 + 500) = 42,000 and 60 × (350 + 1,000) = 81,000.
    let burning = "tokens_per_minute = 5000\nburndown = 10";
    paced(burning, 1, (Some(504.0), Some(972.0)), Some(Tokens));
    // 60 calls of 20 s, 2 at once; an answer twice as long takes twice as long.
    let narrow = "requests_per_minute = 30\nconcurrency = 2";
    paced(narrow, 20, (Some(600.0), Some(1200.0)), Some(Concurrency));
    // 60 × 300 reserved tokens, each for 90 s, of 5,000.
    let held = "tokens_per_minute = 5000";
    paced(held, 90, (Some(324.0), Some(648.0)), Some(Reservations));
}

#[test]
fn corrections_are_calls_that_take_time() {
    use Bound::{Concurrency, Requests, Reservations};
    // Of 100 rows of a forced tool 2 are corrected, and at worst each of them twice.
    let schema = r#"
        [schema]
        json = '{"type": "object", "properties": {"a": {"type": "string"}}}'
        reasks = 2"#;
    let with = |limits: &str| format!("{limits}{schema}");
    // 60 calls at 30 a minute, times 1.02 and 3.
    let requests = with("requests_per_minute = 30");
    paced(&requests, 0, (Some(122.4), Some(360.0)), Some(Requests));
    // 60 calls of 20 s, 2 at once; an answer twice as long takes twice as long.
    let narrow = with("requests_per_minute = 30\nconcurrency = 2");
    paced(&narrow, 20, (Some(612.0), Some(3600.0)), Some(Concurrency));
    // 60 × 300 reserved tokens, each for 90 s, of 5,000; at worst 60 × (350 + 2 × (350 + 100 + 4,096) + 300)
    // tokens are used, with what is wrong in 8,192 bytes.
    let held = with("tokens_per_minute = 5000");
    paced(&held, 90, (Some(330.48), Some(7014.24)), Some(Reservations));
}

#[test]
fn time_is_unknown_where_nothing_tells() {
    paced("", 0, (None, None), None);
    // Nobody knows how long answers are, only how long they may be.
    let tokens = "tokens_per_minute = 5000";
    paced(tokens, 0, (None, Some(324.0)), Some(Bound::Tokens));
}

#[track_caller]
fn advised(answers: &[u64], finish: &str, reserved: Option<u32>, better: Option<u64>) {
    let mut statistics = Statistics::default();
    for tokens in answers {
        statistics.answer(Some(*tokens), finish, None);
    }
    let advice = MaxTokens::new(&statistics, reserved, Some(8192), 0).expect("there are answers");
    assert_eq!(advice.better, better, "{advice:?}");
}

#[test]
fn a_reservation_far_above_the_answers_is_advised_down() {
    advised(&[210, 412], "stop", Some(8192), Some(576)); // 412 × 1.25 = 515, to 9 × 64
    advised(&[412], "stop", Some(600), None);
    advised(&[0], "stop", Some(1024), Some(64));
    advised(&[412], "stop", None, None);
}

#[test]
fn answers_that_were_cut_off_want_a_higher_limit() {
    advised(&[1024], "length", Some(1024), Some(2048));
    advised(&[5000], "length", Some(5000), Some(8192));
    advised(&[8192], "length", Some(8192), None);
}

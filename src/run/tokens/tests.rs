//! Charges and what they leave of the budget.

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
        ..Request::default()
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
        tokens.day.most = Some(day);
        assert_eq!(charge(&tokens, 100, Some(10)).worst, worst, "{day}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_counts_what_is_in_flight_at_its_worst() {
    let start = Instant::now();
    let mut tokens = tokens(60_000, start);
    tokens.limit(None, start);
    tokens.day.most = Some(6_000);
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
    tokens.day.most = Some(50_000);
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
                let returned = in_flight.remove(0);
                tokens.settle(&returned, used(30, Some(1000), 0), start);
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
    tokens.day.most = Some(1_000);
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
    assert!(tokens.of_day(start) <= 1_000.0, "{}", tokens.of_day(start));
}

#[tokio::test(start_paused = true)]
async fn a_day_has_room_for_images_whose_bytes_are_many_and_tokens_few() {
    let start = Instant::now();
    let mut tokens = tokens(60_000, start);
    tokens.limit(None, start);
    tokens.day.most = Some(2_000_000);
    for _ in 0..20 {
        let image = charge(&tokens, 4_000_000, Some(1));
        assert!(
            tokens.ready(&image, start).is_ok(),
            "{}",
            tokens.of_day(start)
        );
        tokens.reserve(&image, start);
        tokens.settle(&image, used(1_600, Some(1), 0), start);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_broke_off_leaves_most_of_the_day() {
    let start = Instant::now();
    let mut tokens = tokens(60_000, start);
    tokens.limit(None, start);
    tokens.day.most = Some(2_000_000);
    let image = charge(&tokens, 2_700_000, Some(1));
    tokens.reserve(&image, start);
    assert_eq!(
        tokens.ready(&image, start),
        Ok(()),
        "{}",
        tokens.of_day(start)
    );
    tokens.settle(&image, Settled::Unknown, start);
    let next = charge(&tokens, 2_700_000, Some(1));
    assert_eq!(
        tokens.ready(&next, start),
        Ok(()),
        "{}",
        tokens.of_day(start)
    );
}

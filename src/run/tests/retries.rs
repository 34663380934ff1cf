//! Faults that pass, and how often a row is retried.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_transient_error_frees_the_slot_and_is_retried() {
    let mut scene = Scene::of(2);
    scene.settings.concurrency = 1;
    let story = scene
        .play(|row, nth| match (row, nth) {
            (1, 1) => Act::Refuse(fault(Category::ServerError)),
            _ => Act::Answer,
        })
        .await;
    check(
        &story,
        "0 sent 1
         0 waits for concurrency
         1 1 server_error, again in 773 ms
         1 sent 2
         1 waits for concurrency
         101 2 answered after 1 attempts
         101 waits for retry backoff
         775 sent 1
         775 waits for concurrency
         875 1 answered after 2 attempts
         875 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_fails_when_its_attempts_are_used_up_and_throttles_use_none() {
    let story = Scene::of(1)
        .play(|_, nth| match nth {
            1 => Act::Refuse(fault(Category::Throttled)),
            _ => Act::Refuse(fault(Category::Unavailable)),
        })
        .await;
    assert!(
        story.contains("1 failed, unavailable, after 3 attempts"),
        "{story}"
    );
    assert_eq!(story.matches("sent 1").count(), 4, "{story}");
}

#[tokio::test(start_paused = true)]
async fn an_expensive_fault_is_retried_less_often_than_a_cheap_one() {
    let mut scene = Scene::of(1);
    scene.settings.retry.max_attempts = 6;
    let story = scene
        .play(|_, _| Act::Refuse(fault(Category::ModelTimeout)))
        .await;
    assert!(
        story.contains("1 failed, model_timeout, after 3 attempts"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_service_asks_for_is_waited_for() {
    let story = Scene::of(1)
        .play(|_, nth| match nth {
            1 => Act::Refuse(Fault {
                retry_after: Some(Duration::from_secs(7)),
                ..fault(Category::Throttled)
            }),
            _ => Act::Answer,
        })
        .await;
    assert!(story.contains("1 throttled, again in 7000 ms"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn retries_pay_quota_too() {
    let mut scene = Scene::of(1);
    scene.settings.requests_per_minute = NonZeroU32::new(1).map(RequestsPerMinute);
    let story = scene
        .play(|_, nth| match nth {
            1 => Act::Refuse(fault(Category::ServerError)),
            _ => Act::Answer,
        })
        .await;
    assert!(story.contains("61000 sent 1"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_call_times_out_and_may_have_been_billed() {
    let mut scene = Scene::of(1);
    scene.settings.retry.max_attempts = 1;
    let story = scene.play(|_, _| Act::Hang).await;
    assert!(
        story.contains("60000 1 failed, attempt_timeout, after 1 attempts"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_service_asks_for_has_its_limits() {
    let asks = |category, seconds| {
        move |_, nth| match nth {
            1 => Act::Refuse(Fault {
                retry_after: Some(Duration::from_secs(seconds)),
                ..fault(category)
            }),
            _ => Act::Answer,
        }
    };
    for category in [Category::Throttled, Category::Unavailable] {
        for (asked, throttle_wait, waits) in [
            (86_400, 900, 300_101..=300_105),
            (u64::MAX, 900, 300_101..=300_105),
            (86_400, 60, 60_101..=60_105),
        ] {
            let mut scene = Scene::of(1);
            scene.settings.retry.throttle_wait = Duration::from_secs(throttle_wait);
            let story = scene.play(asks(category, asked)).await;
            let last = story.lines().last().unwrap().trim();
            let (over, how) = last.split_once(' ').unwrap();
            assert_eq!(how, "over: every row ended", "{story}");
            assert!(waits.contains(&over.parse().unwrap()), "{story}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_most_attempts_succeed_no_retry_waits_for_the_budget() {
    let mut scene = Scene::of(600);
    scene.settings.concurrency = 64;
    let story = scene
        .play(|row, nth| match (row % 6, nth) {
            (0, 1) => Act::Refuse(fault(Category::ServerError)),
            _ => Act::Answer,
        })
        .await;
    // The budget would pay for 20, and for one of each ten successes.
    assert_eq!(story.matches("answered after 2 attempts").count(), 100);
    assert!(!story.contains("waits for retry budget"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn too_many_connections_narrow_the_calls_in_flight_to_four_fifths() {
    let mut scene = Scene::of(40);
    scene.settings.concurrency = 10;
    let crowded = || Fault::local(Category::Unavailable, "Too many connections");
    let story = scene
        .play(move |row, nth| match (row, nth) {
            (1, 1) => Act::Refuse(crowded()),
            _ => Act::Answer,
        })
        .await;
    // Ten were in flight: eight stay, and nine successes make room for one more.
    let lines = story.lines().map(str::trim);
    let at_once = lines.filter(|line| line.starts_with("100 sent")).count();
    assert_eq!(at_once, 9, "{story}");
}

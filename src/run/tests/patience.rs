//! Rows that wait for others: for the retry budget, and for new credentials.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

fn expired() -> Fault {
    let code = Some("ExpiredTokenException");
    Fault::from_response(code, 403, "the token is expired", None, None)
}

/// Expires the credentials for these calls, counted over all rows.
fn expires_for(calls: std::ops::Range<u32>) -> impl Fn(u64, u32) -> Act + Send + Sync {
    let count = AtomicU32::new(0);
    move |_, _| {
        if calls.contains(&count.fetch_add(1, Ordering::Relaxed)) {
            Act::Refuse(expired())
        } else {
            Act::Answer
        }
    }
}

/// Every other row breaks once.
async fn half_of(rows: u64, concurrency: usize) -> String {
    let mut scene = Scene::of(rows);
    scene.settings.concurrency = concurrency;
    let script = |row: u64, nth| match (row % 2, nth) {
        (0, 1) => Act::Refuse(fault(Category::ServerError)),
        _ => Act::Answer,
    };
    scene.play(script).await
}

#[tokio::test(start_paused = true)]
async fn while_there_are_new_rows_retries_are_twenty_and_a_tenth_of_the_successes() {
    let story = half_of(200, 64).await;
    let at = |line: &str| -> u64 { line.split_whitespace().next().unwrap().parse().unwrap() };
    // Told when they are committed, within the millisecond in which they came.
    let replies = story
        .lines()
        .filter(|line| line.contains(" answered after "));
    let replies: Vec<u64> = replies.map(at).collect();
    let (mut sent, mut retries) = (HashSet::new(), 0);
    for line in story.lines() {
        let Some((_, row)) = line.split_once(" sent ") else {
            continue;
        };
        retries += usize::from(!sent.insert(row));
        let answered = replies.iter().filter(|then| **then <= at(line)).count();
        if sent.len() < 200 {
            assert!(
                retries <= 20 + answered / 10,
                "{retries} of {answered}\n{story}"
            );
        }
    }
    assert_eq!(
        (sent.len(), retries, replies.len()),
        (200, 100, 200),
        "{story}"
    );
    assert!(story.contains("waits for retry budget"), "{story}");
    assert!(!story.contains("failed"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn with_nothing_else_to_send_retries_run_ten_times_a_second_and_all_rows_complete() {
    // The waiting room of two slots holds eight rows, so that new ones have to wait too.
    let story = half_of(100, 2).await;
    assert!(story.ends_with("over: every row ended"), "{story}");
    assert_eq!(
        story.matches(" answered after 2 attempts").count(),
        50,
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn throttles_are_not_charged_to_the_retry_budget() {
    let mut scene = Scene::of(200);
    scene.settings.concurrency = 64;
    let script = |_, nth| match nth {
        1 => Act::Refuse(fault(Category::Throttled)),
        _ => Act::Answer,
    };
    let story = scene.play(script).await;
    assert!(!story.contains("waits for retry budget"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_hold_the_queue_and_cost_no_attempt() {
    let mut scene = Scene::of(4);
    scene.settings.concurrency = 2;
    let story = scene.play(expires_for(2..5)).await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         100 1 answered after 1 attempts
         100 2 answered after 1 attempts
         100 sent 3
         100 sent 4
         100 waits for concurrency
         101 3 credentials, again in 0 ms
         101 4 credentials, again in 0 ms
         101 waits for expired credentials
         1101 sent 3
         1101 waits for expired credentials
         1102 3 credentials, again in 0 ms
         1102 waits for expired credentials
         3102 sent 3
         3102 waits for expired credentials
         3202 sent 4
         3202 3 answered after 1 attempts
         3202 waits for last responses
         3302 4 answered after 1 attempts
         3302 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_that_were_good_are_waited_for_as_long_as_throttles() {
    let mut scene = Scene::of(9);
    scene.settings.retry.throttle_wait = Duration::from_secs(60);
    let story = scene.play(expires_for(2..u32::MAX)).await;
    let last = story.lines().last().unwrap();
    assert!(
        last.ends_with("60101 over: stopped by credentials"),
        "{story}"
    );
    assert!(!story.contains("failed"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_never_were_good_are_tried_for_five_seconds() {
    let story = Scene::of(9).play(expires_for(0..u32::MAX)).await;
    let last = story.lines().last().unwrap();
    assert!(
        last.ends_with("5001 over: stopped by credentials"),
        "{story}"
    );
    assert!(story.matches(" sent ").count() <= 6, "{story}");
}

/// Nobody answers for so many seconds, where an attempt may take one.
async fn a_stall_of(seconds: u64, concurrency: usize) -> String {
    let mut scene = Scene::of(30);
    scene.settings.concurrency = concurrency;
    scene.settings.attempt_timeout = Duration::from_secs(1);
    let over = Instant::now() + Duration::from_secs(seconds);
    scene
        .play(move |_, _| match Instant::now() < over {
            true => Act::Hang,
            false => Act::Answer,
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_down_and_its_rows_wait() {
    let story = a_stall_of(12, 30).await;
    assert!(story.contains("waits for service errors"), "{story}");
    assert!(story.ends_with("over: every row ended"), "{story}");
    assert!(!story.contains("failed"), "{story}");
    // Thirty to begin with, a few that find out, and thirty that are answered.
    let sent = story.matches(" sent ").count();
    assert!((61..=65).contains(&sent), "{sent}\n{story}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_for_too_long_stops_the_run_and_rows_are_left() {
    let story = a_stall_of(10_000, 30).await;
    assert!(!story.contains("failed"), "{story}");
    assert!(
        story.ends_with("last error: attempt_timeout: no response within 1 s"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn three_rows_that_get_no_response_in_time_fail() {
    let mut scene = Scene::of(30);
    scene.settings.attempt_timeout = Duration::from_secs(1);
    let story = scene
        .play(|row, _| if 27 < row { Act::Hang } else { Act::Answer })
        .await;
    assert!(story.ends_with("over: every row ended"), "{story}");
    assert_eq!(
        story.matches("failed, attempt_timeout").count(),
        3,
        "{story}"
    );
}

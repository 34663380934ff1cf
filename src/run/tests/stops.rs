//! What ends a run before its rows have ended.

use super::*;

#[tokio::test(start_paused = true)]
async fn when_nobody_is_let_in_for_too_long_the_run_stops_and_the_row_is_left() {
    let mut scene = Scene::of(1);
    scene.settings.retry.throttle_wait = Duration::from_secs(60);
    let story = scene
        .play(|_, _| Act::Refuse(fault(Category::Throttled)))
        .await;
    assert!(!story.contains("1 failed"), "{story}");
    assert!(story.contains("1 left"), "{story}");
    assert!(
        story.contains("over: stopped, the service: nothing but faults for "),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_every_row_shares_stops_the_run_and_lets_the_others_land() {
    let story = Scene::of(9)
        .play(|row, _| match row {
            1 => Act::Refuse(Fault {
                scope: Scope::Job,
                ..fault(Category::InvalidRequest)
            }),
            _ => Act::Answer,
        })
        .await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         1 1 left
         1 stops: stopped by invalid_request
         1 waits for calls in flight
         100 2 answered after 1 attempts
         100 over: stopped by invalid_request",
    );
}

#[tokio::test(start_paused = true)]
async fn twenty_rows_refused_as_invalid_and_none_answered_stop_the_run() {
    let mut scene = Scene::of(100);
    scene.settings.concurrency = 1;
    let story = scene
        .play(|_, _| Act::Refuse(fault(Category::InvalidRequest)))
        .await;
    assert_eq!(
        story.matches(" failed, invalid_request").count(),
        20,
        "{story}"
    );
    assert!(story.ends_with("over: stopped, all invalid"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn one_answer_shows_that_the_request_itself_is_right() {
    let mut scene = Scene::of(40);
    scene.settings.concurrency = 1;
    let story = scene
        .play(|row, _| match row {
            1 => Act::Answer,
            _ => Act::Refuse(fault(Category::InvalidRequest)),
        })
        .await;
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn the_first_signal_drains_and_the_second_leaves() {
    let mut scene = Scene::of(9);
    scene.asks = vec![(50, Ask::Interrupt), (2_000, Ask::Leave)];
    let story = scene
        .play(|row, _| if row == 1 { Act::Hang } else { Act::Answer })
        .await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         50 stops: stopped, ctrl-c
         50 waits for calls in flight
         100 2 answered after 1 attempts
         100 waits for calls in flight
         2000 abandoned
         2000 over: stopped, ctrl-c",
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_row_tells_of_is_told_at_the_end() {
    // Row 1 breaks off once and is then never answered; what row 2 cost stands with row 2.
    let mut scene = Scene::of(0);
    scene.rows = [1, 2].map(|row| priced(row, 1.0)).into();
    scene.asks = vec![(5_000, Ask::Interrupt), (6_000, Ask::Leave)];
    let story = scene
        .play(|row, nth| match (row, nth) {
            (1, 1) => Act::Refuse(Fault {
                maybe_billed: true,
                ..fault(Category::AttemptTimeout)
            }),
            (1, _) => Act::Hang,
            _ => Act::Answer,
        })
        .await;
    assert!(
        story.ends_with("6000 abandoned\n 6000 $2.00 are in no line\n 6000 over: stopped, ctrl-c"),
        "{story}"
    );
}

/// A row whose call costs at most so many USD.
fn priced(row: u64, worst_cost_usd: f64) -> Row {
    let Row::Ready(mut work) = work(row) else {
        unreachable!("made to be sent");
    };
    work.call.worst_cost_usd = Some(worst_cost_usd);
    Row::Ready(work)
}

#[tokio::test(start_paused = true)]
async fn a_drain_has_its_limit() {
    let mut scene = Scene::of(1);
    scene.asks = vec![(50, Ask::Terminate)];
    let story = scene.play(|_, _| Act::Hang).await;
    assert!(
        story.ends_with("25050 abandoned\n25050 over: stopped, sigterm"),
        "{story}"
    );
}

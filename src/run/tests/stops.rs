//! What ends a run before its rows have completed.

use super::*;

#[tokio::test(start_paused = true)]
async fn when_every_call_is_throttled_for_too_long_the_run_stops_and_the_row_is_left() {
    let mut scene = Scene::of(1);
    scene.settings.retry.throttle_wait = Duration::from_secs(60);
    let story = scene
        .play(|_, _| Act::Refuse(fault(Category::Throttled)))
        .await;
    assert!(!story.contains("1 failed"), "{story}");
    assert!(story.contains("1 left"), "{story}");
    assert!(
        story.contains("over: stopped, the service: every call throttled for "),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_every_row_shares_stops_the_run_and_lets_calls_in_flight_finish() {
    let story = Scene::of(9)
        .play(|row, _| match row {
            1 => Act::Refuse(Fault {
                verdict: Verdict::StopRun,
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
async fn twenty_rows_rejected_as_invalid_and_none_succeeded_stop_the_run() {
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
async fn one_success_shows_that_the_request_itself_is_valid() {
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
async fn the_first_signal_drains_and_the_second_exits() {
    let mut scene = Scene::of(9);
    scene.asks = vec![(50, Signal::Interrupt), (2_000, Signal::Terminate)];
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
async fn what_returns_during_a_commit_is_stored_despite_a_second_signal() {
    let mut scene = Scene::of(2);
    scene.store.takes = Duration::from_millis(100);
    scene.asks = vec![(50, Signal::Interrupt), (160, Signal::Interrupt)];
    let story = scene
        .play(|row, _| Act::AnswerAfter(Duration::from_millis(50 + 50 * row)))
        .await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         50 stops: stopped, ctrl-c
         50 waits for calls in flight
         200 1 answered after 1 attempts
         200 waits for calls in flight
         300 2 answered after 1 attempts
         300 over: stopped, ctrl-c",
    );
}

#[tokio::test(start_paused = true)]
async fn an_exit_does_not_wait_for_responses_that_return_commit_after_commit() {
    let mut scene = Scene::of(100);
    scene.settings.concurrency = 100;
    scene.store.takes = Duration::from_millis(300);
    scene.asks = vec![(50, Signal::Interrupt), (60, Signal::Interrupt)];
    let story = scene
        .play(|row, _| Act::AnswerAfter(Duration::from_millis(50 * row)))
        .await;
    let over = story.lines().last().unwrap().trim();
    let (over, _) = over.split_once(' ').unwrap();
    assert!(over.parse::<u64>().unwrap() <= 1_200, "{story}");
}

#[tokio::test(start_paused = true)]
async fn an_exit_while_the_disk_is_full_retries_the_commit_of_all_that_has_returned_once() {
    let mut scene = Scene::of(2);
    scene.asks = vec![(120, Signal::Interrupt), (500, Signal::Interrupt)];
    scene.store.refusals = 1;
    let script = |row, _| Act::AnswerAfter(Duration::from_millis(50 + 50 * row));
    let story = scene.play(script).await;
    assert!(story.contains("500 2 answered"), "{story}");
    assert!(story.ends_with("500 over: stopped, ctrl-c"), "{story}");
    let mut scene = Scene::of(2);
    scene.asks = vec![(120, Signal::Interrupt), (500, Signal::Interrupt)];
    scene.store.refusals = u32::MAX;
    let story = scene.play(script).await;
    assert!(story.contains("500 over: stopped, 2 lost"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn spend_that_no_row_accounts_for_is_reported_at_the_end() {
    // Row 1 breaks off once and is then never answered; what row 2 cost stands with row 2.
    let mut scene = Scene::of(0);
    scene.rows = [1, 2].map(|row| priced(row, 1.0)).into();
    scene.asks = vec![(5_000, Signal::Interrupt), (6_000, Signal::Interrupt)];
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
    let Row::Ready(mut ready) = ready(row) else {
        unreachable!("made to be sent");
    };
    ready.request.worst_cost_usd = Some(worst_cost_usd);
    Row::Ready(ready)
}

#[tokio::test(start_paused = true)]
async fn a_drain_has_its_limit() {
    let mut scene = Scene::of(1);
    scene.asks = vec![(50, Signal::Terminate)];
    let story = scene.play(|_, _| Act::Hang).await;
    assert!(
        story.ends_with("25050 abandoned\n25050 over: stopped, sigterm"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_signals_at_once_exit_and_the_first_is_reported() {
    let mut scene = Scene::of(9);
    scene.asks = vec![(50, Signal::Interrupt), (50, Signal::Terminate)];
    let story = scene.play(|_, _| Act::Hang).await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         50 stops: stopped, ctrl-c
         50 abandoned
         50 abandoned
         50 over: stopped, ctrl-c",
    );
}

/// Row 1 takes ten minutes, and another stops the run.
async fn a_slow_answer_and_a_stop(signal: Option<u64>, deadline: Option<Duration>) -> String {
    let mut scene = Scene::of(2);
    scene.settings.attempt_timeout = Duration::from_secs(900);
    scene.settings.limits.deadline = deadline;
    scene.asks = signal
        .into_iter()
        .map(|at| (at, Signal::Interrupt))
        .collect();
    scene
        .play(|row, _| match row {
            1 => Act::AnswerAfter(Duration::from_secs(600)),
            _ => Act::Refuse(fault(Category::DailyQuota)),
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn what_the_service_stops_waits_for_the_calls_that_are_paid_for() {
    let story = a_slow_answer_and_a_stop(None, None).await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         1 2 left
         1 stops: stopped by daily_quota
         1 waits for calls in flight
         600000 1 answered after 1 attempts
         600000 over: stopped by daily_quota",
    );
}

#[tokio::test(start_paused = true)]
async fn a_signal_while_calls_finish_sets_the_drain_time() {
    let story = a_slow_answer_and_a_stop(Some(50_000), None).await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         1 2 left
         1 stops: stopped by daily_quota
         1 waits for calls in flight
         50000 stops: stopped, ctrl-c
         50000 waits for calls in flight
         75000 abandoned
         75000 over: stopped by daily_quota",
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_sets_the_drain_time_too_whatever_has_stopped_the_run() {
    let story = a_slow_answer_and_a_stop(None, Some(Duration::from_secs(100))).await;
    assert!(
        story.ends_with("125000 abandoned\n125000 over: stopped by daily_quota"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_signal_after_the_deadline_exits_at_once() {
    let story = a_slow_answer_and_a_stop(Some(110_000), Some(Duration::from_secs(100))).await;
    assert!(
        story.ends_with("110000 abandoned\n110000 over: stopped by daily_quota"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_panics_stops_the_run_and_the_other_calls_are_stored() {
    let story = Scene::of(9)
        .play(|row, _| if row == 2 { Act::Panic } else { Act::Answer })
        .await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         0 abandoned
         0 stops: stopped, a bug in promptmill
         0 waits for calls in flight
         100 1 answered after 1 attempts
         100 over: stopped, a bug in promptmill",
    );
}

#[tokio::test(start_paused = true)]
async fn an_input_that_breaks_off_stops_the_run_and_calls_in_flight_finish() {
    let mut scene = Scene::of(3);
    scene.breaks_off = true;
    scene.settings.concurrency = 4;
    let story = scene.play(|_, _| Act::Answer).await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 sent 3
         0 stops: stopped, the input: no space left on device
         0 waits for calls in flight
         100 1 answered after 1 attempts
         100 2 answered after 1 attempts
         100 3 answered after 1 attempts
         100 over: stopped, the input: no space left on device",
    );
}

/// A third of the rows are bad; throttles come at once, answers after four seconds.
fn a_third_is_bad(row: u64, _: u32) -> Act {
    match row % 3 {
        0 => Act::AnswerAfter(Duration::from_secs(4)),
        _ => Act::Refuse(fault(Category::InvalidRequest)),
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_rejections_before_the_first_response_is_due_hold_new_rows_and_stop_nothing() {
    let mut scene = Scene::of(90);
    scene.settings.concurrency = 16;
    let story = scene.play(a_third_is_bad).await;
    assert!(story.ends_with("over: every row ended"), "{story}");
    assert!(story.contains("waits for first success"), "{story}");
    let sent = story.matches(" sent ").count();
    assert_eq!(sent, 90, "{story}");
}

#[tokio::test(start_paused = true)]
async fn while_in_doubt_rows_that_were_sent_are_retried_before_the_run_stops() {
    let mut scene = Scene::of(40);
    scene.settings.concurrency = 4;
    let story = scene
        .play(|row, nth| match (row, nth) {
            (1, 1) => Act::Refuse(Fault {
                retry_after: Some(Duration::from_secs(5)),
                ..fault(Category::Unavailable)
            }),
            (1, _) => Act::Answer,
            _ => Act::Refuse(fault(Category::InvalidRequest)),
        })
        .await;
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_succeeded_before_has_valid_requests() {
    let mut scene = Scene::of(60);
    scene.settings.succeeded_before = true;
    let story = scene
        .play(|_, _| Act::Refuse(fault(Category::InvalidRequest)))
        .await;
    assert!(story.ends_with("over: every row ended"), "{story}");
    assert_eq!(
        story.matches("failed, invalid_request").count(),
        60,
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn completed_rows_are_skipped_while_everything_else_continues() {
    let past = |row| {
        Row::Completed(Identity {
            row,
            ..Identity::default()
        })
    };
    let mut scene = Scene::of(2);
    scene.rows.splice(1..1, (1_000..11_000).map(past));
    let story = scene.play(|_, _| Act::Answer).await;
    let waits = ["0 waits for reading completed rows of the input"; 9].join("\n");
    check(
        &story,
        &format!(
            "0 sent 1
             {waits}
             0 sent 2
             0 waits for concurrency
             100 1 answered after 1 attempts
             100 2 answered after 1 attempts
             100 over: every row ended"
        ),
    );
}

#[tokio::test(start_paused = true)]
async fn a_signal_is_noticed_among_completed_rows() {
    let mut scene = Scene::of(1);
    let past = |row| {
        Row::Completed(Identity {
            row,
            ..Identity::default()
        })
    };
    scene.rows.splice(0..0, (1_000..300_000).map(past));
    scene.asks = vec![(0, Signal::Terminate)];
    let story = scene.play(|_, _| Act::Answer).await;
    assert!(!story.contains("sent 1"), "{story}");
    assert!(story.ends_with("over: stopped, sigterm"), "{story}");
}

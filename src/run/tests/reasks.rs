//! Responses that break the schema, and their corrections.

use super::*;
use crate::run::Reasks;

/// A scene in which rows are corrected at most `most` times, with the request that they had.
fn corrected(rows: u64, most: u32) -> Scene {
    let mut scene = Scene::of(rows);
    scene.settings.reasks = Some(Reasks {
        most,
        correct: Arc::new(|own, _| Some(own.clone())),
    });
    scene
}

/// Rows whose calls cost at most `worst_usd`, and their corrections `reserve_usd` beyond that.
fn priced(scene: &mut Scene, worst_usd: f64, reserve_usd: f64) {
    for row in &mut scene.rows {
        if let Row::Ready(row) = row {
            row.request.worst_cost_usd = Some(worst_usd);
            row.request.reserve_usd = reserve_usd;
        }
    }
}

/// The first call of every row brings an invalid response, the others what `then` does.
fn invalid_at_first(then: Act) -> impl Fn(u64, u32) -> Act + Send + Sync + 'static {
    move |_, nth| match nth {
        1 => Act::Invalid,
        _ => then.clone(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_response_is_corrected_before_new_rows_are_sent_and_both_calls_are_counted() {
    let mut scene = corrected(3, 1);
    scene.settings.concurrency = 1;
    let story = scene
        .play(|row, nth| match (row, nth) {
            (1, 1) => Act::Invalid,
            _ => Act::Answer,
        })
        .await;
    check(
        &story,
        "0 sent 1
         0 waits for concurrency
         100 1 is to be corrected
         100 sent 1
         100 waits for concurrency
         200 1 answered after 2 attempts, corrected 1 times, 2 tokens, $2
         200 sent 2
         200 waits for concurrency
         300 2 answered after 1 attempts
         300 sent 3
         300 waits for concurrency
         400 3 answered after 1 attempts
         400 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_that_stays_invalid_fails_with_all_that_it_cost() {
    for (most, end) in [
        (
            1,
            "1 failed, invalid_output, after 2 attempts, corrected 1 times, 2 tokens, $2",
        ),
        (
            3,
            "1 failed, invalid_output, after 4 attempts, corrected 3 times, 4 tokens, $4",
        ),
    ] {
        let story = corrected(1, most).play(|_, _| Act::Invalid).await;
        assert!(story.contains(end), "{story}");
        assert!(story.ends_with("over: every row ended"), "{story}");
        assert!(!story.contains("in no line"), "{story}");
    }
    let story = Scene::of(1).play(|_, _| Act::Invalid).await;
    let end = "1 failed, invalid_output, after 1 attempts";
    assert!(
        story.contains(end) && !story.contains("corrected"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_correction_is_retried_like_any_call_and_its_row_keeps_its_slot_meanwhile() {
    let mut scene = corrected(4, 1);
    scene.settings.concurrency = 2;
    let story = scene
        .play(|row, nth| match (row, nth) {
            (1, 1) => Act::Invalid,
            (1, 2) => Act::Refuse(Fault {
                retry_after: Some(Duration::from_secs(5)),
                ..fault(Category::ServerError)
            }),
            (2.., _) => Act::AnswerAfter(Duration::from_secs(1)),
            _ => Act::Answer,
        })
        .await;
    check(
        &story,
        "0 sent 1
         0 sent 2
         0 waits for concurrency
         100 1 is to be corrected
         100 sent 1
         100 waits for concurrency
         101 1 server_error, again in 5000 ms
         101 waits for retry backoff
         1000 2 answered after 1 attempts
         1000 sent 3
         1000 waits for retry backoff
         2000 3 answered after 1 attempts
         2000 sent 4
         2000 waits for retry backoff
         3000 4 answered after 1 attempts
         3000 waits for retry backoff
         5101 sent 1
         5101 waits for last responses
         5201 1 answered after 3 attempts, corrected 1 times, 2 tokens, $2
         5201 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn a_correction_that_fails_leaves_the_response_that_was_paid_for() {
    let story = corrected(1, 1)
        .play(invalid_at_first(Act::Refuse(fault(
            Category::ContextWindow,
        ))))
        .await;
    assert!(
        story.contains("1 failed, invalid_output, after 2 attempts, 1 tokens, $1"),
        "{story}"
    );
    let hopeless = Act::Refuse(fault(Category::AccessDenied));
    let story = corrected(1, 1).play(invalid_at_first(hopeless)).await;
    assert!(story.contains("1 failed, invalid_output"), "{story}");
    assert!(story.ends_with("over: stopped by access_denied"), "{story}");
    assert!(!story.contains("in no line"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_waits_for_its_correction_when_the_run_stops_completes_with_what_it_has() {
    let mut scene = corrected(2, 1);
    scene.asks = vec![(500, Signal::Terminate)];
    let busy = Act::Refuse(Fault {
        retry_after: Some(Duration::from_secs(60)),
        ..fault(Category::Unavailable)
    });
    let story = scene.play(invalid_at_first(busy)).await;
    for row in [1, 2] {
        let end = format!("{row} failed, invalid_output, after 2 attempts, 1 tokens, $1");
        assert!(story.contains(&end), "{story}");
        assert!(
            story.contains(&format!("{row} is not corrected")),
            "{story}"
        );
    }
    assert!(!story.contains("in no line"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn no_correction_is_asked_for_once_the_run_stops() {
    let mut scene = corrected(1, 1);
    scene.asks = vec![(50, Signal::Terminate)];
    let story = scene.play(|_, _| Act::Invalid).await;
    assert_eq!(story.matches(" sent 1").count(), 1, "{story}");
    assert!(
        story.contains("1 failed, invalid_output, after 1 attempts"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_starts_only_if_its_corrections_can_be_paid_for_too() {
    let mut scene = corrected(3, 1);
    priced(&mut scene, 1.0, 1.0);
    scene.settings.limits.max_cost_usd = Some(4.5);
    let story = scene.play(invalid_at_first(Act::Answer)).await;
    // Two rows and their corrections may cost 4.00; a third row may cost 2.00 more.
    assert_eq!(story.matches(" sent ").count(), 4, "{story}");
    assert_eq!(story.matches("corrected 1 times").count(), 2, "{story}");
    assert!(!story.contains("sent 3"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn the_correction_of_a_call_in_flight_is_held_beside_its_cost() {
    let mut scene = corrected(2, 1);
    priced(&mut scene, 1.0, 1.0);
    scene.settings.limits.max_cost_usd = Some(3.5);
    let story = scene.play(invalid_at_first(Act::Answer)).await;
    // The first row and its correction may cost 2.00, as may the second: together more than there is.
    assert!(!story.contains("sent 2"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_correction_that_cannot_be_paid_for_is_not_made() {
    let mut scene = corrected(1, 1);
    priced(&mut scene, 1.0, 0.0);
    scene.settings.limits.max_cost_usd = Some(1.5);
    let story = scene.play(invalid_at_first(Act::Answer)).await;
    check(
        &story,
        "0 sent 1
         0 waits for last responses
         100 1 is to be corrected
         100 1 is not corrected
         100 1 failed, invalid_output, after 1 attempts, 1 tokens, $1
         100 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn while_the_service_compiles_the_schema_the_first_call_goes_alone_with_a_limit_of_its_own() {
    let mut scene = Scene::of(3);
    scene.settings.concurrency = 3;
    scene.settings.first_alone = FirstAlone::ForGrammar;
    scene.settings.attempt_timeout = Duration::from_secs(60);
    let story = scene
        .play(|row, _| match row {
            1 => Act::AnswerAfter(Duration::from_secs(300)),
            _ => Act::Answer,
        })
        .await;
    check(
        &story,
        "0 sent 1
         0 waits for first response, for which the service compiles the schema
         300000 sent 2
         300000 sent 3
         300000 1 answered after 1 attempts
         300000 waits for last responses
         300100 2 answered after 1 attempts
         300100 3 answered after 1 attempts
         300100 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_say_nothing_while_the_service_compiles_the_schema_and_only_then() {
    let silent = |row: u64, nth: u32| match (row, nth) {
        (1, 1) => Act::SilentFor(Duration::from_secs(300)),
        (2, 1) => Act::SilentFor(Duration::from_secs(61)),
        _ => Act::Answer,
    };
    let mut scene = Scene::of(2);
    scene.settings.first_alone = FirstAlone::ForGrammar;
    let story = scene.play(silent).await;
    assert!(story.contains("1 answered after 1 attempts"), "{story}");
    assert!(story.contains("2 answered after 2 attempts"), "{story}");
    for first_alone in [FirstAlone::No, FirstAlone::ForCache] {
        let mut scene = Scene::of(2);
        scene.settings.first_alone = first_alone;
        let story = scene.play(silent).await;
        assert!(story.contains("1 answered after 2 attempts"), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_correction_could_be_sent_keeps_the_response_that_was_paid_for() {
    let mut scene = corrected(1, 1);
    scene.settings.requests_per_minute = NonZeroU32::new(2).map(RequestsPerMinute);
    scene.asks = vec![(1_000, Signal::Terminate)];
    let story = scene.play(|_, _| Act::Invalid).await;
    assert!(
        story.contains("1 failed, invalid_output, after 1 attempts"),
        "{story}"
    );
    assert!(!story.contains("in no line"), "{story}");
}

//! What the pace makes of the rows: their order, and who is sent while nobody is let in.

use super::super::state::{State, Step};
use super::*;

/// A row whose answer may have so many tokens.
fn sized(row: u64, max_tokens: u32) -> Row {
    let Row::Ready(mut ready) = ready(row) else {
        unreachable!("made to be sent");
    };
    ready.request.max_tokens = Some(max_tokens);
    Row::Ready(ready)
}

/// When each row was sent, in milliseconds, in the order of the story.
fn sent(story: &str) -> Vec<(u64, u64)> {
    let sent = story.lines().filter_map(|line| line.split_once(" sent "));
    sent.map(|(at, row)| (row.parse().unwrap(), at.trim().parse().unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_large_row_is_not_starved_by_small_ones_and_they_are_not_sent_around_it() {
    let mut scene = Scene::of(0);
    scene.settings.concurrency = 16;
    scene.settings.tokens.per_minute = Some(6_000);
    // While a small call is in flight, a large one does not fit into the minute.
    scene.rows = (1..=90)
        .map(|row| sized(row, if row % 30 == 0 { 5_950 } else { 100 }))
        .collect();
    let story = scene.play(|_, _| Act::Answer).await;
    let sent = sent(&story);
    let rows: Vec<u64> = sent.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, (1..=90).collect::<Vec<_>>(), "{story}");
    let in_flight_before = |row: usize| {
        let (_, at) = sent[row - 1];
        sent[..row - 1]
            .iter()
            .filter(|(_, sent)| at < sent + 100)
            .count()
    };
    assert_eq!([30, 60, 90].map(in_flight_before), [0, 0, 0], "{story}");
    let most = (1..=90).map(in_flight_before).max();
    assert!(
        most.is_some_and(|most| 3 <= most),
        "small ones share: {story}"
    );
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_no_room_left_in_the_day_waits_for_the_day() {
    let mut scene = Scene::of(0);
    scene.settings.tokens.per_day = Some(1_500);
    scene.rows = (1..=2).map(|row| sized(row, 1_000)).collect();
    let story = scene.play(|_, _| Act::Answer).await;
    assert!(story.contains("waits for tokens per day"), "{story}");
    assert!(!story.contains("per minute"), "{story}");
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn while_a_model_is_not_ready_one_call_at_a_time_finds_out_when_it_is() {
    let mut scene = Scene::of(5);
    scene.settings.concurrency = 3;
    let start = Instant::now();
    let story = scene
        .play(move |_, _| match start.elapsed() < Duration::from_secs(6) {
            true => Act::Refuse(fault(Category::ModelNotReady)),
            false => Act::Answer,
        })
        .await;
    let probes = [(1, 1_001), (2, 3_002), (1, 7_003)];
    let all: Vec<_> = [(1, 0), (2, 0), (3, 0)].into_iter().chain(probes).collect();
    assert_eq!(sent(&story)[..6], all, "{story}");
    let loading = "waits for model loading";
    assert!(6 <= story.matches(loading).count(), "{story}");
    assert_eq!(sent(&story).len(), 6 + 4, "{story}");
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test]
async fn a_call_is_known_to_the_pace_by_the_instant_it_was_admitted_at() {
    // Real time, for it goes on between the admission and the call's own task.
    let model = Scripted::new(|_, _| Act::Refuse(fault(Category::Throttled)), usize::MAX);
    let model = Arc::new(model);
    let rows = [Ok::<_, Full>(ready(1))].into_iter();
    let mut state = State::new(model, rows, settings(), Instant::now());
    let now = Instant::now();
    let Step::Send(admitted) = state.step(now) else {
        panic!("nothing is sent");
    };
    sleep(Duration::from_millis(2)).await;
    state.send(*admitted, &mut |_| {});
    let landed = state.in_flight.join_next().await.unwrap().unwrap();
    assert_eq!(landed.admitted.admission.at, now);
    assert!(now < landed.sent);
}

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

/// When the first call was sent after an earlier run of the same output.
async fn first_sent_after(settings: impl FnOnce(&mut Settings)) -> Option<u64> {
    let mut scene = Scene::of(2);
    settings(&mut scene.settings);
    let story = scene.play(|_, _| Act::Answer).await;
    sent(&story).first().map(|(_, at)| *at)
}

fn requests(per_minute: u32) -> Option<RequestsPerMinute> {
    NonZeroU32::new(per_minute).map(RequestsPerMinute)
}

#[tokio::test(start_paused = true)]
async fn the_first_call_waits_for_its_turn_after_the_last_one_of_an_earlier_run() {
    for (per_minute, ago_ms, expected) in [
        // Calls are 61 s / 60 apart, or 61 s / 2.
        (60, 400, 617),
        (60, 5_000, 0),
        (2, 12_000, 18_500),
        (2, 45_000, 0),
    ] {
        tokio::time::advance(Duration::from_secs(100)).await;
        let at = first_sent_after(|settings| {
            settings.requests_per_minute = requests(per_minute);
            settings.earlier.since_last_call = Some(Duration::from_millis(ago_ms));
        });
        assert_eq!(
            at.await,
            Some(expected),
            "{per_minute}/min, {ago_ms} ms ago"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pace_with_a_burst_has_none_of_it_left_right_after_an_earlier_run() {
    let mut scene = Scene::of(40);
    scene.settings.concurrency = 40;
    scene.settings.requests_per_minute = requests(6_000);
    scene.settings.earlier.since_last_call = Some(Duration::ZERO);
    tokio::time::advance(Duration::from_secs(100)).await;
    let story = scene.play(|_, _| Act::Answer).await;
    let at: Vec<u64> = sent(&story).iter().map(|(_, at)| *at).collect();
    assert!(at.first().is_some_and(|at| 100 <= *at), "{story}");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_an_earlier_run_has_taken_are_paid_for_first() {
    let at = first_sent_after(|settings| {
        settings.tokens.per_minute = Some(6_000);
        settings.earlier.tokens_due_in = Duration::from_secs(5);
    });
    assert_eq!(at.await, Some(5_000));
}

#[tokio::test(start_paused = true)]
async fn a_day_counts_the_tokens_of_earlier_runs() {
    let mut scene = Scene::of(0);
    scene.settings.tokens.per_day = Some(2_000);
    scene.settings.earlier.tokens_of_day = 1_500.0;
    scene.rows = vec![sized(1, 1_000)];
    let story = scene.play(|_, _| Act::Answer).await;
    assert_eq!(sent(&story), [], "{story}");
    assert!(story.contains("tokens"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_new_day_has_all_its_tokens() {
    let mut scene = Scene::of(0);
    scene.settings.concurrency = 1;
    scene.settings.tokens.per_day = Some(2_000);
    scene.settings.earlier.tokens_of_day = 1_500.0;
    scene.settings.earlier.day_ends_in = Some(Duration::from_secs(1));
    scene.rows = vec![sized(1, 400), sized(2, 1_000), sized(3, 1_000)];
    let long = Act::AnswerAfter(Duration::from_secs(1));
    let story = scene.play(move |_, _| long.clone()).await;
    assert_eq!(sent(&story).len(), 3, "{story}");
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_an_earlier_run_has_learned_is_not_searched_for_again() {
    let most_in_the_first_second = |learned| async move {
        let mut scene = Scene::of(400);
        scene.settings.concurrency = 64;
        scene.settings.requests_per_minute = None;
        scene.settings.earlier.learned_per_minute = learned;
        let story = scene.play(|_, _| Act::Answer).await;
        sent(&story).iter().filter(|(_, at)| *at < 1_000).count()
    };
    assert!(50 < most_in_the_first_second(None).await);
    let calls = most_in_the_first_second(Some(600.0)).await;
    assert!((8..=11).contains(&calls), "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn what_is_used_is_told_before_a_call_leaves_and_counts_it_with_all_it_has_reserved() {
    let mut settings = settings();
    settings.tokens.per_minute = Some(6_000);
    settings.tokens.per_day = Some(100_000);
    let start = Instant::now();
    let mut told = Vec::new();
    let rows = [sized(1, 600)].into_iter().map(Ok::<_, std::io::Error>);
    let model = Arc::new(Scripted::new(|_, _| Act::Answer, 1));
    let asked = watch::channel(StopRequest::Run).1;
    run(
        model,
        rows,
        &mut Memory::default(),
        settings,
        asked,
        |event| {
            if let Event::Sent { gauge, .. } | Event::Over(gauge) = event {
                told.push(gauge.limit_use);
            }
        },
    )
    .await;
    let [sent, over] = told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(sent.last_call, Some(start));
    // 100 tokens a second: the whole of what the call has reserved is owed until it has settled.
    let due = |of: crate::run::LimitUse| (of.tokens_due.unwrap() - start).as_millis();
    assert!((6_000..6_010).contains(&due(sent)), "{}", due(sent));
    assert!(due(over) < 100, "{}", due(over));
    assert!((600.0..=602.0).contains(&sent.tokens_of_day), "{sent:?}");
    assert_eq!(over.tokens_of_day, 2.0);
}

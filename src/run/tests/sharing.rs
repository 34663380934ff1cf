//! Rows that share a call: how they come together, and how they part again.

use super::*;
use crate::run::{Rescued, Share, Stop};

/// `rows` rows, of which `shared` may share a call, one call at a time.
fn scene(rows: u64, shared: usize) -> Scene {
    let mut scene = Scene::of(rows);
    scene.settings.concurrency = 1;
    scene.settings.sharing = Sharing {
        rows: shared,
        bytes: 1_000,
    };
    scene
}

/// How many calls went out.
fn calls(story: &str) -> usize {
    story.matches(" sent ").count()
}

/// Every row that ended, as it was kept.
async fn kept<F>(scene: Scene, script: F) -> Vec<CompletedRow>
where
    F: Fn(u64, u32) -> Act + Send + Sync + 'static,
{
    struct Kept(Vec<CompletedRow>);
    impl Store for Kept {
        type Error = Full;

        fn commit(&mut self, ended: &[CompletedRow]) -> Result<(), Full> {
            self.0.extend_from_slice(ended);
            Ok(())
        }

        fn make_room(&mut self) -> Result<(), Full> {
            Ok(())
        }

        fn rescue(&mut self, _: &[CompletedRow]) -> Option<Rescued> {
            None
        }
    }
    let model = Arc::new(Scripted::new(script, usize::MAX));
    let rows = scene.rows.into_iter().map(Ok::<_, Full>);
    let (_ask, asked) = watch::channel(StopRequest::Run);
    let mut store = Kept(Vec::new());
    let stop = run(model, rows, &mut store, scene.settings, asked, |_| {}).await;
    assert!(stop.is_none(), "{stop:?}");
    store.0
}

/// The rows that were answered, and those that failed, in their order.
fn ended(story: &str, how: &str) -> Vec<u64> {
    let row = |line: &str| line.split_whitespace().nth(1)?.parse().ok();
    let lines = story.lines().filter(|line| line.contains(how));
    let mut rows: Vec<u64> = lines.filter_map(row).collect();
    rows.sort_unstable();
    rows
}

#[tokio::test(start_paused = true)]
async fn rows_share_calls_in_their_order_and_each_call_has_one_slot() {
    let story = scene(5, 2).play(|_, _| Act::Answer).await;
    check(
        &story,
        "0 sent 1
         0 waits for concurrency
         100 1 answered after 1 attempts
         100 2 answered after 1 attempts
         100 sent 3
         100 waits for concurrency
         200 3 answered after 1 attempts
         200 4 answered after 1 attempts
         200 sent 5
         200 waits for concurrency
         300 5 answered after 1 attempts
         300 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_has_no_more_bytes_than_it_may_and_no_row_is_lost_over_that() {
    let mut scene = scene(12, 96);
    scene.settings.sharing.bytes = 4;
    let story = scene.play(|_, _| Act::Answer).await;
    let sent: Vec<&str> = story
        .lines()
        .filter_map(|line| line.split_once("sent "))
        .map(|(_, row)| row)
        .collect();
    assert_eq!(sent, ["1", "5", "9", "11"], "{story}");
    assert_eq!(ended(&story, "answered").len(), 12, "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_sent_does_not_split_the_call_of_those_around_it() {
    let mut scene = scene(2, 3);
    let identity = Identity {
        row: 9,
        ..Identity::default()
    };
    let rejected = Row::Rejected(identity, fault(Category::BadInputRow));
    scene.rows.insert(1, rejected);
    let story = scene.play(|_, _| Act::Answer).await;
    assert_eq!(calls(&story), 1, "{story}");
    assert_eq!(ended(&story, "answered"), [1, 2], "{story}");
    assert_eq!(ended(&story, "failed"), [9], "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_retried_whole() {
    let story = scene(3, 3)
        .play(|row, nth| match (row, nth) {
            (_, 1) => Act::Refuse(fault(Category::Throttled)),
            (2, 2) => Act::Refuse(fault(Category::ServerError)),
            _ => Act::Answer,
        })
        .await;
    assert_eq!(calls(&story), 3, "{story}");
    // The throttle is no attempt.
    assert_eq!(
        ended(&story, "answered after 2 attempts"),
        [1, 2, 3],
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_invalid_row_fails_alone() {
    let mut scene = scene(200, 96);
    scene.settings.concurrency = 2;
    let story = scene
        .play(|row, _| match row {
            50 => Act::Refuse(fault(Category::InvalidRequest)),
            _ => Act::Answer,
        })
        .await;
    assert_eq!(ended(&story, "failed, invalid_request"), [50], "{story}");
    assert_eq!(ended(&story, "answered").len(), 199, "{story}");
    assert!(calls(&story) <= 3 + 2 * 8, "{} calls", calls(&story));
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn attempts_are_those_of_the_row_alone_and_shared() {
    let story = scene(3, 2)
        .play(|row, _| match row {
            2 => Act::Refuse(fault(Category::InvalidRequest)),
            _ => Act::Answer,
        })
        .await;
    check(
        &story,
        "0 sent 1
         0 waits for concurrency
         1 1 invalid_request, again in 0 ms
         1 sent 1
         1 waits for concurrency
         101 1 answered after 2 attempts
         101 sent 2
         101 waits for concurrency
         102 2 failed, invalid_request, after 2 attempts
         102 sent 3
         102 waits for concurrency
         202 3 answered after 1 attempts
         202 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn one_row_that_always_breaks_the_model_fails_alone_after_all_its_attempts() {
    let story = scene(8, 8)
        .play(|row, _| match row {
            6 => Act::Refuse(fault(Category::ModelError)),
            _ => Act::Answer,
        })
        .await;
    assert_eq!(ended(&story, "answered").len(), 7, "{story}");
    let failed = ended(&story, "6 failed, model_error");
    assert_eq!(failed, [6], "{story}");
    // Three attempts with the others, and three each time with fewer.
    let attempts = story.split_once("model_error, after ").unwrap().1;
    let attempts: u32 = attempts.split(' ').next().unwrap().parse().unwrap();
    assert!(attempts.is_multiple_of(3) && 9 <= attempts, "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_cannot_be_parsed_fails_every_row_and_its_body_is_kept_once() {
    let script = |_, _| {
        Act::Refuse(Fault {
            raw: Some("{}".into()),
            ..fault(Category::BadResponse)
        })
    };
    let ended = kept(scene(3, 3), script).await;
    for (place, ended) in (1..).zip(&ended) {
        assert_eq!(ended.share, Share { rows: 3, place });
        let Outcome::Failed(fault) = &ended.outcome else {
            panic!("answered: {ended:?}");
        };
        assert_eq!(fault.raw.is_some(), ended.share.is_first(), "{fault:?}");
        let elsewhere = fault.message.ends_with("; its body is kept with row 1");
        assert_ne!(elsewhere, fault.raw.is_some(), "{fault:?}");
    }
    assert_eq!(ended.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_call_may_have_cost_is_split_equally_among_its_rows() {
    let mut scene = scene(4, 4);
    for row in &mut scene.rows {
        let Row::Ready(ready) = row else {
            panic!("made ready above");
        };
        ready.request.worst_cost_usd = Some(ready.identity.row as f64);
    }
    // It breaks off with all four, which could cost $10, and is then split over row 4: $4 alone.
    let ended = kept(scene, |row, nth| match (row, nth) {
        (1, 1) => Act::Refuse(Fault {
            maybe_billed: true,
            ..fault(Category::AttemptTimeout)
        }),
        (4, 2..) => Act::Refuse(Fault {
            maybe_billed: true,
            ..fault(Category::RequestTooLarge)
        }),
        _ => Act::Answer,
    })
    .await;
    let mut shares: Vec<_> = ended
        .iter()
        .map(|ended| (ended.identity.row, ended.maybe_billed_usd))
        .collect();
    shares.sort_by_key(|(row, _)| *row);
    // Row 1 goes alone after the second; then come the three, and at last rows 3 and 4.
    let three = 5.0 + 9.0 / 3.0;
    assert_eq!(
        shares,
        [
            (1, 5.0),
            (2, three),
            (3, three + 3.5),
            (4, three + 3.5 + 4.0)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_the_input_broke_off_is_sent_and_nothing_after_it() {
    let rows = [Ok(ready(1)), Err(Full), Ok(ready(2))].into_iter();
    let settings = scene(0, 3).settings;
    let model = Arc::new(Scripted::new(|_, _| Act::Answer, usize::MAX));
    let (_ask, asked) = watch::channel(StopRequest::Run);
    let mut store = Memory::default();
    let stop = run(model, rows, &mut store, settings, asked, |_| {}).await;
    assert!(matches!(stop, Some(Stop::Input(_))), "{stop:?}");
    assert_eq!(store.kept, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_every_row_of_its_call() {
    let mut scene = scene(6, 3);
    scene.settings.concurrency = 2;
    let story = scene
        .play(|row, _| if row == 2 { Act::Panic } else { Act::Answer })
        .await;
    check(
        &story,
        "0 sent 1
         0 sent 4
         0 waits for concurrency
         0 abandoned
         0 stops: stopped, a bug in promptmill
         0 waits for calls in flight
         100 4 answered after 1 attempts
         100 5 answered after 1 attempts
         100 6 answered after 1 attempts
         100 over: stopped, a bug in promptmill",
    );
}

/// Lets no call wait for memory.
fn expect_short_responses(scene: &mut Scene) {
    for row in &mut scene.rows {
        if let Row::Ready(ready) = row {
            ready.request.max_tokens = Some(1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_many_rows_wait_for_memory_until_a_response_says_how_large_they_are() {
    let mut scene = scene(96 * 64, 96);
    scene.settings.concurrency = 64;
    let story = scene.play(|_, _| Act::Answer).await;
    let at_once = |ms: &str| {
        let sent = format!("{ms} sent ");
        let lines = story.lines().filter(|line| line.trim().starts_with(&sent));
        lines.count()
    };
    // Nine times 96 embeddings of 1,024 numbers are as much as may be in flight.
    assert_eq!(at_once("0"), 9, "{story}");
    assert!(
        story.contains("0 waits for memory for calls in flight"),
        "{story}"
    );
    // The responses of this script are short.
    assert_eq!(at_once("100"), 55, "{story}");
    assert_eq!(ended(&story, "answered").len(), 96 * 64);
}

#[tokio::test(start_paused = true)]
async fn where_every_row_is_invalid_twenty_of_them_stop_the_run_long_before_all_are_asked() {
    for concurrency in [1, 64] {
        let mut scene = scene(10_000, 96);
        expect_short_responses(&mut scene);
        scene.settings.concurrency = concurrency;
        let story = scene
            .play(|_, _| Act::Refuse(fault(Category::InvalidRequest)))
            .await;
        assert!(story.ends_with("over: stopped, all invalid"), "{story}");
        let failed = ended(&story, "failed, invalid_request").len();
        assert!((20..=64).contains(&failed), "{failed} failed");
        assert!(calls(&story) <= 192, "{} calls", calls(&story));
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_releases_the_parts_that_were_held_back_in_doubt() {
    let mut scene = scene(2_400, 96);
    expect_short_responses(&mut scene);
    scene.settings.concurrency = 25;
    // The first row of every call is bad; only the last call is answered, and late.
    let story = scene
        .play(|row, _| match row {
            2_305.. => Act::AnswerAfter(Duration::from_secs(5)),
            row if row % 96 == 1 => Act::Refuse(fault(Category::InvalidRequest)),
            _ => Act::Answer,
        })
        .await;
    assert!(story.contains("waits for first success"), "{story}");
    assert_eq!(
        ended(&story, "failed, invalid_request").len(),
        24,
        "{story}"
    );
    assert_eq!(ended(&story, "answered").len(), 2_376, "{story}");
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_budget_is_spent_on_fewer_rows() {
    let mut scene = scene(8, 8);
    for row in &mut scene.rows {
        let Row::Ready(ready) = row else {
            panic!("made ready above");
        };
        ready.request.worst_cost_usd = Some(1.0);
    }
    scene.settings.limits.max_cost_usd = Some(5.5);
    let story = scene.play(|_, _| Act::Answer).await;
    assert_eq!(ended(&story, "answered"), [1, 2, 3, 4, 5], "{story}");
    assert!(story.contains("over: stopped, max_cost_usd"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_no_minute_has_the_tokens_for_become_smaller_and_stay_so() {
    let mut scene = scene(400, 96);
    scene.settings.concurrency = 2;
    scene.most_rows = 20;
    let story = scene.play(|_, _| Act::Answer).await;
    assert_eq!(ended(&story, "answered").len(), 400, "{story}");
    let over: u64 = story
        .lines()
        .last()
        .unwrap()
        .trim()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(over < 10 * 60_000, "in {over} ms");
}

//! Commits that take their time, and a disk that is full or about to be.

use super::*;
use crate::model::Fingerprint;
use crate::run::Duplicates;

#[tokio::test(start_paused = true)]
async fn rows_that_end_while_a_commit_is_under_way_share_the_next_one() {
    let mut scene = Scene::of(300);
    scene.settings.concurrency = 300;
    scene.settings.requests_per_minute = NonZeroU32::new(120_000).map(RequestsPerMinute);
    scene.store.takes = Duration::from_millis(1);
    let story = scene.play(|_, _| Act::Answer).await;
    let answered = story.lines().filter(|line| line.contains("answered"));
    let times = answered.map(|line| line.trim().split(' ').next());
    let commits = times.collect::<std::collections::HashSet<_>>().len();
    assert!(commits <= 40, "{commits}:\n{story}");
}

#[tokio::test(start_paused = true)]
async fn the_longer_a_commit_takes_the_longer_rows_are_gathered_for_the_next() {
    for (takes_ms, most) in [(1, 60), (4, 24)] {
        let mut scene = Scene::of(300);
        scene.settings.concurrency = 300;
        scene.settings.requests_per_minute = NonZeroU32::new(120_000).map(RequestsPerMinute);
        scene.store.takes = Duration::from_millis(takes_ms);
        let start = Instant::now();
        let story = scene.play(|_, _| Act::Answer).await;
        let took = start.elapsed();
        let answered = story.lines().filter(|line| line.contains("answered"));
        let times = answered.map(|line| line.trim().split(' ').next());
        let commits = times.collect::<std::collections::HashSet<_>>().len();
        assert!(
            commits <= most,
            "{takes_ms} ms: {commits} in {took:?}:\n{story}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_full_nothing_starts_and_then_the_run_goes_on() {
    let mut scene = Scene::of(3);
    scene.settings.concurrency = 1;
    scene.store.refusals = 3;
    let story = scene.play(|_, _| Act::Answer).await;
    check(
        &story,
        "0 sent 1
         0 waits for concurrency
         100 cannot write: no space left on device
         100 waits for output disk
         1100 cannot write: no space left on device
         1100 waits for output disk
         2100 cannot write: no space left on device
         2100 waits for output disk
         3100 1 answered after 1 attempts
         3100 sent 2
         3100 waits for concurrency
         3200 2 answered after 1 attempts
         3200 sent 3
         3200 waits for concurrency
         3300 3 answered after 1 attempts
         3300 over: every row ended",
    );
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stays_full_ends_the_run_after_the_drain_time() {
    let mut scene = Scene::of(3);
    scene.store.refusals = u32::MAX;
    let story = scene.play(|_, _| Act::Answer).await;
    assert!(
        story.ends_with("25100 over: stopped, 2 lost: no space left on device"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_about_to_fill_up_stops_sending_before_a_response_is_lost() {
    let mut scene = Scene::of(9);
    scene.store.room = 2;
    let story = scene.play(|_, _| Act::Answer).await;
    assert!(!story.contains("sent 5"), "{story}");
    assert!(
        story.ends_with("25100 over: stopped, 0 lost: no space left on device"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_returns_after_the_disk_is_full_is_rescued_before_the_run_stops() {
    let mut scene = Scene::of(9);
    scene.settings.requests_per_minute = NonZeroU32::new(610).map(RequestsPerMinute);
    scene.settings.drain = Duration::from_millis(500);
    scene.store.room = 1;
    let story = scene.play(|_, _| Act::Answer).await;
    assert!(
        story.contains("sent 2") && !story.contains("sent 3"),
        "{story}"
    );
    assert!(story.contains("600 2 answered after 1 attempts"), "{story}");
    assert!(
        story.ends_with("600 over: stopped, 0 lost: no space left on device"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_waits_for_the_next_try_while_the_disk_is_full() {
    let mut scene = Scene::of(2);
    scene.settings.concurrency = 1;
    scene.settings.limits.deadline = Some(Duration::from_millis(500));
    scene.store.refusals = 3;
    let story = scene.play(|_, _| Act::Answer).await;
    check(
        &story,
        "0 sent 1
         0 waits for concurrency
         100 cannot write: no space left on device
         100 waits for output disk
         1100 cannot write: no space left on device
         1100 waits for output disk
         2100 cannot write: no space left on device
         2100 waits for output disk
         3100 1 answered after 1 attempts
         3100 stops: stopped, the deadline of 0 s
         3100 over: stopped, the deadline of 0 s",
    );
}

#[tokio::test(start_paused = true)]
async fn copies_that_find_no_room_take_no_response_with_them() {
    let same = |number| {
        let Row::Ready(mut row) = ready(number) else {
            unreachable!("it can be sent");
        };
        row.identity.fingerprint = Some(Fingerprint(7));
        Row::Ready(row)
    };
    let scene = |refuses_copies| {
        let mut scene = Scene::of(0);
        scene.rows = (1..=3).map(same).collect();
        scene.settings.duplicates = Duplicates::among(&[(Fingerprint(7), 3)].into());
        scene.store.refuses_copies = refuses_copies;
        scene
    };
    let story = scene(false).play(|_, _| Act::Answer).await;
    check(
        &story,
        "0 sent 1
         0 waits for last responses
         100 1 answered after 1 attempts
         100 2 answered after 0 attempts
         100 3 answered after 0 attempts
         100 over: every row ended",
    );
    let story = scene(true).play(|_, _| Act::Answer).await;
    assert!(story.contains("100 1 answered after 1 attempts"), "{story}");
    assert!(!story.contains(" 2 answered"), "{story}");
    assert!(
        story.ends_with("25100 over: stopped, 0 lost: no space left on device"),
        "{story}"
    );
}

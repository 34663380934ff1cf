//! Limits that change while a run is under way.

use super::*;

/// Plays `scene` while each of `changes` is made at its millisecond, and returns when calls were sent.
async fn steered(mut scene: Scene, changes: Vec<(u64, Steering)>) -> (Vec<u64>, String) {
    let (steer, steering) = watch::channel(Steering::default());
    scene.settings.steering = steering;
    let start = Instant::now();
    tokio::spawn(async move {
        for (at, what) in changes {
            tokio::time::sleep_until(start + Duration::from_millis(at)).await;
            steer.send_replace(what);
        }
        std::future::pending::<()>().await;
    });
    let story = scene.play(|_, _| Act::Answer).await;
    let sent = story.lines().filter_map(|line| line.split_once(" sent "));
    let sent = sent.map(|(at, _)| at.trim().parse().unwrap()).collect();
    (sent, story)
}

fn requests(per_minute: u32) -> Steering {
    Steering {
        requests_per_minute: NonZeroU32::new(per_minute).map(RequestsPerMinute),
        ..Steering::default()
    }
}

fn between(sent: &[u64], from: u64, to: u64) -> usize {
    sent.iter().filter(|at| (from..to).contains(*at)).count()
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_requests_holds_from_its_change_on_and_is_lifted_as_soon() {
    let mut scene = Scene::of(200);
    scene.settings.requests_per_minute = NonZeroU32::new(600).map(RequestsPerMinute);
    scene.settings.concurrency = 8;
    let changes = vec![(5_000, requests(60)), (15_000, Steering::default())];
    let (sent, story) = steered(scene, changes).await;
    let counts = [(0, 5_000), (5_050, 15_000), (15_000, 20_000)];
    let counts = counts.map(|(from, to)| between(&sent, from, to));
    assert!((49..=51).contains(&counts[0]), "{counts:?}\n{story}");
    assert!((9..=11).contains(&counts[1]), "{counts:?}\n{story}");
    assert!((49..=51).contains(&counts[2]), "{counts:?}\n{story}");
    assert!(story.ends_with("over: every row ended"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_tokens_holds_from_its_change_on_and_is_lifted_as_soon() {
    for of_job in [None, Some(60_000)] {
        let mut scene = Scene::of(400);
        scene.settings.tokens.per_minute = of_job;
        scene.settings.requests_per_minute = NonZeroU32::new(1_200).map(RequestsPerMinute);
        scene.settings.tokens.default_max_tokens = 10;
        let slow = Steering {
            tokens_per_minute: Some(60),
            ..Steering::default()
        };
        let (sent, story) =
            steered(scene, vec![(4_000, slow), (10_000, Steering::default())]).await;
        let counts = [(0, 4_000), (7_200, 10_000), (10_000, 14_000)];
        let counts = counts.map(|(from, to)| between(&sent, from, to));
        assert!(70 < counts[0], "{of_job:?} {counts:?}\n{story}");
        assert!(counts[1] <= 3, "{of_job:?} {counts:?}\n{story}");
        assert!(70 < counts[2], "{of_job:?} {counts:?}\n{story}");
        assert!(story.ends_with("over: every row ended"), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_were_taken_stay_owed_when_the_limit_changes() {
    for of_job in [None, Some(6_000)] {
        let mut scene = Scene::of(1);
        scene.settings.tokens.per_minute = of_job;
        scene.settings.earlier.tokens_due_in = Duration::from_secs(5);
        let twice = Steering {
            tokens_per_minute: Some(12_000),
            ..Steering::default()
        };
        scene.settings.steering = watch::channel(twice).1;
        let story = scene.play(|_, _| Act::Answer).await;
        // What was owed at 100 tokens a second is paid for at 200; where only a window has a limit, it is
        // owed as the earlier run has said.
        let due = if of_job.is_some() {
            "2500 sent 1"
        } else {
            "5000 sent 1"
        };
        assert!(story.contains(due), "{of_job:?} {story}");
    }
}

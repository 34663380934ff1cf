//! Whatever the service, the limits and the disk do, every run completes: the loop never
//! waits for what cannot happen.

use fastrand::Rng;

use super::*;

/// Longer than any of these runs takes: the slowest have 300 tokens a minute for calls of 250,000.
const LONG: Duration = Duration::from_secs(365 * 86_400);

fn any_of<T: Clone>(dice: &mut Rng, choices: &[T]) -> T {
    choices[dice.usize(..choices.len())].clone()
}

/// A job that anybody could have written, with limits that bind or do not.
fn any_scene(dice: &mut Rng) -> Scene {
    let mut scene = Scene::of(dice.u64(1..60));
    for row in &mut scene.rows {
        if let Row::Ready(work) = row {
            let cost = dice.f64();
            work.call.worst_cost_usd = any_of(dice, &[None, Some(cost), Some(0.1)]);
            work.call.max_tokens = any_of(dice, &[None, Some(7), Some(50_000)]);
        }
    }
    let settings = &mut scene.settings;
    settings.concurrency = any_of(dice, &[1, 2, 7, 64]);
    settings.first_alone = match dice.bool() {
        true => FirstAlone::ForCache,
        false => FirstAlone::No,
    };
    settings.answered_before = dice.bool();
    settings.attempt_timeout = Duration::from_secs(dice.u64(1..30));
    settings.drain = Duration::from_secs(dice.u64(0..30));
    settings.retry.throttle_wait = Duration::from_secs(dice.u64(1..900));
    settings.requests_per_minute = any_of(dice, &[None, Some(1), Some(600)])
        .and_then(NonZeroU32::new)
        .map(RequestsPerMinute);
    settings.tokens = TokenLimits {
        per_minute: any_of(dice, &[None, Some(300), Some(3_000), Some(1_000_000)]),
        per_day: any_of(dice, &[None, None, Some(1), Some(30_000)]),
        burndown: any_of(dice, &[1.0, 5.0]),
        default_max_tokens: 1000,
    };
    settings.limits = Limits {
        max_cost_usd: any_of(dice, &[None, Some(0.0), Some(3.3), Some(50.0)]),
        spent_usd: any_of(dice, &[0.0, 0.7]),
        deadline: any_of(dice, &[None, None, Some(Duration::from_secs(20))]),
        max_error_rate: any_of(dice, &[None, Some(0.2)]),
    };
    scene.store.refusals = any_of(dice, &[0, 0, 2]);
    scene.store.room = any_of(dice, &[usize::MAX, usize::MAX, 5]);
    if dice.u8(..4) == 0 {
        let past = |row| {
            Row::Past(Identity {
                row,
                ..Identity::default()
            })
        };
        let at = dice.usize(..scene.rows.len());
        scene.rows.splice(at..at, (1_000..4_000).map(past));
    }
    scene.breaks_off = dice.u8(..6) == 0;
    if dice.u8(..4) == 0 {
        scene.asks = vec![(dice.u64(..5_000), Signal::Terminate)];
    }
    scene
}

/// A service with troubles of a few kinds, now and then or all the time.
fn any_service(dice: &mut Rng) -> impl Fn(u64, u32) -> Act + Send + Sync + use<> {
    let kinds = [
        Category::Throttled,
        Category::ModelNotReady,
        Category::Unavailable,
        Category::Network,
        Category::ModelTimeout,
        Category::InvalidRequest,
        Category::Credentials,
        Category::DailyQuota,
    ];
    let kinds = [any_of(dice, &kinds), any_of(dice, &kinds)];
    let trouble = any_of(dice, &[0, 5, 50, 100]);
    let hangs = any_of(dice, &[0, 0, 10, 100]);
    let seed = dice.u64(..);
    move |row, nth| {
        let mut dice = Rng::with_seed(seed ^ (row << 32) ^ u64::from(nth));
        if dice.u8(..100) < hangs {
            return Act::Hang;
        }
        if dice.u8(..100) < trouble {
            return Act::Refuse(fault(any_of(&mut dice, &kinds)));
        }
        Act::Answer
    }
}

#[tokio::test(start_paused = true)]
async fn every_run_comes_to_its_end() {
    for seed in 0..2_000 {
        let mut dice = Rng::with_seed(seed);
        let scene = any_scene(&mut dice);
        let service = any_service(&mut dice);
        let over = tokio::time::timeout(LONG, scene.play(service)).await;
        assert!(over.is_ok(), "the run of seed {seed} has no end");
    }
}

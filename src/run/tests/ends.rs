//! Whatever the service, the limits and the disk do, every run completes: the loop never
//! waits for what cannot happen.

use fastrand::Rng;

use super::*;
use crate::run::{Reasks, SoFar};

/// Longer than any of these runs takes: the slowest have 300 tokens a minute for calls of 250,000.
const LONG: Duration = Duration::from_secs(365 * 86_400);

fn any_of<T: Clone>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())].clone()
}

/// A random job, with limits that bind or do not.
fn any_scene(rng: &mut Rng) -> Scene {
    let mut scene = Scene::of(rng.u64(1..60));
    for row in &mut scene.rows {
        if let Row::Ready(ready) = row {
            let cost = rng.f64();
            ready.request.worst_cost_usd = any_of(rng, &[None, Some(cost), Some(0.1)]);
            ready.request.reserve_usd = any_of(rng, &[0.0, 0.3]);
            ready.request.max_tokens = any_of(rng, &[None, Some(7), Some(50_000)]);
        }
    }
    let settings = &mut scene.settings;
    settings.concurrency = any_of(rng, &[1, 2, 7, 64]);
    settings.first_alone = match rng.bool() {
        true => FirstAlone::ForCache,
        false => FirstAlone::No,
    };
    settings.reasks = any_of(rng, &[None, Some(1), Some(3)]).map(|most| Reasks {
        most,
        correct: Arc::new(|own, _| Some(own.clone())),
    });
    settings.succeeded_before = rng.bool();
    settings.attempt_timeout = Duration::from_secs(rng.u64(1..30));
    settings.drain = Duration::from_secs(rng.u64(0..30));
    settings.retry.throttle_wait = Duration::from_secs(rng.u64(1..900));
    settings.requests_per_minute = any_of(rng, &[None, Some(1), Some(600)])
        .and_then(NonZeroU32::new)
        .map(RequestsPerMinute);
    settings.tokens = TokenLimits {
        per_minute: any_of(rng, &[None, Some(300), Some(3_000), Some(1_000_000)]),
        per_day: any_of(rng, &[None, None, Some(1), Some(30_000)]),
        burndown: any_of(rng, &[1.0, 5.0]),
        default_max_tokens: 1000,
    };
    settings.limits = Limits {
        so_far: SoFar::default(),
        max_cost_usd: any_of(rng, &[None, Some(0.0), Some(3.3), Some(50.0)]),
        max_cost_per_run_usd: any_of(rng, &[None, Some(4.0)]),
        spent_usd: any_of(rng, &[0.0, 0.7]),
        deadline: any_of(rng, &[None, None, Some(Duration::from_secs(20))]),
        max_error_rate: any_of(rng, &[None, Some(0.2)]),
    };
    scene.store.refusals = any_of(rng, &[0, 0, 2]);
    scene.store.room = any_of(rng, &[usize::MAX, usize::MAX, 5]);
    if rng.u8(..4) == 0 {
        let past = |row| {
            Row::Completed(Identity {
                row,
                ..Identity::default()
            })
        };
        let at = rng.usize(..scene.rows.len());
        scene.rows.splice(at..at, (1_000..4_000).map(past));
    }
    scene.breaks_off = rng.u8(..6) == 0;
    if rng.u8(..4) == 0 {
        scene.asks = vec![(rng.u64(..5_000), Signal::Terminate)];
    }
    scene
}

/// A service with troubles of a few kinds, now and then or all the time.
fn any_service(rng: &mut Rng) -> impl Fn(u64, u32) -> Act + Send + Sync + use<> {
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
    let kinds = [any_of(rng, &kinds), any_of(rng, &kinds)];
    let trouble = any_of(rng, &[0, 5, 50, 100]);
    let hangs = any_of(rng, &[0, 0, 10, 100]);
    let invalid = any_of(rng, &[0, 0, 30, 100]);
    let seed = rng.u64(..);
    move |row, nth| {
        let mut rng = Rng::with_seed(seed ^ (row << 32) ^ u64::from(nth));
        if rng.u8(..100) < hangs {
            return Act::Hang;
        }
        if rng.u8(..100) < trouble {
            return Act::Refuse(fault(any_of(&mut rng, &kinds)));
        }
        match rng.u8(..100) < invalid {
            true => Act::Invalid,
            false => Act::Answer,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_run_comes_to_its_end() {
    for seed in 0..2_000 {
        let mut rng = Rng::with_seed(seed);
        let scene = any_scene(&mut rng);
        let service = any_service(&mut rng);
        let over = tokio::time::timeout(LONG, scene.play(service)).await;
        assert!(over.is_ok(), "the run of seed {seed} has no end");
    }
}

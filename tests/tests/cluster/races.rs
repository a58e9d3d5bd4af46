//! Two who publish the same name at the same time, through two proxies.

use std::time::Duration;

use srs_tests::{Fleet, Programs, Publisher, Shared, Source, Target, until};
use tokio::time::{Instant, sleep};

const PROGRAMS: Programs =
    Programs { proxy: env!("CARGO_BIN_EXE_proxy-alone"), origin: env!("CARGO_BIN_EXE_origin-alone") };

/// How many origins publish this name.
async fn owners(fleet: &Fleet, name: &str) -> usize {
    fleet.live().await.iter().filter(|names| names.iter().any(|live| live == name)).count()
}

async fn races(shared: Shared, rounds: usize) {
    let Some(fleet) = Fleet::start(PROGRAMS, shared, 3).await else { return };
    for round in 0..rounds {
        let target = Target::live(&format!("race-{round}"));
        let (one, other) = tokio::join!(
            Publisher::connect(fleet.proxies[0].rtmp, &target),
            Publisher::connect(fleet.proxies[1].rtmp, &target),
        );
        // Who comes second takes over; both may have been let in for a moment.
        let mut both = [one, other].into_iter().flatten().collect::<Vec<_>>();
        assert!(!both.is_empty(), "round {round}: somebody publishes");
        for publisher in &mut both {
            let mut source = Source::new(u8::try_from(round % 250).expect("small"));
            for frame in source.clip(2) {
                let _the_loser_may_be_gone = publisher.send(&frame).await;
            }
        }
        until("one owner", async || (owners(&fleet, &target.stream).await == 1).then_some(())).await;
        assert_eq!(owners(&fleet, &target.stream).await, 1, "round {round}");
    }
}

/// The same, with Redis killed somewhere in the middle: never two for over three seconds.
async fn races_without_redis(rounds: usize) {
    let Some(mut fleet) = Fleet::start(PROGRAMS, Shared::Redis, 3).await else { return };
    for round in 0..rounds {
        let target = Target::live(&format!("broken-{round}"));
        let mut redis = fleet.redis.take().expect("Redis");
        let (rtmp_one, rtmp_other) = (fleet.proxies[0].rtmp, fleet.proxies[1].rtmp);
        // Between nothing and all of what a publish asks of it.
        let when = Duration::from_micros(u64::try_from(round % 40).expect("small") * 250);
        let ((), one, other) = tokio::join!(
            async {
                sleep(when).await;
                redis.kill().await;
            },
            Publisher::connect(rtmp_one, &target),
            Publisher::connect(rtmp_other, &target),
        );
        let both = [one, other].into_iter().flatten().collect::<Vec<_>>();
        assert!(!both.is_empty(), "round {round}: somebody publishes");
        redis.again().await;
        fleet.redis = Some(redis);
        let since = Instant::now();
        while owners(&fleet, &target.stream).await > 1 {
            assert!(since.elapsed() < Duration::from_secs(3), "round {round}: two owners");
            sleep(Duration::from_millis(50)).await;
        }
        drop(both);
    }
}

#[tokio::test]
async fn of_two_who_race_for_a_name_one_origin_has_it() {
    races(Shared::Redis, 25).await;
}

#[tokio::test]
async fn of_two_who_race_for_a_name_in_a_mesh_one_origin_has_it() {
    races(Shared::Mesh, 25).await;
}

#[tokio::test]
async fn of_two_who_race_while_redis_dies_one_origin_has_it_in_the_end() {
    races_without_redis(6).await;
}

#[tokio::test]
#[ignore = "a thousand rounds"]
async fn of_two_who_race_a_thousand_times_one_origin_has_it() {
    races(Shared::Redis, 1000).await;
    races(Shared::Mesh, 1000).await;
}

#[tokio::test]
#[ignore = "a hundred deaths of Redis"]
async fn of_two_who_race_while_redis_dies_a_hundred_times_one_origin_has_it_in_the_end() {
    races_without_redis(100).await;
}

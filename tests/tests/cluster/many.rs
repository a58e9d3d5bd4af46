//! Many streams, and many names of streams that there are not.

use std::time::Duration;

use srs_tests::{Fleet, Player, Programs, Publisher, Shared, Source, Target, http, until};
use tokio::time::{Instant, sleep};

const PROGRAMS: Programs =
    Programs { proxy: env!("CARGO_BIN_EXE_proxy-alone"), origin: env!("CARGO_BIN_EXE_origin-alone") };

/// Publishes this many streams through two proxies, and plays each at the other one.
async fn spread(streams: usize) {
    let Some(fleet) = Fleet::start(PROGRAMS, Shared::Redis, 3).await else { return };
    let mut publishers = Vec::new();
    for number in 0..streams {
        let target = Target::live(&format!("many-{number}"));
        let mut publisher =
            Publisher::connect(fleet.proxies[number % 2].rtmp, &target).await.expect("publishing begins");
        let mut source = Source::new(u8::try_from(number % 250).expect("small"));
        source.size = 400;
        publisher.send_all(&source.clip(2)).await;
        // Encoders go on, or the origin takes them for gone.
        publishers.push(tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                publisher.send_all(&source.tick()).await;
            }
        }));
    }
    let redis = fleet.redis.as_ref().expect("Redis");
    let (before, since) = (redis.commands().await.expect("a count"), Instant::now());
    for number in 0..streams {
        let target = Target::live(&format!("many-{number}"));
        let mut player =
            Player::connect(fleet.proxies[(number + 1) % 2].rtmp, &target).await.expect("playing begins");
        player.frames(1).await;
    }
    let commands = redis.commands().await.expect("a count") - before;
    let live = fleet.live().await;
    let counts: Vec<usize> = live.iter().map(Vec::len).collect();
    let rate = commands as f64 / streams as f64 / since.elapsed().as_secs_f64();
    println!(
        "{streams} streams at {counts:?}; {rate:.2} directory operations a stream and second, each played once"
    );
    assert_eq!(counts.iter().sum::<usize>(), streams);
    let fair = streams as f64 / counts.len() as f64;
    assert!(counts.iter().all(|count| *count as f64 <= 1.25 * fair + 1.0), "{counts:?}");
}

/// Plays names that nobody publishes, and leaves.
async fn names(count: usize) {
    let Some(fleet) = Fleet::start(PROGRAMS, Shared::Redis, 2).await else { return };
    let redis = fleet.redis.as_ref().expect("Redis");
    let size = async || redis.ask("DBSIZE").await;
    let memory = |proxy: &srs_tests::ProxyProcess| proxy.memory();
    let keys = size().await;
    let before: Vec<u64> = fleet.proxies.iter().map(memory).collect();
    for first in (0..count).step_by(100) {
        let asked = (first..(first + 100).min(count)).map(|number| {
            let door = fleet.proxies[number % 2].rtmp;
            async move {
                let target = Target::live(&format!("nobody-{number}-{:016x}", rand_of(number)));
                drop(Player::connect(door, &target).await);
            }
        });
        let tasks: Vec<_> = asked.map(tokio::spawn).collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    }
    let grown: Vec<u64> = fleet
        .proxies
        .iter()
        .zip(&before)
        .map(|(proxy, before)| proxy.memory().saturating_sub(*before) >> 20)
        .collect();
    println!("{count} names: {keys:?} keys became {:?}, proxies grew by {grown:?} MiB", size().await);
    assert!(grown.iter().all(|grown| *grown < 64), "{grown:?} MiB");
    assert_eq!(size().await, keys, "a name that is only played leaves nothing behind");
    until("nobody is left at the origins", async || {
        for origin in fleet.origins.iter().flatten() {
            let list = http::get(origin.api, "/api/v1/streams?count=1000").await;
            if list.json()["streams"].as_array().is_none_or(|list| !list.is_empty()) {
                sleep(Duration::from_millis(100)).await;
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// A number that looks like chance, the same each time.
fn rand_of(number: usize) -> u64 {
    (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[tokio::test]
async fn many_streams_play_and_no_origin_has_more_than_its_share() {
    spread(150).await;
}

#[tokio::test]
async fn names_that_are_only_played_leave_nothing_behind() {
    names(2000).await;
}

#[tokio::test]
#[ignore = "two thousand streams"]
async fn two_thousand_streams_play_and_no_origin_has_more_than_its_share() {
    spread(2000).await;
}

#[tokio::test]
#[ignore = "a hundred thousand names"]
async fn a_hundred_thousand_names_that_are_only_played_leave_nothing_behind() {
    names(100_000).await;
}

//! Redis goes, is emptied, and goes back to what it was: sessions do not notice.

use std::time::Duration;

use srs_tests::{Fleet, Plan, Player, Programs, Publisher, Report, Shared, Show, Source, Target, until};

const PROGRAMS: Programs =
    Programs { proxy: env!("CARGO_BIN_EXE_proxy-alone"), origin: env!("CARGO_BIN_EXE_origin-alone") };
const PLAN: Plan = Plan { streams: 6, rtmp: 2, flv: 2, gop: 12, size: 4000 };

fn assert_unnoticed(report: &Report) {
    println!("{report:?}");
    let whole =
        report.publishers_cut + report.viewers_cut + report.lost + report.repeated + report.wrong == 0;
    assert!(whole && report.longest_wait < Duration::from_secs(1), "{report:?}");
}

/// Which origin has each of the show's streams.
async fn places(fleet: &Fleet, show: &Show) -> Vec<usize> {
    let mut places = Vec::new();
    for number in 0..PLAN.streams {
        places.push(fleet.holder(&show.stream(number)).await);
    }
    places
}

/// Waits until Redis has a claim and its last epoch for each stream, beside what proxies keep of nodes and of themselves.
async fn claims_are_back(fleet: &Fleet, streams: usize) {
    let redis = fleet.redis.as_ref().expect("Redis");
    until("all claims are back", async || {
        let keys = redis.ask("DBSIZE").await?;
        let count: usize = keys.strip_prefix(':')?.parse().ok()?;
        (count >= 5 + 2 * streams).then_some(())
    })
    .await;
}

async fn gone(time: Duration, names: usize) {
    let Some(mut fleet) = Fleet::start(PROGRAMS, Shared::Redis, 3).await else { return };
    let show = Show::start("gone", fleet.proxies[0].rtmp, &fleet.doors(), PLAN).await;
    let before = places(&fleet, &show).await;
    fleet.redis.as_mut().expect("Redis").kill().await;
    show.run(time / 2).await;
    // A stream that is known.
    let known = Target::live(&show.stream(0));
    for proxy in &fleet.proxies {
        let mut late = Player::connect(proxy.rtmp, &known).await.expect("playing begins");
        late.frames(3).await;
    }
    // New ones, at either proxy: both choose the same origin.
    let mut refused = 0;
    for number in 0..names {
        let target = Target::live(&format!("new-{number}"));
        let (ingest, door) = (fleet.proxies[number % 2].rtmp, fleet.proxies[(number + 1) % 2].rtmp);
        let Ok(mut publisher) = Publisher::connect(ingest, &target).await else {
            refused += 1;
            continue;
        };
        publisher.send_all(&Source::new(u8::try_from(number % 250).expect("small")).clip(3)).await;
        let mut player = Player::connect(door, &target).await.expect("playing begins");
        player.frames(1).await;
        let here = fleet.holder(&target.stream).await;
        // Another publisher of the name, by the other proxy, meets the first.
        let mut second = Publisher::connect(door, &target).await.expect("it takes over");
        second.send_all(&Source::new(7).clip(3)).await;
        assert_eq!(fleet.holder(&target.stream).await, here, "{number}");
    }
    assert!(refused * 1000 <= names, "{refused} of {names} new publishes were refused");
    show.run(time / 2).await;
    fleet.redis.as_mut().expect("Redis").again().await;
    claims_are_back(&fleet, PLAN.streams).await;
    show.run(Duration::from_secs(2)).await;
    assert_eq!(places(&fleet, &show).await, before, "nothing moves when it returns");
    assert_unnoticed(&show.stop().await);
}

#[tokio::test]
async fn sessions_do_not_see_that_redis_is_gone_for_a_while() {
    gone(Duration::from_secs(4), 20).await;
}

#[tokio::test]
#[ignore = "a minute without Redis, and 500 publishes in it"]
async fn sessions_do_not_see_that_redis_is_gone_for_a_minute() {
    gone(Duration::from_secs(60), 500).await;
}

#[tokio::test]
async fn sessions_do_not_see_that_redis_was_emptied() {
    let Some(fleet) = Fleet::start(PROGRAMS, Shared::Redis, 3).await else { return };
    let show = Show::start("emptied", fleet.proxies[0].rtmp, &fleet.doors(), PLAN).await;
    let before = places(&fleet, &show).await;
    assert_eq!(fleet.redis.as_ref().expect("Redis").ask("FLUSHALL").await.as_deref(), Some("+OK"));
    tokio::time::timeout(Duration::from_secs(5), claims_are_back(&fleet, PLAN.streams))
        .await
        .expect("all claims are back after five seconds");
    show.run(Duration::from_secs(1)).await;
    assert_eq!(places(&fleet, &show).await, before, "nothing has moved");
    assert_unnoticed(&show.stop().await);
}

#[tokio::test]
async fn sessions_do_not_see_that_redis_lost_what_was_written_last() {
    let Some(mut fleet) = Fleet::start(PROGRAMS, Shared::Redis, 3).await else { return };
    let target = Target::live("moved");
    // A claim that the snapshot has, of an owner that is none any more.
    let mut first = Publisher::connect(fleet.proxies[0].rtmp, &target).await.expect("publishing begins");
    first.send_all(&Source::new(3).clip(3)).await;
    let held = fleet.holder("moved").await;
    fleet.redis.as_ref().expect("Redis").snapshot().await;
    fleet.take_origin(held).kill().await;
    let mut source = Source::new(4);
    first.send_all(&source.clip(3)).await;
    let owner = fleet.holder("moved").await;
    assert_ne!(owner, held);
    let show = Show::start("lost", fleet.proxies[0].rtmp, &fleet.doors(), PLAN).await;
    let before = places(&fleet, &show).await;
    let redis = fleet.redis.as_mut().expect("Redis");
    redis.kill().await;
    redis.again().await;
    claims_are_back(&fleet, PLAN.streams + 1).await;
    for _ in 0..40 {
        first.send_all(&source.tick()).await;
        show.run(Duration::from_millis(40)).await;
    }
    for (rtmp, _) in fleet.doors() {
        let mut player = Player::connect(rtmp, &target).await.expect("playing begins");
        player.frames(1).await;
    }
    assert_eq!(fleet.holder("moved").await, owner, "the newer claim stands");
    assert_eq!(places(&fleet, &show).await, before);
    assert_unnoticed(&show.stop().await);
}

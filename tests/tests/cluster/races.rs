//! Two who publish the same name at the same time, through two proxies.

use std::rc::Rc;
use std::time::Duration;

use srs_tests::media::coded;
use srs_tests::{Fleet, Mark, Player, Programs, Publisher, Shared, Source, Target, until};
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, sleep, timeout};

const PROGRAMS: Programs =
    Programs { proxy: env!("CARGO_BIN_EXE_proxy-alone"), origin: env!("CARGO_BIN_EXE_origin-alone") };

/// How many origins publish this name.
async fn owners(fleet: &Fleet, name: &str) -> usize {
    fleet.live().await.iter().filter(|names| names.iter().any(|live| live == name)).count()
}

/// The viewers of one round, at either proxy.
async fn viewers(fleet: &Fleet, target: &Target) -> Vec<JoinHandle<Vec<Mark>>> {
    let mut viewers = Vec::new();
    for (rtmp, _) in fleet.doors() {
        let mut player = Player::connect(rtmp, target).await.expect("playing begins");
        viewers.push(tokio::spawn(async move {
            // Until what comes has ended for a while: the round is over then.
            while let Ok(Some(_)) = timeout(Duration::from_secs(1), player.next()).await {}
            player.got
        }));
    }
    viewers
}

/// A viewer may see one publisher and then the other, and never the first again.
async fn assert_one_after_the_other(round: usize, viewers: Vec<JoinHandle<Vec<Mark>>>, sent: &[Vec<Mark>]) {
    for viewer in viewers {
        let got = viewer.await.expect("no panic");
        let whose =
            |mark: &Mark| sent.iter().position(|sent| sent.iter().any(|own| own.sha256 == mark.sha256));
        let owners: Vec<usize> = coded(&got).iter().filter_map(whose).collect();
        let changes = owners.windows(2).filter(|two| two[0] != two[1]).count();
        assert!(changes <= 1, "round {round}: a viewer saw {owners:?}");
        assert!(!owners.is_empty(), "round {round}: a viewer saw nothing");
    }
}

/// So many at the same time, each for a name of its own.
const BESIDE: usize = 12;

async fn races(shared: Shared, rounds: usize) {
    let Some(fleet) = Fleet::start(PROGRAMS, shared, 3).await else { return };
    let fleet = Rc::new(fleet);
    let rounds: Vec<usize> = (0..rounds).collect();
    let run = async {
        for some in rounds.chunks(BESIDE) {
            let races: Vec<_> =
                some.iter().map(|round| tokio::task::spawn_local(race(Rc::clone(&fleet), *round))).collect();
            for race in races {
                race.await.expect("no panic");
            }
        }
    };
    LocalSet::new().run_until(run).await;
}

async fn race(fleet: Rc<Fleet>, round: usize) {
    let target = Target::live(&format!("race-{round}"));
    let watching = viewers(&fleet, &target).await;
    let (one, other) = tokio::join!(
        Publisher::connect(fleet.proxies[0].rtmp, &target),
        Publisher::connect(fleet.proxies[1].rtmp, &target),
    );
    // Who comes second takes over; both may have been let in for a moment.
    let mut both = [one, other].into_iter().flatten().collect::<Vec<_>>();
    assert!(!both.is_empty(), "round {round}: somebody publishes");
    let seed = |own: usize| u8::try_from((2 * round + own) % 250).expect("small");
    let mut sources: Vec<Source> = (0..both.len()).map(|own| Source::new(seed(own))).collect();
    for tick in 0..6 {
        for (publisher, source) in both.iter_mut().zip(&mut sources) {
            let frames = if tick == 0 { source.clip(1) } else { source.tick() };
            for frame in frames {
                let _the_loser_may_be_gone = publisher.send(&frame).await;
            }
        }
        sleep(Duration::from_millis(40)).await;
    }
    until("one owner", async || (owners(&fleet, &target.stream).await == 1).then_some(())).await;
    assert_eq!(owners(&fleet, &target.stream).await, 1, "round {round}");
    let sent: Vec<Vec<Mark>> = both.iter().map(|publisher| publisher.sent.clone()).collect();
    drop(both);
    assert_one_after_the_other(round, watching, &sent).await;
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
    races(Shared::Redis, 12).await;
}

#[tokio::test]
async fn of_two_who_race_for_a_name_in_a_mesh_one_origin_has_it() {
    races(Shared::Mesh, 12).await;
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

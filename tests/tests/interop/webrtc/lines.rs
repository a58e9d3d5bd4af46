//! Lines that lose, and addresses that change, between browsers and an origin.

use std::net::SocketAddr;
use std::time::Duration;

use srs_origin::config::Transport;
use srs_tests::rtc::{publish, sessions, watch};
use srs_tests::{Browser, Cluster, Gate, OriginProcess, ProxyProcess, Weather, until};
use tokio::time::{Instant, sleep};

/// How long a bad line is looked at.
const LOOKED_AT: Duration = Duration::from_secs(20);

/// An origin that tells clients no address of its own: where they say that they see it, media goes.
async fn origin() -> Cluster {
    let build = Cluster::build().origins(1).without_proxy();
    build.rtc_changed(|rtc| (rtc.api, rtc.detect) = (false, false)).start().await
}

/// A publisher and a viewer, each behind a gate of its own.
struct Scene {
    cluster: Cluster,
    gates: [Gate; 2],
    publisher: Browser,
    viewer: Browser,
}

impl Scene {
    async fn start(weather: &Weather) -> Option<Scene> {
        let cluster = origin().await;
        let target = cluster.origin(0).rtc()[0];
        let gates = [1, 2].map(|seed| Gate::open(seed, target, weather.clone()));
        let [inward, outward] = [&gates[0], &gates[1]].map(|gate| format!("eip={}", gate.address));
        let publisher = publish(cluster.http(), "one", &format!("codec=H264&{inward}")).await?;
        let mut viewer = watch(cluster.http(), "one", &outward).await?;
        viewer.sees_and_hears(1.0).await;
        Some(Scene { cluster, gates, publisher, viewer })
    }

    /// Each still has the session that it had first.
    async fn assert_undisturbed(&mut self) {
        assert_eq!((sessions(&mut self.publisher).await, sessions(&mut self.viewer).await), (1, 1));
        assert_eq!(self.cluster.clients(0).await.len(), 2);
    }
}

#[tokio::test]
async fn a_twentieth_lost_each_way_freezes_no_picture_for_a_second() {
    let Some(mut scene) = Scene::start(&Weather::lossy(50)).await else { return };
    scene.viewer.eval("measure.reset()").await;
    sleep(LOOKED_AT).await;
    let seen = scene.viewer.measured().await;
    println!("{seen:?}\nin {:?}\nout {:?}", scene.gates[0].inward(), scene.gates[1].outward());
    assert!(seen.freeze < 1000.0, "{seen:?}");
    assert!(seen.frames > 300.0 && seen.backwards == 0.0 && seen.loudness > 0.0, "{seen:?}");
    assert!(scene.gates[0].inward().lost > 100 && scene.gates[1].outward().lost > 100);
    assert!(scene.viewer.stat("inbound-rtp", "video", "retransmittedPacketsReceived").await > 0.0);
    scene.assert_undisturbed().await;
}

/// How soon media must go to a new address from which a check has come.
const FOLLOWED: Duration = Duration::from_secs(1);
/// A browser checks a path that works each 2.5 s: for so long nobody knows of the new address. A second more is granted.
const FROZEN_MS: f64 = 3500.0;

/// All whose address changed were followed soon.
fn assert_followed(gate: &Gate) {
    let followed = gate.followed();
    println!("followed {followed:?} after the first check");
    assert!(followed.is_some_and(|time| time < FOLLOWED), "{followed:?}");
}

/// Whose address changes goes on with the session that it has.
async fn follows(which: usize) {
    let Some(mut scene) = Scene::start(&Weather::default()).await else { return };
    scene.viewer.eval("measure.reset()").await;
    let before = scene.gates[which].outward().passed;
    scene.gates[which].rebind();
    until("answers to the new address", async || {
        (scene.gates[which].outward().passed > before + 5).then_some(())
    })
    .await;
    scene
        .viewer
        .wait_for("measure.samples.length > 60 && Date.now() - measure.samples.at(-1).at < 300")
        .await;
    let seen = scene.viewer.measured().await;
    println!("{seen:?}");
    assert!(seen.freeze < FROZEN_MS, "{seen:?}");
    assert_followed(&scene.gates[which]);
    scene.assert_undisturbed().await;
}

#[tokio::test]
async fn a_publisher_whose_address_changes_is_followed() {
    follows(0).await;
}

#[tokio::test]
async fn a_player_whose_address_changes_is_followed() {
    follows(1).await;
}

/// Over TCP alone, at this place.
async fn over_tcp(http: SocketAddr) {
    let Some(mut publisher) = publish(http, "one", "codec=H264&without=udp").await else { return };
    let Some(mut viewer) = watch(http, "one", "without=udp").await else { return };
    viewer.sees_and_hears(1.0).await;
    let seen = viewer.measure(60).await;
    println!("over TCP: {seen:?}");
    assert!(seen.p95 < 500.0 && seen.freeze < 1000.0, "{seen:?}");
    let used = "peers.at(-1).getStats().then((all) => { const list = [...all.values()];
        const pair = all.get(list.find((one) => one.type === 'transport').selectedCandidatePairId);
        return all.get(pair.localCandidateId).protocol; })";
    for page in [&mut publisher, &mut viewer] {
        assert_eq!(page.text(used).await, "tcp");
    }
}

#[tokio::test]
async fn who_has_no_udp_publishes_and_plays_over_tcp_through_the_proxy() {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    over_tcp(cluster.http()).await;
}

#[tokio::test]
async fn an_origin_may_serve_over_tcp_alone() {
    let build = Cluster::build().origins(1).without_proxy();
    let cluster = build.rtc_changed(|rtc| rtc.transport = Transport::Tcp).start().await;
    over_tcp(cluster.http()).await;
}

#[tokio::test]
async fn at_a_proxy_addresses_that_change_are_followed() {
    // Where it leads to is known later.
    let gate = Gate::open(3, ([127, 0, 0, 1], 9).into(), Weather::default());
    let candidate = ("PROXY_WEBRTC_CANDIDATE", gate.address.to_string());
    let proxy = ProxyProcess::start(env!("CARGO_BIN_EXE_proxy-alone"), &[candidate]).await;
    gate.lead_to(proxy.webrtc);
    let program = env!("CARGO_BIN_EXE_origin-alone");
    let _origin = OriginProcess::with_rtc(program, "origin-1", &[proxy.system]).await;
    proxy.wait_for_origins(1).await;
    let Some(mut publisher) = publish(proxy.http, "one", "codec=H264&without=tcp").await else { return };
    let Some(mut viewer) = watch(proxy.http, "one", "without=tcp").await else { return };
    viewer.sees_and_hears(1.0).await;
    viewer.eval("measure.reset()").await;
    let before = (gate.inward().passed, gate.outward().passed);
    // One behind the other: a viewer whose publisher is lost gets nothing, and would wait for both.
    for client in [0, 1] {
        gate.rebind_one(client);
        until("media at the new address", async || gate.followed()).await;
        viewer.eval("window.seen = measure.samples.length").await;
        viewer.wait_for("measure.samples.length > window.seen + 10").await;
    }
    viewer.wait_for("measure.freeze > 500 || measure.samples.length > 150").await;
    viewer.wait_for("measure.samples.length > 150 && Date.now() - measure.samples.at(-1).at < 300").await;
    let seen = viewer.measured().await;
    println!("{seen:?}");
    assert!(seen.freeze < FROZEN_MS, "{seen:?}");
    assert_followed(&gate);
    assert!(gate.inward().passed > before.0 + 150 && gate.outward().passed > before.1 + 150);
    assert_eq!((sessions(&mut publisher).await, sessions(&mut viewer).await), (1, 1));
}

#[tokio::test]
async fn pictures_come_at_once_also_where_a_part_of_the_first_is_lost() {
    for seed in 0..6 {
        let cluster = origin().await;
        let gate = Gate::open(seed, cluster.origin(0).rtc()[0], Weather::lossy(50));
        let parameters = format!("codec=H264&eip={}", gate.address);
        let Some(_publisher) = publish(cluster.http(), "one", &parameters).await else { return };
        let began = Instant::now();
        until("pictures", async || {
            cluster.streams(0).await.iter().any(|stream| stream["video"].is_object()).then_some(())
        })
        .await;
        println!("seed {seed}: after {:?}, {:?}", began.elapsed(), gate.inward());
        assert!(began.elapsed() < Duration::from_secs(2), "seed {seed}: {:?}", began.elapsed());
    }
}

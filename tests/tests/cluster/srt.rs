//! SRT on bad lines, from addresses that change, and while an origin dies.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use srs_tests::gate::Count;
use srs_tests::srt::{Call, Feed, Playing, Program, Publishing, media, small, watch};
use srs_tests::{Cluster, Gate, OriginProcess, Program as Running, Weather, http, tools, until};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

/// Milliseconds of latency on bad lines.
const LATENCY: u32 = 400;
/// How long bad lines are looked at.
const SECONDS: u32 = 8;

/// A line on which a twentieth is lost in each direction and a fiftieth comes late.
fn bad() -> Weather {
    Weather::lossy(50).late(20)
}

/// Published and played over lines like this to `door`, watched at `cluster` over RTMP where nothing is lost.
async fn over_lines(
    door: SocketAddr,
    cluster: &Cluster,
    seconds: u32,
    weather: Weather,
) -> Option<[Gate; 2]> {
    let file = media(cluster.folder(), seconds + 20).await?;
    let gates = [Gate::open(11, door, weather.clone()), Gate::open(12, door, weather)];
    let publish = Call::publish(gates[0].address, "bad").latency(LATENCY);
    let publisher = Publishing::start(Program::Ffmpeg5, &publish, &file)?;
    cluster.holder("bad").await;
    let play = Call::play(gates[1].address, "bad").latency(LATENCY);
    let player = Playing::start(Program::LiveTransmit, &play, cluster.folder().path("bad.ts"))?;
    player.recording().await;
    let time = Duration::from_secs(seconds.into());
    let watched = watch::rtmp(cluster.rtmp(), "bad", time).await;
    let tape = player.stop().await;
    publisher.kill().await;
    // What is still under way.
    sleep(Duration::from_millis(100)).await;
    watched.assert_whole("in", f64::from(seconds) - 2.0);
    assert_eq!((watched.ended, watched.jumps()), (false, 0));
    tape.assert_whole("out", f64::from(seconds) - 2.0);
    tape.assert_faultless("out");
    Some(gates)
}

#[tokio::test]
async fn a_twentieth_lost_each_way_costs_no_packet_at_an_origin() {
    let cluster = Cluster::build().origins(1).without_proxy().srt(None).start().await;
    let Some(gates) = over_lines(cluster.srt(), &cluster, SECONDS, bad()).await else { return };
    assert!(gates[0].inward().lost_media > 0 && gates[1].outward().lost_media > 0);
}

/// Tells a proxy of an origin again and again, with another address for SRT.
fn beat(proxy: SocketAddr, origin: &Cluster, srt: SocketAddr) -> JoinHandle<()> {
    let (rtmp, http) = (origin.origin(0).rtmp()[0], origin.origin(0).http()[0]);
    let body = json!({
        "device_id": "gated", "ip": "127.0.0.1", "server": "gated", "service": "s1", "pid": "1",
        "rtmp": [rtmp.port().to_string()], "http": [http.port().to_string()],
        "srt": [srt.port().to_string()], "interval_ms": 1000,
    });
    let body = body.to_string();
    tokio::spawn(async move {
        loop {
            http::request(proxy, "POST", "/api/v1/srs/register", &body).await;
            sleep(Duration::from_millis(500)).await;
        }
    })
}

/// At most a thousandth of the media is gone.
fn assert_passed(what: &str, before: u64, behind: u64) {
    println!("{what}: {before} before the proxy, {behind} behind it");
    assert!(before > 100 && before.abs_diff(behind) * 1000 <= before, "{what}: {before} and {behind}");
}

#[tokio::test]
async fn a_proxy_loses_nothing_of_what_bad_lines_leave() {
    let origin = Cluster::build().origins(1).without_proxy().srt(None).start().await;
    let inner = Gate::open(1, origin.srt(), Weather::default());
    let front = Cluster::build().origins(0).start().await;
    let beats = beat(front.proxy().system_api(), &origin, inner.address);
    front.wait_for_origins(1).await;
    let weather = bad().delayed(Duration::from_millis(20));
    let Some([publisher, player]) = over_lines(front.srt(), &origin, SECONDS, weather).await else {
        return;
    };
    let media = |count: Count| (count.media, count.media + count.lost_media);
    assert_passed("in", media(publisher.inward()).0, media(inner.inward()).0);
    assert_passed("out", media(player.outward()).1, media(inner.outward()).0);
    beats.abort();
}

#[tokio::test]
#[ignore = "more than a minute"]
async fn a_twentieth_lost_each_way_costs_no_packet_for_a_minute() {
    let start = async || Cluster::build().origins(1).srt(None).start().await;
    let (direct, proxied) = (start().await, start().await);
    let weather = bad().delayed(Duration::from_millis(20));
    tokio::join!(
        over_lines(direct.origin(0).srt()[0], &direct, 60, bad()),
        over_lines(proxied.srt(), &proxied, 60, weather),
    );
}

/// All ways of this process are too narrow for a datagram of seven packets.
async fn on_a_narrow_way() {
    let ip = tools::find("ip").expect("it was there");
    Running::start(&ip, "link set lo up mtu 1280".split(' ')).succeed().await;
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    over_lines(cluster.srt(), &cluster, 4, Weather::default()).await;
    println!("a narrow way was gone");
}

#[tokio::test]
async fn a_way_too_narrow_for_a_datagram_costs_fragments_and_no_packet() {
    const INSIDE: &str = "SRS_TESTS_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        return on_a_narrow_way().await;
    }
    let found = ["unshare", "ip", "ffmpeg", "srt-live-transmit"].map(tools::find);
    let [Some(unshare), Some(_), Some(_), Some(_)] = found else { return };
    let own = std::env::current_exe().expect("this test is a file").display().to_string();
    // All of it ends with this test, whatever ends that: the first process of its own space takes the others along.
    let options = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let name = "srt::a_way_too_narrow_for_a_datagram_costs_fragments_and_no_packet";
    let inside = format!("{INSIDE}=1");
    let rest = ["env", &inside, &own, "--exact", name, "--nocapture"];
    let output = Running::start(&unshare, options.into_iter().chain(rest)).succeed().await;
    assert!(output.contains("a narrow way was gone"), "{output}");
}

/// How long a file does not grow, looked at for so long.
async fn longest_silence(file: &std::path::Path, time: Duration) -> (Duration, bool) {
    let length = || std::fs::metadata(file).map_or(0, |file| file.len());
    let (began, mut last, mut longest) = (Instant::now(), (Instant::now(), length()), Duration::ZERO);
    while began.elapsed() < time {
        sleep(Duration::from_millis(20)).await;
        longest = longest.max(last.0.elapsed());
        if length() != last.1 {
            last = (Instant::now(), length());
        }
    }
    (longest, last.0.elapsed() < Duration::from_secs(1))
}

/// A publisher's and a player's address change. Both go on within 2 s, of which the old address must be silent for one: a
/// player that had acknowledged all it had got says so much each second, which may be a moment too early the first time.
async fn addresses_change(door: SocketAddr, cluster: &Cluster) {
    const SOON: Duration = Duration::from_millis(2_500);
    let Some(file) = media(cluster.folder(), 30).await else { return };
    let gates = [Gate::open(21, door, Weather::default()), Gate::open(22, door, Weather::default())];
    let publish = Call::publish(gates[0].address, "moves").latency(LATENCY);
    let Some(publisher) = Publishing::start(Program::Ffmpeg5, &publish, &file) else { return };
    cluster.holder("moves").await;
    let out = cluster.folder().path("moves.ts");
    let play = Call::play(gates[1].address, "moves").latency(LATENCY);
    let Some(player) = Playing::start(Program::LiveTransmit, &play, out.clone()) else { return };
    player.recording().await;
    let (rtmp, time) = (cluster.rtmp(), Duration::from_secs(5));
    let watching = tokio::spawn(watch::rtmp(rtmp, "moves", time));
    sleep(Duration::from_secs(1)).await;
    gates[0].rebind();
    let watched = watching.await.expect("a viewer does not panic");
    println!("{watched:?}");
    assert!(!watched.ended && watched.longest < SOON, "the publisher's: {watched:?}");
    gates[1].rebind();
    let (longest, goes_on) = longest_silence(&out, Duration::from_secs(4)).await;
    println!("the player waited {longest:?}");
    assert!(goes_on && longest < SOON, "the player's: {longest:?}, {goes_on}, {}", player.output());
    publisher.kill().await;
}

#[tokio::test]
async fn whoever_comes_from_another_address_goes_on_at_an_origin() {
    let cluster = Cluster::build().origins(1).without_proxy().srt(None).start().await;
    addresses_change(cluster.srt(), &cluster).await;
}

#[tokio::test]
async fn whoever_comes_from_another_address_goes_on_at_the_proxy() {
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    addresses_change(cluster.srt(), &cluster).await;
}

/// A publisher that begins anew a second after it was cut off, as encoders do.
async fn publish_again_and_again(port: u16, call: Call) {
    while let Some(mut publisher) = Feed::publish(port, &call) {
        publisher.ended().await;
        sleep(Duration::from_secs(1)).await;
    }
}

/// How the origin of all publishers leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaves {
    Killed,
    Drained,
}

/// So many publishers at one origin, which leaves while another is there: all are live again within four seconds, and no
/// viewer is cut off.
async fn publishers_move(count: usize, leaves: Leaves) {
    let cluster = Cluster::build().origins(0).srt(None).start().await;
    let system = cluster.proxy().system_api();
    let start =
        async |name| OriginProcess::with_srt(env!("CARGO_BIN_EXE_origin-alone"), name, &[system]).await;
    let leaving = start("leaving").await;
    cluster.wait_for_origins(1).await;
    let Some(file) = small(cluster.folder()).await else { return };
    let Some(feed) = Feed::start(&file, count) else { return };
    let (mut publishers, mut viewers) = (JoinSet::new(), JoinSet::new());
    for (number, port) in feed.ports.iter().enumerate() {
        let call = Call::publish(cluster.srt(), &format!("again-{number}"));
        publishers.spawn(publish_again_and_again(*port, call));
    }
    until("all are live at the first origin", async || {
        let reply = http::get(leaving.api, "/api/v1/streams?count=100").await;
        let streams = reply.json()["streams"].as_array().cloned().unwrap_or_default();
        let live = streams.iter().filter(|stream| stream["publish"]["active"] == true);
        (live.count() == count).then_some(())
    })
    .await;
    for number in 0..count {
        let (name, rtmp, flv) = (format!("again-{number}"), cluster.rtmp(), cluster.http());
        let time = Duration::from_secs(9);
        let twin = name.clone();
        viewers.spawn(async move { ("RTMP", watch::rtmp(rtmp, &twin, time).await) });
        viewers.spawn(async move { ("HTTP-FLV", watch::flv(flv, &name, time).await) });
    }
    let other = start("other").await;
    cluster.wait_for_origins(2).await;
    sleep(Duration::from_secs(2)).await;
    let left = match leaves {
        Leaves::Killed => {
            leaving.kill().await;
            None
        }
        Leaves::Drained => {
            let reply = http::request(system, "POST", "/api/v1/origins/leaving/drain", "").await;
            assert_eq!(reply.head.status, 200, "{}", String::from_utf8_lossy(&reply.body));
            Some(leaving)
        }
    };
    let mut longest = Duration::ZERO;
    while let Some(watched) = viewers.join_next().await {
        let (protocol, watched) = watched.expect("a viewer does not panic");
        assert!(!watched.ended, "{protocol}: {watched:?}");
        assert!(watched.longest < Duration::from_secs(4), "{protocol}: {watched:?}");
        longest = longest.max(watched.longest);
    }
    println!("{leaves:?}: the longest wait was {longest:?}");
    let reply = http::get(other.api, "/api/v1/streams?count=100").await;
    let streams = reply.json()["streams"].as_array().cloned().unwrap_or_default();
    assert_eq!(streams.iter().filter(|stream| stream["publish"]["active"] == true).count(), count);
    drop((publishers, left));
    other.kill().await;
}

#[tokio::test]
async fn twenty_publishers_of_srt_are_live_again_within_four_seconds_of_their_origins_death() {
    publishers_move(20, Leaves::Killed).await;
}

#[tokio::test]
async fn publishers_of_srt_leave_an_origin_that_drains() {
    publishers_move(5, Leaves::Drained).await;
}

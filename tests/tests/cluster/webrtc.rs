//! WebRTC while an origin dies, and under what strangers send to its ports.

mod drain;
pub mod whip;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use srs_rtc::engine::Credentials;
use srs_rtc::stun;
use srs_rtc::ufrag::Keys;
use srs_tests::cluster::SECRET;
use srs_tests::media::VIDEO;
use srs_tests::rtc::{publish, publish_rtmp, sessions, watch};
use srs_tests::{Browser, Cluster, OriginProcess, Player, ProxyProcess, Target, until};
use tokio::net::UdpSocket;
use tokio::sync::watch as told;
use tokio::time::{sleep, timeout};

/// How long a door may think.
const WAIT: Duration = Duration::from_millis(400);

#[tokio::test]
async fn players_at_an_edge_keep_their_session_when_the_origin_dies() {
    let mut cluster = Cluster::build().origins(2).rtc().start().await;
    let edge = cluster.edge_rtc("edge-1");
    let Some(_source) = publish_rtmp(cluster.rtmp(), "one") else { return };
    let holder = cluster.holder("one").await;
    let Some(mut viewer) = watch(edge.http()[0], "one", "").await else { return };
    viewer.sees_and_hears(1.0).await;
    viewer.eval("measure.reset()").await;
    cluster.stop_origin(holder);
    assert_ne!(cluster.holder("one").await, holder);
    viewer.eval("void (window.before = measure.unread)").await;
    viewer.wait_for("measure.unread > before + 75 && measure.audioEnergy() > 0.0001").await;
    let freeze = viewer.number("measure.freeze").await;
    println!("{freeze} ms without a picture");
    assert!(freeze < 5000.0, "{freeze} ms");
    assert_eq!(sessions(&mut viewer).await, 1);
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64() * 1000.0
}

#[tokio::test]
async fn a_page_publishes_again_after_its_origin_died_and_its_viewers_are_held() {
    let mut cluster = Cluster::build().origins(2).rtc().start().await;
    let Some(mut publisher) = publish(cluster.http(), "one", "codec=H264").await else { return };
    let holder = cluster.holder("one").await;
    let mut player = Player::connect(cluster.rtmp(), &Target::live("one")).await.expect("playing begins");
    player.frames(30).await;
    // When pictures came, in milliseconds since 1970; 0 at the end.
    let (tell, mut pictures) = told::channel(now());
    let watching = tokio::spawn(async move {
        while let Some(frame) = player.next().await {
            if frame.kind == VIDEO {
                tell.send_replace(now());
            }
        }
    });
    cluster.stop_origin(holder);
    let again =
        "answers.filter((one) => one.status === 201).length > 1 && document.body.dataset.state === 'live'";
    publisher.wait_for(again).await;
    let asked = publisher.number("answers.filter((one) => one.status === 201).at(-1).at").await;
    assert_ne!(cluster.holder("one").await, holder);
    let came = until("pictures over RTMP again", async || {
        let newest = *pictures.borrow_and_update();
        (newest > asked).then_some(newest)
    });
    let came = came.await;
    println!("pictures over RTMP {:.0} ms after the second session was made", came - asked);
    assert!(came - asked < 3000.0, "{} ms", came - asked);
    assert!(!watching.is_finished(), "the viewer was disconnected");
    watching.abort();
}

/// A port of a stranger's, and what came to it.
struct Stranger(UdpSocket);

impl Stranger {
    async fn new(to: SocketAddr) -> Stranger {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await.expect("a port");
        socket.connect(to).await.expect("an address");
        Stranger(socket)
    }

    async fn send(&self, datagram: &[u8]) {
        // A port that is closed would be seen here.
        self.0.send(datagram).await.expect("somebody listens");
    }

    /// Bytes that come until nothing came for a while.
    async fn heard(&self) -> usize {
        let (mut bytes, mut block) = (0, [0; 2048]);
        while let Ok(got) = timeout(WAIT, self.0.recv(&mut block)).await {
            bytes += got.expect("somebody listens");
        }
        bytes
    }
}

fn check(username: &str, password: &str) -> Vec<u8> {
    stun::binding_request(rand::random(), username, password, 0x7eff_ffff, rand::random(), true)
}

/// As who saw a session's user names, and does not know its password.
async fn bothered(page: &mut Browser, to: SocketAddr) {
    let name =
        "(() => { const of = (sdp) => sdp.match(/a=ice-ufrag:(.*)/)[1].trim(); const pc = peers.at(-1);
        return of(pc.remoteDescription.sdp) + ':' + of(pc.localDescription.sdp); })()";
    let username = page.text(name).await;
    let stranger = Stranger::new(to).await;
    for _ in 0..100 {
        stranger.send(&check(&username, "aPasswordThatIsNotTheOne")).await;
        // Nor is media or DTLS of an address that nobody knows.
        stranger.send(&[&[0x80, 102, 0, 1], &[0; 60][..]].concat()).await;
        stranger.send(&[&[22, 254, 253], &[0; 60][..]].concat()).await;
    }
    assert_eq!(stranger.heard().await, 0, "{username} at {to}");
}

#[tokio::test]
async fn checks_without_the_password_change_nothing_and_are_answered_nothing() {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let Some(mut publisher) = publish(cluster.http(), "one", "codec=VP8").await else { return };
    let origin = cluster.origin(0);
    let (Some(mut proxied), Some(mut direct)) =
        (watch(cluster.http(), "one", "").await, watch(origin.http()[0], "one", "").await)
    else {
        return;
    };
    proxied.sees_and_hears(1.0).await;
    direct.sees_and_hears(1.0).await;
    let (proxy, origin) = (cluster.proxy().webrtc(), origin.rtc()[0]);
    for page in [&mut proxied, &mut direct] {
        page.eval("measure.reset()").await;
    }
    for (page, to) in [(&mut publisher, proxy), (&mut proxied, proxy), (&mut direct, origin)] {
        bothered(page, to).await;
    }
    for page in [&mut proxied, &mut direct] {
        page.wait_for("measure.samples.length > 60").await;
        let seen = page.measured().await;
        assert!(seen.freeze < 1000.0 && seen.loudness > 0.0, "{seen:?}");
        assert_eq!(sessions(page).await, 1);
    }
    assert_eq!(sessions(&mut publisher).await, 1);
}

/// Checks for sessions that there are not: half of them as if they were at the node of this name, half at one that is none,
/// of which some have the password that they would have there.
async fn spoofed(to: SocketAddr, name: &str, count: usize) -> usize {
    let (keys, stranger) = (Keys::of_secret(SECRET.as_bytes()), Stranger::new(to).await);
    for number in 0..count {
        let route = keys.route(if number % 2 == 0 { name } else { "nobody" });
        let Credentials { ufrag, password } = keys.make(route, rand::random());
        let password = if number % 8 == 1 { password } else { "x".repeat(24) };
        stranger.send(&check(&format!("{ufrag}:them"), &password)).await;
        // No more at once than a socket's buffer holds.
        if number % 100 == 99 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    stranger.heard().await
}

async fn in_little_memory(door: &str, to: SocketAddr, count: usize, memory: impl Fn() -> u64) {
    // What is made once is made.
    spoofed(to, "spoofed", 1_000).await;
    let before = memory();
    let heard = spoofed(to, "spoofed", count).await;
    let grown = memory().saturating_sub(before);
    println!("{count} spoofed checks at the {door}: {heard} bytes heard, {grown} bytes of memory");
    assert_eq!(heard, 0, "at the {door}");
    assert!(grown <= 1 << 20, "{door}: {grown} bytes");
}

async fn checks(count: usize) {
    let proxy = ProxyProcess::start(env!("CARGO_BIN_EXE_proxy-alone"), &[]).await;
    let program = env!("CARGO_BIN_EXE_origin-alone");
    let origin = OriginProcess::with_rtc(program, "spoofed", &[proxy.system]).await;
    proxy.wait_for_origins(1).await;
    let to = origin.rtc.expect("it serves WebRTC");
    let direct = in_little_memory("origin", to, count, || origin.memory());
    let proxied = in_little_memory("proxy", proxy.webrtc, count, || proxy.memory());
    tokio::join!(direct, proxied);
}

#[tokio::test]
async fn ten_thousand_checks_of_sessions_that_there_are_not_are_answered_nothing_and_cost_no_memory() {
    checks(10_000).await;
}

#[tokio::test]
#[ignore = "a minute"]
async fn a_million_checks_of_sessions_that_there_are_not_are_answered_nothing_and_cost_no_memory() {
    checks(1_000_000).await;
}

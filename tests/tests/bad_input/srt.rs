//! B10, S12 to S15: hostile datagrams at the doors of SRT.

use std::net::SocketAddr;
use std::time::Duration;

use srs_srt::handshake::{Extension, ExtensionKind, Fields, Kind};
use srs_srt::packet::ControlKind;
use srs_srt::{Header, Reason, SocketId};
use srs_tests::srt::caller::with_stream_id;
use srs_tests::srt::{Call, Caller, Feed, Playing, Program, Tape, small};
use srs_tests::{Cluster, OriginProcess, Program as Running, ProxyProcess, logs, tools};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Publishers beside, and as many players.
const BESIDE: usize = 10;
/// Milliseconds: time enough for a machine that is busy with other tests.
const LATENCY: u32 = 800;
/// How long a listener may think.
const WAIT: Duration = Duration::from_millis(400);

/// Both doors of SRT.
fn doors(cluster: &Cluster) -> [(&'static str, SocketAddr); 2] {
    [("proxy", cluster.srt()), ("origin", cluster.origin(0).srt()[0])]
}

/// Sessions of SRT through the proxy that must not notice anything.
struct Healthy {
    _feed: Feed,
    _publishers: Vec<Running>,
    players: Vec<Playing>,
    began: Instant,
}

impl Healthy {
    /// Ten streams with a player each; none where a program is missing.
    async fn start(cluster: &Cluster) -> Option<Healthy> {
        let feed = Feed::start(&small(cluster.folder()).await?, BESIDE)?;
        let name = |number: usize| format!("healthy-{number}");
        let mut publishers = Vec::new();
        for (number, port) in feed.ports.iter().enumerate() {
            publishers
                .push(Feed::publish(*port, &Call::publish(cluster.srt(), &name(number)).latency(LATENCY))?);
        }
        let mut players = Vec::new();
        for number in 0..BESIDE {
            cluster.holder(&name(number)).await;
            let file = cluster.folder().path(&format!("healthy-{number}.ts"));
            players.push(Playing::start(
                Program::LiveTransmit,
                &Call::play(cluster.srt(), &name(number)).latency(LATENCY),
                file,
            )?);
        }
        for player in &players {
            player.recording().await;
        }
        Some(Healthy { _feed: feed, _publishers: publishers, players, began: Instant::now() })
    }

    /// Everybody has everything, and nothing panicked.
    async fn noticed_nothing(self) {
        // So that there is something to see.
        sleep_until(self.began + Duration::from_secs(3)).await;
        let mut tapes = JoinSet::new();
        for player in self.players {
            tapes.spawn(player.stop());
        }
        while let Some(tape) = tapes.join_next().await {
            let tape: Tape = tape.expect("a player ends");
            tape.assert_whole("beside", 2.0);
            tape.assert_faultless("beside");
        }
        assert_eq!(logs::lines(&["panic"]), Vec::<String>::new());
    }
}

/// What a listener says to a conclusion that is sent twice; nothing, mostly.
async fn said(caller: &mut Caller, conclusion: &[u8]) -> Option<Kind> {
    caller.send(conclusion).await;
    caller.send(conclusion).await;
    caller.hears_handshake().await.map(|fields| fields.kind)
}

#[tokio::test]
async fn s14_cookies_that_were_not_given_are_not_answered() {
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    let Some(healthy) = Healthy::start(&cluster).await else { return };
    for (door, to) in doors(&cluster) {
        let id = "#!::r=live/s14,m=publish";
        let mut caller = Caller::new(to).await;
        for (what, cookie) in [("none", 0), ("guessed", 0x1234_5678), ("all ones", u32::MAX)] {
            let conclusion = caller.conclusion(cookie, id);
            assert_eq!(said(&mut caller, &conclusion).await, None, "{what} at the {door}");
        }
        let cookie = caller.cookie().await;
        for (what, cookie) in [("one more", cookie.wrapping_add(1)), ("another bit", cookie ^ 1 << 31)] {
            let conclusion = caller.conclusion(cookie, id);
            assert_eq!(said(&mut caller, &conclusion).await, None, "{what} at the {door}");
        }
        let mut thief = Caller::new(to).await;
        let conclusion = thief.conclusion(cookie, id);
        assert_eq!(said(&mut thief, &conclusion).await, None, "another's at the {door}");
        thief.id = caller.id;
        let conclusion = thief.conclusion(cookie, id);
        assert_eq!(said(&mut thief, &conclusion).await, None, "another's with his id at the {door}");
        // And with its own all is well.
        let conclusion = caller.conclusion(cookie, id);
        assert_eq!(caller.conclude(&conclusion).await, Ok(()), "at the {door}");
        let shutdown = caller.control(ControlKind::SHUTDOWN, 0, &[0; 4]);
        caller.send(&shutdown).await;
    }
    healthy.noticed_nothing().await;
}

#[tokio::test]
#[ignore = "two minutes"]
async fn s14_a_cookie_of_two_minutes_ago_is_not_answered() {
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    let mut old = Vec::new();
    for (door, to) in doors(&cluster) {
        let mut caller = Caller::new(to).await;
        let cookie = caller.cookie().await;
        old.push((door, caller, cookie));
    }
    sleep_until(Instant::now() + Duration::from_secs(121)).await;
    for (door, mut caller, cookie) in old {
        let conclusion = caller.conclusion(cookie, "#!::r=live/s14,m=publish");
        assert_eq!(said(&mut caller, &conclusion).await, None, "at the {door}");
    }
}

/// What a caller may say after a good cookie that nobody takes: its name, the datagram, and the refusal that is due, if it is
/// that alone.
fn lies(caller: &Caller, cookie: u32) -> Vec<(&'static str, Vec<u8>, Option<Reason>)> {
    let good = caller.conclusion(cookie, "#!::r=live/b10,m=publish");
    let spoilt = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let with = |kind: u16, content: &[u8]| {
        let srt = [0, 1, 5, 1, 0, 0, 0, 0x3f, 0, 120, 0, 120];
        let first = Extension { kind: ExtensionKind::HSREQ, content: &srt };
        caller.conclude_with(cookie, &[first, Extension { kind: ExtensionKind(kind), content }])
    };
    let sid = |text: &str| caller.conclusion(cookie, text);
    let long = "x".repeat(513 - "#!::m=publish,r=live/".len());
    let version_4 = Fields { version: 4, kind: Kind::Conclusion, cookie, ..caller.fields() };
    let bad = Some(Reason::BAD_REQUEST);
    vec![
        ("an extension longer than the rest", spoilt(&|bytes| bytes[67] = 0xff), None),
        ("an extension of no words, and words", spoilt(&|bytes| bytes[67] = 0), None),
        ("cut within an extension", spoilt(&|bytes| bytes.truncate(70)), None),
        ("cut within the fields", spoilt(&|bytes| bytes.truncate(60)), None),
        ("more than a packet", spoilt(&|bytes| bytes.resize(1473, 0)), None),
        ("much more than a packet", spoilt(&|bytes| bytes.resize(9000, 0)), None),
        ("no HSREQ", caller.conclude_with(cookie, &[]), None),
        ("version 4", version_4.write(SocketId::LISTENER, 0).to_vec(), Some(Reason::VERSION)),
        ("two HSREQ", with(1, &[0; 12]), None),
        (
            "a short HSREQ",
            caller.conclude_with(cookie, &[Extension { kind: ExtensionKind::HSREQ, content: &[0; 4] }]),
            None,
        ),
        ("a filter", with(7, b"cef\0"), Some(Reason::FILTER)),
        ("a group", with(8, &[0; 8]), Some(Reason::GROUP)),
        ("files", with(6, b"elif"), Some(Reason::CONGESTION)),
        ("key material that is none", with(3, &[0xff; 40]), None),
        ("a stream id with zeros inside", with(5, b"a\0bc"), None),
        ("a stream id that is no text", with(5, &[0xff; 8]), None),
        (
            "513 bytes of stream id",
            with_stream_id(&good, cookie, caller.id, &format!("#!::m=publish,r=live/{long}")),
            bad,
        ),
        ("another mode", sid("#!::r=live/b10,m=weird"), Some(Reason::BAD_MODE)),
        ("no stream", sid("#!::m=publish"), bad),
        ("the nested form", sid("#!:{r=live/b10}"), bad),
        ("the mode twice", sid("#!::r=live/b10,m=publish,m=request"), bad),
        ("a way out of the folder", sid("#!::r=live/../../b10,m=publish"), bad),
        ("escapes that are no text", sid("#!::r=live/%ff%fe,m=publish"), bad),
    ]
}

#[tokio::test]
async fn b10_conclusions_that_lie_are_refused_or_not_answered() {
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    let Some(healthy) = Healthy::start(&cluster).await else { return };
    let mut wrong = Vec::new();
    for (door, to) in doors(&cluster) {
        let count = lies(&Caller::new(to).await, 1).len();
        for number in 0..count {
            // Each by a caller of its own, as a refusal is repeated for a while.
            let mut caller = Caller::new(to).await;
            let cookie = caller.cookie().await;
            let (what, datagram, due) = lies(&caller, cookie).swap_remove(number);
            let heard = said(&mut caller, &datagram).await;
            let is_well = match (heard, due) {
                (Some(Kind::Rejection(reason)), Some(due)) => reason == due,
                (Some(Kind::Rejection(_)) | None, None) => true,
                _ => false,
            };
            println!("{what} at the {door}: {heard:?}");
            if !is_well {
                wrong.push(format!("{what} at the {door}: {heard:?}, {due:?} due"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!cluster.streams(0).await.iter().any(|stream| stream["name"] == "b10"));
    healthy.noticed_nothing().await;
}

/// Whether this session lives: what it sends is acknowledged.
async fn is_alive(caller: &mut Caller, number: u32) -> bool {
    for step in 0..10 {
        let media = caller.media(number + step, &[0x47; 188]);
        caller.send(&media).await;
        while let Some(datagram) = caller.receive(Duration::from_millis(50)).await {
            let header = Header::read(&datagram).expect("a packet");
            if header.is(ControlKind::SHUTDOWN) {
                return false;
            }
            if header.is(ControlKind::ACK) {
                return true;
            }
        }
    }
    false
}

#[tokio::test]
async fn s15_packets_of_a_third_address_reach_no_session() {
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    let Some(healthy) = Healthy::start(&cluster).await else { return };
    for (door, to) in doors(&cluster) {
        let mut session = Caller::new(to).await;
        session.call("#!::r=live/s15,m=publish").await.unwrap_or_else(|reason| panic!("{door}: {reason}"));
        assert!(is_alive(&mut session, 0).await, "at the {door}");
        let mut third = Caller::new(to).await;
        (third.peer, third.sequence) = (session.peer, session.sequence);
        for _ in 0..20 {
            for datagram in [
                third.control(ControlKind::SHUTDOWN, 0, &[0; 4]),
                third.control(ControlKind::PEER_ERROR, 4000, &[0; 4]),
                third.control(ControlKind::DROP_REQUEST, 1, &[0; 8]),
                third.control(ControlKind::NAK, 0, &[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
                third.control(ControlKind::ACK, 1, &[0xff; 28]),
                third.control(ControlKind::HANDSHAKE, 0, &[0; 48]),
                // Far from what the session sends.
                third.media(100_000_000, &[0x47; 1316]),
            ] {
                third.send(&datagram).await;
            }
        }
        assert!(third.receive(WAIT).await.is_none(), "a stranger is answered nothing at the {door}");
        assert!(is_alive(&mut session, 20).await, "at the {door}");
        let shutdown = session.control(ControlKind::SHUTDOWN, 0, &[0; 4]);
        session.send(&shutdown).await;
    }
    healthy.noticed_nothing().await;
}

#[tokio::test]
async fn s15_two_callers_with_one_socket_id_are_two_sessions() {
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    for (door, to) in doors(&cluster) {
        let mut callers = [Caller::new(to).await, Caller::new(to).await];
        callers[1].id = callers[0].id;
        for (number, caller) in callers.iter_mut().enumerate() {
            let answer = caller.call(&format!("#!::r=live/twin-{door}-{number},m=publish")).await;
            answer.unwrap_or_else(|reason| panic!("{number} at the {door}: {reason}"));
        }
        assert_ne!(callers[0].peer, callers[1].peer);
        for caller in &mut callers {
            assert!(is_alive(caller, 0).await, "at the {door}");
        }
    }
}

#[tokio::test]
async fn wrong_and_missing_passphrases_are_refused() {
    let cluster = Cluster::build().origins(1).srt(Some("the-right-passphrase")).start().await;
    for (door, to) in doors(&cluster) {
        let mut open = Caller::new(to).await;
        assert_eq!(
            open.call("#!::r=live/phrase,m=publish").await,
            Err(Reason::UNSECURE),
            "none at the {door}"
        );
        let (Some(ffmpeg), Some(transmit)) = (tools::find("ffmpeg"), tools::find("srt-live-transmit")) else {
            return;
        };
        let wrong = Call::play(to, "phrase").secret("the-wrong-passphrase", 16);
        let line = ["-v", "error", "-nostdin", "-i", &wrong.ffmpeg_url(), "-f", "null", "-"];
        let (status, said) = Running::start(&ffmpeg, line).finish().await;
        assert!(!status.success(), "ffmpeg at the {door}: {said}");
        // As libsrt says the reasons BADSECRET and UNSECURE.
        for (call, words) in
            [(wrong, "Incorrect passphrase"), (Call::play(to, "phrase"), "Password required or unexpected")]
        {
            let line = ["-a:no", "-ll:warn", &call.transmit_url(), "file://con"];
            let (_, said) = Running::start(&transmit, line).finish().await;
            assert!(said.contains(words), "{words:?} is due at the {door}: {said}");
        }
    }
}

/// Inductions from a hundred addresses, each of a socket id of its own; the answer is bytes out and in, as the callers see it.
async fn knock(to: SocketAddr, count: usize) -> (u64, u64) {
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(async move {
            let mut caller = Caller::new(to).await;
            for _ in 0..count / 100 {
                caller.id = SocketId(rand::random_range(1..0x3fff_ffff));
                let induction = caller.induction();
                caller.send(&induction).await;
                // One at a time: nothing is lost on the way.
                caller.receive(WAIT).await;
            }
            // And whatever comes late.
            while caller.receive(Duration::from_millis(50)).await.is_some() {}
            caller.bytes
        });
    }
    let mut sum = (0, 0);
    while let Some(bytes) = tasks.join_next().await {
        let (sent, heard) = bytes.expect("a caller does not panic");
        sum = (sum.0 + sent, sum.1 + heard);
    }
    sum
}

async fn inductions(count: usize) {
    let proxy = ProxyProcess::start(env!("CARGO_BIN_EXE_proxy-alone"), &[]).await;
    let program = env!("CARGO_BIN_EXE_origin-alone");
    let origin = OriginProcess::with_srt(program, "inductions", &[proxy.system]).await;
    proxy.wait_for_origins(1).await;
    let proxied = in_little_memory("proxy", proxy.srt, count, || proxy.memory());
    let direct = in_little_memory("origin", origin.srt.expect("it serves SRT"), count, || origin.memory());
    tokio::join!(proxied, direct);
}

async fn in_little_memory(door: &str, to: SocketAddr, count: usize, memory: impl Fn() -> u64) {
    // What is made once is made.
    knock(to, 1_000).await;
    let before = memory();
    let (sent, heard) = knock(to, count).await;
    let grown = memory().saturating_sub(before);
    println!("{count} inductions at the {door}: {sent} bytes sent, {heard} heard, {grown} bytes of memory");
    assert!(heard <= sent && heard >= sent / 2, "{door}: {sent} bytes sent, {heard} heard");
    assert!(grown <= 1 << 20, "{door}: {grown} bytes");
}

#[tokio::test]
async fn s13_ten_thousand_inductions_cost_no_memory_and_get_no_more_than_they_said() {
    inductions(10_000).await;
}

#[tokio::test]
#[ignore = "some minutes"]
async fn s13_a_million_inductions_cost_no_memory_and_get_no_more_than_they_said() {
    inductions(1_000_000).await;
}

#[tokio::test]
async fn s12_a_flood_of_inductions_and_of_noise_is_not_noticed_beside() {
    let cluster = Cluster::build().origins(1).srt(None).start().await;
    let Some(healthy) = Healthy::start(&cluster).await else { return };
    for (door, to) in doors(&cluster) {
        knock(to, 5_000).await;
        let mut caller = Caller::new(to).await;
        for _ in 0..5_000_u32 {
            let mut noise = vec![0; rand::random_range(0..1500)];
            rand::fill(&mut noise[..]);
            caller.send(&noise).await;
        }
        assert!(caller.hears_nothing().await, "noise is answered at the {door}");
    }
    healthy.noticed_nothing().await;
}

use std::sync::Arc;
use std::time::Duration;

use srs_balance::{Node, Role};
use srs_names::envelope::{SRT_KEY, bound};
use srs_srt::handshake::{ExtensionKind, Handshake};
use srs_srt::packet::{ControlKind, shutdown};
use srs_srt::streamid::{Defaults, Mode, strip_key};
use srs_srt::{Reason, SocketId};
use tokio::net::UdpSocket;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::testkit::{
    CALLER, Client, Fake, Guest, ORIGIN, Stand, body, control, destination, is_shutdown, media, with_srt,
};
use crate::follow::Place;
use crate::testkit::{config, id, key, told};

const MS: Duration = Duration::from_millis(1);

/// A publish through the stand, and the origin's guest.
async fn published(stand: &Stand, origin: &Fake, stream: &str) -> (Client, Guest) {
    let (client, guest) = tokio::join!(stand.publish(stream), origin.welcome());
    (client.unwrap(), guest)
}

async fn played(stand: &Stand, origin: &Fake, stream: &str) -> (Client, Guest) {
    let (client, guest) = tokio::join!(stand.play(stream), origin.welcome());
    (client.unwrap(), guest)
}

/// Of two origins the one that a publish of this stream goes to, then the other; the stand knows both.
async fn two(stream: &str) -> (Stand, (Fake, &'static str), (Fake, &'static str)) {
    let (one, other) = (Fake::bind().await, Fake::bind().await);
    let stand = Stand::of(&[("one", &one), ("other", &other)]);
    let pick = stand.relay.balancer.pick_play(&key(stream), &[], stand.relay.now()).await.unwrap();
    if pick.node.id == id("one") {
        (stand, (one, "one"), (other, "other"))
    } else {
        (stand, (other, "other"), (one, "one"))
    }
}

#[tokio::test]
async fn what_is_published_reaches_the_origin_byte_for_byte_and_in_order() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let (client, guest) = published(&stand, &origin, "a").await;
    stand.claimed("a", Some("o")).await;
    for sequence in 0..200_u32 {
        let sent = sequence.to_be_bytes().repeat(1 + sequence as usize % 300);
        client.send_media(sequence, &sent).await;
        let heard = origin.heard().await;
        assert_eq!((destination(&heard), body(&heard)), (ORIGIN, sent.as_slice()));
    }
    // As many at once as a small socket has room for: the order is kept.
    for sequence in 0..60_u32 {
        client.send_media(sequence, &[sequence as u8; 1316]).await;
    }
    for sequence in 0..60_u32 {
        assert_eq!(body(&origin.heard().await), [sequence as u8; 1316]);
    }
    origin.send(&control(guest.id(), ControlKind::ACK), &guest).await;
    assert_eq!(client.heard().await, control(CALLER, ControlKind::ACK));
}

#[tokio::test]
async fn what_is_played_reaches_the_player_byte_for_byte_and_in_order() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let (client, guest) = played(&stand, &origin, "a").await;
    for sequence in 0..60_u32 {
        origin.send_media(&guest, sequence, &[sequence as u8; 1316]).await;
    }
    for sequence in 0..60_u32 {
        let heard = client.heard().await;
        assert_eq!(heard, media(CALLER, sequence, &[sequence as u8; 1316]));
    }
    stand.claimed("a", None).await;
}

#[tokio::test]
async fn the_publishers_goodbye_reaches_the_origin_and_frees_the_claim() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let (client, _guest) = published(&stand, &origin, "a").await;
    client.shut().await;
    assert!(is_shutdown(&origin.heard().await));
    stand.claimed("a", None).await;
}

#[tokio::test]
async fn the_origins_goodbye_reaches_the_publisher_whose_claim_is_held_for_its_return() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    left_by_the_origin(&stand, &origin, "a").await;
    stand.relay.balancer.tick(stand.relay.now()).await;
    assert!(stand.relay.balancer.locate(&key("a"), stand.relay.now()).is_some());
}

#[tokio::test]
async fn a_stranger_who_is_refused_does_not_shorten_the_time_for_which_a_claim_is_held() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    left_by_the_origin(&stand, &origin, "a").await;
    let refuse = async { origin.refuse(&origin.guest().await, Reason::BAD_SECRET).await };
    let (refused, ()) = tokio::join!(stand.publish("a"), refuse);
    assert_eq!(refused.err(), Some(Reason::BAD_SECRET));
    stand.relay.balancer.tick(stand.relay.now()).await;
    assert!(stand.relay.balancer.locate(&key("a"), stand.relay.now()).is_some());
}

/// A publish that its origin ends, until the proxy has done with it.
async fn left_by_the_origin(stand: &Stand, origin: &Fake, stream: &str) {
    let (client, guest) = published(stand, origin, stream).await;
    origin.shut(&guest).await;
    assert!(is_shutdown(&client.heard().await));
    while !stand.relay.legs().is_empty() {
        tokio::task::yield_now().await;
    }
    // Served by the same thread, which has left the other one.
    let _next = played(stand, origin, "another").await;
}

#[tokio::test]
async fn key_material_passes_unopened_both_ways() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let km: Vec<u8> = (0..72).collect();
    let call = Client::call(stand.port, "#!::r=live/a,m=publish", Some(&km));
    let (client, guest) = tokio::join!(call, origin.welcome());
    let of = |handshake: Handshake<'_>, kind| {
        handshake.extensions.iter().find(|extension| extension.kind == kind).unwrap().content.to_vec()
    };
    assert_eq!(of(guest.handshake(), ExtensionKind::KMREQ), km);
    let client = client.unwrap();
    let answer = Handshake::read(&client.answer).unwrap();
    assert_eq!(of(answer, ExtensionKind::KMRSP), km);
    assert_eq!(answer.srt().unwrap().unwrap().receive_delay, 200, "the origin's own words");
}

#[tokio::test]
async fn an_origin_of_ours_is_told_who_asks_and_a_stranger_only_what_the_client_said() {
    for is_ours in [true, false] {
        let origin = Fake::bind().await;
        let stand = Stand::with([with_srt("o", origin.address, is_ours)]);
        let said = "#!::h=example.com,r=live/a,m=publish,token=1";
        let (client, guest) = tokio::join!(Client::call(stand.port, said, None), origin.welcome());
        let heard = guest.handshake().stream_id().unwrap().unwrap();
        let (rest, envelope) = strip_key(&heard, SRT_KEY);
        assert_eq!(rest, said);
        if !is_ours {
            assert_eq!(heard, said);
            continue;
        }
        let envelope = told("o", &envelope.unwrap());
        assert_eq!(envelope.bound, bound::of_srt(&rest));
        assert_eq!(envelope.client.unwrap(), client.unwrap().socket.local_addr().unwrap());
        assert_eq!(envelope.term.unwrap().domain, "memory");
        assert_eq!(envelope.hold, Some(Duration::from_secs(10)));
    }
}

#[tokio::test]
async fn a_short_stream_id_is_told_to_an_origin_of_ours_in_the_form_of_pairs() {
    let origin = Fake::bind().await;
    let stand = Stand::with([with_srt("o", origin.address, true)]);
    let (client, guest) = tokio::join!(Client::call(stand.port, "publish:live/a", None), origin.welcome());
    client.unwrap();
    let heard = guest.handshake().stream_id().unwrap().unwrap();
    let (rest, envelope) = strip_key(&heard, SRT_KEY);
    assert_eq!(rest, "#!::r=live/a,m=publish");
    assert_eq!(told("o", &envelope.unwrap()).bound, bound::of_srt(&rest));
}

#[tokio::test]
async fn what_a_caller_does_not_say_is_what_the_proxy_was_told_to_any_origin() {
    let srt = Defaults {
        app: "tv".to_owned(),
        mode: Mode::Publish,
        stream_id: "#!::r=tv/first,m=publish".to_owned(),
    };
    for is_ours in [true, false] {
        let origin = Fake::bind().await;
        let node = with_srt("o", origin.address, is_ours);
        let stand = Stand::told([node], crate::Config { srt: srt.clone(), ..config() });
        for (said, meant) in [
            ("", "#!::r=tv/first,m=publish"),
            ("second", "#!::r=tv/second,m=publish"),
            ("#!::r=a/b", "#!::r=a/b"),
        ] {
            let (client, guest) = tokio::join!(Client::call(stand.port, said, None), origin.welcome());
            client.unwrap();
            let heard = guest.handshake().stream_id().unwrap().unwrap();
            assert_eq!(strip_key(&heard, SRT_KEY).0, meant);
        }
    }
}

#[tokio::test]
async fn what_only_passes_for_an_envelope_goes_to_no_origin() {
    let origin = Fake::bind().await;
    let stand = Stand::with([with_srt("o", origin.address, false)]);
    let said = format!("#!::r=live/a,{SRT_KEY}=forged,m=publish");
    let (client, guest) = tokio::join!(Client::call(stand.port, &said, None), origin.welcome());
    client.unwrap();
    assert_eq!(guest.handshake().stream_id().unwrap().unwrap(), "#!::r=live/a,m=publish");
}

#[tokio::test]
async fn a_dead_origin_is_passed_over_at_once_and_the_claim_goes_to_the_next() {
    let (stand, (dead, _), (lives, name)) = two("a").await;
    drop(dead);
    let (_client, _guest) = timeout(500 * MS, published(&stand, &lives, "a")).await.expect("waited");
    stand.claimed("a", Some(name)).await;
}

#[tokio::test]
async fn an_origin_that_does_not_answer_is_left_after_a_second_and_holds_up_nobody_else() {
    let (stand, (mute, _), (lives, name)) = two("a").await;
    let mut first = std::pin::pin!(stand.publish("a"));
    // A stream that is placed at the one that lives.
    let mut quick = "b".to_owned();
    while stand.relay.balancer.pick_play(&key(&quick), &[], stand.relay.now()).await.unwrap().node.id
        != id(name)
    {
        quick.push('b');
    }
    let second = async {
        // When the first has begun to wait.
        let (asked, _) = mute.socket.peek_from(&mut [0; 64]).await.unwrap();
        assert_eq!(asked, 64);
        timeout(900 * MS, played(&stand, &lives, &quick)).await.expect("it had to wait too")
    };
    let _second = tokio::select! {
        _ = &mut first => panic!("answered by nobody"),
        second = second => second,
    };
    let (client, _guest) = timeout(2_000 * MS, async { tokio::join!(first, lives.welcome()) }).await.unwrap();
    client.unwrap();
    stand.claimed("a", Some(name)).await;
}

#[tokio::test]
async fn a_refusal_of_the_caller_is_passed_on_and_one_of_the_origins_own_is_not() {
    let (stand, (first, _), (second, name)) = two("a").await;
    let refuse = async |origin: &Fake, reason| {
        let guest = origin.guest().await;
        origin.refuse(&guest, reason).await;
    };
    let (refused, ()) = tokio::join!(stand.publish("a"), refuse(&first, Reason::FORBIDDEN));
    assert_eq!(refused.err(), Some(Reason::FORBIDDEN));
    stand.claimed("a", None).await;
    let overload = async {
        refuse(&first, Reason::OVERLOAD).await;
        second.welcome().await
    };
    let (taken, _guest) = tokio::join!(stand.publish("a"), overload);
    taken.unwrap();
    stand.claimed("a", Some(name)).await;
}

#[tokio::test]
async fn a_caller_whose_words_leave_no_room_for_those_of_nodes_is_refused() {
    let origin = Fake::bind().await;
    let stand = Stand::with([with_srt("o", origin.address, true)]);
    for does in ["publish", "read"] {
        // Written out it has three letters for each byte.
        let said = format!("{does}:live/a:{}:pass", "\u{e9}".repeat(220));
        let refused = tokio::select! {
            client = Client::call(stand.port, &said, None) => client.err(),
            guest = origin.guest() => panic!("asked: {:?}", guest.handshake().stream_id()),
        };
        assert_eq!(refused, Some(Reason::BAD_REQUEST), "{does}");
    }
    stand.claimed("a", None).await;
}

#[tokio::test]
async fn a_publish_that_an_origin_of_ours_takes_for_outdated_is_claimed_anew_once() {
    let origin = Fake::bind().await;
    let stand = Stand::with([with_srt("o", origin.address, true)]);
    let epoch = |guest: &Guest| {
        let heard = guest.handshake().stream_id().unwrap().unwrap();
        told("o", &strip_key(&heard, SRT_KEY).1.unwrap()).term.unwrap().epoch
    };
    let locked = async {
        let guest = origin.guest().await;
        origin.refuse(&guest, Reason::LOCKED).await;
        epoch(&guest)
    };
    let heals = async {
        let first = locked.await;
        (first, epoch(&origin.welcome().await))
    };
    let (client, (first, second)) = tokio::join!(stand.publish("a"), heals);
    client.unwrap();
    assert!(second > first, "above the one that was refused");
    let refuse = async || origin.refuse(&origin.guest().await, Reason::LOCKED).await;
    let (refused, ()) = tokio::join!(stand.publish("b"), async {
        refuse().await;
        refuse().await;
    });
    assert_eq!(refused.err(), Some(Reason::LOCKED));
    // Players have no claims.
    let (refused, ()) = tokio::join!(stand.play("c"), refuse());
    assert_eq!(refused.err(), Some(Reason::LOCKED));
}

#[tokio::test]
async fn a_caller_whose_words_are_not_understood_is_told_so() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    for (said, reason) in [
        ("#!::m=publish", Reason::BAD_REQUEST),
        ("#!::r=live/a,m=both", Reason::BAD_MODE),
        ("#!:{}", Reason::BAD_REQUEST),
        ("#!::r=live/\u{7},m=publish", Reason::BAD_REQUEST),
    ] {
        assert_eq!(Client::call(stand.port, said, None).await.err(), Some(reason), "{said}");
    }
}

#[tokio::test]
async fn without_an_origin_that_has_srt_a_caller_is_told_so() {
    let nowhere = Stand::with([]);
    assert_eq!(nowhere.publish("a").await.err(), Some(Reason::UNAVAILABLE));
    let rtmp_only = Stand::with([crate::testkit::node("o", ([127, 0, 0, 1], 9).into())]);
    assert_eq!(rtmp_only.publish("a").await.err(), Some(Reason::UNAVAILABLE));
    assert_eq!(rtmp_only.play("a").await.err(), Some(Reason::UNAVAILABLE));
}

#[tokio::test]
async fn a_stream_of_an_origin_without_srt_is_not_taken_from_it() {
    let origin = Fake::bind().await;
    let old = crate::testkit::node("old", ([127, 0, 0, 1], 9).into());
    let stand = Stand::with([old, with_srt("new", origin.address, false)]);
    let claim = async |stream: &str| {
        let not = [id("new")];
        stand.relay.balancer.pick_publish(&key(stream), &not, stand.relay.now()).await.unwrap()
    };
    let _by_rtmp = claim("a").await;
    assert_eq!(stand.publish("a").await.err(), Some(Reason::CONFLICT));
    assert_eq!(stand.play("a").await.err(), Some(Reason::UNACCEPTABLE));
    stand.claimed("a", Some("old")).await;
    let _others_are_served = published(&stand, &origin, "b").await;
}

#[tokio::test]
async fn players_go_to_edges_and_publishers_do_not() {
    let (origin, edge) = (Fake::bind().await, Fake::bind().await);
    let of_edge = Node { role: Role::Edge, ..with_srt("e", edge.address, true) };
    let stand = Stand::with([with_srt("o", origin.address, true), of_edge]);
    let _published = published(&stand, &origin, "a").await;
    let (_player, guest) = played(&stand, &edge, "a").await;
    let heard = guest.handshake().stream_id().unwrap().unwrap();
    assert!(told("e", &strip_key(&heard, SRT_KEY).1.unwrap()).term.is_none());
    // One that is gone is passed over.
    drop(edge);
    let _at_the_origin = played(&stand, &origin, "a").await;
}

#[tokio::test]
async fn a_publisher_whose_origin_dies_is_told_soon_and_comes_again_elsewhere() {
    let (stand, (dies, first), (lives, second)) = two("a").await;
    let (client, _guest) = published(&stand, &dies, "a").await;
    stand.claimed("a", Some(first)).await;
    let here = Place::of(&stand.relay.balancer.locate(&key("a"), stand.relay.now()).unwrap());
    let mut viewer = stand.relay.follow(&key("a"));
    drop(dies);
    let told = async {
        loop {
            client.send_media(1, b"into the void").await;
            if let Ok(heard) = timeout(50 * MS, client.heard()).await {
                return heard;
            }
        }
    };
    assert!(is_shutdown(&timeout(2_500 * MS, told).await.expect("not told")));
    let _again = published(&stand, &lives, "a").await;
    stand.claimed("a", Some(second)).await;
    timeout(2_000 * MS, viewer.moved(&here)).await.expect("viewers of other protocols follow");
}

#[tokio::test]
async fn an_origin_that_falls_silent_is_left_at_once() {
    let origin = Fake::bind().await;
    let beats = Node {
        permanent: false,
        interval: Some(Duration::from_secs(1)),
        ..with_srt("o", origin.address, false)
    };
    let stand = Stand::with([beats]);
    let (publisher, _guest) = published(&stand, &origin, "a").await;
    let (player, _waits) = played(&stand, &origin, "b").await;
    stand.relay.judge(stand.relay.now() + Duration::from_secs(10));
    assert!(is_shutdown(&publisher.heard().await));
    assert!(is_shutdown(&player.heard().await));
}

#[tokio::test]
async fn an_origin_that_drains_is_left_by_its_publishers_when_there_is_another() {
    let (first, second) = (Fake::bind().await, Fake::bind().await);
    let stand = Stand::of(&[("first", &first)]);
    let (client, _guest) = published(&stand, &first, "a").await;
    let (player, viewer) = played(&stand, &first, "a").await;
    let drains = Node { draining: true, ..with_srt("first", first.address, false) };
    stand.relay.balancer.register(drains, stand.relay.now()).unwrap();
    stand.relay.judge(stand.relay.now());
    // Nowhere to go yet.
    client.send_media(1, b"still here").await;
    assert_eq!(body(&first.heard().await), b"still here");
    stand.relay.balancer.register(with_srt("second", second.address, false), stand.relay.now()).unwrap();
    assert!(is_shutdown(&client.heard().await));
    let (_again, _guest) = published(&stand, &second, "a").await;
    stand.claimed("a", Some("second")).await;
    // Its players are where the stream was.
    assert!(is_shutdown(&player.heard().await));
    drop(viewer);
}

/// Two origins, of which one has two publishers and drains, and all turns to leave it but so many are taken.
async fn draining(turns: u32) -> (Stand, [Fake; 2], [Client; 2], OwnedSemaphorePermit) {
    let (first, second) = (Fake::bind().await, Fake::bind().await);
    let stand = Stand::of(&[("first", &first)]);
    let clients = [published(&stand, &first, "a").await.0, published(&stand, &first, "b").await.0];
    stand.relay.balancer.register(with_srt("second", second.address, false), stand.relay.now()).unwrap();
    let all = u32::try_from(crate::limits::LEAVING).unwrap();
    let taken = Arc::clone(&stand.relay.leaving).try_acquire_many_owned(all - turns).unwrap();
    drains(&stand, &first, true);
    (stand, [first, second], clients, taken)
}

fn drains(stand: &Stand, origin: &Fake, draining: bool) {
    let node = Node { draining, ..with_srt("first", origin.address, false) };
    stand.relay.balancer.register(node, stand.relay.now()).unwrap();
    stand.relay.judge(stand.relay.now());
}

#[tokio::test]
async fn publishers_leave_an_origin_that_drains_a_few_at_a_time() {
    let began = tokio::time::Instant::now();
    let (_stand, _origins, [one, other], _taken) = draining(1).await;
    let last = tokio::select! {
        _ = one.heard() => &other,
        _ = other.heard() => &one,
    };
    assert!(is_shutdown(&last.heard().await));
    assert!(began.elapsed() >= crate::limits::LEFT, "both at once");
}

#[tokio::test]
async fn a_publisher_whose_turn_comes_when_its_origin_drains_no_more_stays() {
    let (stand, [first, _second], [one, other], taken) = draining(0).await;
    let talks = async |sequence| {
        for client in [&one, &other] {
            client.send_media(sequence, b"still here").await;
            assert_eq!(body(&first.heard().await), b"still here");
        }
    };
    talks(0).await;
    drains(&stand, &first, false);
    drop(taken);
    for sequence in 1..20 {
        talks(sequence).await;
    }
    drains(&stand, &first, true);
    assert!(is_shutdown(&one.heard().await) && is_shutdown(&other.heard().await));
}

#[tokio::test]
async fn a_player_that_waits_comes_again_when_its_stream_turns_up_elsewhere() {
    let (stand, (waited, _), (lives, second)) = two("a").await;
    let (player, guest) = played(&stand, &waited, "a").await;
    let not = [guest_node(&stand, &waited)];
    let claim = stand.relay.balancer.pick_publish(&key("a"), &not, stand.relay.now()).await.unwrap();
    assert_eq!(claim.node.id, id(second));
    assert!(is_shutdown(&player.heard().await));
    assert!(is_shutdown(&waited.heard().await), "the origin need not wait for it any more");
    drop((guest, lives));
}

fn guest_node(stand: &Stand, fake: &Fake) -> srs_names::NodeId {
    let views = stand.relay.balancer.origins(stand.relay.now());
    let is_it = |node: &Node| node.endpoint("srt").is_some_and(|srt| srt.port == fake.address.port());
    views.iter().find(|view| is_it(&view.node)).unwrap().node.id.clone()
}

#[tokio::test]
async fn what_comes_from_somewhere_else_goes_nowhere() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let (client, guest) = published(&stand, &origin, "a").await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // To the proxy's socket at the origin, as the origin would; and to its port, as the client would.
    stranger.send_to(&media(guest.id(), 1, b"spoofed"), guest.from).await.unwrap();
    stranger.send_to(&shutdown(guest.id(), 1), guest.from).await.unwrap();
    stranger.send_to(&media(client.far, 1, b"spoofed"), stand.port).await.unwrap();
    stranger.send_to(&shutdown(client.far, 1), stand.port).await.unwrap();
    // For another socket than the client's.
    origin.send(&media(SocketId(5), 1, b"astray"), &guest).await;
    origin.send_media(&guest, 2, b"down").await;
    client.send_media(3, b"up").await;
    assert_eq!(body(&client.heard().await), b"down");
    assert_eq!(body(&origin.heard().await), b"up");
}

#[tokio::test]
async fn two_callers_with_one_socket_id_have_a_connection_each() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let (one, first) = played(&stand, &origin, "a").await;
    let (other, second) = played(&stand, &origin, "b").await;
    assert_eq!((one.id, first.from), (other.id, second.from), "one socket towards the origin");
    assert_ne!(first.id(), second.id());
    origin.send_media(&first, 1, b"first").await;
    origin.send_media(&second, 1, b"second").await;
    assert_eq!(body(&one.heard().await), b"first");
    assert_eq!(body(&other.heard().await), b"second");
    one.send_media(1, b"up").await;
    assert_eq!(body(&origin.heard().await), b"up");
}

#[tokio::test]
async fn a_caller_that_leaves_disturbs_nobody_who_shares_its_way_to_the_origin() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let (leaves, gone) = played(&stand, &origin, "a").await;
    let (stays, guest) = played(&stand, &origin, "b").await;
    leaves.shut().await;
    assert!(is_shutdown(&origin.heard().await));
    for sequence in 0..20 {
        origin.send_media(&gone, sequence, b"for nobody").await;
        origin.send_media(&guest, sequence, &[sequence as u8; 1316]).await;
        assert_eq!(stays.heard().await, media(CALLER, sequence, &[sequence as u8; 1316]));
        stays.send_media(sequence, b"up").await;
        assert_eq!(body(&origin.heard().await), b"up");
    }
}

#[tokio::test]
async fn all_callers_of_an_origin_that_dies_are_told_though_only_one_of_them_speaks() {
    let origin = Fake::bind().await;
    let stand = Stand::of(&[("o", &origin)]);
    let (speaks, _guest) = published(&stand, &origin, "a").await;
    let (listens, _guest) = played(&stand, &origin, "b").await;
    drop(origin);
    let told = async {
        loop {
            speaks.send_media(1, b"into the void").await;
            if let Ok(heard) = timeout(50 * MS, listens.heard()).await {
                return heard;
            }
        }
    };
    assert!(is_shutdown(&timeout(2_500 * MS, told).await.expect("not told")));
}

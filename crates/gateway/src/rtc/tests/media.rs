//! Media from end to end over loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, StatusCode};
use srs_hub::{Phase, Takeover};
use srs_names::Inventory as _;
use srs_rtc::engine::{Asked, Ended, Event};
use srs_rtc::{Codec, Track};

use super::super::testkit::*;
use crate::Vhost;
use crate::config::{Publish, To};
use crate::testkit::key;

fn publishing(publish: Publish) -> Vhost {
    Vhost { publish, ..vhost() }
}

const HOLD: Publish = Publish {
    to: To::Here,
    mr_latency: std::time::Duration::ZERO,
    first_frame: std::time::Duration::from_secs(20),
    idle: std::time::Duration::from_secs(60),
    takeover: Takeover::Replace,
    hold: std::time::Duration::from_secs(60),
};
const NO_HOLD: Publish = Publish { hold: std::time::Duration::ZERO, ..HOLD };

/// Takes pictures and sound of a player until so many of both are what was sent, and checks that times rise.
async fn sees(player: &mut Peer, count: usize) {
    let (mut pictures, mut sounds) = (Vec::new(), Vec::new());
    while pictures.len() < count || sounds.len() < count {
        match player.event().await {
            Some(Event::Packet(packet)) if packet.codec == Codec::Opus => sounds.push(packet),
            Some(Event::Packet(packet)) if packet.payload.starts_with(&[0x41]) => pictures.push(packet),
            Some(_) => {}
            None => panic!("the session ended"),
        }
    }
    for pair in pictures.windows(2) {
        let number = |at: usize| u32::from_be_bytes(*pair[at].payload[4..].first_chunk().unwrap()) & 0xffff;
        assert!(number(0) < number(1), "each once, in order");
        assert_eq!(pair[0].payload, inter(number(0)));
        assert!(pair[1].time.wrapping_sub(pair[0].time).cast_signed() > 0);
    }
    for pair in sounds.windows(2) {
        let number = |at: usize| u32::from_be_bytes(*pair[at].payload[1..].first_chunk().unwrap());
        assert_eq!(number(0) + 1, number(1));
        assert_eq!(pair[0].payload, opus(number(0)));
        assert_eq!(pair[1].time.wrapping_sub(pair[0].time), 960);
    }
}

#[test]
fn what_is_published_is_played_as_it_was_sent() {
    run(async {
        let doors = doors();
        let publisher = doors.live().await;
        let mut player = doors.play(WHEP, &BOTH).await;
        sees(&mut player, 30).await;
        let clients = doors.gateway.clients();
        let kinds: Vec<_> = clients.iter().map(|client| (client.kind.as_str(), client.publish)).collect();
        assert_eq!(kinds, [("rtc-publish", true), ("rtc-play", false)]);
        assert_eq!(clients[0].tc_url, "webrtc://some.where/live");
        assert!(clients[1].send_bytes > 0 && clients[0].recv_bytes > 0);
        drop(publisher);
    });
}

#[test]
fn what_is_published_and_played_over_tcp_is_the_same() {
    run(async {
        let doors = doors();
        let publisher = doors.peer(WHIP, &BOTH, (true, true)).await.stream();
        doors.until_phase("a", |phase| phase == Some(Phase::Live)).await;
        let mut player = doors.peer(WHEP, &BOTH, (false, true)).await;
        sees(&mut player, 30).await;
        drop(publisher);
    });
}

#[test]
fn a_player_of_a_stream_with_one_track_gets_that() {
    run(async {
        let doors = doors();
        for (stream, codec) in [("v", Codec::H264), ("s", Codec::Opus)] {
            let at = |way: &str| format!("/rtc/v1/{way}/?app=live&stream={stream}");
            let publisher = doors.publish(&at("whip"), &[codec]).await.stream();
            doors.until_phase(stream, |phase| phase == Some(Phase::Live)).await;
            let mut player = doors.play(&at("whep"), &[codec]).await;
            player.packet(codec.track()).await;
            drop(publisher);
        }
    });
}

#[test]
fn a_publisher_that_asks_and_never_comes_takes_nobodys_place() {
    run(async {
        let doors = doors();
        let publisher = doors.live().await;
        let mut player = doors.play(WHEP, &BOTH).await;
        let response = doors.ask(post(WHIP, offer_to_publish(&BOTH))).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        sees(&mut player, 20).await;
        assert!(!publisher.stop().await.is_over());
    });
}

#[test]
fn the_end_of_the_stream_ends_the_players_sessions() {
    run(async {
        let doors = doors();
        let (publisher, mut player) = doors.watched().await;
        let mut publisher = publisher.stop().await;
        let deleted = doors.ask(request(Method::DELETE, &publisher.place, "")).await;
        assert_eq!(deleted.status(), StatusCode::OK);
        assert_eq!(player.ended().await, Ended::Peer);
        assert_eq!(publisher.ended().await, Ended::Peer);
        doors.until(|gateway| gateway.clients().is_empty()).await;
        let again = doors.ask(request(Method::DELETE, &publisher.place, "")).await;
        assert_eq!(again.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_player_that_deletes_its_session_is_gone() {
    run(async {
        let doors = doors();
        let (publisher, mut player) = doors.watched().await;
        assert_eq!(doors.ask(request(Method::DELETE, &player.place, "")).await.status(), StatusCode::OK);
        assert_eq!(player.ended().await, Ended::Peer);
        doors.until(|gateway| gateway.clients().len() == 1).await;
        drop(publisher);
    });
}

#[test]
fn players_keep_their_sessions_while_the_stream_is_held_and_see_who_comes_next() {
    run(async {
        let doors = doors_with(publishing(HOLD), |config| config);
        let (publisher, mut player) = doors.watched().await;
        publisher.stop().await.close();
        doors.until_phase("a", |phase| phase == Some(Phase::Held)).await;
        // Who comes now is let in too, and waits.
        let mut late = doors.play(WHEP, &BOTH).await;
        let next = doors.live().await;
        let time = player.packet(Track::Video).await.time;
        for _ in 0..40 {
            late.packet(Track::Video).await;
            let newer = player.packet(Track::Video).await.time;
            assert!(newer.wrapping_sub(time).cast_signed() >= 0, "time goes on");
        }
        assert!(!player.is_over() && !late.is_over());
        drop(next);
    });
}

/// As OBS ends: it closes DTLS, and then deletes its session.
#[test]
fn who_says_goodbye_and_deletes_the_session_behind_that_ends_the_stream() {
    run(async {
        let doors = doors_with(publishing(HOLD), |config| config);
        let (publisher, mut player) = doors.watched().await;
        let publisher = publisher.stop().await;
        publisher.close();
        doors.until_phase("a", |phase| phase == Some(Phase::Held)).await;
        let deleted = doors.ask(request(Method::DELETE, &publisher.place, "")).await;
        assert_eq!(deleted.status(), StatusCode::OK);
        assert_eq!(player.ended().await, Ended::Peer);
        doors.until_phase("a", |phase| phase.is_none()).await;
    });
}

#[test]
fn a_second_publisher_takes_over_and_the_first_is_told() {
    run(async {
        let doors = doors();
        let (first, mut player) = doors.watched().await;
        let second = doors.publish(WHIP, &BOTH).await.stream();
        assert_eq!(first.stop().await.ended().await, Ended::Peer);
        while player.has_event() {
            player.event().await;
        }
        for _ in 0..20 {
            player.packet(Track::Video).await;
        }
        drop(second);
    });
}

#[test]
fn a_player_whose_codec_the_next_publisher_does_not_send_has_to_ask_anew() {
    run(async {
        let doors = doors();
        let (first, mut player) = doors.watched().await;
        let next = crate::testkit::publisher(&doors.gateway, "a");
        let vp8 = srs_flv::body::whole(
            srs_flv::body::Whole::Vp8,
            true,
            &[0x30, 0x2c, 0, 0x9d, 1, 0x2a, 0x62, 0, 0x42, 0],
        );
        crate::testkit::video(&next, 0, &vp8);
        assert_eq!(player.ended().await, Ended::Peer);
        drop(first);
    });
}

#[test]
fn a_kicked_client_is_closed() {
    run(async {
        let doors = doors_with(publishing(NO_HOLD), |config| config);
        let (publisher, mut player) = doors.watched().await;
        let id = |publish| {
            doors.gateway.clients().into_iter().find(|client| client.publish == publish).unwrap().id
        };
        assert!(doors.gateway.kick(&id(false)));
        assert_eq!(player.ended().await, Ended::Peer);
        assert!(doors.gateway.kick(&id(true)));
        assert_eq!(publisher.stop().await.ended().await, Ended::Peer);
    });
}

#[test]
fn a_player_that_cannot_go_on_gets_a_key_frame_again() {
    run(async {
        let doors = doors();
        let publisher = doors.live().await;
        let mut player = doors.play(WHEP, &BOTH).await;
        sees(&mut player, 10).await;
        // No key picture comes by itself any more.
        let mut publisher = publisher.stop().await;
        for number in 5_001..5_010 {
            publisher.picture(number, false);
        }
        loop {
            let packet = player.packet(Track::Video).await;
            if packet.payload == inter(5_009) {
                break;
            }
        }
        player.ask(Asked::KeyFrame(None));
        // Its parameter sets stand before it.
        while player.packet(Track::Video).await.payload.first().is_none_or(|first| first & 0x1f != 24) {}
    });
}

#[test]
fn who_has_nothing_to_begin_with_has_the_publisher_asked_for_a_key_frame() {
    run(async {
        let play = crate::Play { gop_cache: false, ..crate::Play::default() };
        let settings = crate::RtcSettings {
            key_frames: std::time::Duration::from_secs(3_600),
            ..crate::RtcSettings::default()
        };
        let doors = doors_with(Vhost { play, rtc: Some(settings), ..vhost() }, |config| config);
        let mut publisher = doors.publish(WHIP, &BOTH).await;
        publisher.picture(0, true);
        doors.until(|gateway| gateway.streams().first().is_some_and(|stream| stream.video_frames > 0)).await;
        while publisher.has_event() {
            publisher.event().await;
        }
        let _player = doors.play(WHEP, &[Codec::H264]).await;
        publisher.key_frame_wanted().await;
    });
}

#[test]
fn a_publisher_of_whom_nothing_came_yet_is_asked_again_and_again() {
    run(async {
        let doors = doors();
        let mut publisher = doors.publish(WHIP, &BOTH).await;
        doors.until_phase("a", |phase| phase == Some(Phase::Live)).await;
        // It cannot go on with this, and nothing else comes.
        publisher.picture(1, false);
        for _ in 0..3 {
            publisher.key_frame_wanted().await;
        }
    });
}

/// Takes every publish for elsewhere, and counts what comes.
#[derive(Default)]
struct Elsewhere(Arc<Mutex<Vec<Came>>>);

/// Its name, where it came from, and how many messages there were.
type Came = (String, SocketAddr, usize);

impl srs_net::rtmp::PassOn for Elsewhere {
    fn publish<'a>(
        &'a self,
        vhost: &'a str,
        mut link: srs_net::rtmp::Link<srs_rtmp::server::Session>,
        request: srs_rtmp::server::PublishRequest,
        peer: SocketAddr,
        _: Vec<srs_names::NodeId>,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        let name = format!("{vhost}/{}/{}", request.connect.app, request.stream);
        Box::pin(async move {
            link.machine().accept_publish();
            link.drain().await.unwrap();
            self.0.lock().unwrap().push((name, peer, 0));
            while let Ok(Some(event)) = link.next().await {
                match event {
                    srs_rtmp::server::Event::Message(_) => self.0.lock().unwrap().last_mut().unwrap().2 += 1,
                    srs_rtmp::server::Event::EndOfStream => {
                        self.0.lock().unwrap().push(("the end".to_owned(), peer, 0));
                        return;
                    }
                    _ => {}
                }
            }
        })
    }
}

/// What is published for elsewhere, and deleted, is over there too.
fn passes_on(says_goodbye: bool) {
    run(async {
        let elsewhere = Arc::new(Elsewhere::default());
        let pass_on = Some(Arc::clone(&elsewhere) as Arc<dyn srs_net::rtmp::PassOn>);
        let publish = Publish { to: To::Elsewhere, ..Publish::default() };
        let doors = doors_with(publishing(publish), |config| crate::Config { pass_on, ..config });
        let mut publisher = doors.publish(&format!("{WHIP}&token=1"), &BOTH).await;
        publisher.picture(0, true);
        publisher.picture(1, false);
        publisher.sound(0);
        let came = || elsewhere.0.lock().unwrap().clone();
        // Two codec headers, two pictures and a sound.
        doors.until(|_| came().first().is_some_and(|came| came.2 == 5)).await;
        if says_goodbye {
            publisher.close();
            publisher.ended().await;
        }
        let deleted = doors.ask(request(Method::DELETE, &publisher.place, Bytes::new())).await;
        assert_eq!(deleted.status(), StatusCode::OK);
        doors.until(|_| came().len() == 2).await;
        let came = came();
        assert_eq!(came[0].0, "__defaultVhost__/live/a?token=1");
        assert_eq!(came[1].0, "the end");
        assert!(doors.gateway.hub.phase(&key("a")).is_none());
    });
}

#[test]
fn what_is_published_for_elsewhere_goes_on_as_rtmp() {
    passes_on(false);
}

#[test]
fn who_says_goodbye_and_deletes_what_is_published_for_elsewhere_ends_it_there() {
    passes_on(true);
}

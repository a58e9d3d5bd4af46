use std::time::Duration;

use bytes::Bytes;
use srs_amf::Value;
use srs_flv::{AUDIO, body, demux};
use srs_hub::{Beside, Finish, Phase, Publisher};
use srs_media::{DERIVED, Frame, Role};
use srs_names::envelope::Purpose;
use srs_rtmp::{MessageKind, client};
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{
    Player, begin, envelope, gateway, key, publisher, rtmp, rtmp_from, rtmp_saying, to_play, video,
};
use crate::{Gateway, Vhost};

/// 20 ms of silence, in stereo.
const OPUS: &[u8] = &[0xfc, 0xff, 0xfe];

/// Silence of AAC-LC at 48 kHz in stereo, and its header.
const AAC: &[u8] = &[0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80];
const AAC_HEADER: &[u8] = &[0x11, 0x90];

/// Longer than a child needs.
const PATIENCE: Duration = Duration::from_secs(30);

fn sound(publisher: &Publisher, time: i64, wire: Bytes) {
    publisher.push(demux(AUDIO, time, wire).unwrap()).unwrap();
}

fn opus_header() -> Bytes {
    body::opus_config(&srs_media::opus::head(2).unwrap())
}

/// A publisher of pictures and Opus.
fn opus(gateway: &Gateway) -> Publisher {
    let publisher = publisher(gateway, "a");
    begin(&publisher);
    sound(&publisher, 0, opus_header());
    publisher
}

fn push_opus(publisher: &Publisher, packets: std::ops::Range<i64>) {
    packets.for_each(|number| sound(publisher, number * 20, body::opus(OPUS)));
}

/// A publisher of pictures and AAC.
fn aac(gateway: &Gateway) -> Publisher {
    let publisher = publisher(gateway, "a");
    begin(&publisher);
    sound(&publisher, 0, body::audio_config(AAC_HEADER));
    publisher
}

fn push_aac(publisher: &Publisher, frames: std::ops::Range<i64>) {
    frames.for_each(|number| sound(publisher, number * 1_024 / 48, body::audio(AAC)));
}

/// The codec headers that new viewers of the stream are told, with their tracks.
fn headers(gateway: &Gateway) -> Vec<(Codec, u8)> {
    let streams = gateway.hub.streams();
    let found = streams.iter().find(|(known, ..)| *known == key("a"));
    found.map_or_else(Vec::new, |(.., headers)| {
        let sounds = headers.configs.iter().filter(|config| config.kind == srs_media::Kind::Audio);
        sounds.map(|config| (config.codec, config.track)).collect()
    })
}

async fn until(what: impl Fn() -> bool) {
    let all = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}

/// Lets every task of this thread do what it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Whether somebody could publish a derived track now: then nobody does.
fn is_free(gateway: &Gateway) -> Option<Beside> {
    gateway.hub.beside(&key("a"), DERIVED)
}

/// The next message of sound that an RTMP player gets.
async fn heard(link: &mut srs_net::rtmp::Link<client::Session>) -> Frame {
    let next = async {
        loop {
            if let Some(client::Event::Message(message)) = link.next().await.unwrap()
                && message.kind == MessageKind::AUDIO
            {
                return demux(AUDIO, message.timestamp.into(), message.body).unwrap();
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.unwrap()
}

/// The next tag of sound that a player gets over HTTP.
async fn heard_of(player: &mut Player) -> Frame {
    let next = async {
        loop {
            let (time, body) = player.tag().await.unwrap();
            let is_sound = body.first().is_some_and(|first| matches!(first >> 4, 9 | 10));
            if is_sound && body.first() != Some(&0x9c) {
                return demux(AUDIO, time.into(), body).unwrap();
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.unwrap()
}

#[tokio::test]
async fn a_player_over_http_flv_gets_aac_of_a_stream_whose_sound_is_opus() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = opus(&gateway);
            push_opus(&publisher, 0..50);
            let mut player = Player::get(&gateway, "a").await;
            let header = heard_of(&mut player).await;
            assert_eq!((header.codec, header.role, header.track), (Codec::Aac, Role::Config, 0));
            let frame = heard_of(&mut player).await;
            assert_eq!((frame.codec, frame.role, frame.time), (Codec::Aac, Role::Key, 0));
            assert_eq!(heard_of(&mut player).await.time, 21);
        })
        .await;
}

#[tokio::test]
async fn a_player_over_rtmp_that_announced_nothing_gets_aac() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = opus(&gateway);
            push_opus(&publisher, 0..50);
            let mut player = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            assert_eq!(heard(&mut player).await.codec, Codec::Aac);
            assert_eq!(srs_sound::children(), 1);
        })
        .await;
}

#[tokio::test]
async fn players_over_rtmp_that_announced_opus_get_it_untouched_and_nothing_is_made() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = opus(&gateway);
            push_opus(&publisher, 0..50);
            let list = Value::StrictArray(vec!["av01".into(), "Opus".into()]);
            let map = Value::object([("*", 1.0.into())]);
            for said in [("fourCcList", list), ("audioFourCcInfoMap", map)] {
                let mut player = rtmp_saying(&gateway, "a", client::Role::Play, said).await.unwrap();
                let mut frame = heard(&mut player).await;
                while frame.role == Role::Config {
                    assert_eq!(frame.wire, opus_header());
                    frame = heard(&mut player).await;
                }
                assert_eq!(frame.wire, body::opus(OPUS));
            }
            settle().await;
            assert_eq!(srs_sound::children(), 0);
        })
        .await;
}

#[tokio::test]
async fn a_node_that_pulls_gets_both_sounds() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = opus(&gateway);
            push_opus(&publisher, 0..50);
            let _player = rtmp(&gateway, "a", client::Role::Play).await.unwrap();
            until(|| headers(&gateway).len() == 2).await;
            let sent = to_play(&envelope(Purpose::Pull));
            let mut node = rtmp_from(&gateway, "a", client::Role::Play, &sent).await.unwrap();
            assert_eq!(heard(&mut node).await.wire, opus_header());
            let derived = heard(&mut node).await;
            assert_eq!((derived.codec, derived.role, derived.track), (Codec::Aac, Role::Config, DERIVED));
            assert_eq!(derived.wire, body::audio_config(AAC_HEADER));
        })
        .await;
}

#[tokio::test]
async fn a_node_that_pulls_has_nothing_made() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = opus(&gateway);
            push_opus(&publisher, 0..50);
            let sent = to_play(&envelope(Purpose::Pull));
            let mut node = rtmp_from(&gateway, "a", client::Role::Play, &sent).await.unwrap();
            assert_eq!(heard(&mut node).await.codec, Codec::Opus);
            settle().await;
            assert!(is_free(&gateway).is_some());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn opus_is_made_of_aac_while_somebody_wants_it_and_a_while_after() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = aac(&gateway);
            let wanting = gateway.sound.wants(&key("a"), Codec::Opus);
            settle().await;
            push_aac(&publisher, 0..20);
            until(|| headers(&gateway).contains(&(Codec::Opus, DERIVED))).await;
            drop(wanting);
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert!(is_free(&gateway).is_none(), "a player may come back");
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(is_free(&gateway).is_some());
            assert_eq!(headers(&gateway), [(Codec::Aac, 0)]);
            assert!(gateway.sound.lock().is_empty());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_in_time_finds_it_going_on() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = aac(&gateway);
            let first = gateway.sound.wants(&key("a"), Codec::Opus);
            settle().await;
            push_aac(&publisher, 0..20);
            drop(first);
            tokio::time::sleep(Duration::from_secs(4)).await;
            let _second = gateway.sound.wants(&key("a"), Codec::Opus);
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert!(is_free(&gateway).is_none());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn of_a_stream_that_has_the_codec_nothing_is_made() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = aac(&gateway);
            let _wanting = gateway.sound.wants(&key("a"), Codec::Aac);
            settle().await;
            push_aac(&publisher, 0..20);
            settle().await;
            assert!(is_free(&gateway).is_some());
            assert_eq!(headers(&gateway), [(Codec::Aac, 0)]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_next_publisher_s_sound_is_made_into_opus_too() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let _wanting = gateway.sound.wants(&key("a"), Codec::Opus);
            settle().await;
            let first = aac(&gateway);
            push_aac(&first, 0..20);
            until(|| headers(&gateway).len() == 2).await;
            let second = aac(&gateway);
            assert_eq!(headers(&gateway), [(Codec::Aac, 0)]);
            push_aac(&second, 0..20);
            until(|| headers(&gateway).len() == 2).await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_where_the_publisher_changes_to_a_codec_that_needs_nothing() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = aac(&gateway);
            let _wanting = gateway.sound.wants(&key("a"), Codec::Opus);
            settle().await;
            push_aac(&publisher, 0..20);
            until(|| headers(&gateway).len() == 2).await;
            sound(&publisher, 500, opus_header());
            sound(&publisher, 500, body::opus(OPUS));
            until(|| headers(&gateway) == [(Codec::Opus, 0)]).await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn where_the_publisher_brings_it_nothing_is_made() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = aac(&gateway);
            let brought = |time, wire| Frame { track: DERIVED, ..demux(AUDIO, time, wire).unwrap() };
            publisher.push(brought(0, opus_header())).unwrap();
            let _wanting = gateway.sound.wants(&key("a"), Codec::Opus);
            settle().await;
            for number in 0..20 {
                publisher.push(brought(number * 20, body::opus(b"brought"))).unwrap();
                push_aac(&publisher, number..number + 1);
                settle().await;
            }
            assert!(is_free(&gateway).is_none());
            assert_eq!(headers(&gateway), [(Codec::Aac, 0), (Codec::Opus, DERIVED)]);
            // Upstream makes it no more.
            push_aac(&publisher, 20..200);
            until(|| gateway.hub.streams()[0].3.configs.iter().any(|config| config.wire == opus_header()))
                .await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_over_ends_it_and_the_child_with_it() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = opus(&gateway);
            push_opus(&publisher, 0..50);
            let _wanting = gateway.sound.wants(&key("a"), Codec::Aac);
            until(|| srs_sound::children() == 1).await;
            let _ended = publisher.finish(Finish::Clean);
            until(|| srs_sound::children() == 0).await;
            assert_ne!(gateway.hub.phase(&key("a")), Some(Phase::Live));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn sound_of_which_nothing_can_be_made_leaves_the_stream_alone() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            sound(&publisher, 0, body::audio_config(&[0xff]));
            let _wanting = gateway.sound.wants(&key("a"), Codec::Opus);
            settle().await;
            push_aac(&publisher, 0..20);
            settle().await;
            video(&publisher, 40, &[0x27, 1, 0, 0, 0, 9]);
            assert_eq!(gateway.hub.phase(&key("a")), Some(Phase::Live));
            assert!(is_free(&gateway).is_some());
        })
        .await;
}

#[tokio::test]
async fn hls_has_sound_of_a_stream_of_opus_without_any_player() {
    LocalSet::new()
        .run_until(async {
            let hls = Some(Arc::default());
            let gateway = gateway(Vhost { hls, ..Vhost::default() });
            let settings = gateway.vhosts[0].hls.clone().unwrap();
            let publisher = opus(&gateway);
            gateway.hls.begin(&gateway.hub, &key("a"), &settings);
            push_opus(&publisher, 0..50);
            until(|| headers(&gateway).contains(&(Codec::Aac, DERIVED))).await;
            assert_eq!(gateway.sound.lock().len(), 1);
        })
        .await;
}

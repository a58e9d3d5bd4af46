//! B07 and B08: codec headers and FLV tags that lie.

use srs_tests::fake;
use srs_tests::media::{AUDIO, VIDEO};
use srs_tests::{Cluster, FlvPlayer, Frame, Player, Publisher, Source, Target, logs};

use crate::Beside;

fn video(body: &[u8]) -> Frame {
    Frame { kind: VIDEO, time: 0, body: [b"\x17\x00\x00\x00\x00", body].concat().into() }
}

/// An `avcC` with this one SPS and no PPS.
fn avcc(sps: &[u8]) -> Frame {
    let length = u16::try_from(sps.len()).expect("short").to_be_bytes();
    video(&[&b"\x01\x64\x00\x1f\xff\xe1"[..], &length, sps, &[0]].concat())
}

#[tokio::test]
async fn b07_absurd_codec_headers_pass_and_the_api_says_nothing_of_them() {
    let beside = Beside::start().await;
    let sound = |body: &'static [u8]| Frame { kind: AUDIO, time: 0, body: body.into() };
    let enhanced = |body: &'static [u8]| Frame { kind: VIDEO, time: 0, body: body.into() };
    let cases = [
        // Width and height of 2^16 macroblocks and more.
        avcc(b"\x67\x42\x00\x1f\xff\xff\x00\x00\x10\x00\x10\x00\x00\x08\x00\x08\x00"),
        // Exp-Golomb numbers that never end.
        avcc(&[&b"\x67\x64\x00\x1f"[..], &[0; 64]].concat()),
        avcc(&[0x67]),
        avcc(b""),
        // An SPS longer than the record.
        video(b"\x01\x64\x00\x1f\xff\xe1\xff\xff\x67"),
        // 31 of them announced, none there.
        video(b"\x01\x64\x00\x1f\xff\xff"),
        video(b""),
        sound(b"\xaf\x00"),
        sound(b"\xaf"),
        sound(b"\xaf\x00\xff\xff\xff\xff\xff"),
        enhanced(b"\x90hvc1"),
        enhanced(b"\x90hvc1\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        enhanced(b"\x90av01\x81\xff\xff\xff\xff\xff"),
        enhanced(b"\x90"),
        enhanced(b"\x97\xff\xff\xff"),
        enhanced(b"\x96\x10"),
    ];
    for (number, bad) in cases.into_iter().enumerate() {
        let target = Target::live(&format!("b07-{number}"));
        let mut publisher =
            Publisher::connect(beside.cluster.rtmp(), &target).await.expect("publishing begins");
        let mut source = Source::new(93);
        publisher.send_all(&[bad]).await;
        publisher.send_all(&source.tick()).await;
        publisher.send_all(&source.tick()).await;
        let mut player = Player::connect(beside.cluster.rtmp(), &target).await.expect("playing begins");
        player.reach(*publisher.sent.last().expect("frames")).await;
        let streams = beside.cluster.streams(0).await;
        let stream = streams.iter().find(|stream| stream["name"] == target.stream.as_str()).expect("listed");
        for (kind, field) in [("video", "width"), ("audio", "sample_rate")] {
            let shown = stream[kind][field].as_u64().unwrap_or(0);
            assert!(shown < 100_000, "case {number}: {stream}");
        }
        publisher.goodbye().await;
    }
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b08_empty_and_short_messages_do_not_end_a_stream() {
    let beside = Beside::start().await;
    let target = Target::live("b08");
    let mut publisher = Publisher::connect(beside.cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(94);
    publisher.send_all(&source.clip(1)).await;
    for kind in [AUDIO, VIDEO, 18, 15, 22] {
        for body in [&b""[..], b"\x17", b"\x27\x01", b"\xff"] {
            publisher.send_all(&[Frame { kind, time: 40, body: body.to_vec().into() }]).await;
        }
    }
    publisher.send_all(&source.tick()).await;
    let mut player = Player::connect(beside.cluster.rtmp(), &target).await.expect("playing begins");
    player.reach(*publisher.sent.last().expect("frames")).await;
    let mut flv = FlvPlayer::connect(beside.cluster.http(), &Target::flv("b08")).await;
    flv.reach(*publisher.sent.last().expect("frames")).await;
    beside.noticed_nothing().await;
}

const FLV_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\nFLV\x01\x05\0\0\0\x09\0\0\0\0";

/// A tag whose header announces `told` bytes and whose back pointer is `back`.
fn tag(kind: u8, told: u32, body: &[u8], back: u32) -> Vec<u8> {
    let [_, a, b, c] = told.to_be_bytes();
    let mut tag = vec![kind, a, b, c, 0, 0, 0, 0, 0, 0, 0];
    tag.extend_from_slice(body);
    tag.extend(back.to_be_bytes());
    tag
}

async fn behind_the_proxy(answer: Vec<u8>) -> (Cluster, fake::Http) {
    let origin = fake::Http::start(answer).await;
    let cluster = Cluster::build().origins(0).backend(origin.address, Some(origin.address)).start().await;
    (cluster, origin)
}

#[tokio::test]
async fn b08_wrong_back_pointers_of_an_origin_are_mended_and_empty_tags_pass() {
    let mut answer = FLV_HEAD.to_vec();
    for (kind, body) in
        [(9, &b"\x17\x01\0\0\0one"[..]), (8, b""), (9, b""), (8, b"\xaf\x01two"), (77, b"odd")]
    {
        answer.extend(tag(kind, u32::try_from(body.len()).expect("short"), body, 0xdead_beef));
    }
    let (cluster, _origin) = behind_the_proxy(answer).await;
    let mut flv = FlvPlayer::connect(cluster.http(), &Target::flv("x")).await;
    flv.finish().await;
    let lengths: Vec<usize> = flv.got.iter().map(|mark| mark.len).collect();
    assert_eq!(lengths, [8, 0, 0, 5, 3], "the player itself asserts the back pointers");
}

#[tokio::test]
async fn b08_a_tag_longer_than_any_frame_ends_the_viewers_session() {
    let mut answer = FLV_HEAD.to_vec();
    answer.extend(tag(9, 8, b"\x17\x01\0\0\0one", 19));
    answer.extend(tag(9, 0x00ff_ffff, b"\x17\x01\0\0\0two", 19));
    let (cluster, _origin) = behind_the_proxy(answer).await;
    let mut flv = FlvPlayer::connect(cluster.http(), "/live/too-long.flv").await;
    flv.finish().await;
    assert!(!flv.whole, "a body that broke off is not ended as a whole one");
    logs::wait(&["http-flv play ended", "live/too-long", "FLV tag of 16777215 bytes"]).await;
}

#[tokio::test]
async fn b08_a_body_that_is_no_flv_ends_the_viewers_session() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n<html>an error page</html>";
    let (cluster, _origin) = behind_the_proxy(answer.to_vec()).await;
    let mut flv = FlvPlayer::request(cluster.http(), "/live/no-flv.flv").await;
    let _head = flv.head().await;
    logs::wait(&["http-flv play ended", "live/no-flv", "no FLV signature"]).await;
}

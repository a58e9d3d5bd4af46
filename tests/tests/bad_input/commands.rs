//! B05: AMF that lies about what it holds.

use std::time::{Duration, Instant};

use srs_amf::Value;
use srs_tests::clients::raw::{chunk_head, set_chunk_size};
use srs_tests::{Frame, Player, Publisher, Raw, Source, Target};

use crate::{Beside, logged};

/// A command message in one chunk of any size.
fn command(body: &[u8]) -> Vec<u8> {
    let mut bytes = set_chunk_size(0x00ff_ffff);
    let mut head = chunk_head(3, 20, u32::try_from(body.len()).expect("short"));
    head[8] = 0;
    bytes.extend(head);
    bytes.extend_from_slice(body);
    bytes
}

/// `connect`, transaction 1, and then these bytes where the object should be.
fn connect_with(object: &[u8]) -> Vec<u8> {
    let mut body = b"\x02\x00\x07connect\x00\x3f\xf0\0\0\0\0\0\0".to_vec();
    body.extend_from_slice(object);
    body
}

/// `{"a": {"a": …`, so deep.
fn nested(depth: usize) -> Vec<u8> {
    b"\x03\x00\x01a".repeat(depth)
}

#[tokio::test]
async fn b05_amf_that_lies_is_refused_at_once() {
    let beside = Beside::start().await;
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("nested 4,000 deep", nested(4_000), "command before byte"),
        ("nested 100,000 deep", nested(100_000), ""),
        ("a strict array of 2^32-1 without data", b"\x0a\xff\xff\xff\xff".to_vec(), "command before byte"),
        ("an array of 2^32-1 without data", b"\x08\xff\xff\xff\xff".to_vec(), "command before byte"),
        ("a text longer than the message", b"\x02\xff\xffabc".to_vec(), "command before byte"),
        ("a long text of 2^32-1", b"\x0c\xff\xff\xff\xffabc".to_vec(), "command before byte"),
        ("no marker that is known", b"\x77".to_vec(), "command before byte"),
    ];
    for (name, object, words) in cases {
        for door in beside.rtmp() {
            let mut raw = Raw::open(door).await;
            let started = Instant::now();
            raw.send(&command(&connect_with(&object))).await;
            raw.closed().await;
            // The bar is 10 ms; a debug build among other tests gets more.
            assert!(started.elapsed() < Duration::from_secs(1), "{name}: {:?}", started.elapsed());
            logged(&raw, &[words]).await;
        }
    }
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b05_metadata_that_lies_is_passed_on_or_left_out_and_the_stream_goes_on() {
    let beside = Beside::start().await;
    let target = Target::live("b05");
    let mut player = Player::connect(beside.cluster.rtmp(), &target).await.expect("playing begins");
    beside.cluster.viewers("b05", 1).await;
    let mut publisher = Publisher::connect(beside.cluster.rtmp(), &target).await.expect("publishing begins");
    let mut source = Source::new(92);
    publisher.send_all(&source.clip(2)).await;
    let named = |rest: &[u8]| [b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData", rest].concat();
    for body in [
        named(&nested(100_000)),
        named(b"\x0a\xff\xff\xff\xff"),
        named(b"\x02\xff\xffabc"),
        named(b""),
        Vec::new(),
    ] {
        let frame = Frame { kind: 18, time: 80, body: body.into() };
        publisher.send_all(&[frame]).await;
        publisher.send_all(&source.tick()).await;
    }
    player.reach(*publisher.sent.last().expect("frames")).await;
    // The API reads metadata for what it shows.
    assert!(beside.cluster.streams(0).await.iter().any(|stream| stream["name"] == "b05"));
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn commands_in_a_wrong_order_are_refused_in_words() {
    let beside = Beside::start().await;
    for (name, stream) in [("publish", "x"), ("play", "x")] {
        for door in beside.rtmp() {
            let mut raw = Raw::open(door).await;
            let early = srs_rtmp::Command::new(name, 2.0, Value::Null).with(stream);
            raw.send(&srs_tests::clients::raw::command_bytes(&early, 1)).await;
            raw.closed().await;
            logged(&raw, &[name, "before connect"]).await;
        }
    }
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn what_is_no_rtmp_is_refused_at_its_first_byte() {
    let beside = Beside::start().await;
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for (hello, words) in
        [(&b"GET / HTTP/1.1\r\n\r\n"[..], "not an RTMP peer"), (tls, "not an RTMP peer"), (b"\x06", "RTMPE")]
    {
        for door in beside.rtmp() {
            let mut raw = Raw::connect(door).await;
            raw.send(hello).await;
            raw.closed().await;
            logged(&raw, &["handshake", words]).await;
        }
    }
    beside.noticed_nothing().await;
}

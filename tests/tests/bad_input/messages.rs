//! B02 to B04 and B06: chunks and messages.

use bytes::BytesMut;
use srs_tests::clients::raw::{chunk_head, connect_bytes, set_chunk_size};
use srs_tests::{Cluster, OriginProcess, Player, Publisher, Raw, Source, Target};

use crate::{Beside, ends_with};

#[tokio::test]
async fn b02_a_stranger_may_not_send_much_of_a_message_that_it_announced() {
    let beside = Beside::start().await;
    let mut bytes = connect_bytes().to_vec();
    bytes.extend(set_chunk_size(0x7fff_ffff));
    bytes.extend(chunk_head(3, 20, 0x00ff_ffff));
    bytes.resize(bytes.len() + 64 * 1024, 0);
    ends_with(&beside, &bytes, &["unfinished messages"]).await;
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b02_a_publisher_may_not_send_more_than_the_limit_of_one_message() {
    let beside = Beside::start().await;
    for door in beside.rtmp() {
        let mut publisher = Publisher::connect(door, &Target::live("b02")).await.expect("publishing begins");
        publisher.send_raw(&set_chunk_size(0x7fff_ffff)).await;
        publisher.send_raw(&chunk_head(6, 9, 0x00ff_ffff)).await;
        publisher.send_raw(&vec![0; 7 << 20]).await;
        publisher.closed().await;
    }
    srs_tests::logs::wait(&["rtmp publish ended", "live/b02", "unfinished messages"]).await;
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b03_messages_begun_on_33_chunk_streams_end_the_connection() {
    let beside = Beside::start().await;
    let mut bytes = connect_bytes().to_vec();
    for csid in 4..40 {
        bytes.extend(chunk_head(csid, 9, 1000));
        bytes.resize(bytes.len() + 128, 0);
    }
    ends_with(&beside, &bytes, &["unfinished messages"]).await;
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b03_whole_messages_on_too_many_chunk_streams_end_the_connection() {
    let beside = Beside::start().await;
    let mut bytes = connect_bytes().to_vec();
    for csid in 64..200_u8 {
        // The form of two bytes: the id less 64.
        bytes.extend([0, csid - 64, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 0]);
    }
    ends_with(&beside, &bytes, &["chunk streams"]).await;
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b04_a_chunk_size_of_zero_ends_the_connection() {
    let beside = Beside::start().await;
    ends_with(&beside, &set_chunk_size(0), &["chunk size 0"]).await;
    ends_with(&beside, &set_chunk_size(0x8000_0000), &["chunk size 0"]).await;
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b04_odd_chunk_sizes_are_taken_for_what_they_are() {
    let beside = Beside::start().await;
    for (number, (told, used)) in
        [(1, 1), (0x7fff_ffff, 0x00ff_ffff), (0x8000_0080, 128)].into_iter().enumerate()
    {
        let target = Target::live(&format!("b04-{number}"));
        let mut publisher =
            Publisher::connect(beside.cluster.rtmp(), &target).await.expect("publishing begins");
        publisher.send_raw(&set_chunk_size(told)).await;
        let mut source = Source::new(90);
        source.size = 3000;
        let frames = source.clip(3);
        let mut out = BytesMut::new();
        let writer = srs_rtmp::chunk::Writer::new(used);
        frames.iter().for_each(|frame| writer.write(&frame.message(), &mut out));
        publisher.send_raw(&out).await;
        let mut player = Player::connect(beside.cluster.rtmp(), &target).await.expect("playing begins");
        player.reach(frames.last().expect("frames").mark()).await;
    }
    beside.noticed_nothing().await;
}

#[tokio::test]
async fn b04_no_chunk_size_makes_an_origin_spin() {
    let origin = OriginProcess::start(env!("CARGO_BIN_EXE_origin-alone"), "spin", None).await;
    let mut peers = Vec::new();
    for size in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        for _ in 0..5 {
            let mut raw = Raw::open(origin.rtmp).await;
            raw.send(&set_chunk_size(size)).await;
            raw.send(&chunk_head(3, 20, 5000)).await;
            raw.send(&[0]).await;
            peers.push(raw);
        }
    }
    // A measurement, not a wait: what the process uses in a second with these peers connected.
    let before = origin.cpu_ticks();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let used = origin.cpu_ticks() - before;
    assert!(used <= 5, "{used} % of a processor");
}

/// A video message in chunks of 128 bytes at an extended timestamp, the field repeated on type 3 headers or not.
fn extended(time: u32, body: &[u8], repeated: bool) -> Vec<u8> {
    let mut bytes = chunk_head(6, 9, u32::try_from(body.len()).expect("short"));
    bytes[1..4].copy_from_slice(&[0xff; 3]);
    bytes.extend(time.to_be_bytes());
    for (number, piece) in body.chunks(128).enumerate() {
        if number > 0 {
            bytes.push(0xc6);
            if repeated {
                bytes.extend(time.to_be_bytes());
            }
        }
        bytes.extend_from_slice(piece);
    }
    bytes
}

#[tokio::test]
async fn b06_extended_timestamps_repeated_or_not_and_long_deltas_are_played() {
    let cluster = Cluster::build().start().await;
    for repeated in [true, false] {
        let target = Target::live(&format!("b06-{repeated}"));
        let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
        publisher.send_raw(&set_chunk_size(128)).await;
        let mut source = Source::new(91).starting_at(0x0200_0000);
        source.audio = false;
        source.size = 1000;
        let mut frames: Vec<_> = source.headers().into_iter().filter(|frame| frame.kind == 9).collect();
        frames.extend(source.tick());
        for frame in &frames {
            publisher.send_raw(&extended(frame.time, &frame.body, repeated)).await;
        }
        // A type 1 header with a delta of more than 24 bits.
        let next = source.tick().remove(0);
        let [_, a, b, c] = u32::try_from(next.body.len()).expect("short").to_be_bytes();
        let delta = 0x0123_4567_u32.to_be_bytes();
        let mut bytes = vec![0x46, 0xff, 0xff, 0xff, a, b, c, 9];
        bytes.extend(delta);
        for (number, piece) in next.body.chunks(128).enumerate() {
            if number > 0 {
                bytes.push(0xc6);
                if repeated {
                    bytes.extend(delta);
                }
            }
            bytes.extend_from_slice(piece);
        }
        publisher.send_raw(&bytes).await;
        let mut player = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
        player.reach(next.mark()).await;
        let key = frames.last().expect("frames").mark();
        assert!(player.got.iter().any(|mark| mark.sha256 == key.sha256), "the key frame came whole");
    }
}

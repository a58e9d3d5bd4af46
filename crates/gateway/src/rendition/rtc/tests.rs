use bytes::Bytes;
use srs_flv::body::{self, Whole};
use srs_flv::compose::{Coding, Composer};
use srs_rtp::record::{self, Record};

use super::*;
use crate::rtc::testkit::{KEY, opus};

const PICTURED: Pictured = Pictured { keep_bframe: false, keep_sei: true };

/// Frames of a stream of H.264: which are key pictures, shown and decoded when.
fn pictures(list: &[(bool, i64, i64)]) -> Vec<Frame> {
    let (mut composer, mut frames) = (Composer::new(), Vec::new());
    for (key, shown, decoded) in list {
        let inter: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x24, 0x6c, 0x41];
        let data = if *key { KEY } else { inter };
        let unit = srs_flv::compose::Unit::at(Coding::H264, *shown, *decoded, data);
        composer.push(&unit, &mut |frame| frames.push(frame)).unwrap();
    }
    frames
}

fn sound(time: i64, wire: Bytes) -> Frame {
    srs_flv::demux(srs_flv::AUDIO, time, wire).unwrap()
}

fn pushed(rtp: &mut Rtp, frames: &[Frame]) -> BytesMut {
    let mut out = BytesMut::new();
    frames
        .iter()
        .for_each(|frame| rtp.push(frame, frame.role == Role::Key && frame.kind == Kind::Video, &mut out));
    out
}

fn records(mut run: &[u8]) -> Vec<Record<'_>> {
    let mut all = Vec::new();
    while let Some(record) = record::next(&mut run) {
        all.push(record);
    }
    assert!(run.is_empty(), "records and nothing else");
    all
}

fn heads(run: &[u8]) -> Vec<Head> {
    records(run).iter().map(|record| record.head).collect()
}

#[test]
fn a_key_picture_stands_behind_its_parameter_sets() {
    let run = pushed(&mut Rtp::new(PICTURED), &pictures(&[(true, 0, 0), (false, 40, 40)]));
    let all = records(&run);
    assert_eq!(all.len(), 2);
    let first: Vec<_> = all[0].packets().collect();
    // One packet of several NAL units: SPS, PPS, IDR.
    assert_eq!(first.len(), 1);
    assert!(first[0].marker);
    assert_eq!(first[0].payload[0] & 0x1f, 24);
    let kinds = |payload: &[u8]| {
        let (mut rest, mut kinds) = (&payload[1..], Vec::new());
        while let Some((size, more)) = rest.split_first_chunk::<2>() {
            kinds.push(more[0] & 0x1f);
            rest = &more[usize::from(u16::from_be_bytes(*size))..];
        }
        kinds
    };
    assert_eq!(kinds(first[0].payload), [7, 8, 5]);
    assert_eq!((all[0].head.key, all[1].head.key), (true, false));
    assert_eq!((all[0].head.rtp, all[1].head.rtp), (0, 3_600));
}

#[test]
fn who_comes_later_knows_the_headers_that_were_before() {
    let frames = pictures(&[(true, 0, 0)]);
    let headers = Headers { configs: vec![frames[0].clone()], ..Headers::default() };
    let mut rtp = Rtp::new(PICTURED);
    rtp.begin(&headers);
    assert_eq!(heads(&pushed(&mut rtp, &frames[1..])).len(), 1);
    assert!(pushed(&mut Rtp::new(PICTURED), &frames[1..]).is_empty(), "without them it is nothing");
}

#[test]
fn pictures_that_come_out_of_order_are_left_out_unless_they_are_to_stay() {
    // I P B B P, as encoders send them.
    let frames =
        pictures(&[(true, 80, 0), (false, 200, 40), (false, 120, 80), (false, 160, 120), (false, 240, 160)]);
    let times = |pictured| {
        heads(&pushed(&mut Rtp::new(pictured), &frames)).iter().map(|head| head.time).collect::<Vec<_>>()
    };
    assert_eq!(times(PICTURED).len(), 3);
    assert!(times(PICTURED).windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(times(Pictured { keep_bframe: true, ..PICTURED }).len(), 5);
}

#[test]
fn opus_goes_as_it_is_whether_it_came_or_was_made() {
    for track in [0, DERIVED] {
        let packet = |time, number| Frame { track, ..sound(time, body::opus(&opus(number))) };
        let run = pushed(&mut Rtp::new(PICTURED), &[packet(0, 1), packet(20, 2)]);
        let all = records(&run);
        assert_eq!(all[1].packets().next().unwrap().payload, opus(2));
        assert_eq!((all[0].head.rtp, all[1].head.rtp), (0, 960));
        assert!(!all[1].packets().next().unwrap().marker && all[1].head.key);
    }
}

#[test]
fn other_sound_and_other_tracks_are_nothing() {
    let other = Frame { track: 2, ..sound(0, body::opus(&opus(1))) };
    let frames = [
        sound(0, body::audio_config(&[0x12, 0x10])),
        sound(0, body::audio(&[1, 2, 3])),
        sound(0, body::mp3(44_100, 2, &[1, 2, 3])),
        sound(0, body::opus_config(b"OpusHead\x01\x02")),
        sound(0, body::opus(&[])),
        other,
    ];
    assert!(pushed(&mut Rtp::new(PICTURED), &frames).is_empty());
}

#[test]
fn vp8_vp9_and_av1_go_as_they_are() {
    let av1: &[u8] = &[0x0a, 0x03, 1, 2, 3, 0x32, 0x04, 0x14, 0x00, 0x20, 0xf8];
    for (whole, codec, data) in [
        (Whole::Vp8, srs_rtc::Codec::Vp8, &[0x30, 0x2c, 0, 0x9d, 1, 0x2a, 0x62, 0, 0x42, 0][..]),
        (Whole::Vp9, srs_rtc::Codec::Vp9, &[0x82, 0x49, 0x83, 0x42, 0, 6, 0x10]),
        (Whole::Av1, srs_rtc::Codec::Av1, av1),
    ] {
        let frame = srs_flv::demux(srs_flv::VIDEO, 40, body::whole(whole, true, data)).unwrap();
        let all = heads(&pushed(&mut Rtp::new(PICTURED), &[frame]));
        assert_eq!(all, [Head { codec, key: true, time: 40, rtp: 3_600 }]);
    }
}

#[test]
fn a_stream_without_key_pictures_begins_where_the_hub_says() {
    let frames = pictures(&[(true, 0, 0), (false, 40, 40), (false, 80, 80)]);
    let (mut rtp, mut out) = (Rtp::new(PICTURED), BytesMut::new());
    frames.iter().for_each(|frame| rtp.push(frame, false, &mut out));
    // The start is at a sound; the next picture is the first that is there.
    let mut later = pictures(&[(true, 0, 0), (false, 120, 120), (false, 160, 160)]).split_off(2);
    rtp.push(&sound(110, body::audio(&[1])), true, &mut out);
    later.drain(..).for_each(|frame| rtp.push(&frame, false, &mut out));
    let keys: Vec<bool> = heads(&out).iter().map(|head| head.key).collect();
    assert_eq!(keys, [true, false, false, true, false]);
}

#[test]
fn times_go_on_over_a_change_of_publishers_whatever_theirs_are() {
    for begins in [0, 1_000, 3_000_000_000_i64] {
        let mut rtp = Rtp::new(PICTURED);
        let at = |time: i64| Frame { time, ..pictures(&[(true, 0, 0)])[1].clone() };
        let headers = Headers { configs: vec![pictures(&[(true, 0, 0)])[0].clone()], ..Headers::default() };
        rtp.begin(&headers);
        let mut run = pushed(&mut rtp, &[at(500_000), at(500_040)]);
        rtp.begin(&headers);
        run.unsplit(pushed(
            &mut rtp,
            &[at(begins), at(begins + 40), sound(begins + 40, body::opus(&opus(1)))],
        ));
        let times: Vec<i64> = heads(&run).iter().map(|head| head.time).collect();
        assert_eq!(times, [500_000, 500_040, 500_080, 500_120, 500_120], "{begins}");
    }
}

#[test]
fn a_publisher_whose_times_go_on_keeps_them() {
    let mut rtp = Rtp::new(PICTURED);
    let at = |time: i64| Frame { time, ..pictures(&[(true, 0, 0)])[1].clone() };
    let headers = Headers { configs: vec![pictures(&[(true, 0, 0)])[0].clone()], ..Headers::default() };
    rtp.begin(&headers);
    let mut run = pushed(&mut rtp, &[at(1_000)]);
    rtp.begin(&headers);
    run.unsplit(pushed(&mut rtp, &[at(1_300)]));
    assert_eq!(heads(&run).iter().map(|head| head.time).collect::<Vec<_>>(), [1_000, 1_300]);
}

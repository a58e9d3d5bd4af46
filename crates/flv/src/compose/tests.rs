use super::*;
use crate::elementary::Elementary;
use crate::testkit::{AV1, AV1_RECORD, Temporary, VP8, VP9, VP9_RECORD, clip_frames, clip_path, decoded};
use crate::{describe_audio, describe_video, payload};
use bytes::BytesMut;
use proptest::prelude::*;
use srs_media::{Kind, Role};
use srs_ts::{Demuxer, Event, Muxer, Track, ticks};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const AVC_AAC: &[u8] = include_bytes!("../../../ts/fixtures/avc_aac.ts");
const HEVC_MP3: &[u8] = include_bytes!("../../../ts/fixtures/hevc_mp3.ts");
const OPUS: &[u8] = include_bytes!("../../../ts/fixtures/opus.ts");
const LATM: &[u8] = include_bytes!("../../../ts/fixtures/latm.ts");

fn coding(codec: srs_ts::Codec) -> Coding {
    match codec {
        srs_ts::Codec::H264 => Coding::H264,
        srs_ts::Codec::Hevc => Coding::Hevc,
        srs_ts::Codec::Aac => Coding::Adts,
        srs_ts::Codec::Latm => Coding::Latm,
        srs_ts::Codec::Mp3 => Coding::MpegAudio,
        srs_ts::Codec::Opus { channels } => Coding::Opus { channels },
    }
}

/// The frames in a transport stream, all of which must be sound.
fn frames(stream: &[u8]) -> Vec<Frame> {
    let (mut demuxer, mut composer, mut frames) = (Demuxer::new(), Composer::new(), Vec::new());
    let mut take = |event: Event<'_>| {
        if let Event::Unit { unit, codec, discontinuity } = event {
            let srs_ts::Unit { dts, pts, key, data, .. } = unit;
            let unit = Unit { coding: coding(codec), pts, dts, key, discontinuity, data };
            composer.push(&unit, &mut |frame| frames.push(frame)).unwrap();
        }
    };
    stream.chunks(1_316).for_each(|piece| demuxer.push(piece, &mut take));
    demuxer.flush(&mut take);
    assert_eq!(demuxer.errors(), srs_ts::demux::Errors::default());
    frames
}

/// A transport stream of these frames.
fn muxed(frames: &[Frame]) -> Vec<u8> {
    let (mut elementary, mut muxer, mut out) = (Elementary::new(), Muxer::new(), BytesMut::new());
    for frame in frames {
        if elementary.configure(frame) {
            continue;
        }
        let mut data = BytesMut::new();
        let Some(access) = elementary.access(frame, &mut data).unwrap() else { continue };
        let carried = |codec: Option<Codec>| codec.and_then(srs_ts::Codec::of);
        let tracks = (carried(elementary.video()), carried(elementary.audio()));
        if tracks != muxer.tracks() {
            muxer.set_tracks(tracks.0, tracks.1);
            muxer.tables(&mut out);
        }
        let track = if access.kind == Kind::Video { Track::Video } else { Track::Audio };
        let (dts, pts) = (ticks(access.dts), ticks(access.pts));
        muxer.push(&srs_ts::Unit { track, dts, pts, key: access.key, data: &data }, &mut out);
    }
    out.to_vec()
}

/// What counts of frames, of one kind. ADTS says of a configuration what its first two bytes do.
fn told(frames: &[Frame], kind: Kind) -> Vec<(Role, Codec, i64, i32, Bytes)> {
    let one = |frame: &Frame| {
        let mut bytes = payload(frame).unwrap();
        if (frame.role, frame.codec) == (Role::Config, Codec::Aac) {
            bytes.truncate(2);
        }
        (frame.role, frame.codec, frame.time, frame.composition, bytes)
    };
    frames.iter().filter(|frame| frame.kind == kind).map(one).collect()
}

fn roles(frames: &[Frame], kind: Kind) -> [usize; 3] {
    let count = |role| frames.iter().filter(|frame| frame.kind == kind && frame.role == role).count();
    [Role::Config, Role::Key, Role::Inter].map(count)
}

fn times(frames: &[Frame], kind: Kind) -> Vec<i64> {
    frames
        .iter()
        .filter(|frame| frame.kind == kind && frame.role != Role::Config)
        .map(|frame| frame.time)
        .collect()
}

fn coded(frames: &[Frame]) -> Vec<Frame> {
    frames.iter().filter(|frame| frame.kind != Kind::Data).cloned().collect()
}

#[test]
fn the_clip_comes_back_from_a_transport_stream_as_it_was() {
    let clip = clip_frames();
    let back = frames(&muxed(&clip));
    for kind in [Kind::Video, Kind::Audio] {
        assert!(told(&back, kind) == told(&clip, kind), "{kind:?}");
    }
    // Nothing else was lost either: the bodies are those that the publisher sent.
    let wires = |frames: &[Frame], role| -> Vec<Bytes> {
        frames.iter().filter(|frame| frame.role == role).map(|frame| frame.wire.clone()).collect()
    };
    for role in [Role::Key, Role::Inter] {
        assert!(wires(&back, role) == wires(&coded(&clip), role), "{role:?}");
    }
}

/// What ffmpeg makes of the clip; `None` where there is no ffmpeg.
fn ffmpegs_clip() -> Option<Vec<u8>> {
    let file = Temporary(std::env::temp_dir().join(format!("srs-flv-compose-{}.ts", std::process::id())));
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(clip_path())
        .args(["-c", "copy", "-f", "mpegts"])
        .arg(&file.0)
        .stdin(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Some(std::fs::read(&file.0).unwrap())
}

#[test]
fn the_clip_comes_back_from_ffmpeg_as_it_was() {
    let Some(stream) = ffmpegs_clip() else { return };
    let (clip, back) = (clip_frames(), frames(&stream));
    let bytes = |frames: &[Frame], kind| -> Vec<(Role, Bytes)> {
        told(frames, kind).into_iter().map(|(role, _, _, _, bytes)| (role, bytes)).collect()
    };
    for kind in [Kind::Video, Kind::Audio] {
        assert!(bytes(&back, kind) == bytes(&clip, kind), "{kind:?}");
    }
    let off = times(&back, Kind::Video)[0] - times(&clip, Kind::Video)[0];
    for kind in [Kind::Video, Kind::Audio] {
        for (back, clip) in times(&back, kind).iter().zip(times(&clip, kind)) {
            assert!((back - clip - off).abs() <= 1, "{kind:?}: {back} for {clip}");
        }
    }
}

#[test]
fn what_ffmpeg_sends_becomes_frames() {
    let avc = frames(AVC_AAC);
    assert_eq!(roles(&avc, Kind::Video), [1, 2, 18]);
    assert_eq!(roles(&avc, Kind::Audio), [1, 36, 0]);
    let info = avc.iter().find_map(describe_video).unwrap();
    assert_eq!((info.codec, info.width, info.height), (Codec::H264, 96, 64));
    assert_eq!(times(&avc, Kind::Video)[..4], [0, 40, 80, 120]);

    let hevc = frames(HEVC_MP3);
    assert_eq!(roles(&hevc, Kind::Video), [1, 2, 8]);
    assert_eq!(roles(&hevc, Kind::Audio), [0, 17, 0]);
    let info = hevc.iter().find_map(describe_video).unwrap();
    assert_eq!((info.codec, info.width, info.height), (Codec::Hevc, 64, 64));
    let shown: Vec<_> = told(&hevc, Kind::Video)[1..5].iter().map(|frame| (frame.2, frame.3)).collect();
    assert_eq!(shown, [(0, 80), (40, 240), (80, 120), (120, 0)]);
}

#[test]
fn sound_of_every_kind_keeps_its_pace() {
    let spaced = |stream: &[u8], count: usize, length: f64| {
        let times = times(&frames(stream), Kind::Audio);
        assert_eq!(times.len(), count);
        for (at, time) in times.iter().enumerate() {
            let expected = times[0] as f64 + at as f64 * length;
            assert!((*time as f64 - expected).abs() <= 2.0, "frame {at}: {time} for {expected}");
        }
    };
    spaced(AVC_AAC, 36, 1_024.0 / 44.1);
    spaced(HEVC_MP3, 17, 1_152.0 / 44.1);
    spaced(OPUS, 21, 20.0);
    spaced(LATM, 16, 1_024.0 / 48.0);
    let info = frames(LATM).iter().find_map(describe_audio).unwrap();
    assert_eq!((info.codec, info.sample_rate, info.channels), (Codec::Aac, 48_000, 2));
    let info = frames(OPUS).iter().find_map(describe_audio).unwrap();
    assert_eq!((info.codec, info.channels), (Codec::Opus, 2));
}

#[test]
fn what_was_read_can_be_written_and_decoded() {
    for (name, stream, codecs) in [
        ("avc", AVC_AAC, &["h264,20\n", "aac,36\n"][..]),
        ("hevc", HEVC_MP3, &["hevc,10\n", "mp3,17\n"]),
        ("opus", OPUS, &["opus,21\n"]),
        ("latm", LATM, &["aac,16\n"]),
    ] {
        let read = frames(stream);
        let written = muxed(&read);
        let Some(text) = decoded(&written, name) else { return };
        assert!(codecs.iter().all(|codec| text.contains(codec)), "{name}: {text}");
        let again = frames(&written);
        for kind in [Kind::Video, Kind::Audio] {
            let bytes =
                |frames| told(frames, kind).into_iter().map(|frame| (frame.0, frame.4)).collect::<Vec<_>>();
            assert!(bytes(&again) == bytes(&read), "{name}");
        }
    }
}

fn unit(coding: Coding, ms: u64, data: &[u8]) -> Unit<'_> {
    Unit { coding, pts: ms * 90, dts: ms * 90, key: false, discontinuity: false, data }
}

#[test]
fn a_header_stands_right_before_what_it_is_for() {
    let clip = coded(&frames(AVC_AAC));
    for kind in [Kind::Video, Kind::Audio] {
        let mut of = clip.iter().filter(|frame| frame.kind == kind);
        let (first, second) = (of.next().unwrap(), of.next().unwrap());
        assert_eq!((first.role, second.role, first.time), (Role::Config, Role::Key, second.time));
    }
}

#[test]
fn another_codec_begins_anew() {
    let (mut composer, mut seen) = (Composer::new(), Vec::new());
    let opus = [0x7f, 0xe0, 2, 0xfc, 9];
    let adts = [0xff, 0xf1, 0x50, 0x80, 1, 0x3f, 0xfc, 7, 7];
    for (ms, coding, data) in [
        (0, Coding::Opus { channels: 2 }, &opus[..]),
        (20, Coding::Opus { channels: 2 }, &opus),
        (40, Coding::Adts, &adts),
        (63, Coding::Adts, &adts),
        (86, Coding::Opus { channels: 1 }, &opus),
    ] {
        composer
            .push(&unit(coding, ms, data), &mut |frame| seen.push((frame.time, frame.role, frame.codec)))
            .unwrap();
    }
    let (config, key) = (Role::Config, Role::Key);
    let expected = [
        (0, config, Codec::Opus),
        (0, key, Codec::Opus),
        (20, key, Codec::Opus),
        (40, config, Codec::Aac),
        (40, key, Codec::Aac),
        (63, key, Codec::Aac),
        (86, config, Codec::Opus),
        (86, key, Codec::Opus),
    ];
    assert_eq!(seen, expected);
}

fn soup(most: usize) -> impl Strategy<Value = Vec<u8>> {
    // What start codes and headers are made of, often.
    prop::collection::vec(
        prop_oneof![
            0u8..4,
            any::<u8>(),
            prop::sample::select(vec![0x47, 0x56, 0x65, 0x67, 0xff, 0x7f, 0xe0, 0xf1])
        ],
        0..most,
    )
}

proptest! {
    #[test]
    fn any_units_are_survived(
        units in prop::collection::vec((0usize..6, any::<u64>(), any::<u64>(), any::<bool>(), soup(200)), 0..20),
    ) {
        let codings = [
            Coding::H264, Coding::Hevc, Coding::Adts, Coding::Latm, Coding::MpegAudio, Coding::Opus { channels: 2 },
        ];
        let mut composer = Composer::new();
        for (at, pts, dts, flag, data) in units {
            let unit = Unit { coding: codings[at], pts, dts, key: flag, discontinuity: !flag, data: &data };
            let _ = composer.push(&unit, &mut |frame| assert!(frame.time >= 0));
        }
    }

    #[test]
    fn frames_come_back_from_a_transport_stream(
        sizes in prop::collection::vec((1usize..3_000, any::<bool>(), 0i32..200), 1..40),
    ) {
        let heads = coded(&frames(AVC_AAC));
        let mut all: Vec<Frame> = heads.into_iter().filter(|frame| frame.role == Role::Config).collect();
        all.iter_mut().for_each(|frame| frame.time = 0);
        for (at, (size, key, composition)) in (0i64..).zip(sizes) {
            let key = key || at == 0;
            // A slice that is the first of its picture, and no start code in it.
            let mut nal = vec![if key { 0x65 } else { 0x41 }, 0x88];
            nal.resize(size + 2, 0x77);
            let kind = if key { Shown::Key } else { Shown::Inter };
            let nals = [&u32::try_from(nal.len()).unwrap().to_be_bytes()[..], &nal].concat();
            all.push(demux(VIDEO, at * 40, body::video(body::Codec::H264, kind, composition, &nals)).unwrap());
            all.push(demux(AUDIO, at * 40, body::audio(&vec![0x21; size])).unwrap());
        }
        let back = frames(&muxed(&all));
        for kind in [Kind::Video, Kind::Audio] {
            prop_assert!(told(&back, kind) == told(&all, kind), "{:?}", kind);
        }
    }
}

fn composed(units: &[Unit<'_>]) -> Vec<Frame> {
    let (mut composer, mut frames) = (Composer::new(), Vec::new());
    for unit in units {
        composer.push(unit, &mut |frame| frames.push(frame)).unwrap();
    }
    frames
}

#[test]
fn frames_of_vp8_vp9_and_av1_come_with_a_record_before_the_first_key_frame() {
    let vp8_record = [1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0];
    let cases = [
        (Coding::Vp8, Codec::Vp8, VP8, &vp8_record[..], 0),
        (Coding::Vp9, Codec::Vp9, VP9, VP9_RECORD, 0),
        (Coding::Av1, Codec::Av1, AV1, AV1_RECORD, 2),
    ];
    for (coding, codec, [key, inter], record, delimiter) in cases {
        let unit = |time, data| Unit::at(coding, time, time, data);
        // What refers to a frame that never came is left out.
        let frames = composed(&[unit(960, inter), unit(1_000, key), unit(1_040, inter), unit(1_080, key)]);
        let one = |role, time, data: &[u8]| (role, codec, time, 0, Bytes::copy_from_slice(data));
        let expected = [
            one(Role::Config, 0, record),
            one(Role::Key, 0, &key[delimiter..]),
            one(Role::Inter, 40, &inter[delimiter..]),
            one(Role::Key, 80, &key[delimiter..]),
        ];
        assert_eq!(told(&frames, Kind::Video), expected);
    }
}

#[test]
fn the_size_of_pictures_comes_from_their_key_frames() {
    for (coding, [key, _]) in [(Coding::Vp8, VP8), (Coding::Vp9, VP9), (Coding::Av1, AV1)] {
        let (mut composer, mut frames) = (Composer::new(), Vec::new());
        assert_eq!(composer.picture_size(), None);
        composer.push(&Unit::at(coding, 0, 0, key), &mut |frame| frames.push(frame)).unwrap();
        assert_eq!(composer.picture_size(), Some((98, 66)));
        let described = frames.iter().filter_map(describe_video).find(|info| info.width > 0).unwrap();
        assert_eq!((described.width, described.height), (98, 66));
    }
}

#[test]
fn another_size_of_av1_brings_a_new_record() {
    let mut other = AV1[0].to_vec();
    other[9] ^= 0x04;
    let units = [AV1[0], &other, &other].map(|data| Unit::at(Coding::Av1, 0, 0, data));
    assert_eq!(roles(&composed(&units), Kind::Video), [2, 3, 0]);
}

#[test]
fn one_opus_packet_is_a_frame_at_its_own_time() {
    let packet = |time| Unit::at(Coding::OpusPacket { channels: 2 }, time, time, &[0xfc, 1, 2]);
    let frames = composed(&[packet(500), packet(521), packet(540)]);
    assert_eq!(roles(&frames, Kind::Audio), [1, 3, 0]);
    assert_eq!(times(&frames, Kind::Audio), [0, 21, 40]);
    assert_eq!(payload(&frames[1]).unwrap()[..], [0xfc, 1, 2]);
    assert_eq!(describe_audio(&frames[0]).unwrap().channels, 2);
}

#[test]
fn an_opus_packet_of_nothing_is_damaged() {
    let unit = Unit::at(Coding::OpusPacket { channels: 2 }, 0, 0, &[]);
    assert_eq!(Composer::new().push(&unit, &mut |_| ()), Err(Error::Damaged(Codec::Opus)));
}

#[test]
fn times_in_milliseconds_go_on_beyond_33_bits() {
    // 33 bits of 90 kHz are 26.5 hours.
    let beyond = (1_i64 << 33) / 90;
    let times_of: Vec<i64> = (beyond - 50..beyond + 100).step_by(20).collect();
    let units: Vec<_> = times_of.iter().map(|&time| Unit::at(Coding::Vp8, time, time, VP8[0])).collect();
    let expected: Vec<i64> = times_of.iter().map(|time| time - times_of[0]).collect();
    assert_eq!(times(&composed(&units), Kind::Video), expected);
    let negative = [-40, 0, 40].map(|time| Unit::at(Coding::Vp8, time, time, VP8[0]));
    assert_eq!(times(&composed(&negative), Kind::Video), [0, 40, 80]);
}

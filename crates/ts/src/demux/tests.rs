use super::*;
use crate::{Muxer, TIME_MASK};
use bytes::BytesMut;
use proptest::prelude::*;

/// Made by ffmpeg 5.1: H.264 with AAC, H.265 with MP3, Opus, AAC in LOAS.
const AVC_AAC: &[u8] = include_bytes!("../../fixtures/avc_aac.ts");
const HEVC_MP3: &[u8] = include_bytes!("../../fixtures/hevc_mp3.ts");
const OPUS: &[u8] = include_bytes!("../../fixtures/opus.ts");
const LATM: &[u8] = include_bytes!("../../fixtures/latm.ts");

#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    track: Track,
    dts: u64,
    pts: u64,
    key: bool,
    data: Vec<u8>,
    discontinuity: bool,
}

/// What came out, in words for all that is no unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    units: Vec<Owned>,
    said: Vec<String>,
}

impl Seen {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Unit { unit: Unit { track, dts, pts, key, data }, codec: _, discontinuity } => {
                self.units.push(Owned { track, dts, pts, key, data: data.to_vec(), discontinuity });
            }
            other => self.said.push(format!("{other:?}")),
        }
    }

    fn of(&self, track: Track) -> Vec<&Owned> {
        self.units.iter().filter(|unit| unit.track == track).collect()
    }
}

/// What is in a stream that comes in such pieces.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Seen, Errors) {
    let (mut demuxer, mut seen) = (Demuxer::new(), Seen::default());
    for piece in pieces {
        demuxer.push(piece, &mut |event| seen.take(event));
    }
    demuxer.flush(&mut |event| seen.take(event));
    (seen, demuxer.errors())
}

fn owned(track: Track, at: u64, length: usize) -> Owned {
    let data = (0..length).map(|byte| (byte as u8).wrapping_mul(7).wrapping_add(at as u8)).collect();
    Owned { track, dts: at * 3_600, pts: at * 3_600 + 80, key: at == 0, data, discontinuity: false }
}

/// Pictures and sounds of all lengths, one after the other.
fn units() -> Vec<Owned> {
    let one = |(at, &length)| {
        let sound = owned(Track::Audio, at, length % 3_000 + 1);
        [owned(Track::Video, at, length), Owned { pts: sound.dts, key: true, ..sound }]
    };
    (0..).zip(&[5_000, 1, 170, 184, 70_000, 183, 1_000, 66_000, 66_001, 20, 100]).flat_map(one).collect()
}

fn muxed(units: &[Owned]) -> Vec<u8> {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    muxer.set_tracks(Some(Codec::H264), Some(Codec::Aac));
    for (at, unit) in units.iter().enumerate() {
        if at % 8 == 0 {
            muxer.tables(&mut out);
        }
        let &Owned { track, dts, pts, key, ref data, .. } = unit;
        assert!(muxer.push(&Unit { track, dts, pts, key, data }, &mut out));
    }
    out.to_vec()
}

fn sorted(seen: &[Owned]) -> Vec<Owned> {
    let mut units = seen.to_vec();
    units.sort_by_key(|unit| (unit.dts, unit.track == Track::Audio));
    units
}

#[test]
fn units_come_out_as_they_went_in() {
    let stream = muxed(&units());
    let (seen, errors) = read([&stream[..]]);
    // Long pictures, whose end the next one shows, come later than what was sent behind them.
    assert!(sorted(&seen.units) == units());
    assert_eq!(seen.said, ["Tracks { video: Some(H264), audio: Some(Aac) }"]);
    assert_eq!(errors, Errors::default());
}

#[test]
fn a_unit_with_a_length_comes_with_its_last_packet() {
    let (mut demuxer, mut seen) = (Demuxer::new(), Seen::default());
    let stream = muxed(&units()[..2]);
    demuxer.push(&stream, &mut |event| seen.take(event));
    assert_eq!(seen.units, units()[..2]);
}

#[test]
fn what_ffmpeg_sends_is_read() {
    let counts = |stream: &[u8]| {
        let (seen, errors) = read(stream.chunks(1_316));
        assert_eq!(errors, Errors::default());
        let keys = seen.of(Track::Video).iter().filter(|unit| unit.key).count();
        (seen.of(Track::Video).len(), keys, !seen.of(Track::Audio).is_empty(), seen.said.join(" "))
    };
    let tracks = |video: &str, audio: &str| format!("Tracks {{ video: {video}, audio: {audio} }}");
    assert_eq!(counts(AVC_AAC), (20, 2, true, tracks("Some(H264)", "Some(Aac)")));
    assert_eq!(counts(HEVC_MP3), (10, 2, true, tracks("Some(Hevc)", "Some(Mp3)")));
    assert_eq!(counts(OPUS), (0, 0, true, tracks("None", "Some(Opus { channels: 2 })")));
    assert_eq!(counts(LATM), (0, 0, true, tracks("None", "Some(Latm)")));
}

#[test]
fn times_are_those_that_ffmpeg_wrote() {
    let (seen, _) = read([HEVC_MP3]);
    let times: Vec<_> = seen.of(Track::Video).iter().map(|unit| (unit.pts, unit.dts)).collect();
    let expected =
        [(133_200, 126_000), (151_200, 129_600), (144_000, 133_200), (136_800, 136_800), (140_400, 140_400)];
    assert_eq!(times[..5], expected);
}

#[test]
fn garbage_before_and_between_packets_is_passed_over() {
    let units = units();
    let stream = muxed(&units);
    let middle = 188 * 10;
    let noise = [0x47, 1, 2, 3, 4, 5, 6].repeat(36);
    let (seen, errors) = read([&noise[..], &stream[..middle], &noise, &stream[middle..]]);
    assert!(sorted(&seen.units) == units);
    assert_eq!((errors.sync, errors.units), (1, 0));
}

#[test]
fn a_lost_packet_costs_its_unit_and_is_counted() {
    // Each has its length, so that none waits for the next.
    let units: Vec<Owned> = (0..12).map(|at| owned(Track::Video, at, 2_000)).collect();
    let stream = muxed(&units);
    let (packets, _) = stream.as_chunks::<PACKET>();
    let last = packets.len() - 1;
    for lost in 3..last {
        let kept: Vec<u8> = packets[..lost].iter().chain(&packets[lost + 1..]).flatten().copied().collect();
        let (seen, errors) = read([&kept[..]]);
        if packets[lost][2] != 0 || packets[lost][1] & 0x1f != 1 {
            assert_eq!((seen.units.len(), errors.units), (12, 0), "a table");
            continue;
        }
        assert_eq!((seen.units.len(), errors.continuity), (11, 1), "packet {lost}");
        let missing =
            units.iter().position(|unit| !seen.units.iter().any(|seen| seen.dts == unit.dts)).unwrap();
        for (at, found) in seen.units.iter().enumerate() {
            let mut expected = units[at + usize::from(at >= missing)].clone();
            expected.discontinuity = at == missing;
            assert_eq!(found, &expected);
        }
    }
}

#[test]
fn packets_that_come_twice_count_once() {
    let stream = muxed(&units());
    let twice: Vec<u8> =
        stream.chunks(PACKET).flat_map(|packet| [packet, packet]).flatten().copied().collect();
    let (seen, errors) = read([&twice[..]]);
    assert!(sorted(&seen.units) == units());
    assert_eq!(errors, Errors::default());
}

#[test]
fn fifteen_lost_packets_are_no_repeat() {
    let units: Vec<Owned> = (0..3).map(|at| owned(Track::Video, at, 184 * 40)).collect();
    let mut stream = muxed(&units);
    stream.drain(188 * 10..188 * 25);
    let (seen, errors) = read([&stream[..]]);
    assert_eq!((seen.units.len(), errors.continuity, errors.units), (2, 1, 1));
}

#[test]
fn a_discontinuity_that_is_said_is_no_error() {
    let units: Vec<Owned> = (0..3).map(|at| owned(Track::Video, at, 100)).collect();
    let mut stream = muxed(&units);
    // The packets' counters and the flag, which is in the field that brings the clock.
    let third = 188 * 4;
    stream[third + 3] = stream[third + 3] & 0xf0 | 9;
    stream[third + 5] |= 0x80;
    let (seen, errors) = read([&stream[..]]);
    assert_eq!(errors, Errors::default());
    assert_eq!(seen.units.iter().map(|unit| unit.discontinuity).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn scrambled_and_marked_packets_are_left_out() {
    let units: Vec<Owned> = (0..3).map(|at| owned(Track::Video, at, 100)).collect();
    let mut stream = muxed(&units);
    stream[188 * 2 + 3] |= 0x80;
    stream[188 * 3 + 1] |= 0x80;
    let (seen, errors) = read([&stream[..]]);
    assert_eq!((seen.units.len(), errors.scrambled, errors.damaged), (1, 1, 1));
}

#[test]
fn tracks_may_change_in_the_middle() {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    for (at, video) in [Codec::H264, Codec::Hevc].into_iter().enumerate() {
        muxer.set_tracks(Some(video), Some(Codec::Opus { channels: 1 }));
        muxer.tables(&mut out);
        let data = vec![at as u8; 70_000];
        let dts = at as u64 * 3_600;
        muxer.push(&Unit { track: Track::Video, dts, pts: dts, key: true, data: &data }, &mut out);
    }
    let (seen, errors) = read([&out[..]]);
    let opus = "Some(Opus { channels: 1 })";
    let expected = ["H264", "Hevc"].map(|video| format!("Tracks {{ video: Some({video}), audio: {opus} }}"));
    assert_eq!((seen.said, errors), (expected.to_vec(), Errors::default()));
    assert_eq!(seen.units.iter().map(|unit| unit.discontinuity).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_unit_longer_than_any_is_thrown_away() {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    muxer.set_tracks(Some(Codec::H264), None);
    muxer.tables(&mut out);
    for length in [9 << 20, 100] {
        let data = vec![1; length];
        muxer.push(&Unit { track: Track::Video, dts: 9, pts: 9, key: true, data: &data }, &mut out);
    }
    let (seen, errors) = read([&out[..]]);
    assert_eq!((seen.units.len(), seen.units[0].discontinuity, errors.units), (1, true, 1));
}

#[test]
fn units_without_times_have_those_before() {
    let untimed = |counter: u8, flags: u8| {
        let mut packet = [0xff; PACKET];
        packet[..5].copy_from_slice(&[0x47, 0x41, 0x01, 0x30 | counter, 165]);
        packet[5] = 0;
        let pts = [0, 0, 1, 0xc0, 0, 10, 0x80, flags, 5, 0x21, 0, 1, 0, 0x15];
        packet[170..184].copy_from_slice(&pts);
        packet[184..].copy_from_slice(&[counter; 4]);
        packet[175] = 12;
        packet
    };
    let tables = muxed(&units()[..1])[..2 * PACKET].to_vec();
    let stream = [&tables[..], &untimed(0, 0), &untimed(1, 0x80), &untimed(2, 0)].concat();
    let (seen, errors) = read([&stream[..]]);
    assert_eq!(
        seen.units.iter().map(|unit| (unit.pts, unit.data[0])).collect::<Vec<_>>(),
        [(10, 1), (10, 2)]
    );
    assert_eq!(errors.units, 1, "the first has none before");
}

proptest! {
    #[test]
    fn any_cut_of_the_bytes_gives_the_same(cuts in prop::collection::vec(1usize..2_000, 1..40)) {
        let stream = [AVC_AAC, &[0x47; 99], HEVC_MP3].concat();
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        for &cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        prop_assert_eq!(read(pieces), read([&stream[..]]));
    }

    #[test]
    fn all_units_come_back(
        units in prop::collection::vec((any::<bool>(), any::<u64>(), any::<u64>(), any::<bool>(), 1usize..400), 0..30),
    ) {
        let make = |(at, (video, dts, pts, key, length))| {
            let track = if video { Track::Video } else { Track::Audio };
            Owned { dts: dts & TIME_MASK, pts: pts & TIME_MASK, key, ..owned(track, at, length) }
        };
        let units: Vec<Owned> = (0..).zip(units).map(make).collect();
        let (seen, errors) = read([&muxed(&units)[..]]);
        prop_assert_eq!(&seen.units, &units);
        prop_assert_eq!(errors, Errors::default());
    }

    #[test]
    fn damage_of_a_stream_is_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..60),
        cut in 1usize..500,
    ) {
        let mut stream = [AVC_AAC, OPUS].concat();
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let (seen, _) = read(stream.chunks(cut));
        prop_assert!(seen.units.iter().map(|unit| unit.data.len()).sum::<usize>() <= stream.len());
    }

    #[test]
    fn byte_soup_is_survived(soup in prop::collection::vec(any::<u8>(), 0..2_000), step in 1usize..200) {
        let packets: Vec<u8> = soup.chunks(187).flat_map(|chunk| [&[SYNC], chunk].concat()).collect();
        let pat = &muxed(&units()[..1])[..2 * PACKET];
        read([&soup[..]]);
        read([pat, &packets[..]]);
        read(packets.chunks(step));
    }
}

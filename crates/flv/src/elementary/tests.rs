use super::*;
use crate::testkit::{AV1, AV1_RECORD, VP8, VP9, clip_frames, decoded};
use crate::{AUDIO, VIDEO, demux};
use mpeg2ts::pes::{PesPacketReader, ReadPesPacket};
use mpeg2ts::ts::TsPacketReader;
use proptest::prelude::*;
use srs_ts::check::Checker;
use srs_ts::{AUDIO_PID, Muxer, Track, Unit, VIDEO_PID, ticks};

const SPS: &[u8] = &[0x67, 66, 0, 30, 1];
const PPS: &[u8] = &[0x68, 2];
const IDR: &[u8] = &[0x65, 3, 3, 3];
const SEI: &[u8] = &[0x06, 4];
const SLICE: &[u8] = &[0x41, 5, 5];
const AUD: &[u8] = &[0x09, 0x10];
const OUR_AUD: &[u8] = &[0x09, 0xf0];
const LC: &[u8] = &[0x12, 0x10];

/// x265, 64x64 of one colour: the record, and its only four frames with their composition times in milliseconds.
const HEVC: &[u8] = &[
    0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1e, 0xf0, 0x00, 0xfc, 0xfd,
    0xf8, 0xf8, 0x00, 0x00, 0x0f, 0x03, 0x20, 0x00, 0x01, 0x00, 0x18, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff,
    0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x1e, 0x95, 0x90,
    0x09, 0x21, 0x00, 0x01, 0x00, 0x28, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
    0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x1e, 0xa0, 0x20, 0x81, 0x05, 0x96, 0x56, 0x49, 0x24, 0xca, 0xf0,
    0x16, 0x80, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x0c, 0x84, 0x22, 0x00, 0x01, 0x00, 0x06,
    0x44, 0x01, 0xc1, 0x71, 0xa1, 0x12,
];
const HEVC_FRAMES: [(u8, &[u8]); 4] = [
    (
        80,
        &[
            0x28, 0x01, 0xaf, 0x0b, 0x60, 0xfb, 0x12, 0xff, 0xf5, 0x6b, 0xfc, 0x92, 0xfb, 0x6b, 0xee, 0x15,
            0xe0,
        ],
    ),
    (160, &[0x02, 0x01, 0xd0, 0x19, 0x5f, 0x84, 0x31, 0x87, 0x10, 0xfc, 0xe4]),
    (80, &[0x02, 0x01, 0xe0, 0x44, 0x97, 0xe1, 0x87, 0x90, 0xca, 0x40]),
    (0, &[0x00, 0x01, 0xe0, 0x24, 0xff, 0xfa, 0x2c, 0x10, 0x60, 0xcc, 0x40]),
];

fn frame(kind: u8, time: i64, parts: &[&[u8]]) -> Frame {
    demux(kind, time, Bytes::from(parts.concat())).unwrap()
}

/// A record with lengths of so many bytes.
fn avc_record(size: u8, sps: &[u8], pps: &[u8]) -> Vec<u8> {
    let length = |nal: &[u8]| u8::try_from(nal.len()).unwrap();
    let head = [1, 66, 0, 30, 0xfc | (size - 1), 0xe1, 0, length(sps)];
    [&head, sps, &[1, 0, length(pps)], pps].concat()
}

fn avc_header(record: &[u8]) -> Frame {
    frame(VIDEO, 0, &[&[0x17, 0, 0, 0, 0], record])
}

fn avc(key: bool, data: &[u8]) -> Frame {
    frame(VIDEO, 40, &[&[if key { 0x17 } else { 0x27 }, 1, 0, 0, 80], data])
}

fn lengths(size: usize, nals: &[&[u8]]) -> Vec<u8> {
    let one = |nal: &&[u8]| [&nal.len().to_be_bytes()[8 - size..], nal].concat();
    nals.iter().flat_map(one).collect()
}

fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

fn with_header(size: u8) -> Elementary {
    let mut elementary = Elementary::new();
    assert!(elementary.configure(&avc_header(&avc_record(size, SPS, PPS))));
    elementary
}

fn written(elementary: &mut Elementary, frame: &Frame) -> Vec<u8> {
    let mut out = BytesMut::from("before");
    assert!(elementary.access(frame, &mut out).unwrap().is_some());
    out.strip_prefix(b"before").unwrap().to_vec()
}

/// An access that must append nothing.
fn refused(elementary: &mut Elementary, frame: &Frame) -> Option<Error> {
    let mut out = BytesMut::from("before");
    let error = match elementary.access(frame, &mut out) {
        Ok(access) => {
            assert_eq!(access, None);
            None
        }
        Err(error) => Some(error),
    };
    assert_eq!(out[..], *b"before");
    error
}

#[test]
fn a_key_frame_gets_delimiter_and_parameter_sets() {
    let mut elementary = with_header(4);
    let key = written(&mut elementary, &avc(true, &lengths(4, &[SEI, IDR])));
    assert_eq!(key, annex_b(&[OUR_AUD, SPS, PPS, SEI, IDR]));
    let inter = written(&mut elementary, &avc(false, &lengths(4, &[SLICE])));
    assert_eq!(inter, annex_b(&[OUR_AUD, SLICE]));
}

#[test]
fn an_access_says_times_and_codec() {
    let (mut elementary, mut out) = (with_header(4), BytesMut::new());
    let access = elementary.access(&avc(true, &lengths(4, &[IDR])), &mut out).unwrap().unwrap();
    assert_eq!(access, Access { kind: Kind::Video, codec: Codec::H264, dts: 40, pts: 120, key: true });
    let early = frame(VIDEO, 40, &[&[0x27, 1, 0xff, 0xff, 0xec], &lengths(4, &[SLICE])]);
    let access = elementary.access(&early, &mut out).unwrap().unwrap();
    assert_eq!((access.dts, access.pts, access.key), (40, 20, false));
}

#[test]
fn lengths_of_1_2_and_4_bytes_are_read() {
    for size in [1, 2, 4] {
        let data = lengths(usize::from(size), &[IDR, SEI]);
        let expected = annex_b(&[OUR_AUD, SPS, PPS, IDR, SEI]);
        assert_eq!(written(&mut with_header(size), &avc(true, &data)), expected, "{size}");
    }
}

#[test]
fn a_key_frame_with_its_own_parameter_sets_keeps_them() {
    let own = &[0x67, 77, 7][..];
    let mut elementary = with_header(4);
    let key = written(&mut elementary, &avc(true, &lengths(4, &[own, PPS, IDR])));
    assert_eq!(key, annex_b(&[OUR_AUD, own, PPS, IDR]));
    let half = written(&mut elementary, &avc(true, &lengths(4, &[own, IDR])));
    assert_eq!(half, annex_b(&[OUR_AUD, SPS, PPS, own, IDR]), "its own come last, and so count");
}

#[test]
fn one_delimiter_stands_in_front() {
    let mut elementary = with_header(4);
    let key = written(&mut elementary, &avc(true, &lengths(4, &[SPS, PPS, AUD, IDR])));
    assert_eq!(key, annex_b(&[OUR_AUD, SPS, PPS, IDR]));
    let fields = written(&mut elementary, &avc(false, &lengths(4, &[AUD, SLICE, AUD, SLICE])));
    assert_eq!(fields, annex_b(&[OUR_AUD, SLICE, AUD, SLICE]), "that of a second field stays");
}

#[test]
fn empty_units_are_skipped_and_empty_frames_left_out() {
    let mut elementary = with_header(4);
    let inter = written(&mut elementary, &avc(false, &lengths(4, &[&[], SLICE, &[]])));
    assert_eq!(inter, annex_b(&[OUR_AUD, SLICE]));
    assert_eq!(refused(&mut elementary, &avc(true, &lengths(4, &[&[], &[]]))), None);
    assert_eq!(refused(&mut elementary, &avc(true, &lengths(4, &[AUD]))), None);
}

#[test]
fn lying_lengths_append_nothing() {
    let mut elementary = with_header(4);
    let mut data = lengths(4, &[IDR, SLICE]);
    data.pop();
    assert_eq!(refused(&mut elementary, &avc(true, &data)), Some(Error::NalLength { at: 8 }));
    data.truncate(10);
    assert_eq!(refused(&mut elementary, &avc(true, &data)), Some(Error::NalLength { at: 8 }));
    assert_eq!(refused(&mut elementary, &avc(true, &[0xff; 4])), Some(Error::NalLength { at: 0 }));
}

#[test]
fn annex_b_inside_flv_is_taken_for_what_it_is() {
    let expected = annex_b(&[OUR_AUD, SPS, PPS, IDR, SEI]);
    let mixed = [&annex_b(&[AUD, SPS, PPS, IDR])[..], &[0, 0, 0, 0, 1], SEI, &[0, 0]].concat();
    assert_eq!(written(&mut with_header(4), &avc(true, &mixed)), expected);
    let short = [&annex_b(&[IDR])[..], &[0, 0, 1], SEI].concat();
    assert_eq!(written(&mut with_header(4), &avc(true, &short)), expected);
    // And in the header.
    let mut elementary = Elementary::new();
    assert!(elementary.configure(&avc_header(&annex_b(&[SPS, PPS, SEI]))));
    assert_eq!(written(&mut elementary, &avc(true, &short)), expected);
}

#[test]
fn frames_before_their_header_are_refused() {
    let mut elementary = Elementary::new();
    let picture = avc(true, &lengths(4, &[IDR]));
    assert_eq!(refused(&mut elementary, &picture), Some(Error::NoHeader(Codec::H264)));
    let sound = frame(AUDIO, 0, &[&[0xaf, 1, 7]]);
    assert_eq!(refused(&mut elementary, &sound), Some(Error::NoHeader(Codec::Aac)));
    assert_eq!((elementary.video(), elementary.audio()), (None, None));
}

#[test]
fn only_a_header_that_differs_is_news() {
    let mut elementary = with_header(4);
    assert_eq!(elementary.video(), Some(Codec::H264));
    assert!(!elementary.configure(&avc_header(&avc_record(4, SPS, PPS))));
    assert!(elementary.configure(&avc_header(&avc_record(4, &[0x67, 77], PPS))));
    assert!(elementary.configure(&frame(AUDIO, 0, &[&[0xaf, 0], LC])));
    assert!(!elementary.configure(&frame(AUDIO, 0, &[b"\x90mp4a", LC])), "the same in the new form");
    assert!(elementary.configure(&frame(AUDIO, 0, &[&[0xaf, 0, 0x11, 0x90]])), "48 kHz");
    assert!(!elementary.configure(&avc(true, &lengths(4, &[IDR]))), "no header");
    assert_eq!(elementary.audio(), Some(Codec::Aac));
}

#[test]
fn a_damaged_header_makes_the_old_one_invalid() {
    let mut elementary = with_header(4);
    assert!(elementary.configure(&avc_header(&[1, 66, 0, 30, 0xff, 0xe1, 0, 9, 0x67])));
    assert_eq!(elementary.video(), None);
    let picture = avc(true, &lengths(4, &[IDR]));
    assert_eq!(refused(&mut elementary, &picture), Some(Error::NoHeader(Codec::H264)));
    assert!(!elementary.configure(&avc_header(&[1, 66])), "as unknown as before");
}

#[test]
fn only_the_first_track_is_taken() {
    let record = avc_record(4, SPS, PPS);
    let mut elementary = Elementary::new();
    assert!(!elementary.configure(&frame(VIDEO, 0, &[b"\x96\x00avc1\x01", &record])));
    assert!(elementary.configure(&frame(VIDEO, 0, &[b"\x96\x00avc1\x00", &record])));
    let nals = lengths(4, &[IDR]);
    let other = frame(VIDEO, 0, &[b"\x96\x01avc1\x01\0\0\0", &nals]);
    assert_eq!(refused(&mut elementary, &other), None);
}

#[test]
fn other_codecs_are_named() {
    let mut elementary = with_header(4);
    assert!(elementary.configure(&frame(VIDEO, 0, &[b"\x90av01\x81\0\0\0"])));
    assert_eq!(elementary.video(), None);
    let picture = frame(VIDEO, 0, &[b"\x91av01\x81\0\0\0"]);
    assert_eq!(refused(&mut elementary, &picture), Some(Error::NotCarried(Codec::Av1)));
    let sound = frame(AUDIO, 0, &[b"\x91Opus\x81"]);
    assert_eq!(refused(&mut elementary, &sound), Some(Error::NotCarried(Codec::Opus)));
    let metadata = frame(crate::DATA, 0, &[b"\x02\0\x0aonMetaData\x05"]);
    assert_eq!(refused(&mut elementary, &metadata), None);
}

#[test]
fn aac_gets_an_adts_header() {
    let mut elementary = Elementary::new();
    elementary.configure(&frame(AUDIO, 0, &[&[0xaf, 0], LC]));
    let sound = written(&mut elementary, &frame(AUDIO, 23, &[&[0xaf, 1], &[9; 100]]));
    assert_eq!(sound, [&[0xff, 0xf1, 0x50, 0x80, 0x0d, 0x7f, 0xfc], &[9; 100][..]].concat());
    let longest = frame(AUDIO, 23, &[&[0xaf, 1], &[9; 8184]]);
    assert_eq!(written(&mut elementary, &longest).len(), 8191);
    let longer = frame(AUDIO, 23, &[&[0xaf, 1], &[9; 8185]]);
    assert_eq!(refused(&mut elementary, &longer), Some(Error::AacTooLong(8185)));
}

#[test]
fn aac_that_adts_cannot_say_is_no_track() {
    let mut elementary = Elementary::new();
    // 42: USAC | 4: 44.1 kHz | 2 channels
    elementary.configure(&frame(AUDIO, 0, &[&[0xaf, 0, 0xf9, 0x48, 0x40]]));
    assert_eq!(elementary.audio(), None);
    let sound = frame(AUDIO, 0, &[&[0xaf, 1, 7]]);
    assert_eq!(refused(&mut elementary, &sound), Some(Error::NotInAdts));
}

#[test]
fn opus_gets_a_control_header() {
    let mut elementary = Elementary::new();
    assert!(elementary.configure(&frame(AUDIO, 0, &[b"\x90Opus", &opus::head(2).unwrap()])));
    assert_eq!(elementary.audio(), Some(Codec::Opus));
    let sound = written(&mut elementary, &frame(AUDIO, 0, &[b"\x91Opus", &[9; 300]]));
    assert_eq!(sound, [&[0x7f, 0xe0, 255, 45], &[9; 300][..]].concat());
    assert!(elementary.configure(&frame(AUDIO, 0, &[b"\x90Opus", &opus::head(6).unwrap()])));
    let surround = frame(AUDIO, 0, &[b"\x91Opus", &[9; 300]]);
    assert_eq!(refused(&mut elementary, &surround), Some(Error::NotCarried(Codec::Opus)));
    assert_eq!(elementary.audio(), None);
}

#[test]
fn mp3_needs_no_header_and_stays_as_it_is() {
    let mut elementary = Elementary::new();
    let sound = written(&mut elementary, &frame(AUDIO, 0, &[&[0x2f, 0xff, 0xfb, 0x50, 0xc4]]));
    assert_eq!((sound.as_slice(), elementary.audio()), (&[0xff, 0xfb, 0x50, 0xc4][..], Some(Codec::Mp3)));
}

/// Writes units of one publisher as a transport stream, and counts them.
struct Writer {
    elementary: Elementary,
    muxer: Muxer,
    out: BytesMut,
    units: Vec<(Track, Vec<u8>)>,
}

impl Writer {
    fn new(headers: &[Frame]) -> Self {
        let mut elementary = Elementary::new();
        headers.iter().for_each(|frame| assert!(elementary.configure(frame)));
        let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
        let carried = |codec: Option<Codec>| codec.and_then(srs_ts::Codec::of);
        muxer.set_tracks(carried(elementary.video()), carried(elementary.audio()));
        muxer.tables(&mut out);
        Self { elementary, muxer, out, units: Vec::new() }
    }

    fn push(&mut self, frame: &Frame) {
        let mut data = BytesMut::new();
        let access = self.elementary.access(frame, &mut data).unwrap().unwrap();
        let track = if access.kind == Kind::Video { Track::Video } else { Track::Audio };
        let (dts, pts) = (ticks(access.dts), ticks(access.pts));
        assert!(self.muxer.push(&Unit { track, dts, pts, key: access.key, data: &data }, &mut self.out));
        self.units.push((track, data.to_vec()));
    }

    /// By the strict checker, and by another reader.
    fn check(&self) -> Checker {
        let mut checker = Checker::new();
        checker.packets(&self.out).and_then(|()| checker.end()).unwrap();
        let mut reader = PesPacketReader::new(TsPacketReader::new(&self.out[..]));
        let mut found = Vec::new();
        while let Some(pes) = reader.read_pes_packet().unwrap() {
            let track = if pes.header.stream_id.is_video() { Track::Video } else { Track::Audio };
            found.push((track, pes.data));
        }
        for track in [Track::Video, Track::Audio] {
            let of = |units: &[(Track, Vec<u8>)]| -> Vec<Vec<u8>> {
                units.iter().filter(|unit| unit.0 == track).map(|unit| unit.1.clone()).collect()
            };
            assert!(of(&found) == of(&self.units), "{track:?}");
        }
        checker
    }
}

fn clip() -> Writer {
    let (headers, coded): (Vec<_>, Vec<_>) = clip_frames()
        .into_iter()
        .filter(|frame| frame.kind != Kind::Data)
        .partition(|frame| frame.role == Role::Config);
    let mut writer = Writer::new(&headers);
    coded.iter().for_each(|frame| writer.push(frame));
    writer
}

fn hevc() -> Writer {
    let mut writer = Writer::new(&[frame(VIDEO, 0, &[b"\x90hvc1", HEVC])]);
    for (at, (composition, nal)) in (0..40).zip(HEVC_FRAMES.into_iter().cycle()) {
        let head = if at % 4 == 0 { b"\x91hvc1" } else { b"\xa1hvc1" };
        writer.push(&frame(VIDEO, at * 40, &[head, &[0, 0, composition], &lengths(4, &[nal])]));
    }
    writer
}

#[test]
fn the_clip_becomes_a_transport_stream() {
    let checker = clip().check();
    let (video, audio) = (checker.stream(VIDEO_PID).unwrap(), checker.stream(AUDIO_PID).unwrap());
    assert_eq!((video.stream_type, video.units, video.keys), (0x1b, 400, 8));
    assert_eq!((audio.stream_type, audio.units, audio.keys), (0x0f, 750, 750));
    assert_eq!(video.last.unwrap().dts, 399 * 3_600);
}

#[test]
fn h265_becomes_a_transport_stream() {
    let writer = hevc();
    let checker = writer.check();
    let video = checker.stream(VIDEO_PID).unwrap();
    assert_eq!((video.stream_type, video.units, video.keys), (0x24, 40, 10));
    let (_, key) = &writer.units[0];
    let kinds: Vec<u8> = Nals::AnnexB(key).map(|nal| nal[0] >> 1).collect();
    assert_eq!(kinds, [35, 32, 33, 34, 20], "delimiter, VPS, SPS, PPS, picture");
}

#[test]
fn a_decoder_decodes_all_of_it() {
    let (clip, hevc) = (decoded(&clip().out, "clip"), decoded(&hevc().out, "hevc"));
    assert!(clip.is_none_or(|text| text.contains("h264,400\n") && text.contains("aac,750\n")));
    assert!(hevc.is_none_or(|text| text.contains("hevc,40\n")));
}

fn soup(most: usize) -> impl Strategy<Value = Vec<u8>> {
    // Small numbers often, which lengths and start codes are made of.
    prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..most)
}

proptest! {
    #[test]
    fn any_frames_are_survived_and_errors_append_nothing(
        size in prop::sample::select(vec![1u8, 2, 4]),
        bodies in prop::collection::vec(
            (
                prop::sample::select(vec![
                    (VIDEO, &b"\x17\x01\0\0\0"[..]), (VIDEO, b"\x27\x01\0\0\0"), (VIDEO, b"\x17\0\0\0\0"),
                    (VIDEO, b"\x91hvc1\0\0\0"), (VIDEO, b"\x90hvc1"), (AUDIO, b"\xaf\x01"), (AUDIO, b"\xaf\0"),
                    (VIDEO, b""), (AUDIO, b""), (AUDIO, b"\x2f"),
                ]),
                soup(60),
            ),
            0..12,
        ),
    ) {
        let mut elementary = with_header(size);
        elementary.configure(&frame(AUDIO, 0, &[&[0xaf, 0], LC]));
        for ((kind, head), body) in bodies {
            let Ok(frame) = demux(kind, 0, Bytes::from([head, &body].concat())) else { continue };
            let mut out = BytesMut::from("before");
            let access = elementary.access(&frame, &mut out);
            prop_assert!(out.starts_with(b"before"));
            prop_assert_eq!(matches!(access, Ok(Some(_))), out.len() > 6);
            elementary.configure(&frame);
        }
    }

    #[test]
    fn units_come_back_from_annex_b(nals in prop::collection::vec(prop::collection::vec(1u8.., 1..40), 1..6), size in prop::sample::select(vec![1u8, 2, 4])) {
        // Without zeros inside there is nothing to be mistaken for a start code.
        let nals: Vec<Vec<u8>> = nals.into_iter().map(|mut nal| { nal[0] = 0x41; nal }).collect();
        let nals: Vec<&[u8]> = nals.iter().map(Vec::as_slice).collect();
        let unit = written(&mut with_header(size), &avc(false, &lengths(usize::from(size), &nals)));
        let found: Vec<&[u8]> = Nals::AnnexB(&unit).skip(1).collect();
        prop_assert_eq!(found, nals);
    }
}

/// A body of enhanced RTMP.
fn enhanced(first: u8, fourcc: &[u8], data: &[u8]) -> Frame {
    frame(VIDEO, 40, &[&[first], fourcc, data])
}

#[test]
fn bare_units_have_no_delimiter_but_parameter_sets() {
    let mut elementary = Elementary::bare();
    assert!(elementary.configure(&avc_header(&avc_record(4, SPS, PPS))));
    let key = written(&mut elementary, &avc(true, &lengths(4, &[SEI, IDR])));
    assert_eq!(key, annex_b(&[SPS, PPS, SEI, IDR]));
    assert_eq!(written(&mut elementary, &avc(false, &lengths(4, &[SLICE]))), annex_b(&[SLICE]));
}

#[test]
fn bare_frames_of_vp8_and_vp9_come_as_they_are() {
    for (fourcc, codec, frames) in [(b"vp08", Codec::Vp8, VP8), (b"vp09", Codec::Vp9, VP9)] {
        let mut elementary = Elementary::bare();
        assert_eq!(
            written(&mut elementary, &enhanced(0x91, fourcc, frames[0])),
            frames[0],
            "also without a header"
        );
        assert_eq!(elementary.video(), Some(codec));
        assert!(!elementary.configure(&enhanced(0x90, fourcc, &[1, 0, 0, 0, 0, 10])), "it says nothing new");
        assert_eq!(written(&mut elementary, &enhanced(0xa1, fourcc, frames[1])), frames[1]);
    }
}

#[test]
fn bare_av1_has_a_sequence_header_before_each_key_frame_and_no_delimiter() {
    let (mut elementary, sequence) = (Elementary::bare(), &AV1_RECORD[4..]);
    assert!(elementary.configure(&enhanced(0x90, b"av01", AV1_RECORD)));
    assert_eq!(elementary.video(), Some(Codec::Av1));
    let own = written(&mut elementary, &enhanced(0x91, b"av01", AV1[0]));
    assert_eq!(own, AV1[0][2..], "its own stays the only one");
    let without = &AV1[0][14..];
    let key = written(&mut elementary, &enhanced(0x91, b"av01", without));
    assert_eq!(key, [sequence, without].concat());
    assert_eq!(written(&mut elementary, &enhanced(0xa1, b"av01", AV1[1])), AV1[1][2..]);
    assert_eq!(refused(&mut elementary, &enhanced(0xa1, b"av01", &[0x12, 0])), None);
}

#[test]
fn bare_opus_comes_as_it_is_of_any_channels() {
    let mut elementary = Elementary::bare();
    let head = opus::head(6).unwrap();
    assert!(elementary.configure(&frame(AUDIO, 0, &[b"\x90Opus", &head])));
    assert_eq!(elementary.audio(), Some(Codec::Opus));
    assert_eq!(written(&mut elementary, &frame(AUDIO, 0, &[b"\x91Opus", &[0xfc, 1, 2]])), [0xfc, 1, 2]);
}

use super::*;
use crate::check::Checker;
use mpeg2ts::es::StreamType;
use mpeg2ts::pes::{PesPacketReader, ReadPesPacket};
use mpeg2ts::ts::{ReadTsPacket, TsPacketReader, TsPayload};
use proptest::prelude::*;

type Owned = (Track, u64, u64, Vec<u8>);

fn unit(track: Track, dts: u64, data: &[u8]) -> Unit<'_> {
    Unit { track, dts, pts: dts, key: false, data }
}

fn both() -> Muxer {
    let mut muxer = Muxer::new();
    muxer.set_tracks(Some(Codec::H264), Some(Codec::Aac));
    muxer
}

/// What another reader finds, per track in order: DTS, PTS and bytes.
fn read(stream: &[u8]) -> Vec<Owned> {
    let mut reader = PesPacketReader::new(TsPacketReader::new(stream));
    let mut found = Vec::new();
    while let Some(pes) = reader.read_pes_packet().unwrap() {
        let track = if pes.header.stream_id.is_video() { Track::Video } else { Track::Audio };
        let pts = pes.header.pts.unwrap();
        found.push((track, pes.header.dts.unwrap_or(pts).as_u64(), pts.as_u64(), pes.data));
    }
    found
}

fn of(track: Track, units: &[Owned]) -> Vec<&Owned> {
    units.iter().filter(|unit| unit.0 == track).collect()
}

fn packets(stream: &[u8]) -> Vec<mpeg2ts::ts::TsPacket> {
    let mut reader = TsPacketReader::new(stream);
    std::iter::from_fn(|| reader.read_ts_packet().unwrap()).collect()
}

#[test]
fn another_reader_finds_the_streams_in_the_tables() {
    let mut out = BytesMut::new();
    let mut muxer = Muxer::new();
    muxer.set_tracks(Some(Codec::Hevc), Some(Codec::Mp3));
    muxer.tables(&mut out);
    let packets = packets(&out);
    let Some(TsPayload::Pat(pat)) = &packets[0].payload else { panic!("{packets:?}") };
    assert_eq!(pat.table[0].program_map_pid.as_u16(), PMT_PID);
    let Some(TsPayload::Pmt(pmt)) = &packets[1].payload else { panic!("{packets:?}") };
    let streams: Vec<_> =
        pmt.es_info.iter().map(|info| (info.stream_type, info.elementary_pid.as_u16())).collect();
    assert_eq!(streams, [(StreamType::H265, VIDEO_PID), (StreamType::Mpeg1Audio, AUDIO_PID)]);
    assert_eq!(pmt.pcr_pid.unwrap().as_u16(), VIDEO_PID);
    assert_eq!(packets.len(), 2);
}

#[test]
fn the_version_rises_with_each_change_of_told_tables() {
    let version = |muxer: &mut Muxer| {
        let mut out = BytesMut::new();
        muxer.tables(&mut out);
        match &packets(&out)[1].payload {
            Some(TsPayload::Pmt(pmt)) => (pmt.version_number.as_u8(), pmt.pcr_pid.map(|pid| pid.as_u16())),
            other => panic!("{other:?}"),
        }
    };
    let mut muxer = both();
    assert_eq!(version(&mut muxer), (0, Some(VIDEO_PID)));
    muxer.set_tracks(Some(Codec::H264), Some(Codec::Aac));
    assert_eq!(version(&mut muxer), (0, Some(VIDEO_PID)), "no change");
    muxer.set_tracks(Some(Codec::H264), None);
    muxer.set_tracks(None, Some(Codec::Aac));
    assert_eq!(version(&mut muxer), (1, Some(AUDIO_PID)), "two changes, one seen");
    for _ in 0..32 {
        let (video, audio) = muxer.tracks();
        muxer.set_tracks(if video.is_some() { None } else { Some(Codec::H264) }, audio);
        version(&mut muxer);
    }
    assert_eq!(version(&mut muxer).0, 1, "five bits go round");
}

#[test]
fn a_unit_of_every_length_is_packed_whole() {
    let bytes: Vec<u8> = (0..70_000u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
    for track in [Track::Video, Track::Audio] {
        let lengths =
            (1..600).chain(65_350..65_600).filter(|&length| track == Track::Video || length <= MAX_AUDIO);
        for length in lengths {
            for (key, pts) in [(false, 90), (true, 90), (false, 180)] {
                let (mut muxer, mut out) = (both(), BytesMut::new());
                muxer.tables(&mut out);
                let data = &bytes[..length];
                assert!(muxer.push(&Unit { track, dts: 90, pts, key, data }, &mut out));
                assert_eq!(read(&out), [(track, 90, pts, data.to_vec())], "{length}");
                let mut checker = Checker::new();
                checker.packets(&out).and_then(|()| checker.end()).unwrap();
            }
        }
    }
}

#[test]
fn units_that_do_not_fit_are_left_out() {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    assert!(!muxer.push(&unit(Track::Video, 0, &[1]), &mut out), "no track");
    muxer.set_tracks(None, Some(Codec::Aac));
    assert!(!muxer.push(&unit(Track::Video, 0, &[1]), &mut out), "another track");
    assert!(!muxer.push(&unit(Track::Audio, 0, &[]), &mut out), "nothing in it");
    assert!(!muxer.push(&unit(Track::Audio, 0, &vec![0; MAX_AUDIO + 1]), &mut out), "too long");
    assert!(out.is_empty());
    let longest = Unit { track: Track::Audio, dts: 0, pts: 1, key: true, data: &vec![0; MAX_AUDIO] };
    assert!(muxer.push(&longest, &mut out));
}

#[test]
fn key_units_can_be_found_and_each_picture_brings_the_clock() {
    let (mut muxer, mut out) = (both(), BytesMut::new());
    muxer.tables(&mut out);
    for (dts, key) in [(9_000, true), (12_600, false)] {
        muxer.push(&Unit { key, ..unit(Track::Video, dts, &[0; 500]) }, &mut out);
        muxer.push(&unit(Track::Audio, dts, &[0; 500]), &mut out);
    }
    let marks: Vec<_> = packets(&out)
        .into_iter()
        .filter_map(|packet| Some((packet.header.pid.as_u16(), packet.adaptation_field?)))
        .filter_map(|(pid, field)| Some((pid, field.random_access_indicator, field.pcr?.as_u64())))
        .collect();
    assert_eq!(marks, [(VIDEO_PID, true, 9_000 * 300), (VIDEO_PID, false, 12_600 * 300)]);
}

#[test]
fn without_a_picture_the_sound_brings_the_clock_every_100_ms() {
    for frame in [1920, 2089, 2160, 3240, 11_520] {
        let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
        muxer.set_tracks(None, Some(Codec::Aac));
        muxer.tables(&mut out);
        // Begins shortly before the end of the 33 bits.
        for at in 0..100 {
            muxer.push(&unit(Track::Audio, (1 << 33) - 50_000 + at * frame, &[0; 300]), &mut out);
        }
        let fields = packets(&out).into_iter().filter_map(|packet| packet.adaptation_field);
        let clocks: Vec<u64> = fields.filter_map(|field| Some(field.pcr?.as_u64() / 300)).collect();
        let steps: Vec<u64> =
            clocks.windows(2).map(|pair| (pair[1].wrapping_sub(pair[0])) & TIME_MASK).collect();
        assert!(steps.iter().all(|&step| step <= 9_000.max(frame)), "{steps:?}");
        assert!(steps.iter().all(|&step| step >= PCR_INTERVAL), "{steps:?}");
    }
}

#[test]
fn the_clock_does_not_go_back_when_pictures_take_it_over_from_sound() {
    let mut muxer = Muxer::new();
    muxer.set_tracks(None, Some(Codec::Aac));
    let mut out = BytesMut::new();
    muxer.tables(&mut out);
    muxer.push(&unit(Track::Audio, 10_000, &[1; 50]), &mut out);
    muxer.set_tracks(Some(Codec::H264), Some(Codec::Aac));
    muxer.tables(&mut out);
    for dts in [9_100, 9_900, 12_700] {
        muxer.push(&unit(Track::Video, dts, &[2; 50]), &mut out);
    }
    let mut checker = Checker::new();
    checker.packets(&out).unwrap();
    assert_eq!(checker.clocks(), 4);
}

#[test]
fn a_segment_begins_with_tables_and_the_clock_and_the_counters_go_on() {
    let mut muxer = Muxer::new();
    muxer.set_tracks(None, Some(Codec::Aac));
    let mut checker = Checker::new();
    for segment in 0..20 {
        let mut out = BytesMut::new();
        muxer.tables(&mut out);
        muxer.push(&unit(Track::Audio, segment * 90, &[0; 1000]), &mut out);
        checker.packets(&out).and_then(|()| checker.end()).unwrap();
        assert_eq!(checker.clocks(), segment + 1);
    }
}

#[test]
fn times_begin_again_at_33_bits() {
    let (mut muxer, mut out) = (both(), BytesMut::new());
    muxer.tables(&mut out);
    let end = 1u64 << 33;
    let times: Vec<u64> = (0..6).map(|at| end - 9_000 + at * 3_600).collect();
    for &dts in &times {
        muxer.push(&Unit { pts: dts + 7_200, ..unit(Track::Video, dts, &[5; 300]) }, &mut out);
    }
    let found = read(&out);
    let expected: Vec<Owned> =
        times.iter().map(|dts| (Track::Video, dts % end, (dts + 7_200) % end, vec![5; 300])).collect();
    assert_eq!(found, expected);
    let mut checker = Checker::new();
    checker.packets(&out).unwrap();
    assert_eq!(checker.stream(VIDEO_PID).unwrap().units, 6);
}

#[test]
fn milliseconds_are_ticks_of_33_bits() {
    assert_eq!(crate::ticks(40), 3_600);
    assert_eq!(crate::ticks(-1), (1 << 33) - 90);
    assert_eq!(crate::ticks(95_443_718), ((95_443_718u64 * 90) % (1 << 33)));
}

fn units() -> impl Strategy<Value = Vec<Owned>> {
    let track = prop::sample::select(vec![Track::Video, Track::Audio]);
    let length = prop_oneof![1usize..400, 1usize..5_000, 65_000usize..70_000];
    let one = (track, 0u64..5_000, 0u64..20_000, length, any::<u8>());
    (any::<u64>(), prop::collection::vec(one, 0..30)).prop_map(|(mut dts, units)| {
        let made = units.into_iter().map(|(track, step, ahead, length, seed)| {
            dts = dts.wrapping_add(step);
            let length = if track == Track::Audio { length.min(MAX_AUDIO) } else { length };
            let data = (0..length).map(|at| seed.wrapping_add(at.to_le_bytes()[0])).collect();
            (track, dts & TIME_MASK, dts.wrapping_add(ahead) & TIME_MASK, data)
        });
        made.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_units_come_back_byte_by_byte(units in units()) {
        let (mut muxer, mut out) = (both(), BytesMut::new());
        muxer.tables(&mut out);
        for (track, dts, pts, data) in &units {
            let unit = Unit { track: *track, dts: *dts, pts: *pts, key: dts & 1 == 0, data };
            prop_assert!(muxer.push(&unit, &mut out));
        }
        let found = read(&out);
        for track in [Track::Video, Track::Audio] {
            prop_assert_eq!(of(track, &found), of(track, &units));
        }
        let mut checker = Checker::new();
        prop_assert_eq!(checker.packets(&out).and_then(|()| checker.end()), Ok(()));
    }
}

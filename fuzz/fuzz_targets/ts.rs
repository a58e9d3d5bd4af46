//! What the muxer writes the checker finds in order and of the same size, whatever the units and wherever segments are
//! cut; and the checker survives everything else.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use srs_ts::check::Checker;
use srs_ts::{AUDIO_PID, Codec, Muxer, PACKET, Track, Unit, VIDEO_PID};

fuzz_target!(|data: &[u8]| {
    let _ = Checker::new().packets(data);

    let fill = vec![0xa5; 0x1_ffff];
    let (mut muxer, mut checker, mut out) = (Muxer::new(), Checker::new(), BytesMut::new());
    let (mut video, mut audio) = ((0, 0), (0, 0));
    // Shortly before the end of the 33 bits. A track that pauses for half of their 26.5 hours would seem to go back, for
    // which the steps are too short and the data too little.
    let mut dts = (1u64 << 33) - 500_000;
    let mut rest = &data[..data.len().min(50_000)];
    // Flags, a step of time, an offset of presentation, three bytes of length.
    while let Some((&[flags, s1, s2, ahead, l1, l2, l3], behind)) = rest.split_first_chunk::<7>() {
        rest = behind;
        if flags & 0x80 != 0 {
            let picture = if flags & 0x10 == 0 { Codec::H264 } else { Codec::Hevc };
            let sound = if flags & 0x20 == 0 { Codec::Aac } else { Codec::Mp3 };
            muxer.set_tracks((flags & 1 != 0).then_some(picture), (flags & 2 != 0).then_some(sound));
            muxer.tables(&mut out);
            // Whoever has the clock now may be behind where the other was.
            checker.forget_times();
        }
        dts = dts.wrapping_add(u64::from(u16::from_be_bytes([s1, s2])) << 2);
        let track = if flags & 4 == 0 { Track::Video } else { Track::Audio };
        let length = u32::from_be_bytes([0, l1 & 1, l2, l3]) as usize;
        let data = &fill[..length];
        let pts = dts.wrapping_add(u64::from(ahead) << 8);
        if muxer.push(&Unit { track, dts, pts, key: flags & 8 != 0, data }, &mut out) {
            let (units, bytes) = if track == Track::Video { &mut video } else { &mut audio };
            *units += 1;
            *bytes += length as u64;
        }
        assert_eq!(out.len() % PACKET, 0);
        checker.packets(&out).and_then(|()| checker.end()).unwrap();
        out.clear();
    }
    for (pid, counted) in [(VIDEO_PID, video), (AUDIO_PID, audio)] {
        let seen = checker.stream(pid).map_or((0, 0), |stream| (stream.units, stream.bytes));
        assert_eq!(seen, counted);
    }
});

//! What is read of a transport stream is the same however its bytes are cut, no more than went in, and frames of it are
//! sound: times do not go back, and every body can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srs_flv::compose::{Coding, Composer, Unit};
use srs_media::Kind;
use srs_ts::{Codec, Demuxer, Event, PACKET};

#[derive(Debug, Default, PartialEq)]
struct Seen {
    said: Vec<String>,
    units: Vec<(Coding, u64, u64, bool, bool, Vec<u8>)>,
}

impl Seen {
    fn take(&mut self, event: Event<'_>) {
        let Event::Unit { unit, codec, discontinuity } = event else {
            return self.said.push(format!("{event:?}"));
        };
        let coding = match codec {
            Codec::H264 => Coding::H264,
            Codec::Hevc => Coding::Hevc,
            Codec::Aac => Coding::Adts,
            Codec::Latm => Coding::Latm,
            Codec::Mp3 => Coding::MpegAudio,
            Codec::Opus { channels } => Coding::Opus { channels },
        };
        assert!(!unit.data.is_empty());
        self.units.push((coding, unit.pts, unit.dts, unit.key, discontinuity, unit.data.to_vec()));
    }
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let (mut demuxer, mut seen) = (Demuxer::new(), Seen::default());
    for piece in pieces {
        demuxer.push(piece, &mut |event| seen.take(event));
    }
    demuxer.flush(&mut |event| seen.take(event));
    seen
}

/// As the input is, and with a sync byte before each piece of it and sound tables in front.
fn streams(data: &[u8]) -> [Vec<u8>; 2] {
    let mut muxer = srs_ts::Muxer::new();
    let mut tables = bytes::BytesMut::new();
    let video = data.first().map(|flags| if flags & 1 == 0 { Codec::H264 } else { Codec::Hevc });
    let audio = data.first().map(|flags| match flags >> 1 & 3 {
        0 => Codec::Aac,
        1 => Codec::Latm,
        2 => Codec::Mp3,
        _ => Codec::Opus { channels: flags >> 3 & 15 },
    });
    muxer.set_tracks(video, audio);
    muxer.tables(&mut tables);
    let mut framed = tables.to_vec();
    for piece in data.chunks(PACKET - 1) {
        framed.push(0x47);
        framed.extend_from_slice(piece);
    }
    [data.to_vec(), framed]
}

fuzz_target!(|data: &[u8]| {
    let cut = usize::from(data.last().copied().unwrap_or(0)) * 3 + 1;
    for stream in streams(data) {
        let whole = read(std::iter::once(&stream[..]));
        assert_eq!(whole, read(stream.chunks(cut)));
        let bytes: usize = whole.units.iter().map(|unit| unit.5.len()).sum();
        assert!(bytes <= stream.len());

        let mut composer = Composer::new();
        let (mut video, mut audio, mut out) = (0, 0, 0);
        for (coding, pts, dts, key, discontinuity, data) in &whole.units {
            let (pts, dts, key, discontinuity) = (*pts, *dts, *key, *discontinuity);
            let unit = Unit { coding: *coding, pts, dts, key, discontinuity, data };
            let _ = composer.push(&unit, &mut |frame| {
                let last = if frame.kind == Kind::Video { &mut video } else { &mut audio };
                assert!(frame.time >= *last);
                *last = frame.time;
                out += frame.wire.len();
            });
        }
        // Heads of bodies, lengths of units for start codes of three bytes, records for parameter sets, and the header
        // of Opus in front of packets of a byte.
        assert!(out <= 40 * bytes + 1_024);
    }
});

//! Access units are whole or not there, have the form that transport streams ask for, and cost little more than the
//! frame and its header.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use srs_flv::elementary::Elementary;
use srs_flv::{AUDIO, VIDEO, demux};
use srs_media::{Codec, Kind, ParameterSets};

const BEFORE: &[u8] = b"before";

fuzz_target!(|data: &[u8]| {
    let mut elementary = Elementary::new();
    let mut rest = data;
    // Kind and length in two bytes, then so much body.
    while let Some((&[high, low], behind)) = rest.split_first_chunk::<2>() {
        let kind = if high & 0x80 == 0 { VIDEO } else { AUDIO };
        let length = usize::from(u16::from_be_bytes([high & 0x7f, low]));
        let (body, behind) = behind.split_at(length.min(behind.len()));
        rest = behind;
        let Ok(frame) = demux(kind, 0, Bytes::copy_from_slice(body)) else { continue };
        elementary.configure(&frame);
        assert!(!elementary.configure(&frame), "the same header twice");
        let mut out = BytesMut::from(BEFORE);
        let access = elementary.access(&frame, &mut out);
        let unit = out.strip_prefix(BEFORE).unwrap();
        let Ok(Some(access)) = access else {
            assert!(unit.is_empty());
            continue;
        };
        // A start code for each unit of two bytes, the sets (each of at least a byte) with theirs, the delimiter.
        assert!(unit.len() <= 3 * body.len() + 5 * ParameterSets::MAX + 16);
        match access.codec {
            Codec::H264 => assert!(unit.starts_with(&[0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1])),
            Codec::Hevc => assert!(unit.starts_with(&[0, 0, 0, 1, 0x46, 1, 0x50, 0, 0, 0, 1])),
            Codec::Aac => {
                let length = u32::from_be_bytes([0, unit[3] & 3, unit[4], unit[5]]) >> 5;
                assert_eq!((&unit[..2], length as usize), (&[0xff, 0xf1][..], unit.len()));
            }
            Codec::Opus => assert!(unit.starts_with(&[0x7f, 0xe0])),
            codec => assert_eq!(codec, Codec::Mp3),
        }
        let known = if access.kind == Kind::Video { elementary.video() } else { elementary.audio() };
        assert_eq!(known, Some(access.codec));
    }
});

//! Sound that a node made of a stream's own, as nodes send it to each other: a track of enhanced RTMP's multitrack, alone
//! in its body, so that who takes no notice of tracks is not given two sounds.

use crate::audio::View;
use crate::body;
use crate::enhanced::{CODED_FRAMES, ONE_TRACK, SEQUENCE_START};
use bytes::{BufMut as _, Bytes, BytesMut};
use srs_media::{Codec, DERIVED, Frame, Kind, Role};

/// Enhanced sound, of which the next byte says how many tracks there are.
const MULTITRACK: u8 = 0x95;

/// The body by which a frame of track [`DERIVED`] travels from node to node, made of the one that it would have as the only
/// sound. `None` for what is no header or frame of AAC or Opus.
pub fn to_node(frame: &Frame) -> Option<Bytes> {
    let fourcc = match frame.codec {
        Codec::Aac => b"mp4a",
        Codec::Opus => b"Opus",
        _ => return None,
    };
    let packet = match frame.role {
        Role::Config => SEQUENCE_START,
        Role::Key => CODED_FRAMES,
        _ => return None,
    };
    let payload = crate::payload(frame).filter(|_| frame.kind == Kind::Audio)?;
    let mut out = BytesMut::with_capacity(payload.len().saturating_add(7));
    out.put_slice(&[MULTITRACK, ONE_TRACK << 4 | packet]);
    out.put_slice(fourcc);
    out.put_u8(DERIVED);
    out.put_slice(&payload);
    Some(out.freeze())
}

/// The body that it would have as the only sound; `None` for any other than [`to_node`] makes.
pub(crate) fn plain(view: &View, wire: &[u8]) -> Option<Bytes> {
    let &[MULTITRACK, shape, ..] = wire else { return None };
    if shape >> 4 != ONE_TRACK || view.track != DERIVED {
        return None;
    }
    let payload = wire.get(view.start..view.end)?;
    match (view.codec, view.role) {
        (Codec::Aac, Role::Config) => Some(body::audio_config(payload)),
        (Codec::Aac, Role::Key) => Some(body::audio(payload)),
        (Codec::Opus, Role::Config) => Some(body::opus_config(payload)),
        (Codec::Opus, Role::Key) => Some(body::opus(payload)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AUDIO, demux};

    #[test]
    fn a_derived_frame_is_the_same_behind_the_way_from_node_to_node() {
        let bodies = [
            body::audio_config(&[0x11, 0x90]),
            body::audio(b"frame"),
            body::opus_config(b"OpusHead\x01\x02"),
            body::opus(b"packet"),
        ];
        for plain in bodies {
            let frame = Frame { track: DERIVED, ..demux(AUDIO, 70, plain).unwrap() };
            assert_eq!(demux(AUDIO, 70, to_node(&frame).unwrap()), Ok(frame));
        }
    }

    #[test]
    fn a_track_of_another_number_stays_as_it_came() {
        let wire = Bytes::from_static(b"\x95\x01mp4a\x02frame");
        assert_eq!(demux(AUDIO, 0, wire.clone()).unwrap().wire, wire);
    }

    #[test]
    fn several_tracks_in_one_body_stay_as_they_came() {
        let wire = Bytes::from_static(b"\x95\x11mp4a\xff\x00\x00\x01f\x01\x00\x00\x01g");
        assert_eq!(demux(AUDIO, 0, wire.clone()).unwrap().wire, wire);
    }

    #[test]
    fn no_other_sound_travels_so() {
        let frame = demux(AUDIO, 0, Bytes::from_static(b"\x2fmp3")).unwrap();
        assert_eq!(to_node(&frame), None);
    }
}

//! Which of a stream's sounds go into a format: its own, or what was made of that beside it.

use std::borrow::Cow;

use srs_media::{Codec, DERIVED, Frame, Kind};

/// Which sound somebody hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Hears {
    /// No Opus, which not all players know: AAC that was made of it instead, and any other sound as it came. Where none is
    /// made (yet) there is none.
    #[default]
    NoOpus,
    /// The stream's own, whatever it is.
    Own,
    /// Both, as nodes send them to each other.
    Both,
}

impl Hears {
    /// The frame as it is seen there; none when it is not. Of a stream without Opus and without derived sound each frame
    /// is seen as it came.
    pub(crate) fn see(self, frame: &Frame) -> Option<Cow<'_, Frame>> {
        if frame.kind != Kind::Audio {
            return Some(Cow::Borrowed(frame));
        }
        let is_derived = frame.track == DERIVED && matches!(frame.codec, Codec::Aac | Codec::Opus);
        match self {
            Hears::NoOpus if frame.codec == Codec::Opus => None,
            // There it is the only one.
            Hears::NoOpus if is_derived => Some(Cow::Owned(Frame { track: 0, ..frame.clone() })),
            Hears::Own if is_derived => None,
            Hears::Both if is_derived => {
                let wire = srs_flv::to_node(frame)?;
                Some(Cow::Owned(Frame { wire, ..frame.clone() }))
            }
            _ => Some(Cow::Borrowed(frame)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use srs_flv::body;

    use super::*;

    fn sound(track: u8, wire: Bytes) -> Frame {
        Frame { track, ..srs_flv::demux(srs_flv::AUDIO, 40, wire).unwrap() }
    }

    fn seen(hears: Hears, frame: &Frame) -> Option<Frame> {
        hears.see(frame).map(Cow::into_owned)
    }

    const ALL: [Hears; 3] = [Hears::NoOpus, Hears::Own, Hears::Both];

    #[test]
    fn a_stream_without_opus_is_seen_by_all_as_it_came() {
        let frames = [
            sound(0, body::audio(b"a")),
            sound(3, Bytes::from_static(b"\x95\x01mp4a\x03a")),
            sound(0, body::mp3(44_100, 2, b"m")),
            srs_flv::demux(srs_flv::VIDEO, 0, Bytes::from_static(&[0x17, 1, 0, 0, 0, 1])).unwrap(),
        ];
        for (hears, frame) in ALL.iter().flat_map(|hears| frames.iter().map(move |frame| (hears, frame))) {
            assert_eq!(seen(*hears, frame).as_ref(), Some(frame));
        }
    }

    #[test]
    fn who_hears_no_opus_gets_the_aac_that_was_made_of_it_as_the_only_sound() {
        let made = sound(DERIVED, body::audio(b"a"));
        assert_eq!(seen(Hears::NoOpus, &sound(0, body::opus(b"o"))), None);
        assert_eq!(seen(Hears::NoOpus, &made), Some(Frame { track: 0, ..made }));
    }

    #[test]
    fn who_hears_opus_gets_it_alone() {
        let own = sound(0, body::opus(b"o"));
        assert_eq!(seen(Hears::Own, &own), Some(own));
        assert_eq!(seen(Hears::Own, &sound(DERIVED, body::audio(b"a"))), None);
    }

    #[test]
    fn opus_that_was_made_of_aac_is_for_nodes_alone() {
        let made = sound(DERIVED, body::opus(b"o"));
        assert_eq!((seen(Hears::NoOpus, &made), seen(Hears::Own, &made)), (None, None));
        let sent = seen(Hears::Both, &made).unwrap();
        assert_eq!(srs_flv::demux(srs_flv::AUDIO, 40, sent.wire), Ok(made));
    }
}

//! A stream's own sound as records, for who makes something else of it.

use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use srs_hub::{Headers, Opener, Rendition};
use srs_media::{Codec, Frame, Kind, Role};

use crate::rendition::ts::Headless;

/// Time, publish, and the lengths of codec header and frame.
const HEAD: usize = 8 + 4 + 4 + 4;

/// A frame of the stream's own sound. Each is complete in itself, so that who comes late needs nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// On the stream's timeline, in ms.
    pub(super) time: i64,
    /// Which publish it is of: another number, another publisher.
    pub(super) publish: u32,
    /// The codec's header; empty where there is none.
    pub(super) header: Bytes,
    /// The coded frame. Empty: from here on the sound is of a codec of which nothing is to be made.
    pub(super) data: Bytes,
}

impl Record {
    fn write(&self, out: &mut BytesMut) {
        let (Ok(header), Ok(data)) = (u32::try_from(self.header.len()), u32::try_from(self.data.len()))
        else {
            return;
        };
        out.put_i64(self.time);
        out.put_u32(self.publish);
        out.put_u32(header);
        out.put_u32(data);
        out.put_slice(&self.header);
        out.put_slice(&self.data);
    }

    /// Takes the next record off whole ones.
    pub(super) fn read(input: &mut Bytes) -> Option<Record> {
        if input.len() < HEAD {
            return None;
        }
        let (time, publish) = (input.get_i64(), input.get_u32());
        let header = usize::try_from(input.get_u32()).ok()?;
        let data = usize::try_from(input.get_u32()).ok()?;
        if input.len() < header.checked_add(data)? {
            return None;
        }
        Some(Record { time, publish, header: input.split_to(header), data: input.split_to(data) })
    }
}

/// Writes the frames of a stream's own sound that are of one codec.
pub(super) struct Tap {
    from: Codec,
    header: Bytes,
    publish: u32,
    /// The sound is of that codec.
    runs: bool,
}

impl Tap {
    pub(super) fn new(from: Codec) -> Tap {
        Tap { from, header: Bytes::new(), publish: 0, runs: false }
    }

    fn configure(&mut self, frame: &Frame) {
        self.header = srs_flv::payload(frame).filter(|_| frame.codec == self.from).unwrap_or_default();
    }
}

impl Rendition for Tap {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Headless)
    }

    fn begin(&mut self, headers: &Headers) {
        self.publish = self.publish.wrapping_add(1);
        self.header = Bytes::new();
        if let Some(config) =
            headers.configs.iter().find(|config| config.kind == Kind::Audio && config.track == 0)
        {
            self.configure(config);
        }
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        // Others than the first track, what is made here among them, are not what players hear.
        if frame.kind != Kind::Audio || frame.track != 0 {
            return;
        }
        match frame.role {
            Role::Config => self.configure(frame),
            Role::Key if frame.codec == self.from => {
                let Some(data) = srs_flv::payload(frame).filter(|data| !data.is_empty()) else { return };
                // AAC means nothing without its header.
                if self.from == Codec::Opus || !self.header.is_empty() {
                    self.runs = true;
                    let header = self.header.clone();
                    Record { time: frame.time, publish: self.publish, header, data }.write(out);
                }
            }
            Role::Key if std::mem::take(&mut self.runs) => {
                let (header, data) = (Bytes::new(), Bytes::new());
                Record { time: frame.time, publish: self.publish, header, data }.write(out);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use srs_flv::body;

    use super::*;

    fn sound(time: i64, wire: Bytes) -> Frame {
        srs_flv::demux(srs_flv::AUDIO, time, wire).unwrap()
    }

    fn records(frames: &[Frame]) -> Vec<(i64, Vec<u8>, Vec<u8>)> {
        let (mut tap, mut out) = (Tap::new(Codec::Aac), BytesMut::new());
        for frame in frames {
            tap.push(frame, false, &mut out);
        }
        let mut input = out.freeze();
        let mut all = Vec::new();
        while let Some(record) = Record::read(&mut input) {
            all.push((record.time, record.header.to_vec(), record.data.to_vec()));
        }
        assert!(input.is_empty());
        all
    }

    #[test]
    fn each_frame_comes_with_its_header() {
        let frames = [
            sound(0, body::audio(b"unknown")),
            sound(0, body::audio_config(b"one")),
            sound(20, body::audio(b"a")),
            sound(40, body::audio_config(b"two")),
            sound(40, body::audio(b"b")),
        ];
        let expected = [(20, b"one".to_vec(), b"a".to_vec()), (40, b"two".to_vec(), b"b".to_vec())];
        assert_eq!(records(&frames), expected);
    }

    #[test]
    fn a_change_to_another_codec_is_told_once() {
        let frames = [
            sound(0, body::audio_config(b"one")),
            sound(20, body::audio(b"a")),
            sound(40, body::mp3(44_100, 2, b"m")),
            sound(60, body::mp3(44_100, 2, b"m")),
        ];
        let told: Vec<_> =
            records(&frames).into_iter().map(|(time, _, data)| (time, data.is_empty())).collect();
        assert_eq!(told, [(20, false), (40, true)]);
    }

    #[test]
    fn nothing_is_written_of_sound_that_needs_nothing() {
        assert!(records(&[sound(0, body::opus(b"o")), sound(20, body::opus(b"o"))]).is_empty());
    }

    #[test]
    fn what_stands_beside_the_stream_is_not_its_own() {
        let derived = Frame { track: srs_media::DERIVED, ..sound(20, body::audio(b"d")) };
        assert!(records(&[sound(0, body::audio_config(b"one")), derived]).is_empty());
    }
}

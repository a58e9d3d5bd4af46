//! From what RTP carried to frames as a publisher would have sent them.

use std::collections::VecDeque;

use bytes::Bytes;
use srs_flv::body::{self, Codec, Picture};
use srs_flv::{AUDIO, VIDEO, demux};
use srs_media::Kind;

use super::clock::Clock;
use super::order::Order;
use crate::incoming::Event;

/// When a stream begins, in ms: what lies before the frame that came first is not below 0, which RTMP and FLV cannot say.
const BEGIN: i64 = 1_000;

/// Makes frames of one session, in the order in which they came. Times in ms, each kind's own.
#[derive(Debug, Default)]
pub(super) struct Maker {
    pub(super) clock: Clock,
    order: Order,
    /// The configuration records that were sent last.
    picture: Vec<u8>,
    sound: Vec<u8>,
    /// When the last frame is decoded: headers say the same.
    time: i64,
    ready: VecDeque<Event>,
}

impl Maker {
    /// What is made and was not taken yet.
    pub(super) fn take(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// The head of the pictures that follow: nothing new where it is what was said last.
    pub(super) fn picture_config(&mut self, codec: Codec, record: &[u8], sps: &[u8]) {
        if self.picture == record {
            return;
        }
        self.picture = record.to_vec();
        let depth = match codec {
            Codec::H264 => srs_media::h264::reorder(sps),
            Codec::Hevc => srs_media::hevc::reorder(sps),
        };
        if let Some(depth) = depth {
            self.order.set_depth(usize::try_from(depth).unwrap_or(usize::MAX));
        }
        self.push(VIDEO, self.time, body::video_config(codec, record));
    }

    /// A picture that is shown at this time.
    pub(super) fn picture(&mut self, codec: Codec, shown: i64, nals: &[u8]) {
        let picture = body::picture(codec, nals);
        // Nobody can decode it without the head, which comes with the next key picture.
        if picture == Picture::None || self.picture.is_empty() {
            return self.ready.push_back(Event::Alive);
        }
        let (decode, later) = self.order.place(shown);
        self.time = self.clock.time(Kind::Video, decode);
        self.push(VIDEO, self.time, body::video(codec, picture, later, nals));
    }

    /// The head of the sound that follows.
    pub(super) fn sound_config(&mut self, record: &[u8]) {
        if self.sound != record {
            self.sound = record.to_vec();
            self.push(AUDIO, self.time, body::audio_config(record));
        }
    }

    /// A frame of sound.
    pub(super) fn sound(&mut self, own: i64, frame: &[u8]) {
        if self.sound.is_empty() || frame.is_empty() {
            return self.ready.push_back(Event::Alive);
        }
        self.time = self.clock.time(Kind::Audio, own);
        self.push(AUDIO, self.time, body::audio(frame));
    }

    fn push(&mut self, kind: u8, time: i64, body: Bytes) {
        let time = time.saturating_add(BEGIN).max(0);
        // What was made here can be read here.
        if let Ok(frame) = demux(kind, time, body) {
            self.ready.push_back(Event::Frame(frame));
        }
    }
}

#[cfg(test)]
mod tests;

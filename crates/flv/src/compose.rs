//! From elementary streams, as MPEG transport streams carry them or receivers of RTP put them together, to frames as a publisher of RTMP would have sent them.
//!
//! What comes is believed no further than needed: nothing is given out that nobody can decode yet, and times never go
//! back within a track.

mod picture;
mod sound;
mod timeline;
mod whole;

use crate::body::{self, Picture as Shown};
use crate::{AUDIO, VIDEO, demux};
use bytes::Bytes;
use picture::Picture;
use sound::Sound;
use srs_media::{Codec, Frame};
use timeline::Timeline;
use whole::Whole;

/// How a unit is encoded, and put into bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// H.264, Annex B.
    H264,
    /// H.265, Annex B.
    Hevc,
    /// VP8 frames. Which of them are key frames they say themselves, as with VP9 and AV1.
    Vp8,
    /// VP9 frames, or superframes.
    Vp9,
    /// Temporal units of AV1: OBUs with their sizes.
    Av1,
    /// AAC with ADTS headers.
    Adts,
    /// AAC in LOAS.
    Latm,
    /// MPEG audio frames, of which those of layer III are carried.
    MpegAudio,
    /// Opus packets, each behind a control header.
    Opus {
        /// 1 to 8, in the order of Vorbis.
        channels: u8,
    },
    /// One Opus packet as it is.
    OpusPacket {
        /// 1 to 8, in the order of Vorbis.
        channels: u8,
    },
}

/// What a PES or a frame over RTP holds: one picture, or some sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// How it is encoded.
    pub coding: Coding,
    /// Presentation time in 90 kHz ticks of 33 bits.
    pub pts: u64,
    /// Decode time in 90 kHz ticks of 33 bits. Sound that says the same as the unit before follows that.
    pub dts: u64,
    /// The stream says that decoding can begin here.
    pub key: bool,
    /// It does not go on where the unit before ended.
    pub discontinuity: bool,
    /// Bytes of the elementary stream.
    pub data: &'a [u8],
}

impl<'a> Unit<'a> {
    /// A unit whose times are in milliseconds that never wrap: shown or heard at `shown`, decoded at `decoded`. It goes on
    /// where the one before ended.
    pub fn at(coding: Coding, shown: i64, decoded: i64, data: &'a [u8]) -> Self {
        Self { coding, pts: ticks(shown), dts: ticks(decoded), key: false, discontinuity: false, data }
    }
}

/// 90 kHz; that only the lowest 33 bits count is the timeline's matter, which finds what they stand for by the time before.
fn ticks(time: i64) -> u64 {
    time.wrapping_mul(90).cast_unsigned()
}

/// Why a unit, or a part of it, became no frame. The same one may come with every unit: log it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// RTMP has no form of it, or this crate none.
    #[error("{0} is not carried")]
    NotCarried(&'static str),
    /// Bytes that are not as the codec has them. What was sound of the unit was given out.
    #[error("damaged {0}")]
    Damaged(Codec),
}

/// Makes the frames of one stream. Its first one is at 0 ms.
#[derive(Debug, Default)]
pub struct Composer {
    timeline: Timeline,
    picture: Option<Picture>,
    whole: Option<Whole>,
    sound: Option<Sound>,
}

impl Composer {
    /// A composer at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next unit of a track, and gives out its frames: codec headers where they are new, in front of what they
    /// are for; pictures from the first key picture on whose parameter sets are known.
    ///
    /// Key pictures are those that the standards call so (IDR, IRAP), and where the stream says `key` those that bring
    /// their parameter sets: encoders that refresh pictures piece by piece send no other.
    pub fn push(&mut self, unit: &Unit<'_>, out: &mut impl FnMut(Frame)) -> Result<(), Error> {
        match unit.coding {
            Coding::H264 => self.picture(body::Codec::H264, unit, out),
            Coding::Hevc => self.picture(body::Codec::Hevc, unit, out),
            Coding::Vp8 => self.whole(body::Whole::Vp8, unit, out),
            Coding::Vp9 => self.whole(body::Whole::Vp9, unit, out),
            Coding::Av1 => self.whole(body::Whole::Av1, unit, out),
            _ => return self.sound(unit, out),
        }
        Ok(())
    }

    fn picture(&mut self, codec: body::Codec, unit: &Unit<'_>, out: &mut impl FnMut(Frame)) {
        if self.picture.as_ref().is_none_or(|picture| picture.codec() != codec) {
            (self.picture, self.whole) = (Some(Picture::new(codec)), None);
        }
        let made = self.picture.as_mut().and_then(|picture| picture.take(unit.data, unit.key));
        let Some(made) = made else { return };
        let (time, composition) = self.timeline.picture(unit.dts, unit.pts, unit.discontinuity);
        if let Some(record) = made.config {
            give(VIDEO, time, body::video_config(codec, &record), out);
        }
        let kind = if made.key { Shown::Key } else { Shown::Inter };
        give(VIDEO, time, body::video(codec, kind, composition, &made.nals), out);
    }

    fn whole(&mut self, codec: body::Whole, unit: &Unit<'_>, out: &mut impl FnMut(Frame)) {
        if self.whole.as_ref().is_none_or(|whole| whole.codec() != codec) {
            (self.whole, self.picture) = (Some(Whole::new(codec)), None);
        }
        let Some(made) = self.whole.as_mut().and_then(|whole| whole.take(unit.data)) else { return };
        // These have no times of decoding beside those of showing: a frame that is not shown is part of the next.
        let (time, _) = self.timeline.picture(unit.dts, unit.dts, unit.discontinuity);
        if let Some(record) = made.config {
            give(VIDEO, time, body::whole_config(codec, &record), out);
        }
        give(VIDEO, time, body::whole(codec, made.key, made.data), out);
    }

    /// Width and height in pixels by the last key frame of VP8, VP9 or AV1, for metadata: the records of the first two do not
    /// say them. None before one, and for other codecs.
    pub fn picture_size(&self) -> Option<(u32, u32)> {
        self.whole.as_ref().and_then(Whole::size)
    }

    fn sound(&mut self, unit: &Unit<'_>, out: &mut impl FnMut(Frame)) -> Result<(), Error> {
        if self.sound.as_ref().is_none_or(|sound| sound.coding() != unit.coding) {
            self.sound = Some(Sound::new(unit.coding));
        }
        let Some(sound) = &mut self.sound else { return Ok(()) };
        let timeline = &mut self.timeline;
        sound.take(unit, &mut |piece| {
            let time = timeline.sound(piece.at, piece.broken);
            if let Some(config) = piece.config {
                give(AUDIO, time, config, out);
            }
            give(AUDIO, time, piece.body, out);
        })
    }
}

fn give(kind: u8, time: i64, body: Bytes, out: &mut impl FnMut(Frame)) {
    // What was made here can be read here.
    if let Ok(frame) = demux(kind, time, body) {
        out(frame);
    }
}

#[cfg(test)]
mod tests;

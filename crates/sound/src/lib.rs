//! Sound of one codec made into another while it comes: AAC into Opus in process, Opus into AAC by a child `ffmpeg`.
//!
//! A [`Maker`] is given coded frames with their times on the stream's timeline, and gives out frames of the other codec
//! with theirs. It never blocks: what a child does not take in time is left out. Dropping it kills its child.
//!
//! AAC is made by a child because no encoder of it comes with a licence that suits this project. A child also decodes
//! what the decoder in process does not know: HE-AAC, and more than two channels.

mod anchors;
mod pipe;
mod to_aac;
mod to_opus;

use std::path::PathBuf;
use std::task::{Context, Poll};

use bytes::Bytes;
use srs_media::Codec;

pub use pipe::children;
use to_aac::ToAac;
use to_opus::ToOpus;

/// Hz of all sound between the two codecs.
const RATE: u32 = srs_media::opus::RATE;

/// How sound is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program `ffmpeg`: a path, or a name that is looked for in `PATH`.
    pub ffmpeg: PathBuf,
    /// Bits per second of stereo Opus; mono gets half.
    pub opus_bitrate: u32,
    /// Bits per second of stereo AAC; mono gets half.
    pub aac_bitrate: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        // SRS makes Opus of 48 kbit/s, which is speech; what comes as AAC of 128 kbit/s is music as well, and twice of that
        // is nothing beside a picture.
        Settings { ffmpeg: PathBuf::from("ffmpeg"), opus_bitrate: 96_000, aac_bitrate: 128_000 }
    }
}

/// Why sound cannot be made into another codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Only AAC and Opus are known, each to be made of the other.
    #[error("{to} is not made of {from}")]
    Codecs {
        /// What there is.
        from: Codec,
        /// What is wanted.
        to: Codec,
    },
    /// The codec's header cannot be read, or says what nothing here decodes.
    #[error("{0} of a kind that is not decoded")]
    Header(Codec),
    /// A codec's library refused its settings.
    #[error("the codec: {0}")]
    Library(String),
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The codec's header, before the first frame and where it changes: AudioSpecificConfig, or the identification header
    /// of Opus.
    Header(Bytes),
    /// A raw AAC frame, or an Opus packet of 20 ms.
    Frame {
        /// When it is heard, in ms on the stream's timeline.
        time: i64,
        /// Its bytes.
        data: Bytes,
    },
}

/// Makes the sound of one stream into another codec.
#[derive(Debug)]
pub struct Maker(Kind);

#[derive(Debug)]
enum Kind {
    Opus(Box<ToOpus>),
    Aac(Box<ToAac>),
}

impl Maker {
    /// From a codec and its header to the other. Of Opus there may be none (empty): it is then taken for stereo.
    ///
    /// # Errors
    /// [`Error`], by which nothing can be made of this sound.
    pub fn new(from: Codec, header: &[u8], to: Codec, settings: &Settings) -> Result<Maker, Error> {
        match (from, to) {
            (Codec::Aac, Codec::Opus) => Ok(Maker(Kind::Opus(Box::new(ToOpus::new(header, settings)?)))),
            (Codec::Opus, Codec::Aac) => Ok(Maker(Kind::Aac(Box::new(ToAac::new(header, settings)?)))),
            (from, to) => Err(Error::Codecs { from, to }),
        }
    }

    /// Takes a coded frame that is heard at `time`, in ms on the stream's timeline. One that is damaged is silence.
    pub fn push(&mut self, time: i64, data: &[u8]) {
        match &mut self.0 {
            Kind::Opus(to) => to.push(time, data),
            Kind::Aac(to) => to.push(time, data),
        }
    }

    /// The next of what was made. To be polled until it is pending, also behind each [`Maker::push`]; inside a runtime of
    /// tokio.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Made> {
        match &mut self.0 {
            Kind::Opus(to) => to.poll_next(cx),
            Kind::Aac(to) => to.poll_next(cx),
        }
    }
}

#[cfg(test)]
mod tests;

//! Live media over HTTP: which paths ask for it, and in which format.

use srs_hub::{Format, Rendition};
use srs_media::Codec;

use crate::rendition::{self, Flv, Hears, ts};

/// A format of live media over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// FLV tags.
    Flv,
    /// MPEG-TS.
    Ts,
    /// AAC in ADTS, without the picture.
    Aac,
    /// MP3, without the picture.
    Mp3,
}

impl Live {
    /// Each of them.
    pub const ALL: [Live; 4] = [Live::Flv, Live::Ts, Live::Aac, Live::Mp3];

    /// The extension of its paths.
    pub fn extension(self) -> &'static str {
        match self {
            Live::Flv => "flv",
            Live::Ts => "ts",
            Live::Aac => "aac",
            Live::Mp3 => "mp3",
        }
    }

    /// What a path asks for by its extension.
    pub fn of_path(path: &str) -> Option<Live> {
        let (_, extension) = path.rsplit_once('.')?;
        Live::ALL.into_iter().find(|live| live.extension() == extension)
    }

    /// `Content-Type`, as SRS has it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Live::Flv => "video/x-flv",
            Live::Ts => "video/MP2T",
            Live::Aac => "audio/x-aac",
            Live::Mp3 => "audio/mpeg",
        }
    }

    /// The hub's name for it, with or without HTTP's chunked coding.
    pub(crate) fn format(self, chunked: bool, hears: Hears) -> Format {
        match (self, chunked) {
            (Live::Flv, true) if hears == Hears::Both => rendition::FLV_CHUNKED_FOR_NODES,
            (Live::Flv, false) if hears == Hears::Both => rendition::FLV_FOR_NODES,
            (Live::Flv, true) => rendition::FLV_CHUNKED,
            (Live::Flv, false) => rendition::FLV,
            (Live::Ts, true) => ts::TS_CHUNKED,
            (Live::Ts, false) => ts::TS,
            (Live::Aac, true) => Format("aac in http chunks"),
            (Live::Aac, false) => Format("aac"),
            (Live::Mp3, true) => Format("mp3 in http chunks"),
            (Live::Mp3, false) => Format("mp3"),
        }
    }

    /// Which sound it has for a node that fetches the stream, or for anybody else.
    pub(crate) fn hears(self, node: bool) -> Hears {
        if node && self == Live::Flv { Hears::Both } else { Hears::NoOpus }
    }

    /// Whether AAC is to be made for it of a stream whose sound is Opus.
    pub(crate) fn wants_aac(self, node: bool) -> bool {
        self != Live::Mp3 && self.hears(node) == Hears::NoOpus
    }

    /// What makes it.
    pub(crate) fn rendition(self, chunked: bool, hears: Hears) -> Box<dyn Rendition> {
        match self {
            Live::Flv => Box::new(Flv::new(chunked).hearing(hears)),
            Live::Ts => Box::new(ts::Ts::new(chunked)),
            Live::Aac => Box::new(ts::Sound::new(Codec::Aac, chunked)),
            Live::Mp3 => Box::new(ts::Sound::new(Codec::Mp3, chunked)),
        }
    }
}

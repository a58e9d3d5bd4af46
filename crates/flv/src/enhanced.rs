//! The header that enhanced RTMP v2 puts before audio and video alike.

use crate::Error;
use srs_media::Codec;

/// Bounds of an extended body: what it holds and where its (first track's) payload lies.
///
/// ```text
/// byte 0: flags | packet type
/// ModEx:      (size-1: u8, or 0xff and size-1: u16) data, then ModEx type | next packet type; repeated
/// Multitrack: multitrack type | packet type of the tracks
/// FourCC      (per track where codecs differ)
/// track id, and with several tracks u24 length
/// payload
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Of the (first) track: what the payload is.
    pub packet: u8,
    pub codec: Codec,
    pub track: u8,
    /// Byte range of the payload in the body.
    pub start: usize,
    pub end: usize,
}

pub(crate) const SEQUENCE_START: u8 = 0;
pub(crate) const CODED_FRAMES: u8 = 1;
pub(crate) const MOD_EX: u8 = 7;

pub(crate) const ONE_TRACK: u8 = 0;
/// One prefix exists (nanoseconds); more than this is an attempt to keep us busy.
const MAX_MOD_EX: usize = 8;

/// A cursor that knows how far it came, for errors and ranges.
pub(crate) struct Reader<'a> {
    kind: u8,
    body: &'a [u8],
    pub at: usize,
}

impl<'a> Reader<'a> {
    /// Starts behind the first byte, which each kind reads in its own way.
    pub(crate) fn behind_first(kind: u8, body: &'a [u8]) -> Self {
        Self { kind, body, at: 1 }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk::<N>().ok_or(self.truncated())?;
        self.at += N;
        Ok(*bytes)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    fn skip(&mut self, count: usize) -> Result<(), Error> {
        let at = self.at.saturating_add(count);
        if at > self.body.len() {
            return Err(self.truncated());
        }
        self.at = at;
        Ok(())
    }

    fn truncated(&self) -> Error {
        Error::Truncated { kind: self.kind, at: self.body.len() }
    }

    /// Skips the ModEx prefixes behind `packet`, and returns the packet type that they wrap. Times
    /// below a millisecond are not used here: they stay on the wire.
    pub(crate) fn unwrap_mod_ex(&mut self, mut packet: u8) -> Result<u8, Error> {
        for _ in 0..MAX_MOD_EX {
            if packet != MOD_EX {
                return Ok(packet);
            }
            let mut size = usize::from(self.byte()?) + 1;
            if size == 256 {
                size = usize::from(u16::from_be_bytes(self.take()?)) + 1;
            }
            self.skip(size)?;
            packet = self.byte()? & 0x0f;
        }
        Err(self.truncated())
    }

    /// Reads the rest of the header. `multitrack` is the packet type that this kind gives to
    /// bodies of several tracks.
    pub(crate) fn header(mut self, packet: u8, multitrack: u8) -> Result<Header, Error> {
        let end = self.body.len();
        if packet != multitrack {
            let codec = codec(self.take()?);
            return Ok(Header { packet, codec, track: 0, start: self.at, end });
        }
        let byte = self.byte()?;
        let (shape, packet) = (byte >> 4, byte & 0x0f);
        if packet == multitrack {
            return Err(Error::Nested(self.kind));
        }
        // One codec for all tracks, or each its own: either way the first FourCC stands here.
        let codec = codec(self.take()?);
        let track = self.byte()?;
        if shape == ONE_TRACK {
            return Ok(Header { packet, codec, track, start: self.at, end });
        }
        let [high, mid, low] = self.take()?;
        let start = self.at;
        let size = usize::try_from(u32::from_be_bytes([0, high, mid, low])).unwrap_or(usize::MAX);
        self.skip(size)?;
        Ok(Header { packet, codec, track, start, end: self.at })
    }
}

fn codec(fourcc: [u8; 4]) -> Codec {
    match &fourcc {
        b"avc1" => Codec::H264,
        b"hvc1" => Codec::Hevc,
        b"av01" => Codec::Av1,
        b"vp08" => Codec::Vp8,
        b"vp09" => Codec::Vp9,
        b"mp4a" => Codec::Aac,
        b".mp3" => Codec::Mp3,
        b"Opus" => Codec::Opus,
        b"fLaC" => Codec::Flac,
        b"ac-3" => Codec::Ac3,
        b"ec-3" => Codec::Eac3,
        _ => Codec::Other(u32::from_be_bytes(fourcc)),
    }
}

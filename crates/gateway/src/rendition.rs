//! The output formats: how a frame looks to each kind of viewer.

mod hears;
pub(crate) mod rtc;
pub(crate) mod ts;

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use srs_hub::{Format, Headers, Opener, Rendition};
use srs_media::{Frame, Kind};
use srs_net::http::chunk_header;
use srs_rtmp::{Message, MessageKind, chunk, tag};

pub(crate) use hears::Hears;

/// RTMP chunks of message stream 1, one full header per message.
pub(crate) const RTMP: Format = Format("rtmp");

/// The same for players that know Opus.
pub(crate) const RTMP_WITH_OPUS: Format = Format("rtmp with opus");

/// The same for nodes.
pub(crate) const RTMP_FOR_NODES: Format = Format("rtmp for nodes");

/// FLV tags, each in an HTTP chunk of its own.
pub(crate) const FLV_CHUNKED: Format = Format("flv in http chunks");

/// FLV tags alone, for HTTP/1.0 and for bodies that somebody else frames.
pub(crate) const FLV: Format = Format("flv");

/// The same as [`FLV_CHUNKED`] for nodes.
pub(crate) const FLV_CHUNKED_FOR_NODES: Format = Format("flv in http chunks for nodes");

/// The same as [`FLV`] for nodes.
pub(crate) const FLV_FOR_NODES: Format = Format("flv for nodes");

/// Low 32 bits of a time: what RTMP and FLV carry.
fn wrap(time: i64) -> u32 {
    // The mask makes the conversion exact.
    u32::try_from(time & 0xFFFF_FFFF).unwrap_or_default()
}

fn kind_of(frame: &Frame) -> MessageKind {
    match frame.kind {
        Kind::Audio => MessageKind::AUDIO,
        Kind::Video => MessageKind::VIDEO,
        Kind::Data => MessageKind::DATA_AMF0,
    }
}

/// What opens a stream for a viewer: metadata, then codec headers, which are stamped `time`. Metadata is of no time: ffmpeg
/// takes it for a track of text where it has one, and then waits for that.
fn opening(headers: &Headers, time: i64, hears: Hears) -> impl Iterator<Item = Frame> {
    let metadata = headers.metadata.iter().map(|frame| Frame { time: 0, ..frame.clone() });
    let seen = headers.configs.iter().filter_map(move |frame| hears.see(frame));
    metadata.chain(seen.map(move |frame| Frame { time, ..frame.into_owned() }))
}

/// Writes `length` bytes by `write` as one piece, an HTTP chunk when `chunked`. Nothing at all is no chunk: an empty one
/// would end the body.
fn framed(chunked: bool, length: usize, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    if !chunked || length == 0 {
        return write(out);
    }
    out.put_slice(&chunk_header(length));
    write(out);
    out.put_slice(b"\r\n");
}

/// Frames as RTMP messages.
#[derive(Clone)]
pub(crate) struct Rtmp {
    writer: chunk::Writer,
    hears: Hears,
}

impl Rtmp {
    /// Chunks of `chunk_size` bytes, which the session must have announced.
    pub(crate) fn new(chunk_size: u32) -> Rtmp {
        Rtmp { writer: chunk::Writer::new(chunk_size), hears: Hears::default() }
    }

    /// For who hears something else than most.
    pub(crate) fn hearing(self, hears: Hears) -> Rtmp {
        Rtmp { hears, ..self }
    }

    fn write(&self, frame: &Frame, out: &mut BytesMut) {
        let message = Message {
            kind: kind_of(frame),
            timestamp: wrap(frame.time),
            stream_id: 1,
            body: frame.wire.clone(),
        };
        self.writer.write(&message, out);
    }
}

impl Opener for Rtmp {
    fn head(&self, headers: &Headers, time: i64, _first: bool, out: &mut BytesMut) {
        for frame in opening(headers, time, self.hears) {
            self.write(&frame, out);
        }
    }
}

impl Rendition for Rtmp {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(self.clone())
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        if let Some(frame) = self.hears.see(frame) {
            self.write(&frame, out);
        }
    }
}

/// Frames as FLV tags.
#[derive(Clone, Copy)]
pub(crate) struct Flv {
    chunked: bool,
    hears: Hears,
}

impl Flv {
    /// With or without HTTP's chunked coding around each tag.
    pub(crate) fn new(chunked: bool) -> Flv {
        Flv { chunked, hears: Hears::default() }
    }

    /// For who hears something else than most.
    pub(crate) fn hearing(self, hears: Hears) -> Flv {
        Flv { hears, ..self }
    }

    fn write(self, frame: &Frame, out: &mut BytesMut) {
        if frame.wire.len() > tag::MOST {
            return;
        }
        let (kind, time) = (kind_of(frame), wrap(frame.time));
        let length = frame.wire.len().saturating_add(tag::OVERHEAD);
        framed(self.chunked, length, out, |out| tag::write(kind.0, time, &frame.wire, out));
    }
}

impl Opener for Flv {
    fn head(&self, headers: &Headers, time: i64, first: bool, out: &mut BytesMut) {
        if first {
            // Players that trust the flags wait for what they promise; without knowledge both are promised, as SRS does.
            let header = match (headers.audio, headers.video) {
                (true, false) => tag::FILE_HEADER_AUDIO,
                (false, true) => tag::FILE_HEADER_VIDEO,
                _ => tag::FILE_HEADER,
            };
            framed(self.chunked, header.len(), out, |out| out.put_slice(&header));
        }
        for frame in opening(headers, time, self.hears) {
            self.write(&frame, out);
        }
    }
}

impl Rendition for Flv {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(*self)
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        if let Some(frame) = self.hears.see(frame) {
            self.write(&frame, out);
        }
    }
}

#[cfg(test)]
mod tests;

//! What the tests of this crate share: frames, a rendition that can be read back, shards and viewers.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use srs_media::time::Mode;
use srs_media::{Codec, Frame, Kind, Role};
use srs_names::StreamKey;

use crate::{Cursor, Feed, Format, Headers, Hub, Lag, Opener, Phase, Rendition, Rules, Settings, Window};

pub(crate) const PLAIN: Format = Format("plain");

pub(crate) fn frame(kind: Kind, role: Role, time: i64, wire: &[u8]) -> Frame {
    let wire = Bytes::copy_from_slice(wire);
    Frame { kind, role, codec: Codec::None, track: 0, time, composition: 0, wire }
}

pub(crate) fn key(time: i64, wire: &[u8]) -> Frame {
    frame(Kind::Video, Role::Key, time, wire)
}

pub(crate) fn inter(time: i64, wire: &[u8]) -> Frame {
    frame(Kind::Video, Role::Inter, time, wire)
}

pub(crate) fn config(time: i64, wire: &[u8]) -> Frame {
    frame(Kind::Video, Role::Config, time, wire)
}

pub(crate) fn audio(time: i64, wire: &[u8]) -> Frame {
    frame(Kind::Audio, Role::Key, time, wire)
}

/// Times as given, viewers that stay for a broken publisher.
pub(crate) fn settings() -> Settings {
    Settings { hold: true, rules: Rules { jitter: Mode::Off, ..Rules::default() }, ..Settings::default() }
}

pub(crate) fn name(stream: &str) -> StreamKey {
    StreamKey::new("v", "live", stream).unwrap()
}

/// One piece of the plain rendition: `F` and `A` are heads (first, again), `k` a key frame of video, `c` a codec header, `i` the
/// rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) what: char,
    pub(crate) time: i64,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn item(what: char, time: i64, body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u32(body.len() as u32);
    out.put_u8(what as u8);
    out.put_i64(time);
    out.put_slice(body);
    out.freeze()
}

/// The items in `bytes`, which must end with the last of them.
pub(crate) fn items(mut bytes: &[u8]) -> Vec<Item> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        let what = char::from(bytes[4]);
        assert!("FAkicp".contains(what), "the stream is torn: {what:?}");
        let time = i64::from_be_bytes(bytes[5..13].try_into().unwrap());
        out.push(Item { what, time, body: bytes[13..13 + length].to_vec() });
        bytes = &bytes[13 + length..];
    }
    out
}

/// `what` of each item.
pub(crate) fn shape(bytes: &[u8]) -> String {
    items(bytes).iter().map(|item| item.what).collect()
}

/// Writes [`Item`]s; a head's body is that of the newest codec header.
pub(crate) struct Plain;

impl Opener for Plain {
    fn head(&self, headers: &Headers, time: i64, first: bool, out: &mut BytesMut) {
        let body = headers.configs.last().map(|config| config.wire.clone()).unwrap_or_default();
        out.put_slice(&item(if first { 'F' } else { 'A' }, time, &body));
    }
}

impl Rendition for Plain {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Plain)
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        let what = match (frame.kind, frame.role) {
            (Kind::Video, Role::Key) => 'k',
            (_, Role::Config) => 'c',
            _ => 'i',
        };
        out.put_slice(&item(what, frame.time, &frame.wire));
    }
}

/// A cursor and what its socket took.
pub(crate) struct Viewer {
    pub(crate) cursor: Cursor,
    pub(crate) got: Vec<u8>,
}

impl Viewer {
    pub(crate) fn join(window: &Window, gop_cache: bool) -> Viewer {
        Viewer { cursor: Cursor::join(window, gop_cache), got: Vec::new() }
    }

    /// The socket takes up to `most` bytes; the answer is how many it took.
    pub(crate) fn take(&mut self, window: &Window, most: usize) -> usize {
        let mut slices = [IoSlice::new(&[]); 3];
        let count = self.cursor.gather(window, &mut slices);
        let mut sent = 0;
        for slice in &slices[..count] {
            assert!(!slice.is_empty(), "an empty slice would be written as nothing");
            let part = slice.len().min(most - sent);
            self.got.extend_from_slice(&slice[..part]);
            sent += part;
        }
        self.cursor.advance(sent);
        sent
    }

    pub(crate) fn take_all(&mut self, window: &Window) {
        self.cursor.settle(window);
        while self.take(window, usize::MAX) > 0 {}
    }
}

/// One shard's side of a stream, as the doors drive it.
pub(crate) struct Shard {
    pub(crate) feed: Feed,
    pub(crate) window: Window,
    pub(crate) phase: Phase,
    pub(crate) viewers: Vec<Viewer>,
}

impl Shard {
    pub(crate) fn of(hub: &Hub, key: &StreamKey) -> Shard {
        let feed = hub.subscribe(key, PLAIN, || Box::new(Plain));
        Shard { feed, window: Window::default(), phase: Phase::Waiting, viewers: Vec::new() }
    }

    pub(crate) fn pull(&mut self) {
        let viewers = &mut self.viewers;
        self.phase = self.feed.pull(&mut self.window, |old| {
            viewers.iter_mut().for_each(|viewer| viewer.cursor.park(old));
        });
    }

    pub(crate) fn trim(&mut self) {
        let needed = self.viewers.iter().map(|viewer| viewer.cursor.needs()).min().unwrap_or(u64::MAX);
        let start = self.window.newest_key().unwrap_or(self.window.end());
        self.window.trim(needed.min(start));
    }

    pub(crate) fn drop_lag(&mut self, lag: Lag) {
        for viewer in &mut self.viewers {
            viewer.cursor.drop_lag(&self.window, lag);
        }
    }

    /// A viewer joins; the answer is its number.
    pub(crate) fn join(&mut self, gop_cache: bool) -> usize {
        self.pull();
        self.viewers.push(Viewer::join(&self.window, gop_cache && self.phase != Phase::Ended));
        self.viewers.len() - 1
    }

    /// Pulls and lets every viewer take everything.
    pub(crate) fn flow(&mut self) {
        self.pull();
        for viewer in &mut self.viewers {
            viewer.take_all(&self.window);
        }
        self.trim();
    }
}

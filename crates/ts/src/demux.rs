//! From packets to access units: what encoders send, taken as it comes.
//!
//! Where [`crate::check`] names a fault, this goes on: it finds the packets among other bytes, leaves out what is damaged,
//! and counts it.

mod continuity;
mod flow;
mod header;
mod section;
mod tables;

use crate::packet::PAT_PID;
use crate::{Codec, PACKET, Track, Unit};
use flow::Flow;
use header::Read;
use tables::{News, Streams, Tables};

const SYNC: u8 = 0x47;

/// What a transport stream turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The tracks from here on.
    Tracks {
        /// The picture; `None` where there is none that can be carried.
        video: Option<Codec>,
        /// The sound; likewise.
        audio: Option<Codec>,
    },
    /// One PES of the track, as a rule one picture, or some frames of sound. One without times has those of the one
    /// before.
    Unit {
        /// The unit; `key` where the stream says that decoding can begin there.
        unit: Unit<'a>,
        /// How it is encoded.
        codec: Codec,
        /// It does not go on where the track's unit before ended: something was lost between, or the stream says that it
        /// was put together here.
        discontinuity: bool,
    },
    /// A stream of the program that is not carried, said once.
    Unsupported {
        /// Its PID.
        pid: u16,
        /// `stream_type` of ISO/IEC 13818-1 table 2-34.
        stream_type: u8,
    },
    /// A program beside the one that is taken, said once.
    OtherProgram {
        /// Its number.
        number: u16,
    },
}

/// What went wrong so far, each thing counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// How often the packets' beginnings were lost.
    pub sync: u64,
    /// Packets that are marked as damaged, or make no sense.
    pub damaged: u64,
    /// Scrambled packets and units.
    pub scrambled: u64,
    /// Gaps in the packets of a PID that is read.
    pub continuity: u64,
    /// Tables that are damaged.
    pub tables: u64,
    /// Units that were begun and thrown away: a piece is missing, the header is damaged, there is no time, or they are
    /// too long.
    pub units: u64,
}

/// Reads one program out of a transport stream.
///
/// Of several programs the first is taken whose table names a stream that can be carried, and kept while there is
/// something in it. Of several pictures or sounds it is the first one.
#[derive(Debug, Default)]
pub struct Demuxer {
    /// The beginning of a packet, less than two.
    held: Vec<u8>,
    /// The next byte is where a packet begins.
    locked: bool,
    tables: Tables,
    video: Option<Flow>,
    audio: Option<Flow>,
    errors: Errors,
}

impl Demuxer {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What went wrong so far.
    pub fn errors(&self) -> Errors {
        self.errors
    }

    /// Takes the next bytes, cut anywhere, and says what they end.
    ///
    /// A unit comes out when its announced length is there, or when the next of its PID begins.
    pub fn push(&mut self, bytes: &[u8], out: &mut impl FnMut(Event<'_>)) {
        if self.held.is_empty() {
            let rest = self.packets(bytes, out);
            self.held.extend_from_slice(rest);
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let left = self.packets(&held, out).len();
        held.drain(..held.len().saturating_sub(left));
        self.held = held;
    }

    /// The stream ends here: gives out the units whose end only a next one would have shown.
    pub fn flush(&mut self, out: &mut impl FnMut(Event<'_>)) {
        self.held.clear();
        for flow in [&mut self.video, &mut self.audio].into_iter().flatten() {
            flow.finish(&mut self.errors, out);
        }
    }

    /// Takes whole packets, and returns what must wait for more.
    fn packets<'a>(&mut self, mut data: &'a [u8], out: &mut impl FnMut(Event<'_>)) -> &'a [u8] {
        loop {
            if !self.locked {
                let (found, rest) = search(data);
                data = rest;
                if !found {
                    return data;
                }
                self.locked = true;
            }
            if data.first().is_some_and(|&byte| byte != SYNC) {
                self.locked = false;
                self.errors.sync = self.errors.sync.saturating_add(1);
                continue;
            }
            let Some((packet, rest)) = data.split_first_chunk::<PACKET>() else { return data };
            data = rest;
            self.packet(packet, out);
        }
    }

    fn packet(&mut self, packet: &[u8; PACKET], out: &mut impl FnMut(Event<'_>)) {
        let packet = match header::read(packet) {
            Read::Packet(packet) => packet,
            Read::Damaged => return self.errors.damaged = self.errors.damaged.saturating_add(1),
            Read::Scrambled => return self.errors.scrambled = self.errors.scrambled.saturating_add(1),
        };
        if packet.pid == PAT_PID || self.tables.has(packet.pid) {
            for news in self.tables.take(&packet, &mut self.errors) {
                self.news(news, out);
            }
            return;
        }
        let is = |flow: &Option<Flow>| flow.as_ref().is_some_and(|flow| flow.pid() == packet.pid);
        let (this, other) = if is(&self.video) {
            (&mut self.video, &mut self.audio)
        } else if is(&self.audio) {
            (&mut self.audio, &mut self.video)
        } else {
            return;
        };
        // One clock for both: where it jumps, it does so for the other as well.
        if packet.marks.discontinuity
            && let Some(other) = other
        {
            other.discontinue();
        }
        if let Some(flow) = this {
            flow.take(&packet, &mut self.errors, out);
        }
    }

    fn news(&mut self, news: News, out: &mut impl FnMut(Event<'_>)) {
        match news {
            News::Unsupported { pid, stream_type } => out(Event::Unsupported { pid, stream_type }),
            News::OtherProgram { number } => out(Event::OtherProgram { number }),
            News::Streams(Streams { video, audio }) => {
                let errors = &mut self.errors;
                replace(&mut self.video, Track::Video, video, errors, out);
                replace(&mut self.audio, Track::Audio, audio, errors, out);
                let codec = |stream: Option<(Codec, u16)>| stream.map(|(codec, _)| codec);
                out(Event::Tracks { video: codec(video), audio: codec(audio) });
            }
        }
    }
}

/// Puts the flow of another stream in the place of one, and gives out what that had.
fn replace(
    flow: &mut Option<Flow>,
    track: Track,
    stream: Option<(Codec, u16)>,
    errors: &mut Errors,
    out: &mut impl FnMut(Event<'_>),
) {
    if flow.as_ref().map(Flow::stream) == stream {
        return;
    }
    let had = flow.is_some();
    if let Some(old) = flow {
        old.finish(errors, out);
    }
    *flow = stream.map(|(codec, pid)| Flow::new(track, codec, pid, had));
}

/// Where packets begin, by two sync bytes at their distance: true with the bytes from there on. False with the bytes
/// among which there may be the first of such two.
fn search(mut data: &[u8]) -> (bool, &[u8]) {
    loop {
        let at = data.iter().position(|&byte| byte == SYNC).unwrap_or(data.len());
        data = data.get(at..).unwrap_or_default();
        match data.get(PACKET) {
            Some(&SYNC) => return (true, data),
            Some(_) => data = data.get(1..).unwrap_or_default(),
            None => return (false, data),
        }
    }
}

#[cfg(test)]
mod tests;

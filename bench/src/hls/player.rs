//! One player: a connection that stays, a list that is polled, and each segment fetched once in its order.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::answer::{Answer, request};
use super::list::{List, Media, Segment, resolve};
use super::packets::Packets;
use crate::poll::{self, Io, Scratch};

/// An answer that takes longer than this is given up.
const TIMEOUT_NS: u64 = 10_000_000_000;
/// The target duration until a list tells.
const FIRST_TARGET_NS: u64 = 2_000_000_000;
/// A player begins with this segment from the end of the first list.
const FROM_END: usize = 3;

/// What all players have in common.
pub struct Crew {
    /// Where the server is.
    pub address: SocketAddr,
    /// `host:port` as written.
    pub authority: String,
    /// Where bytes are received.
    pub scratch: Scratch,
    /// What went wrong and how often, from the first connection on.
    pub errors: BTreeMap<String, u64>,
    /// From now on stalls count.
    pub measuring: bool,
}

impl Crew {
    fn error(&mut self, kind: impl Into<String>) {
        *self.errors.entry(kind.into()).or_default() += 1;
    }
}

enum Asked {
    List,
    Segment(Segment),
}

/// A player.
pub struct Player {
    /// Its connection, when it has one.
    pub socket: Option<OwnedFd>,
    /// The connection is a new one since the caller looked last.
    pub is_new: bool,
    connected: bool,
    /// Something was answered on this connection.
    served: bool,
    out: Vec<u8>,
    asked: Option<Asked>,
    asked_ns: u64,
    answer: Answer,
    text: Vec<u8>,
    packets: Packets,
    list: String,
    queue: VecDeque<Segment>,
    /// The number of the segment that the next list brings, and the first of the last list.
    place: Option<(u64, u64)>,
    target_ns: u64,
    wants_list: bool,
    /// When it began to connect.
    pub began_ns: u64,
    /// When its first segment was whole.
    pub first_ns: Option<u64>,
    /// When its last segment was whole, or when it began.
    pub heard_ns: u64,
    /// All that it received.
    pub bytes: u64,
    /// Whole segments.
    pub segments: u64,
    /// Lists.
    pub lists: u64,
    /// Connections.
    pub dials: u64,
    /// Times without a new segment for three target durations, since measured.
    pub stalls: u64,
}

impl Player {
    /// A player that has asked for the list at `path`.
    pub fn begin(path: &str, strict: bool, crew: &mut Crew, now_ns: u64) -> Self {
        let mut player = Self {
            socket: None,
            is_new: false,
            connected: false,
            served: false,
            out: Vec::new(),
            asked: None,
            asked_ns: now_ns,
            answer: Answer::default(),
            text: Vec::new(),
            packets: Packets::new(strict),
            list: path.to_owned(),
            queue: VecDeque::new(),
            place: None,
            target_ns: FIRST_TARGET_NS,
            wants_list: true,
            began_ns: now_ns,
            first_ns: None,
            heard_ns: now_ns,
            bytes: 0,
            segments: 0,
            lists: 0,
            dials: 0,
            stalls: 0,
        };
        player.go_on(crew, now_ns);
        player
    }

    /// Time between two looks at the list.
    pub fn interval_ns(&self) -> u64 {
        self.target_ns / 2
    }

    /// Whether it waits for room to send.
    pub fn is_sending(&self) -> bool {
        !self.connected || !self.out.is_empty()
    }

    /// Whether no segment came for three target durations.
    pub fn is_starved(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.heard_ns) > 3 * self.target_ns
    }

    /// It is time to look at the list.
    pub fn wake(&mut self, crew: &mut Crew, now_ns: u64) {
        self.wants_list = true;
        if self.asked.is_some() && now_ns.saturating_sub(self.asked_ns) > TIMEOUT_NS {
            self.fail("no answer in 10 s", crew);
        }
        self.go_on(crew, now_ns);
    }

    /// Sends and receives what there is.
    pub fn serve(&mut self, crew: &mut Crew, now_ns: u64) {
        let Some(socket) = &self.socket else { return };
        if !self.connected {
            if let Ok(Err(error)) | Err(error) = rustix::net::sockopt::socket_error(socket) {
                self.fail(&format!("connect: {error}"), crew);
                return self.go_on(crew, now_ns);
            }
            self.connected = true;
        }
        if !poll::flush(socket, &mut self.out) {
            return self.lost(crew, now_ns);
        }
        let (io, bytes) = crew.scratch.take(socket);
        match io {
            Io::Wait => return,
            Io::Gone => return self.lost(crew, now_ns),
            Io::Bytes(count) => self.bytes += count as u64,
        }
        let taken = match (&self.asked, self.answer.feed(bytes)) {
            (None, _) => Err("bytes that nobody asked for"),
            (_, Err(error)) => Err(error),
            (_, Ok(_)) if self.answer.status != 200 => Ok(()),
            (Some(Asked::List), Ok(part)) => {
                self.text.extend_from_slice(part);
                Ok(())
            }
            (Some(Asked::Segment(_)), Ok(part)) => {
                self.packets.take(part);
                Ok(())
            }
        };
        match taken {
            Err(error) => self.fail(error, crew),
            Ok(()) if self.answer.is_whole() => self.finish(crew, now_ns),
            Ok(()) => return,
        }
        self.go_on(crew, now_ns);
    }

    /// The connection is gone: a used one may go between two answers, and what was asked meanwhile is asked again.
    fn lost(&mut self, crew: &mut Crew, now_ns: u64) {
        let asked = self.asked.take();
        let (served, untouched) = (self.served, self.answer.is_untouched());
        self.socket = None;
        match asked {
            Some(asked) if served && untouched => self.ask(asked, crew, now_ns),
            Some(_) => {
                crew.error("closed within an answer");
                self.packets.skip();
                self.go_on(crew, now_ns);
            }
            None => {}
        }
    }

    fn fail(&mut self, why: &str, crew: &mut Crew) {
        crew.error(why);
        self.packets.skip();
        (self.socket, self.asked) = (None, None);
    }

    fn finish(&mut self, crew: &mut Crew, now_ns: u64) {
        self.served = true;
        if self.answer.closes {
            self.socket = None;
        }
        let status = self.answer.status;
        match self.asked.take() {
            Some(Asked::List) if status != 200 => crew.error(format!("status {status} of a list")),
            Some(Asked::Segment(_)) if status != 200 => {
                crew.error(format!("status {status} of a segment"));
                self.packets.skip();
            }
            Some(Asked::List) => self.take_list(crew),
            Some(Asked::Segment(_)) => {
                if let Err(fault) = self.packets.end() {
                    crew.error(fault);
                }
                self.stalls += u64::from(crew.measuring && self.is_starved(now_ns));
                self.first_ns.get_or_insert(now_ns);
                self.heard_ns = now_ns;
                self.segments += 1;
            }
            None => {}
        }
    }

    fn take_list(&mut self, crew: &mut Crew) {
        self.lists += 1;
        let text = String::from_utf8_lossy(&self.text);
        match List::read(&text) {
            Err(error) => crew.error(error),
            Ok(List::Media(media)) => self.take_media(media, crew),
            Ok(List::Master(uri)) => {
                self.list = resolve(&self.list, &uri);
                self.wants_list = true;
            }
        }
    }

    fn take_media(&mut self, media: Media, crew: &mut Crew) {
        if !media.keeps_target() {
            crew.error("segment longer than the target duration");
        }
        self.target_ns = media.target_s.max(1) * 1_000_000_000;
        let (sequence, end) = (media.sequence, media.end());
        let (mut next, last) = self.place.unwrap_or_else(|| {
            let skipped = media.segments.len().saturating_sub(FROM_END);
            (sequence + skipped as u64, sequence)
        });
        if sequence < last || end < next {
            return crew.error("list went back");
        }
        let mut gap = sequence > next;
        if gap {
            crew.error("gap of segments");
            next = sequence;
        }
        for segment in media.segments.into_iter().skip((next - sequence) as usize) {
            let breaks = segment.breaks || std::mem::take(&mut gap);
            self.queue.push_back(Segment { breaks, ..segment });
        }
        self.place = Some((end, sequence));
    }

    /// Asks for what is next, if it waits for nothing.
    fn go_on(&mut self, crew: &mut Crew, now_ns: u64) {
        if self.asked.is_some() {
            return;
        }
        if let Some(segment) = self.queue.pop_front() {
            self.ask(Asked::Segment(segment), crew, now_ns);
        } else if std::mem::take(&mut self.wants_list) {
            self.ask(Asked::List, crew, now_ns);
        }
    }

    fn ask(&mut self, what: Asked, crew: &mut Crew, now_ns: u64) {
        let path = match &what {
            Asked::List => {
                self.text.clear();
                self.list.clone()
            }
            Asked::Segment(segment) => {
                self.packets.begin(segment.breaks);
                resolve(&self.list, &segment.uri)
            }
        };
        if self.socket.is_none() {
            match poll::dial(crew.address) {
                Ok(socket) => self.socket = Some(socket),
                Err(error) => return crew.error(format!("connect: {error}")),
            }
            (self.is_new, self.connected, self.served) = (true, false, false);
            self.dials += 1;
        }
        self.out = request(&crew.authority, &path);
        (self.asked, self.asked_ns, self.answer) = (Some(what), now_ns, Answer::default());
        if let (true, Some(socket)) = (self.connected, &self.socket)
            && !poll::flush(socket, &mut self.out)
        {
            // Told by the next look at the socket.
            self.out.clear();
        }
    }
}

#[cfg(test)]
mod tests;

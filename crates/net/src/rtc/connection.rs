//! A session's connection as whoever serves it has it.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use srs_rtc::Path;
use srs_rtc::engine::{Asked, Credentials, Ended, Event, Packet, Stats};

use super::line::Line;
use super::shard::Shard;
use crate::turns::now;

/// A session that was accepted. It stays on the shard where it was.
///
/// Dropping it closes it: the peer is told, by what the engine sends within [`limits::RTC_GOODBYE`](crate::limits::RTC_GOODBYE).
pub struct Connection {
    line: Rc<Line>,
    shard: Rc<Shard>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(line: Rc<Line>, shard: Rc<Shard>) -> Connection {
        Connection { line, shard }
    }

    /// Waits for the next event. None when the session has ended and everything that came was taken.
    ///
    /// While [`limits::RTC_EVENTS`](crate::limits::RTC_EVENTS) wait, frames that come are thrown away
    /// ([`Connection::overrun`]), and the next one that is kept does not follow.
    pub fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.line.poll_event(cx)
    }

    /// As [`Connection::poll_event`].
    pub async fn event(&self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Sends a packet of media, unless the session has ended. It goes out when the driver has its turn: after the task
    /// that sends waits for something.
    pub fn send(&self, packet: &Packet) {
        self.send_all(std::slice::from_ref(packet));
    }

    /// As [`Connection::send`], of several, which is cheaper.
    pub fn send_all<'a>(&self, packets: impl IntoIterator<Item = &'a Packet>) {
        let now = now();
        let sent = self.line.with(|engine| {
            for packet in packets {
                engine.send(now, packet);
            }
        });
        if sent.is_some() {
            self.line.ring();
        }
    }

    /// Sends datagrams of `size` bytes each, of which the last one may be shorter, as they are and at once, by `path`: for
    /// who passes on what others made. It goes by the engine and its [`Connection::stats`]; after the end nothing is sent.
    ///
    /// What there is no room for waits with what others of this shard have to send, up to
    /// [`limits::UDP_OUTGOING`](crate::limits::UDP_OUTGOING) together; more is lost, as datagrams may be.
    pub fn pass(&self, path: Path, datagrams: &[u8], size: usize) {
        if !self.line.is_over() {
            self.line.path.set(path);
            self.shard.pass_on(path, datagrams, size);
        }
    }

    /// Asks the peer for something.
    pub fn ask(&self, asked: Asked) {
        let _ended = self.line.with(|engine| engine.ask(now(), asked));
        self.line.ring();
    }

    /// The peer begins anew to look for paths: [`Engine::restart`](srs_rtc::Engine::restart). The door must know the new
    /// user name by the same session name.
    pub fn restart(&self, ours: Credentials, theirs: Credentials) {
        let _ended = self.line.with(|engine| engine.restart(now(), ours, theirs));
        self.line.ring();
    }

    /// Tells the driver that the engine has something new to send, or to do. Cheap when it was told already.
    pub fn wake(&self) {
        self.line.ring();
    }

    /// Waits for the end of the session: why it ended.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.line.poll_ended(cx)
    }

    /// As [`Connection::poll_ended`].
    pub async fn ended(&self) -> Ended {
        poll_fn(|cx| self.poll_ended(cx)).await
    }

    /// How it goes; after the end, how it went.
    pub fn stats(&self) -> Stats {
        self.line.stats()
    }

    /// Frames that were thrown away because nobody took events for so long.
    pub fn overrun(&self) -> u64 {
        self.line.overrun()
    }

    /// Between which addresses media goes out; before there is some, where the first check came from.
    pub fn path(&self) -> Path {
        self.line.path.get()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.line.drop_it();
    }
}

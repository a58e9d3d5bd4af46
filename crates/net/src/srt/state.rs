//! The tables of a shard.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;

use srs_srt::engine::Ended;
use srs_srt::handshake::Fields;
use srs_srt::packet::{Header, shutdown};
use srs_srt::{Reason, SocketId};

use super::connection::{Left, Line};
use super::crowd::{Crowd, Silent};
use super::follow::{Follow, Stranger};
use super::lately::{Caller, Lately};
use super::live::Live;
use crate::limits;
use crate::tcp::Slots;
use crate::turns::{Due, Timers};
use crate::udp::{Datagram, Outgoing, Runs, Socket, Way, sender};

/// A caller that waits.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) way: Way,
    pub(super) fields: Fields,
    pub(super) until: Instant,
}

impl Pending {
    fn caller(&self) -> Caller {
        (self.way.0, self.fields.socket)
    }
}

/// A connection.
pub(super) struct Open {
    way: Way,
    /// The caller's socket id.
    theirs: SocketId,
    line: Rc<Line>,
    answer: Vec<u8>,
    since: Instant,
    follow: Follow,
    /// Counted where, when it has said nothing yet.
    silent: Option<IpAddr>,
    due: Due,
}

impl Open {
    /// `answer` is what the caller was told, now.
    pub(super) fn new(
        now: Instant,
        pending: &Pending,
        line: Rc<Line>,
        answer: Vec<u8>,
        follow: Follow,
    ) -> Open {
        let (way, theirs) = (pending.way, pending.fields.socket);
        Open { way, theirs, line, answer, since: now, follow, silent: None, due: Due::default() }
    }

    /// Microseconds since it began, as packets tell them.
    fn time(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.since).as_micros() as u32
    }

    /// The answer, as it is told now.
    fn answer(&self, now: Instant) -> Vec<u8> {
        let mut answer = self.answer.clone();
        if let Some(time) = answer.get_mut(TIMESTAMP)
            && let Ok(then) = <[u8; 4]>::try_from(&*time)
        {
            time.copy_from_slice(&u32::from_be_bytes(then).wrapping_add(self.time(now)).to_be_bytes());
        }
        answer
    }
}

/// Where packets tell the time.
const TIMESTAMP: Range<usize> = 8..12;

/// Who is there, by all the ways they are looked for.
pub(super) struct State {
    pending: HashMap<SocketId, Pending>,
    /// In the order in which they waited for too long; those that do not wait any more among them.
    waits: VecDeque<(Instant, SocketId)>,
    lines: HashMap<SocketId, Open>,
    callers: HashMap<Caller, SocketId>,
    lately: Lately,
    crowd: Crowd,
    live: Live,
    timers: Timers<SocketId>,
    pub(super) outgoing: Outgoing,
    runs: Runs<()>,
    /// Whose turn it is.
    pub(super) turns: Vec<SocketId>,
}

impl State {
    /// Nobody yet; others see by `live` who is.
    pub(super) fn new(live: Live) -> State {
        State {
            pending: HashMap::new(),
            waits: VecDeque::new(),
            lines: HashMap::new(),
            callers: HashMap::new(),
            lately: Lately::default(),
            crowd: Crowd::default(),
            live,
            timers: Timers::default(),
            outgoing: Outgoing::default(),
            runs: Runs::default(),
            turns: Vec::new(),
        }
    }

    /// Whether an id belongs to somebody.
    pub(super) fn is_taken(&self, id: SocketId) -> bool {
        self.pending.contains_key(&id) || self.lines.contains_key(&id)
    }

    /// Whether nobody is there.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.lines.is_empty()
    }

    /// A caller waits from now on.
    pub(super) fn wait(&mut self, id: SocketId, pending: Pending) {
        self.callers.insert(pending.caller(), id);
        self.crowd.add(pending.way.0.ip(), Silent::Waits);
        self.waits.push_back((pending.until, id));
        self.pending.insert(id, pending);
    }

    /// A caller does not wait any more, if it did.
    pub(super) fn waited(&mut self, id: SocketId) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.crowd.remove(pending.way.0.ip(), Silent::Waits);
        Some(pending)
    }

    /// Whether no more callers may wait, be it those of this address.
    pub(super) fn is_crowded(&self, ip: IpAddr, slots: &Slots) -> bool {
        let is_many = |silent| self.crowd.count(ip, silent) >= limits::SRT_OF_ONE;
        let waiting = self.pending.len();
        waiting >= limits::SRT_KNOCKS
            || waiting >= limits::SRT_KNOCKS / 2 && is_many(Silent::Waits)
            || slots.is_half_taken() && is_many(Silent::Accepted)
    }

    /// A connection begins.
    pub(super) fn open(&mut self, id: SocketId, mut open: Open) {
        self.callers.insert((open.way.0, open.theirs), id);
        self.crowd.add(open.way.0.ip(), Silent::Accepted);
        open.silent = Some(open.way.0.ip());
        self.live.add(id);
        self.lines.insert(id, open);
    }

    /// Gives everybody a turn, whatever was forgotten.
    pub(super) fn turn_all(&mut self) {
        self.turns.clear();
        self.turns.extend(self.lines.keys());
    }

    /// Refuses a caller that does not wait, or not any more.
    pub(super) fn refuse(&mut self, socket: &Socket, now: Instant, pending: &Pending, reason: Reason) {
        let caller = pending.caller();
        self.callers.remove(&caller);
        let answer = pending.fields.reject(reason).write(caller.1, 0);
        let _lost = self.outgoing.send(socket, pending.way, &answer, answer.len());
        self.lately.keep(now, caller, Some(&answer));
    }

    /// Whether this caller is known: what it was told is told again.
    pub(super) fn repeat(&mut self, socket: &Socket, now: Instant, caller: &Caller) -> bool {
        let State { lines, callers, lately, outgoing, .. } = self;
        let known = callers.get(caller);
        let way_and_answer = match known {
            Some(id) => lines.get(id).map(|open| (open.way, open.answer(now))),
            None => match lately.find(now, caller) {
                None => return false,
                Some(answer) => answer.map(|answer| ((caller.0, None), answer.to_vec())),
            },
        };
        if let Some((way, answer)) = way_and_answer {
            let _lost = outgoing.send(socket, way, &answer, answer.len());
        }
        true
    }

    /// A datagram for one of this shard's connections, or for nobody.
    pub(super) fn packet(&mut self, socket: &Socket, now: Instant, header: &Header, datagram: Datagram<'_>) {
        let Some(open) = self.lines.get_mut(&header.destination) else { return };
        let Datagram { from, to, bytes } = datagram;
        if open.way.0 != from {
            let way = (from, sender(to));
            match open.follow.stranger(now, from, header, bytes) {
                Stranger::Nobody => return,
                Stranger::Perhaps(question) => {
                    let question = question.write(open.theirs, open.time(now));
                    let _lost = self.outgoing.send(socket, way, &question, question.len());
                    return;
                }
                Stranger::Caller => {
                    tracing::debug!(before = %open.way.0, %from, "a caller of SRT has another address");
                    self.callers.remove(&(open.way.0, open.theirs));
                    self.callers.insert((from, open.theirs), header.destination);
                    open.way = way;
                    open.line.peer.set(from);
                }
            }
        } else {
            open.follow.heard(now, header, bytes);
            open.line.packet(now, bytes);
        }
        if let Some(ip) = open.silent.take() {
            self.crowd.remove(ip, Silent::Accepted);
        }
        if open.line.mark() {
            self.turns.push(header.destination);
        }
    }

    /// Does what time brings: refuses who waited for too long, and lists whose turn it is.
    pub(super) fn pass(&mut self, socket: &Socket, now: Instant) {
        while let Some((until, id)) = self.waits.front().copied()
            && until <= now
        {
            self.waits.pop_front();
            if let Some(pending) = self.waited(id) {
                self.refuse(socket, now, &pending, Reason::TIMEOUT);
            }
        }
        while let Some((at, id)) = self.timers.next(now) {
            if let Some(open) = self.lines.get_mut(&id)
                && self.timers.is_due(now, at, id, &mut open.due)
                && open.line.mark()
            {
                self.turns.push(id);
            }
        }
    }

    /// Gives everybody a turn who has one, and one more to those in `rung`. True when somebody wants one at once.
    pub(super) fn turn(&mut self, socket: &Socket, now: Instant, rung: &mut Vec<SocketId>) -> bool {
        let mut again = Vec::new();
        let mut turns = std::mem::take(&mut self.turns);
        for id in turns.drain(..).chain(rung.drain(..)) {
            if self.one_turn(socket, now, id) {
                again.push(id);
            }
        }
        // The memory is used again.
        self.turns = turns;
        self.turns.append(&mut again);
        !self.turns.is_empty()
    }

    fn one_turn(&mut self, socket: &Socket, now: Instant, id: SocketId) -> bool {
        let State { lines, timers, outgoing, runs, .. } = self;
        let Some(open) = lines.get_mut(&id) else { return false };
        let way = open.way;
        let mut send = |(), run: &[u8], size| {
            // To whom nothing can be sent, nothing is acknowledged, which ends the connection.
            let _lost = outgoing.send(socket, way, run, size);
        };
        let ended = match open.line.turn(now, runs, &mut send) {
            Left::More => return open.line.mark(),
            Left::Until(at) => {
                timers.set(id, &mut open.due, at);
                return false;
            }
            Left::Nothing(ended) => ended,
        };
        if ended == Ended::Broken {
            let goodbye = shutdown(open.theirs, 0);
            send((), &goodbye, goodbye.len());
        }
        let caller = (way.0, open.theirs);
        if let Some(ip) = lines.remove(&id).and_then(|open| open.silent) {
            self.crowd.remove(ip, Silent::Accepted);
        }
        self.live.remove(id);
        self.callers.remove(&caller);
        self.lately.keep(now, caller, None);
        false
    }

    /// When time brings something next.
    pub(super) fn next(&self) -> Option<Instant> {
        let wait = self.waits.front().map(|(until, _)| *until);
        [wait, self.timers.first()].into_iter().flatten().min()
    }
}

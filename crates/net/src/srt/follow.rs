//! A caller whose address changes, as a NAT does it that has forgotten the way.
//!
//! Who claims to be the caller, from another address, must know where the caller's numbers stand: 31 bits that nobody can
//! see who is not on the way; or say what a caller does who gets nothing any more. The old address must be silent, so that
//! nobody is followed while the caller is there. And the new one must answer a question: the caller itself, who knows its
//! numbers, could write any address else into its datagrams, and have a stream sent to somebody who never asked.
//!
//! The question is an acknowledgement (the draft's section 3.2.4) with a number of its own, which a caller acknowledges in
//! turn (3.2.8) and takes no other notice of, since what it acknowledges is known to it for long. It is a full one: smaller ones
//! need not be acknowledged.
//!
//! A player that had acknowledged all it had got sends a sign of life each second and nothing else, and gives up after five:
//! it is asked at its first behind that silence.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use srs_srt::SocketId;
use srs_srt::packet::{Control, ControlKind, Header, Kind};

/// For how long the old address must be silent.
pub(super) const SILENT: Duration = Duration::from_secs(1);

/// How many datagrams in a row must go on where the caller was, before each question: more bytes than the question has.
const IN_A_ROW: u32 = 3;

/// How many signs of life there must be. The question has less than three times the bytes of one, which QUIC allows too (RFC
/// 9000, section 8.1).
const SIGNS: u32 = 1;

/// How far ahead they may be: what libsrt has under way at most by default.
const AHEAD: u32 = 8192;

/// Sequence numbers have 31 bits.
const MASK: u32 = 0x7fff_ffff;

/// Questions of one connection are no closer together.
const REST: Duration = Duration::from_millis(250);

/// How many there are of one silence.
const QUESTIONS: u32 = 8;

/// How many of them may be due to signs of life, which anybody could send: some are left for who shows more.
const OF_SIGNS: u32 = QUESTIONS / 2;

/// What an acknowledgement says of our end: a round trip, how much it varies, both in microseconds, room for packets, and
/// three rates. Nothing of it counts where the acknowledged number is an old one.
const SAYS: [u32; 6] = [100_000, 50_000, 8192, 0, 0, 0];

/// Where a caller's numbers stand.
#[derive(Debug)]
pub(super) struct Follow {
    media: u32,
    /// Which the caller must take for acknowledged already: the one before its first, or one far back.
    old: u32,
    acknowledged: u32,
    heard: Instant,
    candidate: Option<Candidate>,
    /// In this silence.
    questions: u32,
    asked: Option<Instant>,
}

/// An address that may be the caller's.
#[derive(Debug)]
struct Candidate {
    address: SocketAddr,
    /// The last number, and what else tells datagrams apart.
    last: (u32, u32),
    in_a_row: u32,
    question: Option<u32>,
}

/// What is asked of an address that may be the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    /// By which it must answer.
    pub(super) number: u32,
    acknowledged: u32,
}

/// Who a datagram is from that came from another address than the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// Not from the caller, as far as is known.
    Nobody,
    /// It may be from the caller, who is to be asked.
    Perhaps(Question),
    /// From the caller; the datagram says nothing else.
    Caller,
}

/// The number that tells where a sender stands.
enum Number {
    Media(u32),
    Acknowledged(u32),
}

impl Number {
    fn read(header: &Header, datagram: &[u8]) -> Option<Number> {
        match header.kind {
            Kind::Data(data) => Some(Number::Media(data.sequence)),
            Kind::Control(control) if control.kind == ControlKind::ACK => {
                let number = datagram.get(srs_srt::packet::HEADER..)?.first_chunk()?;
                Some(Number::Acknowledged(u32::from_be_bytes(*number)))
            }
            Kind::Control(_) => None,
        }
    }
}

/// How far `number` is ahead of `last`.
fn ahead(last: u32, number: u32) -> u32 {
    number.wrapping_sub(last) & MASK
}

impl Question {
    /// The packet that asks it. `timestamp` is in microseconds since the connection began.
    pub(super) fn write(&self, destination: SocketId, timestamp: u32) -> Vec<u8> {
        let control = Control { kind: ControlKind::ACK, subtype: 0, info: self.number };
        let mut out = Header { kind: Kind::Control(control), timestamp, destination }.write().to_vec();
        let words = std::iter::once(self.acknowledged).chain(SAYS);
        out.extend(words.flat_map(u32::to_be_bytes));
        out
    }
}

impl Follow {
    /// `caller` is the first sequence number of the caller, `ours` of this end.
    pub(super) fn new(caller: u32, ours: u32, now: Instant) -> Follow {
        let before = caller.wrapping_sub(1) & MASK;
        Follow {
            media: before,
            old: before,
            acknowledged: ours & MASK,
            heard: now,
            candidate: None,
            questions: 0,
            asked: None,
        }
    }

    /// A datagram came from the caller's address.
    pub(super) fn heard(&mut self, now: Instant, header: &Header, datagram: &[u8]) {
        self.heard = now;
        self.candidate = None;
        self.questions = 0;
        let (last, number) = match Number::read(header, datagram) {
            Some(Number::Media(number)) => (&mut self.media, number),
            Some(Number::Acknowledged(number)) => (&mut self.acknowledged, number),
            None => return,
        };
        // Neither late ones nor nonsense.
        if ahead(*last, number) <= MASK / 2 {
            *last = number;
        }
        // No caller has more than so many that it could still send again.
        if ahead(self.old, self.media) > AHEAD {
            self.old = self.media.wrapping_sub(AHEAD) & MASK;
        }
    }

    /// A datagram for this connection came from another address: whether that is the caller's now. Then the caller has to be
    /// heard there from now on.
    pub(super) fn stranger(
        &mut self,
        now: Instant,
        from: SocketAddr,
        header: &Header,
        datagram: &[u8],
    ) -> Stranger {
        if let Kind::Control(control) = header.kind
            && control.kind == ControlKind::ACK_ACK
        {
            return self.answered(now, from, control.info);
        }
        let shown = (IN_A_ROW, QUESTIONS);
        let (goes_on, last, (needed, most)) = match Number::read(header, datagram) {
            Some(Number::Media(number)) => {
                ((1..=AHEAD).contains(&ahead(self.media, number)), (number, 0), shown)
            }
            // Each has a number of its own, also where it acknowledges what the one before did.
            Some(Number::Acknowledged(number)) => {
                (ahead(self.acknowledged, number) <= AHEAD, (number, count(header)), shown)
            }
            // Who gets nothing any more has nothing else to say. It shows nothing, and takes nobody's place who does.
            None if header.is(ControlKind::KEEP_ALIVE) => {
                let other = |candidate: &Candidate| candidate.address != from;
                let is_free = !self.candidate.as_ref().is_some_and(other);
                (is_free, (header.timestamp, 0), (SIGNS, OF_SIGNS))
            }
            None => return Stranger::Nobody,
        };
        // Others, which anybody could send, neither help nor hinder.
        if !goes_on || now.saturating_duration_since(self.heard) < SILENT {
            return Stranger::Nobody;
        }
        let candidate = match &mut self.candidate {
            Some(candidate) if candidate.address == from => candidate,
            other => other.insert(Candidate { address: from, last: (0, 0), in_a_row: 0, question: None }),
        };
        // The same again is no second sign.
        if candidate.in_a_row > 0 && candidate.last == last {
            return Stranger::Nobody;
        }
        candidate.last = last;
        candidate.in_a_row = candidate.in_a_row.saturating_add(1);
        let rested = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= REST);
        if candidate.in_a_row < needed || !rested || self.questions >= most {
            return Stranger::Nobody;
        }
        candidate.in_a_row = 0;
        self.questions = self.questions.saturating_add(1);
        self.asked = Some(now);
        // The same one to the same address: the answer may be longer under way than the next question is off.
        let number = *candidate.question.get_or_insert_with(|| rand::random_range(1..=MASK));
        Stranger::Perhaps(Question { number, acknowledged: self.old })
    }

    fn answered(&mut self, now: Instant, from: SocketAddr, number: u32) -> Stranger {
        let asked = self.candidate.as_ref().filter(|candidate| candidate.address == from);
        if asked.is_none_or(|candidate| candidate.question != Some(number)) {
            return Stranger::Nobody;
        }
        self.candidate = None;
        self.heard = now;
        self.questions = 0;
        Stranger::Caller
    }
}

/// The number of an acknowledgement itself.
fn count(header: &Header) -> u32 {
    match header.kind {
        Kind::Control(control) => control.info,
        Kind::Data(_) => 0,
    }
}

#[cfg(test)]
mod tests;

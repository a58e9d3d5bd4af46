//! Control packets: which of them the library gets, and how they are changed before.
//!
//! Everything that is not named here is dropped. A handshake is answered by the driver, if at all.

use std::time::{Duration, Instant};

use srs_srt::Header;
use srs_srt::packet::{Control, ControlKind, HEADER, Kind};

use super::{MOST_OWN, Peer};
use crate::srt::keys::Change;
use crate::srt::numbers;

/// The longest round trip that is believed, and the longest variance.
const MOST_RTT: u32 = 10_000_000;
/// The variance of the round trip that the library is told, in microseconds. By it the library sends again what was not
/// acknowledged in time, which with a true one is most of what is under way behind a loss. Peers ask for what they
/// lost, so it is enough as a last resort, after a second. More would overflow where a packet is sent very often.
const VARIANCE: u32 = 250_000;
/// The round trip while none is known, in microseconds: that of libsrt.
const FIRST_RTT: u32 = 100_000;
/// Subtypes of [`ControlKind::USER`]: new keys, and that they were understood.
const KEYS: u16 = 3;
const KEYS_TAKEN: u16 = 4;

impl Peer {
    /// A control packet.
    pub(super) fn control(&mut self, now: Instant, control: Control, time: u32, datagram: &mut [u8]) {
        self.clock.heard(now, time);
        let Some((_, content)) = datagram.split_at_checked(HEADER) else { return };
        let goes_on = match control.kind {
            ControlKind::KEEP_ALIVE => true,
            ControlKind::SHUTDOWN => {
                self.leaving = true;
                true
            }
            ControlKind::ACK => self.acknowledgement(now, control.info, content),
            ControlKind::NAK => {
                self.lost(now, content);
                false
            }
            ControlKind::ACK_ACK => control.info != 0 && control.info < 1 << 31,
            ControlKind::DROP_REQUEST => {
                self.not_again(now, content);
                false
            }
            ControlKind::USER if control.subtype == KEYS => self.new_keys(now, content),
            ControlKind::USER if control.subtype == KEYS_TAKEN => self.keys.answered(content),
            _ => false,
        };
        if !goes_on {
            return;
        }
        put(datagram, 8, self.clock.ours(now));
        if control.kind == ControlKind::ACK {
            put(datagram, HEADER + 8, VARIANCE);
        }
        self.core.control(now, datagram);
    }

    /// What has arrived there. Whether the library may see it.
    fn acknowledgement(&mut self, now: Instant, count: u32, content: &[u8]) -> bool {
        let mut words = content.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        let Some(number) = words.next().filter(|number| *number <= numbers::MASK) else { return false };
        let told = (words.next(), words.next());
        if count >= 1 << 31 || [told.0, told.1].iter().flatten().any(|span| *span > MOST_RTT) {
            return false;
        }
        if count != 0 && self.sent.is_old(number) {
            // The library would take no more of those whose own numbers are below. By a number of no row a listener
            // asks whether a new address is ours.
            let mut packet = self.write(now, ControlKind::ACK_ACK, 0, self.remote, &[]);
            put(&mut packet, 4, count);
            self.push(packet);
            return false;
        }
        if let (Some(rtt), Some(variance), Some(_)) = (told.0, told.1, words.next()) {
            let micros = |span: u32| Duration::from_micros(span.into());
            self.rtt = (micros(rtt), micros(variance));
        }
        self.sent.acknowledged(now, number);
        true
    }

    /// What was lost on the way there is sent again.
    fn lost(&mut self, now: Instant, content: &[u8]) {
        let Some(singles) = self.sent.wanted(now, content, self.rtt.0).filter(|singles| !singles.is_empty())
        else {
            return;
        };
        self.send_again(now, &singles);
    }

    /// The library sends these again.
    pub(super) fn send_again(&mut self, now: Instant, numbers: &[u32]) {
        // Without ranges: it never ends with those that are of one packet or go across the wrap.
        let packet = self.write(now, ControlKind::NAK, 0, self.local, numbers);
        self.core.control(now, &packet);
    }

    /// Packets that will not come any more.
    fn not_again(&mut self, now: Instant, content: &[u8]) {
        let mut words =
            content.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word) & numbers::MASK);
        let (Some(first), Some(last)) = (words.next(), words.next()) else { return };
        let first = numbers::place(self.losses.behind(), first);
        let last = numbers::place(first, last);
        while let Some(those) = self.losses.given_up(first, last) {
            self.give_up(now, those);
        }
    }

    /// The peer has new keys. Whether the library is to unwrap them.
    fn new_keys(&mut self, now: Instant, message: &[u8]) -> bool {
        match self.keys.asked(now, message) {
            Change::New => true,
            Change::Ignored => false,
            Change::Known => {
                let mut packet = self.write(now, ControlKind::USER, KEYS_TAKEN, self.remote, &[]);
                packet.extend(message);
                self.push(packet);
                false
            }
        }
    }

    /// Asks for what is missing.
    pub(super) fn ask(&mut self, now: Instant, words: &[u32]) {
        let packet = self.write(now, ControlKind::NAK, 0, self.remote, words);
        self.push(packet);
    }

    /// The library hears that the peer's time is ours.
    pub(super) fn tell_time(&mut self, now: Instant) {
        let packet = self.write(now, ControlKind::KEEP_ALIVE, 0, self.local, &[0]);
        self.core.control(now, &packet);
    }

    /// The library hears of a round trip before the first acknowledgement: it would not wait for that otherwise. It can
    /// only with the first packet there.
    pub(super) fn tell_patience(&mut self, now: Instant) {
        let words = [self.first, FIRST_RTT, VARIANCE, super::super::agreed::WINDOW];
        let packet = self.write(now, ControlKind::ACK, 0, self.local, &words);
        self.core.control(now, &packet);
    }

    fn push(&mut self, packet: Vec<u8>) {
        if self.own.len() < MOST_OWN {
            self.own.push_back(packet);
        }
    }

    fn write(
        &self,
        now: Instant,
        kind: ControlKind,
        subtype: u16,
        destination: srs_srt::SocketId,
        words: &[u32],
    ) -> Vec<u8> {
        let kind = Kind::Control(Control { kind, subtype, info: 0 });
        let mut out = Header { kind, timestamp: self.clock.ours(now), destination }.write().to_vec();
        out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        out
    }
}

/// Writes a word in place, where there is room for it.
fn put(datagram: &mut [u8], at: usize, word: u32) {
    if let Some(field) = datagram.get_mut(at..at.saturating_add(4)) {
        field.copy_from_slice(&word.to_be_bytes());
    }
}

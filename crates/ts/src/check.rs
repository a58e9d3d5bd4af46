//! A strict reader of transport streams, for tests and load generators: it says what is wrong, where a player would
//! make do.
//!
//! Checked are packets, the CRC and form of the tables, counters, PES headers and lengths, and that the clock and each
//! stream's decode times never go back (equal ones may follow each other: FLV counts milliseconds). Tables must fit one
//! packet, each PES header the packet that begins it, and each PES must have a time. Other things that the standard
//! allows and this project does not write are faults as well.

use crate::packet::{LAST_RESERVED_PID, NULL_PID, PAT_PID, Packet, parse, pid};
use crate::{Error, TIME_MASK, Times, pes, psi};
use std::collections::BTreeMap;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packet {at} of PID {pid:#x}: {what}")]
pub struct Fault {
    /// The number of the packet, from 0.
    pub at: u64,
    /// The PID that the packet says.
    pub pid: u16,
    /// What is wrong with it.
    pub what: What,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The bytes are not as the standard has them.
    #[error(transparent)]
    Format(#[from] Error),
    /// Packets of this PID were lost, doubled or put out of order.
    #[error("counter {said} where {expected} was expected")]
    Continuity {
        /// What the packet says.
        said: u8,
        /// What follows the packet before.
        expected: u8,
    },
    /// The table for another PID, or none that is known.
    #[error("table {0}")]
    WrongTable(u8),
    /// A PID that no table has named so far.
    #[error("PID in no table")]
    UnknownPid,
    /// Payload where a PES must begin: a segment that begins inside a unit.
    #[error("payload without a start")]
    NoStart,
    /// A PES without a time.
    #[error("PES without PTS")]
    NoTime,
    /// A sound PES that leaves its length open, which only video may.
    #[error("PES of stream id {0:#x} without a length")]
    NoLength(u8),
    /// A PES with more or fewer bytes than its header says. Said of the packet that is too much, or that begins the next.
    #[error("PES of {said} bytes has {real}")]
    UnitLength {
        /// By its header.
        said: usize,
        /// So far.
        real: usize,
    },
    /// Presented before it is decoded.
    #[error("PTS {} before DTS {}", .0.pts, .0.dts)]
    Presentation(Times),
    /// A decode time before that of the unit before; 90 kHz ticks.
    #[error("DTS {now} after {last}")]
    Backwards {
        /// Of the unit before.
        last: u64,
        /// Of this one.
        now: u64,
    },
    /// The clock went back; 27 MHz ticks.
    #[error("PCR {now} after {last}")]
    Clock {
        /// The PCR before.
        last: u64,
        /// This one.
        now: u64,
    },
}

/// What was seen of one elementary stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// By the program's table.
    pub stream_type: u8,
    /// PES begun.
    pub units: u64,
    /// PES that say that decoding can begin there.
    pub keys: u64,
    /// Bytes of the elementary stream, without all headers.
    pub bytes: u64,
    /// Times of the first unit.
    pub first: Option<Times>,
    /// Times of the last unit.
    pub last: Option<Times>,
    place: Place,
}

/// Where in a stream the checker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Where a PES must begin.
    #[default]
    Between,
    /// Behind a fault that was told: up to the next PES nothing can be said.
    Lost,
    /// In a PES, with its bytes by its header and so far.
    Inside { said: Option<usize>, real: usize },
}

/// Checks packet after packet of one program.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    packets: u64,
    continuity_errors: u64,
    clocks: u64,
    counters: BTreeMap<u16, u8>,
    /// PIDs of programs' tables.
    tables: Vec<u16>,
    pcr_pid: Option<u16>,
    /// 27 MHz ticks.
    pcr: Option<u64>,
    streams: BTreeMap<u16, Stream>,
}

impl Checker {
    /// A checker at the start of a stream, which must begin with its tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next packet. Behind a fault the checker goes on from the packet at hand, so that one loss is one fault.
    pub fn packet(&mut self, packet: &[u8]) -> Result<(), Fault> {
        let at = self.packets;
        self.packets = at.saturating_add(1);
        self.take(packet).map_err(|what| Fault { at, pid: pid(packet), what })
    }

    /// Takes whole packets up to the first fault. A rest of less than a packet is one.
    pub fn packets(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        bytes.chunks(crate::PACKET).try_for_each(|packet| self.packet(packet))
    }

    /// Says that the stream ends here, which the last PES of each PID may not like. The checker can go on behind it: at
    /// the end of a segment.
    pub fn end(&mut self) -> Result<(), Fault> {
        let at = self.packets;
        for (&pid, stream) in &mut self.streams {
            stream.close().map_err(|what| Fault { at, pid, what })?;
        }
        Ok(())
    }

    /// Forgets clock and decode times: what follows has a timeline of its own, as after `EXT-X-DISCONTINUITY`.
    pub fn forget_times(&mut self) {
        self.pcr = None;
        for stream in self.streams.values_mut() {
            stream.last = None;
        }
    }

    /// Packets taken, null packets and faulty ones among them.
    pub fn count(&self) -> u64 {
        self.packets
    }

    /// How often packets of a PID were lost, doubled or put out of order.
    pub fn continuity_errors(&self) -> u64 {
        self.continuity_errors
    }

    /// How often the clock was read.
    pub fn clocks(&self) -> u64 {
        self.clocks
    }

    /// What was seen of the streams in the program's table, by PID.
    pub fn streams(&self) -> impl Iterator<Item = (u16, &Stream)> {
        self.streams.iter().map(|(&pid, stream)| (pid, stream))
    }

    /// What was seen of one stream.
    pub fn stream(&self, pid: u16) -> Option<&Stream> {
        self.streams.get(&pid)
    }

    fn take(&mut self, packet: &[u8]) -> Result<(), What> {
        let packet = parse(packet)?;
        if packet.pid == NULL_PID {
            return Ok(());
        }
        let counter = self.counter(&packet);
        if counter.is_err() {
            self.continuity_errors = self.continuity_errors.saturating_add(1);
            if let Some(stream) = self.streams.get_mut(&packet.pid) {
                stream.place = Place::Lost;
            }
        }
        let clock = self.clock(&packet);
        let payload = match packet.payload {
            // What follows a gap has no start, which is no second fault.
            Some(_) if counter.is_err() && !packet.start => Ok(()),
            Some(payload) => self.payload(&packet, payload),
            None => Ok(()),
        };
        counter.and(clock).and(payload)
    }

    fn counter(&mut self, packet: &Packet<'_>) -> Result<(), What> {
        let Some(last) = self.counters.insert(packet.pid, packet.counter) else { return Ok(()) };
        let step = u8::from(packet.payload.is_some());
        let expected = last.wrapping_add(step) & 0x0f;
        if packet.counter == expected || packet.marks.discontinuity {
            return Ok(());
        }
        Err(What::Continuity { said: packet.counter, expected })
    }

    fn clock(&mut self, packet: &Packet<'_>) -> Result<(), What> {
        const WRAP: u64 = (TIME_MASK + 1) * 300;
        let Some(now) = packet.marks.pcr.filter(|_| self.pcr_pid == Some(packet.pid)) else {
            return Ok(());
        };
        self.clocks = self.clocks.saturating_add(1);
        match self.pcr.replace(now) {
            Some(last) if !packet.marks.discontinuity => {
                let step = now.saturating_add(WRAP).saturating_sub(last) % WRAP;
                if step < WRAP / 2 { Ok(()) } else { Err(What::Clock { last, now }) }
            }
            _ => Ok(()),
        }
    }

    fn payload(&mut self, packet: &Packet<'_>, payload: &[u8]) -> Result<(), What> {
        if packet.pid == PAT_PID {
            let section = table(packet, payload, psi::PAT)?;
            self.tables = psi::programs(section.body)?;
            return Ok(());
        }
        if self.tables.contains(&packet.pid) {
            let section = table(packet, payload, psi::PMT)?;
            if section.current {
                self.program(psi::program(section.body)?);
            }
            return Ok(());
        }
        match self.streams.get_mut(&packet.pid) {
            Some(stream) => stream.take(packet, payload),
            None if packet.pid <= LAST_RESERVED_PID => Ok(()),
            None => Err(What::UnknownPid),
        }
    }

    /// Streams that the table no longer names are kept as seen.
    fn program(&mut self, program: psi::Program) {
        self.pcr_pid = (program.pcr != NULL_PID).then_some(program.pcr);
        for (stream_type, pid) in program.streams {
            self.streams.entry(pid).or_default().stream_type = stream_type;
        }
    }
}

fn table<'a>(packet: &Packet<'_>, payload: &'a [u8], wanted: u8) -> Result<psi::Section<'a>, What> {
    if !packet.start {
        return Err(What::Format(Error::Table));
    }
    let section = psi::section(payload)?;
    if section.table == wanted { Ok(section) } else { Err(What::WrongTable(section.table)) }
}

impl Stream {
    fn take(&mut self, packet: &Packet<'_>, payload: &[u8]) -> Result<(), What> {
        if !packet.start {
            return self.add(payload.len());
        }
        let closed = self.close();
        self.place = Place::Lost;
        let (head, payload) = pes::parse(payload)?;
        self.place = Place::Inside { said: head.payload, real: 0 };
        self.units = self.units.saturating_add(1);
        self.keys = self.keys.saturating_add(u64::from(packet.marks.random_access));
        let added = self.add(payload.len());
        let timed = self.time(head.times, packet.marks.discontinuity);
        let sized = match head.payload {
            None if head.id & 0xf0 != pes::VIDEO_ID => Err(What::NoLength(head.id)),
            _ => Ok(()),
        };
        closed.and(added).and(timed).and(sized)
    }

    fn add(&mut self, count: usize) -> Result<(), What> {
        let (said, real) = match self.place {
            Place::Between => {
                self.place = Place::Lost;
                return Err(What::NoStart);
            }
            Place::Lost => return Ok(()),
            Place::Inside { said, real } => (said, real.saturating_add(count)),
        };
        self.bytes = self.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.place = Place::Inside { said, real };
        match said {
            Some(said) if real > said => {
                self.place = Place::Lost;
                Err(What::UnitLength { said, real })
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), What> {
        match std::mem::take(&mut self.place) {
            Place::Inside { said: Some(said), real } if real != said => Err(What::UnitLength { said, real }),
            _ => Ok(()),
        }
    }

    fn time(&mut self, times: Option<Times>, discontinuity: bool) -> Result<(), What> {
        let Some(times) = times else { return Err(What::NoTime) };
        self.first = self.first.or(Some(times));
        let last = self.last.replace(times);
        if !follows(times.dts, times.pts) {
            return Err(What::Presentation(times));
        }
        match last {
            Some(last) if !discontinuity && !follows(last.dts, times.dts) => {
                Err(What::Backwards { last: last.dts, now: times.dts })
            }
            _ => Ok(()),
        }
    }
}

/// Is `now` at or behind `last`, on a clock of 33 bits?
fn follows(last: u64, now: u64) -> bool {
    now.wrapping_sub(last) & TIME_MASK <= TIME_MASK / 2
}

#[cfg(test)]
mod tests;

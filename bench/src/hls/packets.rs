//! What is in the segments: packets in line for all players, tables, counters and times for a sample of them.

use srs_ts::PACKET;
use srs_ts::check::Checker;

/// Looks at segment after segment of one player.
pub struct Packets {
    checker: Option<Checker>,
    held: Vec<u8>,
    /// Bytes of this segment so far.
    at: usize,
    fault: Option<String>,
}

impl Packets {
    /// With `strict` all that can be checked is.
    pub fn new(strict: bool) -> Self {
        Self { checker: strict.then(Checker::new), held: Vec::new(), at: 0, fault: None }
    }

    /// A segment is missing: what comes continues nothing.
    pub fn skip(&mut self) {
        self.checker = self.checker.as_ref().map(|_| Checker::new());
    }

    /// A segment begins; `breaks`: it does not continue the one before.
    pub fn begin(&mut self, breaks: bool) {
        (self.at, self.fault) = (0, None);
        self.held.clear();
        if breaks {
            self.skip();
        }
    }

    /// Takes the next bytes of the segment.
    pub fn take(&mut self, bytes: &[u8]) {
        let first = (PACKET - self.at % PACKET) % PACKET;
        self.at += bytes.len();
        if bytes.iter().skip(first).step_by(PACKET).any(|&byte| byte != 0x47) {
            self.fault.get_or_insert_with(|| "segment out of sync".to_owned());
        }
        let Some(checker) = &mut self.checker else { return };
        self.held.extend_from_slice(bytes);
        let whole = self.held.len() / PACKET * PACKET;
        if let Err(fault) = checker.packets(&self.held[..whole]) {
            self.fault.get_or_insert_with(|| format!("TS: {}", fault.what));
        }
        self.held.drain(..whole);
    }

    /// The segment is whole; the first thing that is wrong with it.
    pub fn end(&mut self) -> Result<(), String> {
        let ended = self.checker.as_mut().map_or(Ok(()), Checker::end);
        if self.at == 0 || !self.at.is_multiple_of(PACKET) {
            return Err("segment of no whole packets".to_owned());
        }
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => ended.map_err(|fault| format!("TS: {}", fault.what)),
        }
    }
}

#[cfg(test)]
mod tests;

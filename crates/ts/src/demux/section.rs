//! Sections of tables, put together from packets (ISO/IEC 13818-1 2.4.4).

use super::Errors;
use super::continuity::{Continuity, Step};
use crate::packet::Packet;

/// A table's id in stuffing behind the last section.
const STUFFING: u8 = 0xff;
/// The longest section of any table.
const MOST: usize = 4096;

/// Collects the sections of one PID.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    continuity: Continuity,
    /// From the beginning of a section on.
    bytes: Vec<u8>,
    /// What follows belongs to the section that was begun.
    open: bool,
}

impl Sections {
    /// Takes the next packet of the PID, and gives out the sections that end in it.
    pub(super) fn take(&mut self, packet: &Packet<'_>, errors: &mut Errors) -> Vec<Vec<u8>> {
        let Some(payload) = packet.payload else { return Vec::new() };
        match self.continuity.step(packet, payload) {
            Step::Next => {}
            Step::Again => return Vec::new(),
            Step::Anew => self.open = false,
            Step::Gap => {
                errors.continuity = errors.continuity.saturating_add(1);
                self.open = false;
            }
        }
        let mut found = Vec::new();
        if !packet.start {
            self.add(payload, &mut found);
            return found;
        }
        let parts = payload.split_first().and_then(|(&pointer, rest)| rest.split_at_checked(pointer.into()));
        let Some((tail, rest)) = parts else {
            errors.tables = errors.tables.saturating_add(1);
            self.open = false;
            return found;
        };
        self.add(tail, &mut found);
        self.bytes.clear();
        self.open = true;
        self.add(rest, &mut found);
        found
    }

    fn add(&mut self, bytes: &[u8], found: &mut Vec<Vec<u8>>) {
        if !self.open {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        while let Some(&[table, high, low]) = self.bytes.first_chunk::<3>() {
            let length = usize::from(u16::from_be_bytes([high & 0x0f, low])).saturating_add(3);
            if table == STUFFING || length > MOST {
                self.open = false;
                return;
            }
            if self.bytes.len() < length {
                return;
            }
            let rest = self.bytes.split_off(length);
            found.push(std::mem::replace(&mut self.bytes, rest));
        }
        // Less than three bytes may be the beginning of a section, unless they say otherwise.
        self.open &= self.bytes.first() != Some(&STUFFING);
    }
}

#[cfg(test)]
mod tests;

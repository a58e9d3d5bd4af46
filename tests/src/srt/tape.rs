//! What was recorded of a transport stream, read packet by packet.

use std::path::Path;

use srs_ts::check::{Checker, What};

use super::programs::Program;

/// Bytes of a packet.
const PACKET: usize = 188;
/// The type of H.264 in a program's table.
const H264: u8 = 0x1b;
/// Ticks of 90 kHz from picture to picture.
const STEP: u64 = 3_600;
/// Times count 33 bits.
const MASK: u64 = (1 << 33) - 1;

/// Pictures of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// How many there are.
    pub count: u64,
    /// How many there must be by the times of the first and the last, at 25 a second.
    pub due: u64,
    /// Those that can be begun with.
    pub keys: u64,
}

/// A recording.
#[derive(Debug)]
pub struct Tape {
    /// Who recorded it.
    pub program: Program,
    /// Packets.
    pub packets: u64,
    /// Packets that were lost, doubled or put out of order, by their counters.
    pub continuity_errors: u64,
    /// Other faults, the first few of them. Those before the first tables are not told.
    pub faults: Vec<String>,
    /// The pictures.
    pub pictures: Pictures,
    /// Units of other streams than H.264.
    pub others: u64,
    /// What the program printed.
    pub said: String,
}

impl Tape {
    /// Reads a file. A rest of less than a packet at its end, where the program was stopped, is left out.
    pub fn read(file: &Path, program: Program, said: String) -> Tape {
        let bytes = std::fs::read(file)
            .unwrap_or_else(|error| panic!("{program:?} recorded nothing ({error}); it printed: {said}"));
        Tape::of(&bytes, program, said)
    }

    /// Reads these bytes.
    pub fn of(bytes: &[u8], program: Program, said: String) -> Tape {
        let mut checker = Checker::new();
        let mut faults = Vec::new();
        for packet in bytes.chunks_exact(PACKET) {
            let Err(fault) = checker.packet(packet) else { continue };
            // Joined in the middle: nothing is known of what comes before the tables, or within a unit.
            let is_joining = matches!(fault.what, What::UnknownPid | What::NoStart) && faults.is_empty();
            if !is_joining && faults.len() < 10 {
                faults.push(fault.to_string());
            }
        }
        let mut pictures = Pictures::default();
        let mut others = 0;
        for (_, stream) in checker.streams() {
            match (stream.stream_type, stream.first, stream.last) {
                (H264, Some(first), Some(last)) => {
                    let due = (last.dts.wrapping_sub(first.dts) & MASK).div_ceil(STEP) + 1;
                    pictures = Pictures { count: stream.units, due, keys: stream.keys };
                }
                _ => others += stream.units,
            }
        }
        let (packets, continuity_errors) = (checker.count(), checker.continuity_errors());
        Tape { program, packets, continuity_errors, faults, pictures, others, said }
    }

    /// Asserts that there are no other faults: of who writes what it gets as it is.
    pub fn assert_faultless(&self, what: &str) {
        assert!(self.faults.is_empty(), "{what}: {self:#?}");
    }

    /// Asserts that nothing is missing between the first picture and the last, which are so many seconds apart at least, and
    /// that there is sound. Where the clip begins anew a picture may be missing or be there twice.
    pub fn assert_whole(&self, what: &str, seconds: f64) {
        println!(
            "{what}: {:?} {} packets, {:?}, {} others, {} faults",
            self.program,
            self.packets,
            self.pictures,
            self.others,
            self.faults.len()
        );
        assert_eq!(self.continuity_errors, 0, "{what}: {self:#?}");
        // VLC makes times of its own, shorter ones in the beginning, and says nowhere that decoding can begin.
        let is_vlc = self.program == Program::Vlc;
        let seams = self.pictures.due / 400 + 1;
        let Pictures { count, due, .. } = self.pictures;
        assert!(count + seams >= due && (is_vlc || count <= due + seams), "{what}: {self:#?}");
        assert!(count as f64 / 25.0 >= seconds, "{what}: {seconds} s wanted: {self:#?}");
        assert!((is_vlc || self.pictures.keys > 0) && self.others > 0, "{what}: {self:#?}");
        assert!(!self.said.contains("corrupt"), "{what}: {self:#?}");
    }
}

//! The mark that each frame carries in its payload: which stream, which publisher, which frame, sent when.
//!
//! ```text
//! magic 16 | stream hash 8, instance 4, sequence 4, sent ns 8 as 32 characters | CRC-32 as 6 characters
//! ```
//! Each character carries six bits as `0x40 | bits`, so a mark never holds a start code and needs no emulation
//! prevention inside a NAL unit. The CRC covers the whole FLV tag body with its own six characters taken as zero.

/// Bytes that a mark takes.
pub const LEN: usize = MAGIC.len() + FIELDS + CRC;

/// Opens each mark; doubles as the UUID of the H.264 SEI message that carries it.
const MAGIC: [u8; 16] = *b"srs-bench-mark-1";
const FIELDS: usize = 32;
const CRC: usize = 6;
/// A mark sits in the first bytes of a frame, behind the FLV and NAL unit or AAC element headers.
const SEARCH: usize = 64;

/// What one frame says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// `stream_hash` of the stream name that it was published under.
    pub stream: u64,
    /// Differs between two publishers of one stream name.
    pub instance: u32,
    /// Counts up by one per frame of the track.
    pub sequence: u32,
    /// CLOCK_MONOTONIC at the publisher in nanoseconds, the same clock in all processes of one machine.
    pub sent_ns: u64,
}

/// Why a frame body has no valid mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No magic near the start.
    Missing,
    /// The CRC does not fit the bytes.
    Corrupt,
}

impl Mark {
    /// Appends the mark with an empty CRC and returns where it begins; `seal` fills in the CRC.
    pub fn write(&self, out: &mut Vec<u8>) -> usize {
        let at = out.len();
        out.extend_from_slice(&MAGIC);
        let mut fields = [0; 24];
        fields[..8].copy_from_slice(&self.stream.to_be_bytes());
        fields[8..12].copy_from_slice(&self.instance.to_be_bytes());
        fields[12..16].copy_from_slice(&self.sequence.to_be_bytes());
        fields[16..].copy_from_slice(&self.sent_ns.to_be_bytes());
        spell(&fields, out);
        out.extend_from_slice(&[0; CRC]);
        at
    }

    /// Finds the mark of a tag body and checks it against all bytes of the body.
    pub fn read(body: &[u8]) -> Result<Self, Fault> {
        let near = &body[..body.len().min(SEARCH)];
        let at = near.windows(MAGIC.len()).position(|window| window == MAGIC).ok_or(Fault::Missing)?;
        let fields = at + MAGIC.len();
        let Some(text) = body.get(fields..fields + FIELDS + CRC) else { return Err(Fault::Missing) };
        let crc = checksum(body, fields + FIELDS);
        let mut spelt = Vec::with_capacity(CRC);
        spell(&crc.to_be_bytes(), &mut spelt);
        if spelt != text[FIELDS..] {
            return Err(Fault::Corrupt);
        }
        let bytes = unspell(&text[..FIELDS]);
        let number =
            |from: usize, to: usize| bytes[from..to].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        Ok(Self {
            stream: number(0, 8),
            instance: number(8, 12) as u32,
            sequence: number(12, 16) as u32,
            sent_ns: number(16, 24),
        })
    }
}

/// Writes the CRC of the finished `body` into the mark that begins at `at`.
pub fn seal(body: &mut [u8], at: usize) {
    let at = at + MAGIC.len() + FIELDS;
    let crc = checksum(body, at);
    let mut spelt = Vec::with_capacity(CRC);
    spell(&crc.to_be_bytes(), &mut spelt);
    body[at..at + CRC].copy_from_slice(&spelt);
}

/// FNV-1a of a stream name.
pub fn stream_hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn spell(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |sum, &byte| sum << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        let characters = (group.len() * 8).div_ceil(6);
        out.extend((0..characters).map(|i| 0x40 | (word >> (18 - 6 * i) & 0x3f) as u8));
    }
}

fn unspell(text: &[u8]) -> Vec<u8> {
    let words =
        text.chunks(4).map(|group| group.iter().fold(0u32, |sum, &byte| sum << 6 | u32::from(byte & 0x3f)));
    words.flat_map(|word| word.to_be_bytes().into_iter().skip(1)).collect()
}

/// CRC-32 (IEEE) of `body` with the `CRC` bytes at `hole` read as zero.
fn checksum(body: &[u8], hole: usize) -> u32 {
    let mut crc = crc32(u32::MAX, &body[..hole]);
    crc = crc32(crc, &[0; CRC]);
    !crc32(crc, &body[hole + CRC..])
}

fn crc32(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |crc, &byte| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut word = i as u32;
        let mut bit = 0;
        while bit < 8 {
            word = if word & 1 == 1 { word >> 1 ^ 0xedb8_8320 } else { word >> 1 };
            bit += 1;
        }
        table[i] = word;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests;

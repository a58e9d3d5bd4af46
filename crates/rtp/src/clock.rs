//! From the stream's time, in milliseconds, to RTP times of 32 bits, which wrap.

mod burst;

pub use burst::squeezed;

/// RTP ticks a millisecond of pictures.
pub const PICTURE_TICKS: u32 = 90;
/// RTP ticks a millisecond of Opus, whatever its source's rate was (RFC 7587 section 4.1).
pub const SOUND_TICKS: u32 = 48;

/// The clock of pictures: 90 kHz.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pictures {
    offset: u32,
}

impl Pictures {
    /// One that is at `offset` when the stream's time is 0.
    pub fn new(offset: u32) -> Self {
        Self { offset }
    }

    /// The RTP time of a picture that is shown at this time, in ms.
    pub fn at(&self, shown: i64) -> u32 {
        ticks(shown, PICTURE_TICKS, self.offset)
    }
}

/// The clock of Opus: 48 kHz.
///
/// Times of packets run by what the packets before them play, not by the stream's milliseconds: a step of one of those is
/// heard. Only where the two are apart by more than 30 ms something is missing, or the clocks of sender and stream have come
/// apart, and the time is set anew: forward, a player conceals the gap; back, it leaves out what it has played already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sound {
    offset: u32,
    next: Option<u32>,
}

/// What a packet may be off by, in ms.
const APART: u32 = 30;

impl Sound {
    /// One that is at `offset` when the stream's time is 0.
    pub fn new(offset: u32) -> Self {
        Self { offset, next: None }
    }

    /// The RTP time of the next packet, which is heard at this time, in ms.
    pub fn next(&mut self, heard: i64, packet: &[u8]) -> u32 {
        let wanted = ticks(heard, SOUND_TICKS, self.offset);
        let limit = APART.saturating_mul(SOUND_TICKS);
        let near = |next: &u32| wanted.wrapping_sub(*next).cast_signed().unsigned_abs() <= limit;
        let time = self.next.filter(near).unwrap_or(wanted);
        let samples = srs_media::opus::samples(packet).unwrap_or(0);
        self.next = Some(time.wrapping_add(samples));
        time
    }
}

fn ticks(time: i64, each: u32, offset: u32) -> u32 {
    // The lowest 32 bits are those of the whole product.
    let [.., a, b, c, d] = time.wrapping_mul(i64::from(each)).to_be_bytes();
    u32::from_be_bytes([a, b, c, d]).wrapping_add(offset)
}

#[cfg(test)]
mod tests;

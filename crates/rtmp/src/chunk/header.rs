//! Reading one chunk header out of the bytes at hand.
//!
//! ```text
//! basic header    fmt(2) csid(6)                   csid 2-63
//!                 fmt(2) 0  | csid-64 (8)          csid 64-319
//!                 fmt(2) 1  | csid-64 (16, LE)     csid 64-65599
//! message header  fmt 0: timestamp(24) length(24) kind(8) stream id(32, LE)
//!                 fmt 1: delta(24) length(24) kind(8)
//!                 fmt 2: delta(24)
//! extended        timestamp or delta (32), when the 24 bits are all ones
//! ```

/// The longest header: three bytes basic, eleven message, four extended.
pub(super) const MAX_HEADER: usize = 18;

/// The 24-bit value that says "see the extended field".
pub(super) const EXTENDED: u32 = 0x00ff_ffff;

/// What the first one to three bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Basic {
    pub(super) fmt: u8,
    pub(super) csid: u32,
    pub(super) len: usize,
}

/// The fields of a message header; `None` where the form leaves them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) time: u32,
    pub(super) extended: bool,
    pub(super) length_kind: Option<(u32, u8)>,
    pub(super) stream_id: Option<u32>,
    pub(super) len: usize,
}

/// `None` asks for more bytes.
pub(super) fn basic(bytes: &[u8]) -> Option<Basic> {
    let (&first, rest) = bytes.split_first()?;
    let fmt = first >> 6;
    Some(match first & 0x3f {
        0 => Basic { fmt, csid: u32::from(*rest.first()?).saturating_add(64), len: 2 },
        1 => {
            let id = u16::from_le_bytes(*rest.first_chunk::<2>()?);
            Basic { fmt, csid: u32::from(id).saturating_add(64), len: 3 }
        }
        csid => Basic { fmt, csid: u32::from(csid), len: 1 },
    })
}

/// The message header of forms 0 to 2 with its extended field; `bytes` begins after the basic header. `None` asks for
/// more bytes.
pub(super) fn fields(fmt: u8, bytes: &[u8]) -> Option<Fields> {
    let (&time, rest) = bytes.split_first_chunk::<3>()?;
    let (length_kind, rest) = if fmt <= 1 {
        let (&[a, b, c, kind], rest) = rest.split_first_chunk::<4>()?;
        (Some((u32::from_be_bytes([0, a, b, c]), kind)), rest)
    } else {
        (None, rest)
    };
    let (stream_id, rest) = if fmt == 0 {
        let (&id, rest) = rest.split_first_chunk::<4>()?;
        (Some(u32::from_le_bytes(id)), rest)
    } else {
        (None, rest)
    };
    let [a, b, c] = time;
    let mut time = u32::from_be_bytes([0, a, b, c]);
    let extended = time == EXTENDED;
    let mut left = rest.len();
    if extended {
        let (&wide, rest) = rest.split_first_chunk::<4>()?;
        time = u32::from_be_bytes(wide);
        left = rest.len();
    }
    Some(Fields { time, extended, length_kind, stream_id, len: bytes.len().saturating_sub(left) })
}

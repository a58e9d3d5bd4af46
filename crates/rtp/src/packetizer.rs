//! Access units as RTP payloads.

mod av1;
mod nal;
mod vpx;

use srs_rtc::Codec;

/// How much a payload holds by default, in bytes.
///
/// The least that every path of IPv6 carries is 1,280 bytes: 40 of them are IP's, 8 UDP's. Of the 1,232 left the RTP header
/// takes 12, header extensions as str0m writes them 4 and up to 16 (absolute send time 4, transport-wide sequence number 3,
/// MID), the original sequence number of RTX 2, and SRTP's tag 10 or, with AES-GCM, 16. That leaves 1,182.
pub const MOST: usize = 1_180;

/// What a payload holds at least: with less, headers would leave no room for media.
const LEAST: usize = 64;
/// The longest packet of Opus, in bytes: with what is around it, it fills the 1,500 bytes that nearly every path carries.
const LONGEST_OPUS: usize = 1_400;

/// What RTP carries of a stream's codec; none for what it does not carry here.
pub fn codec_of(codec: srs_media::Codec) -> Option<Codec> {
    Some(match codec {
        srs_media::Codec::H264 => Codec::H264,
        srs_media::Codec::Hevc => Codec::H265,
        srs_media::Codec::Av1 => Codec::Av1,
        srs_media::Codec::Vp8 => Codec::Vp8,
        srs_media::Codec::Vp9 => Codec::Vp9,
        srs_media::Codec::Opus => Codec::Opus,
        _ => return None,
    })
}

/// What is shown or heard at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// How it is encoded.
    pub codec: Codec,
    /// Decoding can begin here.
    pub key: bool,
    /// H.264 and H.265: an access unit in Annex B. AV1: a temporal unit, each OBU with its size. VP8, VP9: a frame. Opus:
    /// a packet, without the control header of transport streams.
    pub data: &'a [u8],
}

/// Cuts the units of one stream into payloads.
///
/// A piece that does not fit is cut into payloads of the most bytes and a rest, not into equal parts: payloads of one size
/// that follow each other go out in one call to the kernel (GSO).
#[derive(Debug, Clone)]
pub struct Packetizer {
    most: usize,
    keep_sei: bool,
    /// The payload that is being made.
    bytes: Vec<u8>,
    /// Of the pictures of VP8 and VP9; the lowest 15 bits count.
    picture: u16,
}

impl Default for Packetizer {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Packetizer {
    /// One whose payloads have this many bytes at most; 64 where it is fewer.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(LEAST), keep_sei: true, bytes: Vec::new(), picture: 0 }
    }

    /// Whether SEI messages (H.264, H.265) are sent too. They are, unless told otherwise.
    pub fn set_keep_sei(&mut self, keep: bool) {
        self.keep_sei = keep;
    }

    /// Gives out the payloads of a unit in their order, each with: it is the last one. Nothing comes out of a unit that has
    /// nothing to be sent in it, or that is damaged.
    ///
    /// Opus is never cut (RFC 7587 section 4.2): a packet beyond `most` goes out whole up to 1,400 bytes, and a longer one
    /// not at all.
    pub fn push(&mut self, unit: Unit<'_>, out: &mut impl FnMut(&[u8], bool)) {
        let Unit { codec, key, data } = unit;
        if data.is_empty() {
            return;
        }
        let mut cutter = Cutter { most: self.most, bytes: &mut self.bytes, begun: false, out };
        match codec {
            Codec::H264 => nal::cut(nal::Form::H264, data, self.keep_sei, &mut cutter),
            Codec::H265 => nal::cut(nal::Form::H265, data, self.keep_sei, &mut cutter),
            Codec::Av1 => av1::cut(data, key, &mut cutter),
            Codec::Vp8 => {
                vpx::vp8(data, self.picture, &mut cutter);
                self.picture = self.picture.wrapping_add(1);
            }
            Codec::Vp9 => {
                vpx::vp9(data, key, self.picture, &mut cutter);
                self.picture = self.picture.wrapping_add(1);
            }
            Codec::Opus if data.len() > LONGEST_OPUS => {}
            Codec::Opus => cutter.begin(&[data]),
        }
        cutter.end();
    }
}

/// Where payloads are put together. One is given out when the next begins, which is when it is known not to be the last.
struct Cutter<'a, O> {
    most: usize,
    bytes: &'a mut Vec<u8>,
    begun: bool,
    out: &'a mut O,
}

impl<O: FnMut(&[u8], bool)> Cutter<'_, O> {
    /// Begins a payload of these parts.
    fn begin(&mut self, parts: &[&[u8]]) {
        if self.begun {
            (self.out)(self.bytes, false);
        }
        self.begun = true;
        self.bytes.clear();
        self.add(parts);
    }

    /// Adds parts to the payload that was begun last.
    fn add(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.begun) {
            (self.out)(self.bytes, true);
        }
    }
}

/// `data` in pieces of this many bytes and a rest, each with: it is the first, it is the last.
fn pieces(data: &[u8], size: usize) -> impl Iterator<Item = (&[u8], bool, bool)> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let now = rest?;
        let (piece, behind) = now.split_at(size.max(1).min(now.len()));
        rest = (!behind.is_empty()).then_some(behind);
        Some((piece, now.len() == data.len(), behind.is_empty()))
    })
}

#[cfg(test)]
mod tests;

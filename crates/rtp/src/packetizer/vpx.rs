//! VP8 by RFC 7741, VP9 by RFC 9628: a descriptor before each piece of a frame.

use super::{Cutter, pieces};

/// Says that a picture id has 15 bits.
const LONG: u16 = 0x8000;

/// ```text
/// X R N S R PID(3) | I L T K RSV(4) | M PictureID(15)
/// ```
pub(super) fn vp8(frame: &[u8], picture: u16, cutter: &mut Cutter<'_, impl FnMut(&[u8], bool)>) {
    let [high, low] = (picture | LONG).to_be_bytes();
    for (piece, first, _) in pieces(frame, cutter.most.saturating_sub(4)) {
        // X: there is more of the descriptor. S: the first partition begins here. I: there is a picture id.
        let begin = if first { 0x90 } else { 0x80 };
        cutter.begin(&[&[begin, 0x80, high, low], piece]);
    }
}

/// Non-flexible mode, without layers: each frame refers to the one before.
///
/// ```text
/// I P L F B E V Z | M PictureID(15)
/// ```
pub(super) fn vp9(frame: &[u8], key: bool, picture: u16, cutter: &mut Cutter<'_, impl FnMut(&[u8], bool)>) {
    let [high, low] = (picture | LONG).to_be_bytes();
    for (piece, first, last) in pieces(frame, cutter.most.saturating_sub(3)) {
        let refers = if key { 0 } else { 0x40 };
        let begin = if first { 0x08 } else { 0 };
        let end = if last { 0x04 } else { 0 };
        cutter.begin(&[&[0x80 | refers | begin | end, high, low], piece]);
    }
}

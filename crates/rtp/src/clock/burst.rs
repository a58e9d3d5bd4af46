//! Pictures of the past, squeezed together.

use super::PICTURE_TICKS;

/// The RTP times of a burst, of whose pictures these are the true ones: what a newcomer gets at once, from the newest key
/// picture to the live edge, in the order of decoding.
///
/// The rule: the newest picture keeps its true time, and each other is one millisecond before the one that is shown next. So
/// a player decodes all of them at once, shows the newest, and holds nothing back as it would for pictures whose times lie
/// seconds apart. The times rise strictly in the order in which the pictures are shown (where pictures are decoded in another
/// order, that stays what it was), and what follows live has its true times, which lie behind the newest one's.
///
/// Sound needs none: it begins at the live edge.
pub fn squeezed(times: &[u32]) -> Vec<u32> {
    let Some(&first) = times.first() else { return Vec::new() };
    // Around the first one they are in order, wherever 32 bits wrap.
    let since = |time: u32| time.wrapping_sub(first).cast_signed();
    let mut shown: Vec<usize> = (0..times.len()).collect();
    shown.sort_by_key(|&index| times.get(index).map(|&time| since(time)));
    let edge = shown.last().and_then(|&index| times.get(index)).copied().unwrap_or(first);
    let mut out = vec![edge; times.len()];
    let mut back = 0_u32;
    for &index in shown.iter().rev() {
        if let Some(time) = out.get_mut(index) {
            *time = edge.wrapping_sub(back);
        }
        back = back.wrapping_add(PICTURE_TICKS);
    }
    out
}

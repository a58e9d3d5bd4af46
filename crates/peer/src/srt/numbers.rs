//! Sequence numbers of 31 bits, told apart beyond their wrap: as places on a line that does not end.

/// Where the line begins. Far from zero, so that what lies before the first packet has a place too.
const BEGIN: u64 = 1 << 40;
/// Numbers there are.
const ALL: u32 = 1 << 31;
/// The bits of a number.
pub(super) const MASK: u32 = ALL - 1;

/// The place of the first number of a connection.
pub(super) fn first(number: u32) -> u64 {
    BEGIN + u64::from(number & MASK)
}

/// The place of a number: of all that have it, the one nearest to `near`.
pub(super) fn place(near: u64, number: u32) -> u64 {
    let ahead = number.wrapping_sub(number_of(near)) & MASK;
    if ahead < ALL / 2 {
        near.saturating_add(u64::from(ahead))
    } else {
        near.saturating_sub(u64::from(ALL.wrapping_sub(ahead)))
    }
}

/// The number that stands at a place.
pub(super) fn number_of(place: u64) -> u32 {
    (place as u32) & MASK
}

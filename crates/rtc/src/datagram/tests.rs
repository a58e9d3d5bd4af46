use super::*;

#[test]
fn the_first_byte_says_what_it_is() {
    for (first, kind) in [
        (0..=3, Kind::Stun),
        (4..=19, Kind::Other),
        (20..=63, Kind::Dtls),
        (64..=127, Kind::Other),
        (128..=191, Kind::Media),
        (192..=255, Kind::Other),
    ] {
        for byte in first {
            let mut datagram = [0_u8; 20];
            datagram[0] = byte;
            assert_eq!(Kind::of(&datagram), kind, "{byte}");
        }
    }
}

#[test]
fn what_is_too_short_for_its_header_is_nothing() {
    assert_eq!(Kind::of(&[]), Kind::Other);
    assert_eq!(Kind::of(&[0; 19]), Kind::Other);
    assert_eq!(Kind::of(&[22; 12]), Kind::Other);
    assert_eq!(Kind::of(&[128; 7]), Kind::Other);
}

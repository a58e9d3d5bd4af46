use proptest::prelude::*;

use super::*;

/// A first packet of media that ffmpeg sent through libsrt 1.5.1, and its listener's ACK, both cut after the header.
const MEDIA: [u8; 16] = [0x13, 0x65, 7, 0xe7, 0xe0, 0, 0, 1, 0, 3, 0x1f, 0x66, 0x2b, 0x78, 0xd0, 0xc8];
const ACK: [u8; 16] = [0x80, 2, 0, 0, 0, 0, 0, 1, 0, 3, 0x1f, 0x3a, 0x3e, 0xd4, 0xf6, 0x49];

#[test]
fn a_packet_of_media_is_read() {
    let data = Data {
        sequence: 0x1365_07e7,
        boundary: Boundary::Only,
        in_order: true,
        key: 0,
        retransmitted: false,
        message: 1,
    };
    let header = Header { kind: Kind::Data(data), timestamp: 0x3_1f66, destination: SocketId(0x2b78_d0c8) };
    assert_eq!(Header::read(&MEDIA), Ok(header));
}

#[test]
fn each_bit_of_the_message_field_has_its_meaning() {
    for (word, boundary, in_order, key, retransmitted, message) in [
        (0_u32, Boundary::Middle, false, 0, false, 0),
        (0x4000_0000, Boundary::Last, false, 0, false, 0),
        (0x8000_0000, Boundary::First, false, 0, false, 0),
        (0x2000_0000, Boundary::Middle, true, 0, false, 0),
        (0x0800_0000, Boundary::Middle, false, 1, false, 0),
        (0x1000_0000, Boundary::Middle, false, 2, false, 0),
        (0x0400_0000, Boundary::Middle, false, 0, true, 0),
        (0x03ff_ffff, Boundary::Middle, false, 0, false, 0x03ff_ffff),
    ] {
        let mut wire = MEDIA;
        wire[4..8].copy_from_slice(&word.to_be_bytes());
        let data = Data { sequence: 0x1365_07e7, boundary, in_order, key, retransmitted, message };
        assert_eq!(Header::read(&wire).unwrap().kind, Kind::Data(data), "{word:#x}");
    }
}

#[test]
fn control_is_told_by_its_type() {
    let ack = Header::read(&ACK).unwrap();
    let control = Control { kind: ControlKind::ACK, subtype: 0, info: 1 };
    assert_eq!((ack.kind, ack.destination), (Kind::Control(control), SocketId(0x3ed4_f649)));
    assert!(ack.is(ControlKind::ACK) && !ack.is(ControlKind::NAK));
    let mut wire = ACK;
    wire[..4].copy_from_slice(&[0xff, 0xff, 0, 3]);
    let user = Control { kind: ControlKind::USER, subtype: 3, info: 1 };
    assert_eq!(Header::read(&wire).unwrap().kind, Kind::Control(user));
    assert!(!Header::read(&MEDIA).unwrap().is(ControlKind::HANDSHAKE));
}

#[test]
fn a_packet_has_from_16_to_1472_bytes() {
    let wire = [MEDIA.as_slice(), &[0x47; 1457]].concat();
    assert_eq!(Header::read(&wire[..15]), Err(Error::Short { length: 15 }));
    assert_eq!(Header::read(&[]), Err(Error::Short { length: 0 }));
    assert!(Header::read(&wire[..16]).is_ok());
    assert!(Header::read(&wire[..MOST_BYTES]).is_ok());
    assert_eq!(Header::read(&wire), Err(Error::Long { length: 1473 }));
}

#[test]
fn a_packet_is_addressed_to_another_socket_in_place() {
    let mut wire = [MEDIA.as_slice(), b"media"].concat();
    set_destination(&mut wire, SocketId(0x0102_0304)).unwrap();
    assert_eq!(wire[..12], MEDIA[..12]);
    assert_eq!(wire[12..], [&[1, 2, 3, 4], b"media".as_slice()].concat());
    let mut short = [9; 15];
    assert_eq!(set_destination(&mut short, SocketId(1)), Err(Error::Short { length: 15 }));
    assert_eq!(short, [9; 15]);
}

#[test]
fn a_shutdown_has_the_form_of_libsrt() {
    let wire = shutdown(SocketId(0x2b78_d0c8), 0x1e_b11c);
    assert_eq!(wire, [0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0x1e, 0xb1, 0x1c, 0x2b, 0x78, 0xd0, 0xc8, 0, 0, 0, 0]);
    assert!(Header::read(&wire).unwrap().is(ControlKind::SHUTDOWN));
}

proptest! {
    #[test]
    fn a_header_comes_back_as_it_was_read(wire: [u8; 16], behind in proptest::collection::vec(any::<u8>(), 0..64)) {
        let header = Header::read(&[wire.as_slice(), &behind].concat()).unwrap();
        prop_assert_eq!(header.write(), wire);
    }
}

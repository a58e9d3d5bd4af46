use super::*;

/// Null packets, which no counter is in.
fn packets(count: usize) -> Vec<u8> {
    let mut packet = [0xff; PACKET];
    packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
    packet.repeat(count)
}

fn check(strict: bool, bytes: &[u8], piece: usize) -> Result<(), String> {
    let mut packets = Packets::new(strict);
    packets.begin(true);
    bytes.chunks(piece).for_each(|piece| packets.take(piece));
    packets.end()
}

#[test]
fn whole_packets_are_well_however_they_come() {
    for piece in [1, 187, 188, 189, 1000] {
        assert_eq!(check(false, &packets(5), piece), Ok(()), "{piece}");
        assert_eq!(check(true, &packets(5), piece), Ok(()), "{piece}");
    }
}

#[test]
fn a_byte_too_few_is_told() {
    assert!(check(false, &packets(5)[..5 * PACKET - 1], 1000).is_err());
}

#[test]
fn packets_out_of_line_are_told() {
    let mut bytes = packets(5);
    bytes.remove(3 * PACKET - 1);
    bytes.push(0xff);
    for piece in [1, 187, 189, 1000] {
        assert_eq!(check(false, &bytes, piece), Err("segment out of sync".to_owned()), "{piece}");
    }
}

#[test]
fn a_counter_that_jumps_between_segments_is_told_unless_the_list_says_a_break() {
    // Packets of a reserved PID with payload: the counter alone is looked at.
    let packet = |counter: u8| {
        let mut packet = packets(1);
        packet[1..4].copy_from_slice(&[0x00, 0x08, 0x10 | counter]);
        packet
    };
    let mut packets = Packets::new(true);
    packets.begin(true);
    packets.take(&packet(3));
    assert_eq!(packets.end(), Ok(()));
    packets.begin(false);
    packets.take(&packet(5));
    assert!(packets.end().unwrap_err().contains("counter 5 where 4"));
    packets.begin(true);
    packets.take(&packet(9));
    assert_eq!(packets.end(), Ok(()));
}

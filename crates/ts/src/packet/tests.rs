use super::*;
use proptest::prelude::*;

fn packet(marks: Marks, payload: usize) -> BytesMut {
    let mut out = BytesMut::new();
    open(0x100, true, &mut Counter(15), marks, payload, &mut out);
    out.put_bytes(7, payload);
    out
}

#[test]
fn every_length_of_payload_fills_the_packet() {
    let all = Marks { discontinuity: true, random_access: true, pcr: Some(27_000_001) };
    for (marks, most) in
        [(Marks::default(), 184), (Marks { random_access: true, ..Marks::default() }, 182), (all, 176)]
    {
        for length in 1..=most {
            let bytes = packet(marks, length);
            let packet = parse(&bytes).unwrap();
            assert_eq!((packet.pid, packet.start, packet.counter), (0x100, true, 15));
            assert_eq!(packet.marks, marks, "{length}");
            assert_eq!(packet.payload, Some(&[7; 184][..length]));
        }
    }
}

#[test]
fn the_counter_goes_round_in_sixteen() {
    let mut counter = Counter(14);
    assert_eq!([(); 4].map(|()| counter.next()), [14, 15, 0, 1]);
}

#[test]
fn damaged_packets_are_named() {
    let good = packet(Marks { random_access: true, ..Marks::default() }, 100);
    let damaged = |at: usize, value: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = value;
        parse(&bytes).map(|packet| packet.counter)
    };
    assert_eq!(damaged(0, 0x46), Err(Error::Sync(0x46)));
    assert_eq!(damaged(1, 0xc1), Err(Error::Marked));
    assert_eq!(damaged(3, 0xb0), Err(Error::Scrambled));
    assert_eq!(damaged(3, 0x00), Err(Error::Adaptation));
    assert_eq!(damaged(4, 184), Err(Error::Adaptation), "a field longer than the packet");
    assert_eq!(damaged(4, 183), Err(Error::Adaptation), "a field that leaves no payload");
    assert_eq!(damaged(20, 0), Err(Error::Adaptation), "stuffing");
    assert_eq!(parse(&good[..187]), Err(Error::Length(187)));
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 188)) {
        let mut soup = soup;
        let _ = parse(&soup);
        soup[0] = SYNC;
        let _ = parse(&soup);
    }
}

use super::*;
use proptest::prelude::*;

fn lines(streams: &[(u8, u16)]) -> Vec<Stream<'static>> {
    streams.iter().map(|&(kind, pid)| Stream { kind, pid, descriptors: &[] }).collect()
}

#[test]
fn the_crc_is_that_of_the_standard() {
    // The check value of CRC-32/MPEG-2 in the catalogue of parametrised CRC algorithms.
    assert_eq!(crc(b"123456789"), 0x0376_e6e7);
    // ffmpeg's PAT, with its CRC.
    let pat =
        [0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xf0, 0x00, 0x2a, 0xb1, 0x04, 0xb2];
    assert_eq!(crc(&pat), 0);
}

#[test]
fn tables_are_read_as_written() {
    let mut out = BytesMut::new();
    put_pat(3, &mut out);
    let pat = section(&out).unwrap();
    assert_eq!((pat.table, pat.version, pat.current), (PAT, 3, true));
    assert_eq!(programs(pat.body), Ok(vec![PMT_PID]));

    let mut out = BytesMut::new();
    let streams = [(0x1b, 0x100), (0x0f, 0x101)];
    put_pmt(31, Some(0x100), &lines(&streams), &mut out);
    out.put_bytes(0xff, 100);
    let pmt = section(&out).unwrap();
    assert_eq!((pmt.table, pmt.version), (PMT, 31));
    assert_eq!(program(pmt.body), Ok(Program { pcr: 0x100, streams: streams.to_vec() }));
}

#[test]
fn every_flipped_bit_of_a_table_is_found() {
    let mut out = BytesMut::new();
    put_pmt(1, Some(0x100), &lines(&[(0x1b, 0x100), (0x0f, 0x101)]), &mut out);
    for bit in 0..out.len() * 8 {
        let mut table = out.to_vec();
        table[bit / 8] ^= 1 << (bit % 8);
        assert!(section(&table).is_err(), "bit {bit}");
    }
}

#[test]
fn descriptors_are_read_as_written() {
    let line = Stream { kind: 6, pid: 0x101, descriptors: &[5, 4, b'O', b'p', b'u', b's', 0x7f, 2, 0x80, 2] };
    let mut out = BytesMut::new();
    put_pmt(0, None, &[line], &mut out);
    let pmt = section(&out).unwrap();
    assert_eq!((pmt.extension, pmt.number, pmt.last), (PROGRAM, 0, 0));
    assert_eq!(streams(pmt.body), Ok(vec![line]));
    let found: Vec<_> = descriptors(line.descriptors).collect();
    assert_eq!(found, [(5, &b"Opus"[..]), (0x7f, &[0x80, 2])]);
    assert_eq!(descriptors(&line.descriptors[..9]).count(), 1, "one is cut short");
}

#[test]
fn descriptors_are_skipped() {
    let body =
        [0xe1, 0x00, 0xf0, 0x02, 0x05, 0x00, 0x24, 0xe1, 0x00, 0xf0, 0x06, 5, 4, b'H', b'E', b'V', b'C'];
    assert_eq!(program(&body), Ok(Program { pcr: 0x100, streams: vec![(0x24, 0x100)] }));
    assert_eq!(program(&body[..body.len() - 1]), Err(Error::Table));
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = (section(&soup), programs(&soup), program(&soup));
    }
}

use super::*;
use proptest::prelude::*;

type Read = (Head, Vec<(Vec<u8>, bool)>);

fn head() -> Head {
    Head { codec: Codec::H264, key: true, time: -5, rtp: 0xfffe_fdfc }
}

fn written(out: &mut BytesMut, head: &Head, packets: &[(Vec<u8>, bool)]) -> bool {
    let mut writer = Writer::new(out, head);
    packets.iter().for_each(|(payload, marker)| writer.packet(payload, *marker));
    writer.finish()
}

fn read(mut run: &[u8]) -> Vec<Read> {
    let run = &mut run;
    let records = std::iter::from_fn(|| next(run));
    records
        .map(|record| (record.head, record.packets().map(|one| (one.payload.to_vec(), one.marker)).collect()))
        .collect()
}

#[test]
fn a_record_is_read_back_behind_others() {
    let (mut out, first, second) =
        (BytesMut::new(), vec![(vec![1, 2], false), (vec![3], true)], vec![(vec![9], false)]);
    let opus = Head { codec: Codec::Opus, key: true, time: 1 << 40, rtp: 7 };
    assert!(written(&mut out, &head(), &first) && written(&mut out, &opus, &second));
    assert_eq!(read(&out), [(head(), first), (opus, second)]);
}

#[test]
fn payloads_are_read_without_copying() {
    let mut out = BytesMut::new();
    written(&mut out, &head(), &[(vec![1; 100], true)]);
    let payload = next(&mut &out[..]).unwrap().packets().next().unwrap().payload;
    assert!(out.as_ptr_range().contains(&payload.as_ptr()));
}

#[test]
fn a_record_without_packets_leaves_nothing() {
    let mut out = BytesMut::from("before");
    assert!(!written(&mut out, &head(), &[]));
    assert_eq!(out, "before");
}

#[test]
fn a_record_that_is_dropped_leaves_nothing() {
    let mut out = BytesMut::from("before");
    Writer::new(&mut out, &head()).packet(&[1], true);
    assert_eq!(out, "before");
}

#[test]
fn a_payload_beyond_15_bits_is_left_out() {
    let mut out = BytesMut::new();
    assert!(!written(&mut out, &head(), &[(vec![0; 0x8000], true)]));
    assert!(written(&mut out, &head(), &[(vec![0; 0x7fff], true)]));
    assert_eq!(read(&out)[0].1[0].0.len(), 0x7fff);
}

#[test]
fn a_record_that_is_cut_is_none() {
    let mut out = BytesMut::new();
    written(&mut out, &head(), &[(vec![1, 2, 3], true)]);
    for length in 0..out.len() {
        let mut run = &out[..length];
        assert_eq!(next(&mut run), None, "{length}");
        assert_eq!(run.len(), length);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        read(&bytes);
        if let Some([mark, codec, flags, zero, a, b, c, _]) = bytes.first_chunk_mut::<8>() {
            (*mark, *codec, *flags, *zero, *a, *b, *c) = (MARK, *codec % 8, *flags % 3, 0, 0, 0, 0);
        }
        read(&bytes);
    }

    #[test]
    fn records_are_read_back(time: i64, rtp: u32, key: bool, number in 0_u8..6,
        packets in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..1_500), any::<bool>()), 1..10)) {
        let head = Head { codec: codec_of(number).unwrap(), key, time, rtp };
        let mut out = BytesMut::new();
        prop_assert!(written(&mut out, &head, &packets));
        prop_assert_eq!(read(&out), [(head, packets)]);
    }
}

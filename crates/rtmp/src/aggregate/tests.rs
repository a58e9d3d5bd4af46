use bytes::{Bytes, BytesMut};

use super::Parts;
use crate::chunk::Bodies;
use crate::{Message, MessageKind, tag};

fn aggregate(timestamp: u32, body: &[u8]) -> Message {
    Message { kind: MessageKind::AGGREGATE, timestamp, stream_id: 1, body: Bytes::copy_from_slice(body) }
}

#[test]
fn parts_take_their_time_from_the_aggregate() {
    let mut body = BytesMut::new();
    tag::write(9, 500, b"v", &mut body);
    tag::write(8, 520, b"", &mut body);
    tag::write(8, 490, b"aa", &mut body);
    for bodies in [Bodies::Owned, Bodies::Shared] {
        let parts: Vec<_> = Parts::new(aggregate(10_000, &body), bodies).collect();
        let found: Vec<_> = parts.iter().map(|part| (part.kind.0, part.timestamp, &part.body[..])).collect();
        assert_eq!(found, [(9, 10_000, b"v".as_slice()), (8, 10_020, b""), (8, 9_990, b"aa")]);
    }
}

#[test]
fn times_wrap() {
    let mut body = BytesMut::new();
    tag::write(9, u32::MAX, b"v", &mut body);
    tag::write(9, 9, b"v", &mut body);
    let times: Vec<_> =
        Parts::new(aggregate(u32::MAX, &body), Bodies::Shared).map(|part| part.timestamp).collect();
    assert_eq!(times, [u32::MAX, 9]);
}

#[test]
fn a_tag_cut_short_ends_the_list_at_any_place() {
    let mut body = BytesMut::new();
    tag::write(8, 0, b"abc", &mut body);
    tag::write(8, 1, b"def", &mut body);
    for cut in 0..=body.len() {
        let count = Parts::new(aggregate(0, &body[..cut]), Bodies::Shared).count();
        // The back pointer after a body may be missing.
        assert_eq!(count, usize::from(cut >= 14) + usize::from(cut >= 32), "cut at {cut}");
    }
}

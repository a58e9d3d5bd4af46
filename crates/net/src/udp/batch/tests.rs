use std::net::Ipv4Addr;

use super::*;

#[test]
fn a_datagram_from_port_0_is_left_out() {
    let mut batch = Batch::default();
    for (meta, (port, byte)) in batch.metas.iter_mut().zip([(1, 1), (0, 2), (3, 3)]) {
        meta.addr = (Ipv4Addr::LOCALHOST, port).into();
        (meta.len, meta.stride) = (byte, byte);
    }
    batch.filled = 3;
    let came: Vec<_> = batch.datagrams().map(|came| (came.from.port(), came.bytes.len())).collect();
    assert_eq!(came, [(1, 1), (3, 3)]);
}

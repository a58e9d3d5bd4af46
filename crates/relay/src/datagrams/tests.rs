use super::*;

fn filled(lengths: &[usize]) -> Datagrams {
    let mut datagrams = Datagrams::default();
    for (number, length) in lengths.iter().enumerate() {
        assert!(datagrams.push(&vec![number as u8; *length], usize::MAX));
    }
    datagrams
}

/// The runs as `run` and `skip` deal them.
fn runs(mut datagrams: Datagrams) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    while let Some((run, size)) = datagrams.run().map(|(run, size)| (run.len(), size)) {
        all.push((run, size));
        datagrams.skip(run);
    }
    assert!(datagrams.bytes.is_empty());
    all
}

#[test]
fn a_run_is_of_one_size_and_ends_with_a_shorter_one() {
    assert_eq!(runs(filled(&[100, 100, 40, 100])), [(240, 100), (100, 100)]);
    assert_eq!(runs(filled(&[40, 100, 100])), [(40, 40), (200, 100)]);
}

#[test]
fn a_run_is_no_longer_than_the_kernel_takes() {
    assert_eq!(runs(filled(&[20; 100])), [(64 * 20, 20), (36 * 20, 20)]);
    assert_eq!(runs(filled(&[1332; 50])), [(45 * 1332, 1332), (5 * 1332, 1332)]);
}

#[test]
fn what_a_full_socket_left_is_first_in_the_next_run() {
    let mut datagrams = filled(&[100, 100, 100, 50]);
    datagrams.skip(200);
    let (run, size) = datagrams.run().unwrap();
    assert_eq!((run[0], run.len(), size), (2, 150, 100));
}

#[test]
fn beyond_its_limit_nothing_is_taken() {
    let mut datagrams = Datagrams::default();
    assert!(datagrams.push(&[1; 60], 100) && !datagrams.push(&[2; 60], 100) && datagrams.push(&[3; 40], 100));
    let mut out = BytesMut::new();
    while datagrams.pop(&mut out) {}
    assert_eq!(out, [[1; 60].as_slice(), &[3; 40]].concat());
}

#[test]
fn everything_comes_out_once_and_in_order() {
    let lengths: Vec<usize> = (1..500_usize).map(|number| number * 7919 % 1472 + 1).collect();
    let mut datagrams = filled(&lengths);
    let all = datagrams.bytes.clone();
    let mut sent = BytesMut::new();
    while let Some((run, _)) = datagrams.run() {
        sent.extend_from_slice(run);
        let bytes = run.len();
        datagrams.skip(bytes);
    }
    assert_eq!(sent, all);
}

#[test]
fn an_empty_datagram_is_none() {
    let mut datagrams = filled(&[0]);
    assert!(datagrams.is_empty() && datagrams.run().is_none() && !datagrams.pop(&mut BytesMut::new()));
}

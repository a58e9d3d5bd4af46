use super::*;

/// The runs that datagrams of these sizes make: bytes, and the size of each.
fn runs(sizes: &[usize]) -> Vec<(usize, usize)> {
    let (mut runs, mut sent) = (Runs::default(), Vec::new());
    let mut send = |(), run: &[u8], size| sent.push((run.len(), size));
    for size in sizes {
        assert!(runs.add(|out| (out.resize(out.len() + size, 7), Some(())).1, &mut send));
    }
    assert!(!runs.add(|_| None, &mut send));
    runs.end(&mut send);
    sent
}

#[test]
fn datagrams_of_one_size_are_one_run_and_a_shorter_one_ends_it() {
    assert_eq!(runs(&[10, 10, 10]), [(30, 10)]);
    assert_eq!(runs(&[10, 10, 4]), [(24, 10)]);
    assert_eq!(runs(&[10, 4, 4, 10]), [(14, 10), (4, 4), (10, 10)]);
    assert_eq!(runs(&[4, 10, 10]), [(4, 4), (20, 10)]);
    assert_eq!(runs(&[]), []);
}

#[test]
fn a_run_is_no_longer_than_the_kernel_takes() {
    let sent = runs(&[1332; 200]);
    assert!(sent.iter().all(|(bytes, size)| *bytes < 64 << 10 && *size == 1332));
    assert_eq!(sent.iter().map(|(bytes, _)| bytes).sum::<usize>(), 200 * 1332);
}

#[test]
fn what_is_left_out_is_not_sent_with_the_next_run() {
    let (mut runs, mut sent) = (Runs::default(), Vec::new());
    let mut send = |(), run: &[u8], _| sent.push(run.to_vec());
    runs.add(|out| (out.extend_from_slice(b"broken"), Some(())).1, &mut send);
    runs.forget();
    runs.add(|out| (out.extend_from_slice(b"good"), Some(())).1, &mut send);
    runs.end(&mut send);
    assert_eq!(sent, [b"good"]);
}

#[test]
fn a_run_has_one_way() {
    let (mut runs, mut sent) = (Runs::default(), Vec::new());
    let mut send = |way, run: &[u8], size| sent.push((way, run.len(), size));
    for way in ['a', 'a', 'b', 'a'] {
        assert!(runs.add(|out| (out.extend_from_slice(b"four"), Some(way)).1, &mut send));
    }
    runs.end(&mut send);
    assert_eq!(sent, [('a', 8, 4), ('b', 4, 4), ('a', 4, 4)]);
}

use super::*;

fn path(port: u16) -> Path {
    Path { peer: ([127, 0, 0, 1], port).into(), local: None, tcp: false }
}

fn taken(errand: Errand) -> Vec<(u16, Vec<u8>)> {
    let Errand::Bundle(bundle) = errand else { panic!("a connection") };
    let mut taken = Vec::new();
    bundle.each(|path, check, bytes| {
        assert!(check.is_none());
        taken.push((path.peer.port(), bytes.to_vec()));
    });
    taken
}

#[test]
fn datagrams_are_handed_over_together_and_come_in_their_order() {
    let (way, mut other) = mpsc::channel(1);
    let mut strays = Strays::new(&[mpsc::channel(1).0, way]);
    let said: Vec<(u16, Vec<u8>)> = (0..9).map(|number| (number, vec![7; usize::from(number)])).collect();
    for (port, bytes) in &said {
        strays.add(1, path(*port), None, bytes);
    }
    assert!(other.try_recv().is_err());
    strays.flush();
    assert_eq!(taken(other.try_recv().unwrap()), said);
    strays.flush();
    assert!(other.try_recv().is_err());
}

#[test]
fn what_another_shard_does_not_take_is_lost() {
    let (way, mut other) = mpsc::channel(2);
    let mut strays = Strays::new(&[way]);
    let datagram = vec![0; 1000];
    for _ in 0..10 * limits::RTC_BUNDLE / datagram.len() {
        strays.add(0, path(1), None, &datagram);
    }
    strays.flush();
    let mut bytes = 0;
    while let Ok(errand) = other.try_recv() {
        bytes += taken(errand).len() * datagram.len();
    }
    assert!((2 * limits::RTC_BUNDLE..=2 * (limits::RTC_BUNDLE + datagram.len())).contains(&bytes));
}

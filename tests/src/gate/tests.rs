use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::{Gate, Weather};

/// A socket that waits a moment for what comes.
fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

/// The numbers that come, and from where the last of them.
fn numbers(socket: &UdpSocket) -> (Vec<u8>, Option<SocketAddr>) {
    let (mut got, mut last, mut block) = (Vec::new(), None, [0; 16]);
    while let Ok((_, from)) = socket.recv_from(&mut block) {
        got.push(block[1]);
        last = Some(from);
    }
    (got, last)
}

/// What passes of two hundred.
fn passed(seed: u64, weather: Weather) -> Vec<u8> {
    let (target, client) = (socket(), socket());
    let gate = Gate::open(seed, target.local_addr().unwrap(), weather);
    for number in 0..200 {
        client.send_to(&[0, number], gate.address).unwrap();
    }
    let (got, _) = numbers(&target);
    let count = gate.inward();
    assert_eq!((count.passed, count.media), (got.len() as u64, got.len() as u64));
    assert_eq!(count.passed + count.lost, 200);
    got
}

#[test]
fn nothing_is_lost_or_out_of_order_in_fair_weather() {
    assert_eq!(passed(1, Weather::default()), (0..200).collect::<Vec<u8>>());
}

#[test]
fn one_seed_loses_the_same_datagrams_and_another_one_others() {
    let first = passed(1, Weather::lossy(100));
    assert!((150..200).contains(&first.len()), "{}", first.len());
    assert_eq!(first, passed(1, Weather::lossy(100)));
    assert_ne!(first, passed(2, Weather::lossy(100)));
}

#[test]
fn late_ones_are_overtaken_and_come() {
    let mut got = passed(3, Weather::default().late(100));
    assert!(!got.is_sorted());
    got.sort_unstable();
    assert_eq!(got, (0..200).collect::<Vec<u8>>());
}

#[test]
fn answers_come_back_also_behind_another_address_and_never_through_a_cut() {
    let (target, client) = (socket(), socket());
    let gate = Gate::open(4, target.local_addr().unwrap(), Weather::default());
    client.send_to(&[0x80, 1], gate.address).unwrap();
    let before = numbers(&target).1.unwrap();
    gate.rebind();
    client.send_to(&[0x80, 2], gate.address).unwrap();
    let after = numbers(&target).1.unwrap();
    assert_ne!(before, after);
    // To the address that is forgotten, and to the new one.
    target.send_to(&[0x80, 3], before).unwrap();
    target.send_to(&[0x80, 4], after).unwrap();
    assert_eq!(numbers(&client).0, [4]);
    gate.cut(true);
    client.send_to(&[0x80, 5], gate.address).unwrap();
    target.send_to(&[0x80, 6], after).unwrap();
    assert_eq!((numbers(&target).0, numbers(&client).0), (vec![], vec![]));
    gate.cut(false);
    client.send_to(&[0x80, 7], gate.address).unwrap();
    assert_eq!(numbers(&target).0, [7]);
    assert_eq!((gate.inward().media, gate.inward().lost), (0, 1));
}

#[test]
fn who_is_sent_media_after_a_check_from_a_new_address_was_followed() {
    let (target, client) = (socket(), socket());
    let gate = Gate::open(5, target.local_addr().unwrap(), Weather::default());
    let check = || {
        client.send_to(&[0, 1], gate.address).unwrap();
        numbers(&target).1.unwrap()
    };
    let media = |to| {
        target.send_to(&[0x80, 1], to).unwrap();
        numbers(&client);
        gate.followed().is_some()
    };
    assert!(!media(check()), "its address has not changed");
    gate.rebind();
    client.send_to(&[0x80, 1], gate.address).unwrap();
    assert!(!media(numbers(&target).1.unwrap()), "no check has come");
    assert!(media(check()));
}

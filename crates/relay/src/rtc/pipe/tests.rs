use std::cell::Cell;

use srs_rtc::stun::binding_request;

use super::*;

const S: Duration = Duration::from_secs(1);

/// What went to the node, and what the socket says.
#[derive(Clone, Default)]
struct Fake {
    sent: Rc<RefCell<Vec<(usize, usize)>>>,
    says: Rc<Cell<Option<io::ErrorKind>>>,
}

impl Wire for Fake {
    fn send(&self, datagrams: &[u8], size: usize) -> io::Result<usize> {
        if let Some(says) = self.says.get() {
            return Err(says.into());
        }
        self.sent.borrow_mut().push((datagrams.len(), size));
        Ok(datagrams.len())
    }
}

fn path() -> Path {
    Path { peer: ([192, 0, 2, 1], 5).into(), local: None, tcp: false }
}

fn pipe(now: Instant) -> (Pipe<Fake>, Fake) {
    let wire = Fake::default();
    let passwords = |named: &str| (named == "ours").then(|| "password".to_owned());
    (Pipe::new(wire.clone(), path(), Box::new(passwords), now), wire)
}

fn request(ufrag: &str, password: &str) -> Vec<u8> {
    binding_request([1; 12], &format!("{ufrag}:theirs"), password, 1, 2, false)
}

#[test]
fn datagrams_of_one_size_go_up_in_one_call() {
    let now = Instant::now();
    let (mut pipe, wire) = pipe(now);
    for length in [1200, 1200, 1200, 300, 1200] {
        pipe.datagram(now, path(), &mut vec![128; length]);
    }
    pipe.tick(now);
    assert_eq!(*wire.sent.borrow(), [(3900, 1200), (1200, 1200)]);
}

#[test]
fn what_the_node_sent_goes_on_where_the_last_good_request_came_from() {
    let now = Instant::now();
    let (mut pipe, _) = pipe(now);
    let other = Path { local: Some([127, 0, 0, 1].into()), ..path() };
    assert_eq!(pipe.hear(now, 3), path());
    pipe.datagram(now, other, &mut request("ours", "wrong"));
    assert_eq!(pipe.hear(now, 4), path());
    pipe.datagram(now, other, &mut request("ours", "password"));
    assert_eq!(pipe.hear(now, 5), other);
    assert_eq!(pipe.stats(now).sent, 12);
}

#[test]
fn the_client_is_there_as_long_as_its_good_requests_come() {
    let now = Instant::now();
    let (mut pipe, _) = pipe(now);
    pipe.datagram(now + 20 * S, path(), &mut request("ours", "password"));
    assert_eq!(pipe.checked(), now + 20 * S);
    assert_eq!(pipe.tick(now + 21 * S), Some(now + 50 * S));
    for mut other in [request("ours", "wrong"), request("others", "password"), vec![128; 100], vec![]] {
        pipe.datagram(now + 40 * S, path(), &mut other);
    }
    assert_eq!(pipe.checked(), now + 20 * S);
    pipe.tick(now + 50 * S);
    assert_eq!(pipe.ended(), Some(Ended::Silent(RTC_SILENT)));
}

#[test]
fn a_node_whose_port_stays_closed_is_gone_and_one_that_speaks_is_not() {
    let now = Instant::now();
    let (mut pipe, _) = pipe(now);
    for _ in 0..RTC_REFUSALS {
        pipe.refused();
    }
    assert_eq!(pipe.tick(now), Some(now + RTC_GONE));
    pipe.hear(now, 1);
    pipe.tick(now + S);
    assert_eq!(pipe.ended(), None);
    for _ in 0..RTC_REFUSALS {
        pipe.refused();
    }
    pipe.tick(now + S);
    assert_eq!(pipe.ended(), Some(Ended::Gone));
}

#[test]
fn a_full_socket_is_tried_again_and_keeps_the_order() {
    let now = Instant::now();
    let (mut pipe, wire) = pipe(now);
    wire.says.set(Some(io::ErrorKind::WouldBlock));
    pipe.datagram(now, path(), &mut [128; 100]);
    assert_eq!(pipe.tick(now), Some(now + RTC_RETRY));
    wire.says.set(None);
    pipe.datagram(now, path(), &mut [128; 200]);
    pipe.tick(now);
    assert_eq!(*wire.sent.borrow(), [(100, 100), (200, 200)]);
}

#[test]
fn a_stuck_node_costs_no_more_memory_than_the_limit() {
    let now = Instant::now();
    let (mut pipe, wire) = pipe(now);
    wire.says.set(Some(io::ErrorKind::WouldBlock));
    for _ in 0..2000 {
        pipe.datagram(now, path(), &mut [128; 1200]);
    }
    let kept = RTC_BACKLOG_BYTES / 1200;
    assert_eq!(pipe.stats(now).lost, 2000 - kept as u64);
    wire.says.set(None);
    pipe.tick(now);
    assert_eq!(wire.sent.borrow().iter().map(|(bytes, _)| bytes).sum::<usize>(), kept * 1200);
}

#[test]
fn one_that_is_closed_here_is_over() {
    let now = Instant::now();
    let (mut pipe, _) = pipe(now);
    assert_eq!(pipe.ended(), None);
    pipe.close(now);
    assert_eq!(pipe.ended(), Some(Ended::Here));
}

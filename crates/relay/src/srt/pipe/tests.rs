use std::cell::Cell;

use super::*;
use crate::srt::testkit::{CALLER, ORIGIN, body, control, destination, is_shutdown, media};

const LOCAL: SocketId = SocketId(77);
const OURS: SocketId = SocketId(88);

/// What an origin's socket was given, and how it takes that.
#[derive(Default)]
struct Sent {
    runs: RefCell<Vec<(Vec<u8>, usize)>>,
    fails: Cell<Option<io::ErrorKind>>,
    /// Words of a closed port that it has to hand out before it takes something.
    refusals: Cell<u32>,
    /// How many bytes it takes of the next run, where that is not all.
    takes: Cell<Option<usize>>,
}

impl Wire for Rc<Sent> {
    fn send(&self, datagrams: &[u8], size: usize) -> io::Result<usize> {
        if let Some(kind) = self.fails.get() {
            return Err(kind.into());
        }
        if let Some(left) = self.refusals.get().checked_sub(1) {
            self.refusals.set(left);
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let taken = self.takes.take().unwrap_or(datagrams.len());
        self.runs.borrow_mut().push((datagrams[..taken].to_vec(), size));
        Ok(taken)
    }
}

struct Bench {
    pipe: Pipe<Rc<Sent>>,
    sent: Rc<Sent>,
    began: Instant,
}

impl Bench {
    fn new() -> Bench {
        let (sent, began) = (Rc::<Sent>::default(), Instant::now());
        let ends = Ends { caller: CALLER, origin: ORIGIN, ours: OURS };
        Bench { pipe: Pipe::new(Rc::clone(&sent), ends, began), sent, began }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.began + Duration::from_secs(seconds)
    }

    fn called(&mut self, mut datagram: Vec<u8>) {
        self.pipe.packet(self.began, &mut datagram);
    }

    /// The origin says this, so many seconds after the beginning.
    fn told(&self, seconds: u64, datagram: &[u8]) {
        self.pipe.hear(self.at(seconds), &mut datagram.to_vec());
    }

    /// What the port is to send to the caller.
    fn down(&mut self) -> Vec<Vec<u8>> {
        let now = self.began;
        std::iter::from_fn(|| {
            let mut out = BytesMut::new();
            self.pipe.next_packet(now, &mut out).then(|| out.to_vec())
        })
        .collect()
    }

    /// What the origin was sent, packet by packet.
    fn up(&self) -> Vec<Vec<u8>> {
        let runs = self.sent.runs.take();
        runs.iter().flat_map(|(run, size)| run.chunks(*size).map(<[u8]>::to_vec)).collect()
    }
}

#[test]
fn packets_go_up_in_order_and_changed_in_nothing_but_whom_they_are_for() {
    let mut bench = Bench::new();
    let sent: Vec<Vec<u8>> =
        (0..100_u32).map(|at| media(LOCAL, at, &vec![at as u8; 1316 - at as usize])).collect();
    for datagram in &sent {
        bench.called(datagram.clone());
    }
    assert!(bench.up().is_empty(), "sent together, when time passes");
    bench.pipe.tick(bench.began);
    let heard = bench.up();
    assert_eq!(heard.len(), sent.len());
    for (heard, sent) in heard.iter().zip(&sent) {
        assert_eq!((&heard[..12], body(heard)), (&sent[..12], body(sent)));
        assert_eq!(destination(heard), ORIGIN);
    }
}

#[test]
fn packets_of_one_size_go_up_in_one_call() {
    let mut bench = Bench::new();
    (0..10).for_each(|at| bench.called(media(LOCAL, at, &[1; 1316])));
    bench.called(control(LOCAL, ControlKind::KEEP_ALIVE));
    bench.pipe.tick(bench.began);
    assert_eq!(bench.sent.runs.borrow().len(), 1);
}

#[test]
fn what_a_full_socket_does_not_take_waits_and_is_tried_again() {
    let mut bench = Bench::new();
    (0..3).for_each(|at| bench.called(media(LOCAL, at, &[1; 84])));
    bench.sent.takes.set(Some(100));
    bench.pipe.tick(bench.began);
    assert_eq!(bench.up().len(), 3, "one, and then the rest");
    bench.called(media(LOCAL, 3, &[1; 84]));
    bench.sent.fails.set(Some(io::ErrorKind::WouldBlock));
    assert_eq!(bench.pipe.tick(bench.began), Some(bench.began + SRT_RETRY));
    bench.sent.fails.set(None);
    bench.pipe.tick(bench.began);
    assert_eq!(bench.up().len(), 1);
}

#[test]
fn a_stuck_origin_costs_no_more_memory_than_the_limit() {
    let mut bench = Bench::new();
    bench.sent.fails.set(Some(io::ErrorKind::WouldBlock));
    (0..2000).for_each(|at| bench.called(media(LOCAL, at, &[1; 1316])));
    let (up, _) = bench.pipe.passed();
    assert!(up.bytes <= SRT_BACKLOG_BYTES as u64 && up.packets + up.lost == 2000 && up.lost > 0, "{up:?}");
}

#[test]
fn packets_come_down_as_they_are_and_only_those_for_the_caller() {
    let mut bench = Bench::new();
    let told = |to| [media(to, 1, b"one"), media(to, 2, b"two"), control(to, ControlKind::ACK)];
    bench.told(0, &told(OURS)[0]);
    bench.told(0, &media(CALLER, 9, b"for another"));
    bench.told(0, b"no packet");
    bench.told(0, &told(OURS)[1]);
    bench.told(0, &told(OURS)[2]);
    assert_eq!(bench.down(), told(CALLER));
    assert!(bench.pipe.has_media());
}

#[test]
fn handshakes_go_no_further() {
    let mut bench = Bench::new();
    bench.called(control(LOCAL, ControlKind::HANDSHAKE));
    bench.told(0, &control(OURS, ControlKind::HANDSHAKE));
    bench.pipe.tick(bench.began);
    assert!(bench.up().is_empty() && bench.down().is_empty());
}

#[test]
fn the_callers_goodbye_reaches_the_origin_and_ends_it() {
    let mut bench = Bench::new();
    bench.called(media(LOCAL, 1, b"last"));
    bench.called(packet::shutdown(LOCAL, 5).to_vec());
    bench.pipe.tick(bench.began);
    let up = bench.up();
    assert!(up.len() == 2 && is_shutdown(&up[1]) && destination(&up[1]) == ORIGIN);
    assert_eq!((bench.pipe.ended(), bench.pipe.over()), (Some(Ended::Peer), Some(Over::Caller)));
    assert!(bench.down().is_empty());
}

#[test]
fn the_origins_goodbye_reaches_the_caller_before_it_ends() {
    let mut bench = Bench::new();
    bench.told(0, &media(OURS, 1, b"last"));
    bench.told(0, &packet::shutdown(OURS, 5));
    bench.pipe.tick(bench.began);
    assert_eq!(bench.pipe.ended(), None, "the caller is not told yet");
    let down = bench.down();
    assert!(down.len() == 2 && is_shutdown(&down[1]));
    assert_eq!((bench.pipe.ended(), bench.pipe.over()), (Some(Ended::Here), Some(Over::Origin)));
}

#[test]
fn an_origin_whose_port_stays_closed_is_told_to_the_caller() {
    let mut bench = Bench::new();
    bench.sent.refusals.set(SRT_REFUSALS);
    for at in 0..SRT_REFUSALS {
        bench.called(media(LOCAL, at, b"x"));
        bench.pipe.tick(bench.began);
    }
    assert_eq!(bench.pipe.over(), None);
    assert_eq!(bench.pipe.tick(bench.began), Some(bench.began + SRT_GONE));
    bench.pipe.tick(bench.began + SRT_GONE);
    let down = bench.down();
    assert!(down.len() == 1 && is_shutdown(&down[0]) && destination(&down[0]) == CALLER);
    assert_eq!((bench.pipe.ended(), bench.pipe.over()), (Some(Ended::Here), Some(Over::OriginGone)));
}

#[test]
fn words_of_a_closed_port_end_nothing_while_the_origin_is_heard() {
    let mut bench = Bench::new();
    for second in 1..30 {
        bench.sent.refusals.set(2);
        bench.pipe.packet(bench.at(second), &mut media(LOCAL, 1, b"x"));
        bench.pipe.tick(bench.at(second));
        assert_eq!(bench.pipe.over(), None, "after {second} s");
        bench.told(second, &control(OURS, ControlKind::KEEP_ALIVE));
    }
    assert_eq!(bench.pipe.over(), None);
}

#[test]
fn a_word_of_a_closed_port_costs_no_packet() {
    let mut bench = Bench::new();
    bench.sent.refusals.set(1);
    bench.called(media(LOCAL, 1, b"x"));
    bench.pipe.tick(bench.began);
    assert_eq!(bench.up().len(), 1);
}

#[test]
fn the_callers_goodbye_waits_for_room_towards_the_origin_but_not_for_ever() {
    let blocked = || {
        let mut bench = Bench::new();
        bench.sent.fails.set(Some(io::ErrorKind::WouldBlock));
        bench.called(media(LOCAL, 1, b"last"));
        bench.called(packet::shutdown(LOCAL, 5).to_vec());
        assert_eq!(bench.pipe.tick(bench.began), Some(bench.began + SRT_RETRY));
        assert_eq!((bench.pipe.ended(), bench.pipe.over()), (None, Some(Over::Caller)));
        bench
    };
    let mut bench = blocked();
    bench.sent.fails.set(None);
    assert_eq!(bench.pipe.tick(bench.began + SRT_RETRY), None);
    assert!(is_shutdown(&bench.up()[1]) && bench.pipe.ended() == Some(Ended::Peer));
    let mut bench = blocked();
    assert_eq!(bench.pipe.tick(bench.at(1)), None);
    assert_eq!(bench.pipe.ended(), Some(Ended::Peer));
}

#[test]
fn one_that_is_closed_here_tells_the_caller_once() {
    let mut bench = Bench::new();
    bench.pipe.close(bench.began);
    bench.pipe.close(bench.began);
    bench.pipe.tick(bench.began);
    assert!(bench.down().len() == 1 && bench.pipe.ended() == Some(Ended::Here));
}

#[test]
fn silence_of_either_end_ends_it_after_ten_seconds() {
    let mut bench = Bench::new();
    assert_eq!(bench.pipe.tick(bench.at(4)), Some(bench.at(10)));
    let mut sign = control(LOCAL, ControlKind::KEEP_ALIVE);
    bench.pipe.packet(bench.at(5), &mut sign);
    assert_eq!(bench.pipe.tick(bench.at(10)), None);
    assert_eq!(bench.pipe.over(), Some(Over::OriginSilent));

    let mut bench = Bench::new();
    bench.told(5, &control(OURS, ControlKind::KEEP_ALIVE));
    bench.pipe.tick(bench.at(10));
    assert_eq!(bench.pipe.over(), Some(Over::CallerSilent));
    // In case it hears again.
    assert!(is_shutdown(bench.down().last().unwrap()));
    assert_eq!(bench.pipe.ended(), Some(Ended::Silent(SRT_SILENT)));
}

#[test]
fn an_origin_that_gives_up_a_quiet_client_is_not_who_ended_it() {
    let mut bench = Bench::new();
    bench.called(control(LOCAL, ControlKind::KEEP_ALIVE));
    bench.told(5, &packet::shutdown(OURS, 5));
    assert_eq!(bench.pipe.over(), Some(Over::Vanished));
}

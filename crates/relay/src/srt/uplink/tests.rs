use std::collections::HashSet;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use srs_srt::packet::ControlKind;
use tokio::net::UdpSocket;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::srt::testkit::{CALLER, body, control, destination, media};

const PATIENCE: Duration = Duration::from_secs(20);

/// What a connection was told.
#[derive(Default)]
struct Told {
    came: RefCell<Vec<Vec<u8>>>,
    refusals: Cell<u32>,
    wakes: Cell<u32>,
}

impl Ear for Rc<Told> {
    fn hear(&self, _now: Instant, datagram: &mut [u8]) {
        self.came.borrow_mut().push(datagram.to_vec());
    }

    fn refused(&self) {
        self.refusals.set(self.refusals.get() + 1);
    }

    fn wake(&self) {
        self.wakes.set(self.wakes.get() + 1);
    }
}

impl Told {
    /// Takes what came, when there is so much.
    async fn heard(&self, count: usize) -> Vec<Vec<u8>> {
        let came = async {
            while self.came.borrow().len() < count {
                tokio::task::yield_now().await;
            }
            self.came.take()
        };
        timeout(PATIENCE, came).await.expect("nothing comes")
    }
}

async fn origin() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let (length, from) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("silence").unwrap();
    (buffer[..length].to_vec(), from)
}

/// A caller that passes datagrams.
fn seated(to: SocketAddr) -> (Seat, Rc<Told>) {
    let (seat, told) = (Seat::take(to).unwrap(), Rc::<Told>::default());
    seat.pass(Box::new(Rc::clone(&told)));
    (seat, told)
}

/// So many callers of one uplink.
fn together(to: SocketAddr, count: usize) -> Vec<(Seat, Rc<Told>)> {
    let all: Vec<_> = (0..count).map(|_| seated(to)).collect();
    assert!(all.iter().all(|(seat, _)| Rc::ptr_eq(&seat.uplink, &all[0].0.uplink)));
    all
}

async fn local<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(test).await
}

#[tokio::test]
async fn many_callers_share_a_few_sockets_evenly_and_each_has_a_number_of_its_own() {
    local(async {
        let (socket, to) = origin().await;
        let all: Vec<_> = (0..SRT_UPLINKS * (SRT_TOGETHER + 1)).map(|_| seated(to)).collect();
        let ids: HashSet<_> = all.iter().map(|(seat, _)| seat.id()).collect();
        assert_eq!(ids.len(), all.len());
        let mut sockets = HashMap::<_, usize>::new();
        for (seat, _) in &all {
            seat.wire().send(b"word", 4).unwrap();
            *sockets.entry(receive(&socket).await.1).or_default() += 1;
        }
        assert_eq!(sockets.into_values().collect::<Vec<_>>(), [SRT_TOGETHER + 1; SRT_UPLINKS]);
    })
    .await;
}

#[tokio::test]
async fn what_comes_for_many_callers_goes_to_each_in_its_order() {
    local(async {
        let (socket, to) = origin().await;
        let ours = together(to, 5);
        ours[0].0.wire().send(b"word", 4).unwrap();
        let (_, from) = receive(&socket).await;
        for sequence in 0..50 {
            for (seat, _) in &ours {
                socket.send_to(&media(seat.id(), sequence, b"down"), from).await.unwrap();
            }
        }
        for (seat, told) in &ours {
            let expected: Vec<_> = (0..50).map(|sequence| media(seat.id(), sequence, b"down")).collect();
            assert_eq!(told.heard(50).await, expected);
            assert!(told.wakes.get() > 0);
        }
    })
    .await;
}

#[tokio::test]
async fn what_many_callers_say_goes_up_in_the_order_of_each() {
    local(async {
        let (socket, to) = origin().await;
        let ours = together(to, 5);
        for sequence in 0..20_u32 {
            for (at, (seat, _)) in (0..).zip(&ours) {
                let sizes = 44 + 100 * (sequence as usize % 3);
                let run = [media(SocketId(at), sequence, &vec![1; sizes]), media(SocketId(at), 99, b"x")];
                let bytes = run.concat();
                assert_eq!(seat.wire().send(&bytes, run[0].len()).unwrap(), bytes.len());
            }
        }
        let mut next = [0_u32; 5];
        for _ in 0..20 * 5 {
            let (long, _) = receive(&socket).await;
            let (short, _) = receive(&socket).await;
            let at = destination(&long).0 as usize;
            assert_eq!(
                (Header::read(&long).unwrap().timestamp, destination(&short).0 as usize),
                (next[at], at)
            );
            assert_eq!(body(&short), b"x");
            next[at] += 1;
        }
        assert_eq!(next, [20; 5]);
    })
    .await;
}

#[tokio::test]
async fn one_that_leaves_disturbs_nobody_on_its_uplink() {
    local(async {
        let (socket, to) = origin().await;
        let mut ours = together(to, 2);
        let (leaves, gone) = ours.pop().unwrap();
        let (stays, told) = ours.pop().unwrap();
        stays.wire().send(b"word", 4).unwrap();
        let (_, from) = receive(&socket).await;
        leaves.wire().send(b"last", 4).unwrap();
        let id = leaves.id();
        drop(leaves);
        assert_eq!(receive(&socket).await, (b"last".to_vec(), from), "what it said last");
        assert_eq!(Rc::strong_count(&gone), 1, "forgotten");
        for to in [id, CALLER, stays.id()] {
            socket.send_to(&control(to, ControlKind::ACK), from).await.unwrap();
        }
        assert_eq!(told.heard(1).await, [control(stays.id(), ControlKind::ACK)]);
        assert!(gone.came.borrow().is_empty());
        stays.wire().send(b"up", 2).unwrap();
        assert_eq!(receive(&socket).await.0, b"up");
    })
    .await;
}

#[tokio::test]
async fn all_callers_are_told_that_the_port_is_closed_but_one_that_has_asked_nothing() {
    local(async {
        let (socket, to) = origin().await;
        let ours = together(to, 2);
        let (asks, listens) = (Seat::take(to).unwrap(), Seat::take(to).unwrap());
        let other = asks.wire();
        ours[0].0.wire().send(b"word", 4).unwrap();
        receive(&socket).await;
        drop(socket);
        let told = async {
            while ours.iter().any(|(_, told)| told.refusals.get() == 0) {
                ours[0].0.wire().send(b"word", 4).unwrap();
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, told).await.expect("not told");
        assert!(ours.iter().all(|(_, told)| told.wakes.get() > 1));
        asks.say(b"anybody?");
        let error =
            timeout(PATIENCE, poll_fn(|cx| asks.poll_heard(cx))).await.expect("not told").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let mut silent = pin!(poll_fn(|cx| listens.poll_heard(cx)));
        assert!(poll_fn(|cx| Poll::Ready(silent.as_mut().poll(cx))).await.is_pending());
        // Who has heard nothing there gets another socket the next time.
        drop(asks);
        assert!(other.is_left.get() && !Rc::ptr_eq(&Seat::take(to).unwrap().uplink, &other));
    })
    .await;
}

#[tokio::test]
async fn what_comes_behind_the_answer_is_heard_by_the_connection() {
    local(async {
        let (socket, to) = origin().await;
        let seat = Seat::take(to).unwrap();
        seat.say(b"take me");
        let (_, from) = receive(&socket).await;
        for sequence in 0..3 {
            socket.send_to(&media(seat.id(), sequence, b"early"), from).await.unwrap();
        }
        let first = timeout(PATIENCE, poll_fn(|cx| seat.poll_heard(cx))).await.unwrap().unwrap();
        let told = Rc::<Told>::default();
        seat.pass(Box::new(Rc::clone(&told)));
        let rest = told.heard(2).await;
        let all: Vec<Bytes> = [first.freeze()].into_iter().chain(rest.into_iter().map(Bytes::from)).collect();
        let expected: Vec<_> = (0..3).map(|sequence| media(seat.id(), sequence, b"early")).collect();
        assert_eq!(all, expected);
    })
    .await;
}

#[tokio::test]
async fn a_stuck_origin_costs_no_more_memory_than_the_limit() {
    local(async {
        let (_socket, to) = origin().await;
        let (seat, _told) = seated(to);
        let run = vec![1; 1316 * 10];
        let mut taken = 0;
        // The driver has no turn.
        let full = loop {
            match seat.wire().send(&run, 1316) {
                Ok(bytes) => taken += bytes,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        assert!(taken.is_multiple_of(1316) && taken <= SRT_BACKLOG_BYTES, "{taken}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_without_callers_is_closed_after_a_while() {
    local(async {
        let (_socket, to) = origin().await;
        let (seat, _told) = seated(to);
        let uplink = Rc::downgrade(&seat.uplink);
        tokio::time::sleep(10 * SRT_LINGER).await;
        assert!(uplink.upgrade().is_some_and(|uplink| uplink.over.get().is_none()));
        drop(seat);
        let next = Seat::take(to).unwrap();
        assert!(Weak::ptr_eq(&uplink, &Rc::downgrade(&next.uplink)), "kept for the next");
        drop(next);
        let _heard_nothing_and_left = uplink.upgrade();
        let (seat, _told) = seated(to);
        let uplink = Rc::downgrade(&seat.uplink);
        drop(seat);
        tokio::time::sleep(3 * SRT_LINGER).await;
        assert!(uplink.upgrade().is_none(), "still open");
        assert!(UPLINKS.with_borrow(HashMap::is_empty));
    })
    .await;
}

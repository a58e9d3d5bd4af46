use std::cell::Cell;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_srt::engine::{CallError, Caller as Calls, Ended, Engine, Progress};
use srs_srt::handshake::{Handshake, Kind, PLAIN};
use srs_srt::packet::{ControlKind, HEADER, Header};
use srs_srt::{Reason, SocketId};
use tokio::net::UdpSocket;

use super::testkit::*;
use super::*;
use crate::{limits, shards};

mod abuse;

fn asks(datagram: &[u8]) -> Kind {
    Handshake::read(datagram).unwrap().fields.kind
}

#[tokio::test]
async fn an_induction_is_answered_by_no_more_than_it_was_and_nothing_is_kept() {
    local(async {
        let here = open(1, 100, never);
        for id in 1..=100 {
            let caller = Caller::new(here.address, id).await;
            let asked = induction(caller.id).write(SocketId::LISTENER, 0);
            caller.say(&asked).await;
            let answer = caller.hear().await;
            assert!(answer.len() <= asked.len());
            let answer = Handshake::read(&answer).unwrap();
            assert_eq!((answer.destination, answer.fields.kind), (caller.id, Kind::Induction));
            assert_ne!(answer.fields.cookie, 0);
        }
        assert!(here.shards[0].state.borrow().is_empty());
        assert_eq!(here.slots.used(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_whole_handshake_is_not_answered() {
    local(async {
        let here = open(1, 100, never);
        let (caller, other) = (Caller::new(here.address, 1).await, Caller::new(here.address, 2).await);
        let asked = induction(caller.id).write(SocketId::LISTENER, 0);
        for length in [0, 1, HEADER, HEADER + 4, PLAIN - 1] {
            caller.say(&asked[..length]).await;
        }
        caller.say(&induction(SocketId(0)).write(SocketId::LISTENER, 0)).await;
        caller.say(&media(SocketId(77), FIRST, b"to nobody")).await;
        caller.say(&control(ControlKind::SHUTDOWN, SocketId(77), &[0; 4])).await;
        caller.hears_nothing_until(&other).await;
    })
    .await;
}

#[tokio::test]
async fn a_conclusion_without_a_good_cookie_is_ignored_and_nothing_is_kept() {
    local(async {
        let here = open(1, 100, never);
        let (caller, other) = (Caller::new(here.address, 1).await, Caller::new(here.address, 2).await);
        let minute =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 60;
        let old = here.cookies.make(minute - 2, caller.address(), caller.id);
        let of_another = here.cookies.make(minute, other.address(), caller.id);
        for cookie in [0, 1, old, of_another] {
            caller.say(&caller.conclusion_with(cookie)).await;
        }
        caller.hears_nothing_until(&other).await;
        assert!(here.shards[0].state.borrow().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_caller_is_accepted_and_messages_go_both_ways() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        assert_eq!((connection.peer(), connection.local_id()), (caller.address(), caller.theirs));
        caller.send(b"one").await;
        caller.send(b"two").await;
        assert_eq!(messages(&connection, 2).await, ["one", "two"]);
        assert!(connection.send(Bytes::from_static(b"three")));
        assert_eq!(caller.hear().await, media(caller.id, FIRST, b"three"));
        assert_eq!(connection.stats().sent, 1);
    })
    .await;
}

#[tokio::test]
async fn a_conclusion_that_comes_again_gets_the_same_answer_and_one_session() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let caller = Caller::new(here.address, 1).await;
        let conclusion = caller.conclusion().await;
        caller.say(&conclusion).await;
        let answer = caller.hear().await;
        within(accepted.recv()).await.unwrap();
        for _ in 0..3 {
            caller.say(&conclusion).await;
            // But for the time that it tells.
            let again = caller.hear().await;
            assert_eq!((&again[..8], &again[12..]), (&answer[..8], &answer[12..]));
        }
        assert!(accepted.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn a_conclusion_that_comes_again_while_its_caller_waits_is_absorbed() {
    local(async {
        let count = Rc::new(Cell::new(0));
        let counting = Rc::clone(&count);
        let here = open(1, 100, move |knock| {
            counting.set(counting.get() + 1);
            never(knock)
        });
        let (caller, other) = (Caller::new(here.address, 1).await, Caller::new(here.address, 2).await);
        let conclusion = caller.conclusion().await;
        for _ in 0..3 {
            caller.say(&conclusion).await;
        }
        caller.hears_nothing_until(&other).await;
        assert_eq!((count.get(), here.slots.used()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_told_again_to_who_asks_again_and_takes_no_place() {
    local(async {
        let count = Rc::new(Cell::new(0));
        let counting = Rc::clone(&count);
        let here = open(1, 100, move |knock: Knock| {
            counting.set(counting.get() + 1);
            async move { knock.refuse(Reason::NOT_FOUND) }
        });
        let caller = Caller::new(here.address, 1).await;
        let conclusion = caller.conclusion().await;
        for _ in 0..3 {
            caller.say(&conclusion).await;
            assert_eq!(asks(&caller.hear().await), Kind::Rejection(Reason::NOT_FOUND));
        }
        assert_eq!((count.get(), here.slots.used()), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_is_dropped_or_whose_session_panics_is_refused() {
    local(async {
        let here = open(1, 100, |knock: Knock| async move {
            assert_ne!(knock.handshake().fields.socket, SocketId(2), "on purpose");
        });
        for id in [1, 2] {
            let caller = Caller::new(here.address, id).await;
            caller.say(&caller.conclusion().await).await;
            assert_eq!(asks(&caller.hear().await), Kind::Rejection(Reason::CLOSE));
        }
    })
    .await;
}

#[tokio::test]
async fn callers_beyond_the_limit_are_refused() {
    local(async {
        let here = open(1, 2, never);
        for (id, refused) in [(1, false), (2, false), (3, true)] {
            let caller = Caller::new(here.address, id).await;
            caller.say(&caller.conclusion().await).await;
            if refused {
                assert_eq!(asks(&caller.hear().await), Kind::Rejection(Reason::OVERLOAD));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn more_callers_than_may_wait_at_once_are_refused() {
    local(async {
        let here = open(1, 100_000, never);
        let mut caller = Caller::new(here.address, 1).await;
        for id in 1..=limits::SRT_KNOCKS {
            if id % limits::SRT_OF_ONE == 0 {
                let address = format!("127.0.1.{}", id / limits::SRT_OF_ONE);
                caller = Caller::at(&address, here.address, 1).await;
            }
            caller.id = SocketId(id as u32);
            caller.say(&caller.conclusion().await).await;
        }
        caller.id = SocketId(1_000_000);
        caller.say(&caller.conclusion().await).await;
        assert_eq!(asks(&caller.hear().await), Kind::Rejection(Reason::BACKLOG));
        caller.hears_nothing_until(&Caller::new(here.address, 5).await).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_for_too_long_is_refused_and_its_late_connection_has_ended() {
    local(async {
        let ends: Seen<Ended> = Seen::default();
        let seen = Rc::clone(&ends);
        let here = open(1, 100, move |knock| {
            let seen = Rc::clone(&seen);
            async move {
                tokio::time::sleep(limits::SRT_PENDING + Duration::from_secs(1)).await;
                let connection = accept(knock);
                assert!(!connection.send(Bytes::from_static(b"late")));
                assert_eq!(connection.message().await, None);
                let ended = connection.ended().await;
                seen.borrow_mut().push(ended);
            }
        });
        let caller = Caller::new(here.address, 1).await;
        caller.say(&caller.conclusion().await).await;
        assert_eq!(asks(&caller.hear().await), Kind::Rejection(Reason::TIMEOUT));
        while ends.borrow().is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(*ends.borrow(), [Ended::Refused(Reason::TIMEOUT)]);
        assert_eq!(here.slots.used(), 0);
    })
    .await;
}

#[tokio::test]
async fn two_callers_with_one_socket_id_are_two_connections() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut first = Caller::connected(here.address, 1).await;
        let mut second = Caller::connected(here.address, 1).await;
        let (one, two) = (within(accepted.recv()).await.unwrap(), within(accepted.recv()).await.unwrap());
        first.send(b"first").await;
        second.send(b"second").await;
        assert_eq!(messages(&one, 1).await, ["first"]);
        assert_eq!(messages(&two, 1).await, ["second"]);
        assert!(two.send(Bytes::from_static(b"for the second")));
        assert_eq!(second.hear().await[HEADER..], *b"for the second");
    })
    .await;
}

#[tokio::test]
async fn two_connections_of_one_address_and_port_are_told_apart() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let first = caller.theirs;
        caller.id = SocketId(2);
        caller.say(&caller.conclusion().await).await;
        let answer = caller.hear().await;
        caller.theirs = Handshake::read(&answer).unwrap().fields.socket;
        assert_ne!(caller.theirs, first);
        let (one, two) = (within(accepted.recv()).await.unwrap(), within(accepted.recv()).await.unwrap());
        caller.send(b"second").await;
        caller.theirs = first;
        caller.send(b"first").await;
        assert_eq!(messages(&one, 1).await, ["first"]);
        assert_eq!(messages(&two, 1).await, ["second"]);
    })
    .await;
}

#[tokio::test]
async fn packets_of_a_third_party_go_nowhere() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        let stranger = Caller::new(here.address, 1).await;
        for sequence in FIRST..FIRST + 10 {
            stranger.say(&media(caller.theirs, sequence, b"stranger")).await;
        }
        stranger.say(&control(ControlKind::SHUTDOWN, caller.theirs, &[0; 4])).await;
        caller.send(b"caller").await;
        assert_eq!(messages(&connection, 1).await, ["caller"]);
        assert!(is_quiet(&connection).await);
        stranger.hears_nothing_until(&Caller::new(here.address, 2).await).await;
        assert_eq!(connection.peer(), caller.address());
    })
    .await;
}

/// A socket whose datagrams the kernel deals to another shard than those of `caller`, or to the same one.
async fn elsewhere(here: &Here, other_shard: bool, caller: &Caller) -> UdpSocket {
    let own = here.shards.iter().position(|shard| shard.state.borrow().is_taken(caller.theirs)).unwrap();
    for id in 1000.. {
        let probe = Caller::connected(here.address, id).await;
        let shard = here.shards.iter().position(|shard| shard.state.borrow().is_taken(probe.theirs)).unwrap();
        if (shard != own) == other_shard {
            return probe.socket;
        }
    }
    unreachable!()
}

async fn follows(shards: usize, other_shard: bool) {
    let (here, mut accepted) = open_and_accept(shards);
    let mut caller = Caller::connected(here.address, 1).await;
    let connection = within(accepted.recv()).await.unwrap();
    caller.send(b"before").await;
    assert_eq!(messages(&connection, 1).await, ["before"]);
    let socket = elsewhere(&here, other_shard, &caller).await;
    caller.move_to(socket).await;
    // Too early: the old address might still speak.
    caller.send(b"early").await;
    for id in 1..=2 {
        Caller::new(here.address, id).await.conclusion().await;
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    for number in 1..=3 {
        caller.send(format!("{number}").as_bytes()).await;
    }
    caller.answer().await;
    caller.send(b"4").await;
    assert_eq!(messages(&connection, 1).await, ["4"]);
    assert_eq!(connection.peer(), caller.address());
    assert!(connection.send(Bytes::from_static(b"answer")));
    while caller.hear().await[HEADER..] != *b"answer" {}
    // And the old one is a stranger from now on.
    caller.send(b"after").await;
    assert_eq!(messages(&connection, 1).await, ["after"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_address_changes_is_followed() {
    local(follows(1, false)).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_address_changes_is_followed_from_another_shard() {
    local(follows(2, true)).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_numbers_do_not_go_on_is_not_followed() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        let old = caller.address();
        caller.move_to(UdpSocket::bind("127.0.0.1:0").await.unwrap()).await;
        caller.skip(10_000);
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..10 {
            caller.send(b"guessed").await;
        }
        caller.hears_nothing_until(&Caller::new(here.address, 2).await).await;
        assert!(is_quiet(&connection).await);
        assert_eq!(connection.peer(), old);
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_an_engine_ends_that_connection_alone() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut first = Caller::connected(here.address, 1).await;
        let mut second = Caller::connected(here.address, 2).await;
        let (one, two) = (within(accepted.recv()).await.unwrap(), within(accepted.recv()).await.unwrap());
        let before = shards::panics();
        first.send(b"last").await;
        first.send(b"panic").await;
        assert_eq!(within(one.ended()).await, Ended::Broken);
        assert!(!one.send(Bytes::from_static(b"more")));
        assert!(shards::panics() > before);
        let goodbye = first.hear().await;
        assert!(Header::read(&goodbye).unwrap().is(ControlKind::SHUTDOWN));
        second.send(b"goes on").await;
        assert_eq!(messages(&two, 1).await, ["goes on"]);
    })
    .await;
}

#[tokio::test]
async fn what_came_before_the_end_can_be_read_after_it() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        caller.send(b"last").await;
        caller.say(&control(ControlKind::SHUTDOWN, caller.theirs, &[0; 4])).await;
        assert_eq!(within(connection.ended()).await, Ended::Peer);
        assert_eq!(connection.message().await.unwrap(), "last");
        assert_eq!(connection.message().await, None);
        assert!(here.shards[0].state.borrow().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_dropped_tells_its_peer_and_is_forgotten() {
    local(async {
        let here = open(1, 100, |knock| async move {
            let connection = accept(knock);
            assert!(connection.send(Bytes::from_static(b"last")));
        });
        let mut caller = Caller::connected(here.address, 1).await;
        assert_eq!(caller.hear().await, media(caller.id, FIRST, b"last"));
        assert!(Header::read(&caller.hear().await).unwrap().is(ControlKind::SHUTDOWN));
        assert!(here.shards[0].state.borrow().is_empty());
        assert_eq!(here.slots.used(), 0);
        caller.send(b"to nobody").await;
        caller.hears_nothing_until(&Caller::new(here.address, 2).await).await;
    })
    .await;
}

#[tokio::test]
async fn a_conclusion_that_comes_late_begins_no_second_connection() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let caller = Caller::new(here.address, 1).await;
        let conclusion = caller.conclusion().await;
        caller.say(&conclusion).await;
        let answer = caller.hear().await;
        let theirs = Handshake::read(&answer).unwrap().fields.socket;
        let connection = within(accepted.recv()).await.unwrap();
        caller.say(&control(ControlKind::SHUTDOWN, theirs, &[0; 4])).await;
        within(connection.ended()).await;
        caller.say(&conclusion).await;
        caller.hears_nothing_until(&Caller::new(here.address, 2).await).await;
        assert!(accepted.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn messages_that_nobody_reads_are_bounded_and_the_oldest_stay() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        let other = Caller::new(here.address, 2).await;
        for number in 0..limits::SRT_INBOX + 10 {
            caller.send(number.to_string().as_bytes()).await;
            if number % 50 == 0 {
                // So that no datagram is lost in between.
                other.conclusion().await;
            }
        }
        other.conclusion().await;
        assert_eq!(connection.stats().overrun, 10);
        let read = messages(&connection, limits::SRT_INBOX).await;
        assert!(read.iter().enumerate().all(|(number, message)| *message == number.to_string()));
        assert!(is_quiet(&connection).await);
    })
    .await;
}

#[tokio::test]
async fn a_message_without_room_is_not_taken_and_room_is_told() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        caller.send(b"stuck").await;
        caller.hears_nothing_until(&Caller::new(here.address, 2).await).await;
        assert!(!connection.send(Bytes::from_static(b"no room")));
        let waits = || poll_fn(|cx| Poll::Ready(connection.poll_room(cx).is_pending()));
        assert!(waits().await);
        // A turn alone makes no room.
        connection.wake();
        Caller::new(here.address, 3).await.conclusion().await;
        assert!(waits().await);
        caller.send(b"there is room").await;
        within(poll_fn(|cx| connection.poll_room(cx))).await;
        assert!(connection.send(Bytes::from_static(b"room")));
    })
    .await;
}

#[tokio::test]
async fn a_burst_goes_out_whole_and_in_order() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        let sizes = [1316, 1316, 1316, 188, 188, 1316, 940, 1316];
        let burst: Vec<Bytes> =
            (0..64).map(|number| Bytes::from(vec![number as u8; sizes[number % 8]])).collect();
        for message in &burst {
            assert!(connection.send(message.clone()));
        }
        for message in &burst {
            assert_eq!(caller.hear().await[HEADER..], **message);
        }
    })
    .await;
}

#[tokio::test]
async fn time_passes_for_an_engine_without_any_datagram() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let caller = Caller::connected(here.address, 1).await;
        let _connection = within(accepted.recv()).await.unwrap();
        let mut buffer = [0; 64];
        for _ in 0..3 {
            let length = within(caller.socket.recv(&mut buffer)).await.unwrap();
            assert!(Header::read(&buffer[..length]).unwrap().is(ControlKind::KEEP_ALIVE));
        }
        drop(here);
    })
    .await;
}

#[tokio::test]
async fn a_port_that_is_closed_hears_no_callers_and_keeps_connections() {
    local(async {
        let (here, mut accepted) = open_and_accept(1);
        let mut caller = Caller::connected(here.address, 1).await;
        let connection = within(accepted.recv()).await.unwrap();
        let late = Caller::new(here.address, 2).await;
        let conclusion = late.conclusion().await;
        here.slots.close();
        late.say(&conclusion).await;
        caller.send(b"goes on").await;
        assert_eq!(messages(&connection, 1).await, ["goes on"]);
        assert!(late.socket.try_recv(&mut [0; 64]).is_err());
    })
    .await;
}

/// A caller that knows the handshake.
struct Calling {
    id: SocketId,
    say: Option<Vec<u8>>,
    until: Instant,
}

impl Calling {
    fn new(id: SocketId, now: Instant, patience: Duration) -> Calling {
        let say = Some(induction(id).write(SocketId::LISTENER, 0).to_vec());
        Calling { id, say, until: now + patience }
    }
}

impl Calls for Calling {
    fn local_id(&self) -> SocketId {
        self.id
    }

    fn packet(&mut self, _: Instant, datagram: &mut [u8]) -> Progress {
        let fields = Handshake::read(datagram).unwrap().fields;
        match fields.kind {
            Kind::Induction => {
                let kind = Kind::Conclusion;
                let said = srs_srt::handshake::Fields { kind, socket: self.id, extension: 0, ..fields };
                self.say = Some(said.write(SocketId::LISTENER, 0).to_vec());
                Progress::Waiting
            }
            Kind::Conclusion => Progress::Connected(Box::new(Plain::new(fields.socket)) as Box<dyn Engine>),
            Kind::Rejection(reason) => Progress::Failed(CallError::Refused(reason)),
            other => panic!("{other:?}"),
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        (now < self.until).then_some(self.until)
    }

    fn next_packet(&mut self, _: Instant, out: &mut BytesMut) -> bool {
        let say = self.say.take();
        out.extend_from_slice(say.as_deref().unwrap_or_default());
        say.is_some()
    }
}

async fn call(to: SocketAddr) -> Result<Connection, CallError> {
    let make = |id, now| Ok::<_, CallError>(Calling::new(id, now, Duration::from_secs(3)));
    within(dial(to, make)).await
}

#[tokio::test]
async fn a_call_is_connected_and_messages_go_both_ways() {
    local(async {
        let (here, mut accepted) = open_and_accept(2);
        let ours = call(here.address).await.unwrap();
        let theirs = within(accepted.recv()).await.unwrap();
        assert!(ours.send(Bytes::from_static(b"to the listener")));
        assert_eq!(messages(&theirs, 1).await, ["to the listener"]);
        assert!(theirs.send(Bytes::from_static(b"to the caller")));
        assert_eq!(messages(&ours, 1).await, ["to the caller"]);
        drop(ours);
        assert_eq!(within(theirs.ended()).await, Ended::Peer);
    })
    .await;
}

#[tokio::test]
async fn a_call_tells_why_it_was_refused() {
    local(async {
        let here = open(1, 100, |knock: Knock| async move { knock.refuse(Reason::CONFLICT) });
        assert_eq!(call(here.address).await.unwrap_err(), CallError::Refused(Reason::CONFLICT));
    })
    .await;
}

#[tokio::test]
async fn a_call_to_a_closed_port_fails_at_once() {
    local(async {
        let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(call(gone).await.unwrap_err(), CallError::Gone);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_answers_fails_when_its_time_is_up() {
    local(async {
        let deaf = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(call(deaf.local_addr().unwrap()).await.unwrap_err(), CallError::Silent);
        assert_eq!(began.elapsed().as_secs(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_connection_to_a_listener_that_died_ends() {
    local(async {
        let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let answering = async {
            let mut buffer = [0; 1500];
            for _ in 0..2 {
                let (length, from) = listener.recv_from(&mut buffer).await.unwrap();
                let asked = Handshake::read(&buffer[..length]).unwrap().fields;
                let answer = srs_srt::handshake::Fields { socket: SocketId(7), cookie: 9, ..asked };
                listener.send_to(&answer.write(asked.socket, 0), from).await.unwrap();
            }
        };
        let (called, ()) = tokio::join!(call(listener.local_addr().unwrap()), answering);
        drop(listener);
        // What it is sent next, that it is alive, nobody takes.
        let connection = called.unwrap();
        assert_eq!(within(connection.ended()).await, Ended::Gone);
        assert_eq!(connection.message().await, None);
    })
    .await;
}

#[test]
fn a_port_is_served_on_all_shards() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shards = shards::Shards::start(2).unwrap();
    let port = Port::bind(&[(Ipv4Addr::LOCALHOST, 0).into()], 2).unwrap();
    let address = port.local_addr();
    let (sender, receiver) = std::sync::mpsc::channel();
    let slots = crate::tcp::Slots::new(100);
    serve(&shards.handle(), port, srs_srt::Cookies::new(b"key"), slots, move |knock| {
        let sender = sender.clone();
        async move {
            sender.send(std::thread::current().name().unwrap().to_owned()).unwrap();
            accept(knock).ended().await;
        }
    });
    runtime.block_on(async {
        let mut seen = std::collections::BTreeSet::new();
        let mut callers = Vec::new();
        for id in 1.. {
            callers.push(Caller::connected(address, id).await);
            seen.insert(receiver.recv().unwrap());
            if seen.len() == 2 {
                break;
            }
        }
    });
}

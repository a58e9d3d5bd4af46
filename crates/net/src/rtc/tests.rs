use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use srs_rtc::engine::{Asked, Credentials, Ended, Event};

use super::testkit::*;
use super::*;
use crate::{limits, shards};

mod abuse;
mod roaming;
mod tcp;

#[tokio::test]
async fn a_good_check_is_a_knock_and_media_goes_both_ways() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        client.send(b"from the client").await;
        assert_eq!(next(&connection).await, "from the client");
        connection.send(&packet(b"to the client"));
        assert_eq!(client.media().await, b"to the client");
        assert_eq!(connection.path().peer, client.address());
        assert_eq!(connection.path().local, Some(Ipv4Addr::LOCALHOST.into()));
    })
    .await;
}

#[tokio::test]
async fn a_knock_tells_who_it_is() {
    local(async {
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let here = open(1, 100, Names::default(), move |knock| {
            let _test_over = sender.send(knock);
            async {}
        });
        here.know("a.1");
        let client = Client::new(here.address).await;
        let request = check("a.1", &password("a.1"));
        client.say(&request).await;
        let knock = within(seen.recv()).await.unwrap();
        assert_eq!((knock.ufrag(), knock.theirs(), knock.session()), ("a.1", "theirs", "a"));
        assert_eq!((knock.from().peer, knock.from().tcp), (client.address(), false));
        assert_eq!(knock.datagram(), request);
        assert!(knock.is_verified());
    })
    .await;
}

#[tokio::test]
async fn a_knock_that_is_dropped_is_ignored_and_the_next_check_is_another_one() {
    local(async {
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let here = open(1, 100, Names::default(), move |knock| {
            let _test_over = sender.send(knock);
            async {}
        });
        here.know("a");
        let client = Client::new(here.address).await;
        for _ in 0..2 {
            client.check("a").await;
            drop(within(seen.recv()).await.unwrap());
            assert!(here.is_empty());
        }
        assert_eq!(here.slots.used(), 0);
    })
    .await;
}

#[tokio::test]
async fn checks_that_come_while_somebody_waits_are_no_more_knocks_and_are_given_to_the_engine() {
    local(async {
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let here = open(1, 100, Names::default(), move |knock| {
            let _test_over = sender.send(knock);
            async {}
        });
        here.know("a");
        let [first, other] = [Client::new(here.address).await, Client::new(here.address).await];
        first.check("a").await;
        let knock = within(seen.recv()).await.unwrap();
        other.check("a").await;
        first.check("a").await;
        // The probes of this are further knocks, whom nobody answers.
        let probe = Client::new(here.address).await;
        here.know("b");
        probe.check("b").await;
        assert_eq!(within(seen.recv()).await.unwrap().ufrag(), "b");
        let _connection = knock.accept(Box::new(Plain::new("a")));
        for heard in [first.hear().await, other.hear().await, first.hear().await] {
            assert!(is_success(&heard, "a"));
        }
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_too_long_is_forgotten_and_the_connection_has_ended() {
    local(async {
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let here = open(1, 100, Names::default(), move |knock| {
            let _test_over = sender.send(knock);
            async {}
        });
        here.know("a");
        Client::new(here.address).await.check("a").await;
        let knock = within(seen.recv()).await.unwrap();
        tokio::time::pause();
        tokio::time::sleep(limits::RTC_PENDING * 2).await;
        assert!(here.is_empty());
        let connection = knock.accept(Box::new(Plain::new("a")));
        assert_eq!(connection.ended().await, Ended::Here);
        assert!(connection.event().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn of_whom_is_asked_the_knock_comes_unverified_and_is_not_accepted_before_it_is() {
    local(async {
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let here = open(1, 100, Names { ask: true, ..Names::default() }, move |knock| {
            let _test_over = sender.send(knock);
            async {}
        });
        here.know("a");
        let client = Client::new(here.address).await;
        client.check("a").await;
        let knock = within(seen.recv()).await.unwrap();
        assert!(!knock.is_verified() && !knock.verify("another one") && !knock.is_verified());
        assert_eq!(knock.accept(Box::new(Plain::new("a"))).ended().await, Ended::Here);
        client.check("a").await;
        let knock = within(seen.recv()).await.unwrap();
        assert!(knock.verify(&password("a")) && knock.is_verified());
        let connection = knock.accept(Box::new(Plain::new("a")));
        assert!(is_success(&client.hear().await, "a"));
        // It is known from now on.
        client.check("a").await;
        assert!(is_success(&client.hear().await, "a"));
        client.send(b"media").await;
        assert_eq!(next(&connection).await, "media");
        assert_eq!(here.door.finds.load(Ordering::Relaxed), 2);
    })
    .await;
}

#[tokio::test]
async fn a_burst_goes_out_whole_and_in_order() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        let sizes = [1200, 1200, 1200, 88, 88, 1200, 940, 1200];
        let burst: Vec<_> = (0..64).map(|number| packet(&vec![number as u8; sizes[number % 8]])).collect();
        connection.send_all(&burst);
        for packet in &burst {
            assert_eq!(client.media().await, *packet.payload);
        }
        assert_eq!(connection.stats().sent_packets, 64);
    })
    .await;
}

#[tokio::test]
async fn what_is_passed_on_goes_out_as_it_is_and_in_order_until_the_end() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        let path = connection.path();
        let run: Vec<u8> = (0..40_u8).flat_map(|number| media(&[number; 1000])).collect();
        let size = run.len() / 40;
        connection.pass(path, &run[..run.len() - 500], size);
        connection.pass(path, &media(b"alone"), size);
        for number in 0..40_u8 {
            let length = if number == 39 { 500 } else { 1000 };
            assert_eq!(client.media().await, vec![number; length]);
        }
        assert_eq!(client.media().await, b"alone");
        client.send(b"the end").await;
        assert_eq!(within(connection.ended()).await, Ended::Peer);
        connection.pass(path, &run, size);
        client.hears_nothing(&here).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_reaches_the_peer() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        connection.ask(Asked::KeyFrame(None));
        assert_eq!(client.media().await, b"KeyFrame(None)");
    })
    .await;
}

#[tokio::test]
async fn time_passes_for_an_engine_without_any_datagram() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let _connection = within(accepted.recv()).await.unwrap();
        client.send(b"say that you are alive").await;
        for _ in 0..3 {
            assert_eq!(client.media().await, b"alive");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_its_peer_ends_is_forgotten() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        client.send(b"last").await;
        client.send(b"the end").await;
        assert_eq!(within(connection.ended()).await, Ended::Peer);
        assert_eq!(next(&connection).await, "last");
        assert!(connection.event().await.is_none());
        drop(connection);
        here.until_empty().await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_dropped_tells_its_peer_and_is_forgotten() {
    local(async {
        let here = open(1, 100, Names::default(), |knock| async move {
            let connection = knock.accept(Box::new(Plain::new("a")));
            connection.send(&packet(b"last"));
        });
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        assert_eq!(client.media().await, b"last");
        assert_eq!(client.media().await, b"goodbye");
        here.until_empty().await;
        client.send(b"to nobody").await;
        here.until_dropped(|dropped| dropped.strangers == 1).await;
        assert!(client.socket.try_recv(&mut [0; 64]).is_err());
    })
    .await;
}

/// An engine that never ends.
struct Stubborn;

impl srs_rtc::Engine for Stubborn {
    fn datagram(&mut self, _: std::time::Instant, _: srs_rtc::Path, _: &mut [u8]) {}
    fn tick(&mut self, _: std::time::Instant) -> Option<std::time::Instant> {
        None
    }
    fn next_datagram(&mut self, _: std::time::Instant, _: &mut bytes::BytesMut) -> Option<srs_rtc::Path> {
        None
    }
    fn next_event(&mut self, _: std::time::Instant) -> Option<Event> {
        None
    }
    fn send(&mut self, _: std::time::Instant, _: &srs_rtc::engine::Packet) {}
    fn ask(&mut self, _: std::time::Instant, _: Asked) {}
    fn close(&mut self, _: std::time::Instant) {}
    fn ended(&self) -> Option<Ended> {
        None
    }
    fn stats(&mut self, _: std::time::Instant) -> srs_rtc::engine::Stats {
        srs_rtc::engine::Stats::default()
    }
}

#[tokio::test]
async fn an_engine_that_does_not_end_is_dropped_a_second_after_its_connection() {
    local(async {
        let here = open(1, 100, Names::default(), |knock| async move {
            drop(knock.accept(Box::new(Stubborn)));
        });
        here.know("a");
        Client::new(here.address).await.check("a").await;
        while here.shard_of("a", None).is_none() {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        while !here.is_empty() {
            tokio::time::sleep(limits::RTC_GOODBYE / 10).await;
        }
        assert!((limits::RTC_GOODBYE..limits::RTC_GOODBYE * 2).contains(&began.elapsed()));
    })
    .await;
}

#[tokio::test]
async fn a_panic_of_an_engine_ends_its_session_alone() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        here.know("b");
        let (a, first) = (Client::connected(here.address, "a").await, within(accepted.recv()).await.unwrap());
        let (b, second) =
            (Client::connected(here.address, "b").await, within(accepted.recv()).await.unwrap());
        let before = shards::panics();
        a.send(b"panic").await;
        assert_eq!(within(first.ended()).await, Ended::Broken);
        assert!(shards::panics() > before);
        b.send(b"goes on").await;
        assert_eq!(next(&second).await, "goes on");
        // Also where it is the session that calls it.
        second.send(&packet(b"panic"));
        assert_eq!(within(second.ended()).await, Ended::Broken);
        drop((first, second));
        here.until_empty().await;
    })
    .await;
}

#[tokio::test]
async fn frames_that_nobody_takes_are_bounded_and_the_next_one_does_not_follow() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        for number in 0..limits::RTC_EVENTS + 10 {
            client.send(number.to_string().as_bytes()).await;
            if number % 50 == 0 {
                // So that no datagram is lost in between.
                client.check("a").await;
                client.hear().await;
            }
        }
        client.check("a").await;
        client.hear().await;
        assert_eq!(connection.overrun(), 10);
        for number in 0..limits::RTC_EVENTS {
            assert_eq!(next(&connection).await, number.to_string());
        }
        client.send(b"late").await;
        client.send(b"later").await;
        for (said, follows) in [("late", false), ("later", true)] {
            let Some(Event::Frame(frame)) = within(connection.event()).await else { panic!("no frame") };
            assert_eq!((&*frame.data, frame.follows), (said.as_bytes(), follows));
        }
    })
    .await;
}

#[tokio::test]
async fn over_the_limit_of_slots_nobody_new_is_heard() {
    local(async {
        let here = open(1, 1, Names::default(), never);
        here.know("a");
        here.know("b");
        let [a, b] = [Client::new(here.address).await, Client::new(here.address).await];
        a.check("a").await;
        b.check("b").await;
        here.until_dropped(|dropped| dropped.full == 1).await;
        assert_eq!((here.shard_of("a", None), here.shard_of("b", None)), (Some(0), None));
    })
    .await;
}

#[tokio::test]
async fn a_port_that_is_closed_hears_nobody_new_and_keeps_sessions() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        here.know("b");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        here.slots.close();
        let late = Client::new(here.address).await;
        late.check("b").await;
        client.send(b"goes on").await;
        assert_eq!(next(&connection).await, "goes on");
        assert!(late.socket.try_recv(&mut [0; 64]).is_err());
        assert_eq!(here.shard_of("b", None), None);
        drop(connection);
        client.send(b"the end").await;
        within(async {
            while Rc::strong_count(&here.shards[0]) > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn who_rings_has_a_turn() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let _client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        assert!(poll_fn(|cx| Poll::Ready(connection.poll_event(cx).is_pending())).await);
        connection.wake();
        connection.wake();
        here.settled().await;
        assert!(poll_fn(|cx| Poll::Ready(connection.poll_event(cx).is_pending())).await);
    })
    .await;
}

#[test]
fn a_port_is_served_on_all_shards() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shards = shards::Shards::start(2).unwrap();
    let port = Port::bind(&[(Ipv4Addr::LOCALHOST, 0).into()], 2).unwrap();
    let (address, door) = (port.local_addr(), Arc::new(Names::default()));
    let (sender, receiver) = std::sync::mpsc::channel();
    let slots = crate::tcp::Slots::new(100);
    let _serving = serve(&shards.handle(), port, door.clone(), slots, move |knock| {
        let sender = sender.clone();
        async move {
            sender.send(std::thread::current().name().unwrap().to_owned()).unwrap();
            let ufrag = knock.ufrag().to_owned();
            knock.accept(Box::new(Plain::new(&ufrag))).ended().await;
        }
    });
    runtime.block_on(async {
        let mut seen = std::collections::BTreeSet::new();
        let mut clients = Vec::new();
        for number in 0.. {
            let ufrag = number.to_string();
            door.known.lock().unwrap().push(ufrag.clone());
            clients.push(Client::connected(address, &ufrag).await);
            seen.insert(receiver.recv().unwrap());
            if seen.len() == 2 {
                break;
            }
        }
    });
}

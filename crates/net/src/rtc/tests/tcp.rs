//! Clients whose datagrams travel over TCP.

use tokio::io::AsyncWriteExt as _;

use super::*;

#[tokio::test]
async fn a_session_by_tcp_carries_media_both_ways() {
    local(async {
        let (here, mut accepted) = open_and_accept(2, Names::default());
        let to = here.listen().await;
        for ufrag in ["a", "b", "c"] {
            here.know(ufrag);
            let mut caller = Caller::connected(to, ufrag).await;
            let connection = within(accepted.recv()).await.unwrap();
            assert!(connection.path().tcp);
            caller.say(&media(b"media")).await;
            assert_eq!(next(&connection).await, "media");
            connection.send_all(&[packet(b"one"), packet(b"two"), packet(b"three")]);
            for said in ["one", "two", "three"] {
                assert_eq!(caller.hear().await.unwrap(), media(said.as_bytes()));
            }
            let run = [media(b"four"), media(b"five"), media(b"6")].concat();
            connection.pass(connection.path(), &run, media(b"four").len());
            for said in ["four", "five", "6"] {
                assert_eq!(caller.hear().await.unwrap(), media(said.as_bytes()));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn tcp_and_udp_of_a_client_are_one_session_wherever_it_lives() {
    local(async {
        let (here, mut accepted) = open_and_accept(2, Names::default());
        let to = here.listen().await;
        here.know("a");
        let _client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        for _ in 0..4 {
            let mut caller = Caller::connected(to, "a").await;
            caller.say(&media(b"by tcp")).await;
            assert_eq!(next(&connection).await, "by tcp");
            connection.send(&packet(b"back"));
            assert_eq!(caller.hear().await.unwrap(), media(b"back"));
        }
        assert!(accepted.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn each_connection_is_a_session_where_each_address_is() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names { each_address: true, ..Names::default() });
        let to = here.listen().await;
        here.know("a");
        for _ in 0..2 {
            let mut caller = Caller::connected(to, "a").await;
            let connection = within(accepted.recv()).await.unwrap();
            caller.say(&media(b"mine")).await;
            assert_eq!(next(&connection).await, "mine");
            assert_eq!(here.shard_of("a", Some(caller.far())), Some(0));
        }
    })
    .await;
}

#[tokio::test]
async fn what_comes_behind_the_first_frame_at_once_is_not_lost() {
    local(async {
        let (here, mut accepted) = open_and_accept(2, Names::default());
        let to = here.listen().await;
        here.know("a");
        let mut caller = Caller::new(to).await;
        let mut out = bytes::BytesMut::new();
        for _ in 0..3 {
            srs_rtc::frames::write(&mut out, &check("a", &password("a"))).unwrap();
        }
        caller.stream.write_all(&out).await.unwrap();
        for _ in 0..3 {
            assert!(is_success(&caller.hear().await.unwrap(), "a"));
        }
        let _connection = within(accepted.recv()).await.unwrap();
        assert!(accepted.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn a_connection_whose_first_frame_is_nothing_good_is_closed_without_a_word() {
    local(async {
        let (here, _accepted) = open_and_accept(1, Names::default());
        let to = here.listen().await;
        here.know("a");
        let long = [&[0xff; 2][..], &[0; 4000]].concat();
        let firsts = [check("a", "wrong"), check("b", &password("b")), media(b"media"), vec![22; 100]];
        for first in firsts {
            let mut caller = Caller::new(to).await;
            caller.say(&first).await;
            assert_eq!(caller.hear().await, None);
        }
        let mut caller = Caller::new(to).await;
        let _closed = caller.stream.write_all(&long).await;
        assert_eq!(caller.hear().await, None);
        assert!(here.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    local(async {
        let (here, _accepted) = open_and_accept(1, Names::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut caller = Caller::new(listener.local_addr().unwrap()).await;
        let (stream, peer) = listener.accept().await.unwrap();
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        here.serving.tcp(stream, peer).await;
        assert_eq!(began.elapsed().as_secs(), limits::RTC_FIRST.as_secs());
        tokio::time::resume();
        assert_eq!(caller.hear().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_connection_ends_with_its_session_when_all_is_written() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        let to = here.listen().await;
        here.know("a");
        let mut caller = Caller::connected(to, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        connection.send(&packet(b"last"));
        caller.say(&media(b"the end")).await;
        assert_eq!(caller.hear().await.unwrap(), media(b"last"));
        assert_eq!(caller.hear().await, None);
        drop(connection);
        here.until_empty().await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_ends_leaves_its_session_to_other_ways() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        let to = here.listen().await;
        here.know("a");
        let caller = Caller::connected(to, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        drop(caller);
        within(async {
            while here.shards[0].state.borrow().addresses.len() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let client = Client::connected(here.address, "a").await;
        client.send(b"goes on").await;
        assert_eq!(next(&connection).await, "goes on");
    })
    .await;
}

#[tokio::test]
async fn who_is_not_let_in_is_closed() {
    local(async {
        let here = open(1, 100, Names::default(), |knock| async move { drop(knock) });
        let to = here.listen().await;
        here.know("a");
        let mut caller = Caller::new(to).await;
        caller.say(&check("a", &password("a"))).await;
        assert_eq!(caller.hear().await, None);
        here.until_empty().await;
    })
    .await;
}

#[tokio::test]
async fn who_reads_nothing_is_closed_and_holds_no_more_than_its_share() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        let to = here.listen().await;
        here.know("a");
        let caller = Caller::connected(to, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        tokio::time::pause();
        let large = packet(&[7; 1200]);
        let began = tokio::time::Instant::now();
        while here.shards[0].state.borrow().addresses.wire(&caller.far()).is_some() {
            for _ in 0..1000 {
                connection.send(&large);
            }
            tokio::time::sleep(limits::STALL / 20).await;
            if let Some(wire) = here.shards[0].state.borrow().addresses.wire(&caller.far()) {
                assert!(wire.waiting() <= limits::RTC_TCP_BYTES);
            }
        }
        assert!((limits::STALL..limits::STALL * 3).contains(&began.elapsed()), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn places_of_tcp_are_held_as_long_as_the_connection_is_there() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let serving = here.serving.clone();
        let served = async {
            let (stream, peer) = listener.accept().await.unwrap();
            serving.tcp(stream, peer).await;
        };
        let client = async {
            let mut caller = Caller::connected(to, "a").await;
            let connection = within(accepted.recv()).await.unwrap();
            caller.say(&media(b"media")).await;
            assert_eq!(next(&connection).await, "media");
            caller.say(&media(b"the end")).await;
        };
        within(async { tokio::join!(served, client) }).await;
    })
    .await;
}

#[test]
fn a_connection_moves_to_the_thread_where_its_session_lives() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shards = shards::Shards::start(2).unwrap();
    let (handle, slots) = (shards.handle(), crate::tcp::Slots::new(100));
    let port = Port::bind(&[(Ipv4Addr::LOCALHOST, 0).into()], 2).unwrap();
    let listener = crate::tcp::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (udp, tcp) = (port.local_addr(), listener.local_addr().unwrap());
    let door = Arc::new(Names::default());
    door.known.lock().unwrap().push("a".to_owned());
    let (sender, receiver) = std::sync::mpsc::channel();
    let serving = serve(&handle, port, door, slots.clone(), move |knock| {
        let sender = sender.clone();
        async move {
            let connection = knock.accept(Box::new(Plain::new("a")));
            while let Some(Event::Frame(frame)) = connection.event().await {
                sender.send(frame.data).unwrap();
            }
        }
    });
    crate::tcp::serve(&handle, listener, "webrtc", slots, move |stream, peer| {
        let serving = serving.clone();
        async move { serving.tcp(stream, peer).await }
    });
    runtime.block_on(async {
        let _client = Client::connected(udp, "a").await;
        // They are dealt to both in turn.
        for number in 0..4_u8 {
            let mut caller = Caller::connected(tcp, "a").await;
            caller.say(&media(&[number])).await;
            assert_eq!(receiver.recv_timeout(limits::STALL * 2).unwrap(), [number].as_slice());
        }
    });
}

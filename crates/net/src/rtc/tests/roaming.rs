//! Clients with several addresses, and addresses with several clients.

use super::*;

#[tokio::test]
async fn two_addresses_of_a_client_are_one_session() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let first = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        let second = Client::connected(here.address, "a").await;
        assert!(accepted.try_recv().is_err());
        for client in [&first, &second] {
            client.send(b"media").await;
            assert_eq!(next(&connection).await, "media");
        }
        connection.send(&packet(b"to the newest"));
        assert_eq!(second.media().await, b"to the newest");
    })
    .await;
}

#[tokio::test]
async fn where_each_address_is_a_session_two_of_a_client_are_two() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names { each_address: true, ..Names::default() });
        here.know("a");
        let mut all = Vec::new();
        for _ in 0..2 {
            let client = Client::connected(here.address, "a").await;
            all.push((client, within(accepted.recv()).await.unwrap()));
        }
        for (client, connection) in &all {
            client.send(client.address().to_string().as_bytes()).await;
            assert_eq!(next(connection).await, client.address().to_string());
            assert_eq!(here.shard_of("a", Some(client.far())), Some(0));
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_that_the_kernel_deals_elsewhere_belongs_to_the_session() {
    local(async {
        let (here, mut accepted) = open_and_accept(2, Names::default());
        here.know("a");
        let first = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        let own = here.shard_of("a", None).unwrap();
        let second = here.client_on(1 - own).await;
        while accepted.try_recv().is_ok() {}
        second.check("a").await;
        assert!(is_success(&second.hear().await, "a"));
        assert!(accepted.try_recv().is_err());
        for number in 0..100 {
            second.send(format!("{number}").as_bytes()).await;
        }
        for number in 0..100 {
            assert_eq!(next(&connection).await, number.to_string());
        }
        connection.send(&packet(b"to the newest"));
        assert_eq!(second.media().await, b"to the newest");
        assert_eq!(second.socket.try_recv(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        // It is the port that answers.
        second.check("a").await;
        let from = second.socket.recv_from(&mut [0; 2048]).await.unwrap().1;
        assert_eq!(from, here.address);
        drop(first);
    })
    .await;
}

#[tokio::test]
async fn what_another_shard_remembers_is_forgotten_without_checks() {
    local(async {
        let (here, mut accepted) = open_and_accept(2, Names::default());
        here.know("a");
        let _first = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        let own = here.shard_of("a", None).unwrap();
        let second = here.client_on(1 - own).await;
        second.check("a").await;
        second.hear().await;
        let other = &here.shards[1 - own];
        let later = std::time::Instant::now() + limits::RTC_STRAY * 2;
        let before = here.serving.dropped().strangers;
        let path = srs_rtc::Path { peer: second.address(), local: None, tcp: false };
        other.datagram(later, path, &mut media(b"much later"), None, false);
        assert_eq!(here.serving.dropped().strangers, before + 1);
        second.send(b"now").await;
        assert_eq!(next(&connection).await, "now");
    })
    .await;
}

#[tokio::test]
async fn an_address_that_another_client_has_now_is_that_ones() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        here.know("b");
        let client = Client::connected(here.address, "a").await;
        let first = within(accepted.recv()).await.unwrap();
        client.check("b").await;
        assert!(is_success(&client.hear().await, "b"));
        let second = within(accepted.recv()).await.unwrap();
        client.send(b"whose").await;
        assert_eq!(next(&second).await, "whose");
        assert!(poll_fn(|cx| Poll::Ready(first.poll_event(cx).is_pending())).await);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_begins_anew_keeps_its_session() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a.1");
        let client = Client::connected(here.address, "a.1").await;
        let connection = within(accepted.recv()).await.unwrap();
        here.know("a.2");
        let ours = Credentials { ufrag: "a.2".to_owned(), password: password("a.2") };
        let theirs = Credentials { ufrag: "theirs".to_owned(), password: "theirs".to_owned() };
        connection.restart(ours, theirs);
        client.check("a.2").await;
        assert!(is_success(&client.hear().await, "a.2"));
        // It need not be looked for again.
        let finds = here.door.finds.load(Ordering::Relaxed);
        client.check("a.2").await;
        assert!(is_success(&client.hear().await, "a.2"));
        assert_eq!(here.door.finds.load(Ordering::Relaxed), finds);
        assert!(accepted.try_recv().is_err());
    })
    .await;
}

#[tokio::test]
async fn the_address_of_a_session_that_was_silent_longest_goes_when_there_are_too_many() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let mut clients = Vec::new();
        for number in 0..=limits::RTC_ADDRESSES {
            if number == limits::RTC_ADDRESSES {
                let first: &Client = &clients[0];
                first.send(b"still here").await;
                first.check("a").await;
                first.hear().await;
            }
            clients.push(Client::connected(here.address, "a").await);
        }
        let connection = within(accepted.recv()).await.unwrap();
        assert_eq!(next(&connection).await, "still here");
        assert_eq!(here.shards[0].state.borrow().addresses.len(), limits::RTC_ADDRESSES);
        clients[1].send(b"from the silent one").await;
        clients[0].send(b"from the first").await;
        assert_eq!(next(&connection).await, "from the first");
        // A check brings it back.
        clients[1].check("a").await;
        clients[1].hear().await;
        clients[1].send(b"again").await;
        assert_eq!(next(&connection).await, "again");
    })
    .await;
}

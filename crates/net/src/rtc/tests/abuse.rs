//! What strangers do that mean no good.

use super::*;

#[tokio::test]
async fn a_check_with_wrong_integrity_is_nothing_and_gets_nothing() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::new(here.address).await;
        client.say(&check("a", "wrong")).await;
        client.hears_nothing(&here).await;
        assert_eq!(here.serving.dropped().forged, 1);
        assert_eq!(here.shard_of("a", None), None);
        while accepted.try_recv().is_ok() {}
    })
    .await;
}

#[tokio::test]
async fn a_check_with_wrong_integrity_from_another_address_changes_nothing() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::connected(here.address, "a").await;
        let connection = within(accepted.recv()).await.unwrap();
        let stranger = Client::new(here.address).await;
        stranger.say(&check("a", "wrong")).await;
        stranger.send(b"media of a stranger").await;
        stranger.hears_nothing(&here).await;
        connection.send(&packet(b"to the client"));
        assert_eq!(client.media().await, b"to the client");
        assert!(poll_fn(|cx| Poll::Ready(connection.poll_event(cx).is_pending())).await);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_request_from_a_stranger_is_counted_and_no_more() {
    local(async {
        let (here, _accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::new(here.address).await;
        let request = check("a", &password("a"));
        let answer = srs_rtc::stun::success(
            &srs_rtc::stun::Message::read(&request).unwrap(),
            client.address(),
            &password("a"),
        );
        let mut client_hello = vec![22, 254, 253];
        client_hello.resize(200, 0);
        let said =
            [&answer[..], &client_hello, &media(b"media"), &[255; 64], &request[..request.len() - 4], &[0]];
        for datagram in said {
            client.say(datagram).await;
        }
        client.hears_nothing(&here).await;
        assert_eq!(here.serving.dropped().strangers, said.len() as u64);
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_checks_for_nobody_leaves_nothing() {
    local(async {
        let (here, _accepted) = open_and_accept(2, Names::default());
        let flood = Client::new(here.address).await;
        for number in 1..=10_000 {
            flood.say(&check(&number.to_string(), "wrong")).await;
            if number % 50 == 0 {
                // So that none is lost before.
                here.until_dropped(|dropped| dropped.unknown == number).await;
            }
        }
        assert!(here.is_empty());
        assert_eq!((here.slots.used(), here.door.finds.load(Ordering::Relaxed)), (0, 10_000));
        flood.hears_nothing(&here).await;
    })
    .await;
}

#[tokio::test]
async fn who_is_asked_for_is_bounded() {
    local(async {
        let here = open(1, 1000, Names { ask: true, ..Names::default() }, never);
        for number in 0..2 * limits::RTC_ASKED {
            let ufrag = number.to_string();
            here.know(&ufrag);
            Client::new(here.address).await.check(&ufrag).await;
        }
        here.until_dropped(|dropped| dropped.full == limits::RTC_ASKED as u64).await;
        assert_eq!(here.slots.used(), limits::RTC_ASKED);
    })
    .await;
}

#[tokio::test]
async fn a_panic_of_the_door_is_nobody() {
    local(async {
        let (here, mut accepted) = open_and_accept(1, Names::default());
        here.know("a");
        let client = Client::new(here.address).await;
        client.check("panic").await;
        client.check("a").await;
        assert!(is_success(&client.hear().await, "a"));
        within(accepted.recv()).await.unwrap();
        assert_eq!(here.serving.dropped().unknown, 1);
    })
    .await;
}

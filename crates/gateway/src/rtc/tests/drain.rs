//! A node that is being drained: who comes again, and who stays.

use std::time::Duration;

use http::{Method, StatusCode};
use srs_hub::Phase;
use srs_names::envelope::Purpose;
use srs_names::{Inventory as _, Term};
use srs_rtc::Track;
use srs_rtc::engine::Ended;

use super::super::testkit::*;
use crate::Vhost;
use crate::config::{Publish, To};
use crate::testkit::{begin, claimed, envelope, key, publisher};

fn holding() -> Doors {
    let publish = Publish { hold: Duration::from_secs(60), ..Publish::default() };
    doors_with(Vhost { publish, ..vhost() }, |config| config)
}

/// A stream that is published through a proxy, and watched.
async fn watched(doors: &Doors) -> (Streaming, Peer) {
    let publisher = doors.publish_by(&claimed(6), WHIP, &BOTH).await.stream();
    doors.until_phase("a", |phase| phase == Some(Phase::Live)).await;
    let mut player = doors.play(WHEP, &BOTH).await;
    player.packet(Track::Video).await;
    (publisher, player)
}

#[test]
fn a_publisher_that_came_through_a_proxy_is_to_come_again_and_its_viewers_are_held() {
    run(async {
        let doors = holding();
        let (publisher, player) = watched(&doors).await;
        doors.gateway.drain(true);
        doors.until_phase("a", |phase| phase == Some(Phase::Held)).await;
        assert_eq!(publisher.stop().await.ended().await, Ended::Peer);
        assert_eq!(doors.gateway.publishers(), 0);
        assert!(!player.is_over());
    });
}

#[test]
fn viewers_come_again_once_their_stream_is_published_elsewhere() {
    run(async {
        let doors = holding();
        let (publisher, mut player) = watched(&doors).await;
        doors.gateway.drain(true);
        doors.until_phase("a", |phase| phase == Some(Phase::Held)).await;
        let term = Term { domain: "d".to_owned(), epoch: 7, resumed: false };
        assert!(doors.gateway.fence(&key("a"), &term));
        assert_eq!(player.ended().await, Ended::Peer);
        drop(publisher);
    });
}

#[test]
fn who_came_by_itself_stays() {
    run(async {
        let doors = holding();
        let direct = doors.publish("/rtc/v1/whip/?app=live&stream=b", &BOTH).await.stream();
        doors.until_phase("b", |phase| phase == Some(Phase::Live)).await;
        let (publisher, _player) = watched(&doors).await;
        doors.gateway.drain(true);
        doors.until_phase("a", |phase| phase == Some(Phase::Held)).await;
        // Its turn would have been the first one.
        assert!(!direct.stop().await.is_over());
        assert_eq!(doors.gateway.publishers(), 1);
        drop(publisher);
    });
}

#[test]
fn players_that_came_through_a_proxy_leave_where_their_stream_is_fetched() {
    run(async {
        let publish = Publish { to: To::Nowhere, ..Publish::default() };
        let doors = doors_with(Vhost { publish, ..vhost() }, |config| config);
        let source = publisher(&doors.gateway, "a");
        begin(&source);
        let mut sent = doors.play_by(&envelope(Purpose::Relay), WHEP, &BOTH).await;
        let direct = doors.play(WHEP, &BOTH).await;
        doors.gateway.drain(true);
        assert_eq!(sent.ended().await, Ended::Peer);
        assert!(!direct.is_over());
        drop(source);
    });
}

#[test]
fn all_sessions_are_told_when_the_process_is_to_end() {
    run(async {
        let doors = holding();
        let (publisher, mut player) = watched(&doors).await;
        let waiting = doors.ask(post(WHEP, offer_to_play(&BOTH))).await;
        doors.gateway.end_rtc().await;
        assert_eq!(player.ended().await, Ended::Peer);
        assert_eq!(publisher.stop().await.ended().await, Ended::Peer);
        assert_eq!(doors.gateway.hub.phase(&key("a")), Some(Phase::Held), "for viewers that go elsewhere");
        let place = head(&waiting, "location").to_owned();
        let gone = doors.ask(request(Method::DELETE, &place, "")).await;
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
        let late = doors.ask(post(WHEP, offer_to_play(&BOTH))).await;
        assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE, "it would hear of no end");
    });
}

//! A store that stops, dies, comes back empty.

use super::*;

#[test]
fn a_store_that_comes_back_empty_is_filled_again_within_three_seconds() {
    run(async {
        let mut server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1"));
        origin.publishes(STREAM, 7);
        found_at(&edge, STREAM, "o1").await;
        server.restart().await;
        let begun = Instant::now();
        until("the key", async || (!server.get(VALUE).await.is_empty()).then_some(())).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(found_at(&edge, STREAM, "o1").await.0.owner.unwrap().epoch, 7);
    });
}

#[test]
fn a_store_that_was_emptied_is_filled_again_within_three_seconds() {
    run(async {
        let server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1"));
        origin.publishes(STREAM, 7);
        found_at(&edge, STREAM, "o1").await;
        server.ask(&["FLUSHALL"]).await;
        let (_, time) = until("the key", async || (!server.get(VALUE).await.is_empty()).then_some(())).await;
        assert!(time < Duration::from_secs(3), "{time:?}");
    });
}

#[test]
fn a_stream_that_began_while_the_store_was_away_is_announced_when_it_is_back() {
    run(async {
        let mut server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1"));
        origin.publishes(STREAM, 7);
        found_at(&edge, STREAM, "o1").await;
        server.kill();
        until("the loss", async || edge.find(&key("v/live/b")).await.err()).await;
        origin.publishes("v/live/b", 8);
        server.restart().await;
        let (_, time) = found_at(&edge, "v/live/b", "o1").await;
        assert!(time < Duration::from_secs(3), "{time:?}");
    });
}

#[test]
fn a_known_stream_is_answered_at_once_while_the_store_is_away_and_until_it_is_filled_again() {
    run(async {
        let mut server = Server::start().await;
        let edge = server.edge();
        let origin = server.origin("o1");
        origin.publishes(STREAM, 7);
        found_at(&edge, STREAM, "o1").await;
        server.kill();
        for _ in 0..3 {
            let begun = Instant::now();
            let found = edge.find(&key(STREAM)).await.unwrap().unwrap();
            assert!(begun.elapsed() < Duration::from_millis(50), "{:?}", begun.elapsed());
            assert_eq!((found.target.host.as_str(), found.cached), ("o1", true));
        }
        let unknown = edge.find(&key("v/live/never seen")).await.unwrap_err();
        assert!(unknown.to_string().contains("is away"), "{unknown}");
        // The origin is not there to fill it.
        drop(origin);
        server.restart().await;
        until("the store", async || edge.find(&key("v/live/never seen")).await.ok()).await;
        let found = edge.find(&key(STREAM)).await.unwrap().unwrap();
        assert!(found.cached);
        let time = gone(&edge, STREAM).await;
        assert!(time < REFILL + Duration::from_secs(1), "{time:?}");
    });
}

#[test]
fn a_store_that_stands_still_costs_three_short_waits_and_then_none() {
    run(async {
        let server = Server::start().await;
        let edge = open(&server.settings(None), "edge", "v", PATIENCE);
        until("the store", async || edge.find(&key(STREAM)).await.ok()).await;
        server.signal("STOP");
        let mut waits = Vec::new();
        for _ in 0..4 {
            let begun = Instant::now();
            assert!(edge.find(&key(STREAM)).await.is_err());
            waits.push(begun.elapsed());
        }
        // The quickest: a busy machine wakes us late.
        assert!(waits[..3].iter().min().unwrap() <= &Duration::from_millis(60), "{waits:?}");
        assert!(waits[3] < Duration::from_millis(10), "{waits:?}");
        server.signal("CONT");
        let (_, time) = until("an answer", async || edge.find(&key(STREAM)).await.ok()).await;
        assert!(time < Duration::from_secs(3), "{time:?}");
    });
}

#[test]
fn a_store_in_another_part_of_the_world_serves_as_well() {
    run(async {
        let server = Server::start().await;
        let origin = server.origin("o1");
        origin.publishes(STREAM, 7);
        found_at(&server.edge(), STREAM, "o1").await;
        // A round trip of 80 ms, where 50 are enough for one nearby.
        let port = server.far(Duration::from_millis(40)).await;
        let far = Settings { redis: format!("127.0.0.1:{port}"), ..server.settings(None) };
        let edge = open(&far, "edge", "v", PATIENCE);
        let (found, _) = found_at(&edge, STREAM, "o1").await;
        assert!(!found.cached);
        for _ in 0..5 {
            assert!(!edge.find(&key(STREAM)).await.unwrap().unwrap().cached);
        }
    });
}

#[test]
fn a_start_without_a_store_waits_for_nothing() {
    run(async {
        let mut server = Server::start().await;
        server.kill();
        let begun = Instant::now();
        let edge = open(&server.settings(None), "edge", "v", PATIENCE);
        let origin = server.origin("o1");
        origin.publishes(STREAM, 7);
        assert!(edge.find(&key(STREAM)).await.is_err());
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
        server.restart().await;
        found_at(&edge, STREAM, "o1").await;
    });
}

#[test]
fn an_outage_is_one_line_when_it_begins_and_one_when_it_ends() {
    run(async {
        let mut server = Server::start().await;
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let edge = server.edge();
        until("the store", async || edge.find(&key(STREAM)).await.ok()).await;
        server.kill();
        for _ in 0..20 {
            until("the loss", async || edge.find(&key(STREAM)).await.err()).await;
        }
        server.restart().await;
        until("the store", async || edge.find(&key(STREAM)).await.ok()).await;
        assert_eq!((lines.that_hold("is there"), lines.that_hold("is away")), (2, 1));
    });
}

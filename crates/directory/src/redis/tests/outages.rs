//! A server that stops, dies, comes back empty.

use super::*;
use std::sync::Mutex;
use tracing::field::{Field, Visit};
use tracing::span;

/// Claims, and gives back what comes of it and how long it took.
async fn timed(redis: &Redis, epoch: u64) -> (Result<(), Error>, Duration) {
    let begun = Instant::now();
    let outcome = redis.claim(&ask("timed", "a", epoch), None, LEASE, NOW).await;
    (outcome, begun.elapsed())
}

/// Waits until there is an answer again.
async fn answers(redis: &Redis) {
    until("an answer", async || redis.lookup(&key("s"), NOW).await.ok()).await;
}

#[test]
fn a_server_that_stands_still_costs_three_short_waits_and_then_none() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", PATIENCE).await;
        server.signal("STOP");
        let mut waits = Vec::new();
        for epoch in 0..3 {
            let (outcome, time) = timed(&redis, 10 + epoch).await;
            assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
            waits.push(time);
        }
        // The quickest: a busy machine wakes us late.
        assert!(waits.iter().min().unwrap() <= &Duration::from_millis(60), "{waits:?}");
        let (outcome, time) = timed(&redis, 20).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        assert!(time < Duration::from_millis(10), "{time:?}");
        server.signal("CONT");
        let begun = Instant::now();
        answers(&redis).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_server_that_comes_back_empty_is_told_what_runs() {
    run(async {
        let mut server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        assert_eq!(redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()));
        let generation = redis.generation();
        server.restart().await;
        answers(&redis).await;
        assert_ne!(redis.generation(), generation);
        assert_eq!(redis.lookup(&key("s"), NOW).await, Ok(None));
        assert_eq!(redis.renew(&ask("s", "a", 10), LEASE, NOW).await, Ok(()));
        assert_eq!(redis.lookup(&key("s"), NOW).await, Ok(Some(ask("s", "a", 10))));
    });
}

#[test]
fn a_server_that_was_emptied_is_noticed_within_two_seconds() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        let generation = redis.generation();
        server.ask(&["FLUSHALL"]).await;
        let begun = Instant::now();
        until("another generation", async || (redis.generation() != generation).then_some(())).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert!(redis.is_there());
    });
}

#[test]
fn a_server_that_nothing_befell_keeps_its_generation() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        let [canary] = [redis.keys.canary(&NodeId::new("p1").unwrap())];
        let generation = redis.generation();
        // The canary counts on: it was written three times more.
        let first = server.ask(&["GET", &canary]).await;
        let mut seen = BTreeSet::from([first]);
        until("three more", async || {
            seen.insert(server.ask(&["GET", &canary]).await);
            (seen.len() > 3).then_some(())
        })
        .await;
        assert_eq!(redis.generation(), generation);
    });
}

#[test]
fn a_start_without_a_server_waits_for_nothing() {
    run(async {
        let mut server = Server::start().await;
        let target = server.target();
        server.kill();
        let begun = Instant::now();
        let redis = Redis::start_with(target, &NodeId::new("p1").unwrap(), LENIENT);
        let outcome = redis.lookup(&key("s"), NOW).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(1));
        server.restart().await;
        answers(&redis).await;
    });
}

/// Keeps what is logged on this thread.
struct Lines(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("srs_directory")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn an_outage_is_one_line_when_it_begins_and_one_when_it_ends() {
    run(async {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let _guard = tracing::subscriber::set_default(Lines(Arc::clone(&lines)));
        let mut server = Server::start_with(&["--requirepass", "hunter2"]).await;
        let target = target(&format!("redis://:hunter2@{}", server.host()));
        let redis = connected(target, "p1", LENIENT).await;
        server.kill();
        let failed = async || redis.lookup(&key("s"), NOW).await.err();
        until("the loss to be noticed", failed).await;
        // Attempts go on meanwhile, and fail.
        let listener = tokio::net::TcpListener::bind(server.host()).await.unwrap();
        for _ in 0..2 {
            drop(listener.accept().await.unwrap());
            assert!(failed().await.is_some());
        }
        drop(listener);
        server.restart().await;
        answers(&redis).await;
        let lines = lines.lock().unwrap().clone();
        let levels: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(levels, ["INFO", "WARN", "INFO"], "{lines:#?}");
        assert!(
            lines.iter().all(|line| line.contains(&server.host()) && !line.contains("hunter2")),
            "{lines:#?}"
        );
    });
}

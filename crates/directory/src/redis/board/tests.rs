//! What proxies see of each other's beats.

use super::super::Redis;
use super::super::testkit::{LENIENT, Server, connected, run, until};
use super::*;
use crate::Board as _;

fn beat(name: &str, body: &str) -> Beat {
    Beat {
        id: NodeId::new(name).unwrap(),
        body: Bytes::from(body.to_owned()),
        local: true,
        host: "h".to_owned(),
    }
}

async fn two(server: &Server) -> [Arc<Redis>; 2] {
    let target = server.target();
    [connected(target.clone(), "p1", LENIENT).await, connected(target, "p2", LENIENT).await]
}

/// What comes within two polls; nothing is a fact, too.
async fn soon(redis: &Redis) -> Vec<Beat> {
    tokio::time::timeout(POLL * 2, redis.news()).await.unwrap_or_default()
}

#[test]
fn proxies_see_the_beats_of_each_other_and_not_their_own() {
    run(async {
        let server = Server::start().await;
        let [one, two] = two(&server).await;
        let began = Instant::now();
        one.post(beat("a", "of one\nand more"));
        two.post(beat("b", "of two"));
        assert_eq!(one.news().await, [beat("b", "of two")]);
        assert_eq!(two.news().await, [beat("a", "of one\nand more")]);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        // Their own are no news, and neither is what does not change.
        one.post(beat("c", ""));
        assert_eq!(two.news().await, [beat("c", "")]);
        two.post(beat("d", ""));
        assert_eq!(one.news().await, [beat("d", "")]);
    });
}

#[test]
fn the_same_beat_again_is_news() {
    run(async {
        let server = Server::start().await;
        let [one, two] = two(&server).await;
        for _ in 0..3 {
            one.post(beat("a", "alive"));
            assert_eq!(two.news().await, [beat("a", "alive")]);
        }
    });
}

#[test]
fn of_several_beats_of_a_node_the_newest_is_shown() {
    run(async {
        let server = Server::start().await;
        let [one, two] = two(&server).await;
        for number in 0..100 {
            one.post(beat("a", &number.to_string()));
        }
        let mut last = Vec::new();
        while last != [beat("a", "99")] {
            last = two.news().await;
        }
    });
}

#[test]
fn a_beat_that_is_too_long_is_not_shown() {
    run(async {
        let server = Server::start().await;
        let [one, two] = two(&server).await;
        one.post(beat("long", &"x".repeat(MAX_BODY + 1)));
        one.post(beat("longest", &"x".repeat(MAX_BODY)));
        let news = two.news().await;
        assert_eq!(news.len(), 1);
        assert_eq!((news[0].id.as_str(), news[0].body.len()), ("longest", MAX_BODY));
    });
}

#[test]
fn a_thousand_nodes_are_shown_and_no_more() {
    run(async {
        let server = Server::start().await;
        let [one, two] = two(&server).await;
        for number in 0..MAX_NODES {
            one.post(beat(&format!("n{number}"), "{}"));
        }
        let mut seen = HashSet::new();
        while seen.len() < MAX_NODES {
            seen.extend(two.news().await.into_iter().map(|beat| beat.id));
        }
        until("one to see them all", async || (lock(&one.desk.shown).len() == MAX_NODES).then_some(())).await;
        one.post(beat("one more", "{}"));
        one.post(beat("n0", "still"));
        assert_eq!(two.news().await, [beat("n0", "still")]);
        assert_eq!(server.number(&["ZCARD", &one.keys.nodes()]).await, MAX_NODES as i64);
    });
}

#[test]
fn a_node_whose_key_is_gone_leaves_the_index() {
    run(async {
        let server = Server::start().await;
        let [one, two] = two(&server).await;
        let index = one.keys.nodes();
        server.ask(&["ZADD", &index, "5", "gone", "6", "\n no id"]).await;
        one.post(beat("a", "{}"));
        assert_eq!(two.news().await, [beat("a", "{}")]);
        until("it to leave", async || (server.number(&["ZCARD", &index]).await == 2).then_some(())).await;
    });
}

#[test]
fn a_beat_that_cannot_be_read_disturbs_no_other() {
    run(async {
        let server = Server::start().await;
        let [one, two] = two(&server).await;
        let deep = format!("{{\"v\":{}", "[".repeat(1_000));
        let newer = r#"{"v":2,"proxy":"p","run":"r","seq":1,"local":true,"host":"h"}"#;
        for (name, value) in [("w", "garbage"), ("x", &*format!("{deep}\n")), ("y", &*format!("{newer}\n"))] {
            let id = NodeId::new(name).unwrap();
            server.ask(&["SET", &one.keys.node(&id), value, "PX", "10000"]).await;
            server.ask(&["ZADD", &one.keys.nodes(), "5", name]).await;
        }
        server.ask(&["RPUSH", &one.keys.node(&NodeId::new("list").unwrap()), "x"]).await;
        server.ask(&["ZADD", &one.keys.nodes(), "5", "list"]).await;
        for _ in 0..3 {
            one.post(beat("z", "{}"));
            assert_eq!(two.news().await, [beat("z", "{}")]);
        }
        // A newer proxy can read what we cannot.
        assert_eq!(server.number(&["ZCARD", &one.keys.nodes()]).await, 5);
    });
}

#[test]
fn beats_posted_while_redis_is_away_cost_nothing_and_the_next_is_shown() {
    run(async {
        let mut server = Server::start().await;
        let [one, two] = two(&server).await;
        server.kill();
        for _ in 0..10_000 {
            one.post(beat("a", "lost"));
        }
        server.restart().await;
        let news = until("news", async || {
            one.post(beat("a", "{}"));
            let news = soon(&two).await;
            (!news.is_empty()).then_some(news)
        })
        .await;
        assert_eq!(news, [beat("a", "{}")]);
    });
}

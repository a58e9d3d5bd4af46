//! What origins and edges promise each other over a real redis-server.

use super::testkit::*;
use super::*;
use crate::plan::Scheme;
use std::collections::BTreeSet;
use tokio::time::Instant;

mod outages;

const STREAM: &str = "v/live/a";
const VALUE: &str = "srs:map:{v/live/a}";

/// Waits until an edge finds the stream at this origin.
async fn found_at(edge: &Store, stream: &str, host: &str) -> (Found, Duration) {
    until(host, async || {
        let found = edge.find(&key(stream)).await.ok().flatten()?;
        (found.target.host == host && !found.cached).then_some(found)
    })
    .await
}

async fn gone(edge: &Store, stream: &str) -> Duration {
    until("the end", async || edge.find(&key(stream)).await.is_ok_and(|found| found.is_none()).then_some(()))
        .await
        .1
}

/// How many scripts were run: each is an origin's attempt at one stream.
async fn scripts(server: &Server) -> u64 {
    let said = server.ask(&["INFO", "commandstats"]).await;
    let of = |name: &str| -> u64 {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
    };
    of("cmdstat_eval:calls=") + of("cmdstat_evalsha:calls=")
}

/// Waits until origins made so many more attempts, through which this text stands under the key at all times.
async fn stays(server: &Server, name: &str, text: &str, attempts: u64) {
    let before = scripts(server).await;
    until("more attempts", async || {
        assert_eq!(server.get(name).await, text);
        (scripts(server).await >= before + attempts).then_some(())
    })
    .await;
    assert_eq!(server.get(name).await, text);
}

#[test]
fn a_stream_is_found_within_a_second_of_its_publish_and_not_after_its_end() {
    run(async {
        let server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1.example"));
        assert_eq!(edge.find(&key(STREAM)).await, Ok(None));
        origin.publishes(STREAM, 7);
        let (found, time) = found_at(&edge, STREAM, "o1.example").await;
        assert!(time < Duration::from_secs(1), "{time:?}");
        assert_eq!(found.url, "rtmp://o1.example:1935/live/a");
        assert_eq!((found.target.path.as_str(), found.target.vhost.as_deref()), ("/live/a", Some("v")));
        let owner = found.owner.unwrap();
        assert_eq!((owner.node.as_str(), owner.epoch), ("o1.example", 7));
        assert_eq!(server.get(VALUE).await, "rtmp://o1.example:1935/live/a");
        origin.ends(STREAM);
        // What is missing is believed when the connection is some seconds old.
        until("a connection of some age", async || (edge.0.link.age() > REFILL).then_some(())).await;
        origin.publishes(STREAM, 8);
        found_at(&edge, STREAM, "o1.example").await;
        origin.ends(STREAM);
        let time = gone(&edge, STREAM).await;
        assert!(time < Duration::from_secs(1), "{time:?}");
        assert_eq!(server.scan().await, Vec::<String>::new());
    });
}

#[test]
fn the_higher_epoch_takes_over_and_the_stale_owner_neither_overwrites_nor_deletes() {
    run(async {
        let server = Server::start().await;
        let (edge, stale, newer) = (server.edge(), server.origin("o1"), server.origin("o2"));
        stale.publishes(STREAM, 10);
        found_at(&edge, STREAM, "o1").await;
        newer.publishes(STREAM, 11);
        let (found, time) = found_at(&edge, STREAM, "o2").await;
        assert!(time < Duration::from_secs(1), "{time:?}");
        assert_eq!(found.owner.unwrap().epoch, 11);
        // Each of both tries again, and then the stale one takes its own back.
        stays(&server, VALUE, "rtmp://o2:1935/live/a", 3).await;
        stale.ends(STREAM);
        stays(&server, VALUE, "rtmp://o2:1935/live/a", 2).await;
        assert_eq!(found_at(&edge, STREAM, "o2").await.0.owner.unwrap().epoch, 11);
    });
}

#[test]
fn an_origin_that_is_refused_gets_the_stream_when_the_other_one_ends() {
    run(async {
        let server = Server::start().await;
        let (edge, first, second) = (server.edge(), server.origin("o1"), server.origin("o2"));
        first.publishes(STREAM, 11);
        found_at(&edge, STREAM, "o1").await;
        second.publishes(STREAM, 10);
        stays(&server, VALUE, "rtmp://o1:1935/live/a", 2).await;
        first.ends(STREAM);
        let (_, time) = found_at(&edge, STREAM, "o2").await;
        assert!(time < Duration::from_secs(4), "{time:?}");
    });
}

#[test]
fn an_origin_that_died_is_followed_when_its_time_limit_is_over() {
    run(async {
        let server = Server::start().await;
        let (edge, dead, second) = (server.edge(), server.origin("o1"), server.origin("o2"));
        dead.publishes(STREAM, 11);
        found_at(&edge, STREAM, "o1").await;
        drop(dead);
        second.publishes(STREAM, 10);
        let (_, time) = found_at(&edge, STREAM, "o2").await;
        assert!(time < LIFE + Duration::from_secs(1), "{time:?}");
    });
}

#[test]
fn equal_epochs_stay_with_the_first_unless_the_place_is_the_same() {
    run(async {
        let server = Server::start().await;
        let (edge, first, second) = (server.edge(), server.origin("o1"), server.origin("o2"));
        first.publishes(STREAM, 10);
        found_at(&edge, STREAM, "o1").await;
        second.publishes(STREAM, 10);
        stays(&server, VALUE, "rtmp://o1:1935/live/a", 2).await;
        let before = found_at(&edge, STREAM, "o1").await.0.owner.unwrap();
        // Another run of the same node.
        drop(first);
        let again = server.origin("o1");
        again.publishes(STREAM, 10);
        let (after, _) = until("the other run", async || {
            let owner = edge.find(&key(STREAM)).await.ok()??.owner?;
            (owner.instance != before.instance).then_some(owner)
        })
        .await;
        assert_eq!(after.node, before.node);
    });
}

#[test]
fn a_node_that_leaves_takes_back_what_it_announced() {
    run(async {
        let server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1"));
        for number in 0..3 {
            origin.publishes(&format!("v/live/{number}"), 1);
        }
        found_at(&edge, "v/live/2", "o1").await;
        origin.store.leave().await;
        assert_eq!(server.scan().await, Vec::<String>::new());
    });
}

#[test]
fn a_node_does_not_find_itself() {
    run(async {
        let server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1"));
        origin.publishes(STREAM, 1);
        found_at(&edge, STREAM, "o1").await;
        assert_eq!(origin.store.find(&key(STREAM)).await, Ok(None));
    });
}

#[test]
fn a_node_without_a_host_name_announces_nothing() {
    run(async {
        let server = Server::start().await;
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let nameless = Origin::new(&server.settings(None), "o1", "v");
        nameless.publishes(STREAM, 1);
        let other = server.origin("o2");
        other.publishes("v/live/b", 1);
        found_at(&nameless.store, "v/live/b", "o2").await;
        assert_eq!(nameless.store.find(&key(STREAM)).await, Ok(None));
        assert_eq!(lines.that_hold("announces none"), 1);
    });
}

#[test]
fn urls_of_other_programs_are_found_and_never_overwritten() {
    run(async {
        let server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1"));
        for (url, scheme, host) in [
            ("rtsp://10.0.0.2:554/cam/a?transport=tcp", Scheme::Rtsp, "10.0.0.2"),
            ("http://h/live/a.flv", Scheme::Http, "h"),
            ("rtmp://elsewhere/live/a", Scheme::Rtmp, "elsewhere"),
        ] {
            server.ask(&["SET", VALUE, url]).await;
            let (found, _) = found_at(&edge, STREAM, host).await;
            assert_eq!((found.url.as_str(), found.target.scheme), (url, scheme));
            assert_eq!((found.owner, found.target.vhost), (None, None));
        }
        origin.publishes(STREAM, u64::MAX);
        stays(&server, VALUE, "rtmp://elsewhere/live/a", 2).await;
        // With a time limit it gives way when that is over.
        server.ask(&["PEXPIRE", VALUE, "100"]).await;
        let (_, time) = found_at(&edge, STREAM, "o1").await;
        assert!(time < Duration::from_secs(3), "{time:?}");
        // Written over a record of ours, which does not go with it.
        server.ask(&["SET", VALUE, "rtsp://10.0.0.2/cam/a"]).await;
        stays(&server, VALUE, "rtsp://10.0.0.2/cam/a", 1).await;
        assert_eq!(found_at(&edge, STREAM, "10.0.0.2").await.0.owner, None);
        origin.ends(STREAM);
        stays(&server, VALUE, "rtsp://10.0.0.2/cam/a", 1).await;
    });
}

#[test]
fn ovt_values_are_skipped_with_one_line_per_key() {
    run(async {
        let server = Server::start().await;
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let edge = open(&Settings { compatible: true, ..server.settings(None) }, "edge", "v", LENIENT);
        for name in ["live/a", "live/b"] {
            server.ask(&["SET", name, &format!("ovt://h:9000/{name}")]).await;
        }
        for _ in 0..5 {
            assert_eq!(edge.find(&key("v/live/a")).await, Ok(None));
            assert_eq!(edge.find(&key("v/live/b")).await, Ok(None));
        }
        assert_eq!(lines.that_hold("ovt is not built"), 2);
    });
}

#[test]
fn compatible_nodes_use_ovenmediaengines_key_with_the_same_care() {
    run(async {
        let server = Server::start().await;
        let compatible = |name| Settings { compatible: true, ..server.settings(name) };
        let edge = open(&compatible(None), "edge", "v", LENIENT);
        let plain_edge = server.edge();
        server.ask(&["SET", "cam/x", "rtsp://10.0.0.2/x"]).await;
        found_at(&edge, "v/cam/x", "10.0.0.2").await;
        assert_eq!(plain_edge.find(&key("v/cam/x")).await, Ok(None));
        let first = Origin::new(&compatible(Some("o1")), "o1", DEFAULT);
        let second = Origin::new(&compatible(Some("o2")), "o2", DEFAULT);
        let stream = format!("{DEFAULT}/live/a");
        first.publishes(&stream, 10);
        found_at(&edge, "v/live/a", "o1").await;
        assert_eq!(server.get("live/a").await, "rtmp://o1:1935/live/a");
        second.publishes(&stream, 11);
        found_at(&edge, "v/live/a", "o2").await;
        stays(&server, "live/a", "rtmp://o2:1935/live/a", 2).await;
        first.ends(&stream);
        stays(&server, "live/a", "rtmp://o2:1935/live/a", 2).await;
        // Another program's stays.
        server.ask(&["SET", "live/a", "rtmp://elsewhere/live/a"]).await;
        stays(&server, "live/a", "rtmp://elsewhere/live/a", 1).await;
        second.ends(&stream);
        gone(&plain_edge, &stream).await;
        assert_eq!(server.get("live/a").await, "rtmp://elsewhere/live/a");
    });
}

const DEFAULT: &str = srs_names::DEFAULT_VHOST;

#[test]
fn an_origin_may_be_named_by_an_ipv6_address() {
    run(async {
        let server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("[2001:db8::7]"));
        origin.publishes(STREAM, 1);
        let (found, _) = found_at(&edge, STREAM, "2001:db8::7").await;
        assert_eq!((found.url.as_str(), found.target.port), ("rtmp://[2001:db8::7]:1935/live/a", 1935));
    });
}

#[test]
fn streams_of_the_same_name_in_two_vhosts_do_not_collide() {
    run(async {
        let server = Server::start().await;
        let edge = server.edge();
        let one = Origin::new(&server.settings(Some("o1")), "o1", "one");
        let two = Origin::new(&server.settings(Some("o2")), "o2", "two");
        for origin in [&one, &two] {
            // Those of other vhosts are for their own stores.
            origin.publishes("one/live/a", 1);
            origin.publishes("two/live/a", 2);
        }
        assert_eq!(found_at(&edge, "one/live/a", "o1").await.0.target.vhost.as_deref(), Some("one"));
        assert_eq!(found_at(&edge, "two/live/a", "o2").await.0.target.vhost.as_deref(), Some("two"));
        assert_eq!(server.scan().await.len(), 4);
    });
}

#[test]
fn every_key_has_a_time_limit_and_every_command_is_of_redis_5() {
    run(async {
        let server = Server::start().await;
        let compatible = Settings { compatible: true, ..server.settings(Some("o1")) };
        let (edge, origin) = (server.edge(), Origin::new(&compatible, "o1", "v"));
        origin.publishes(STREAM, 1);
        origin.publishes("v/live/b", 1);
        let other = server.origin("o2");
        other.publishes(STREAM, 0);
        found_at(&edge, STREAM, "o1").await;
        found_at(&edge, "v/live/b", "o1").await;
        let limits = async || {
            let mut least = i64::MAX;
            for key in server.scan().await {
                let left: i64 = server.ask(&["PTTL", &key]).await.trim_start_matches(':').parse().unwrap();
                assert!((1..=10_000).contains(&left), "{key}: {left}");
                least = least.min(left);
            }
            least
        };
        assert_eq!(server.scan().await.len(), 6);
        until("some time to pass", async || (limits().await < 8_500).then_some(())).await;
        until("the refresh", async || (limits().await > 9_500).then_some(())).await;
        origin.ends(STREAM);
        let before = scripts(&server).await;
        until("another", async || (scripts(&server).await > before).then_some(())).await;
        let statistics = server.ask(&["INFO", "commandstats"]).await;
        let used = statistics.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next());
        let known: BTreeSet<&str> =
            "del eval evalsha get mget ping pttl set info scan command".split(' ').collect();
        let strange: Vec<&str> = used.filter(|name| !known.contains(name)).collect();
        assert!(strange.is_empty(), "{strange:?}");
    });
}

#[test]
fn many_streams_are_announced_in_few_round_trips() {
    const MANY: usize = 2_000;
    run(async {
        let server = Server::start().await;
        let (edge, origin) = (server.edge(), server.origin("o1"));
        for number in 0..MANY {
            origin.publishes(&format!("v/live/{number}"), 1);
        }
        let (_, time) = until("all", async || (server.scan().await.len() == 2 * MANY).then_some(())).await;
        assert!(time < Duration::from_secs(5), "{time:?}");
        let said = server.ask(&["INFO", "stats"]).await;
        let reads = said.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
        // What this test asked by hand counts, too.
        assert!(reads.unwrap().parse::<usize>().unwrap() < MANY, "{reads:?}");
        assert!(edge.find(&key("v/live/7")).await.unwrap().is_some());
    });
}

#[test]
fn a_password_opens_and_a_wrong_one_does_not() {
    run(async {
        let server = Server::start().await;
        server.ask(&["CONFIG", "SET", "requirepass", "!@#ovenmediaengine"]).await;
        let with = |auth: &str| Settings { auth: Some(auth.to_owned()), ..server.settings(None) };
        let good = open(&with("!@#ovenmediaengine"), "edge", "v", LENIENT);
        assert_eq!(good.find(&key(STREAM)).await, Ok(None));
        let wrong = open(&with("hunter2"), "edge", "v", LENIENT);
        let said = wrong.find(&key(STREAM)).await.unwrap_err().to_string();
        assert!(said.contains("authentication failed") && !said.contains("hunter2"), "{said}");
    });
}

#[test]
fn a_store_that_speaks_no_tls_is_away_where_tls_is_wanted() {
    run(async {
        let server = Server::start().await;
        let url = format!("rediss://127.0.0.1:{}", server.port);
        let edge = open(&Settings { redis: url, ..server.settings(None) }, "edge", "v", LENIENT);
        let said = edge.find(&key(STREAM)).await.unwrap_err().to_string();
        assert!(!said.contains("gave up") && !said.contains("not connected"), "{said}");
    });
}

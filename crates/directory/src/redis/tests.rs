//! The directory's promises on a real server, and what stands in it.

mod faults;
mod many;
mod outages;
mod secure;

use super::testkit::{LENIENT, Real, Server, connected, run, target, until};
use super::*;
use srs_balance::directory::contract::{ask, key};
use std::collections::BTreeSet;

const LEASE: Duration = Duration::from_secs(30);
const NOW: Duration = Duration::ZERO;

async fn real() -> Real<Server> {
    let server = Server::start().await;
    let target = server.target();
    Real::new(server, target).await
}

srs_balance::contract!(one_server, run, real());

#[test]
fn an_epoch_is_compared_to_its_last_digit() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        // As floating-point numbers these are the same.
        let (low, high) = (u64::MAX - 1, u64::MAX);
        assert_eq!(redis.claim(&ask("s", "a", low), None, LEASE, NOW).await, Ok(()));
        assert_eq!(redis.renew(&ask("s", "b", high), LEASE, NOW).await, Ok(()));
        let refused = redis.renew(&ask("s", "a", low), LEASE, NOW).await;
        assert_eq!(refused, Err(Error::Held(ask("s", "b", high))));
    });
}

#[test]
fn one_of_many_that_race_for_a_key_wins() {
    run(async {
        let server = Server::start().await;
        let target = server.target();
        let [one, two] =
            [connected(target.clone(), "p1", LENIENT).await, connected(target, "p2", LENIENT).await];
        let mut tasks = Vec::new();
        for number in 0..32_u64 {
            let redis = Arc::clone(if number % 2 == 0 { &one } else { &two });
            tasks.push(tokio::spawn(async move {
                let ask = ask("s", &format!("n{number}"), 100 + number);
                redis.claim(&ask, None, LEASE, NOW).await.map(|()| ask)
            }));
        }
        let mut winners = Vec::new();
        let mut told = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(claim) => winners.push(claim),
                Err(Error::Held(claim)) => told.push(claim),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert!(told.iter().all(|claim| *claim == winners[0]));
        assert_eq!(one.lookup(&key("s"), NOW).await, Ok(winners.pop()));
    });
}

#[test]
fn every_key_has_a_time_limit_and_every_command_is_of_redis_5() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        let other = connected(target(&format!("redis://{}/0", server.host())), "p2", LENIENT).await;
        for name in ["a", "b", "c{d}"] {
            assert_eq!(redis.claim(&ask(name, "n", 10), None, LEASE, NOW).await, Ok(()));
            assert_eq!(
                redis.claim(&ask(name, "n", 11), None, LEASE, NOW).await,
                Err(Error::Held(ask(name, "n", 10)))
            );
            assert_eq!(redis.renew(&ask(name, "m", 12), LEASE, NOW).await, Ok(()));
            assert!(other.lookup(&key(name), NOW).await.is_ok());
        }
        assert_eq!(redis.release(&ask("a", "m", 12), NOW).await, Ok(()));
        let id = NodeId::new("node").unwrap();
        redis.post(Beat { id, body: "{}".into(), local: true, host: "h".to_owned() });
        until("the index", async || {
            server.scan().await.iter().any(|key| key.ends_with(":nodes")).then_some(())
        })
        .await;
        until("its time limit", async || {
            let keys = server.scan().await;
            let index = keys.iter().find(|key| key.ends_with(":nodes"))?;
            (server.number(&["PTTL", index]).await > 0).then_some(())
        })
        .await;
        let keys = server.scan().await;
        // Claims of b and c, three last epochs, two canaries, a node and the index.
        assert_eq!(keys.len(), 9, "{keys:?}");
        for key in &keys {
            assert!(server.number(&["PTTL", key]).await > 0, "{key}");
        }
        let statistics = server.ask(&["INFO", "commandstats"]).await;
        let used = statistics.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next());
        let ours = "del eval evalsha expire get ping set zadd zrange zrem select";
        let of_this_test = "info pttl scan command";
        let known: BTreeSet<&str> = ours.split(' ').chain(of_this_test.split(' ')).collect();
        let strange: Vec<&str> = used.filter(|name| !known.contains(name)).collect();
        assert!(strange.is_empty(), "{strange:?}");
    });
}

#[test]
fn looking_up_writes_nothing() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        let before = server.number(&["DBSIZE"]).await;
        for number in 0..10_000 {
            assert_eq!(redis.lookup(&key(&format!("made up {number}")), NOW).await, Ok(None));
        }
        assert_eq!(server.number(&["DBSIZE"]).await, before);
        assert_eq!(redis.operations(), 10_000);
    });
}

#[test]
fn a_value_that_is_not_to_be_read_is_no_claim() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        let [claim, _] = redis.keys.stream(&key("s"));
        let nested = "[".repeat(1000);
        // The fourth is whole to the script and has no holder.
        for value in ["", "2 00000000000000000099 b\nb-1", &nested, "1 00000000000000000099 \nb-1"] {
            server.ask(&["SET", &claim, value, "PX", "60000"]).await;
            assert_eq!(redis.lookup(&key("s"), NOW).await, Ok(None), "{value}");
            assert_eq!(redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()), "{value}");
            assert_eq!(redis.lookup(&key("s"), NOW).await, Ok(Some(ask("s", "a", 10))));
            server.ask(&["SET", &claim, value, "PX", "60000"]).await;
            assert_eq!(redis.renew(&ask("s", "a", 10), LEASE, NOW).await, Ok(()), "{value}");
            server.ask(&["FLUSHALL"]).await;
        }
    });
}

#[test]
fn a_key_of_another_kind_makes_trouble_for_itself_alone() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        let [claim, last] = redis.keys.stream(&key("s"));
        server.ask(&["RPUSH", &claim, "x"]).await;
        server.ask(&["RPUSH", &last, "x"]).await;
        for _ in 0..10 {
            let outcome = redis.lookup(&key("s"), NOW).await;
            assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        }
        assert!(redis.is_there());
        assert_eq!(redis.lookup(&key("other"), NOW).await, Ok(None));
        assert_eq!(redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()), "it is replaced");
        assert_eq!(redis.lookup(&key("s"), NOW).await, Ok(Some(ask("s", "a", 10))));
    });
}

#[test]
fn a_server_that_forgot_the_scripts_is_told_them_again() {
    run(async {
        let server = Server::start().await;
        let redis = connected(server.target(), "p1", LENIENT).await;
        assert_eq!(redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()));
        server.ask(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(redis.renew(&ask("s", "a", 10), LEASE, NOW).await, Ok(()));
        assert_eq!(redis.release(&ask("s", "a", 10), NOW).await, Ok(()));
    });
}

#[test]
fn proxies_of_one_directory_name_one_domain() {
    run(async {
        let domain = |url: &str| {
            let settings =
                Settings { url: Some(url.to_owned()), key_prefix: "p".to_owned(), ..Settings::default() };
            let redis = Redis::start(settings.parse().unwrap(), &NodeId::new("me").unwrap());
            redis.domain().to_owned()
        };
        assert_eq!(domain("redis://one:1/3"), "redis:p:3");
        assert_eq!(domain("redis+sentinel://two:1/m/3"), "redis:p:3");
        assert_eq!(domain("redis+cluster://three:1"), "redis:p:cluster");
    });
}

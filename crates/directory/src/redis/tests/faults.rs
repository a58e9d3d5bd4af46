//! A server that answers, and nothing of use.

use super::super::testkit::fake;
use super::*;

/// Answers like a healthy server what the keeper asks, and all else with this.
async fn faulty(rest: &'static [u8]) -> Arc<Redis> {
    let host = fake(move |command| match command.split(' ').next() {
        Some("PING") => Some(b"+PONG\r\n".to_vec()),
        Some("SET") => Some(b"+OK\r\n".to_vec()),
        Some("GET") if command.contains(":proxy:") => Some(b"$-1\r\n".to_vec()),
        _ if rest.is_empty() => None,
        _ => Some(rest.to_vec()),
    })
    .await;
    connected(target(&format!("redis://{host}")), "p1", LENIENT).await
}

#[test]
fn an_answer_of_no_use_is_unavailable_and_some_open_the_breaker() {
    run(async {
        for answer in [
            &b"-LOADING Redis is loading the dataset in memory\r\n"[..],
            b"-READONLY You can't write against a read only replica.\r\n",
            b"-NOAUTH Authentication required.\r\n",
            b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
            b"-CLUSTERDOWN The cluster is down\r\n",
            b"-MOVED 3999 127.0.0.1:1\r\n",
            b"-ASK 3999 127.0.0.1:1\r\n",
            b"-\r\n",
            b":7\r\n",
            b"*0\r\n",
            b"*2\r\n$2\r\nok\r\n:1\r\n",
            b"*2\r\n$5\r\nstale\r\n$3\r\nxyz\r\n",
            b"*2\r\n$7\r\nstrange\r\n$0\r\n\r\n",
            // Nothing, and the end.
            b"",
            // Not the protocol.
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"\xff\x00\xff\r\n",
            b"$abc\r\n",
            b"*-7\r\n",
        ] {
            let redis = faulty(answer).await;
            let said = String::from_utf8_lossy(answer);
            // Not counted: what the keeper and the board are answered counts, too.
            until(&format!("the breaker to open by {said}"), async || {
                let outcome = redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await;
                assert!(matches!(outcome, Err(Error::Unavailable(_))), "{said}: {outcome:?}");
                (!redis.is_there()).then_some(())
            })
            .await;
        }
    });
}

#[test]
fn an_answer_that_is_cut_or_without_end_is_given_up() {
    run(async {
        for answer in [
            &b"$100\r\nshort\r\n"[..],
            b"*2\r\n$4\r\nheld\r\n$50\r\n1 000",
            b"$9223372036854775807\r\n",
            b"*9223372036854775807\r\n",
            b"*1000000000\r\n*1000000000\r\n",
        ] {
            let host = fake(move |command| match command.split(' ').next() {
                Some("PING") => Some(b"+PONG\r\n".to_vec()),
                Some("SET") => Some(b"+OK\r\n".to_vec()),
                Some("GET") if command.contains(":proxy:") => Some(b"$-1\r\n".to_vec()),
                Some("ZRANGE") => Some(b"*0\r\n".to_vec()),
                _ => Some(answer.to_vec()),
            })
            .await;
            let redis = connected(target(&format!("redis://{host}")), "p1", PATIENCE).await;
            let outcome = redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await;
            assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        }
    });
}

#[test]
fn an_answer_nested_a_thousand_deep_is_unavailable() {
    run(async {
        let host = fake(|command| match command.split(' ').next() {
            Some("PING") => Some(b"+PONG\r\n".to_vec()),
            Some("SET") => Some(b"+OK\r\n".to_vec()),
            Some("GET") if command.contains(":proxy:") => Some(b"$-1\r\n".to_vec()),
            Some("ZRANGE") => Some(b"*0\r\n".to_vec()),
            _ => Some(b"*1\r\n".repeat(1_000)),
        })
        .await;
        let redis = connected(target(&format!("redis://{host}")), "p1", LENIENT).await;
        let outcome = redis.lookup(&key("s"), NOW).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    });
}

#[test]
fn a_server_that_takes_no_writes_stays_away() {
    run(async {
        let host = fake(|command| match command.split(' ').next() {
            Some("PING") => Some(b"+PONG\r\n".to_vec()),
            Some("GET") => Some(b"$-1\r\n".to_vec()),
            _ => Some(b"-READONLY You can't write against a read only replica.\r\n".to_vec()),
        })
        .await;
        let redis =
            Redis::start_with(target(&format!("redis://{host}")), &NodeId::new("p1").unwrap(), LENIENT);
        let why = until("a reason", async || match redis.lookup(&key("s"), NOW).await {
            Err(Error::Unavailable(why)) if why.contains("READONLY") => Some(why),
            Err(Error::Unavailable(_)) => None,
            other => panic!("{other:?}"),
        })
        .await;
        assert!(!redis.is_there(), "{why}");
    });
}

//! What becomes of servers and streams when each viewer is asked about upstream.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use super::*;
use crate::testkit::{Say, inter, pass};
use crate::{HostPort, Protocol};

#[tokio::test(start_paused = true)]
async fn a_server_that_holds_a_request_for_what_is_not_live_is_not_taken_for_dead() {
    let body = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        spawn_local(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                spawn_local(async move {
                    let _head = stream.read(&mut [0; 4096]).await;
                    sleep(Duration::from_secs(3)).await;
                    let _gone =
                        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
                });
            }
        });
        let at = HostPort { host: address.ip().to_string(), port: address.port() };
        let remote = Remote { token_traverse: true, protocol: Protocol::Flv, ..remote(vec![at]) };
        let target = remote.plan(&key("s"), "").targets.remove(0);
        let edge = Edge::of(remote);
        assert_eq!(edge.missing("s").await.kind, MissingKind::NotFound);
        assert!(!edge.puller.table().is_dead(&target));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_had_too_little_time_is_not_taken_for_dead() {
    let body = async {
        let (one, two) = (Server::new(Manner::Mute).await, Server::new(Manner::Mute).await);
        let remote = Remote { token_traverse: true, ..remote(vec![one.at(), two.at()]) };
        let targets = remote.plan(&key("s"), "").targets;
        let edge = Edge::of(remote);
        assert_eq!(edge.missing("s").await.kind, MissingKind::Unreachable);
        let dead = targets.iter().map(|target| edge.puller.table().is_dead(target));
        assert_eq!(dead.collect::<Vec<_>>(), [true, false]);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_nowhere_is_asked_about_once_a_second_and_a_refusal_is_for_one() {
    let body = async {
        let server = Server::new(nowhere()).await;
        let edge = Edge::of(Remote { token_traverse: true, ..remote(vec![server.at()]) });
        for _ in 0..1000 {
            assert_eq!(edge.missing("s").await.kind, MissingKind::NotFound);
        }
        assert_eq!(server.count(), 1);
        let server = Server::live(0, 1).await;
        *server.only.borrow_mut() = Some("token=good");
        let edge = Edge::of(Remote { token_traverse: true, ..remote(vec![server.at()]) });
        assert_eq!(edge.missing("s").await.kind, MissingKind::Forbidden);
        assert!(edge.fetch_with("s", "token=good", &[]).await.is_ok());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_is_not_told_of_a_stream_that_is_looked_for() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        assert!(edge.fetch_with("s", "", &[id("b")]).await.is_ok());
        server.say(Say::Close);
        // It answers again, but only with what viewers have.
        until(|| server.count() == 2 && server.players.get() == 1).await;
        let began = Instant::now();
        let missing = edge.fetch_with("s", "", &[id("b")]).await.unwrap_err();
        assert_eq!(missing.kind, MissingKind::NotFound, "{missing}");
        assert!(began.elapsed() < Duration::from_secs(2), "a node waits for an answer");
        assert!(edge.fetch("s").await.is_ok(), "players have nobody else to ask");
        let behind = [id("b")];
        let (found, ()) = tokio::join!(edge.fetch_with("s", "", &behind), async {
            pass(Duration::from_millis(200)).await;
            server.send(inter(40, 2));
            viewer.sees(2).await;
        });
        assert!(found.is_ok(), "it came meanwhile");
    };
    LocalSet::new().run_until(body).await;
}

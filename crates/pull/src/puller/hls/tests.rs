use futures_util::future::join_all;
use srs_names::StreamKey;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::Upstream;
use crate::testkit::{Edge, Manner, Server, id, key, nobody, pass, remote, until};

fn wish(key: &StreamKey) -> Wish<'_> {
    Wish { key, host: "some.where", query: "", client: ([203, 0, 113, 7], 5000).into(), hops: &[] }
}

/// A server whose HLS is at this port.
async fn server(hls: Option<u16>) -> Server {
    let server = Server::live(0, 1).await;
    server.hls.set(hls);
    server
}

fn at(ports: &[u16], complete: bool) -> HlsServers {
    HlsServers { servers: ports.iter().map(|port| ("127.0.0.1".to_owned(), *port)).collect(), complete }
}

#[tokio::test(start_paused = true)]
async fn what_is_fetched_tells_where_its_hls_is() {
    let body = async {
        let server = server(Some(8081)).await;
        let edge = Edge::of(remote(vec![server.at()]));
        edge.watch("s").await.sees(1).await;
        assert_eq!(edge.puller.hls(wish(&key("s"))).await, at(&[8081], true));
        assert_eq!(server.count(), 1);
        assert_eq!(*edge.begun.lock().unwrap(), [(key("s"), true)]);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_before_anything_is_fetched_has_the_servers_asked_once_for_all() {
    let body = async {
        let servers = [server(Some(8081)).await, server(Some(8082)).await];
        let edge = Edge::of(remote(servers.iter().map(Server::at).collect()));
        let key = key("s");
        let all = join_all((0..100).map(|_| edge.puller.hls(wish(&key)))).await;
        assert!(all.iter().all(|all| *all == at(&[8081, 8082], true)), "{all:?}");
        assert!(servers.iter().all(|server| server.count() == 1));
        let told =
            servers[0].asked.borrow()[0].property(srs_names::envelope::RTMP_PROPERTY).map(str::to_owned);
        assert!(told.is_some());
        // They are left at once, and nothing is fetched for it.
        until(|| servers.iter().all(|server| server.players.get() == 0)).await;
        assert!(edge.begun.lock().unwrap().is_empty());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_said_is_asked_for_again_after_a_minute() {
    let body = async {
        let server = server(Some(8081)).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let key = key("s");
        edge.puller.hls(wish(&key)).await;
        server.hls.set(Some(8082));
        pass(FRESH / 2).await;
        assert_eq!(edge.puller.hls(wish(&key)).await, at(&[8081], true));
        pass(FRESH).await;
        assert_eq!(edge.puller.hls(wish(&key)).await, at(&[8082], true));
        assert_eq!(server.count(), 2);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn servers_without_hls_and_dead_ones_are_left_out_and_make_it_incomplete() {
    let body = async {
        let (with, without) = (server(Some(8081)).await, server(None).await);
        let edge = Edge::of(remote(vec![without.at(), nobody().await, with.at()]));
        assert_eq!(edge.puller.hls(wish(&key("s"))).await, at(&[8081], false));
        let edge = Edge::of(remote(vec![without.at()]));
        assert_eq!(edge.puller.hls(wish(&key("s"))).await, at(&[], false));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_does_not_keep_players_from_one_that_answers() {
    let body = async {
        let (mute, with) = (Server::new(Manner::Mute).await, server(Some(8081)).await);
        let edge = Edge::of(remote(vec![mute.at(), with.at()]));
        let (key, soon) = (key("s"), BESIDE * 2);
        let told = timeout(soon, edge.puller.hls(wish(&key))).await;
        assert_eq!(told.unwrap(), at(&[8081], false));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_server_said_stands_while_it_is_away() {
    let body = async {
        let server = server(Some(8081)).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let key = key("s");
        edge.puller.hls(wish(&key)).await;
        server.die();
        pass(FRESH * 2).await;
        assert_eq!(edge.puller.hls(wish(&key)).await, at(&[8081], true));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_what_is_not_fetched_in_this_form_or_in_a_circle() {
    let body = async {
        let server = server(Some(8081)).await;
        let edge = Edge::with(Upstream::default(), 10);
        assert_eq!(edge.puller.hls(wish(&key("s"))).await, HlsServers::default());
        let edge = Edge::of(remote(vec![server.at()]));
        let (key, hops) = (key("s"), [id("edge")]);
        let looped = Wish { hops: &hops, ..wish(&key) };
        assert_eq!(edge.puller.hls(looped).await, HlsServers::default());
        assert_eq!(server.count(), 0);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn hls_is_begun_here_when_a_server_without_it_takes_over() {
    let body = async {
        let (with, without) = (server(Some(8081)).await, server(None).await);
        let edge = Edge::of(remote(vec![with.at(), without.at()]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        with.die();
        until(|| edge.begun.lock().unwrap().len() == 2).await;
        assert_eq!(*edge.begun.lock().unwrap(), [(key("s"), true), (key("s"), false)]);
    };
    LocalSet::new().run_until(body).await;
}

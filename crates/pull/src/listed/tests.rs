use srs_hub::Phase;
use tokio::task::LocalSet;

use super::*;
use crate::plan::{Order, Rules};
use crate::testkit::{
    Edge, Manner, Say, Server, Viewer, audio, config, fed, feed, key, key_frame, list, pass, remote, until,
};

/// What such a server says to all: one server here answers for the list and for the streams.
fn manner(mark: u8, names: &[&str]) -> Manner {
    Manner::Play(vec![list(names), config(0, mark), key_frame(0, mark)])
}

fn nowhere() -> Manner {
    Manner::Refuse("NetStream.Play.StreamNotFound", "no such stream")
}

fn live_edge(servers: &[&Server], failback: Option<Duration>) -> Remote {
    let rules = Rules { order: Order::Listed, unused: Duration::from_secs(2), failback, ..Rules::default() };
    let at = servers.iter().map(|server| server.at()).collect();
    Remote { live_edge: true, rules, ..remote(at) }
}

fn is_live(edge: &Edge, stream: &str) -> bool {
    edge.hub.phase(&key(stream)) == Some(Phase::Live)
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_is_there_before_a_viewer_asks() {
    let body = async {
        let server = Server::new(manner(1, &["live/a", "live/b", "nonsense"])).await;
        let edge = Edge::of(live_edge(&[&server], None));
        until(|| is_live(&edge, "a") && is_live(&edge, "b")).await;
        let feeding = async {
            for time in 1_u32.. {
                server.send(audio(time * 100, 1));
                pass(Duration::from_millis(100)).await;
            }
        };
        let watching = async {
            pass(Duration::from_secs(5)).await;
            assert!(is_live(&edge, "a"), "it is fetched though nobody watches");
            server.send(list(&["live/b", "live/c"]));
            until(|| is_live(&edge, "c")).await;
            until(|| !is_live(&edge, "a")).await;
            assert!(is_live(&edge, "b"));
        };
        tokio::select! {
            () = feeding => {}
            () = watching => {}
        }
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn the_secondary_takes_over_and_gives_back() {
    let body = async {
        let one = Server::new(manner(1, &["live/a"])).await;
        let two = Server::new(manner(2, &["live/a", "live/b"])).await;
        let edge = Edge::of(live_edge(&[&one, &two], Some(Duration::from_secs(3))));
        until(|| is_live(&edge, "a")).await;
        let viewer = Viewer::of(&edge.hub, &key("a"));
        let address = one.address;
        one.die();
        drop(one);
        until(|| is_live(&edge, "b")).await;
        until(|| viewer.coded().last().is_some_and(|(_, mark)| *mark == 2)).await;
        assert!(is_live(&edge, "a"));
        let back = Server::again(address, manner(1, &["live/a"])).await;
        until(|| back.players.get() == 2 && viewer.coded().last().is_some_and(|(_, mark)| *mark == 1)).await;
        let times: Vec<_> = viewer.coded().iter().map(|(time, _)| *time).collect();
        assert!(times.windows(2).all(|two| two[0] < two[1]), "{times:?}");
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_ended_upstream_is_ended_here_though_it_was_listed() {
    let body = async {
        let server = Server::new(manner(1, &["live/a"])).await;
        let edge = Edge::of(live_edge(&[&server], None));
        until(|| is_live(&edge, "a")).await;
        let viewer = Viewer::of(&edge.hub, &key("a"));
        viewer.sees(1).await;
        *server.manner.borrow_mut() = nowhere();
        server.say(Say::Status("NetStream.Play.UnpublishNotify"));
        let began = Instant::now();
        until(|| edge.hub.phase(&key("a")) == Some(Phase::Ended)).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_lost_and_then_listed_no_longer_is_looked_for_half_a_minute() {
    let body = async {
        let server = Server::new(manner(1, &["live/a"])).await;
        let edge = Edge::of(live_edge(&[&server], None));
        until(|| is_live(&edge, "a")).await;
        let viewer = Viewer::of(&edge.hub, &key("a"));
        viewer.sees(1).await;
        let address = server.address;
        server.die();
        drop(server);
        pass(Duration::from_secs(40)).await;
        assert!(is_live(&edge, "a"), "it is listed");
        let _back = Server::again(address, Manner::Play(vec![list(&[])])).await;
        let began = Instant::now();
        until(|| edge.hub.phase(&key("a")) == Some(Phase::Ended)).await;
        let took = began.elapsed();
        assert!((Duration::from_secs(29)..Duration::from_secs(45)).contains(&took), "{took:?}");
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_primary_ends_goes_on_from_the_secondary() {
    let body = async {
        let (one, two) = (Server::live(0, 1).await, Server::live(0, 2).await);
        // Nobody listed it yet.
        let edge = Edge::of(live_edge(&[&one, &two], None));
        let viewer = edge.watch("a").await;
        viewer.sees(1).await;
        *one.manner.borrow_mut() = nowhere();
        one.say(Say::Status("NetStream.Play.UnpublishNotify"));
        fed(feed(&two, 40, 2), || viewer.coded().last().is_some_and(|(_, mark)| *mark == 2)).await;
        *two.manner.borrow_mut() = nowhere();
        two.say(Say::Status("NetStream.Play.UnpublishNotify"));
        until(|| edge.hub.phase(&key("a")) == Some(Phase::Ended)).await;
    };
    LocalSet::new().run_until(body).await;
}

mod alive;
mod first;
mod patience;
mod tokens;

use std::time::Duration;

use srs_hub::{Phase, Settings};
use srs_names::Fetch;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::*;
use crate::map::{OriginMap, Rule};
use crate::plan::{Order, Rules};
use crate::testkit::{
    Edge, Manner, Say, Server, Viewer, audio, config, fed, feed, inter, key, key_frame, nobody, pass, remote,
    until,
};
use crate::{Remote, Upstream};

const NOWHERE: Manner = Manner::Refuse("NetStream.Play.StreamNotFound", "no such stream");

fn rules(rules: Rules, servers: &[&Server]) -> Remote {
    Remote { rules, ..remote(servers.iter().map(|server| server.at()).collect()) }
}

fn listed() -> Rules {
    Rules { order: Order::Listed, ..Rules::default() }
}

fn grows(times: &[(i64, u8)]) -> bool {
    times.windows(2).all(|two| two[0].0 < two[1].0)
}

fn mapped(servers: &[&Server]) -> Upstream {
    let urls: Vec<_> = servers.iter().map(|server| format!("{}/live/", server.address)).collect();
    let map = OriginMap { rules: vec![Rule::new("/live/", "rtmp", &urls).unwrap()], ..OriginMap::default() };
    Upstream { map: Some(map), ..Upstream::default() }
}

#[tokio::test(start_paused = true)]
async fn the_first_viewer_sees_what_upstream_has_cached() {
    let body = async {
        let opening = vec![config(0, 1), key_frame(5000, 1), inter(5040, 2), audio(5050, 3)];
        let server = Server::new(Manner::Play(opening)).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let began = Instant::now();
        let viewer = edge.watch("s").await;
        viewer.sees(3).await;
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(viewer.coded(), [(5000, 1), (5040, 2), (5050, 3)]);
        assert_eq!(viewer.frames.lock().unwrap()[0].wire.as_ref(), [0x17, 0, 0, 0, 0, 1]);
        assert_eq!(*edge.begun.lock().unwrap(), [(key("s"), false)]);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_first_server_that_is_dead_does_not_keep_a_viewer_waiting() {
    let body = async {
        let mute = Server::new(Manner::Mute).await;
        let server = Server::live(0, 1).await;
        for first in [nobody().await, mute.at()] {
            let edge = Edge::of(remote(vec![first, server.at()]));
            let began = Instant::now();
            edge.watch("a").await.sees(1).await;
            assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
        }
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_did_not_answer_is_asked_last_for_a_while() {
    let body = async {
        let (dead, server) = (nobody().await, Server::live(0, 1).await);
        let edge = Edge::of(remote(vec![dead.clone(), server.at()]));
        let _first = edge.watch("a").await.sees(1).await;
        let back = Server::again(([127, 0, 0, 1], dead.port).into(), Manner::Mute).await;
        edge.watch("b").await.sees(1).await;
        assert_eq!(back.count(), 0);
        pass(Duration::from_secs(11)).await;
        edge.watch("c").await.sees(1).await;
        until(|| back.asked.borrow().iter().any(|asked| asked.request.stream == "c")).await;
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_a_viewer_is_told_after_three_seconds() {
    let body = async {
        let edge = Edge::of(remote(vec![nobody().await, nobody().await]));
        let began = Instant::now();
        let missing = edge.missing("s").await;
        assert_eq!(missing.kind, MissingKind::Unreachable, "{missing}");
        assert!((3..5).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        let again = edge.missing("s").await;
        assert_eq!(again, missing, "it is remembered for a second");
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_one_server_does_not_have_another_may() {
    let body = async {
        let (without, with) = (Server::new(NOWHERE).await, Server::live(0, 1).await);
        let edge = Edge::of(remote(vec![without.at(), with.at()]));
        edge.watch("s").await.sees(1).await;
        assert_eq!((without.count(), with.count()), (1, 1));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn servers_take_turns_where_that_is_configured() {
    let body = async {
        let servers = [Server::live(0, 1).await, Server::live(0, 1).await];
        let all: Vec<&Server> = servers.iter().collect();
        let edge = Edge::of(rules(Rules { order: Order::InTurn, ..Rules::default() }, &all));
        for stream in ["a", "b", "c", "d"] {
            edge.watch(stream).await.sees(1).await;
        }
        assert_eq!(servers.each_ref().map(Server::count), [2, 2]);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_is_left_and_time_goes_on() {
    let body = async {
        let (one, two) = (Server::live(7000, 1).await, Server::live(90_000, 2).await);
        let edge = Edge::of(rules(listed(), &[&one, &two]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        one.send(inter(7040, 3));
        viewer.sees(2).await;
        let lost = Instant::now();
        one.die();
        viewer.sees(3).await;
        assert!(lost.elapsed() < Duration::from_millis(900), "{:?}", lost.elapsed());
        // Sound that came with what viewers have seen is not for them again.
        two.send(audio(89_900, 4));
        two.send(audio(90_020, 5));
        viewer.sees(4).await;
        assert_eq!(viewer.coded(), [(7000, 1), (7040, 3), (7080, 2), (7100, 5)]);
        assert_eq!(edge.hub.phase(&key("s")), Some(Phase::Live));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stalls_is_left_after_three_seconds() {
    let body = async {
        let one = Server::live(0, 1).await;
        let opening = vec![config(0, 2), inter(100, 9), key_frame(140, 2), inter(180, 3)];
        let two = Server::new(Manner::Play(opening)).await;
        let edge = Edge::of(rules(listed(), &[&one, &two]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let silent = Instant::now();
        viewer.sees(3).await;
        let waited = silent.elapsed();
        assert!((3000..4000).contains(&waited.as_millis()), "{waited:?}");
        assert_eq!(viewer.coded(), [(0, 1), (40, 2), (80, 3)], "it goes on with a key frame");
        until(|| one.players.get() == 0).await;
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_publisher_is_awaited_upstream_is_not_left() {
    let body = async {
        let (one, two) = (Server::live(0, 1).await, Server::live(0, 2).await);
        let edge = Edge::of(rules(listed(), &[&one, &two]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        one.say(Say::Status("NetStream.Play.Held"));
        pass(Duration::from_secs(20)).await;
        assert_eq!((two.count(), edge.puller.pulls()[0].state.name()), (0, "held"));
        one.say(Say::Status("NetStream.Play.Start"));
        one.send(key_frame(20_000, 3));
        viewer.sees(2).await;
        assert_eq!(edge.puller.pulls()[0].state.name(), "running");
        pass(Duration::from_secs(4)).await;
        assert_eq!(two.count(), 1, "silence counts again");
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_watches_is_fetched_a_while_longer() {
    let body = async {
        let server = Server::live(0, 1).await;
        let rules_ = Rules { unused: Duration::from_secs(10), ..listed() };
        let edge = Edge::of(rules(rules_, &[&server]));
        let viewer = edge.watch("s").await;
        let feeding = async {
            for time in 0_u32.. {
                server.send(inter(40 + time * 40, 2));
                pass(Duration::from_millis(40)).await;
            }
        };
        let watching = async {
            pass(Duration::from_secs(30)).await;
            assert_eq!(edge.hub.phase(&key("s")), Some(Phase::Live), "it is watched");
            drop(viewer);
            let left = Instant::now();
            until(|| server.players.get() == 0).await;
            assert!((9..12).contains(&left.elapsed().as_secs()), "{:?}", left.elapsed());
        };
        tokio::select! {
            () = feeding => {}
            () = watching => {}
        }
        assert_eq!((edge.hub.phase(&key("s")), edge.puller.pulls().len()), (None, 0));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_publisher_of_our_own_takes_a_fetched_stream_over() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let publisher = edge.hub.publish(&key("s"), Settings::default()).unwrap();
        until(|| server.players.get() == 0).await;
        assert!(edge.puller.pulls().is_empty());
        publisher.push(srs_flv::demux(9, 10, vec![0x17, 1, 0, 0, 0, 7].into()).unwrap()).unwrap();
        viewer.sees(2).await;
        assert_eq!(edge.hub.phase(&key("s")), Some(Phase::Live));
        assert!(matches!(edge.fetch("s").await, Ok(Fetch::Here)));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_ended_upstream_is_ended_here() {
    let body = async {
        let (one, two) = (Server::live(0, 1).await, Server::live(0, 2).await);
        let edge = Edge::of(rules(listed(), &[&one, &two]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        one.say(Say::Status("NetStream.Play.UnpublishNotify"));
        until(|| edge.hub.phase(&key("s")) == Some(Phase::Ended)).await;
        assert_eq!((two.count(), edge.puller.pulls().len()), (0, 0));
        // Who comes back asks anew, at once.
        assert!(matches!(edge.fetch("s").await, Ok(Fetch::Coming(_))));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn viewers_of_a_lost_stream_wait_half_a_minute() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let address = server.address;
        server.die();
        drop(server);
        pass(Duration::from_secs(20)).await;
        assert_eq!(edge.puller.pulls()[0].state.name(), "lost");
        let back = Server::again(address, Manner::Play(vec![key_frame(3, 2)])).await;
        viewer.sees(2).await;
        assert!(grows(&viewer.coded()));
        let lost = Instant::now();
        back.die();
        drop(back);
        until(|| edge.hub.phase(&key("s")) == Some(Phase::Ended)).await;
        assert!((29..32).contains(&lost.elapsed().as_secs()), "{:?}", lost.elapsed());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_persistent_stream_is_looked_for_as_long_as_it_takes() {
    let body = async {
        let server = Server::live(0, 1).await;
        let rules_ = Rules { persistent: true, unused: Duration::from_secs(1), ..listed() };
        let edge = Edge::of(rules(rules_, &[&server]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        drop(viewer);
        let address = server.address;
        server.die();
        drop(server);
        pass(Duration::from_secs(100)).await;
        let back = Server::again(address, Manner::Play(vec![key_frame(3, 2)])).await;
        until(|| back.players.get() == 1).await;
        assert_eq!(edge.hub.phase(&key("s")), Some(Phase::Live));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_sends_what_viewers_have_goes_on_where_they_are() {
    let body = async {
        let cached = vec![config(0, 1), key_frame(1000, 1), inter(1040, 2), audio(1050, 3), inter(1080, 4)];
        let two = Server::new(Manner::Play(cached.clone())).await;
        let one = Server::new(Manner::Play(cached)).await;
        let edge = Edge::of(rules(listed(), &[&one, &two]));
        let viewer = edge.watch("s").await;
        viewer.sees(4).await;
        one.die();
        until(|| two.players.get() == 1).await;
        two.send(inter(1120, 5));
        viewer.sees(5).await;
        assert_eq!(viewer.coded(), [(1000, 1), (1040, 2), (1050, 3), (1080, 4), (1120, 5)]);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_repeats_itself_does_not_keep_a_stream_alive() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let began = Instant::now();
        until(|| edge.hub.phase(&key("s")) == Some(Phase::Ended)).await;
        assert!((29..36).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        assert_eq!(viewer.coded(), [(0, 1)]);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_no_rule_names_is_not_fetched() {
    let body = async {
        let edge = Edge::with(mapped(&[&Server::live(0, 1).await]), 10);
        let other = srs_names::StreamKey::new("__defaultVhost__", "other", "s").unwrap();
        let wish = srs_names::Wish {
            key: &other,
            host: "",
            query: "",
            client: ([127, 0, 0, 1], 1).into(),
            hops: &[],
        };
        assert!(matches!(srs_names::Source::fetch(&*edge.puller, wish).await, Ok(Fetch::Here)));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_published_here_meanwhile_is_neither_replaced_nor_given_up() {
    let body = async {
        let (mute, server) = (Server::new(Manner::Mute).await, Server::new(Manner::Mute).await);
        let edge = Edge::of(rules(listed(), &[&mute, &server]));
        let Ok(Fetch::Coming(missing)) = edge.fetch("s").await else { panic!("it is not fetched") };
        until(|| server.players.get() == 1).await;
        let publisher = edge.hub.publish(&key("s"), Settings::default()).unwrap();
        server.send(key_frame(0, 1));
        until(|| edge.puller.pulls().is_empty()).await;
        publisher.push(srs_flv::demux(9, 10, vec![0x17, 1, 0, 0, 0, 7].into()).unwrap()).unwrap();
        assert!(edge.begun.lock().unwrap().is_empty());
        let given_up = tokio::time::timeout(Duration::from_secs(60), missing).await;
        assert!(given_up.is_err(), "{given_up:?}");
    };
    LocalSet::new().run_until(body).await;
}

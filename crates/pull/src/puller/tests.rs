mod stored;
mod traverse;

use srs_hub::{Phase, Settings};
use srs_names::envelope::{Purpose, RTMP_PROPERTY, bound};
use tokio::task::LocalSet;
use tokio::time::{Duration, Instant, sleep};

use super::*;
use crate::testkit::{Edge, Manner, Server, Viewer, id, key, remote, seal, until};
use crate::{Remote, Upstream};

fn nowhere() -> Manner {
    Manner::Refuse("NetStream.Play.StreamNotFound", "no such stream")
}

#[tokio::test(start_paused = true)]
async fn however_many_want_a_stream_it_is_fetched_once() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        for _ in 0..500 {
            assert!(matches!(edge.fetch("s").await, Ok(Fetch::Coming(_))));
        }
        let viewer = Viewer::of(&edge.hub, &key("s"));
        viewer.sees(1).await;
        assert!(matches!(edge.fetch("s").await, Ok(Fetch::Coming(_))));
        assert_eq!(server.count(), 1);
        assert_eq!(edge.puller.pulls().len(), 1);
        let pull = edge.puller.pulls().remove(0);
        assert_eq!((pull.state.name(), pull.viewers), ("running", 1));
        assert_eq!(pull.url, format!("rtmp://{}/live/s", server.address));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_nowhere_is_asked_for_once_a_second() {
    let body = async {
        let server = Server::new(nowhere()).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let began = Instant::now();
        for _ in 0..10_000 {
            let missing = edge.missing("s").await;
            assert_eq!((missing.kind, missing.reason.as_str()), (MissingKind::NotFound, "no such stream"));
            sleep(Duration::from_micros(300)).await;
        }
        let seconds = began.elapsed().as_secs() as usize;
        assert!(seconds >= 3, "{seconds}");
        assert!((2..=seconds + 1).contains(&server.count()), "{} in {seconds} s", server.count());
        assert!(edge.puller.pulls().is_empty());
        assert_eq!(edge.hub.phase(&key("s")), None);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_waits_behind_itself_is_told_the_loop() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let refused = edge.fetch_with("s", "", &[id("a"), id("edge"), id("b")]).await.unwrap_err();
        assert_eq!((refused.kind, refused.reason.as_str()), (MissingKind::Loop, "loop: edge > b > edge"));
        let many: Vec<_> = (0..MOST_HOPS).map(|hop| id(&format!("n{hop}"))).collect();
        assert_eq!(edge.fetch_with("s", "", &many).await.unwrap_err().kind, MissingKind::Loop);
        assert_eq!(server.count(), 0);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_upstream_finds_is_told_on() {
    let body = async {
        let server = Server::new(Manner::Refuse("NetStream.Play.StreamNotFound", "loop: a > edge > a")).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let missing = edge.missing("s").await;
        assert_eq!((missing.kind, missing.reason.as_str()), (MissingKind::Loop, "loop: a > edge > a"));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn upstream_is_told_who_asks_and_for_whom() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        edge.fetch_with("s", "token=1&vhost=x", &[id("b")]).await.unwrap();
        until(|| server.count() == 1).await;
        let asked = server.asked.borrow();
        let text = asked[0].property(RTMP_PROPERTY).unwrap().to_owned();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let to = server.address.to_string();
        let (envelope, _) = seal().open(&text, |it| it == to, now.as_millis() as u64).unwrap();
        assert_eq!(envelope.hops, [id("b"), id("edge")]);
        assert_eq!((envelope.purpose, envelope.role.as_str()), (Purpose::Pull, "edge"));
        assert_eq!(envelope.client, Some(([203, 0, 113, 7], 5000).into()));
        let request = &asked[0].request;
        assert_eq!(request.stream, "s?token=1");
        let said = bound::of_rtmp("play", &request.connect.app, &request.connect.tc_url, &request.stream);
        assert_eq!(envelope.bound, said);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_published_here_is_not_fetched() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(remote(vec![server.at()]));
        let _publisher = edge.hub.publish(&key("s"), Settings::default()).unwrap();
        assert!(matches!(edge.fetch("s").await, Ok(Fetch::Here)));
        let other = Edge::with(Upstream::default(), 1);
        assert!(matches!(other.fetch("s").await, Ok(Fetch::Here)));
        assert_eq!(server.count(), 0);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_streams_are_fetched_than_there_is_room_for() {
    let body = async {
        let server = Server::live(0, 1).await;
        let upstream = Upstream { remote: Some(remote(vec![server.at()])), ..Upstream::default() };
        let edge = Edge::with(upstream, 2);
        let _viewers = (edge.watch("a").await, edge.watch("b").await);
        assert_eq!(edge.fetch("c").await.unwrap_err().kind, MissingKind::Unreachable);
        assert!(edge.fetch("a").await.is_ok());
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn where_tokens_are_asked_about_upstream_each_viewer_is() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = Edge::of(Remote { token_traverse: true, ..remote(vec![server.at()]) });
        let ask = async |query| edge.fetch_with("s", query, &[]).await;
        assert!(ask("token=good").await.is_ok());
        let viewer = Viewer::of(&edge.hub, &key("s"));
        viewer.sees(1).await;
        until(|| server.players.get() == 1).await;
        *server.manner.borrow_mut() = Manner::Refuse("NetStream.Play.Failed", "a bad token");
        let refused = ask("token=bad").await.unwrap_err();
        assert_eq!((refused.kind, refused.reason.as_str()), (MissingKind::Forbidden, "a bad token"));
        let streams: Vec<_> =
            server.asked.borrow().iter().map(|asked| asked.request.stream.clone()).collect();
        assert_eq!(streams, ["s?token=good", "s?token=good", "s?token=bad"]);
        assert_eq!(edge.hub.phase(&key("s")), Some(Phase::Live), "others go on");
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_who_is_refused_is_not_everybody() {
    let body = async {
        let server = Server::live(0, 1).await;
        *server.only.borrow_mut() = Some("token=good");
        let edge = Edge::of(remote(vec![server.at()]));
        let Ok(Fetch::Coming(bad)) = edge.fetch_with("s", "token=bad", &[]).await else { panic!("fetched") };
        let Ok(Fetch::Coming(good)) = edge.fetch_with("s", "token=good", &[]).await else {
            panic!("fetched")
        };
        let viewer = Viewer::of(&edge.hub, &key("s"));
        tokio::select! {
            missing = good => panic!("{missing}"),
            () = async { assert_eq!(bad.await.kind, MissingKind::Forbidden); viewer.sees(1).await } => {}
        }
        drop(viewer);
        // Nor does it matter who comes next.
        let refused = edge.fetch_with("t", "token=bad", &[]).await;
        let Ok(Fetch::Coming(bad)) = refused else { panic!("fetched") };
        assert_eq!(bad.await.kind, MissingKind::Forbidden);
        assert!(edge.fetch_with("t", "token=good", &[]).await.is_ok());
        Viewer::of(&edge.hub, &key("t")).sees(1).await;
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_is_asked_about_once_a_second() {
    let body = async {
        let server = Server::live(0, 1).await;
        *server.only.borrow_mut() = Some("token=good");
        let edge = Edge::of(remote(vec![server.at()]));
        for _ in 0..100 {
            let missing = match edge.fetch_with("s", "token=bad", &[]).await {
                Ok(Fetch::Coming(missing)) => missing.await,
                Ok(Fetch::Here) => panic!("it is not fetched"),
                Err(missing) => missing,
            };
            assert_eq!(missing.kind, MissingKind::Forbidden);
        }
        assert_eq!(server.count(), 1);
    };
    LocalSet::new().run_until(body).await;
}

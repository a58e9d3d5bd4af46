//! Whole fetches by SRT.

use srs_hub::Phase;
use srs_names::MissingKind;
use tokio::time::Instant;

use super::*;
use crate::remote::{Protocol, Remote};
use crate::testkit::{Edge, Viewer, key, remote, until};
use crate::{Upstream, map};

fn edge(servers: &[&Server]) -> Edge {
    let at = servers.iter().map(|server| server.host_port()).collect();
    Edge::of(Remote { protocol: Protocol::Srt, ..remote(at) })
}

async fn sees(viewer: &Viewer, mark: u8, count: usize) {
    until(|| viewer.coded().iter().filter(|(_, last)| *last == mark).count() >= count).await;
}

fn is_growing(viewer: &Viewer) -> bool {
    viewer.coded().windows(2).all(|pair| pair[0].0 < pair[1].0)
}

#[test]
fn another_server_goes_on_where_one_vanished() {
    run(async {
        let (one, two) = (Server::new(Manner::Play(1)), Server::new(Manner::Play(2)));
        let edge = edge(&[&one, &two]);
        let viewer = edge.watch("a").await;
        sees(&viewer, 1, 20).await;
        drop(one);
        let began = Instant::now();
        sees(&viewer, 2, 20).await;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert!(is_growing(&viewer), "{:?}", viewer.coded());
    });
}

#[test]
fn a_silent_server_is_passed_by_for_the_next() {
    run(async {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (mute, two) = (Server::new(Manner::Mute), Server::new(Manner::Play(2)));
        let at = silent.local_addr().unwrap();
        let silent_at = crate::plan::HostPort { host: at.ip().to_string(), port: at.port() };
        let mut list = remote(vec![silent_at, mute.host_port(), two.host_port()]);
        list.protocol = Protocol::Srt;
        let edge = Edge::of(list);
        let began = Instant::now();
        let viewer = edge.watch("a").await;
        sees(&viewer, 2, 1).await;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    });
}

#[test]
fn where_a_connection_is_over_the_stream_may_live_elsewhere() {
    run(async {
        let (one, two) = (Server::new(Manner::Play(1)), Server::new(Manner::Play(2)));
        let edge = edge(&[&one, &two]);
        let viewer = edge.watch("a").await;
        sees(&viewer, 1, 10).await;
        one.manner.send(Manner::Over).unwrap();
        sees(&viewer, 2, 10).await;
        assert!(is_growing(&viewer), "{:?}", viewer.coded());
    });
}

#[test]
fn a_stream_that_is_over_everywhere_is_over_here() {
    run(async {
        let one = Server::new(Manner::Play(1));
        let edge = edge(&[&one]);
        let viewer = edge.watch("a").await;
        sees(&viewer, 1, 10).await;
        one.manner.send(Manner::Over).unwrap();
        let began = Instant::now();
        until(|| edge.hub.phase(&key("a")) != Some(Phase::Live)).await;
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    });
}

#[test]
fn a_viewer_is_told_what_the_server_says() {
    run(async {
        let one = Server::new(Manner::Refuse(Reason::NOT_FOUND));
        assert_eq!(edge(&[&one]).missing("a").await.kind, MissingKind::NotFound);
        one.manner.send(Manner::Over).unwrap();
        assert_eq!(edge(&[&one]).missing("b").await.kind, MissingKind::NotFound);
        one.manner.send(Manner::Refuse(Reason::FORBIDDEN)).unwrap();
        assert_eq!(edge(&[&one]).missing("c").await.kind, MissingKind::Forbidden);
    });
}

#[test]
fn a_live_edge_fetches_by_srt_what_somebody_wants() {
    run(async {
        let (one, two) = (Server::new(Manner::Play(1)), Server::new(Manner::Play(2)));
        let server =
            |server: &Server| crate::Server::parse(&format!("srt://{}", server.at), Protocol::Rtmp).unwrap();
        let list =
            Remote { origins: vec![server(&one), server(&two)], live_edge: true, ..remote(Vec::new()) };
        let edge = Edge::of(list);
        let viewer = edge.watch("a").await;
        sees(&viewer, 1, 5).await;
    });
}

#[test]
fn a_rule_fetches_by_srt_what_its_url_says() {
    run(async {
        let mut one = Server::new(Manner::Play(1));
        let url = format!("srt://{}?streamid=read:cam%2F1&latency=50", one.at);
        let rule = map::Rule::new("/live/a", "srt", &[url]).unwrap();
        let map = map::OriginMap { rules: vec![rule], ..map::OriginMap::default() };
        let edge = Edge::with(Upstream { map: Some(map), ..Upstream::default() }, 10);
        let viewer = edge.watch("a").await;
        sees(&viewer, 1, 5).await;
        assert_eq!(one.said.recv().await.unwrap().as_deref(), Some("read:cam/1"));
    });
}

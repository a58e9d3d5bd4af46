//! What edges fetch, and from where: by rules, by a primary and a secondary, through other edges.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use srs_edge::Edge;
use srs_tests::{Cluster, FlvPlayer, Player, Publisher, Refusal, Report, Source, Target, http, until};

mod failover;
mod listed;
mod map;
mod rules;
mod srt;
mod upstream;

const ORIGIN: &str = env!("CARGO_BIN_EXE_origin-alone");

fn rtmp(edge: &Edge) -> SocketAddr {
    edge.rtmp()[0]
}

fn web(edge: &Edge) -> SocketAddr {
    edge.http()[0]
}

/// `app/stream` at a host without a vhost of its own.
fn at(app: &str, stream: &str) -> Target {
    let tc_url = format!("rtmp://127.0.0.1/{app}");
    Target { app: app.to_owned(), tc_url, ..Target::live(stream) }
}

/// Origins that know nothing of each other, and no proxy.
async fn origins(count: usize) -> Cluster {
    Cluster::build().origins(count).without_proxy().start().await
}

/// A publisher that has sent a second of its stream.
async fn publisher(address: SocketAddr, target: &Target, seed: u8) -> Publisher {
    let mut publisher = Publisher::connect(address, target).await.expect("publishing begins");
    publisher.send_all(&Source::new(seed).clip(25)).await;
    publisher
}

/// What came is of what this publisher sent: the first frame that can be played is.
async fn sees(address: SocketAddr, target: &Target, publisher: &Publisher) {
    let mut player = Player::connect(address, target).await.expect("playing begins");
    player.frames(3).await;
    assert!(srs_tests::media::run_in(&player.got, &publisher.sent).is_some(), "{:?}", player.got);
}

/// The same over HTTP-FLV.
async fn sees_flv(address: SocketAddr, path: &str, publisher: &Publisher) {
    let mut player = FlvPlayer::connect(address, path).await;
    player.frames(3).await;
    assert!(srs_tests::media::run_in(&player.got, &publisher.sent).is_some(), "{:?}", player.got);
}

/// Status and words of an answer.
async fn answer(edge: &Edge, path: &str) -> (u16, String) {
    let reply = http::get(web(edge), path).await;
    (reply.head.status, String::from_utf8_lossy(&reply.body).into_owned())
}

/// Why an RTMP player is not served.
async fn refusal(edge: &Edge, target: &Target) -> Refusal {
    Player::connect(rtmp(edge), target).await.err().expect("a refusal")
}

/// The viewers that a node lists of this stream.
async fn viewers(api: SocketAddr, stream: &str) -> Vec<Value> {
    let reply = http::get(api, "/api/v1/clients?count=1000").await;
    let mut list = reply.json()["clients"].as_array().expect("a list").clone();
    list.retain(|client| client["name"] == stream && client["publish"] == false);
    list
}

/// Waits until a node has so many viewers of this stream.
async fn has_viewers(api: SocketAddr, stream: &str, count: usize) {
    let what = format!("{count} viewers of {stream}");
    until(&what, async || (viewers(api, stream).await.len() == count).then_some(())).await;
}

/// Waits until this origin has a live stream of this name.
async fn is_published(cluster: &Cluster, number: usize, stream: &str) {
    let what = format!("{stream} at origin {number}");
    until(&what, async || {
        let list = cluster.streams(number).await;
        list.iter()
            .any(|listed| listed["name"] == stream && listed["publish"]["active"] == true)
            .then_some(())
    })
    .await;
}

/// Nobody was cut, nothing was of another stream or came twice, and time went on, with no wait longer than this.
fn assert_kept(report: &Report, wait: Duration) {
    assert_eq!((report.publishers_cut, report.viewers_cut, report.wrong), (0, 0, 0), "{report:?}");
    assert_eq!((report.repeated, report.disorder), (0, 0), "{report:?}");
    assert!(report.longest_wait < wait, "{report:?}");
}

//! WebRTC while an origin is drained.

use std::time::Instant;

use srs_rtc::engine::Ended;
use srs_tests::media::coded;
use srs_tests::{Cluster, OriginProcess, Player, Target, http, until, within};

use super::whip::{Whip, play};

/// Has the proxy's operator drain an origin, or take that back.
async fn drain(cluster: &Cluster, origin: usize, method: &str) {
    let path = format!("/api/v1/origins/origin-{}/drain", origin + 1);
    let reply = http::request(cluster.proxy().system_api(), method, &path, "").await;
    assert_eq!(reply.json()["told"], true, "{}", reply.json());
}

#[tokio::test]
async fn a_publisher_of_whip_leaves_an_origin_that_drains_and_its_viewers_go_on() {
    let cluster = Cluster::build().origins(2).rtc().start().await;
    let mut publisher = Whip::start(cluster.http(), "one");
    let holder = cluster.holder("one").await;
    let mut player = Player::connect(cluster.rtmp(), &Target::live("one")).await.expect("playing begins");
    player.frames(30).await;
    let viewer = play(cluster.http(), "one").await;
    let began = Instant::now();
    drain(&cluster, holder, "POST").await;
    let again = publisher.sessions.wait_for(|sessions| sessions.made == 2);
    let sessions = within("a second session", again).await.expect("it publishes").clone();
    assert_eq!(sessions.ended, [Ended::Peer], "it is told by DTLS");
    println!("its second session was made {:?} after the drain began", began.elapsed());
    until("the stream is live at the other origin", async || {
        (cluster.holder("one").await != holder).then_some(())
    })
    .await;
    let left = within("the viewer's session ends", viewer).await.expect("a viewer does not panic");
    assert_eq!(left, Ended::Peer, "it asks anew");
    play(cluster.http(), "one").await;
    let before = coded(&player.got).len();
    player.frames(before + 50).await;
    let times: Vec<u32> = player.got.iter().filter(|mark| mark.is_coded()).map(|mark| mark.time).collect();
    assert!(times.is_sorted(), "time goes on: {times:?}");
    assert_eq!(publisher.sessions.borrow().made, 2, "it stays there");
}

#[tokio::test]
async fn an_origin_that_is_to_end_tells_sessions_of_webrtc_before() {
    let cluster = Cluster::build().origins(0).rtc().start().await;
    let (program, system) = (env!("CARGO_BIN_EXE_origin-alone"), cluster.proxy().system_api());
    let leaving = OriginProcess::with_rtc(program, "leaving", &[system]).await;
    cluster.wait_for_origins(1).await;
    let mut publisher = Whip::start(cluster.http(), "one");
    let mut player = Player::connect(cluster.rtmp(), &Target::live("one")).await.expect("playing begins");
    player.frames(30).await;
    let viewer = play(cluster.http(), "one").await;
    let _other = OriginProcess::with_rtc(program, "other", &[system]).await;
    cluster.wait_for_origins(2).await;
    leaving.signal("TERM").await;
    let again = publisher.sessions.wait_for(|sessions| sessions.made == 2);
    let sessions = within("a second session", again).await.expect("it publishes").clone();
    assert_eq!(sessions.ended, [Ended::Peer]);
    let left = within("the viewer's session ends", viewer).await.expect("a viewer does not panic");
    assert_eq!(left, Ended::Peer, "not for want of checks, much later");
    let (status, output) = leaving.finish().await;
    assert!(status.success() && output.contains("nothing is published here any more"), "{output}");
    let before = coded(&player.got).len();
    player.frames(before + 50).await;
}

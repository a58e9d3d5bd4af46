//! SRT by programs of others: ffmpeg 5.1 and 9, libsrt's own, GStreamer and VLC, in and out, at an origin, through the proxy
//! and at an edge.

use std::path::Path;
use std::time::Duration;

use srs_tests::cluster::srt_config;
use srs_tests::srt::{Call, Playing, Program, Publishing, media, watch};
use srs_tests::{Cluster, HlsPlayer, Player, Program as Running, Target, tools, within};
use tokio::time::sleep;

use crate::recording::words;

const SHORT: u32 = 10;
/// Of what differs in its first seconds alone.
const SHORTER: u32 = 6;
const LONG: u32 = 60;
/// Milliseconds.
const LATENCY: u32 = 800;
const PASSPHRASE: &str = "a-phrase-of-the-tests";

/// Who stands before the origin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Door {
    Origin,
    Proxy,
}

/// A passphrase for all, and the bytes of the key that clients choose.
type Secret = Option<u8>;

async fn cluster(door: Door, secret: Secret) -> Cluster {
    let build = Cluster::build().origins(1).srt(secret.map(|_| PASSPHRASE)).vhost(|vhost| {
        vhost.hls.enabled = true;
        vhost.hls.settings.cut.fragment = Duration::from_secs(2);
    });
    match door {
        Door::Origin => build.without_proxy().start().await,
        Door::Proxy => build.start().await,
    }
}

/// With time enough for a machine that is busy with other tests.
fn with(secret: Secret, call: Call) -> Call {
    let call = call.latency(LATENCY);
    match secret {
        Some(key) => call.secret(PASSPHRASE, key),
        None => call,
    }
}

/// Starts these players of a stream that is live; none where one is missing.
fn play(cluster: &Cluster, secret: Secret, name: &str, players: &[Program]) -> Option<Vec<Playing>> {
    let start = |program: &Program| {
        let call = with(secret, Call::play(cluster.srt(), name));
        Playing::start(*program, &call, cluster.folder().path(&format!("{name}-{}.ts", program.name())))
    };
    players.iter().map(start).collect()
}

/// Each program publishes; each stream is watched over RTMP, HTTP-FLV and by libsrt's own player, one by all players of SRT
/// and over HLS. Nothing is missing anywhere.
async fn all_in_and_out(door: Door, secret: Secret, seconds: u32) {
    let cluster = cluster(door, secret).await;
    let Some(file) = media(cluster.folder(), seconds + 30).await else { return };
    let mut publishers = Vec::new();
    for program in Program::PUBLISHERS {
        let call = with(secret, Call::publish(cluster.srt(), program.name()));
        let Some(publisher) = Publishing::start(program, &call, &file) else { return };
        publishers.push(publisher);
    }
    let time = Duration::from_secs(seconds.into());
    let (mut players, mut watching) = (Vec::new(), tokio::task::JoinSet::new());
    for program in Program::PUBLISHERS {
        let name = program.name();
        cluster.holder(name).await;
        let all: &[Program] =
            if program == Program::Ffmpeg5 { &Program::PLAYERS } else { &[Program::LiveTransmit] };
        let Some(started) = play(&cluster, secret, name, all) else { return };
        players.extend(started.into_iter().map(|player| (name, player)));
        let (rtmp, http) = (cluster.rtmp(), cluster.http());
        watching.spawn(async move { (name, "RTMP", watch::rtmp(rtmp, name, time).await) });
        watching.spawn(async move { (name, "HTTP-FLV", watch::flv(http, name, time).await) });
    }
    let mut hls = HlsPlayer::start(cluster.http(), "/live/ffmpeg5.m3u8").await;
    for (_, player) in &players {
        player.recording().await;
    }
    hls.play(time.saturating_sub(Duration::from_secs(2))).await;
    while let Some(watched) = watching.join_next().await {
        let (name, protocol, watched) = watched.expect("a viewer does not panic");
        watched.assert_whole(&format!("{name} over {protocol}"), f64::from(seconds) - 2.0);
        assert!(!watched.ended, "{name} over {protocol}");
    }
    for (name, player) in players {
        let tape = player.stop().await;
        tape.assert_whole(&format!("{name} over SRT"), f64::from(seconds) - 3.0);
        // These write what they get.
        if matches!(tape.program, Program::LiveTransmit | Program::Gstreamer) {
            tape.assert_faultless(name);
        }
    }
    assert_eq!((hls.continuity_errors(), hls.breaks), (0, 0));
    assert!(hls.seconds >= f64::from(seconds) - 5.0, "{} s of HLS", hls.seconds);
    for publisher in publishers {
        publisher.kill().await;
    }
}

#[tokio::test]
async fn all_publish_and_play_srt_at_an_origin() {
    all_in_and_out(Door::Origin, None, SHORT).await;
}

#[tokio::test]
async fn all_publish_and_play_srt_through_the_proxy() {
    all_in_and_out(Door::Proxy, None, SHORT).await;
}

#[tokio::test]
async fn all_publish_and_play_srt_with_a_passphrase_at_an_origin() {
    all_in_and_out(Door::Origin, Some(32), SHORTER).await;
}

#[tokio::test]
async fn all_publish_and_play_srt_with_a_passphrase_through_the_proxy() {
    all_in_and_out(Door::Proxy, Some(16), SHORTER).await;
}

#[tokio::test]
#[ignore = "four minutes"]
async fn all_publish_and_play_srt_for_a_minute_each() {
    for door in [Door::Origin, Door::Proxy] {
        for secret in [None, Some(24)] {
            all_in_and_out(door, secret, LONG).await;
        }
    }
}

/// Publishes over RTMP in real time.
fn publish_rtmp(file: &Path, cluster: &Cluster, name: &str) -> Option<Running> {
    let ffmpeg = tools::find("ffmpeg")?;
    let line = format!(
        "-v warning -nostdin -re -i {} -c copy -f flv rtmp://{}/live/{name}",
        file.display(),
        cluster.rtmp()
    );
    Some(Running::start(&ffmpeg, words(&line)))
}

/// All players at the proxy, and some at an edge that fetches from it.
async fn rtmp_to_srt(seconds: u32) {
    let cluster = cluster(Door::Proxy, None).await;
    let Some(file) = media(cluster.folder(), seconds + 30).await else { return };
    let edge = cluster.edge_changed("edge-1", |config| {
        config.srt = srt_config(None);
        for vhost in config.vhosts.values_mut() {
            vhost.srt.enabled = true;
        }
    });
    let Some(publisher) = publish_rtmp(&file, &cluster, "from-rtmp") else { return };
    cluster.holder("from-rtmp").await;
    let Some(mut players) = play(&cluster, None, "from-rtmp", &Program::PLAYERS) else { return };
    for program in [Program::Ffmpeg9, Program::LiveTransmit] {
        let file = cluster.folder().path(&format!("edge-{}.ts", program.name()));
        let Some(player) = Playing::start(program, &with(None, Call::play(edge.srt()[0], "from-rtmp")), file)
        else {
            return;
        };
        players.push(player);
    }
    for player in &players {
        player.recording().await;
    }
    sleep(Duration::from_secs(seconds.into())).await;
    for player in players {
        player.stop().await.assert_whole("from RTMP to SRT", f64::from(seconds) - 2.0);
    }
    publisher.kill().await;
}

#[tokio::test]
async fn what_is_published_over_rtmp_is_played_over_srt_at_the_proxy_and_at_an_edge() {
    rtmp_to_srt(SHORTER).await;
}

#[tokio::test]
#[ignore = "a minute"]
async fn what_is_published_over_rtmp_is_played_over_srt_for_a_minute() {
    rtmp_to_srt(LONG).await;
}

/// Three seconds of the clip from its beginning, and a player that was there before.
async fn to_the_end(door: Door) {
    let cluster = cluster(door, None).await;
    let Some(whole) = media(cluster.folder(), 16).await else { return };
    let (Some(ffmpeg), short) = (tools::find("ffmpeg"), cluster.folder().path("short.flv")) else { return };
    let line = format!("-v error -nostdin -y -i {} -t 3 -c copy {}", whole.display(), short.display());
    Running::start(&ffmpeg, words(&line)).succeed().await;
    let Some(players) = play(&cluster, None, "ends", &[Program::Ffmpeg5, Program::LiveTransmit]) else {
        return;
    };
    cluster.viewers("ends", 2).await;
    let publisher =
        Publishing::start(Program::Ffmpeg5, &with(None, Call::publish(cluster.srt(), "ends")), &short);
    let Some(publisher) = publisher else { return };
    let mut rtmp = Player::connect(cluster.rtmp(), &Target::live("ends")).await.expect("playing begins");
    publisher.finish().await;
    for player in players {
        let tape = within("a player's end", player.finish()).await;
        tape.assert_whole("to the end", 2.7);
        // The publisher closes behind its last words, of which its library drops what was not sent: up to three of 75.
        assert!((70..=75).contains(&tape.pictures.count), "{tape:#?}");
    }
    rtmp.finish().await;
    assert_eq!(rtmp.told.last().map(String::as_str), Some("NetStream.Play.UnpublishNotify"));
}

#[tokio::test]
async fn players_that_came_first_get_all_of_a_stream_and_then_its_end() {
    tokio::join!(to_the_end(Door::Origin), to_the_end(Door::Proxy));
}

//! Two proxies that share a directory.

use std::time::Duration;

use srs_tests::{
    Fleet, Plan, Player, Programs, ProxyProcess, Publisher, Shared, Show, Source, Target, until,
};
use tokio::time::Instant;

const PROGRAMS: Programs =
    Programs { proxy: env!("CARGO_BIN_EXE_proxy-alone"), origin: env!("CARGO_BIN_EXE_origin-alone") };

async fn in_mesh(origins: usize) -> Option<Fleet> {
    Fleet::start(PROGRAMS, Shared::Mesh, origins).await
}

async fn pair(origins: usize) -> Option<Fleet> {
    Fleet::start(PROGRAMS, Shared::Redis, origins).await
}

const PLAN: Plan = Plan { streams: 6, rtmp: 2, flv: 2, gop: 12, size: 4000 };

#[tokio::test]
async fn viewers_who_came_first_at_either_proxy_get_the_stream_within_a_second() {
    came_first(pair(3).await, 12).await;
}

#[tokio::test]
async fn viewers_who_came_first_in_a_mesh_get_the_stream_within_a_second() {
    came_first(in_mesh(3).await, 12).await;
}

#[tokio::test]
#[ignore = "a hundred viewers, with each directory"]
async fn a_hundred_viewers_who_came_first_get_their_streams_within_a_second() {
    came_first(Fleet::start(PROGRAMS, Shared::Memory, 3).await, 100).await;
    came_first(pair(3).await, 100).await;
    came_first(in_mesh(3).await, 100).await;
}

/// Each waits for a stream of its own.
async fn came_first(fleet: Option<Fleet>, viewers: usize) {
    let Some(fleet) = fleet else { return };
    let doors = fleet.doors();
    let mut waiting = Vec::new();
    for number in 0..viewers {
        let target = Target::live(&format!("first-{number}"));
        let player = Player::connect(doors[number % doors.len()].0, &target).await.expect("playing begins");
        waiting.push((target, player));
    }
    for (number, (target, player)) in waiting.iter_mut().enumerate() {
        let ingest = doors[(number / 2) % doors.len()].0;
        let mut publisher = Publisher::connect(ingest, target).await.expect("publishing begins");
        let published = Instant::now();
        publisher.send_all(&Source::new(u8::try_from(number).expect("few")).clip(3)).await;
        player.frames(1).await;
        assert!(published.elapsed() < Duration::from_secs(1), "{number}: {:?}", published.elapsed());
        publisher.goodbye().await;
    }
}

#[tokio::test]
async fn the_death_of_one_proxy_is_nothing_to_the_clients_of_the_other() {
    one_dies(pair(2).await).await;
}

#[tokio::test]
async fn the_death_of_one_proxy_of_a_mesh_is_nothing_to_the_clients_of_the_other() {
    one_dies(in_mesh(2).await).await;
}

async fn one_dies(fleet: Option<Fleet>) {
    let Some(mut fleet) = fleet else { return };
    let second = &fleet.proxies[1];
    let show = Show::start("survives", second.rtmp, &[(second.rtmp, second.http)], PLAN).await;
    fleet.proxies.remove(0).kill().await;
    show.run(Duration::from_secs(5)).await;
    let report = show.stop().await;
    let whole =
        report.publishers_cut + report.viewers_cut + report.lost + report.repeated + report.wrong == 0;
    assert!(whole && report.longest_wait < Duration::from_secs(1), "{report:?}");
}

#[tokio::test]
async fn a_dead_origin_costs_no_session_at_either_proxy() {
    let Some(mut fleet) = pair(3).await else { return };
    let show = Show::start("pair", fleet.proxies[0].rtmp, &fleet.doors(), PLAN).await;
    fleet.take_origin(0).kill().await;
    show.run(Duration::from_secs(4)).await;
    let report = show.stop().await;
    let whole = report.publishers_cut + report.viewers_cut + report.repeated + report.wrong == 0;
    assert!(whole && report.longest_wait < Duration::from_secs(3), "{report:?}");
}

#[tokio::test]
async fn a_proxy_that_is_asked_to_end_lets_its_sessions_end_first() {
    let Some(mut fleet) = pair(1).await else { return };
    let leaving = fleet.proxies.remove(0);
    let target = Target::live("leaves");
    let mut publisher = Publisher::connect(leaving.rtmp, &target).await.expect("publishing begins");
    let mut source = Source::new(9);
    publisher.send_all(&source.clip(3)).await;
    leaving.signal("TERM").await;
    // Newcomers for two seconds more, which a balancer needs to hear of it.
    let mut player = Player::connect(leaving.rtmp, &target).await.expect("playing begins");
    player.frames(1).await;
    until("the port is closed", async || {
        tokio::net::TcpStream::connect(leaving.rtmp).await.is_err().then_some(())
    })
    .await;
    publisher.send_all(&source.clip(3)).await;
    player.reach(*publisher.sent.last().expect("frames")).await;
    publisher.goodbye().await;
    player.finish().await;
    drop(player);
    let (status, output) = leaving.finish().await;
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("all sessions have ended"), "{output}");
}

#[tokio::test]
async fn two_processes_share_every_port_and_one_of_them_may_die() {
    share_ports(pair(2).await).await;
}

#[tokio::test]
async fn two_processes_of_a_mesh_share_every_port_and_one_of_them_may_die() {
    share_ports(in_mesh(2).await).await;
}

async fn share_ports(fleet: Option<Fleet>) {
    let Some(mut fleet) = fleet else { return };
    let first = fleet.proxies.remove(0);
    let mut variables = fleet.variables();
    if let Some(gossip) = first.mesh() {
        // The same as the first one's: what cannot be shared is found another place for.
        variables.retain(|(name, _)| !name.starts_with("PROXY_MESH_"));
        variables.push(("PROXY_MESH_LISTEN", gossip.to_string()));
    }
    for (name, address) in [
        ("PROXY_RTMP_SERVER", first.rtmp),
        ("PROXY_HTTP_SERVER", first.http),
        ("PROXY_HTTP_API", first.api),
        ("PROXY_SYSTEM_API", first.system),
    ] {
        variables.push((name, address.to_string()));
    }
    let second = ProxyProcess::start(PROGRAMS.proxy, &variables).await;
    assert_eq!(second.rtmp, first.rtmp);
    until("the second process knows the origins", async || {
        second.output().matches("node registered").count().ge(&2).then_some(())
    })
    .await;
    let show = Show::start("shared", first.rtmp, &[(first.rtmp, first.http)], PLAN).await;
    let serves = |proxy: &ProxyProcess| proxy.output().matches("rtmp p").count();
    assert!(serves(&first) > 0 && serves(&second) > 0, "the kernel deals to both");
    second.kill().await;
    // Whoever reconnects is served, and who was with the first has seen nothing.
    for number in 0..8 {
        let target = Target::live(&format!("again-{number}"));
        let mut publisher = Publisher::connect(first.rtmp, &target).await.expect("publishing begins");
        publisher.send_all(&Source::new(number).clip(3)).await;
        let mut player = Player::connect(first.rtmp, &target).await.expect("playing begins");
        player.frames(1).await;
    }
    let report = show.stop().await;
    let with_second = report.publishers_cut + report.viewers_cut;
    assert!(with_second > 0 && report.wrong + report.repeated == 0, "{report:?}");
}

#[tokio::test]
async fn a_second_process_with_a_directory_of_its_own_is_told_which_port_is_taken() {
    let first = ProxyProcess::start(PROGRAMS.proxy, &[]).await;
    let taken = ("PROXY_RTMP_SERVER", first.rtmp.to_string());
    let words =
        ["PROXY_CLUSTER_SECRET=x".to_owned(), format!("{}={}", taken.0, taken.1), PROGRAMS.proxy.to_owned()];
    let env = srs_tests::tools::find("env").expect("env is everywhere");
    let (status, output) = srs_tests::Program::start(&env, words).finish().await;
    assert!(!status.success());
    assert!(output.contains("PROXY_RTMP_SERVER") && output.contains("in use"), "{output}");
}

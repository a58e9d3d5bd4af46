//! Proxies, origins and edges: who goes where.

use std::time::Duration;

use srs_edge::config::{Cluster as Fetching, Store};
use srs_tests::{
    Cluster, Fleet, FlvPlayer, OriginProcess, Plan, Player, Programs, Publisher, RedisServer, Shared, Show,
    Source, Target, http, until,
};

const PROGRAMS: Programs =
    Programs { proxy: env!("CARGO_BIN_EXE_proxy-alone"), origin: env!("CARGO_BIN_EXE_origin-alone") };

/// Players that a node lists, by kind.
async fn players(api: std::net::SocketAddr) -> Vec<(String, String)> {
    let reply = http::get(api, "/api/v1/clients?count=1000").await;
    let list = reply.json()["clients"].as_array().cloned().unwrap_or_default();
    let playing = list.iter().filter(|client| client["publish"] == false);
    let text =
        |client: &serde_json::Value, field: &str| client[field].as_str().unwrap_or_default().to_owned();
    playing.map(|client| (text(client, "type"), text(client, "name"))).collect()
}

async fn edge(name: &str, fleet: &Fleet) -> OriginProcess {
    let all = |address: fn(&srs_tests::ProxyProcess) -> std::net::SocketAddr| {
        fleet.proxies.iter().map(|proxy| address(proxy).to_string()).collect::<Vec<_>>().join(" ")
    };
    let (rtmp, web) = (all(|proxy| proxy.rtmp), all(|proxy| proxy.http));
    let vhost = format!("cluster {{ mode remote; origin {rtmp}; origin_http {web}; }}");
    OriginProcess::with(env!("CARGO_BIN_EXE_edge-alone"), name, &[fleet.proxies[0].system], &vhost).await
}

async fn wait_for_edges(fleet: &Fleet, count: usize) {
    for proxy in &fleet.proxies {
        until(&format!("{count} living edges"), async || {
            let reply = http::get(proxy.system, "/api/v1/origins").await;
            let list = reply.json()["origins"].as_array().cloned().unwrap_or_default();
            let living = list.iter().filter(|node| node["alive"] == true && node["role"] == "edge").count();
            (living == count).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn origins_have_publishers_and_fetches_and_edges_have_the_viewers() {
    let Some(fleet) = Fleet::start(PROGRAMS, Shared::Mesh, 3).await else { return };
    let edges = [edge("edge-0", &fleet).await, edge("edge-1", &fleet).await];
    wait_for_edges(&fleet, 2).await;
    let plan = Plan { streams: 4, rtmp: 6, flv: 6, gop: 12, size: 4000 };
    let show = Show::start("roles", fleet.proxies[0].rtmp, &fleet.doors(), plan).await;
    show.run(Duration::from_secs(1)).await;
    let mut pulls = 0;
    for origin in fleet.origins.iter().flatten() {
        pulls += players(origin.api).await.len();
    }
    let mut viewers = 0;
    for edge in &edges {
        viewers += players(edge.api).await.len();
    }
    assert_eq!(viewers, 48);
    assert!(
        (4..=8).contains(&pulls),
        "a stream is fetched once by each edge that has viewers of it: {pulls}"
    );
    let report = show.stop().await;
    assert_eq!(
        (report.viewers_cut, report.wrong, report.disorder, report.to_the_end),
        (0, 0, 0, 48),
        "{report:?}"
    );
}

#[tokio::test]
async fn viewers_of_an_edge_that_dies_go_on_at_another() {
    let Some(fleet) = Fleet::start(PROGRAMS, Shared::Memory, 2).await else { return };
    let dying = edge("edge-0", &fleet).await;
    wait_for_edges(&fleet, 1).await;
    let plan = Plan { streams: 3, rtmp: 2, flv: 2, gop: 12, size: 4000 };
    let show = Show::start("edge-killed", fleet.proxies[0].rtmp, &fleet.doors(), plan).await;
    assert_eq!(players(dying.api).await.len(), 12);
    let other = edge("edge-1", &fleet).await;
    wait_for_edges(&fleet, 2).await;
    dying.kill().await;
    show.run(Duration::from_secs(4)).await;
    assert_eq!(players(other.api).await.len(), 12);
    let report = show.stop().await;
    println!("{report:?}");
    assert_eq!(
        (report.viewers_cut, report.wrong, report.disorder, report.to_the_end),
        (0, 0, 0, 12),
        "{report:?}"
    );
    assert!(report.longest_wait < Duration::from_secs(3), "{report:?}");
}

fn store(redis: &RedisServer, name: Option<&str>) -> Option<Store> {
    Some(Store {
        redis: format!("127.0.0.1:{}", redis.port()),
        auth: None,
        origin_host_name: name.map(str::to_owned),
        compatible: false,
    })
}

#[tokio::test]
async fn an_edge_finds_streams_where_origins_name_them_and_redis_may_die_meanwhile() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let named = store(&redis, Some("127.0.0.1"));
    let mut cluster = Cluster::build()
        .origins(1)
        .without_proxy()
        .vhost(move |vhost| vhost.origin_map_store = named.clone())
        .start()
        .await;
    let looks = store(&redis, None);
    let edge = cluster.edge_with("edge-1", None, |vhost| {
        vhost.cluster = Fetching::default();
        vhost.origin_map_store = looks;
    });
    let publish = async |cluster: &Cluster, number: usize, stream: &str| {
        let address = cluster.origin(number).rtmp()[0];
        let mut publisher =
            Publisher::connect(address, &Target::live(stream)).await.expect("publishing begins");
        let mut source = Source::new(1);
        publisher.send_all(&source.clip(25)).await;
        (publisher, source)
    };
    let play = async |stream: &str| {
        until("the store knows the stream", async || {
            let mut player = Player::connect(edge.rtmp()[0], &Target::live(stream)).await.ok()?;
            while !player.next().await?.mark().is_coded() {}
            Some(player)
        })
        .await
    };
    let (mut first, mut source) = publish(&cluster, 0, "named").await;
    let mut player = play("named").await;
    // An origin more, of which the edge was never told.
    let number = cluster.add_origin("origin-2");
    let (_second, _) = publish(&cluster, number, "named-too").await;
    let _other = play("named-too").await;
    redis.kill().await;
    first.send_all(&source.clip(25)).await;
    player.reach(*first.sent.last().expect("frames")).await;
    let mut again = FlvPlayer::connect(edge.http()[0], &Target::flv("named")).await;
    again.frames(1).await;
}

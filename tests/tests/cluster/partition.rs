//! Two proxies of a mesh that do not see each other for a while: in two network namespaces with two cables, one for gossip
//! and one for all else, of which the first is pulled.

use std::net::SocketAddr;
use std::time::Duration;

use srs_tests::media::coded;
use srs_tests::{
    OriginProcess, Player, Program, ProxyProcess, Publisher, Source, Target, http, tools, until,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Set in the process that has a network of its own.
const INSIDE: &str = "SRS_TESTS_INSIDE";

/// Names that are raced for while the proxies are apart.
const NAMES: usize = 20;

async fn ip(words: &str) {
    let ip = tools::find("ip").expect("it was there");
    Program::start(&ip, words.split(' ')).succeed().await;
}

/// The other namespace, and the words to put before a program of it.
async fn other_side() -> (Program, Vec<String>) {
    let unshare = tools::find("unshare").expect("it was there");
    let other = Program::start(&unshare, ["--net", "sleep", "600"]);
    let net = format!("/proc/{}/ns/net", other.pid());
    let own = std::fs::read_link("/proc/self/ns/net").expect("a namespace");
    until("another namespace", async || std::fs::read_link(&net).ok().filter(|theirs| *theirs != own)).await;
    let enter = tools::find("nsenter").expect("it was there");
    let before = vec![enter.display().to_string(), format!("--net={net}")];
    ip("link set lo up").await;
    for (number, cable) in ["gossip", "media"].iter().enumerate() {
        ip(&format!("link add {cable} type veth peer name far{number} netns {}", other.pid())).await;
        ip(&format!("addr add 10.9.{number}.1/24 dev {cable}")).await;
        // The origins' APIs are at an address of their own.
        ip(&format!("addr add 10.9.{number}.2/24 dev {cable}")).await;
        ip(&format!("link set {cable} up")).await;
        for words in [
            "link set lo up".to_owned(),
            format!("addr add 10.9.{number}.9/24 dev far{number}"),
            format!("link set far{number} up"),
        ] {
            let program = before[1..].iter().cloned().chain(["ip".to_owned()]);
            Program::start(&enter, program.chain(words.split(' ').map(str::to_owned))).succeed().await;
        }
    }
    (other, before)
}

async fn proxy(before: &[String], side: u8) -> ProxyProcess {
    let mut variables = vec![
        ("PROXY_LOAD_BALANCER_TYPE", "mesh".to_owned()),
        ("PROXY_SYSTEM_API_ALLOW", "10.9.1.0/24".to_owned()),
        ("PROXY_MESH_LISTEN", format!("10.9.0.{side}:7000")),
        ("PROXY_MESH_PEERS", "10.9.0.1:7000 10.9.0.9:7000".to_owned()),
    ];
    let listeners = [
        "PROXY_RTMP_SERVER",
        "PROXY_HTTP_SERVER",
        "PROXY_HTTP_API",
        "PROXY_SRT_SERVER",
        "PROXY_WEBRTC_SERVER",
        "PROXY_SYSTEM_API",
    ];
    for name in listeners {
        variables.push((name, format!("10.9.1.{side}:0")));
    }
    ProxyProcess::behind(before, env!("CARGO_BIN_EXE_proxy-alone"), &variables).await
}

/// How many origins publish this name, as a proxy that asks all of them sums it up.
async fn owners(proxy: &ProxyProcess, name: &str) -> usize {
    let reply = http::get(proxy.api, "/api/v1/streams?count=1000").await;
    let list = reply.json()["streams"].as_array().cloned().expect("a list of streams");
    list.iter().filter(|stream| stream["name"] == name && stream["publish"]["active"] == true).count()
}

/// Publishes a name at this door until it is told to end, or cut off by a newer owner. Gives what it sent.
async fn encoder(door: SocketAddr, name: String, seed: u8, end: watch::Receiver<bool>) -> Vec<[u8; 32]> {
    let mut source = Source::new(seed);
    let mut sent = Vec::new();
    let Ok(mut publisher) = Publisher::connect(door, &Target::live(&name)).await else { return sent };
    let mut frames = source.clip(1);
    while !*end.borrow() {
        for frame in &frames {
            if !publisher.send(frame).await {
                return sent;
            }
            sent.push(frame.mark().sha256);
        }
        sleep(Duration::from_millis(40)).await;
        frames = source.tick();
    }
    sent
}

async fn inside() {
    let (_other, before) = other_side().await;
    let proxies = [proxy(&[], 1).await, proxy(&before, 9).await];
    let beats = [proxies[0].system, proxies[1].system];
    let mut origins = Vec::new();
    for number in 0..3 {
        let (program, here) = (env!("CARGO_BIN_EXE_origin-alone"), "10.9.1.1".parse().expect("an address"));
        origins.push(OriginProcess::at(program, &format!("origin-{number}"), &beats, here).await);
    }
    for proxy in &proxies {
        // By the log: the list is for the proxy's own machine.
        until("a proxy that knows three origins", async || {
            (proxy.output().matches("node registered").count() >= 3).then_some(())
        })
        .await;
    }
    sleep(Duration::from_secs(2)).await;
    ip("link set gossip down").await;
    // Until each takes the other for dead.
    sleep(Duration::from_secs(5)).await;
    let (end, ended) = watch::channel(false);
    let (mut encoders, mut viewers) = (Vec::new(), Vec::new());
    for number in 0..NAMES {
        let name = format!("apart-{number}");
        for (side, proxy) in proxies.iter().enumerate() {
            let seed = u8::try_from(2 * number + side).expect("small");
            encoders.push((number, tokio::spawn(encoder(proxy.rtmp, name.clone(), seed, ended.clone()))));
        }
        let door = proxies[number % 2].rtmp;
        let mut player = Player::connect(door, &Target::live(&name)).await.expect("playing begins");
        viewers.push(tokio::spawn(async move {
            while let Ok(Some(_)) = timeout(Duration::from_secs(4), player.next()).await {}
            coded(&player.got)
        }));
    }
    sleep(Duration::from_secs(2)).await;
    ip("link set gossip up").await;
    let healed = Instant::now();
    for number in 0..NAMES {
        let name = format!("apart-{number}");
        while owners(&proxies[0], &name).await != 1 {
            // They look for each other every half second, and from then on it takes three seconds at most.
            let count = owners(&proxies[0], &name).await;
            let logs =
                || proxies.iter().map(ProxyProcess::output).collect::<Vec<_>>().join("\n== the other\n");
            assert!(healed.elapsed() < Duration::from_secs(6), "{name} has {count} owners; {}", logs());
            sleep(Duration::from_millis(50)).await;
        }
    }
    println!("one owner of each name {:?} after the cable was back", healed.elapsed());
    end.send_replace(true);
    let mut sent: Vec<Vec<Vec<[u8; 32]>>> = vec![Vec::new(); NAMES];
    for (number, encoder) in encoders {
        sent[number].push(encoder.await.expect("no panic"));
    }
    for (number, viewer) in viewers.into_iter().enumerate() {
        let got = viewer.await.expect("no panic");
        let whose = |hash: &[u8; 32]| sent[number].iter().position(|own| own.contains(hash));
        let whom: Vec<usize> = got.iter().filter_map(|mark| whose(&mark.sha256)).collect();
        let changes = whom.windows(2).filter(|two| two[0] != two[1]).count();
        assert!(!whom.is_empty() && changes <= 1, "a viewer of apart-{number} saw {whom:?}");
    }
}

#[tokio::test]
async fn names_that_are_raced_for_in_a_mesh_that_is_apart_have_one_owner_when_it_heals() {
    if std::env::var_os(INSIDE).is_some() {
        return inside().await;
    }
    let found = ["unshare", "ip", "nsenter"].map(tools::find);
    let [Some(unshare), Some(_), Some(_)] = found else { return };
    let own = std::env::current_exe().expect("this test is a file").display().to_string();
    // All of it ends with this test, whatever ends that: the first process of its own space takes the others along.
    let options = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let name = "partition::names_that_are_raced_for_in_a_mesh_that_is_apart_have_one_owner_when_it_heals";
    let inside = format!("{INSIDE}=1");
    let rest = ["env", &inside, &own, "--exact", name, "--nocapture"];
    let output = Program::start(&unshare, options.into_iter().chain(rest)).succeed().await;
    assert!(output.contains("one owner of each name"), "{output}");
}

//! The balancers that `conf/lb/` configures, before two proxies: nobody who comes through them is a stranger to the
//! proxies, and nobody needs to know that one of the two is gone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use srs_origin::Origin;
use srs_proxy::Proxy;
use srs_proxy::config::Config as ProxyConfig;
use srs_tests::cluster::{Folder, SECRET, any_port, origin_config};
use srs_tests::{FlvPlayer, Player, Program, Publisher, Raw, Source, Target, http, logs, tools, until};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

/// A client that comes back is served within this, whichever proxy died.
const SERVED_AGAIN: Duration = Duration::from_secs(10);

/// Where clients say that they are; the balancers' own connections come from 127.0.0.1.
const CLIENT: [u8; 4] = [127, 0, 0, 2];

#[tokio::test]
async fn clients_of_haproxy_are_known_by_their_own_address_and_survive_the_loss_of_a_proxy() {
    let Some(haproxy) = tools::find("haproxy") else { return };
    let start =
        |file: &Path, _: &Folder| Program::start(&haproxy, ["-db".as_ref(), "-f".as_ref(), file.as_os_str()]);
    clients_survive("haproxy.cfg", start).await;
}

#[tokio::test]
async fn clients_of_nginx_are_known_by_their_own_address_and_survive_the_loss_of_a_proxy() {
    let Some(nginx) = tools::find("nginx") else { return };
    let start = |file: &Path, folder: &Folder| {
        // One process: workers would outlive a master that is killed.
        let rest = format!("daemon off; master_process off; pid {};", folder.path("nginx.pid").display());
        let arguments = ["-e", "stderr", "-g", &rest, "-c"].map(String::from);
        let file = file.display().to_string();
        Program::start(&nginx, arguments.into_iter().chain([file]))
    };
    clients_survive("nginx.conf", start).await;
}

#[tokio::test]
async fn a_balancer_without_the_header_is_closed_and_named_in_the_log_with_the_reason() {
    logs::keep();
    let config = ProxyConfig {
        rtmp: any_port(),
        http_server: any_port(),
        http_api: any_port(),
        srt: any_port(),
        webrtc: any_port(),
        system_api: any_port(),
        protocol_trust: vec!["127.0.0.1".parse().expect("an address")],
        ..ProxyConfig::default()
    };
    let proxy = Proxy::bind(config).expect("a proxy starts");
    let mut client = Raw::connect(proxy.rtmp()).await;
    client.send(&[3; 16]).await;
    assert_eq!(client.closed().await, b"");
    let peer = format!("peer=127.0.0.1:{}", client.port());
    logs::wait(&["WARN", "listener=\"rtmp\"", &peer, "does not begin with a PROXY header"]).await;
}

async fn clients_survive(file: &str, start: impl Fn(&Path, &Folder) -> Program) {
    let folder = Folder::new();
    let mut proxies = [ProxyProcess::start().await, ProxyProcess::start().await];
    let mut config = origin_config(&folder.path(""), "origin", Some(proxies[0].system));
    config.heartbeat.urls =
        proxies.iter().map(|proxy| format!("http://{}/api/v1/srs/register", proxy.system)).collect();
    let _origin = Origin::bind(config).expect("an origin starts");
    for proxy in &proxies {
        proxy.knows_an_origin().await;
    }
    let balancer = Balancer::start(file, &folder, &proxies, start).await;
    let (rtmp, web) = (passed_from(CLIENT, balancer.rtmp).await, passed_from(CLIENT, balancer.http).await);

    let target = Target::live("balanced");
    let (mut publisher, player) = stream(rtmp, &target, 91).await;
    let mut flv = FlvPlayer::connect(web, &Target::flv("balanced")).await;
    flv.reach(*publisher.sent.last().expect("frames")).await;
    let served = |what: &str| proxies.iter().position(|proxy| proxy.served(what));
    let publishes = served("rtmp publish").expect("the publisher's address is in a proxy's log");
    assert!(served("rtmp play").is_some(), "the player's address is in a proxy's log");
    assert!(served("http-flv play").is_some(), "the viewer's address is in a proxy's log");

    let began = Instant::now();
    proxies[publishes].kill().await;
    publisher.closed().await;
    drop((publisher, player, flv));
    let (publisher, _player) = stream(rtmp, &target, 92).await;
    let mut flv = FlvPlayer::connect(web, &Target::flv("balanced")).await;
    flv.reach(*publisher.sent.last().expect("frames")).await;
    assert!(began.elapsed() < SERVED_AGAIN, "{:?}", began.elapsed());
}

/// Publishes a stream and watches it: both as clients do that try again until they are served.
async fn stream(rtmp: SocketAddr, target: &Target, seed: u8) -> (Publisher, Player) {
    let mut publisher = until("publishing", async || Publisher::connect(rtmp, target).await.ok()).await;
    publisher.send_all(&Source::new(seed).clip(12)).await;
    let mut player = until("playing", async || Player::connect(rtmp, target).await.ok()).await;
    player.reach(*publisher.sent.last().expect("frames")).await;
    (publisher, player)
}

/// A proxy in a process of its own, which trusts the balancers of this machine.
struct ProxyProcess {
    program: Option<Program>,
    rtmp: SocketAddr,
    http: SocketAddr,
    system: SocketAddr,
}

impl ProxyProcess {
    async fn start() -> ProxyProcess {
        let listeners =
            ["RTMP_SERVER", "HTTP_SERVER", "HTTP_API", "SRT_SERVER", "WEBRTC_SERVER", "SYSTEM_API"];
        let mut arguments: Vec<String> =
            listeners.iter().map(|listener| format!("PROXY_{listener}=127.0.0.1:0")).collect();
        arguments.push("PROXY_PROTOCOL_TRUST=127.0.0.1".to_owned());
        arguments.push(format!("PROXY_CLUSTER_SECRET={SECRET}"));
        arguments.push(env!("CARGO_BIN_EXE_proxy-alone").to_owned());
        let program = Program::start(Path::new("env"), arguments);
        let address = async |kind: &str| {
            let text = program.line(kind).await;
            text.trim().parse::<SocketAddr>().unwrap_or_else(|error| panic!("{kind} {text:?}: {error}"))
        };
        let (rtmp, http, system) = (address("rtmp ").await, address("http ").await, address("system ").await);
        ProxyProcess { program: Some(program), rtmp, http, system }
    }

    async fn knows_an_origin(&self) {
        until("a living origin", async || {
            let list = http::get(self.system, "/api/v1/origins").await.json();
            list["origins"].as_array()?.iter().any(|origin| origin["alive"] == true).then_some(())
        })
        .await;
    }

    /// Whether its log tells of such a session of the client's.
    fn served(&self, what: &str) -> bool {
        let log = self.program.as_ref().map(Program::output).unwrap_or_default();
        log.lines().any(|line| line.contains(what) && line.contains("127.0.0.2:"))
    }

    async fn kill(&mut self) {
        self.program.take().expect("a running proxy").kill().await;
    }
}

/// A running balancer.
struct Balancer {
    _program: Program,
    rtmp: SocketAddr,
    http: SocketAddr,
}

impl Balancer {
    /// Starts it with the file that we ship, in which only the ports are others.
    async fn start(
        file: &str,
        folder: &Folder,
        proxies: &[ProxyProcess; 2],
        start: impl Fn(&Path, &Folder) -> Program,
    ) -> Balancer {
        let shipped = shipped(file);
        loop {
            // Another program may take a port before the balancer does.
            let (rtmp, http) = (free_port(), free_port());
            let text = with_ports(
                &shipped,
                &[
                    ("11935", proxies[0].rtmp.port()),
                    ("18080", proxies[0].http.port()),
                    ("21935", proxies[1].rtmp.port()),
                    ("28080", proxies[1].http.port()),
                    ("1935", rtmp),
                    ("8080", http),
                ],
            );
            let path = folder.path(file);
            std::fs::write(&path, text).expect("a configuration file");
            let program = start(&path, folder);
            let listens = async |port: u16| TcpStream::connect(("127.0.0.1", port)).await.is_ok();
            let started = until("the balancer to listen or to end", async || {
                if listens(rtmp).await && listens(http).await {
                    return Some(true);
                }
                let output = program.output().to_lowercase();
                (output.contains("address already in use") || output.contains("cannot bind")).then_some(false)
            });
            if started.await {
                let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
                return Balancer { _program: program, rtmp: at(rtmp), http: at(http) };
            }
        }
    }
}

fn shipped(file: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned();
    std::fs::read_to_string(root.join("conf/lb").join(file)).expect("a file that we ship")
}

/// The text with other ports, where a port stands as a number of its own behind a colon or a blank.
fn with_ports(text: &str, ports: &[(&str, u16)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(number.len());
        let (number, behind) = number.split_at(end);
        let port = ports.iter().find(|(port, _)| *port == number);
        out.push_str(before);
        out.push_str(&port.map_or_else(|| number.to_owned(), |(_, other)| other.to_string()));
        rest = behind;
    }
    out + rest
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    listener.local_addr().expect("an address").port()
}

/// A client's own address: connections to the answer go on from `source`.
async fn passed_from(source: [u8; 4], to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.expect("accepting");
            tokio::spawn(async move {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind(SocketAddr::from((source, 0))).expect("a port of the client's address");
                let Ok(mut server) = socket.connect(to).await else { return };
                let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

//! A proxy and its origins in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use srs_boot::{Listen, Secret, Shards};
use srs_origin::Origin;
use srs_origin::config::{Config as OriginConfig, HttpRemux, Rtc, Srt, Vhost};
use srs_proxy::Proxy;
use srs_proxy::config::{Config as ProxyConfig, DefaultBackend};

pub use crate::folder::Folder;
use crate::{http, logs, until};

/// Between two heartbeats of a test's origins.
const BEAT: Duration = Duration::from_millis(150);

/// The cluster's secret in tests, and not this machine's own.
pub const SECRET: &str = "the secret of the tests";

/// A port of loopback that the system chooses.
pub fn any_port() -> Listen {
    Listen { ip: Some(Ipv4Addr::LOCALHOST.into()), port: 0 }
}

/// An origin's configuration with everything on. `beat` is a proxy's system API.
pub fn origin_config(folder: &Path, name: &str, beat: Option<SocketAddr>) -> OriginConfig {
    let mut config = OriginConfig { max_connections: 4000, ..OriginConfig::default() };
    config.pid = folder.join(format!("{name}.pid"));
    config.server_id = Some(name.to_owned());
    config.cluster_secret = Some(Secret::new(SECRET));
    config.shards = Shards::Count(NonZeroUsize::MIN);
    config.rtmp.listen = vec![any_port()];
    config.http_server.enabled = true;
    config.http_server.listen = vec![any_port()];
    config.http_server.dir = folder.join("html");
    config.http_api.enabled = true;
    // Another address than the media's, or both would be one server.
    config.http_api.listen = vec![Listen { ip: Some(Ipv4Addr::new(127, 0, 0, 2).into()), port: 0 }];
    if let Some(system) = beat {
        config.heartbeat.enabled = true;
        config.heartbeat.interval = BEAT;
        config.heartbeat.urls = vec![format!("http://{system}/api/v1/srs/register")];
        config.heartbeat.device_id = name.to_owned();
        config.heartbeat.ports = true;
    }
    let mut vhost =
        Vhost { http_remux: HttpRemux { enabled: true, ..HttpRemux::default() }, ..Vhost::default() };
    vhost.play.mw_latency = Duration::from_millis(20);
    config.vhosts.insert("__defaultVhost__".to_owned(), vhost);
    config
}

/// SRT on a port that the system chooses, for those who know the passphrase if there is one.
pub fn srt_config(passphrase: Option<&str>) -> Srt {
    Srt { enabled: true, listen: vec![any_port()], passphrase: passphrase.map(Secret::new), ..Srt::default() }
}

/// WebRTC on a port that the system chooses.
pub fn rtc_config() -> Rtc {
    Rtc { enabled: true, listen: vec![any_port()], ..Rtc::default() }
}

/// How a cluster is to be.
pub struct Builder {
    origins: usize,
    proxy: bool,
    shards: usize,
    backend: Option<(SocketAddr, Option<SocketAddr>)>,
    srt: Option<Srt>,
    rtc: Option<Rtc>,
    change: Box<dyn Fn(&mut Vhost)>,
}

impl Builder {
    /// So many origins; three by default.
    #[must_use]
    pub fn origins(mut self, count: usize) -> Builder {
        self.origins = count;
        self
    }

    /// No proxy: one origin or more, each alone.
    #[must_use]
    pub fn without_proxy(mut self) -> Builder {
        self.proxy = false;
        self
    }

    /// Threads of each role; one by default.
    #[must_use]
    pub fn shards(mut self, count: usize) -> Builder {
        self.shards = count;
        self
    }

    /// The proxy's default backend: an RTMP server and perhaps an HTTP server.
    #[must_use]
    pub fn backend(mut self, rtmp: SocketAddr, http: Option<SocketAddr>) -> Builder {
        self.backend = Some((rtmp, http));
        self
    }

    /// Origins serve SRT too, on ports that the system chooses; whom a passphrase is given wants it of clients.
    #[must_use]
    pub fn srt(mut self, passphrase: Option<&str>) -> Builder {
        self.srt = Some(srt_config(passphrase));
        self
    }

    /// Origins serve WebRTC too, on ports that the system chooses.
    #[must_use]
    pub fn rtc(self) -> Builder {
        self.rtc_changed(|_| {})
    }

    /// The same, changed.
    #[must_use]
    pub fn rtc_changed(mut self, change: impl FnOnce(&mut Rtc)) -> Builder {
        change(self.rtc.get_or_insert_with(rtc_config));
        self
    }

    /// Changes the default vhost of every origin.
    #[must_use]
    pub fn vhost(mut self, change: impl Fn(&mut Vhost) + 'static) -> Builder {
        self.change = Box::new(change);
        self
    }

    /// Starts everything, and waits until the proxy knows every origin.
    pub async fn start(self) -> Cluster {
        logs::keep();
        let folder = Folder::new();
        let shards = Shards::Count(NonZeroUsize::new(self.shards).expect("at least one shard"));
        let config = self.proxy.then(|| {
            let listen = |socket: SocketAddr| Listen { ip: Some(socket.ip()), port: socket.port() };
            let backend = self.backend.map(|(rtmp, http)| DefaultBackend {
                ip: "127.0.0.1".to_owned(),
                rtmp: listen(rtmp),
                http: listen(http.unwrap_or(rtmp)),
                api: listen(http.unwrap_or(rtmp)),
                rtc: any_port(),
                srt: any_port(),
            });
            ProxyConfig {
                rtmp: any_port(),
                http_server: any_port(),
                http_api: any_port(),
                srt: any_port(),
                webrtc: any_port(),
                system_api: any_port(),
                shards,
                default_backend: backend,
                // One that a proxy started anew has too, without a look at this machine's own.
                cluster_secret: Some(Secret::new(SECRET)),
                ..ProxyConfig::default()
            }
        });
        let proxy = config.clone().map(|config| Proxy::bind(config).expect("a proxy starts"));
        let (origins, places) = (Vec::new(), Vec::new());
        let (change, srt, rtc) = (self.change, self.srt, self.rtc);
        let mut cluster = Cluster { origins, places, proxy, config, folder, change, srt, rtc, shards };
        for number in 1..=self.origins {
            cluster.add_origin(&format!("origin-{number}"));
        }
        cluster.wait_for_origins(self.origins).await;
        cluster
    }
}

/// Running roles. Dropping it ends them all.
pub struct Cluster {
    origins: Vec<Option<Origin>>,
    /// What each is called, and where it serves RTMP and HTTP.
    places: Vec<(String, SocketAddr, SocketAddr)>,
    proxy: Option<Proxy>,
    config: Option<ProxyConfig>,
    folder: Folder,
    change: Box<dyn Fn(&mut Vhost)>,
    srt: Option<Srt>,
    rtc: Option<Rtc>,
    shards: Shards,
}

impl Cluster {
    /// A proxy and three origins, unless changed.
    pub fn build() -> Builder {
        Builder {
            origins: 3,
            proxy: true,
            shards: 1,
            backend: None,
            srt: None,
            rtc: None,
            change: Box::new(|_| {}),
        }
    }

    /// Starts one more origin under this id, and does not wait for its registration.
    pub fn add_origin(&mut self, name: &str) -> usize {
        let origin = Origin::bind(self.origin_config(name)).expect("an origin starts");
        self.places.push((name.to_owned(), origin.rtmp()[0], origin.http()[0]));
        self.origins.push(Some(origin));
        self.origins.len() - 1
    }

    fn origin_config(&self, name: &str) -> OriginConfig {
        let folder = self.folder.path(name);
        std::fs::create_dir_all(&folder).expect("a folder for the origin");
        let mut config = origin_config(&folder, name, self.proxy.as_ref().map(Proxy::system_api));
        config.shards = self.shards;
        config.srt = self.srt.clone().unwrap_or(config.srt);
        config.rtc = self.rtc.clone().unwrap_or(config.rtc);
        for vhost in config.vhosts.values_mut() {
            vhost.srt.enabled = self.srt.is_some();
            vhost.rtc.enabled = self.rtc.is_some();
            (self.change)(vhost);
        }
        config
    }

    /// Starts an origin again that was stopped, where it was.
    pub async fn start_origin_again(&mut self, number: usize) {
        let (name, rtmp, http) = self.places[number].clone();
        let at = |address: SocketAddr| vec![Listen { ip: Some(address.ip()), port: address.port() }];
        let mut config = self.origin_config(&name);
        (config.rtmp.listen, config.http_server.listen) = (at(rtmp), at(http));
        let again = async || Origin::bind(config.clone()).ok();
        self.origins[number] = Some(until("the origin's ports are free again", again).await);
    }

    /// Waits until the proxy thinks that `count` origins live; the default backend is not counted.
    pub async fn wait_for_origins(&self, count: usize) {
        if self.proxy.is_none() {
            return;
        }
        let what = format!("{count} living origins");
        until(&what, async || {
            let list = self.origins().await;
            let alive =
                list.iter().filter(|origin| origin["alive"] == true && origin["id"] != "default-backend");
            (alive.count() == count).then_some(())
        })
        .await;
    }

    /// The proxy's list of origins.
    pub async fn origins(&self) -> Vec<Value> {
        let reply = http::get(self.proxy().system_api(), "/api/v1/origins").await;
        reply.json()["origins"].as_array().expect("a list of origins").clone()
    }

    /// The proxy.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("this cluster has a proxy")
    }

    /// Ends the proxy with all its sessions, leaves its ports closed for a while, and starts another on them.
    pub async fn restart_proxy(&mut self, closed: Duration) {
        let (proxy, config) = (self.proxy.take().expect("a proxy"), self.config.clone().expect("a proxy"));
        let at = |address: SocketAddr| Listen { ip: Some(address.ip()), port: address.port() };
        let config = ProxyConfig {
            rtmp: at(proxy.rtmp()),
            http_server: at(proxy.http()),
            http_api: at(proxy.http_api()),
            srt: at(proxy.srt()),
            webrtc: at(proxy.webrtc()),
            system_api: at(proxy.system_api()),
            ..config
        };
        drop(proxy);
        tokio::time::sleep(closed).await;
        let proxy =
            until("the proxy's ports are free again", async || Proxy::bind(config.clone()).ok()).await;
        self.proxy = Some(proxy);
    }

    /// One origin, from 0.
    pub fn origin(&self, number: usize) -> &Origin {
        self.origins[number].as_ref().expect("this origin runs")
    }

    /// Ends an origin: its sockets close and its port refuses.
    pub fn stop_origin(&mut self, number: usize) {
        self.origins[number] = None;
    }

    /// A folder of this cluster's own.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Where clients go over RTMP: the proxy, else the first origin.
    pub fn rtmp(&self) -> SocketAddr {
        self.proxy.as_ref().map_or_else(|| self.origin(0).rtmp()[0], Proxy::rtmp)
    }

    /// Where clients go over HTTP: the proxy, else the first origin.
    pub fn http(&self) -> SocketAddr {
        self.proxy.as_ref().map_or_else(|| self.origin(0).http()[0], Proxy::http)
    }

    /// Where clients go over SRT: the proxy, else the first origin.
    pub fn srt(&self) -> SocketAddr {
        self.proxy.as_ref().map_or_else(|| self.origin(0).srt()[0], Proxy::srt)
    }

    /// The streams that an origin lists, by its API.
    pub async fn streams(&self, number: usize) -> Vec<Value> {
        list(self.origin(number).api()[0], "streams").await
    }

    /// The clients that an origin lists, by its API.
    pub async fn clients(&self, number: usize) -> Vec<Value> {
        list(self.origin(number).api()[0], "clients").await
    }

    /// The origin that has a live stream of this name; waits for one.
    pub async fn holder(&self, stream: &str) -> usize {
        until(&format!("an origin with the stream {stream}"), async || {
            for number in 0..self.origins.len() {
                if self.origins[number].is_some()
                    && self.streams(number).await.iter().any(|listed| is_live(listed, stream))
                {
                    return Some(number);
                }
            }
            None
        })
        .await
    }

    /// Waits until the origins together have `count` viewers of a stream, waiting ones included.
    pub async fn viewers(&self, stream: &str, count: usize) {
        until(&format!("{count} viewers of {stream}"), async || {
            let mut seen = 0;
            for number in 0..self.origins.len() {
                if self.origins[number].is_some() {
                    let clients = self.clients(number).await;
                    seen += clients
                        .iter()
                        .filter(|client| client["name"] == stream && client["publish"] == false)
                        .count();
                }
            }
            (seen >= count).then_some(())
        })
        .await;
    }
}

fn is_live(listed: &Value, stream: &str) -> bool {
    listed["name"] == stream && listed["publish"]["active"] == true
}

async fn list(api: SocketAddr, what: &str) -> Vec<Value> {
    let reply = http::get(api, &format!("/api/v1/{what}?count=1000")).await;
    reply.json()[what].as_array().unwrap_or_else(|| panic!("a list of {what}")).clone()
}

/// The registration of a server that is none of ours; `id` is its server id. It promises to beat every second.
pub async fn register(system: SocketAddr, id: &str, rtmp: SocketAddr, http: Option<SocketAddr>) {
    let mut body = json!({
        "device_id": id, "ip": "127.0.0.1", "server": id, "service": "s1", "pid": "1",
        "rtmp": [rtmp.port().to_string()], "interval_ms": 1000,
    });
    if let Some(http) = http {
        body["http"] = json!([http.port().to_string()]);
    }
    let reply = http::request(system, "POST", "/api/v1/srs/register", &body.to_string()).await;
    assert_eq!(reply.head.status, 200, "{:?}", String::from_utf8_lossy(&reply.body));
}

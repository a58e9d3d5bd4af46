//! What `srs-origin` and `srs-edge` can be told: a file in SRS's syntax, `SRS_*` variables over it, and a few arguments.
//!
//! [`start`] does all of it; [`Config`] is the outcome. Defaults are SRS's, except where a field says otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use srs_boot::conf::overrides::DEFAULT_VHOST;
use srs_boot::env::Vars;
use srs_boot::log::{Level, Tank};
use srs_boot::{Listen, Secret, Shards, secret};

use srs_pull::apps::Template;
use srs_pull::map::OriginMap;

use crate::Role;

mod cli;
mod cluster;
mod fetch;
mod hls;
mod read;
mod rtc;
mod srt;
mod streams;

pub use cli::{Error, Start, start};
pub use cluster::{Cluster, Mode, Protocol};
pub use fetch::Store;
pub use hls::Hls;
pub use read::{Loaded, from_directives};
pub use rtc::{Rtc, Transport, VhostRtc};
pub use srt::{Srt, VhostSrt};
pub use streams::{Play, Publish, Takeover, TimeJitter};

/// Everything that a node can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which program it is for.
    pub role: Role,
    /// `max_connections`: connections of all kinds together; further ones are closed at once. 1000.
    pub max_connections: usize,
    /// `pid`: the pid file, beside which the server id is kept. `./objs/srs.pid`.
    pub pid: PathBuf,
    /// `work_dir`: the folder to change to before any other path is used. `./`.
    pub work_dir: PathBuf,
    /// `server_id`: the stable id of this node. None: kept beside the pid file.
    pub server_id: Option<String>,
    /// `cluster_secret`, which SRS does not have: by it nodes know each other. None: the program takes the machine's own,
    /// and believes nobody where there is none.
    pub cluster_secret: Option<Secret>,
    /// `grace_final_wait`: how long publishers have to be moved when the process is to end. 3.2 s.
    pub grace_final_wait: Duration,
    /// `shards`, which SRS does not have: threads that serve. `auto`, one for each core.
    pub shards: Shards,
    /// The variable `SRS_DEVICE_IP`: the address that heartbeats report. None: detected.
    pub device_ip: Option<String>,
    /// `srs_log_*`.
    pub log: Log,
    /// `listen` and `chunk_size`, or `rtmp { }`.
    pub rtmp: Rtmp,
    /// `http_server { }`.
    pub http_server: HttpServer,
    /// `http_api { }`.
    pub http_api: HttpApi,
    /// `srt_server { }`.
    pub srt: Srt,
    /// `rtc_server { }`.
    pub rtc: Rtc,
    /// `exporter { }`.
    pub exporter: Exporter,
    /// `heartbeat { }`.
    pub heartbeat: Heartbeat,
    /// `vhost NAME { }`, by name. None: every publish and play is refused.
    pub vhosts: BTreeMap<String, Vhost>,
}

impl Config {
    /// The vhost of that name, else `__defaultVhost__`, else none. A vhost that is switched off is as if it were not
    /// there, but its name does not fall back to the default.
    pub fn vhost(&self, name: &str) -> Option<&Vhost> {
        let vhost = self.vhosts.get(name).or_else(|| self.vhosts.get(DEFAULT_VHOST));
        vhost.filter(|vhost| vhost.enabled)
    }

    /// Takes this machine's cluster secret where none is set, making it first if there is none yet. The answer is a warning
    /// when that cannot be.
    pub fn find_secret(&mut self, vars: &Vars) -> Option<String> {
        if self.cluster_secret.is_some() {
            return None;
        }
        match secret::load_or_make(vars, &mut rand::rng()) {
            Ok(secret) => {
                self.cluster_secret = Some(secret);
                None
            }
            Err(error) => Some(format!(
                "{error}; what proxies say of their clients and claims is left out: \
                 cluster_secret <16 letters or more> sets one"
            )),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            role: Role::Origin,
            max_connections: 1000,
            pid: "./objs/srs.pid".into(),
            work_dir: "./".into(),
            server_id: None,
            cluster_secret: None,
            grace_final_wait: Duration::from_millis(3200),
            shards: Shards::Auto,
            device_ip: None,
            log: Log::default(),
            rtmp: Rtmp::default(),
            http_server: HttpServer::default(),
            http_api: HttpApi::default(),
            srt: Srt::default(),
            rtc: Rtc::default(),
            exporter: Exporter::default(),
            heartbeat: Heartbeat::default(),
            vhosts: BTreeMap::new(),
        }
    }
}

/// Where the log goes and how much of it there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// `srs_log_tank` and `srs_log_file`. The file `./objs/srs.log`.
    pub tank: Tank,
    /// `srs_log_level_v2`, else `srs_log_level`. Info, which SRS's older directive calls `trace`.
    pub level: Level,
}

impl Default for Log {
    fn default() -> Self {
        Self { tank: Tank::File("./objs/srs.log".into()), level: Level::Info }
    }
}

/// The RTMP server.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtmp {
    /// `listen`: one or more TCP listeners. 1935; SRS has no default and refuses to start.
    pub listen: Vec<Listen>,
    /// `chunk_size`: bytes of a chunk sent, from 128 to 65536. 60000.
    pub chunk_size: u32,
}

impl Default for Rtmp {
    fn default() -> Self {
        Self { listen: vec![Listen::port(1935)], chunk_size: 60_000 }
    }
}

/// The HTTP server for live streams and files.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpServer {
    /// `enabled`: off.
    pub enabled: bool,
    /// `listen`: 8080. The same as the API's: both answer on one port.
    pub listen: Vec<Listen>,
    /// `dir`: the folder of files served. `./objs/nginx/html`.
    pub dir: PathBuf,
    /// `crossdomain`: whether pages of any site may read answers. On.
    pub crossdomain: bool,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: vec![Listen::port(8080)],
            dir: "./objs/nginx/html".into(),
            crossdomain: true,
        }
    }
}

/// The operators' HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpApi {
    /// `enabled`: off.
    pub enabled: bool,
    /// `listen`: 1985.
    pub listen: Vec<Listen>,
    /// `crossdomain`: whether pages of any site may read answers. On.
    pub crossdomain: bool,
}

impl Default for HttpApi {
    fn default() -> Self {
        Self { enabled: false, listen: vec![Listen::port(1985)], crossdomain: true }
    }
}

/// A listener for Prometheus alone. The API's own port has `/metrics` too.
#[derive(Clone, Debug, PartialEq)]
pub struct Exporter {
    /// `enabled`: off.
    pub enabled: bool,
    /// `listen`: 9972.
    pub listen: Vec<Listen>,
    /// `label`: a label of the metric `srs_build_info`. Empty: none.
    pub label: String,
    /// `tag`: the same.
    pub tag: String,
}

impl Default for Exporter {
    fn default() -> Self {
        Self { enabled: false, listen: vec![Listen::port(9972)], label: String::new(), tag: String::new() }
    }
}

/// The regular report to a proxy or a server of the operator's, which is also the registration.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// `enabled`: off.
    pub enabled: bool,
    /// `interval`: seconds between reports. 9.9 s.
    pub interval: Duration,
    /// `url`: where reports are posted, one http URL or more; SRS takes one. `http://127.0.0.1:8085/api/v1/servers`.
    pub urls: Vec<String>,
    /// `device_id`: a label for people. Empty.
    pub device_id: String,
    /// `ports`: whether listeners are reported, without which a proxy cannot use the node. Off.
    pub ports: bool,
    /// `auth { enabled; type bearer; token; }`: sent as `Authorization: Bearer`. None.
    pub token: Option<Secret>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            enabled: false,
            interval: Duration::from_millis(9900),
            urls: vec!["http://127.0.0.1:8085/api/v1/servers".to_owned()],
            device_id: String::new(),
            ports: false,
            token: None,
        }
    }
}

/// What holds for the streams of one vhost.
#[derive(Clone, Debug, PartialEq)]
pub struct Vhost {
    /// `enabled`: on.
    pub enabled: bool,
    /// `chunk_size`: bytes of a chunk sent, from 128 to 65536. None: that of [`Rtmp`].
    pub chunk_size: Option<u32>,
    /// `cluster { }`: whether streams are published here or fetched.
    pub cluster: Cluster,
    /// `origin_map { }`, which SRS does not have: rules by which streams are fetched. None.
    pub origin_map: Option<OriginMap>,
    /// `origin_map_store { }`, which SRS does not have: a Redis that says where streams are. None.
    pub origin_map_store: Option<Store>,
    /// `application NAME { }`, which SRS does not have: by what the streams of applications are fetched. None, anything.
    pub applications: Vec<Template>,
    /// `play_from`, which SRS does not have: whether viewers must come through a node of this cluster. Any may come.
    pub play_from_cluster: bool,
    /// `min_latency`: waits for nothing, neither merged reads nor merged writes. Off.
    pub min_latency: bool,
    /// `http_remux { }`.
    pub http_remux: HttpRemux,
    /// `hls { }`.
    pub hls: Hls,
    /// `srt { }`.
    pub srt: VhostSrt,
    /// `rtc { }`.
    pub rtc: VhostRtc,
    /// `play { }`.
    pub play: Play,
    /// `publish { }`.
    pub publish: Publish,
}

impl Default for Vhost {
    fn default() -> Self {
        Self {
            enabled: true,
            chunk_size: None,
            cluster: Cluster::default(),
            origin_map: None,
            origin_map_store: None,
            applications: Vec::new(),
            play_from_cluster: false,
            min_latency: false,
            http_remux: HttpRemux::default(),
            hls: Hls::default(),
            srt: VhostSrt::default(),
            rtc: VhostRtc::default(),
            play: Play::default(),
            publish: Publish::default(),
        }
    }
}

/// Live streams over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRemux {
    /// `enabled`: off.
    pub enabled: bool,
    /// `mount`: the path of a stream, its extension the format. `[vhost]/[app]/[stream].flv`.
    pub mount: String,
}

impl Default for HttpRemux {
    fn default() -> Self {
        Self { enabled: false, mount: "[vhost]/[app]/[stream].flv".to_owned() }
    }
}

#[cfg(test)]
mod tests;

//! What `srs-proxy` can be told: environment variables with SRS's names, and a `.env` file below them.
//!
//! [`start`] does all of it; [`Config`] is the outcome. The table of all variables is in `config/table.rs`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use srs_boot::env::{self, DotEnv, Settings, Vars, Wrong};
use srs_boot::secret;
use srs_boot::value::go_duration;
use srs_boot::{Expected, Listen, Secret, Shards};
use srs_control::access::Cidr;
use srs_directory::{mesh, redis};
use srs_net::candidates::Candidate;
use srs_srt::streamid::Defaults;

mod srt;
mod table;

pub use table::SETTINGS;

/// Everything that the proxy can be told. A bare port listens on every interface, as SRS's does.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `PROXY_RTMP_SERVER`: RTMP, TCP. 11935.
    pub rtmp: Listen,
    /// `PROXY_HTTP_SERVER`: HTTP streams and files, TCP. 18080.
    pub http_server: Listen,
    /// `PROXY_HTTP_API`: HTTP API, TCP. 11985.
    pub http_api: Listen,
    /// `PROXY_WEBRTC_SERVER`: WebRTC media, UDP and TCP. 18000.
    pub webrtc: Listen,
    /// `PROXY_SRT_SERVER`: SRT, UDP. 20080.
    pub srt: Listen,
    /// `PROXY_SRT_DEFAULT_*`: what SRT callers mean who do not say it. As with SRS.
    pub srt_defaults: Defaults,
    /// `PROXY_SYSTEM_API`: registration and the cluster, TCP. 12025.
    pub system_api: Listen,
    /// `PROXY_STATIC_FILES`: a folder of pages. None: the built-in ones.
    pub static_files: Option<PathBuf>,
    /// `PROXY_REDIRECT_HTTP`: players that come over HTTP are sent to an edge, where there is one. Off.
    pub redirect_http: bool,
    /// `PROXY_LOAD_BALANCER_TYPE`: where the directory lives.
    pub directory: Directory,
    /// `PROXY_ORIGIN_SERVER_TTL`: a registration without a beat for so long is gone, whatever else is known. 300 s.
    pub origin_ttl: Duration,
    /// `PROXY_HTTP_API_AUTH_*`: the bearer token that opens what controls. None: no token opens it.
    pub api_token: Option<Secret>,
    /// `PROXY_SYSTEM_API_ALLOW`: addresses beside loopback that may call what controls. None.
    pub system_api_allow: Vec<Cidr>,
    /// `PROXY_PROTOCOL_TRUST`: balancers, whose connections begin with a PROXY header. None.
    pub protocol_trust: Vec<Cidr>,
    /// `PROXY_CLUSTER_SECRET`: signs what nodes tell each other. None: the program takes the machine's own, and one for
    /// this run where there is none.
    pub cluster_secret: Option<Secret>,
    /// `PROXY_PUBLISH_HOLD`: how long an origin waits for a publisher that dropped. 10 s.
    pub publish_hold: Duration,
    /// `PROXY_WEBRTC_CANDIDATE`: the addresses told to WebRTC clients. Detected.
    pub webrtc_candidate: Vec<Candidate>,
    /// `PROXY_DEFAULT_BACKEND_*`: an origin that need not register. None: off.
    pub default_backend: Option<DefaultBackend>,
    /// `PROXY_GRACE_QUIT_TIMEOUT`: how long a graceful end may take. 20 s.
    pub grace_quit: Duration,
    /// `PROXY_FORCE_QUIT_TIMEOUT`: after the first signal the process ends by force, with code 1, after so long. 30 s.
    pub force_quit: Duration,
    /// `PROXY_SHARDS`, which SRS does not have: threads that serve. `auto`, one for each core.
    pub shards: Shards,
}

/// Where the state that proxies share lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directory {
    /// In this process: one proxy.
    Memory,
    /// In Redis.
    Redis(redis::Target),
    /// Among the proxies themselves.
    Mesh {
        /// `PROXY_MESH_LISTEN`: TCP and UDP.
        listen: Listen,
        /// `PROXY_MESH_PEERS`: other proxies, each `host:port`; of a name every address is one.
        peers: Vec<String>,
    },
}

/// The origin that is used without registration. Each endpoint's port is on `ip` unless it names its own address.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultBackend {
    /// `PROXY_DEFAULT_BACKEND_IP`: an address or a host name. 127.0.0.1.
    pub ip: String,
    /// `PROXY_DEFAULT_BACKEND_RTMP`: 1935.
    pub rtmp: Listen,
    /// `PROXY_DEFAULT_BACKEND_HTTP`: 8080.
    pub http: Listen,
    /// `PROXY_DEFAULT_BACKEND_API`: 1985.
    pub api: Listen,
    /// `PROXY_DEFAULT_BACKEND_RTC`: 8000.
    pub rtc: Listen,
    /// `PROXY_DEFAULT_BACKEND_SRT`: 10080.
    pub srt: Listen,
}

/// What the arguments ask for.
#[derive(Debug)]
pub enum Start {
    /// Serve with this configuration; the warnings belong in the log.
    Run {
        /// The configuration.
        config: Box<Config>,
        /// What is worth telling about it, one line each.
        warnings: Vec<String>,
    },
    /// Print this and end well.
    Print(String),
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments make no sense.
    #[error("unknown argument {0}; the proxy is configured by environment variables, see --help")]
    Argument(String),
    /// A `.env` file is there and cannot be read.
    #[error(transparent)]
    DotEnv(#[from] env::DotEnvError),
    /// A variable holds something that it must not.
    #[error(transparent)]
    Wrong(#[from] Wrong),
}

const USAGE: &str = "\
Usage: srs-proxy [--help | --check | --version]

  --check    print the effective settings and where each came from, secrets masked
  --version  print the version

The proxy is configured by environment variables, and by a .env file in the working directory for those
that are not set. A listener is a port, ip:port or [v6]:port.

";

/// Reads arguments (without the program's name), the environment and the `.env` file at that path.
pub fn start(args: impl IntoIterator<Item = String>, vars: &Vars, dotenv: &Path) -> Result<Start, Error> {
    let mut check = false;
    for arg in args {
        match arg.as_str() {
            "--help" | "-h" => return Ok(Start::Print(format!("{USAGE}{}", env::help(SETTINGS)))),
            "--version" | "-v" => {
                return Ok(Start::Print(format!("srs-proxy {}", env!("CARGO_PKG_VERSION"))));
            }
            "--check" => check = true,
            _ => return Err(Error::Argument(arg)),
        }
    }
    let settings = settings(vars, &env::read_dotenv(dotenv)?);
    let config = Config::from_settings(&settings)?;
    let mut warnings = settings.warnings().to_vec();
    if let Some(folder) = config.static_files.as_ref().filter(|folder| !folder.is_dir()) {
        warnings.push(format!("PROXY_STATIC_FILES={} is no folder; its pages answer 404", folder.display()));
    }
    if check {
        let warnings: String = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
        return Ok(Start::Print(settings.report() + &warnings));
    }
    Ok(Start::Run { config: Box::new(config), warnings })
}

/// The effective value of every variable.
pub fn settings(vars: &Vars, dotenv: &DotEnv) -> Settings {
    Settings::load(SETTINGS, "PROXY_", vars, dotenv)
}

impl Config {
    /// Reads and checks every setting.
    pub fn from_settings(settings: &Settings) -> Result<Self, Wrong> {
        let listen = |name| settings.read(name, Listen::parse);
        let period = |name| settings.read(name, above_zero);
        let config = Self {
            rtmp: listen("PROXY_RTMP_SERVER")?,
            http_server: listen("PROXY_HTTP_SERVER")?,
            http_api: listen("PROXY_HTTP_API")?,
            webrtc: listen("PROXY_WEBRTC_SERVER")?,
            srt: listen("PROXY_SRT_SERVER")?,
            srt_defaults: srt::defaults(settings)?,
            system_api: listen("PROXY_SYSTEM_API")?,
            static_files: settings.some("PROXY_STATIC_FILES").map(PathBuf::from),
            redirect_http: settings.read("PROXY_REDIRECT_HTTP", redirect)?,
            directory: directory(settings)?,
            origin_ttl: period("PROXY_ORIGIN_SERVER_TTL")?,
            api_token: api_token(settings)?,
            system_api_allow: settings.read("PROXY_SYSTEM_API_ALLOW", allow_list)?,
            protocol_trust: settings.read("PROXY_PROTOCOL_TRUST", balancers)?,
            cluster_secret: settings.some("PROXY_CLUSTER_SECRET").map(Secret::new),
            publish_hold: settings.read("PROXY_PUBLISH_HOLD", go_duration)?,
            webrtc_candidate: settings.read("PROXY_WEBRTC_CANDIDATE", candidates)?,
            default_backend: default_backend(settings)?,
            grace_quit: period("PROXY_GRACE_QUIT_TIMEOUT")?,
            force_quit: period("PROXY_FORCE_QUIT_TIMEOUT")?,
            shards: settings.read("PROXY_SHARDS", Shards::parse)?,
        };
        Ok(config)
    }
}

impl Config {
    /// Whether other proxies on this machine may listen on the same ports. Without a directory that they share, each
    /// would send a stream's clients to where it alone thinks right.
    pub fn shares_ports(&self) -> bool {
        match self.directory {
            Directory::Memory => false,
            Directory::Redis(_) | Directory::Mesh { .. } => true,
        }
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
                "{error}; HLS players come back to this proxy alone, and not after its restart: \
                 PROXY_CLUSTER_SECRET=<16 letters or more> sets one"
            )),
        }
    }
}

impl Default for Config {
    /// What an empty environment gives.
    #[expect(clippy::expect_used, reason = "the table's own defaults; a test reads them all")]
    fn default() -> Self {
        let settings = settings(&Vars::new(), &DotEnv::default());
        Self::from_settings(&settings).expect("the table's defaults are allowed values")
    }
}

fn redirect(text: &str) -> Result<bool, Expected> {
    match text {
        "off" => Ok(false),
        "edge" => Ok(true),
        _ => Err(Expected("off or edge".into())),
    }
}

fn candidates(text: &str) -> Result<Vec<Candidate>, Expected> {
    Candidate::list(text).map_err(|wrong| Expected(wrong.to_string().into()))
}

fn above_zero(text: &str) -> Result<Duration, Expected> {
    match go_duration(text)? {
        time if time.is_zero() => Err(Expected("a time above zero".into())),
        time => Ok(time),
    }
}

fn directory(settings: &Settings) -> Result<Directory, Wrong> {
    // Wrong is wrong, whether it is used or not.
    let redis = redis(settings)?;
    let peers = settings.read("PROXY_MESH_PEERS", |text| {
        mesh::Settings::split(text).map_err(|wrong| Expected(wrong.to_string().into()))
    })?;
    let listen = match settings.some("PROXY_MESH_LISTEN") {
        Some(_) => Some(settings.read("PROXY_MESH_LISTEN", Listen::parse)?),
        None => None,
    };
    let wanted = settings.read("PROXY_LOAD_BALANCER_TYPE", |word| match word {
        "memory" => Ok(Some(Directory::Memory)),
        "redis" => Ok(Some(Directory::Redis(redis))),
        "mesh" => Ok(listen.map(|listen| Directory::Mesh { listen, peers })),
        _ => Err(Expected("memory, redis or mesh".into())),
    })?;
    let missing = || {
        let expected = Expected("a port, as PROXY_LOAD_BALANCER_TYPE is mesh".into());
        settings.wrong("PROXY_MESH_LISTEN", expected)
    };
    wanted.ok_or_else(missing)
}

fn redis(settings: &Settings) -> Result<redis::Target, Wrong> {
    let text = |name| settings.get(name).to_owned();
    let told = redis::Settings {
        url: settings.some("PROXY_REDIS_URL").map(str::to_owned),
        host: text("PROXY_REDIS_HOST"),
        port: text("PROXY_REDIS_PORT"),
        password: text("PROXY_REDIS_PASSWORD"),
        db: text("PROXY_REDIS_DB"),
        key_prefix: text("PROXY_REDIS_KEY_PREFIX"),
    };
    told.parse().map_err(|wrong| settings.wrong(wrong.variable, Expected(wrong.flaw.into())))
}

/// A list longer than this is not an allow-list; each call is compared with every entry.
const MAX_ALLOWED: usize = 256;

/// Reads addresses and blocks. The word `loopback` adds none, as loopback needs none.
fn allow_list(text: &str) -> Result<Vec<Cidr>, Expected> {
    networks(text, &[])
}

/// Reads addresses and blocks. Here `loopback` stands for its blocks.
fn balancers(text: &str) -> Result<Vec<Cidr>, Expected> {
    networks(text, &["127.0.0.0/8", "::1"])
}

/// Reads addresses and blocks parted by commas or blanks.
fn networks(text: &str, loopback: &[&str]) -> Result<Vec<Cidr>, Expected> {
    let mut list = Vec::new();
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        let itself = [word];
        let blocks = if word == "loopback" { loopback } else { &itself };
        for block in blocks {
            let expected =
                |_| Expected("loopback, or addresses and blocks such as 10.0.0.0/8, parted by commas".into());
            list.push(block.parse().map_err(expected)?);
        }
        if list.len() > MAX_ALLOWED {
            return Err(Expected("at most 256 addresses or blocks".into()));
        }
    }
    Ok(list)
}

/// Both names are as SRS has them: `bearer` is the only type, and a switch without a token would lock everyone out.
fn api_token(settings: &Settings) -> Result<Option<Secret>, Wrong> {
    if !settings.switch("PROXY_HTTP_API_AUTH_ENABLED")? {
        return Ok(None);
    }
    settings.read("PROXY_HTTP_API_AUTH_TYPE", |word| match word {
        "bearer" => Ok(()),
        _ => Err(Expected("bearer".into())),
    })?;
    let token = settings.some("PROXY_HTTP_API_AUTH_TOKEN").map(Secret::new);
    let missing = || {
        let expected = Expected("a token, as PROXY_HTTP_API_AUTH_ENABLED is on".into());
        settings.wrong("PROXY_HTTP_API_AUTH_TOKEN", expected)
    };
    token.ok_or_else(missing).map(Some)
}

fn default_backend(settings: &Settings) -> Result<Option<DefaultBackend>, Wrong> {
    let endpoint = |name| settings.read(name, endpoint);
    let backend = DefaultBackend {
        ip: settings.read("PROXY_DEFAULT_BACKEND_IP", host)?,
        rtmp: endpoint("PROXY_DEFAULT_BACKEND_RTMP")?,
        http: endpoint("PROXY_DEFAULT_BACKEND_HTTP")?,
        api: endpoint("PROXY_DEFAULT_BACKEND_API")?,
        rtc: endpoint("PROXY_DEFAULT_BACKEND_RTC")?,
        srt: endpoint("PROXY_DEFAULT_BACKEND_SRT")?,
    };
    Ok(settings.switch("PROXY_DEFAULT_BACKEND_ENABLED")?.then_some(backend))
}

/// An address that is dialled, so its port cannot be left to the system.
fn endpoint(text: &str) -> Result<Listen, Expected> {
    match Listen::parse(text)? {
        Listen { port: 0, .. } => Err(Expected("a port above 0".into())),
        endpoint => Ok(endpoint),
    }
}

/// The longest host name that DNS carries.
const MAX_HOST: usize = 253;

fn host(text: &str) -> Result<String, Expected> {
    let name = text.len() <= MAX_HOST
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if text.parse::<IpAddr>().is_ok() || (name && !text.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err(Expected("an address or a host name".into()))
    }
}

#[cfg(test)]
mod tests;

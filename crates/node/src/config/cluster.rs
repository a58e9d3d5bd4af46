//! `cluster { }`: whether a vhost's streams are published here or fetched, and from where.

use srs_boot::Expected;
use srs_boot::conf::{Problem, Section};
use srs_pull::{HostPort, Server};

pub use srs_pull::Protocol;

/// How a vhost's streams come here.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// `mode`: local.
    pub mode: Mode,
    /// `origin`, one or more; of a live edge `primary` and `secondary`. Each may be a URL that says its own protocol.
    pub origins: Vec<Server>,
    /// `origin_http`, which SRS does not have: where HLS is fetched, in the order of `origin`. None: where those of `origin`
    /// say that they have it, else it is made here.
    pub origin_http: Vec<HostPort>,
    /// `token_traverse`: whether each viewer is asked about upstream. Off.
    pub token_traverse: bool,
    /// `vhost`: the vhost upstream, in which `[vhost]` stands for this one. `[vhost]`.
    pub vhost: String,
    /// `protocol`, of those that do not say theirs: rtmp.
    pub protocol: Protocol,
    /// `debug_srs_upnode`: whether upstream is told in the query who asks. On.
    pub debug_srs_upnode: bool,
    /// `failback`, which SRS does not have: whether a fetch returns to the first origin when that is back. Off.
    pub failback: bool,
    /// `push`, which SRS does not have: whether what is published here is passed on, or refused. On.
    pub push: bool,
}

/// Where streams are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Here.
    Local,
    /// Elsewhere; each is fetched when somebody wants it.
    Remote,
    /// Elsewhere; all are fetched at once, by SRT when somebody wants one.
    LiveEdge,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            mode: Mode::Local,
            origins: Vec::new(),
            origin_http: Vec::new(),
            token_traverse: false,
            vhost: "[vhost]".to_owned(),
            protocol: Protocol::Rtmp,
            debug_srs_upnode: true,
            failback: false,
            push: true,
        }
    }
}

impl Cluster {
    /// The block as it is written.
    pub(super) fn read(section: Section<'_>) -> Result<Cluster, Problem> {
        let default = Cluster::default();
        let mode = section.read("mode", mode)?.unwrap_or(default.mode);
        let protocol = section.read("protocol", protocol)?.unwrap_or(default.protocol);
        for name in strange_to(mode) {
            if section.text(name).is_some() {
                let words = format!("`{name}` is not of this mode, and nobody would be asked there");
                return Err(section.problem(name, words));
            }
        }
        let origin = |text: &str| origin(text, protocol);
        let origins = match mode {
            Mode::LiveEdge => match section.read("primary", origin)? {
                Some(primary) => [primary].into_iter().chain(section.read("secondary", origin)?).collect(),
                None => Vec::new(),
            },
            _ => section.list("origin", origin)?.unwrap_or_default(),
        };
        let needed = match mode {
            Mode::Local => None,
            Mode::Remote => Some("`mode remote` needs `origin HOST:PORT`, one or more"),
            Mode::LiveEdge => Some("`mode liveedge` needs `primary HOST:PORT` or `primary srt://HOST:PORT`"),
        };
        if let (Some(needed), true) = (needed, origins.is_empty()) {
            return Err(section.problem("mode", needed));
        }
        let origin_http = section.list("origin_http", with_port)?.unwrap_or_default();
        if !origin_http.is_empty() && origin_http.len() != origins.len() {
            let counts = format!(
                "`origin_http` names {} servers and `origin` {}: one each, in the same order",
                origin_http.len(),
                origins.len()
            );
            return Err(section.problem("origin_http", counts));
        }
        let on = |name: &str, default: bool| Ok(section.switch(name)?.unwrap_or(default));
        Ok(Cluster {
            mode,
            origins,
            origin_http,
            token_traverse: on("token_traverse", default.token_traverse)?,
            vhost: section.text("vhost").map_or(default.vhost, str::to_owned),
            protocol,
            debug_srs_upnode: on("debug_srs_upnode", default.debug_srs_upnode)?,
            failback: on("failback", default.failback)?,
            push: on("push", default.push)?,
        })
    }
}

/// Servers that a mode does not know.
fn strange_to(mode: Mode) -> &'static [&'static str] {
    match mode {
        // SRS's own files name servers there, too.
        Mode::Local => &[],
        Mode::Remote => &["primary", "secondary"],
        Mode::LiveEdge => &["origin"],
    }
}

fn mode(word: &str) -> Result<Mode, Expected> {
    match word {
        "local" => Ok(Mode::Local),
        "remote" => Ok(Mode::Remote),
        "liveedge" => Ok(Mode::LiveEdge),
        _ => Err(Expected("local, remote or liveedge".into())),
    }
}

fn protocol(word: &str) -> Result<Protocol, Expected> {
    match word {
        "rtmp" => Ok(Protocol::Rtmp),
        "flv" => Ok(Protocol::Flv),
        "srt" => Ok(Protocol::Srt),
        _ => Err(Expected("rtmp, flv or srt".into())),
    }
}

fn origin(text: &str, protocol: Protocol) -> Result<Server, Expected> {
    Server::parse(text, protocol).map_err(|wrong| Expected(wrong.to_string().into()))
}

fn with_port(text: &str) -> Result<HostPort, Expected> {
    HostPort::parse(text, None)
        .map_err(|_| Expected("a host with a port, such as 10.0.0.1:1935 or [2001:db8::7]:1935".into()))
}

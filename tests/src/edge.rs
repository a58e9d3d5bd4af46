//! Edges in this process.

use std::net::SocketAddr;
use std::path::Path;

use srs_boot::{Listen, conf};
use srs_edge::config::{Cluster as Fetching, Config, Mode, Vhost, from_directives};
use srs_edge::{Edge, Role};
use srs_pull::HostPort;

use crate::Cluster;
use crate::cluster::origin_config;

/// This address as configuration has it.
pub fn host_port(address: SocketAddr) -> HostPort {
    HostPort { host: address.ip().to_string(), port: address.port() }
}

/// An edge's configuration with everything on, but nothing to fetch from. `beat` is a proxy's system API.
pub fn edge_config(folder: &Path, name: &str, beat: Option<SocketAddr>) -> Config {
    Config { role: Role::Edge, ..origin_config(folder, name, beat) }
}

/// Fetching from these RTMP servers, HLS from those HTTP servers.
pub fn remote(rtmp: &[SocketAddr], http: &[SocketAddr]) -> Fetching {
    let origins = rtmp.iter().map(|address| host_port(*address).into()).collect();
    let origin_http = http.iter().copied().map(host_port).collect();
    Fetching { mode: Mode::Remote, origins, origin_http, ..Fetching::default() }
}

/// A vhost with these directives, as a file has them.
pub fn vhost(directives: &str) -> Vhost {
    let text = format!("vhost v {{ {directives} }}");
    let read = conf::parse(&text, "test.conf").map_err(conf::Error::from);
    let loaded = read.and_then(|directives| from_directives(directives, &Default::default()));
    let mut config = loaded.unwrap_or_else(|error| panic!("{directives}: {error}")).config;
    config.vhosts.remove("v").expect("it was read")
}

impl Cluster {
    /// Starts an edge that fetches by these directives: `cluster`, `origin_map`, `application` as a file has them.
    pub fn edge_of(&self, name: &str, directives: &str) -> Edge {
        let said = vhost(directives);
        self.edge_with(name, None, |vhost| {
            vhost.cluster = said.cluster;
            vhost.origin_map = said.origin_map;
            vhost.applications = said.applications;
        })
    }

    /// Starts an edge that fetches from the proxy, or from the first origin where there is none. It does not register.
    pub fn edge(&self, name: &str) -> Edge {
        self.edge_with(name, None, |_| {})
    }

    /// The same at this address for RTMP, so that others may know it before.
    pub fn edge_at(&self, name: &str, rtmp: SocketAddr, change: impl FnOnce(&mut Vhost)) -> Edge {
        let at = vec![Listen { ip: Some(rtmp.ip()), port: rtmp.port() }];
        self.start_edge(name, None, |config| {
            config.rtmp.listen = at;
            change(config.vhosts.get_mut("__defaultVhost__").expect("a vhost"));
        })
    }

    /// The same, registered at `beat` where that is said, with its vhost changed.
    pub fn edge_with(&self, name: &str, beat: Option<SocketAddr>, change: impl FnOnce(&mut Vhost)) -> Edge {
        self.start_edge(name, beat, |config| {
            change(config.vhosts.get_mut("__defaultVhost__").expect("a vhost"));
        })
    }

    /// The same with its whole configuration changed.
    pub fn edge_changed(&self, name: &str, change: impl FnOnce(&mut Config)) -> Edge {
        self.start_edge(name, None, change)
    }

    fn start_edge(&self, name: &str, beat: Option<SocketAddr>, change: impl FnOnce(&mut Config)) -> Edge {
        let folder = self.folder().path(name);
        std::fs::create_dir_all(&folder).expect("a folder for the edge");
        let mut config = edge_config(&folder, name, beat);
        let vhost = config.vhosts.get_mut("__defaultVhost__").expect("a vhost");
        vhost.cluster = remote(&[self.rtmp()], &[self.http()]);
        change(&mut config);
        Edge::bind(config).expect("an edge starts")
    }
}

//! Many edges in one process, for what many edges cost one origin: `edges CONF COUNT FOLDER`.
//!
//! Each is a whole edge of this configuration with a shard, a port, an id and a pid file of its own. Prints where each serves
//! RTMP, one `host:port` a line, then `ready`, and serves until it is killed.

use std::net::Ipv4Addr;
use std::path::Path;

use srs_boot::{Listen, env, files};
use srs_edge::config::{Config, Start, start};
use srs_edge::{Edge, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [conf, count, folder] = words.as_slice() else { return Err("edges CONF COUNT FOLDER".into()) };
    let vars = env::current();
    let Start::Run { mut config, .. } = start(Role::Edge, ["-c".to_owned(), conf.clone()], &vars)? else {
        return Err("edges serves only".into());
    };
    if let Some(warning) = config.find_secret(&vars) {
        eprintln!("{warning}");
    }
    files::raise_limit();
    let mut edges = Vec::new();
    for number in 0..count.parse()? {
        edges.push(Edge::bind(one(&config, number, Path::new(folder)))?);
    }
    for at in edges.iter().flat_map(Edge::rtmp) {
        println!("{at}");
    }
    println!("ready");
    loop {
        std::thread::park();
    }
}

fn one(config: &Config, number: usize, folder: &Path) -> Config {
    let mut config = config.clone();
    config.pid = folder.join(format!("edge-{number}.pid"));
    config.server_id = Some(format!("edge-{number}"));
    config.rtmp.listen = vec![Listen { ip: Some(Ipv4Addr::LOCALHOST.into()), port: 0 }];
    config.http_server.enabled = false;
    config
}

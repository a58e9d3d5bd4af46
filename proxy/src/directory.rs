//! The directory that the configuration asks for, and what goes with it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use srs_balance::{Balancer, Directory, Memory, Registered};
use srs_control::Told;
use srs_control::register::Message;
use srs_directory::mesh::{self, Mesh};
use srs_directory::redis::Redis;
use srs_directory::{Beat, Board};
use srs_names::NodeId;
use srs_net::shards::{self, Aside};

use crate::config;

/// A directory, and where proxies that share it show each other what nodes told them.
pub(crate) struct Opened {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) board: Option<Arc<dyn Board>>,
    /// Its connections must not wait behind media.
    pub(crate) aside: Option<Aside>,
}

/// Opens what is asked for. `me` is this proxy's id.
pub(crate) fn open(wanted: &config::Directory, me: &NodeId, secret: &[u8]) -> io::Result<Opened> {
    match wanted {
        config::Directory::Memory => {
            // Nobody else sees this directory: its claims are this run's own.
            let directory = Arc::new(Memory::new(format!("memory:{me}")));
            Ok(Opened { directory, board: None, aside: None })
        }
        config::Directory::Redis(target) => {
            let aside = Aside::start("directory")?;
            let within = aside.handle().enter();
            let redis = Redis::start(target.clone(), me);
            drop(within);
            Ok(Opened { directory: redis.clone(), board: Some(redis), aside: Some(aside) })
        }
        config::Directory::Mesh { listen, peers } => {
            let mesh = start(&listen.addresses(), peers, me, secret)?;
            tracing::info!(at = %mesh.at(), "mesh of proxies");
            let aside = Aside::start("directory")?;
            let member = Arc::clone(&mesh);
            aside.handle().spawn(async move {
                while shards::guarded("mesh", Arc::clone(&member).run()).await.is_none() {}
            });
            Ok(Opened { directory: mesh.clone(), board: Some(mesh), aside: Some(aside) })
        }
    }
}

/// A member at this address. Where another process of this machine has the port, any other, and that process for a peer:
/// several share the ports for clients, but gossip has to reach each.
fn start(listen: &[SocketAddr], peers: &[String], me: &NodeId, secret: &[u8]) -> io::Result<Arc<Mesh>> {
    let settings = |listen, peers| mesh::Settings { listen, peers, secret: secret.to_vec(), me: me.clone() };
    match Mesh::start(settings(listen.to_vec(), peers.to_vec())) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let beside = |address: &SocketAddr| match address.ip() {
                ip if !ip.is_unspecified() => *address,
                IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
                IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
            };
            let known = listen.iter().map(|address| beside(address).to_string());
            let peers = peers.iter().cloned().chain(known).collect();
            let free = listen.iter().map(|address| SocketAddr::new(address.ip(), 0)).collect();
            Mesh::start(settings(free, peers))
        }
        started => started,
    }
}

/// Posts every registration for the other proxies.
pub(crate) fn told(board: &Arc<dyn Board>) -> Told {
    let (board, host) = (Arc::clone(board), this_place());
    Box::new(move |id: &NodeId, body: &Bytes, local: bool| {
        board.post(Beat { id: id.clone(), body: body.clone(), local, host: host.clone() });
    })
}

/// Registers what other proxies were told. Runs for ever.
pub(crate) async fn hear(board: &dyn Board, balancer: &Balancer, started: Instant) {
    let here = this_place();
    loop {
        for beat in board.news().await {
            let is_local = beat.local && beat.host == here;
            let node = Message::parse(&beat.body).and_then(|message| message.into_node(is_local));
            match node {
                Ok(node) => match balancer.register(node, started.elapsed()) {
                    Ok(Registered::New) => tracing::info!(id = %beat.id, "node registered at another proxy"),
                    Ok(_) => {}
                    Err(full) => {
                        tracing::warn!(id = %beat.id, "a node that another proxy heard of is left out: {full}");
                    }
                },
                // It is reached only from where it registered.
                Err(error) => {
                    tracing::debug!(id = %beat.id, %error, "a node of another machine cannot be used here")
                }
            }
        }
    }
}

/// What two processes have in common that reach each other over loopback: the machine since its start, and the network
/// namespace.
fn this_place() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let net = std::fs::read_link(Path::new("/proc/self/ns/net")).unwrap_or_default();
    format!("{}/{}", boot.trim(), net.display())
}

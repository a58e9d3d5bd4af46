//! Which servers have the HLS of a vhost: those of the configuration, or those that name themselves.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::{Request, header};
use srs_balance::Node;
use srs_m3u8::without_query;
use srs_names::{DEFAULT_VHOST, StreamKey, Wish, host_of};

use super::{Edge, hops_of, is_of_hls, place, server};
use crate::http::{MARK, extension_of};
use crate::token;

/// Who knows where the servers of fetched streams have their HLS.
pub trait Whereabouts: Send + Sync {
    /// Where the HLS of a stream is. Its future is run on a shard.
    fn hls<'a>(&'a self, wish: Wish<'a>) -> Pin<Box<dyn Future<Output = Named> + 'a>>;
}

/// Servers that have named themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// As hosts and ports, the preferred one first.
    pub servers: Vec<(String, u16)>,
    /// Whether the stream can be nowhere else.
    pub complete: bool,
}

/// Who is asked for what a request is for.
pub(super) struct Upstream<'a> {
    /// The vhost as it is configured.
    pub(super) vhost: &'a str,
    pub(super) servers: Vec<Arc<Node>>,
    pub(super) complete: bool,
}

impl Edge {
    /// Who is asked; none where it is not of HLS, or of a vhost whose HLS is made here.
    pub(super) async fn upstream(&self, request: &Request<()>, peer: SocketAddr) -> Option<Upstream<'_>> {
        let uri = request.uri();
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let (named, _, _) = StreamKey::from_http(host, uri.path(), uri.query()).ok()?;
        let (vhost, servers) = self.home(&named)?;
        if let Some(servers) = servers {
            return Some(Upstream { vhost, servers: servers.clone(), complete: true });
        }
        let (query, token) = without_query(uri.path_and_query()?.as_str(), token::NAME);
        if !is_of_hls(&extension_of(uri.path())) && token.is_none() {
            return None;
        }
        let (query, _) = without_query(&query, MARK);
        let wish = Wish {
            key: &StreamKey::new(vhost, named.app(), named.stream()).ok()?,
            host: host.map_or("", host_of),
            query: query.split_once('?').map_or("", |(_, query)| query),
            client: peer,
            hops: &hops_of(request),
        };
        let Named { servers, complete } = self.whereabouts.as_ref()?.hls(wish).await;
        let servers = servers.into_iter().filter_map(|at| self.node(at)).collect();
        Some(Upstream { vhost, servers, complete })
    }

    /// The place of a list at this path and query.
    pub(super) fn place(&self, host: Option<&str>, target: &str) -> Option<String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (named, _, _) = StreamKey::from_http(host, path, Some(query)).ok()?;
        Some(place(self.home(&named)?.0, host, path))
    }

    /// The configured vhost that a stream is of, and its servers.
    fn home(&self, named: &StreamKey) -> Option<(&str, &Option<Vec<Arc<Node>>>)> {
        let own = self.vhosts.get_key_value(named.vhost());
        // The vhost of those that are not configured.
        let found = own.or_else(|| self.vhosts.get_key_value(DEFAULT_VHOST));
        found.map(|(vhost, servers)| (vhost.as_str(), servers))
    }

    /// The server at this place.
    fn node(&self, at: (String, u16)) -> Option<Arc<Node>> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = nodes.get(&at) {
            return Some(Arc::clone(known));
        }
        let node = server(at.clone()).ok()?;
        self.relay.balancer.register(Node::clone(&node), Duration::ZERO).ok()?;
        nodes.insert(at, Arc::clone(&node));
        Some(node)
    }
}

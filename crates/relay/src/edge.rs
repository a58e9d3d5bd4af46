//! HLS at an edge: lists and what they name come from the servers upstream that the configuration names, once for all who
//! ask.
//!
//! | Asked for | Answered by |
//! |---|---|
//! | `.m3u8` | the server that had it last, else the first that has it ([`lists`]) |
//! | anything with a token | the token's server where it is ours, else whoever knows it ([`files`]) |
//! | a kind of file that is nothing else | whoever knows it |
//! | all else | nobody here |
//!
//! A body without a length may be live media, which never ends: it is passed on only where a token of ours says that a list
//! names it.
//!
//! Servers are asked in the order of the configuration, the next one when one does not answer or has nothing ([`pass`]).
//!
//! No player belongs to one edge: whatever is in a list, any edge with the same configuration and secret has the same
//! bytes for it. Addresses that carry a token already (a proxy of ours made the list) stay as they are, since that server
//! reads it, whoever brings it. The others get one that names the server by its `host:port`, and is good for files of that
//! name alone. A player's mark (SRS's `hls_ctx`) is a matter between the server and this edge, which plays once for all its
//! players.

mod files;
mod find;
mod lists;
mod named;
mod pass;
mod table;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{HeaderName, Method, Request, StatusCode, header};
use srs_balance::{Balancer, Endpoint, Full, Memory, Node};
use srs_m3u8::without_query;
use srs_names::envelope::{CAPABILITY, MOST_HOPS, Seal};
use srs_names::{NameError, NodeId, percent_decode};
use srs_net::http::elsewhere::Hops;
use srs_net::http::{Answer, Elsewhere, is_plain};

use crate::cache::{Cache, refusal};
use crate::http::last::Lasts;
use crate::http::{Ask, Token, climbs, extension_of, preflight};
use crate::limits::LIST_TTL;
use crate::token::{self, Tokens};
use crate::{Config, Relay};
use named::Upstream;
pub use named::{Named, Whereabouts};
use pass::is_refusal;
use table::Table;

/// A server that does not answer in this time is not waited for alone: the next one is asked too. With one of them dead a
/// player has its answer within a second.
const HEDGE: Duration = Duration::from_millis(700);

/// A server that did not answer is asked behind the others for so long.
const ILL: Duration = Duration::from_secs(5);

/// The last list is shown for so long while there is no server for it: what players have buffered at most.
const SHOWN: Duration = Duration::from_secs(10);

/// How long it is remembered where a list came from after it was asked for last: longer than players wait between two
/// requests.
const PLACES: Duration = Duration::from_secs(30);

/// A list that was here so long ago is there still, as far as requests with other words for it go.
const GOOD: Duration = Duration::from_secs(10);

/// Lists that there are, and those that they name, are known for so long.
const NAMED: Duration = crate::limits::FILE_TTL;

/// Most entries of each such table: lists of five thousand streams in four qualities. What has no room in it costs requests
/// upstream and nothing else.
const MOST: usize = 20_000;

/// What no list names, whatever token it is asked for with: live media.
const LIVE: &str = "flv";

/// Kinds of files that no door of ours serves otherwise: asked for without a token they are of a list.
const FILES: [&str; 7] = ["m4s", "m4v", "m4a", "mp4", "cmfv", "vtt", "key"];

/// What is fetched for all is fetched in nobody's name, and whole.
const OF_ONE: [HeaderName; 7] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::COOKIE,
];

/// What the relay must be told.
pub struct EdgeConfig {
    /// The id of this edge, by which it names itself upstream.
    pub me: NodeId,
    /// The cluster's secret: edges that share it read each other's tokens, servers of ours that share it believe our
    /// envelopes. Empty: no envelopes are sent.
    pub secret: Vec<u8>,
    /// Where HLS is, for each vhost that is served here.
    pub vhosts: Vec<(String, HlsFrom)>,
    /// What vhosts are called upstream, where that is another name: the host that is said there.
    pub renamed: Vec<(String, String)>,
    /// Who knows where it is [`HlsFrom::Named`].
    pub whereabouts: Option<Arc<dyn Whereabouts>>,
}

/// Where the HLS of a vhost is had. Servers are said as host (an IPv6 address without brackets) and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HlsFrom {
    /// From these, the preferred one first. None: it is made here.
    Servers(Vec<(String, u16)>),
    /// From where the servers of its streams say that it is; made here where they say nothing.
    Named,
}

impl std::fmt::Debug for EdgeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the secret.
        f.debug_struct("EdgeConfig").field("vhosts", &self.vhosts).finish_non_exhaustive()
    }
}

/// What is wrong with the servers of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum BadUpstream {
    /// A host that cannot be one.
    #[error("{0}")]
    Name(#[from] NameError),
    /// There are too many.
    #[error("{0}")]
    Full(#[from] Full),
}

/// The relay of one edge. Shared by all shards, on one of which its futures must run.
pub struct EdgeHls(Arc<Edge>);

impl std::fmt::Debug for EdgeHls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EdgeHls").finish_non_exhaustive()
    }
}

impl EdgeHls {
    /// A relay over these servers; none is asked for anything before somebody asks here.
    ///
    /// # Errors
    /// [`BadUpstream`].
    pub fn new(config: EdgeConfig) -> Result<EdgeHls, BadUpstream> {
        let EdgeConfig { me, secret, vhosts, renamed, whereabouts } = config;
        // All that the balancer has to know is that these servers exist: which of them is asked is decided here.
        let settings = srs_balance::Config { started_unix_ms: 0, me: me.clone(), ttl: Duration::MAX };
        let balancer = Arc::new(Balancer::new(settings, Arc::new(Memory::new("edge"))));
        let mut known = HashMap::new();
        for (vhost, from) in vhosts {
            let HlsFrom::Servers(servers) = from else {
                known.insert(vhost, None);
                continue;
            };
            let servers: Vec<Arc<Node>> = servers.into_iter().map(server).collect::<Result<_, _>>()?;
            for server in &servers {
                balancer.register(Node::clone(server), Duration::ZERO)?;
            }
            known.insert(vhost, Some(servers));
        }
        let relay = Relay::new(
            balancer,
            Instant::now(),
            Config {
                chunk_size: 0,
                me: me.clone(),
                hold: Duration::ZERO,
                secret: Vec::new(),
                static_files: None,
                ports: Vec::new(),
                http_port: None,
                redirects: false,
                role: crate::Role::Proxy,
                srt: srs_srt::streamid::Defaults::default(),
            },
        );
        Ok(EdgeHls(Arc::new(Edge {
            me,
            seal: (!secret.is_empty()).then(|| Seal::new(&secret)),
            tokens: Tokens::of_edges(&secret),
            relay,
            vhosts: known,
            renamed: renamed.into_iter().map(|(vhost, upstream)| (vhost, upstream.into())).collect(),
            whereabouts,
            nodes: Mutex::default(),
            cache: Arc::default(),
            lasts: Lasts::shown_for(SHOWN),
            places: Table::new(PLACES, MOST),
            named: Table::new(NAMED, MOST),
            probed: Table::new(PLACES, MOST),
            looked: Table::new(LIST_TTL, MOST),
            ill: Table::new(ILL, MOST),
        })))
    }
}

/// A server of the configuration, named as it is dialled. They are told who asks; a stranger ignores it.
fn server((host, port): (String, u16)) -> Result<Arc<Node>, NameError> {
    let endpoint = Endpoint { proto: None, host: host.clone(), port };
    let id = NodeId::new(&endpoint.to_string())?;
    let endpoints = BTreeMap::from([("http".to_owned(), vec![endpoint])]);
    let capabilities = vec![CAPABILITY.to_owned()];
    Ok(Arc::new(Node { endpoints, capabilities, permanent: true, ..Node::new(id, "configured", host) }))
}

impl Elsewhere for EdgeHls {
    fn answer<'a>(
        &'a self,
        request: &'a Request<()>,
        peer: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = Option<Answer>> + 'a>> {
        Box::pin(self.0.answer(request, peer))
    }
}

/// Where a list came from last.
#[derive(Clone)]
struct Place {
    node: NodeId,
    /// Path and query by which this edge plays there, where the server gave it a mark.
    session: Option<String>,
}

/// See the module's text.
struct Edge {
    me: NodeId,
    /// None: nobody would believe what we say.
    seal: Option<Seal>,
    tokens: Tokens,
    relay: Arc<Relay>,
    /// None: their servers are named by others.
    vhosts: HashMap<String, Option<Vec<Arc<Node>>>>,
    /// See [`EdgeConfig::renamed`].
    renamed: HashMap<String, Arc<str>>,
    whereabouts: Option<Arc<dyn Whereabouts>>,
    /// Servers that were named.
    nodes: Mutex<HashMap<(String, u16), Arc<Node>>>,
    cache: Arc<Cache>,
    lasts: Lasts,
    /// By host, path and query of a list.
    places: Table<Place>,
    /// Lists that there are and those that they name, by vhost, host and path, and the server.
    named: Table<NodeId>,
    /// Lists of which it is being found out whether there are any, in the same way, and with which words.
    probed: Table<String>,
    /// Lists that have ended for which other servers were asked.
    looked: Table<()>,
    /// Servers that did not answer.
    ill: Table<()>,
}

/// A request with what is known of it before anybody is asked.
struct Asked<'a> {
    ask: Ask<'a>,
    /// Vhost, host and path.
    place: String,
    /// The vhost's, in the order of the configuration.
    servers: Vec<Arc<Node>>,
    /// The one to be asked first, if that is known.
    first: Option<NodeId>,
    hops: Vec<NodeId>,
    /// The host that is said upstream, where that is not the client's.
    upstream: Option<Arc<str>>,
}

impl Edge {
    async fn answer(self: &Arc<Self>, request: &Request<()>, peer: SocketAddr) -> Option<Answer> {
        let is_live = extension_of(request.uri().path()) == LIVE;
        if !is_plain(request) || is_live {
            return None;
        }
        let Upstream { vhost, servers, complete } = self.upstream(request, peer).await?;
        let asked = self.read(request, peer, vhost, servers)?;
        if *request.method() == Method::OPTIONS {
            return Some(preflight());
        }
        if climbs(request.uri().path()) {
            return Some(refusal(StatusCode::BAD_REQUEST, "bad path"));
        }
        if asked.hops.len() > MOST_HOPS {
            let words = "the request has passed too many nodes";
            return Some(refusal(StatusCode::LOOP_DETECTED, words));
        }
        let answer = match asked.ask.extension.as_str() {
            "m3u8" => self.list(&asked).await,
            _ => self.file(&asked).await,
        };
        // A server of which nothing is known here may have the stream: then its HLS is made here.
        (complete || !is_refusal(answer.status)).then_some(answer)
    }

    /// What a request asks for; none where that is not of HLS, or of a vhost that makes its own.
    fn read<'a>(
        &self,
        request: &'a Request<()>,
        peer: SocketAddr,
        vhost: &str,
        servers: Vec<Arc<Node>>,
    ) -> Option<Asked<'a>> {
        let uri = request.uri();
        let all = uri.path_and_query().map_or("/", |asked| asked.as_str());
        let (rest, token) = without_query(all, token::NAME);
        let extension = extension_of(uri.path());
        let mut ask = Ask { request, peer, target: all.to_owned(), token: Token::None, extension };
        let place = place(vhost, ask.host(), uri.path());
        let named = self.named.get(&place);
        let is_of_hls = is_of_hls(&ask.extension);
        if servers.is_empty() || !(is_of_hls || token.is_some()) {
            return None;
        }
        ask.token = match token.map(|token| self.tokens.open_for(&token, &file_of(uri.path()))) {
            None => Token::None,
            Some(Some(id)) if servers.iter().any(|server| server.id == id) => Token::Of(id),
            // One that somebody upstream made, a proxy or another edge: it is theirs to read.
            Some(_) => Token::Foreign,
        };
        let mut first = named;
        if let Token::Of(id) = &ask.token {
            ask.target = rest;
            first = Some(id.clone());
        }
        let hops = hops_of(request).into_iter().chain([self.me.clone()]).collect();
        let upstream = self.renamed.get(vhost).cloned();
        Some(Asked { ask, place, servers, first, hops, upstream })
    }
}

/// What tells lists apart, whatever is said behind their path.
fn place(vhost: &str, host: Option<&str>, path: &str) -> String {
    format!("{vhost}\n{}\n{path}", host.unwrap_or_default().to_ascii_lowercase())
}

/// The last part of a path, by which a token is for one file: the same however its letters are said.
fn file_of(path: &str) -> Cow<'_, str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    percent_decode(name).unwrap_or(Cow::Borrowed(name))
}

/// Whether requests for files of this kind are of HLS, whoever asks.
fn is_of_hls(extension: &str) -> bool {
    extension == "m3u8" || FILES.contains(&extension)
}

/// The nodes that wait behind the client.
fn hops_of(request: &Request<()>) -> Vec<NodeId> {
    request.extensions().get::<Hops>().map(|hops| hops.0.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

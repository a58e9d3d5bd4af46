//! Choosing an origin and dialling it, and the next one when it does not answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use srs_amf::Value;
use srs_balance::{Claim, Ending, Endpoint, Epoch, NoOrigin, Node, Pick, Reason};
use srs_names::envelope::{self, Envelope, Purpose, Term};
use srs_names::{NodeId, StreamKey};
use srs_net::rtmp::{Error, Link, open};
use srs_net::{limits, tcp};
use srs_rtmp::client;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::follow::Place;
use crate::limits::{FAILOVER, MOST_LOSSES, TRIES};
use crate::upstream::pooled;
use crate::{Life, Relay};

/// Why no origin could be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unserved {
    /// There is none to try.
    #[error("{0}")]
    NoOrigin(#[from] NoOrigin),
    /// The origin refused this session; another would do the same.
    #[error("{0}")]
    Refused(Error),
    /// None of those tried answered.
    #[error("no origin answered, the last failure was: {0}")]
    Failed(String),
}

/// What our origins answer to a claim that is older than one they know.
const FENCED: &str = "NetStream.Publish.Fenced";

/// A leg to an origin.
pub(crate) struct Leg<T> {
    pub(crate) link: T,
    pub(crate) origin: Origin,
}

/// The origin that a leg uses.
pub(crate) struct Origin {
    pub(crate) node: Arc<Node>,
    pub(crate) reason: Reason,
    pub(crate) place: Place,
    life: watch::Receiver<Life>,
}

impl Origin {
    /// Ready when the origin has fallen silent.
    pub(crate) async fn silent(&self) {
        self.worse_than(Life::Draining).await;
    }

    /// Ready when the origin stands worse than this. The future is its own, so that a leg can wait with one at a time: each
    /// takes its place in a list that all legs share.
    pub(crate) fn worse_than(&self, bearable: Life) -> impl Future<Output = Life> + use<> {
        let mut life = self.life.clone();
        async move {
            match life.wait_for(|life| *life > bearable).await {
                Ok(life) => *life,
                // The sender lives as long as a receiver does.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

/// What an RTMP session's envelope is bound to: the same words as the node hears.
fn bound_of(config: &client::Config) -> String {
    let said = |name| config.connect.get(name).and_then(Value::as_str).unwrap_or_default();
    let does = match config.role {
        client::Role::Publish { .. } => "publish",
        client::Role::Play => "play",
    };
    envelope::bound::of_rtmp(does, said("app"), said("tcUrl"), &config.stream)
}

/// For whom an origin is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) client: Option<SocketAddr>,
    pub(crate) session: String,
    /// What is published ran at another origin before.
    pub(crate) resumes: bool,
}

/// Origins that were lost one soon after the other. What a publisher sends may be what they do not bear, and
/// what they send what is no stream.
#[derive(Default)]
pub(crate) struct Losses {
    since: Option<Instant>,
    count: usize,
}

impl Losses {
    /// Counts one more.
    pub(crate) fn are_too_many(&mut self) -> bool {
        if self.since.is_none_or(|since| since.elapsed() > FAILOVER) {
            *self = Losses { since: Some(Instant::now()), count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count > MOST_LOSSES
    }
}

/// A publish under its claim; dropping it gives the claim up.
pub(crate) struct Claimed {
    relay: Arc<Relay>,
    claim: Option<Claim>,
    ending: Ending,
}

impl Claimed {
    /// The publisher's connection broke: the claim is kept for as long as the origin waits for its return.
    pub(crate) fn hold(&mut self) {
        self.ending = Ending::Dropped(self.relay.hold);
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if let Some(claim) = &self.claim {
            self.relay.balancer.publish_ended(claim, self.ending, self.relay.now());
        }
    }
}

impl Relay {
    /// Opens a publishing leg to the origin that owns `key`, or may own it now; not to one of these.
    pub(crate) async fn dial_publish(
        self: &Arc<Self>,
        key: &StreamKey,
        config: &client::Config,
        asker: &Asker,
        not: &[NodeId],
    ) -> Result<(Leg<Link<client::Session>>, Claimed), Unserved> {
        let pick = async |excluded: &[NodeId]| self.balancer.pick_publish(key, excluded, self.now()).await;
        self.dial(not, pick, async |pick| {
            let claim = pick.claim.clone();
            let claimed = Claimed { relay: Arc::clone(self), claim, ending: Ending::Clean };
            match self.open_rtmp(pick, config, asker).await {
                Ok(leg) => Ok((leg, claimed)),
                Err(failure) => Err(self.fenced(pick, failure)),
            }
        })
        .await
    }

    /// Opens a playing leg to the origin that has `key`, or would have it.
    pub(crate) async fn dial_play(
        &self,
        key: &StreamKey,
        config: &client::Config,
        asker: &Asker,
    ) -> Result<Leg<Link<client::Session>>, Unserved> {
        let pick = async |excluded: &[NodeId]| self.balancer.pick_play(key, excluded, self.now()).await;
        self.dial(&[], pick, async |pick| self.open_rtmp(pick, config, asker).await).await
    }

    /// Connects to the HTTP server of the origin that has `key`, or would have it; `true` with a connection that was used
    /// before, which there is none of if it is to be `fresh`.
    pub(crate) async fn dial_http(
        &self,
        key: &StreamKey,
        fresh: bool,
    ) -> Result<Leg<(TcpStream, bool)>, Unserved> {
        let pick = async |excluded: &[NodeId]| self.balancer.pick_play(key, excluded, self.now()).await;
        self.dial(&[], pick, async |pick| {
            Ok(Leg { link: reach(&pick.node, fresh).await?, origin: self.origin(pick) })
        })
        .await
    }

    /// The same with this node and no other.
    pub(crate) async fn dial_http_at(
        &self,
        node: &Arc<Node>,
        fresh: bool,
    ) -> Result<Leg<(TcpStream, bool)>, Unserved> {
        match reach(node, fresh).await {
            Ok(link) => {
                self.balancer.dial_ok(&node.id);
                let life = self.life_of(&node.id);
                let place = Place { node: node.id.clone(), epoch: None };
                let origin = Origin { node: Arc::clone(node), reason: Reason::Claimed, place, life };
                Ok(Leg { link, origin })
            }
            Err(failure) => {
                if failure.down {
                    self.balancer.dial_failed(&node.id, self.now());
                }
                Err(Unserved::Failed(failure.error.to_string()))
            }
        }
    }

    /// Opens what is wanted at the origin that is picked, and at another one when that does not answer.
    async fn dial<T>(
        &self,
        not: &[NodeId],
        pick: impl AsyncFn(&[NodeId]) -> Result<Pick, NoOrigin>,
        open: impl AsyncFn(&Pick) -> Result<T, Failure>,
    ) -> Result<T, Unserved> {
        let mut excluded = not.to_vec();
        let mut failure = String::new();
        for _ in 0..TRIES {
            let pick = match pick(&excluded).await {
                Ok(pick) => pick,
                Err(NoOrigin::AllTried { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            match open(&pick).await {
                Ok(opened) => {
                    self.balancer.dial_ok(&pick.node.id);
                    return Ok(opened);
                }
                Err(Failure { error, again: true, .. }) => failure = error.to_string(),
                Err(Failure { error: error @ Error::Refused { .. }, .. }) => {
                    return Err(Unserved::Refused(error));
                }
                Err(failed) => failure = self.failed(&pick, &mut excluded, &failed),
            }
        }
        Err(Unserved::Failed(failure))
    }

    async fn open_rtmp(
        &self,
        pick: &Pick,
        config: &client::Config,
        asker: &Asker,
    ) -> Result<Leg<Link<client::Session>>, Failure> {
        let origin = self.origin(pick);
        let stream = connect(&pick.node, "rtmp").await?;
        let mut config = config.clone();
        let claim = pick.claim.as_ref().filter(|_| matches!(config.role, client::Role::Publish { .. }));
        if let Some(text) = self.envelope(&pick.node, claim, asker, || bound_of(&config)) {
            config.connect.set(envelope::RTMP_PROPERTY, text.into());
        }
        let link = tokio::select! {
            link = open(stream, config) => link.map_err(Failure::of_session)?,
            // A stopped process still accepts; its silence is known before its answer is overdue.
            () = origin.silent() => return Err(Failure::of_session(Error::Slow("answer"))),
        };
        Ok(Leg { link, origin })
    }

    /// An origin that knows a newer owner says so, and above which epoch to claim: the directory has forgotten that one.
    fn fenced(&self, pick: &Pick, failure: Failure) -> Failure {
        let Error::Refused { code, description } = &failure.error else { return failure };
        let current = description.rsplit(' ').next().and_then(|number| number.parse().ok());
        match (&pick.claim, current) {
            (Some(claim), Some(current)) if code == FENCED => {
                self.balancer.publish_fenced(claim, Epoch(current), self.now());
                Failure { again: true, ..failure }
            }
            _ => failure,
        }
    }

    pub(crate) fn origin(&self, pick: &Pick) -> Origin {
        let life = self.life_of(&pick.node.id);
        Origin { node: Arc::clone(&pick.node), reason: pick.reason, place: Place::of(pick), life }
    }

    /// What this node is told of a session, if it is one of ours; `bound` says what the session does there.
    pub(crate) fn envelope(
        &self,
        node: &Node,
        claim: Option<&Claim>,
        asker: &Asker,
        bound: impl FnOnce() -> String,
    ) -> Option<String> {
        if !node.can(envelope::CAPABILITY) {
            return None;
        }
        let term = |claim: &Claim| Term {
            domain: self.balancer.domain().to_owned(),
            epoch: claim.epoch.0,
            resumed: asker.resumes,
        };
        let told = Envelope {
            from: self.me.clone(),
            role: "proxy".to_owned(),
            purpose: Purpose::Relay,
            to: node.id.as_str().to_owned(),
            client: asker.client,
            term: claim.map(term),
            hold: claim.map(|_| self.hold),
            session: asker.session.clone(),
            bound: bound(),
            hops: Vec::new(),
        };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        Some(self.seal.sign(&told, unix_ms, rand::random()))
    }

    /// Whether an origin that ended a leg without a word still takes connections. Ours say why they end one; of others this
    /// is the only sign that it was on purpose.
    pub(crate) async fn ended_on_purpose(&self, node: &Node) -> bool {
        !node.can(envelope::CAPABILITY) && connect(node, "rtmp").await.is_ok()
    }

    fn failed(&self, pick: &Pick, excluded: &mut Vec<NodeId>, failure: &Failure) -> String {
        let (node, error) = (&pick.node, &failure.error);
        tracing::warn!(origin = %node.id, device = node.device_id, %error, "origin does not serve; trying another");
        if failure.down {
            self.balancer.dial_failed(&node.id, self.now());
        } else if matches!(error, Error::Slow(_)) {
            self.balancer.dial_slow(&node.id, self.now());
        }
        excluded.push(node.id.clone());
        error.to_string()
    }
}

/// Why a leg could not be opened, and whether that says that the origin is down for everybody. What we lack (a file
/// descriptor, an endpoint, a name's address) and what it makes of one client say nothing of the kind.
struct Failure {
    error: Error,
    down: bool,
    /// The same node may do it if it is asked otherwise.
    again: bool,
}

impl Failure {
    fn of_session(error: Error) -> Failure {
        Failure { error, down: false, again: false }
    }
}

/// A connection to the node's HTTP server, and whether it was used before.
async fn reach(node: &Node, fresh: bool) -> Result<(TcpStream, bool), Failure> {
    let address = address_of(node, "http").await?;
    match pooled(address).filter(|_| !fresh) {
        Some(stream) => Ok((stream, true)),
        None => Ok((dial_to(address).await?, false)),
    }
}

async fn connect(node: &Node, label: &str) -> Result<TcpStream, Failure> {
    dial_to(address_of(node, label).await?).await
}

async fn address_of(node: &Node, label: &str) -> Result<SocketAddr, Failure> {
    resolve(node.endpoint(label)).await.map_err(|error| Failure::of_session(error.into()))
}

async fn dial_to(address: SocketAddr) -> Result<TcpStream, Failure> {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    tcp::dial(address).await.map_err(|error| {
        let remote = [ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut];
        Failure { down: remote.contains(&error.kind()), error: error.into(), again: false }
    })
}

/// The socket address of an endpoint; host names are looked up anew each time, for they may move, within
/// [`limits::DIAL`].
async fn resolve(endpoint: Option<&Endpoint>) -> io::Result<SocketAddr> {
    let endpoint = endpoint.ok_or_else(|| {
        io::Error::new(io::ErrorKind::AddrNotAvailable, "the origin registered no such endpoint")
    })?;
    if let Ok(ip) = endpoint.host.parse() {
        return Ok(SocketAddr::new(ip, endpoint.port));
    }
    let host = (endpoint.host.as_str(), endpoint.port);
    let found = tokio::time::timeout(limits::DIAL, tokio::net::lookup_host(host));
    found
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
        .next()
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests;

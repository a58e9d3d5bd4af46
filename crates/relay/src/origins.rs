//! Choosing an origin and dialling it, and the next one when it does not answer.

mod others;
mod reach;
mod told;
mod waiting;

use std::sync::Arc;

use srs_balance::{Claim, Ending, Epoch, NoOrigin, Node, Pick, Reason};
use srs_names::envelope;
use srs_names::{NodeId, StreamKey};
use srs_net::rtmp::{Error, Link, open};
use srs_rtmp::client;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::door::{Asker, Errand};
use crate::follow::Place;
use crate::limits::{EDGE_TRIES, FAILOVER, LEAVE, MOST_LOSSES, TRIES};
use crate::{Life, Relay};
use reach::{Failure, connect, reach};
use told::{AGAIN, bound_of, is_loop, looped, round};
pub(crate) use waiting::Waiting;

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

/// Whether a node refused this session for a reason that others have too. An edge that takes no connection now is not the
/// only one.
fn is_final(error: &Error, is_edge: bool) -> bool {
    match error {
        Error::Refused { code, .. } => !(is_edge && code.starts_with("NetConnection.")),
        _ => false,
    }
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
    /// How it stands now.
    pub(crate) fn life(&self) -> Life {
        *self.life.borrow()
    }

    /// Ready when the origin has fallen silent.
    pub(crate) async fn silent(&self) {
        self.worse_than(Life::Draining).await;
    }

    /// Ready when the origin stands worse than this. The future is its own, so that a leg can wait with one at a time: each
    /// takes its place in a list that all legs share.
    pub(crate) fn worse_than(&self, bearable: Life) -> impl Future<Output = Life> + use<> {
        let mut life = self.life.clone();
        async move { worse(&mut life, bearable).await }
    }

    /// The same for a viewer's leg, which is told in its turn that its edge drains: not all of them are to knock at the next
    /// one in the same moment.
    pub(crate) fn worse_for_viewer(&self, bearable: Life) -> impl Future<Output = Life> + use<> {
        let (mut life, edge) = (self.life.clone(), self.place.edge);
        async move {
            let worse = worse(&mut life, bearable).await;
            if !edge || worse != Life::Draining {
                return worse;
            }
            // Waited for by few, so it has no room of its own in all of them.
            let turn = LEAVE.mul_f64(rand::random());
            let silent = Box::pin(async move { timeout(turn, self::worse(&mut life, Life::Draining)).await });
            silent.await.unwrap_or(worse)
        }
    }
}

async fn worse(life: &mut watch::Receiver<Life>, bearable: Life) -> Life {
    // The lock is not kept while others are waited for.
    let life = life.wait_for(|life| *life > bearable).await.map(|life| *life);
    match life {
        Ok(life) => life,
        // The sender lives as long as a receiver does.
        Err(_) => std::future::pending().await,
    }
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
    /// A publish that is to begin under this claim.
    pub(crate) fn new(relay: Arc<Relay>, claim: Option<Claim>) -> Claimed {
        Claimed { relay, claim, ending: Ending::Unbegun }
    }

    /// An origin has taken it.
    pub(crate) fn begin(mut self) -> Claimed {
        self.ending = Ending::Clean;
        self
    }

    /// The claim that it is under.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }

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
        let hops = if let Errand::Push(hops) = &asker.errand { hops.as_slice() } else { &[] };
        self.no_loop(hops)?;
        let _waits = match &asker.errand {
            Errand::Push(_) => Some(self.waiting.begin(key).ok_or_else(|| looped(AGAIN))?),
            _ => None,
        };
        // Known ones alone: to have none to leave out is something else to the balancer.
        let is_origin = |hop: &&NodeId| {
            self.balancer.node(hop).is_some_and(|node| node.role == srs_balance::Role::Origin)
        };
        let passed: Vec<&NodeId> = hops.iter().filter(is_origin).collect();
        let not: Vec<NodeId> = not.iter().chain(passed.iter().copied()).cloned().collect();
        let pick = async |excluded: &[NodeId]| self.balancer.pick_publish(key, excluded, self.now()).await;
        let dialled = self.dial(&not, pick, async |pick| {
            let claimed = Claimed::new(Arc::clone(self), pick.claim.clone());
            match self.open_rtmp(pick, config, asker).await {
                Ok(leg) => Ok((leg, claimed.begin())),
                Err(failure) => Err(self.fenced(pick, failure)),
            }
        });
        match (dialled.await, passed.first()) {
            (Err(Unserved::Failed(tried)), Some(node)) if tried.is_empty() => {
                Err(looped(&round(hops, node, &self.me)))
            }
            (dialled, _) => dialled,
        }
    }

    /// Opens a playing leg to an edge, where there is one and the asker may go there, else to the origin that has `key`, or
    /// would have it.
    pub(crate) async fn dial_play(
        &self,
        key: &StreamKey,
        config: &client::Config,
        asker: &Asker,
    ) -> Result<Leg<Link<client::Session>>, Unserved> {
        let edges = if matches!(asker.errand, Errand::Client) { EDGE_TRIES } else { 0 };
        let pick = async |excluded: &[NodeId]| self.pick_view(key, edges, excluded).await;
        self.dial(&[], pick, async |pick| self.open_rtmp(pick, config, asker).await).await
    }

    /// Connects to the HTTP server of the origin that has `key`, or would have it, or for a viewer of that of an edge as long
    /// as fewer than `edges` of them failed; `true` with a connection that was used before, which there is none of if it is to
    /// be `fresh`.
    pub(crate) async fn dial_http(
        &self,
        key: &StreamKey,
        edges: usize,
        not: &[NodeId],
        fresh: bool,
    ) -> Result<Leg<(TcpStream, bool)>, Unserved> {
        let pick = async |excluded: &[NodeId]| self.pick_view(key, edges, excluded).await;
        self.dial(not, pick, async |pick| {
            Ok(Leg { link: reach(&pick.node, fresh).await?, origin: self.origin(pick) })
        })
        .await
    }

    /// Where a viewer goes of whom these nodes were tried: an edge if fewer than `edges` were.
    async fn pick_view(&self, key: &StreamKey, edges: usize, excluded: &[NodeId]) -> Result<Pick, NoOrigin> {
        if excluded.len() < edges {
            self.balancer.pick_view(key, excluded, self.now()).await
        } else {
            self.balancer.pick_play(key, excluded, self.now()).await
        }
    }

    /// Whether there is another node for the viewers of an edge that drains.
    pub(crate) async fn serves_elsewhere(&self, key: &StreamKey) -> bool {
        let now = self.now();
        self.balancer.edge(key, &[], now).is_some() || self.balancer.pick_play(key, &[], now).await.is_ok()
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
                Ok(Leg { link, origin: self.origin_at(node) })
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
        let (mut failure, mut looped) = (String::new(), None);
        let mut tries = 0_usize;
        while tries < TRIES {
            let pick = match pick(&excluded).await {
                Ok(pick) => pick,
                Err(NoOrigin::AllTried { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            let is_edge = pick.reason == Reason::Edge;
            // Edges are tried beside, and not many of them.
            tries = tries.saturating_add(usize::from(!is_edge));
            match open(&pick).await {
                Ok(opened) => {
                    self.balancer.dial_ok(&pick.node.id);
                    return Ok(opened);
                }
                Err(Failure { error, again: true, .. }) => failure = error.to_string(),
                Err(Failure { error, .. }) if is_loop(&error) => {
                    excluded.push(pick.node.id.clone());
                    looped = Some(error);
                }
                Err(Failure { error, .. }) if is_final(&error, is_edge) => {
                    return Err(Unserved::Refused(error));
                }
                Err(failed) => failure = self.failed(&pick, &mut excluded, &failed),
            }
        }
        Err(looped.map_or(Unserved::Failed(failure), Unserved::Refused))
    }

    async fn open_rtmp(
        &self,
        pick: &Pick,
        config: &client::Config,
        asker: &Asker,
    ) -> Result<Leg<Link<client::Session>>, Failure> {
        let origin = self.origin(pick);
        let stream = connect(&pick.node, "rtmp").await?;
        let mut config = client::Config { listen_for: Some(envelope::HLS_PROPERTY), ..config.clone() };
        if let Some(server) = pick.node.endpoint("rtmp") {
            config = self.words_for(server, config);
        }
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

    /// The same for a node that nobody picked.
    pub(crate) fn origin_at(&self, node: &Arc<Node>) -> Origin {
        let life = self.life_of(&node.id);
        let place = Place { node: node.id.clone(), epoch: None, edge: false };
        Origin { node: Arc::clone(node), reason: Reason::Claimed, place, life }
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

#[cfg(test)]
mod tests;

//! Finding a node for a session of WebRTC, and the next one when it does not take it.

use std::sync::Arc;

use http::StatusCode;
use srs_balance::{Epoch, NoOrigin, Node, Pick, Reason};
use srs_names::envelope::CAPABILITY;
use srs_names::{NodeId, StreamKey};

use super::ask::{API, Miss, Question, Told};
use super::asked::Endpoint;
use crate::Relay;
use crate::door::Errand;
use crate::follow::Place;
use crate::limits::{EDGE_TRIES, TRIES};
use crate::origins::Claimed;

/// What nodes register WebRTC as: where media goes.
pub(super) const LABEL: &str = "rtc";

/// By this a node of ours that refuses a publish as outdated says above which epoch to claim.
const FENCED: &str = "x-srs-fenced";

/// Why no node took the session.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unserved {
    #[error("{0}")]
    NoOrigin(#[from] NoOrigin),
    #[error("the stream is at {0}, which has no WebRTC")]
    NoRtc(NodeId),
    #[error("no origin answered, the last failure was: {0}")]
    Failed(Miss),
    #[error("no origin with WebRTC is alive")]
    NoneLeft,
}

impl Unserved {
    /// What the client is told.
    pub(super) fn told(&self, is_publish: bool) -> (StatusCode, &'static str) {
        match self {
            Unserved::NoRtc(_) if is_publish => {
                (StatusCode::CONFLICT, "the stream is published at an origin without WebRTC")
            }
            Unserved::NoRtc(_) => (StatusCode::NOT_ACCEPTABLE, "the stream is at an origin without WebRTC"),
            Unserved::Failed(Miss::Slow) => {
                (StatusCode::GATEWAY_TIMEOUT, "the origin did not answer in time")
            }
            Unserved::Failed(Miss::Elsewhere) => {
                (StatusCode::BAD_GATEWAY, "the origin sends clients elsewhere")
            }
            _ => (StatusCode::SERVICE_UNAVAILABLE, "no origin can serve this stream now"),
        }
    }
}

/// What is wanted.
pub(super) struct Wanted<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) key: &'a StreamKey,
    /// Path and query, as nodes are asked.
    pub(super) target: &'a str,
    pub(super) question: Question<'a>,
}

/// What a node answered, whether or not it took the session.
pub(super) struct Opened {
    pub(super) node: Arc<Node>,
    pub(super) told: Told,
    /// Of a publish that a node may have taken.
    pub(super) claimed: Option<Claimed>,
    /// Where it is.
    pub(super) place: Place,
}

/// Whether another node may do what this one will not.
fn is_of_node(told: &Told, is_edge: bool) -> bool {
    told.status == StatusCode::SERVICE_UNAVAILABLE || (is_edge && told.status.is_server_error())
}

impl Relay {
    /// Asks nodes until one answers for itself.
    pub(super) async fn dial_rtc(self: &Arc<Self>, wanted: &Wanted<'_>) -> Result<Opened, Unserved> {
        let Wanted { endpoint, key, target, question } = wanted;
        let is_client = matches!(question.asker.errand, Errand::Client);
        let mut not = self.without(&[API, LABEL]);
        self.has_rtc_in_reach(wanted, &not, is_client).await?;
        let (mut tries, mut edges, mut is_fenced) = (0_usize, 0_usize, false);
        let mut last = Err(Unserved::NoneLeft);
        while tries < TRIES {
            let may_edge = is_client && edges < EDGE_TRIES;
            let (pick, claimed) = match self.pick_other(key, endpoint.is_publish, may_edge, &not).await {
                Ok(picked) => picked,
                Err(NoOrigin::AllTried { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            let is_edge = pick.reason == Reason::Edge;
            let count = if is_edge { &mut edges } else { &mut tries };
            *count = count.saturating_add(1);
            let origin = self.origin(&pick);
            let place = origin.place.clone();
            let claim = claimed.as_ref().and_then(Claimed::claim);
            match question.ask(self, origin, target, claim).await {
                Ok((_, told)) if !is_fenced && self.is_fence(&pick, endpoint.is_publish, &told).await => {
                    is_fenced = true;
                    continue;
                }
                Ok((node, told)) if is_of_node(&told, is_edge) => {
                    last = Ok(Opened { node, told, claimed: None, place });
                }
                Ok((node, told)) => {
                    self.balancer.dial_ok(&pick.node.id);
                    return Ok(Opened { node, told, claimed, place });
                }
                Err(miss) => {
                    self.missed(wanted, &pick, &miss);
                    last = Err(Unserved::Failed(miss));
                }
            }
            not.push(pick.node.id.clone());
        }
        last
    }

    fn missed(&self, wanted: &Wanted<'_>, pick: &Pick, miss: &Miss) {
        let (cid, node) = (&wanted.question.asker.session, &pick.node);
        self.complaints.say(|unsaid| {
            tracing::warn!(cid, origin = %node.id, device = node.device_id, %miss, unsaid, "origin does not serve WebRTC; trying another");
        });
        // What its API does says little of its other services: it is passed over, where there are more.
        if miss.is_of_node() {
            self.balancer.dial_slow(&node.id, self.now());
        }
    }

    /// Whether the node refuses a publish as it knows a newer owner than the directory does: the next claim is above that.
    async fn is_fence(&self, pick: &Pick, is_publish: bool, told: &Told) -> bool {
        let Some(claim) = pick.claim.as_ref().filter(|_| is_publish && pick.node.can(CAPABILITY)) else {
            return false;
        };
        if told.status != StatusCode::CONFLICT {
            return false;
        }
        let current = told.headers.get(FENCED).and_then(|told| told.to_str().ok()?.parse().ok());
        match current {
            Some(current) => self.balancer.publish_fenced(claim, Epoch(current), self.now()),
            None => self.balancer.publish_outdated(claim, self.now()).await,
        }
        true
    }

    /// A stream that is with an origin without WebRTC is neither taken from it nor had elsewhere; but edges have it.
    async fn has_rtc_in_reach(
        &self,
        wanted: &Wanted<'_>,
        without: &[NodeId],
        is_client: bool,
    ) -> Result<(), Unserved> {
        if without.is_empty() {
            return Ok(());
        }
        let (key, now) = (wanted.key, self.now());
        let has_edge =
            || !wanted.endpoint.is_publish && is_client && self.balancer.edge(key, without, now).is_some();
        match self.balancer.find(key, now).await {
            Some(pick) if without.contains(&pick.node.id) && !has_edge() => {
                Err(Unserved::NoRtc(pick.node.id.clone()))
            }
            _ => Ok(()),
        }
    }
}

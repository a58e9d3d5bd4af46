//! Picks: where a publish goes and where a viewer goes.

use super::keep::GHOST;
use super::mine::Source;
use super::state::State;
use super::{Balancer, LEASE, NoOrigin, Pick, Reason};
use crate::directory::{Claim, Error};
use crate::{Epoch, Node};
use srs_names::{NodeId, StreamKey};
use std::sync::Arc;
use std::time::Duration;

/// A refused claim is asked again above the epoch, or over the claim, that the refusal told. More than this many
/// newcomers for one name between two of our questions are not to be.
const CLAIM_TRIES: u32 = 8;

/// Where a publish goes.
enum Choice {
    /// To the holder of a standing claim.
    Joined(Pick),
    /// The directory does not answer, and nothing is known.
    Unknown,
    /// To this node, if the directory gives it this claim, over the one of that epoch.
    Asks(Arc<Node>, Claim, Option<Epoch>),
}

impl Balancer {
    /// The node that a new publish goes to, and the claim that says so. A standing claim is kept, so a second
    /// publisher of a key meets the first at the same node; otherwise a node that lists the stream, otherwise
    /// rendezvous order with bounded load. Without the directory: the claim that is known, a node that lists the stream,
    /// or plain rendezvous order, under a claim that is told to the directory when it is back.
    ///
    /// `exclude` names nodes whose dial failed for this session: a claim that such a node holds is taken from
    /// it. Each success must be followed by one [`publish_ended`](Self::publish_ended) with its claim.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub async fn pick_publish(
        &self,
        key: &StreamKey,
        exclude: &[NodeId],
        now: Duration,
    ) -> Result<Pick, NoOrigin> {
        let mut looked = self.directory.lookup(key, now).await;
        let mut unsure = None;
        for _ in 0..CLAIM_TRIES {
            let (node, ask, over) = match self.choose(key, exclude, &looked, now)? {
                Choice::Joined(pick) => return Ok(pick),
                Choice::Unknown => break,
                Choice::Asks(node, ask, over) => (node, ask, over),
            };
            looked = match self.directory.claim(&ask, over, LEASE, now).await {
                Ok(()) => {
                    self.state().publish_began(&ask, Source::Made, now);
                    self.note();
                    return Ok(Pick { node, claim: Some(ask), reason: Reason::Claimed });
                }
                Err(Error::Held(claim)) => {
                    self.state().see_told(key, claim.epoch, now);
                    Ok(Some(claim))
                }
                Err(Error::Stale(epoch)) => {
                    self.state().see_told(key, epoch, now);
                    Ok(None)
                }
                Err(Error::Gone) => Ok(None),
                Err(_) => {
                    unsure = Some(ask);
                    break;
                }
            };
        }
        let mut state = self.state();
        let (node, reason) = self.first(&state, key, exclude, true, now)?;
        // A claim that was asked for without an answer may have been given: no second one then.
        let same = unsure.filter(|ask| ask.holder == node.id && ask.instance == node.instance);
        let claim = same.unwrap_or_else(|| state.ask(key, &node, now));
        state.publish_began(&claim, Source::Assumed, now);
        self.note();
        Ok(Pick { node, claim: Some(claim), reason })
    }

    /// What becomes of a publish by what the directory told.
    fn choose(
        &self,
        key: &StreamKey,
        exclude: &[NodeId],
        looked: &Result<Option<Claim>, Error>,
        now: Duration,
    ) -> Result<Choice, NoOrigin> {
        let mut state = self.state();
        let standing = self.agreed(&mut state, key, looked, now);
        let good = standing.clone().filter(|claim| !state.is_outdated(claim));
        let mut holder = |claim: &Option<Claim>| {
            claim.as_ref().and_then(|claim| self.holder(&mut state, claim, exclude, true, now))
        };
        let node = match holder(&good) {
            Some(node) => node,
            None if looked.is_err() => return Ok(Choice::Unknown),
            None => {
                // Where a claim was refused they knew of the newer owner, and are likely to be it; a list is sure.
                let refused = holder(&standing);
                let (placed, reason) = self.place(&state, key, exclude, now)?;
                refused.filter(|_| reason != Reason::Live).unwrap_or(placed)
            }
        };
        // One that drains is joined when it is the only one.
        let joins = |claim: &Claim| {
            (&claim.holder, &claim.instance) == (&node.id, &node.instance)
                && self.may_stand(&state, claim, now)
        };
        // A node that lists nothing does not tell its other proxies of this publish: they are told by another claim.
        let is_told = node.live.is_some() || looked.is_err() || state.is_mine(key);
        if let Some(claim) = good.filter(|claim| is_told && joins(claim)) {
            let source = if looked.is_ok() { Source::Met } else { Source::Recalled };
            state.publish_began(&claim, source, now);
            return Ok(Choice::Joined(Pick { node, claim: Some(claim), reason: Reason::Claimed }));
        }
        let ask = state.ask(key, &node, now);
        Ok(Choice::Asks(node, ask, standing.map(|claim| claim.epoch)))
    }

    /// The origin that a viewer goes to, or an edge for it: the holder of the claim, else the node that lists the stream with the
    /// highest epoch, else the first in plain rendezvous order. Never claims. When the reason is
    /// [`Reason::Placed`] the stream is not known to be live: ask again when [`version`](Self::version) has
    /// changed, and now and then, for a claim may be made by another proxy.
    ///
    /// # Errors
    /// [`NoOrigin`].
    pub async fn pick_play(
        &self,
        key: &StreamKey,
        exclude: &[NodeId],
        now: Duration,
    ) -> Result<Pick, NoOrigin> {
        let looked = self.directory.lookup(key, now).await;
        let mut state = self.state();
        if let Some(claim) = self.agreed(&mut state, key, &looked, now)
            && let Some(node) = self.holder(&mut state, &claim, exclude, false, now)
        {
            return Ok(Pick { node, claim: Some(claim), reason: Reason::Claimed });
        }
        let (node, reason) = self.first(&state, key, exclude, false, now)?;
        Ok(Pick { node, claim: None, reason })
    }

    /// Where this stream is live, as far as we know without asking the directory: by the claim that was told last, or by
    /// what nodes list.
    pub fn locate(&self, key: &StreamKey, now: Duration) -> Option<Pick> {
        let mut state = self.state();
        if let Some(claim) = state.remembered(key)
            && let Some(node) = self.holder(&mut state, &claim, &[], false, now)
        {
            return Some(Pick { node, claim: Some(claim), reason: Reason::Claimed });
        }
        let (node, reason) = self.first(&state, key, &[], false, now).ok()?;
        (reason == Reason::Live).then_some(Pick { node, claim: None, reason })
    }

    /// The same after asking the directory.
    pub async fn find(&self, key: &StreamKey, now: Duration) -> Option<Pick> {
        self.pick_play(key, &[], now).await.ok().filter(|pick| pick.reason != Reason::Placed)
    }
}

impl Balancer {
    /// The claim to go by: what the directory says, or what is known where it does not; ours where it lost it.
    fn agreed(
        &self,
        state: &mut State,
        key: &StreamKey,
        looked: &Result<Option<Claim>, Error>,
        now: Duration,
    ) -> Option<Claim> {
        match looked {
            Ok(Some(claim)) => state.learn(claim, now),
            Ok(None) if !state.is_mine(key) => state.unlearn(key),
            Ok(None) | Err(_) => {}
        }
        let newest = state.remembered(key)?;
        // A directory that went back tells of an older one, which is right when the newer one is over.
        if let Ok(Some(told)) = looked
            && told.epoch < newest.epoch
            && self.may_stand(state, told, now)
            && self.is_over(state, &newest, now)
        {
            state.unlearn(key);
            state.learn(told, now);
            return Some(told.clone());
        }
        Some(newest)
    }

    /// Whether a claim of which the directory knows nothing is over: its holder has not listed the stream for some beats, or
    /// was lost some time ago.
    fn is_over(&self, state: &State, claim: &Claim, now: Duration) -> bool {
        let entry = state.nodes.get(&claim.holder).filter(|entry| !entry.is_silent(self.config.ttl, now));
        let is_ghost = entry.is_some_and(|entry| self.is_given_up(state, claim, entry, GHOST, now));
        let is_old = state.lately(&claim.key, now).is_none_or(|lately| lately.epoch < claim.epoch);
        is_ghost || (is_old && !self.may_stand(state, claim, now))
    }
}

impl State {
    /// The newest claim that we know of; one of a former run is none of ours.
    fn remembered(&self, key: &StreamKey) -> Option<Claim> {
        let runs = |claim: &&Claim| {
            self.nodes.get(&claim.holder).is_none_or(|entry| entry.node.instance == claim.instance)
        };
        let mine = self.mine.get(key).map(|mine| &mine.runs.claim).filter(runs);
        self.known(key).into_iter().chain(mine).max_by_key(|claim| claim.epoch).cloned()
    }

    /// A new claim for this node, above all that is known of the stream.
    pub(super) fn ask(&mut self, key: &StreamKey, node: &Node, now: Duration) -> Claim {
        let remembered = self.remembered(key).map_or(Epoch::default(), |claim| claim.epoch);
        let floor = self.floor(key).max(remembered);
        let epoch = self.clock.next_above(floor, now);
        Claim { key: key.clone(), holder: node.id.clone(), instance: node.instance.clone(), epoch }
    }
}

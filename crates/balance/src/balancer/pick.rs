//! Picks: where a publish goes and where a viewer goes.

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
        for _ in 0..CLAIM_TRIES {
            let (ask, over) = {
                let mut state = self.state();
                let standing = state.agreed(key, &looked, now);
                if let Some(claim) = &standing
                    && let Some(node) = self.holder(&mut state, claim, exclude, true, now)
                {
                    state.publish_began(claim, looked.is_ok(), now);
                    return Ok(Pick { node, claim: standing, reason: Reason::Claimed });
                }
                if looked.is_err() {
                    break;
                }
                let (node, _) = self.place(&state, key, exclude, now)?;
                (state.ask(key, &node, now), standing.map(|claim| claim.epoch))
            };
            looked = match self.directory.claim(&ask, over, LEASE, now).await {
                Ok(()) => {
                    self.state().publish_began(&ask, true, now);
                    self.note();
                    let node = self.node(&ask.holder);
                    let node = node.ok_or_else(|| NoOrigin::NoneRegistered(key.clone()))?;
                    return Ok(Pick { node, claim: Some(ask), reason: Reason::Claimed });
                }
                Err(Error::Held(claim)) => {
                    self.state().clock.see(claim.epoch, now);
                    Ok(Some(claim))
                }
                Err(Error::Stale(epoch)) => {
                    self.state().clock.see(epoch, now);
                    Ok(None)
                }
                Err(Error::Gone) => Ok(None),
                Err(error) => Err(error),
            };
        }
        let mut state = self.state();
        let (node, reason) = self.first(&state, key, exclude, true, now)?;
        let claim = state.ask(key, &node, now);
        state.publish_began(&claim, false, now);
        self.note();
        Ok(Pick { node, claim: Some(claim), reason })
    }

    /// The node that a viewer goes to: the holder of the claim, else the node that lists the stream with the
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
        if let Some(claim) = state.agreed(key, &looked, now)
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

impl State {
    /// The claim to go by: what the directory says, or what is known where it does not; ours where it lost it.
    fn agreed(
        &mut self,
        key: &StreamKey,
        looked: &Result<Option<Claim>, Error>,
        now: Duration,
    ) -> Option<Claim> {
        match looked {
            Ok(Some(claim)) => self.learn(claim, now),
            Ok(None) if !self.mine.contains_key(key) => self.unlearn(key),
            Ok(None) | Err(_) => {}
        }
        self.remembered(key)
    }

    /// The newest claim that we know of.
    fn remembered(&self, key: &StreamKey) -> Option<Claim> {
        let mine = self.mine.get(key).map(|mine| &mine.claim);
        self.known(key).into_iter().chain(mine).max_by_key(|claim| claim.epoch).cloned()
    }

    fn ask(&mut self, key: &StreamKey, node: &Arc<Node>, now: Duration) -> Claim {
        let epoch: Epoch = self.clock.next(now);
        Claim { key: key.clone(), holder: node.id.clone(), instance: node.instance.clone(), epoch }
    }
}

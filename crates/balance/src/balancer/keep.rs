//! Claims of publishes that run here: kept, told again, and given up.

use super::home::Names;
use super::state::{Mine, State};
use super::{Balancer, LEASE};
use crate::directory::{Claim, Error};
use srs_names::DEFAULT_VHOST;
use std::time::Duration;

/// Claims are renewed when a third of the lease has passed, so two renewals may fail.
const RENEW_AFTER: Duration = Duration::from_secs(10);

/// How a publish ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a word of goodbye.
    Clean,
    /// Its connection broke: the origin waits for the publisher for so long, and so does the claim.
    Dropped(Duration),
}

/// What a claim of ours needs.
enum Due {
    Renewal,
    Release,
}

impl State {
    pub(super) fn publish_began(&mut self, claim: &Claim, asserted: bool, now: Duration) {
        let until = now;
        let fresh = || Mine { claim: claim.clone(), publishes: 0, renewed: now, asserted, until };
        let mine = self.mine.entry(claim.key.clone()).or_insert_with(fresh);
        if mine.claim.epoch != claim.epoch {
            *mine = fresh();
        }
        mine.publishes = mine.publishes.saturating_add(1);
        self.learn(claim, now);
    }

    /// Looks for the streams of our claims in what their holders listed last, under the name that they have there. A
    /// heartbeat cannot do that for itself ([`State::note_listed`]): from a folded name it cannot tell the others.
    fn see_mine(&mut self, now: Duration) {
        let mine = self.mine.values().map(|mine| &mine.claim);
        let claims: Vec<Claim> = mine.filter(|claim| claim.key.vhost() != DEFAULT_VHOST).cloned().collect();
        for claim in &claims {
            self.learn(claim, now);
            self.see_listed(claim);
        }
    }

    /// The same for one claim.
    pub(super) fn see_listed(&mut self, claim: &Claim) {
        let Some(entry) = self.nodes.get(&claim.holder) else { return };
        let at = entry.last_beat();
        if Names::of(&claim.key).listed_by(&entry.node).is_some() {
            self.saw_listed(claim, at);
        }
    }
}

impl Balancer {
    /// A publish picked under this claim is over; after the last one the next [`tick`](Self::tick) gives the key free. A
    /// claim that was replaced is left alone.
    pub fn publish_ended(&self, claim: &Claim, ending: Ending, now: Duration) {
        let mut state = self.state();
        let Some(mine) = state.mine.get_mut(&claim.key).filter(|mine| mine.claim.epoch == claim.epoch) else {
            return;
        };
        mine.publishes = mine.publishes.saturating_sub(1);
        mine.until = match ending {
            Ending::Clean => now,
            Ending::Dropped(hold) => now.saturating_add(hold),
        };
    }

    /// Renews the claims of running publishes, ends claims whose holder died, forgets nodes. Call it about
    /// twice a second.
    pub async fn tick(&self, now: Duration) {
        for (claim, due) in self.due(now) {
            match due {
                Due::Renewal => self.renew(&claim, now).await,
                Due::Release => {
                    // Gone: somebody newer owns it, which is as good. Unavailable: the lease runs out.
                    let _ = self.directory.release(&claim, now).await;
                    self.note();
                }
            }
        }
    }

    fn due(&self, now: Duration) -> Vec<(Claim, Due)> {
        let ttl = self.config.ttl;
        let mut state = self.state();
        state.nodes.retain(|_, entry| !entry.is_forgotten(ttl, now));
        let living = state.nodes.values().filter(|entry| entry.is_alive(ttl, now));
        let alive = living.fold(0, |all, entry| all ^ entry.hash);
        self.note_if(std::mem::replace(&mut state.alive, alive) != alive);
        let generation = self.directory.generation();
        let is_new = std::mem::replace(&mut state.generation, generation) != generation;
        state.see_mine(now);
        let mut due = Vec::new();
        for mine in state.mine.values() {
            let waits = mine.publishes == 0;
            let is_over = waits && (now >= mine.until || self.is_over(&state, &mine.claim));
            if is_over || !self.may_stand(&state, &mine.claim, now) {
                due.push((mine.claim.clone(), Due::Release));
            } else if is_new || !mine.asserted || now.saturating_sub(mine.renewed) >= RENEW_AFTER {
                due.push((mine.claim.clone(), Due::Renewal));
            }
        }
        for (claim, _) in due.iter().filter(|(_, due)| matches!(due, Due::Release)) {
            state.mine.remove(&claim.key);
            if state.known(&claim.key).is_some_and(|known| known.epoch == claim.epoch) {
                state.unlearn(&claim.key);
            }
        }
        state.forget(now);
        due
    }

    /// A stream that waits for its publisher is over when its holder, which listed it, does so no more.
    fn is_over(&self, state: &State, claim: &Claim) -> bool {
        let entry = state.nodes.get(&claim.holder).filter(|entry| entry.node.live.is_some());
        state.was_listed(claim)
            && entry.is_some_and(|entry| state.unlisted_for(claim, entry) > Duration::ZERO)
    }

    async fn renew(&self, claim: &Claim, now: Duration) {
        let outcome = self.directory.renew(claim, LEASE, now).await;
        let mut state = self.state();
        match outcome {
            Ok(()) => {
                state.learn(claim, now);
                if let Some(mine) =
                    state.mine.get_mut(&claim.key).filter(|mine| mine.claim.epoch == claim.epoch)
                {
                    mine.renewed = now;
                    mine.asserted = true;
                }
            }
            // A newer owner: ours is ended where it runs, by what its origin is told.
            Err(Error::Held(newer)) => {
                state.clock.see(newer.epoch, now);
                state.lose(claim);
                state.learn(&newer, now);
                self.note();
            }
            Err(Error::Gone) => {
                state.lose(claim);
                self.note();
            }
            // Tried again at the next tick.
            Err(_) => {
                if let Some(mine) =
                    state.mine.get_mut(&claim.key).filter(|mine| mine.claim.epoch == claim.epoch)
                {
                    mine.asserted = false;
                }
            }
        }
    }
}

impl State {
    fn lose(&mut self, claim: &Claim) {
        if self.mine.get(&claim.key).is_some_and(|mine| mine.claim.epoch == claim.epoch) {
            self.mine.remove(&claim.key);
        }
    }
}

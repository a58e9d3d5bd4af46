//! Claims of publishes that run here: kept, told again, and given up.

use super::home::Names;
use super::mine::Mine;
use super::state::State;
use super::{Balancer, LEASE, UNLISTED};
use crate::Epoch;
use crate::directory::{Claim, Error};
use srs_names::DEFAULT_VHOST;
use std::sync::Arc;
use std::time::Duration;

/// Claims are renewed when a third of the lease has passed, so two renewals may fail.
pub(super) const RENEW_AFTER: Duration = Duration::from_secs(10);

/// The same while a newer claim stands, and once after a claim of another proxy was joined.
pub(super) const CONTEST: Duration = Duration::from_secs(2);
/// A newer claim whose holder has not listed the stream for so long, three beats, does not end a publish that runs.
const GHOST: Duration = Duration::from_secs(3);
/// A beat made so long after the end of a publish says whether another one runs.
const SETTLED: Duration = Duration::from_secs(1);

/// How a publish ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a word of goodbye.
    Clean,
    /// Its connection broke: the origin waits for the publisher for so long, and so does the claim.
    Dropped(Duration),
}

/// What a claim of ours needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Renewal,
    Release,
    /// To be left to another proxy that publishes under it.
    Leave,
}

impl State {
    /// Looks for the streams of our claims in what their holders listed last, under the name that they have there. A
    /// heartbeat cannot do that for itself ([`State::note_listed`]): from a folded name it cannot tell the others.
    fn see_mine(&mut self, now: Duration) {
        let mine = self.mine.values().map(|mine| &mine.runs.claim);
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
        self.state().publish_ended(claim, ending, now);
    }

    /// The node refused a publish under this claim, since it knows an owner of the stream with the epoch `current`: the
    /// directory has forgotten that one (it came back empty, or its proxy was started again). The next pick claims above
    /// it. The publish that was refused ends as any other, by [`publish_ended`](Self::publish_ended).
    pub fn publish_fenced(&self, claim: &Claim, current: Epoch, now: Duration) {
        let mut state = self.state();
        if state.clock.see(current, now) {
            state.raise_floor(&claim.key, current, now);
        }
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
                Due::Leave | Due::Nothing => {}
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
        let fates =
            state.mine.values().map(|mine| (mine.runs.claim.clone(), self.fate(&state, mine, is_new, now)));
        let due: Vec<_> = fates.filter(|(_, due)| *due != Due::Nothing).collect();
        for (claim, due) in due.iter().filter(|(_, due)| *due != Due::Renewal) {
            state.drop_mine(&claim.key, now);
            if *due == Due::Release && state.known(&claim.key).is_some_and(|known| known.epoch == claim.epoch)
            {
                state.unlearn(&claim.key);
            }
        }
        state.forget(now);
        due
    }

    fn fate(&self, state: &State, mine: &Mine, is_new: bool, now: Duration) -> Due {
        let Some(holder) = state.nodes.get(&mine.runs.claim.holder) else { return Due::Release };
        if holder.is_silent(self.config.ttl, now) {
            // Another proxy may hear it, and publish there.
            let is_over = mine.runs.publishes == 0 && now >= mine.until;
            return if is_over { Due::Leave } else { Due::Nothing };
        }
        if !self.may_stand(state, &mine.runs.claim, now) {
            return Due::Release;
        }
        if mine.runs.publishes == 0 {
            if mine.rivalled {
                return Due::Leave;
            }
            if now >= mine.until || self.is_over(state, &mine.runs.claim) {
                match self.succession(state, mine, now) {
                    Due::Nothing => {}
                    decided => return decided,
                }
            }
        }
        let pause = if mine.rivalled { CONTEST } else { RENEW_AFTER };
        let is_due = is_new || !(mine.asserted || mine.rivalled) || now.saturating_sub(mine.renewed) >= pause;
        if is_due { Due::Renewal } else { Due::Nothing }
    }

    /// What becomes of a claim under which nobody publishes here any more. Somebody may do so through another proxy, to
    /// which we leave it then; only the holder can tell, in a beat that was made after the end.
    fn succession(&self, state: &State, mine: &Mine, now: Duration) -> Due {
        let Some(entry) = state.nodes.get(&mine.runs.claim.holder) else { return Due::Release };
        match Names::of(&mine.runs.claim.key).listed_by(&entry.node) {
            None => Due::Release,
            Some(_) if entry.last_beat() < mine.ended.saturating_add(SETTLED) => Due::Nothing,
            Some(listed) if listed.held && now < mine.until.saturating_add(UNLISTED) => Due::Nothing,
            Some(_) => Due::Leave,
        }
    }

    /// A stream that waits for its publisher is over when its holder, which listed it, does so no more.
    fn is_over(&self, state: &State, claim: &Claim) -> bool {
        let entry = state.nodes.get(&claim.holder).filter(|entry| entry.node.live.is_some());
        state.was_listed(claim)
            && entry.is_some_and(|entry| state.unlisted_for(claim, entry) > Duration::ZERO)
    }

    async fn renew(&self, claim: &Claim, now: Duration) {
        match self.directory.renew(claim, LEASE, now).await {
            Ok(()) => self.state().renewed(claim, claim, now),
            Err(Error::Held(newer)) => {
                if self.contest(claim, &newer, now) {
                    self.claim_anew(claim, Some(newer.epoch), now).await;
                }
            }
            // There was a newer one, and what runs under ours has none.
            Err(Error::Gone) => self.claim_anew(claim, None, now).await,
            Err(_) => self.state().doubt(claim),
        }
    }

    /// A newer claim stands. Usually ours is ended where it runs, by what its origin is told, and that is all. But the newer
    /// one may be of a publish that never began: then ours is to have the key back.
    fn contest(&self, claim: &Claim, newer: &Claim, now: Duration) -> bool {
        let mut state = self.state();
        state.see_told(&claim.key, newer.epoch, now);
        state.learn(newer, now);
        self.note();
        state.rival(claim, now);
        let is_here = newer.holder == claim.holder && newer.instance == claim.instance;
        let entry = state.nodes.get(&newer.holder).filter(|_| !is_here);
        entry.is_some_and(|entry| self.is_given_up(&state, newer, entry, GHOST, now))
    }

    /// The same origin again, under a new claim, if something runs there.
    async fn claim_anew(&self, lost: &Claim, over: Option<Epoch>, now: Duration) {
        let ask = {
            let mut state = self.state();
            let runs =
                state.mine.get(&lost.key).is_some_and(|mine| mine.runs.has(lost) && mine.runs.publishes > 0);
            let entry = state.nodes.get(&lost.holder).filter(|entry| entry.node.instance == lost.instance);
            let Some(node) = entry.map(|entry| Arc::clone(&entry.node)).filter(|_| runs) else {
                state.drop_mine(&lost.key, now);
                self.note();
                return;
            };
            if node.live.is_some() && Names::of(&lost.key).listed_by(&node).is_none() {
                // Not seen to run yet, or any more.
                return state.doubt(lost);
            }
            state.ask(&lost.key, &node, now)
        };
        let outcome = self.directory.claim(&ask, over, LEASE, now).await;
        let mut state = self.state();
        match outcome {
            Ok(()) => {
                state.learn(&ask, now);
                state.renewed(lost, &ask, now);
            }
            Err(Error::Held(newer)) => {
                state.see_told(&lost.key, newer.epoch, now);
                state.learn(&newer, now);
                state.rival(lost, now);
            }
            Err(Error::Stale(last)) => {
                state.see_told(&lost.key, last, now);
                state.doubt(lost);
            }
            Err(_) => state.doubt(lost),
        }
        self.note();
    }
}

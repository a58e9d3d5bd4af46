//! Claims of publishes that run here: kept, told again, and given up.

use super::home::Names;
use super::mine::Mine;
use super::state::State;
use super::{Balancer, LEASE, UNLISTED};
use crate::Epoch;
use crate::directory::{Claim, Error};
use srs_names::DEFAULT_VHOST;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Claims are renewed when a third of the lease has passed, so two renewals may fail.
const RENEW_AFTER: Duration = Duration::from_secs(10);
/// So many claims are settled at a time: one behind the other they would take a directory that is 5 ms away longer than they
/// have when it comes back empty to some thousands.
const SIDE_BY_SIDE: usize = 32;
/// The same while a newer claim stands.
const CONTEST: Duration = Duration::from_secs(2);
/// A newer claim whose holder has not listed the stream for so long, three beats, does not end a publish that runs.
pub(super) const GHOST: Duration = Duration::from_secs(3);
/// A beat made so long after the end of a publish says whether another one runs.
const SETTLED: Duration = Duration::from_secs(1);

/// An epoch that a node knows and cannot say lies no further ahead of our clock: those of one cluster differ by less.
const AHEAD_MS: u64 = 1_000;

/// How a publish ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a word of goodbye.
    Clean,
    /// Its connection broke: the origin waits for the publisher for so long, and so does the claim.
    Dropped(Duration),
    /// It never began, as its node refused it: the claim is kept for as long as it would be without it.
    Unbegun,
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

/// Ready when all of these few are: each is polled whenever one of them may go on.
async fn all<'a>(few: impl Iterator<Item = impl Future<Output = ()> + Send + 'a>) {
    let mut few: Vec<_> = few.map(Box::pin).collect();
    poll_fn(|cx| {
        few.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if few.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
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
        if entry.node.instance == claim.instance && Names::of(&claim.key).listed_by(&entry.node).is_some() {
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
    /// it. The publish that was refused ends by [`publish_ended`](Self::publish_ended), as one that never began.
    pub fn publish_fenced(&self, claim: &Claim, current: Epoch, now: Duration) {
        let mut state = self.state();
        if state.clock.see(current, now) {
            state.raise_floor(&claim.key, current, now);
        }
    }

    /// The same where the node cannot say which epoch it knows. Where the directory has a newer claim the next pick goes by
    /// that; else it claims above what nodes list, or a little above the clock.
    pub async fn publish_outdated(&self, claim: &Claim, now: Duration) {
        let looked = self.directory.lookup(&claim.key, now).await;
        let mut state = self.state();
        if looked.is_ok_and(|told| told.is_some_and(|told| told.epoch > claim.epoch)) {
            return;
        }
        let listed = state.newest(&claim.key, self.domain()).map(|(_, epoch)| epoch);
        let current = listed.filter(|epoch| *epoch > claim.epoch).unwrap_or_else(|| {
            let clock = state.clock.next(now).unix_ms();
            Epoch::from_unix_ms(clock.saturating_add(AHEAD_MS))
        });
        state.raise_floor(&claim.key, current, now);
    }

    /// Renews the claims of running publishes, ends claims whose holder died, forgets nodes. Call it about
    /// twice a second.
    pub async fn tick(&self, now: Duration) {
        for some in self.due(now).chunks(SIDE_BY_SIDE) {
            all(some.iter().map(|(claim, due)| self.settle(claim, *due, now))).await;
        }
    }

    async fn settle(&self, claim: &Claim, due: Due, now: Duration) {
        match due {
            Due::Renewal => self.renew(claim, now).await,
            Due::Release => {
                // Gone: somebody newer owns it, which is as good. Unavailable: the lease runs out.
                let _ = self.directory.release(claim, now).await;
                self.note();
            }
            Due::Leave | Due::Nothing => {}
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
        let runs = mine.runs.publishes > 0;
        if runs && holder.node.instance != mine.runs.claim.instance {
            // It ends with its run, unless the next one took it before we knew of that.
            let names = Names::of(&mine.runs.claim.key);
            let is_there =
                names.listed_by(&holder.node).is_some_and(|listed| mine.runs.began_by(listed.epoch));
            let waits = mine.rivalled && now.saturating_sub(mine.renewed) < CONTEST;
            return if is_there && !waits { Due::Renewal } else { Due::Nothing };
        }
        if runs && self.is_outranked(state, &mine.runs.claim, now) {
            // One of the two ends where it runs.
            return Due::Nothing;
        }
        if !self.may_stand(state, &mine.runs.claim, now) {
            return Due::Release;
        }
        if !runs {
            if mine.rivalled {
                return Due::Leave;
            }
            if now >= mine.until || self.is_left(state, &mine.runs.claim) {
                match self.succession(state, mine, now) {
                    // Until then it is renewed: a directory that lost it is to know its epoch. One that never had it is not.
                    Due::Nothing if mine.was_there => {}
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
            None if entry.node.live.is_none() || entry.last_beat() > mine.ended => Due::Release,
            None => Due::Nothing,
            Some(_) if entry.last_beat() < mine.ended.saturating_add(SETTLED) => Due::Nothing,
            Some(listed) if listed.held && now < mine.until.saturating_add(UNLISTED) => Due::Nothing,
            Some(_) => Due::Leave,
        }
    }

    /// A stream that waits for its publisher is over when its holder, which listed it, does so no more.
    fn is_left(&self, state: &State, claim: &Claim) -> bool {
        let entry = state.nodes.get(&claim.holder).filter(|entry| entry.node.live.is_some());
        state.was_listed(claim)
            && entry.is_some_and(|entry| state.unlisted_for(claim, entry) > Duration::ZERO)
    }

    async fn renew(&self, claim: &Claim, now: Duration) {
        if self.node(&claim.holder).is_some_and(|node| node.instance != claim.instance) {
            return self.claim_anew(claim, Some(claim.epoch), now).await;
        }
        let claim = &self.state().newest_here(claim, now);
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
        if newer.epoch < claim.epoch {
            // It is older, after all: the directory went back, or never heard of ours.
            return true;
        }
        state.learn(newer, now);
        self.note();
        let entry = state.nodes.get(&newer.holder);
        if newer.holder == claim.holder && newer.instance == claim.instance {
            // It is where it is, whoever claimed that. Who gives the claim up at last is told by what the node lists.
            if entry.is_some_and(|entry| entry.node.live.is_some()) {
                state.renewed(claim, newer, now);
                state.doubt(newer);
            } else {
                state.rival(claim, now);
            }
            return false;
        }
        let is_ghost = entry.is_some_and(|entry| {
            entry.is_former(&newer.instance) || self.is_given_up(&state, newer, entry, GHOST, now)
        });
        state.rival(claim, now);
        is_ghost
    }

    /// The same origin again, under a new claim, if something runs there.
    async fn claim_anew(&self, lost: &Claim, mut over: Option<Epoch>, now: Duration) {
        // Twice: over a claim that turns out to be one of a publish that never began.
        for _ in 0..2 {
            let Some(ask) = self.ask_anew(lost, now) else { return };
            match self.directory.claim(&ask, over, LEASE, now).await {
                Ok(()) => {
                    self.state().renewed(lost, &ask, now);
                    return self.note();
                }
                Err(Error::Held(newer)) if self.contest(lost, &newer, now) => over = Some(newer.epoch),
                Err(Error::Held(_)) => return,
                Err(Error::Stale(last)) => {
                    let mut state = self.state();
                    state.see_told(&lost.key, last, now);
                    return state.doubt(lost);
                }
                Err(_) => return self.state().doubt(lost),
            }
        }
    }

    /// A new claim for what runs under a lost one; none where that is not to be seen.
    fn ask_anew(&self, lost: &Claim, now: Duration) -> Option<Claim> {
        let mut state = self.state();
        // Meanwhile another one may have come over it.
        let runs = state.mine_of(lost)?.runs.publishes > 0;
        let node = state.nodes.get(&lost.holder).filter(|_| runs).map(|entry| Arc::clone(&entry.node));
        let Some(node) = node else {
            state.drop_mine(&lost.key, now);
            self.note();
            return None;
        };
        if node.live.is_some() && Names::of(&lost.key).listed_by(&node).is_none() {
            // Not yet, or not any more.
            state.doubt(lost);
            return None;
        }
        Some(state.ask(&lost.key, &node, now))
    }
}

//! Claims of publishes that run here, and how publishes come to them and leave them.

use super::keep::Ending;
use super::state::State;
use crate::Epoch;
use crate::directory::Claim;
use srs_names::StreamKey;
use std::time::Duration;

/// A proxy that gives a claim up knows of another publish under it from a beat that was made since: after so long.
const JOINED: Duration = Duration::from_secs(3);

/// How a publish came to its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The directory gave it.
    Made,
    /// It stood, as the directory said.
    Met,
    /// It stood when the directory was heard of last.
    Recalled,
    /// The directory may never have heard of it.
    Assumed,
}

/// The newest claim of a stream that is published through this proxy.
pub(super) struct Mine {
    pub(super) runs: Runs,
    pub(super) renewed: Duration,
    /// The directory has it, as far as we know.
    pub(super) asserted: bool,
    /// The directory had it once.
    pub(super) was_there: bool,
    /// Another proxy made it, and may be giving it up at this moment: until then it is told again and again.
    unsure: Duration,
    /// A newer claim stands though ours still runs.
    pub(super) rivalled: bool,
    /// When the last publish ended.
    pub(super) ended: Duration,
    /// Without a publish the claim is kept until then, for the publisher's return.
    pub(super) until: Duration,
    /// What still runs under older claims: it moves to this one, or stays when that fails.
    older: Vec<Runs>,
}

/// Publishes under a claim.
#[derive(Clone)]
pub(super) struct Runs {
    pub(super) claim: Claim,
    /// They may have begun under an earlier claim, down to this one, that was lost and made anew.
    first: Epoch,
    pub(super) publishes: usize,
}

impl Runs {
    fn of(claim: &Claim) -> Runs {
        Runs { claim: claim.clone(), first: claim.epoch, publishes: 0 }
    }

    /// Whether what began under this claim is among them.
    pub(super) fn has(&self, claim: &Claim) -> bool {
        self.began_by(claim.epoch) && claim.holder == self.claim.holder
    }

    /// Whether one of them may have begun by this epoch.
    pub(super) fn began_by(&self, epoch: Epoch) -> bool {
        (self.first..=self.claim.epoch).contains(&epoch)
    }
}

impl Mine {
    fn new(runs: Runs, older: Vec<Runs>, now: Duration) -> Mine {
        let [asserted, was_there, rivalled] = [false; 3];
        Mine { runs, renewed: now, asserted, was_there, unsure: now, rivalled, ended: now, until: now, older }
    }
}

impl State {
    /// One more publish under this claim.
    pub(super) fn publish_began(&mut self, claim: &Claim, source: Source, now: Duration) {
        let before = self.mine.remove(&claim.key);
        let mut mine = match before {
            Some(mine) if mine.runs.claim.epoch == claim.epoch => mine,
            before => {
                let mut older = before.map(|mine| [mine.older, vec![mine.runs]].concat()).unwrap_or_default();
                older.retain(|runs| runs.publishes > 0);
                let same = older.iter().position(|runs| runs.claim.epoch == claim.epoch);
                let runs = same.map_or_else(|| Runs::of(claim), |same| older.remove(same));
                let mut fresh = Mine::new(runs, older, now);
                fresh.asserted = source == Source::Made;
                fresh.was_there = source != Source::Assumed;
                if source == Source::Met {
                    fresh.unsure = now.saturating_add(JOINED);
                }
                fresh
            }
        };
        mine.runs.publishes = mine.runs.publishes.saturating_add(1);
        self.mine.insert(claim.key.clone(), mine);
        self.learn(claim, now);
        // Its holder has some time again to list it.
        self.saw_claimed(claim, now);
    }

    pub(super) fn publish_ended(&mut self, claim: &Claim, ending: Ending, now: Duration) {
        let Some(mine) = self.mine.get_mut(&claim.key) else { return };
        if mine.runs.has(claim) {
            mine.runs.publishes = mine.runs.publishes.saturating_sub(1);
            mine.ended = now;
            mine.until = match ending {
                Ending::Clean => now,
                Ending::Dropped(hold) => now.saturating_add(hold),
                Ending::Unbegun => mine.until,
            };
        } else if let Some(runs) = mine.older.iter_mut().find(|runs| runs.has(claim)) {
            runs.publishes = runs.publishes.saturating_sub(1);
            mine.older.retain(|runs| runs.publishes > 0);
        }
    }

    /// Nothing runs under the newest claim of ours any more, or nothing is to. What runs under an older one has the stream
    /// again.
    pub(super) fn drop_mine(&mut self, key: &StreamKey, now: Duration) {
        let Some(Mine { runs, mut older, .. }) = self.mine.remove(key) else { return };
        let newest = runs.claim.epoch;
        if let Some(runs) = older.pop() {
            // Under a new claim: nobody is to come to one that was replaced.
            self.raise_floor(key, newest, now);
            self.mine.insert(key.clone(), Mine::new(runs, older, now));
        }
    }

    pub(super) fn mine_of(&mut self, claim: &Claim) -> Option<&mut Mine> {
        self.mine.get_mut(&claim.key).filter(|mine| mine.runs.claim.epoch == claim.epoch)
    }

    /// The directory has what ran under this claim, now under that one.
    pub(super) fn renewed(&mut self, claim: &Claim, now_under: &Claim, now: Duration) {
        self.learn(now_under, now);
        let Some(mine) = self.mine_of(claim) else { return };
        mine.runs.claim = now_under.clone();
        mine.renewed = now;
        mine.was_there = true;
        (mine.asserted, mine.rivalled) = (now >= mine.unsure, false);
    }

    /// By which claim that is renewed what runs under this one: by a newer one for the same run of the same node, if there is
    /// one. We may have asked for it ourselves and had no answer, and a directory that went back knows nothing of it.
    pub(super) fn newest_here(&mut self, claim: &Claim, now: Duration) -> Claim {
        let is_newer = |known: &&Claim| {
            let is_here = (&known.holder, &known.instance) == (&claim.holder, &claim.instance);
            is_here && known.epoch > claim.epoch
        };
        let known = self.known(&claim.key).filter(is_newer).cloned();
        // Who gives it up at last is told by what the node lists.
        let tells = self.nodes.get(&claim.holder).is_some_and(|entry| entry.node.live.is_some());
        let Some(newer) = known.filter(|_| tells) else { return claim.clone() };
        self.renewed(claim, &newer, now);
        self.doubt(&newer);
        newer
    }

    /// It is asked again at the next tick.
    pub(super) fn doubt(&mut self, claim: &Claim) {
        if let Some(mine) = self.mine_of(claim) {
            (mine.asserted, mine.rivalled) = (false, false);
        }
    }

    /// A newer claim stands.
    pub(super) fn rival(&mut self, claim: &Claim, now: Duration) {
        let Some(mine) = self.mine_of(claim) else { return };
        (mine.rivalled, mine.renewed) = (true, now);
        if mine.runs.publishes == 0 {
            self.drop_mine(&claim.key, now);
        }
    }
}

//! Who is at home for a key, and the claims that are kept here.
//!
//! The members that live are changed, and a claim is judged, under one lock: from the moment on which another member is
//! known to be the home of a key, nothing is granted here for it.

use super::identity::Identity;
use super::wire::{Ask, Reply};
use futures_util::FutureExt as _;
use srs_balance::directory::{Answer, Error};
use srs_balance::rank::{self, DEFAULT_WEIGHT, Lot};
use srs_balance::{Claim, Directory as _, Memory};
use srs_names::{NodeId, StreamKey};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// After a change of members a key that is not known is decided on after this time at the latest. Gossip has told all
/// balancers by then, and each has told its claims again, which it does within half a second.
pub(super) const SETTLE: Duration = Duration::from_millis(1_500);
/// A claim that another member handed over stands for so long; whoever publishes renews it within a second.
const HANDED: Duration = Duration::from_secs(10);

/// The members that live, and the claims whose home this one is.
pub(super) struct Home {
    me: NodeId,
    book: Memory,
    /// When the book's time was zero.
    began: Instant,
    state: Mutex<State>,
    /// Counts the reasons to tell claims again: changes of members, and two claims that met.
    generation: watch::Sender<u64>,
    /// Counts the claims that met another one here.
    quarrels: watch::Sender<u64>,
}

struct State {
    /// This member among them.
    live: BTreeMap<NodeId, Live>,
    /// Who has not yet handed over the claims that it kept, and until when that is waited for.
    unhanded: HashMap<NodeId, Instant>,
    /// Who died lately: its claims are told again.
    departed: Vec<(Live, Instant)>,
    /// Nothing that is not known is decided on before.
    quiet: Instant,
}

struct Live {
    identity: Identity,
    hash: u64,
}

impl Live {
    fn lot(&self, key: u64) -> Lot {
        Lot::draw(key, self.hash, DEFAULT_WEIGHT)
    }

    /// Whether this member comes before that one for a key. A tie goes to the smaller id.
    fn beats(&self, other: &Self, key: u64) -> bool {
        let order = self.lot(key).order(&other.lot(key));
        order.then_with(|| self.identity.id.cmp(&other.identity.id)) == Ordering::Less
    }
}

impl State {
    fn first(&self, key: u64) -> Option<&Live> {
        self.live.values().reduce(|first, live| if live.beats(first, key) { live } else { first })
    }

    /// Whether somebody may know of a claim that is not known here.
    fn is_unsure(&self, key: u64, home: &Live, now: Instant) -> bool {
        now < self.quiet
            || self.unhanded.values().any(|until| now < *until)
            || self.departed.iter().any(|(gone, until)| now < *until && gone.beats(home, key))
    }
}

impl Home {
    /// With this member alone. Where it expects others, what is not known is not decided on before they had time to
    /// be found.
    pub(super) fn new(me: Identity, domain: &str, expects_others: bool) -> Self {
        let now = Instant::now();
        let id = me.id.clone();
        let hash = rank::hash(id.as_str());
        let quiet = if expects_others { now + SETTLE } else { now };
        let state = State {
            live: BTreeMap::from([(id.clone(), Live { identity: me, hash })]),
            unhanded: HashMap::new(),
            departed: Vec::new(),
            quiet,
        };
        Self {
            me: id,
            book: Memory::new(domain),
            began: now,
            state: Mutex::new(state),
            generation: watch::Sender::new(0),
            quarrels: watch::Sender::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one step that cannot panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Who lives from now on, this member among them. Returns who does no more.
    pub(super) fn set(&self, live: Vec<Identity>) -> Vec<Identity> {
        let now = Instant::now();
        let until = now + SETTLE;
        let mut state = self.state();
        let mut old = std::mem::take(&mut state.live);
        let mut changed = false;
        let mut reborn = false;
        for identity in live {
            let id = identity.id.clone();
            let known = old.remove(&id);
            if known.as_ref().is_none_or(|known| known.identity != identity) {
                changed = true;
                if id == self.me {
                    reborn = true;
                } else {
                    state.unhanded.insert(id.clone(), until);
                }
            }
            let hash = known.map_or_else(|| rank::hash(id.as_str()), |known| known.hash);
            state.live.insert(id, Live { identity, hash });
        }
        if reborn {
            // Who thought that this member was dead has claims that belong here.
            let others: Vec<_> = state.live.keys().filter(|id| **id != self.me).cloned().collect();
            state.unhanded.extend(others.into_iter().map(|id| (id, until)));
        }
        state.departed.retain(|(_, until)| now < *until);
        state.unhanded.retain(|id, until| now < *until && !old.contains_key(id));
        let gone: Vec<Identity> = old.values().map(|gone| gone.identity.clone()).collect();
        state.departed.extend(old.into_values().map(|gone| (gone, until)));
        drop(state);
        if changed || !gone.is_empty() {
            count(&self.generation);
        }
        gone
    }

    /// Whoever publishes is to tell its claims again.
    pub(super) fn tell_again(&self) {
        count(&self.generation);
    }

    /// Two claims of one key met here. Who told the older one was told that it stands, and must hear otherwise.
    fn quarrel(&self) {
        count(&self.generation);
        count(&self.quarrels);
    }

    /// Tells when claims met, for the others to be told.
    pub(super) fn quarrels(&self) -> watch::Receiver<u64> {
        self.quarrels.subscribe()
    }

    /// How often there was reason to tell claims again.
    pub(super) fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Tells of changes of the members, and now and then without any.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Who lives, this member among them.
    pub(super) fn live(&self) -> Vec<Identity> {
        self.state().live.values().map(|live| live.identity.clone()).collect()
    }

    /// A member that lives, as it is known now.
    pub(super) fn member(&self, id: &NodeId) -> Option<Identity> {
        self.state().live.get(id).map(|live| live.identity.clone())
    }

    /// Whether just this run of a member lives.
    pub(super) fn is_live(&self, identity: &Identity) -> bool {
        self.state().live.get(&identity.id).is_some_and(|live| live.identity == *identity)
    }

    /// The home of a key.
    pub(super) fn of(&self, key: &StreamKey) -> NodeId {
        let hash = rank::hash(key.as_str());
        self.state().first(hash).map_or_else(|| self.me.clone(), |first| first.identity.id.clone())
    }

    /// The text of a note that is kept here.
    pub(super) fn noted(&self, name: &str) -> Result<Option<String>, Error> {
        at_once(self.book.noted(name, self.now()))
    }

    /// Answers for a key whose home this member is, and for no other.
    pub(super) fn serve(&self, ask: &Ask) -> Reply {
        if let Ask::Note { name, text, ttl } = ask {
            at_once(self.book.note(name, text, *ttl, self.now()))?;
        }
        let Some(key) = ask.key() else { return Ok(None) };
        let hash = rank::hash(key.as_str());
        let state = self.state();
        let Some(home) = state.first(hash).filter(|home| home.identity.id == self.me) else {
            return Err(Error::Unavailable("another member is the home of this stream".to_owned()));
        };
        let now = self.now();
        if matches!(ask, Ask::Claim { .. } | Ask::Lookup { .. })
            && state.is_unsure(hash, home, Instant::now())
            && at_once(self.book.lookup(key, now))?.is_none()
        {
            return Err(Error::Unavailable("the members have just changed".to_owned()));
        }
        match ask {
            Ask::Claim { claim, over, lease } => at_once(self.book.claim(claim, *over, *lease, now))?,
            Ask::Renew { claim, lease } => {
                let before = at_once(self.book.lookup(&claim.key, now))?;
                at_once(self.book.renew(claim, *lease, now))?;
                if before.is_some_and(|before| before.epoch != claim.epoch) {
                    self.quarrel();
                }
            }
            Ask::Release { claim } => at_once(self.book.release(claim, now))?,
            Ask::Lookup { key } => return at_once(self.book.lookup(key, now)),
            Ask::Note { .. } => {}
        }
        Ok(None)
    }

    /// Every claim that is kept here.
    pub(super) fn kept(&self) -> Vec<Claim> {
        self.book.standing(self.now())
    }

    /// Those of them whose home that member is.
    pub(super) fn belonging(&self, kept: &[Claim], to: &NodeId) -> Vec<Claim> {
        let state = self.state();
        let belongs = |claim: &&Claim| {
            state.first(rank::hash(claim.key.as_str())).is_some_and(|home| home.identity.id == *to)
        };
        kept.iter().filter(belongs).cloned().collect()
    }

    /// These were handed to their home: what stands of them here would be old when this member is their home again.
    pub(super) fn handed_over(&self, claims: &[Claim]) {
        let state = self.state();
        for claim in claims {
            let home = state.first(rank::hash(claim.key.as_str()));
            if home.is_some_and(|home| home.identity.id != self.me) {
                // It ran out meanwhile, which is as good.
                let _ = at_once(self.book.release(claim, self.now()));
            }
        }
    }

    /// Takes claims that another member kept. Of two claims of one key the newer stands.
    pub(super) fn take(&self, claims: &[Claim]) {
        let state = self.state();
        let now = self.now();
        for claim in claims {
            let home = state.first(rank::hash(claim.key.as_str()));
            if home.is_some_and(|home| home.identity.id == self.me) {
                let before = at_once(self.book.lookup(&claim.key, now));
                // Refused by a newer one.
                let _ = at_once(self.book.renew(claim, HANDED, now));
                if before.is_ok_and(|before| before.is_some_and(|before| before.epoch != claim.epoch)) {
                    self.quarrel();
                }
            }
        }
    }

    /// This member has handed over all that it kept.
    pub(super) fn has_handed(&self, from: &Identity) {
        let mut state = self.state();
        if state.live.get(&from.id).is_some_and(|live| live.identity == *from) {
            state.unhanded.remove(&from.id);
        }
    }

    /// Whether every key is decided on.
    #[cfg(test)]
    pub(super) fn is_settled(&self) -> bool {
        let (state, now) = (self.state(), Instant::now());
        now >= state.quiet
            && state.unhanded.values().all(|until| now >= *until)
            && state.departed.iter().all(|(_, until)| now >= *until)
    }
}

fn count(counter: &watch::Sender<u64>) {
    counter.send_modify(|count| *count = count.wrapping_add(1));
}

/// The book answers without waiting.
fn at_once<T>(answer: Answer<'_, T>) -> Result<T, Error> {
    answer.now_or_never().unwrap_or_else(|| Err(Error::Unavailable("the book is not at hand".to_owned())))
}

#[cfg(test)]
mod tests;

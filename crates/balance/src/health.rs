//! Is a node alive? Judged from its heartbeats, the probes it answered and the dials that failed, all at
//! times given by the caller.

use crate::{Node, rank};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Silence after which a node that speaks each second is out: three heartbeats.
pub const SILENT: Duration = Duration::from_secs(3);
/// The same for nodes with slow heartbeats (plain SRS: 9.9 s), however slow.
pub const MAX_SILENT: Duration = Duration::from_secs(30);
/// The interval assumed until a second heartbeat has shown it: SRS's default.
const ASSUMED_INTERVAL: Duration = Duration::from_millis(9_900);
/// Heartbeats that must be missed.
const MISSED: u32 = 3;
/// Out of rotation after a failed dial for this long at first, twice as long each next time, at most
/// [`MAX_BACK_OFF`].
pub const MIN_BACK_OFF: Duration = Duration::from_secs(1);
/// The longest back-off: a node whose heartbeats are fine is tried again once a minute.
pub const MAX_BACK_OFF: Duration = Duration::from_secs(60);
/// Former runs of a node that are remembered, so that a dying process cannot take the id back from its
/// successor. Restarts that overlap more than a few deep do not happen.
const MAX_FORMER: usize = 4;

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// May be picked.
    Alive,
    /// Neither a heartbeat nor a probe answer for too long.
    Silent,
    /// A dial failed; not picked before this time has passed and a later heartbeat has come.
    Refusing {
        /// Time until the back-off ends; zero when only the heartbeat is missing.
        retry_in: Duration,
    },
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    at: Duration,
    until: Duration,
    step: u32,
}

/// When a run of a node was heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// It says in its beats which streams it has.
    pub tells: bool,
    /// Its last beat.
    beat: Duration,
    /// Since then no beat was missed.
    steady: Duration,
    /// Its last beat or answer to a probe.
    pub last: Duration,
}

impl Heard {
    /// For how long its beats have told something else than at this moment. Silence tells nothing.
    pub fn told_since(&self, moment: Duration) -> Duration {
        self.beat.saturating_sub(moment.max(self.steady))
    }
}

/// A node and what is known about its health.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub node: Arc<Node>,
    /// `rank::hash` of the id.
    pub hash: u64,
    beat: Duration,
    /// Since then no beat was missed.
    steady: Duration,
    probe: Option<Duration>,
    unanswered: Option<Duration>,
    interval: Option<Duration>,
    failure: Option<Failure>,
    slow: Option<Failure>,
    former: VecDeque<(String, Heard)>,
    /// Viewers that were sent there since it last told how many it has.
    pub sent: u64,
}

impl Entry {
    pub fn new(node: Arc<Node>, now: Duration) -> Self {
        let hash = rank::hash(node.id.as_str());
        let interval = node.interval;
        Self {
            node,
            hash,
            beat: now,
            steady: now,
            probe: None,
            unanswered: None,
            interval,
            failure: None,
            slow: None,
            former: VecDeque::new(),
            sent: 0,
        }
    }

    /// The same run of the node spoke again.
    pub fn beat(&mut self, node: Arc<Node>, now: Duration) {
        if now.saturating_sub(self.beat) > self.patience() {
            self.steady = now;
        }
        let gap = now.saturating_sub(self.beat).min(MAX_SILENT / MISSED);
        self.interval = node.interval.or_else(|| {
            // Grows at once and shrinks slowly: one quick heartbeat must not make the next usual one late.
            Some(self.interval.map_or(gap, |seen| if gap > seen { gap } else { (seen * 3 + gap) / 4 }))
        });
        self.node = node;
        self.sent = 0;
        self.beat = now;
        self.unanswered = None;
    }

    /// A new run of the node took its id: whatever was held against the old one is void.
    pub fn restart(&mut self, node: Arc<Node>, now: Duration) {
        let mut former = std::mem::take(&mut self.former);
        former.retain(|(instance, _)| *instance != node.instance);
        former.push_back((self.node.instance.clone(), self.heard_of()));
        if former.len() > MAX_FORMER {
            former.pop_front();
        }
        *self = Self { former, ..Self::new(node, now) };
    }

    /// True for a run that was replaced while it still spoke.
    pub fn is_former(&self, instance: &str) -> bool {
        self.former.iter().any(|(former, _)| former == instance)
    }

    /// When this run was heard of, unless it is none of those that we remember.
    pub fn heard_as(&self, instance: &str) -> Option<Heard> {
        if self.node.instance == instance {
            return Some(self.heard_of());
        }
        self.former.iter().find(|(former, _)| former == instance).map(|(_, heard)| *heard)
    }

    fn heard_of(&self) -> Heard {
        let tells = self.node.live.is_some();
        Heard { tells, beat: self.beat, steady: self.steady, last: self.heard() }
    }

    pub fn probe_answered(&mut self, now: Duration) {
        self.probe = Some(now);
        self.unanswered = None;
    }

    pub fn probe_failed(&mut self, now: Duration) {
        // A node that never answered one may have its API closed to us: only its heartbeats count then.
        if self.probe.is_some() && self.unanswered.is_none() {
            self.unanswered = Some(now);
        }
    }

    pub fn dial_failed(&mut self, now: Duration) {
        let step = match self.failure {
            // Many sessions fail at the same moment; that is one failure.
            Some(failure) if !self.is_over(failure, now) => return,
            Some(failure) => failure.step.saturating_add(1),
            None => 0,
        };
        self.failure = Some(Failure { at: now, until: now.saturating_add(self.back_off(step)), step });
    }

    /// An answer did not come in time. Suspected for as long as a failed dial would put it out.
    pub fn dial_slow(&mut self, now: Duration) {
        let step = match self.slow {
            Some(slow) if now < slow.until => return,
            Some(slow) => slow.step.saturating_add(1),
            None => 0,
        };
        self.slow = Some(Failure { at: now, until: now.saturating_add(self.back_off(step)), step });
    }

    pub fn is_slow(&self, now: Duration) -> bool {
        self.slow.is_some_and(|slow| now < slow.until)
    }

    pub fn dial_ok(&mut self) {
        self.failure = None;
        self.slow = None;
    }

    /// When the node last spoke or answered.
    pub fn heard(&self) -> Duration {
        self.probe.map_or(self.beat, |probe| probe.max(self.beat))
    }

    pub fn last_beat(&self) -> Duration {
        self.beat
    }

    /// For how long its beats have told something else than at this moment. Silence tells nothing.
    pub fn told_since(&self, moment: Duration) -> Duration {
        self.heard_of().told_since(moment)
    }

    pub fn health(&self, ttl: Duration, now: Duration) -> Health {
        if let Some(failure) = self.failure.filter(|failure| !self.is_over(*failure, now)) {
            return Health::Refusing { retry_in: failure.until.saturating_sub(now) };
        }
        if self.is_silent(ttl, now) { Health::Silent } else { Health::Alive }
    }

    pub fn is_alive(&self, ttl: Duration, now: Duration) -> bool {
        self.health(ttl, now) == Health::Alive
    }

    pub fn is_silent(&self, ttl: Duration, now: Duration) -> bool {
        if self.node.permanent {
            return false;
        }
        if self.unanswered.is_some_and(|since| now.saturating_sub(since) > SILENT) {
            return true;
        }
        now.saturating_sub(self.heard()) > self.patience().min(ttl)
    }

    /// The silence that takes a node out.
    fn patience(&self) -> Duration {
        self.interval.unwrap_or(ASSUMED_INTERVAL).saturating_mul(MISSED).clamp(SILENT, MAX_SILENT)
    }

    /// True when nothing was heard for the registration's whole time to live.
    pub fn is_forgotten(&self, ttl: Duration, now: Duration) -> bool {
        !self.node.permanent && now.saturating_sub(self.heard()) > ttl.max(MAX_SILENT)
    }

    fn is_over(&self, failure: Failure, now: Duration) -> bool {
        now >= failure.until && (self.node.permanent || self.heard() > failure.at)
    }

    fn back_off(&self, step: u32) -> Duration {
        if self.node.permanent {
            // Nothing but a dial can show that it is back, and there may be no other node.
            return MIN_BACK_OFF;
        }
        let base = MIN_BACK_OFF.saturating_mul(2_u32.saturating_pow(step)).min(MAX_BACK_OFF);
        // Up to a tenth less, so that proxies do not all dial a returning node in the same instant. The bound
        // stays a bound.
        let jitter = u32::try_from(rank::mix(self.hash ^ u64::from(step)) % 100).unwrap_or(0);
        if step == 0 { base } else { base.saturating_sub(base.saturating_mul(jitter) / 1_000) }
    }
}

#[cfg(test)]
mod tests;

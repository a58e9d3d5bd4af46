//! Where streams are that viewers wait for or watch here.
//!
//! One look per stream and not per viewer: a viewer's leg waits for the moment in which its stream turns out to live with
//! another origin, or to have a newer owner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use srs_balance::{Epoch, Pick, Reason};
use srs_names::{NodeId, StreamKey};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::Relay;
use crate::limits::{EAGER, LAZY, LOOK, LOOKS};

/// Where a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) node: NodeId,
    /// The claim's; none where the stream was found by what a node lists.
    pub(crate) epoch: Option<Epoch>,
    /// The node is an edge: it follows the stream itself.
    pub(crate) edge: bool,
}

impl Place {
    pub(crate) fn of(pick: &Pick) -> Place {
        let epoch = pick.claim.as_ref().map(|claim| claim.epoch);
        Place { node: pick.node.id.clone(), epoch, edge: pick.reason == Reason::Edge }
    }

    /// Whether a leg that is at `here` should be at this place instead.
    pub(crate) fn is_better_than(&self, here: &Place) -> bool {
        match (self.epoch, here.epoch) {
            _ if here.edge => false,
            // The same node under another epoch ends the leg by itself, if the stream has another owner there.
            _ if self.node == here.node => false,
            (Some(now), Some(then)) => now > then,
            (None, Some(_)) => false,
            _ => true,
        }
    }
}

/// The streams that are followed.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    streams: Mutex<HashMap<StreamKey, Stream>>,
}

#[derive(Debug)]
struct Stream {
    place: watch::Sender<Option<Place>>,
    legs: usize,
    /// Legs that need it now: the directory is asked for this stream again and again.
    restless: usize,
    /// Since when there are such.
    since: Instant,
}

/// One leg's interest in its stream.
pub(crate) struct Follower {
    relay: Arc<Relay>,
    key: StreamKey,
    place: watch::Receiver<Option<Place>>,
    restless: bool,
}

impl Followed {
    fn lock(&self) -> MutexGuard<'_, HashMap<StreamKey, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a stream is, as somebody knows for certain.
    pub(crate) fn tell(&self, key: &StreamKey, place: Option<Place>) {
        if let Some(stream) = self.lock().get(key) {
            stream.place.send_if_modified(|known| {
                let changed = *known != place;
                *known = place;
                changed
            });
        }
    }

    fn all(&self) -> Vec<StreamKey> {
        self.lock().keys().cloned().collect()
    }

    /// Streams to look for now: those that are waited for, the new ones each time.
    fn restless(&self, look: u64) -> Vec<StreamKey> {
        let due = |stream: &Stream| {
            stream.restless > 0 && (look.is_multiple_of(LAZY) || stream.since.elapsed() < EAGER)
        };
        self.lock().iter().filter(|(_, stream)| due(stream)).map(|(key, _)| key.clone()).collect()
    }
}

impl Relay {
    pub(crate) fn follow(self: &Arc<Self>, key: &StreamKey) -> Follower {
        let mut streams = self.followed.lock();
        let fresh = || Stream { place: watch::channel(None).0, legs: 0, restless: 0, since: Instant::now() };
        let stream = streams.entry(key.clone()).or_insert_with(fresh);
        stream.legs = stream.legs.saturating_add(1);
        let place = stream.place.subscribe();
        drop(streams);
        Follower { relay: Arc::clone(self), key: key.clone(), place, restless: false }
    }

    /// Looks where the followed streams are; runs for ever, once per proxy.
    pub async fn look(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        for look in 0_u64.. {
            ticks.tick().await;
            let version = self.balancer.version();
            if seen.replace(version) != Some(version) {
                for some in self.followed.all().chunks(LOOKS) {
                    for key in some {
                        // What is not known any more is told too: a place that is gone is better than no other.
                        let found = self.balancer.locate(key, self.now());
                        self.followed.tell(key, found.as_ref().map(Place::of));
                    }
                    tokio::task::yield_now().await;
                }
            }
            for some in self.followed.restless(look).chunks(LOOKS) {
                let looks = some.iter().map(async |key| (key, self.balancer.find(key, self.now()).await));
                for (key, found) in futures_util::future::join_all(looks).await {
                    self.followed.tell(key, found.as_ref().map(Place::of));
                }
            }
        }
    }
}

impl Follower {
    /// Whether the leg needs to know at once when its stream turns up: it waits for it, or has lost its origin.
    pub(crate) fn set_restless(&mut self, restless: bool) {
        if std::mem::replace(&mut self.restless, restless) == restless {
            return;
        }
        if let Some(stream) = self.relay.followed.lock().get_mut(&self.key) {
            stream.restless = match restless {
                true => stream.restless.saturating_add(1),
                false => stream.restless.saturating_sub(1),
            };
            if restless {
                stream.since = Instant::now();
            }
        }
    }

    pub(crate) fn is_restless(&self) -> bool {
        self.restless
    }

    /// Ready when the stream has a better place than `here`.
    pub(crate) async fn moved(&mut self, here: &Place) {
        let better = |place: &Option<Place>| place.as_ref().is_some_and(|place| place.is_better_than(here));
        // The sender goes with the last follower.
        if self.place.wait_for(better).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.set_restless(false);
        let mut streams = self.relay.followed.lock();
        let Some(stream) = streams.get_mut(&self.key) else { return };
        stream.legs = stream.legs.saturating_sub(1);
        if stream.legs == 0 {
            streams.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;

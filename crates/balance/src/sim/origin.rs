//! An origin as proxies know it: streams with terms and holds.

use super::clock::Ms;
use super::stream_key;
use crate::testkit::id;
use crate::{Epoch, Listed, Node};
use srs_names::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a publisher is awaited whose connection broke.
pub(super) const HOLD: Ms = 10_000;
/// A publisher of which nothing comes for so long has dropped.
const IDLE: Ms = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Live,
    Held(Ms),
    Ended,
}

#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) phase: Phase,
    pub(super) epoch: Epoch,
    newest: Epoch,
    pub(super) generation: u64,
    pub(super) began: Ms,
    /// When the last frame came.
    pub(super) fed: Ms,
    pub(super) viewers: usize,
}

pub(super) enum Refused {
    /// There is or was a newer owner.
    Fenced(Epoch),
    Busy,
}

pub(super) struct Origin {
    pub(super) id: NodeId,
    pub(super) run: u32,
    pub(super) up: bool,
    pub(super) frozen: bool,
    pub(super) draining: bool,
    /// A second publisher of the same term is refused.
    pub(super) refuses: bool,
    /// Whether each proxy hears its beats.
    pub(super) beats: Vec<bool>,
    /// Nothing was ever wrong with it.
    pub(super) blameless: bool,
    pub(super) streams: BTreeMap<usize, Stream>,
    generations: u64,
}

impl Origin {
    pub(super) fn new(index: usize, refuses: bool, beats: Vec<bool>) -> Origin {
        Origin {
            id: id(&format!("o{index}")),
            run: 1,
            up: true,
            frozen: false,
            draining: false,
            refuses,
            beats,
            blameless: true,
            streams: BTreeMap::new(),
            generations: 0,
        }
    }

    pub(super) fn answers(&self) -> bool {
        self.up && !self.frozen
    }

    pub(super) fn kill(&mut self) {
        self.up = false;
        self.frozen = false;
        self.blameless = false;
        self.streams.clear();
    }

    pub(super) fn restart(&mut self) {
        if !self.up {
            self.run += 1;
            (self.up, self.draining) = (true, false);
        }
    }

    pub(super) fn publish(&mut self, name: usize, epoch: Epoch, now: Ms) -> Result<u64, Refused> {
        self.generations += 1;
        let fresh = Stream {
            phase: Phase::Ended,
            epoch,
            newest: epoch,
            generation: 0,
            began: now,
            fed: now,
            viewers: 0,
        };
        let stream = self.streams.entry(name).or_insert(fresh);
        if stream.newest > epoch {
            return Err(Refused::Fenced(stream.newest));
        }
        if stream.phase == Phase::Live && self.refuses && epoch <= stream.epoch {
            return Err(Refused::Busy);
        }
        (stream.phase, stream.epoch, stream.newest) = (Phase::Live, epoch, epoch);
        (stream.began, stream.fed, stream.generation) = (now, now, self.generations);
        Ok(self.generations)
    }

    pub(super) fn is_live(&self, name: usize, generation: u64) -> bool {
        let stream = self.streams.get(&name);
        stream.is_some_and(|stream| stream.generation == generation && stream.phase == Phase::Live)
    }

    pub(super) fn feed(&mut self, name: usize, now: Ms) {
        if let Some(stream) = self.streams.get_mut(&name) {
            stream.fed = now;
        }
    }

    pub(super) fn finish(&mut self, name: usize, generation: u64, clean: bool, now: Ms) {
        if self.is_live(name, generation)
            && let Some(stream) = self.streams.get_mut(&name)
        {
            stream.phase = if clean { Phase::Ended } else { Phase::Held(now + HOLD) };
        }
    }

    pub(super) fn fence(&mut self, name: usize, epoch: Epoch) {
        let Some(stream) = self.streams.get_mut(&name) else { return };
        stream.newest = stream.newest.max(epoch);
        if stream.phase != Phase::Ended && stream.epoch < epoch {
            stream.phase = Phase::Ended;
        }
    }

    /// Ends what nobody feeds any more, and forgets what nobody has.
    pub(super) fn keep(&mut self, now: Ms) {
        for stream in self.streams.values_mut() {
            match stream.phase {
                Phase::Live if now > stream.fed + IDLE => stream.phase = Phase::Held(now + HOLD),
                Phase::Held(until) if now >= until => stream.phase = Phase::Ended,
                _ => {}
            }
        }
        self.streams.retain(|_, stream| stream.phase != Phase::Ended || stream.viewers > 0);
    }

    /// What its heartbeat says.
    pub(super) fn node(&self) -> Node {
        let live = self.streams.iter().filter(|(_, stream)| stream.phase != Phase::Ended);
        let listed = |stream: &Stream| Listed {
            epoch: stream.epoch,
            domain: Some(Arc::from("one")),
            held: stream.phase != Phase::Live,
        };
        Node {
            live: Some(live.map(|(name, stream)| (stream_key(*name), listed(stream))).collect()),
            interval: Some(Duration::from_secs(1)),
            draining: self.draining,
            ..Node::new(self.id.clone(), self.run.to_string(), "127.0.0.1")
        }
    }
}

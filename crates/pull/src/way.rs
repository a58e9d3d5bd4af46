//! From a wish to the servers that are asked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use srs_names::{Missing, MissingKind, NodeId, StreamKey, Wish};

use crate::map::Mapped;
use crate::plan::{Order, Plan, Rules, Scheme};
use crate::store::Found;
use crate::{Upstream, remote};

/// What is fetched, and for whom: the first who wanted it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) key: StreamKey,
    pub(crate) query: String,
    /// None for what is fetched before a viewer asks.
    pub(crate) client: Option<SocketAddr>,
    pub(crate) hops: Vec<NodeId>,
}

impl Wanted {
    pub(crate) fn by(wish: &Wish<'_>) -> Wanted {
        Wanted {
            key: wish.key.clone(),
            query: wish.query.to_owned(),
            client: Some(wish.client),
            hops: wish.hops.to_vec(),
        }
    }

    /// Whether servers cannot tell these apart: what they say to the one holds for the other.
    pub(crate) fn is_as(&self, other: &Wanted) -> bool {
        self.said() == other.said()
    }

    /// What servers judge by: what was said, and from where.
    pub(crate) fn said(&self) -> (String, Option<IpAddr>) {
        (self.query.clone(), self.client.map(|client| client.ip()))
    }

    /// For nobody in particular.
    pub(crate) fn by_itself(key: StreamKey) -> Wanted {
        Wanted { key, query: String::new(), client: None, hops: Vec::new() }
    }
}

/// What a way's servers are to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// One cluster, which we belong to: it is told who asks and for whom, and what one of them ends has ended.
    Cluster,
    /// A primary and its secondary: told the same, but each has a publisher of its own.
    Pair,
    /// Servers that our configuration names, or that are our origins by the store: told who asks. Strangers ignore it.
    Named,
    /// Whatever another program wrote into the store: told nothing.
    Strange,
}

/// A plan, and what is known of its servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) plan: Plan,
    pub(crate) side: Side,
    /// Whether they are told what we are, in the arguments of `connect`.
    pub(crate) debug: bool,
}

/// What a vhost's configuration says of a wish, without asking anybody.
#[derive(Debug)]
pub(crate) enum Known {
    /// It is not fetched.
    Here,
    /// It is fetched so.
    Way(Way),
    /// The store is to be asked.
    Store,
    /// It would be fetched, but cannot be.
    Missing(Missing),
}

impl Upstream {
    /// Whether its streams belong to applications that are made when they are wanted.
    pub(crate) fn has_apps(&self) -> bool {
        self.remote.is_none() && (self.map.is_some() || self.store.is_some())
    }

    /// Where the stream is. `turn` is the number of this fetch, for servers that take turns.
    pub(crate) fn known(&self, wanted: &Wanted, turn: usize) -> Known {
        let Wanted { key, query, .. } = wanted;
        if let Some(remote) = self.remote.as_ref().filter(|remote| !remote.origins.is_empty()) {
            return Known::Way(of_remote(remote, wanted, turn).calling_within(self.srt_timeout));
        }
        match self.map.as_ref().and_then(|map| map.plan(key.app(), key.stream(), query)) {
            Some(Mapped::Plan(plan)) => {
                let way = Way { plan, side: Side::Named, debug: false };
                return Known::Way(way.calling_within(self.srt_timeout));
            }
            Some(Mapped::NotBuilt(reason)) => {
                return Known::Missing(Missing { kind: MissingKind::NotFound, reason });
            }
            None => {}
        }
        if self.store.is_some() { Known::Store } else { Known::Here }
    }
}

/// How a stream is fetched that the store has.
pub(crate) fn of_store(found: Found) -> Way {
    let side = if found.owner.is_some() { Side::Named } else { Side::Strange };
    let rules = Rules { order: Order::Listed, ..Rules::default() };
    Way { plan: Plan { targets: vec![found.target], rules }, side, debug: false }
}

fn of_remote(remote: &remote::Remote, wanted: &Wanted, turn: usize) -> Way {
    let mut plan = remote.plan(&wanted.key, &wanted.query);
    if plan.rules.order == Order::InTurn {
        let by = turn.checked_rem(plan.targets.len()).unwrap_or(0);
        plan.targets.rotate_left(by);
    }
    let side = if remote.live_edge { Side::Pair } else { Side::Cluster };
    Way { plan, side, debug: remote.debug }
}

impl Way {
    /// With so much time for calls by SRT, where that is said.
    pub(crate) fn calling_within(mut self, timeout: Option<Duration>) -> Way {
        for target in self.plan.targets.iter_mut().filter(|target| target.scheme == Scheme::Srt) {
            target.srt.timeout = timeout;
        }
        self
    }

    /// By which protocol the first server is asked.
    pub(crate) fn scheme(&self) -> Option<Scheme> {
        self.plan.targets.first().map(|target| target.scheme)
    }
}

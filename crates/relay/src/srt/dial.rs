//! Asking an origin for an SRT caller, and the next one when it does not answer.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use srs_balance::{Health, NoOrigin, Node, Pick, Reason as Why, Role};
use srs_names::NodeId;
use srs_names::envelope::CAPABILITY;
use srs_net::{dial, limits};
use srs_srt::handshake::{self, Handshake};
use srs_srt::streamid::Mode;
use srs_srt::{Reason, SocketId};
use tokio::time::{Instant, MissedTickBehavior, timeout_at};

use super::replay::{Numbers, Replay, Word};
use super::uplink::Seat;
use super::wanted::{NoRoom, Wanted};
use crate::Relay;
use crate::door::Errand;
use crate::limits::{EDGE_TRIES, SRT_AGAIN, SRT_ANSWER, SRT_CALL, TRIES};
use crate::origins::{Claimed, Origin};

/// What nodes of this crate register SRT as.
const LABEL: &str = "srt";

/// Why no origin took the caller.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unserved {
    #[error("{0}")]
    NoOrigin(#[from] NoOrigin),
    #[error("the stream is at {0}, which has no SRT")]
    NoSrt(NodeId),
    #[error("the publish has passed this proxy, or too many nodes")]
    Loop,
    #[error("the origin refused: {0}")]
    Refused(Reason),
    #[error("no origin answered, the last failure was: {0}")]
    Failed(Miss),
    #[error("no origin with SRT is alive")]
    NoneLeft,
    #[error("{0}")]
    NoRoom(NoRoom),
}

impl Unserved {
    /// What the caller is told.
    pub(super) fn reason(&self, mode: Mode) -> Reason {
        match (self, mode) {
            (Unserved::Refused(reason) | Unserved::Failed(Miss::Refused(reason)), _) => *reason,
            (Unserved::NoSrt(_), Mode::Publish) => Reason::CONFLICT,
            (Unserved::NoSrt(_), Mode::Request) => Reason::UNACCEPTABLE,
            (Unserved::Loop, _) => Reason::FORBIDDEN,
            (Unserved::NoRoom(_), _) => Reason::BAD_REQUEST,
            (Unserved::NoOrigin(_) | Unserved::Failed(_) | Unserved::NoneLeft, _) => Reason::UNAVAILABLE,
        }
    }
}

/// Why one origin did not take the caller.
#[derive(Debug, thiserror::Error)]
pub(super) enum Miss {
    #[error("refused: {0}")]
    Refused(Reason),
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("no answer")]
    Silent,
    #[error("the handshake cannot be told again: {0}")]
    Words(#[from] handshake::Error),
    #[error("{0}")]
    NoRoom(#[from] NoRoom),
}

impl Miss {
    /// Whether it says something of the node, and not of what we lack.
    fn is_of_node(&self) -> bool {
        match self {
            Miss::Silent => true,
            Miss::Socket(error) => error.kind() == io::ErrorKind::ConnectionRefused,
            Miss::Refused(_) | Miss::Words(_) | Miss::NoRoom(_) => false,
        }
    }
}

/// What is known of a caller that waits.
pub(super) struct Call<'a> {
    pub(super) conclusion: Handshake<'a>,
    /// By which number it is going to address this proxy.
    pub(super) local: SocketId,
    pub(super) came: Instant,
}

/// A connection that an origin has granted.
pub(super) struct Opened {
    pub(super) origin: Origin,
    pub(super) claimed: Option<Claimed>,
    pub(super) granted: Granted,
}

/// The same, at the level of sockets. What came right behind the answer, the seat has.
pub(super) struct Granted {
    pub(super) seat: Seat,
    /// By which number the origin is addressed.
    pub(super) socket: SocketId,
    /// Its answer, as the caller is to hear it.
    pub(super) answer: Vec<u8>,
}

/// Whether another origin may take what this one refused so: what it says of itself, and not of the caller.
fn is_of_origin(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::SYSTEM
            | Reason::RESOURCE
            | Reason::BACKLOG
            | Reason::INTERNAL_ERROR
            | Reason::CLOSE
            | Reason::TIMEOUT
            | Reason::OVERLOAD
            | Reason::INTERNAL_SERVER_ERROR
            | Reason::GATEWAY
            | Reason::UNAVAILABLE
            | Reason::NO_ROOM
    )
}

/// Whether the node refuses this as locked for it is outdated: one of ours that was told under which claim it comes.
fn is_fence(pick: &Pick, mode: Mode) -> bool {
    mode == Mode::Publish && pick.claim.is_some() && pick.node.can(CAPABILITY)
}

impl Relay {
    /// Finds an origin, or for a player an edge, that takes the caller.
    pub(super) async fn dial_srt(
        self: &Arc<Self>,
        wanted: &Wanted,
        call: &Call<'_>,
    ) -> Result<Opened, Unserved> {
        let until = call.came + SRT_CALL;
        let mut not = self.without(&[LABEL]);
        if let Errand::Push(hops) = &wanted.asker.errand {
            self.no_loop(hops).map_err(|_| Unserved::Loop)?;
            not.extend(hops.iter().cloned());
        }
        self.is_within_reach(wanted, &not).await?;
        let (mut tries, mut edges) = (0_usize, 0_usize);
        let (mut last, mut is_locked) = (Unserved::NoneLeft, false);
        while tries < TRIES && Instant::now() < until {
            let (pick, claimed) = match self.pick_srt(wanted, edges, &not).await {
                Ok(picked) => picked,
                Err(NoOrigin::AllTried { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            let is_edge = pick.reason == Why::Edge;
            let count = if is_edge { &mut edges } else { &mut tries };
            *count = count.saturating_add(1);
            let origin = self.origin(&pick);
            let miss = match self.call_node(wanted, call, &pick, &origin, until).await {
                Ok(granted) => {
                    self.balancer.dial_ok(&pick.node.id);
                    let claimed = claimed.map(Claimed::begin);
                    return Ok(Opened { origin, claimed, granted });
                }
                // It knows a newer owner than the directory does: once more, above that.
                Err(Miss::Refused(Reason::LOCKED)) if !is_locked && is_fence(&pick, wanted.mode) => {
                    is_locked = true;
                    if let Some(claim) = &pick.claim {
                        self.balancer.publish_outdated(claim, self.now()).await;
                    }
                    continue;
                }
                Err(Miss::NoRoom(why)) => return Err(Unserved::NoRoom(why)),
                Err(Miss::Refused(reason)) if !is_of_origin(reason) => return Err(Unserved::Refused(reason)),
                Err(miss) => miss,
            };
            let (cid, node) = (&wanted.asker.session, &pick.node);
            self.complaints.say(|unsaid| {
                tracing::warn!(cid, origin = %node.id, device = node.device_id, %miss, unsaid, "origin does not serve SRT; trying another");
            });
            // What its port for SRT does says little of its others: it is passed over, where there are more.
            if miss.is_of_node() {
                self.balancer.dial_slow(&node.id, self.now());
            }
            not.push(node.id.clone());
            last = Unserved::Failed(miss);
        }
        Err(last)
    }

    /// Whether another node than this one may take an SRT caller: of a publisher an origin.
    pub(super) fn has_srt_elsewhere(&self, here: &NodeId, mode: Mode) -> bool {
        let may = |node: &Node| {
            let serves = match mode {
                Mode::Publish => node.role == Role::Origin,
                Mode::Request => matches!(node.role, Role::Origin | Role::Edge),
            };
            serves && node.id != *here && !node.draining && node.endpoint(LABEL).is_some()
        };
        let views = self.balancer.origins(self.now());
        views.iter().any(|view| view.health == Health::Alive && may(&view.node))
    }

    /// A stream that is with an origin without SRT is neither taken from it nor had elsewhere; but edges have it.
    async fn is_within_reach(&self, wanted: &Wanted, without: &[NodeId]) -> Result<(), Unserved> {
        if without.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let has_edge = || {
            wanted.mode == Mode::Request
                && matches!(wanted.asker.errand, Errand::Client)
                && self.balancer.edge(&wanted.key, without, now).is_some()
        };
        match self.balancer.find(&wanted.key, now).await {
            Some(pick) if pick.node.endpoint(LABEL).is_none() && !has_edge() => {
                Err(Unserved::NoSrt(pick.node.id.clone()))
            }
            _ => Ok(()),
        }
    }

    async fn pick_srt(
        self: &Arc<Self>,
        wanted: &Wanted,
        edges: usize,
        not: &[NodeId],
    ) -> Result<(Pick, Option<Claimed>), NoOrigin> {
        let may_edge = matches!(wanted.asker.errand, Errand::Client) && edges < EDGE_TRIES;
        self.pick_other(&wanted.key, wanted.mode == Mode::Publish, may_edge, not).await
    }

    /// Asks one node, at each of its addresses in turn.
    async fn call_node(
        &self,
        wanted: &Wanted,
        call: &Call<'_>,
        pick: &Pick,
        origin: &Origin,
        until: Instant,
    ) -> Result<Granted, Miss> {
        let until = until.min(Instant::now() + SRT_ANSWER);
        let Some(endpoint) = pick.node.endpoint(LABEL) else {
            return Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into());
        };
        let found = dial::addresses(&endpoint.host, endpoint.port, limits::DIAL);
        let addresses = timeout_at(until, found).await.map_err(|_| Miss::Silent)??;
        self.call_addresses(wanted, call, (pick, origin), addresses, until).await
    }

    async fn call_addresses(
        &self,
        wanted: &Wanted,
        call: &Call<'_>,
        (pick, origin): (&Pick, &Origin),
        addresses: Vec<SocketAddr>,
        until: Instant,
    ) -> Result<Granted, Miss> {
        let mut last = Miss::Silent;
        let mut behind = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            let now = Instant::now();
            let share = until.saturating_duration_since(now).checked_div(behind.max(1)).unwrap_or_default();
            behind = behind.saturating_sub(1);
            // To one node they are good once, and it may have heard them at the address before.
            let words = wanted.words(self, &pick.node, pick.claim.as_ref())?;
            let asked = tokio::select! {
                asked = timeout_at(now + share, ask(address, call, words)) => asked,
                // A stopped process has an open port all the same.
                () = origin.silent() => return Err(Miss::Silent),
            };
            match asked {
                Ok(Ok(granted)) => return Ok(granted),
                Ok(Err(miss @ Miss::Refused(_))) => return Err(miss),
                Ok(Err(miss)) => last = miss,
                Err(_) => last = Miss::Silent,
            }
        }
        Err(last)
    }
}

/// Says the caller's words to this address until it answers them.
async fn ask(to: SocketAddr, call: &Call<'_>, words: Option<String>) -> Result<Granted, Miss> {
    let seat = Seat::take(to)?;
    let mut replay = Replay::new(call.conclusion, Numbers { local: call.local, ours: seat.id() }, words);
    let mut again = tokio::time::interval(SRT_AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let heard = tokio::select! {
            biased;
            _ = again.tick() => {
                seat.say(&replay.say(call.came.elapsed())?);
                continue;
            }
            heard = poll_fn(|cx| seat.poll_heard(cx)) => heard?,
        };
        match replay.hear(&heard) {
            Word::Nothing => {}
            Word::Next => again.reset_immediately(),
            Word::Granted { socket, answer } => return Ok(Granted { seat, socket, answer }),
            Word::Refused(reason) => return Err(Miss::Refused(reason)),
        }
    }
}

#[cfg(test)]
mod tests;

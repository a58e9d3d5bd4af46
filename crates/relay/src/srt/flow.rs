//! A connection while it lasts.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use srs_balance::Reason as Why;
use srs_net::shards;
use srs_srt::engine::Ended;
use srs_srt::streamid::Mode;
use tokio::time::Instant;

use super::Leg;
use super::pipe::Over;
use crate::follow::Follower;
use crate::limits::{LEFT, STAY};
use crate::origins::Origin;
use crate::{Life, Relay};

/// Why a connection ended, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    #[error("{0}")]
    Over(Over),
    #[error("the client's connection: {0}")]
    Port(Ended),
    #[error("the origin's socket: {0}")]
    Socket(io::Error),
    #[error("the origin fell silent")]
    Silent,
    #[error("the origin drains")]
    Drains,
    #[error("the stream is elsewhere")]
    Elsewhere,
}

impl Relay {
    /// Passes datagrams on until one of the ends is gone, or the client is to come again.
    pub(super) async fn run_srt(self: &Arc<Self>, mut leg: Leg) -> Reason {
        let mut follower = (leg.wanted.mode == Mode::Request).then(|| self.follow(&leg.wanted.key));
        let reason = {
            let Leg { origin, wanted, .. } = &leg;
            let leaves = async {
                match &mut follower {
                    None => self.publisher_leaves(origin).await,
                    Some(follower) => self.player_leaves(origin, &wanted.key, follower, &leg).await,
                }
            };
            tokio::select! {
                biased;
                reason = ended(&leg) => reason,
                reason = leaves => reason,
            }
        };
        // By the port's own account it is just closed; and who ended it did so before a socket failed.
        let reason = match (reason, leg.pipe.over()) {
            (Reason::Port(_) | Reason::Socket(_), Some(over)) => Reason::Over(over),
            (reason, _) => reason,
        };
        // Its publisher said goodbye, or is to come again elsewhere.
        let is_left = matches!(reason, Reason::Over(Over::Caller) | Reason::Silent | Reason::Drains);
        match (&mut leg.claimed, leg.wanted.mode) {
            // It may come back: the origin is told nothing, and waits for it.
            (Some(claimed), _) if !is_left => claimed.hold(),
            // One that leaves an origin that drains has its viewers wait there until it is elsewhere.
            (_, Mode::Publish) => {}
            (_, Mode::Request) => match reason {
                Reason::Over(Over::Caller | Over::Origin | Over::Vanished) | Reason::Socket(_) => {}
                _ => leg.pipe.tell_origin(Instant::now().into_std()),
            },
        }
        // With the leg the connection is dropped, which tells the client that it is over.
        reason
    }

    /// Ready when a publisher is to come again.
    async fn publisher_leaves(&self, origin: &Origin) -> Reason {
        loop {
            if origin.worse_than(Life::Alive).await == Life::Silent {
                return Reason::Silent;
            }
            let leaves = async {
                // A few at a time, as each is a while in which its stream is at no origin.
                let turn = Arc::clone(&self.leaving).acquire_owned().await;
                // Others had theirs meanwhile.
                if origin.life() != Life::Draining {
                    return false;
                }
                if !self.has_srt_elsewhere(&origin.node.id, Mode::Publish) {
                    drop(turn);
                    tokio::time::sleep(STAY).await;
                    return false;
                }
                shards::spawn(async move {
                    tokio::time::sleep(LEFT).await;
                    drop(turn);
                });
                true
            };
            tokio::select! {
                biased;
                () = origin.silent() => return Reason::Silent,
                left = leaves => if left { return Reason::Drains },
            }
        }
    }

    /// Ready when a player is to come again: its stream is elsewhere, or will be.
    async fn player_leaves(
        &self,
        origin: &Origin,
        key: &srs_names::StreamKey,
        follower: &mut Follower,
        leg: &Leg,
    ) -> Reason {
        let here = origin.place.clone();
        // Until media comes the stream may turn up anywhere.
        follower.set_restless(origin.reason == Why::Placed && !leg.pipe.has_media());
        let mut life = pin!(origin.worse_for_viewer(Life::Alive));
        let mut drains = false;
        loop {
            tokio::select! {
                worse = life.as_mut() => {
                    if worse == Life::Silent {
                        return Reason::Silent;
                    }
                    if here.edge && self.has_srt_elsewhere(&origin.node.id, Mode::Request) {
                        return Reason::Drains;
                    }
                    // Its publisher is about to leave.
                    drains = !here.edge;
                    follower.set_restless(drains);
                    life.set(origin.worse_for_viewer(worse));
                }
                () = follower.moved(&here) => {
                    tracing::debug!(stream = %key, "an srt player is to come again");
                    return Reason::Elsewhere;
                }
                () = tokio::time::sleep(STAY), if follower.is_restless() && !drains => {
                    if leg.pipe.has_media() {
                        follower.set_restless(false);
                    }
                }
            }
        }
    }
}

/// Waits until either end has gone: what they say does not come by here.
async fn ended(leg: &Leg) -> Reason {
    let Leg { connection, seat, .. } = leg;
    poll_fn(|cx| match connection.poll_ended(cx) {
        Poll::Ready(ended) => Poll::Ready(Reason::Port(ended)),
        Poll::Pending => seat.poll_over(cx).map(Reason::Socket),
    })
    .await
}

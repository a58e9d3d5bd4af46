//! Leaving without loss, and giving up what another node owns by now.

use std::future::pending;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use srs_hub::Phase;
use srs_names::{StreamKey, Term};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Gateway;

/// So long the proxies have to hear that this node is being drained: a beat says it at once, and what one proxy is told the
/// others know within a second. Who comes again sooner might be sent here again.
const TOLD: Duration = Duration::from_secs(1);
/// Between two that leave: each is a while in which a stream is at no origin.
const STEP: Duration = Duration::from_millis(100);
/// All of them leave within so long, however many there are: SIGTERM's grace is 3.2 s where nothing else is said, and who is
/// still here then hears nothing of it.
const MOST: Duration = Duration::from_secs(2);

/// In which order those leave who cannot be moved.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<Option<Draining>>);

#[derive(Debug)]
struct Draining {
    began: Instant,
    /// Turns that were given out.
    turns: u32,
}

impl Turns {
    /// The node is being drained from now on, or no more.
    pub(crate) fn drain(&self, on: bool) {
        let mut draining = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *draining = on.then(|| Draining { began: Instant::now(), turns: 0 });
    }

    /// When the one whose session was made then is to leave. None: it stays, as who sent it here knew that this node is being
    /// drained, and had no other.
    fn next(&self, made: Instant) -> Option<Instant> {
        let mut draining = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let draining = draining.as_mut()?;
        let first = draining.began + TOLD;
        if made >= first {
            return None;
        }
        let after = STEP.saturating_mul(draining.turns);
        draining.turns = draining.turns.saturating_add(1);
        Some(first + if after < MOST { after } else { MOST.mul_f64(rand::random()) })
    }
}

impl Gateway {
    /// Whether this node is being left, from now on. To leave it is [`srs_names::Inventory::drain`].
    pub fn drains(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Ready when a client that was sent here, by a session that was made then, is to come again, which leads it to another
    /// node: this one is being drained, and nobody can move it. None: it stays.
    pub(crate) async fn turn_to_leave(&self, made: Option<Instant>) {
        let Some(made) = made else { return pending().await };
        let mut drains = self.drains();
        while drains.wait_for(|on| *on).await.is_ok() {
            let turn = self.turns.next(made);
            let leaves = async {
                match turn {
                    Some(turn) => tokio::time::sleep_until(turn).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = leaves => return,
                // It was taken back.
                _ = drains.changed() => {}
            }
        }
        pending().await
    }

    /// Publishers that are connected; nobody would take over what is fetched.
    pub fn publishers(&self) -> usize {
        let is_fetched = |key: &StreamKey| self.clients.live(key).is_some_and(|live| live.fetched);
        let streams = self.hub.streams();
        streams.iter().filter(|(key, phase, ..)| *phase == Phase::Live && !is_fetched(key)).count()
    }

    /// `key` was given to another node by `term`: ends what is published or held here by an older claim of the same
    /// directory. True when something was ended.
    pub fn fence(&self, key: &StreamKey, term: &Term) -> bool {
        let Ok((key, _)) = self.resolve(key) else { return false };
        let ended = self.hub.fence(&key, term);
        if ended {
            tracing::warn!(stream = %key, %term, "ended: another node owns the stream");
        }
        ended
    }
}

#[cfg(test)]
mod tests;

//! Where the HLS of fetched streams is: servers upstream that have it say so to those whose envelope they can open.
//!
//! A fetch learns it by the way. Where nothing is fetched yet, or what was learned is old, the servers are asked by playing
//! the stream for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use srs_names::Wish;
use tokio::time::{Duration, Instant, sleep};

use super::{Puller, loop_of};
use crate::flight::shut;
use crate::incoming::Incoming;
use crate::limits::{BESIDE, MISSING};
use crate::plan::{Scheme, Target};
use crate::way::{Known, Wanted};

/// What a server said is believed for so long.
const FRESH: Duration = Duration::from_secs(60);

/// Where the HLS of a vhost is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HlsServers {
    /// Hosts and ports of HTTP, in the order of the configuration.
    pub servers: Vec<(String, u16)>,
    /// Whether each server that has the streams has their HLS too. Where one has not, it may have to be made here.
    pub complete: bool,
}

/// What servers have said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// By host and port of the server.
    known: Mutex<HashMap<(String, u16), Answer>>,
    /// Held while servers are asked: who comes meanwhile waits for the answers.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug)]
struct Answer {
    hls: Option<(String, u16)>,
    until: Instant,
}

impl Said {
    fn of(&self, target: &Target) -> Option<Answer> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&place(target)).cloned()
    }

    /// Whether there is no need to ask it: over SRT nothing of it could be said.
    fn is_fresh(&self, target: &Target) -> bool {
        target.scheme == Scheme::Srt || self.of(target).is_some_and(|answer| Instant::now() < answer.until)
    }

    /// Notes what a server said.
    fn answered(&self, target: &Target, hls: Option<(String, u16)>) {
        self.put(target, Answer { hls, until: Instant::now() + FRESH });
    }

    /// A server did not answer, or has no such stream: what it said before stands.
    fn silent(&self, target: &Target) {
        let hls = self.of(target).and_then(|answer| answer.hls);
        self.put(target, Answer { hls, until: Instant::now() + MISSING });
    }

    /// There are no more of them than the configuration has servers.
    fn put(&self, target: &Target, answer: Answer) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(place(target), answer);
    }
}

fn place(target: &Target) -> (String, u16) {
    (target.host.clone(), target.port)
}

impl Puller {
    /// Notes what a server said that a stream is fetched from.
    pub(crate) fn note_hls(&self, target: &Target, hls: Option<(String, u16)>) {
        self.hls.answered(target, hls);
    }

    /// Where the HLS of a stream is, for which somebody asks; servers of ours that have not told are asked. Nowhere where it
    /// is not fetched in SRS's form, or where nobody would believe us. To be called on a shard.
    pub async fn hls(&self, wish: Wish<'_>) -> HlsServers {
        let remote = self.upstream(wish.key).filter(|upstream| upstream.remote.is_some());
        let looped = loop_of(wish.hops, &self.config.me).is_some();
        let wanted = Wanted::by(&wish);
        let (Some(upstream), Some(_), false) = (remote, &self.config.seal, looped) else {
            return HlsServers::default();
        };
        let Known::Way(way) = upstream.known(&wanted, 0) else { return HlsServers::default() };
        let targets = &way.plan.targets;
        if !targets.iter().all(|target| self.hls.is_fresh(target)) {
            // Some may have been asked while this one waited.
            let _asking = self.hls.asking.lock().await;
            let asker = self.asker(&wanted, &way);
            let due = targets.iter().filter(|target| !self.hls.is_fresh(target));
            let mut asked: FuturesUnordered<_> =
                due.map(async |target| (target, Incoming::open(target, asker.as_ref()).await)).collect();
            let others = sleep(Duration::MAX);
            tokio::pin!(others);
            loop {
                tokio::select! {
                    answer = asked.next() => match answer {
                        Some((target, Ok(mut incoming))) => {
                            self.hls.answered(target, incoming.hls(target));
                            shut(incoming);
                            others.as_mut().reset(Instant::now() + BESIDE);
                        }
                        Some((target, Err(failed))) => {
                            tracing::debug!(url = target.public(), error = failed.why, "not told where HLS is");
                            self.hls.silent(target);
                        }
                        None => break,
                    },
                    // A player waits, and there is a server for it.
                    () = others.as_mut() => break,
                }
            }
        }
        let said = || targets.iter().map(|target| self.hls.of(target));
        let servers = said().filter_map(|answer| answer?.hls).collect();
        HlsServers {
            servers,
            complete: said().all(|answer| answer.is_some_and(|answer| answer.hls.is_some())),
        }
    }
}

#[cfg(test)]
mod tests;

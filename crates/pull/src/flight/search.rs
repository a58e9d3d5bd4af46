//! Finding a stream again that was lost while it was fetched.

use std::future::poll_fn;
use std::time::Duration;

use srs_names::FetchState;
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::Ended;
use super::pilot::Course;
use crate::limits::{LOOK, REST, REST_MOST, SEARCH};
use crate::opening::{Begin, Opened, race};
use crate::plan::Target;
use crate::way::Way;

/// The rests between rounds over all servers: each is up to twice as long as the one before, by chance, so that those who
/// lost the same server do not come back as one.
#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Pause {
        Pause(REST)
    }
}

impl Pause {
    pub(super) fn next(&mut self) -> Duration {
        let rest = self.0;
        self.0 = rest.saturating_mul(2).min(REST_MOST);
        rest.mul_f64(rand::random_range(0.75..=1.25))
    }
}

impl Course<'_> {
    /// The stream at another server, or at this one again; not at this one where that is said. Viewers stay meanwhile.
    ///
    /// # Errors
    /// When the fetch is over: at `until` it is lost.
    pub(super) async fn search(
        &mut self,
        until: Option<Instant>,
        not: Option<&Target>,
    ) -> Result<Opened, Ended> {
        self.pilot.flight.shows(FetchState::Lost);
        let found = {
            let stop = self.stop(until);
            tokio::pin!(stop);
            let mut pause = Pause::default();
            loop {
                tokio::select! {
                    biased;
                    ended = stop.as_mut() => return Err(ended),
                    found = self.round(not) => if let Some(found) = found {
                        break found;
                    }
                }
                tokio::select! {
                    ended = stop.as_mut() => return Err(ended),
                    () = sleep(pause.next()) => {}
                }
            }
        };
        let (way, opened) = found;
        self.way = way;
        Ok(opened)
    }

    /// Ready when there is no reason to go on.
    async fn stop(&self, mut until: Option<Instant>) -> Ended {
        let mut look = interval(LOOK);
        loop {
            let late = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = poll_fn(|cx| self.publisher.poll_superseded(cx)) => return Ended::Here,
                () = late => return Ended::Lost,
                _ = look.tick() => {
                    if self.is_unused() {
                        return Ended::Unused;
                    }
                    // It was listed when it was lost, and is no more.
                    if until.is_none() && !self.lasts() {
                        until = Some(Instant::now() + SEARCH);
                    }
                }
            }
        }
    }

    /// Asks each server once, wherever they are now; the one that was lost is the last.
    async fn round(&self, not: Option<&Target>) -> Option<(Way, Opened)> {
        let pilot = self.pilot;
        let way = match pilot.way().await {
            Ok(way) => way,
            Err(missing) => {
                // What it was fetched from may still be there, or again.
                tracing::debug!(stream = %pilot.flight.key, error = %missing, "a lost stream is not named upstream");
                self.way.clone()
            }
        };
        let mut targets = way.plan.targets.clone();
        if let Some(at) = targets.iter().position(|target| *target == self.target) {
            let next = at.checked_add(1).and_then(|next| next.checked_rem(targets.len())).unwrap_or(0);
            targets.rotate_left(next);
        }
        targets.retain(|target| Some(target) != not);
        let targets = pilot.puller.living_first(targets);
        let begin = Begin::Again(self.seam.had_video());
        let raced = race(targets, pilot.asker(&way), begin, |target, why| pilot.failed(target, why));
        raced.await.ok().map(|opened| (way, opened))
    }
}

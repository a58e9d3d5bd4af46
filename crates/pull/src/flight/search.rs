//! Finding a stream again that was lost while it was fetched.

use std::future::poll_fn;
use std::time::Duration;

use srs_names::{FetchState, MissingKind};
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::Ended;
use super::pilot::Course;
use crate::limits::{LOOK, REST, REST_MOST, SEARCH};
use crate::opening::{Begin, Opened, missing, race};
use crate::way::{Wanted, Way};

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

/// Where a stream is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// At all servers, the present one among them.
    Anywhere,
    /// The same, and only where it goes on.
    AnywhereAlive,
    /// At the others, and only where it goes on.
    ElsewhereAlive,
}

impl Course<'_> {
    /// The stream at another server, or at this one again. Viewers stay meanwhile.
    ///
    /// # Errors
    /// When the fetch is over: at `until` it is lost.
    pub(super) async fn search(&mut self, until: Option<Instant>, place: Where) -> Result<Opened, Ended> {
        self.pilot.flight.shows(FetchState::Lost);
        let found = {
            let stop = self.stop(until);
            tokio::pin!(stop);
            let mut pause = Pause::default();
            loop {
                tokio::select! {
                    biased;
                    ended = stop.as_mut() => return Err(ended),
                    found = self.round(place) => if let Some(found) = found {
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

    /// Asks each server once, wherever they are now; the one that was lost is the last. Where they let in nobody who says
    /// what the newest viewer said, they are asked with what others did.
    async fn round(&self, place: Where) -> Option<(Way, Opened)> {
        let flight = &self.pilot.flight;
        let wishes = flight.wishes().all();
        for wanted in wishes {
            match self.ask(&wanted, place).await {
                Ok(found) => {
                    flight.wishes().accepted(&wanted);
                    return Some(found);
                }
                Err(MissingKind::Forbidden) => flight.wishes().refused(&wanted),
                Err(_) => return None,
            }
        }
        None
    }

    /// Asks each server once with what was said in this wish.
    async fn ask(&self, wanted: &Wanted, place: Where) -> Result<(Way, Opened), MissingKind> {
        let pilot = self.pilot;
        let way = match pilot.way(wanted).await {
            Ok(way) => way,
            Err(missing) => {
                // What it was fetched from may still be there, or again.
                tracing::debug!(stream = %pilot.flight.key, error = %missing, "a lost stream is not named upstream");
                self.way.clone()
            }
        };
        let mut targets = way.plan.targets.clone();
        if let Some(at) = targets.iter().position(|target| target.is_place_of(&self.target)) {
            let next = at.checked_add(1).and_then(|next| next.checked_rem(targets.len())).unwrap_or(0);
            targets.rotate_left(next);
        }
        let video = self.seam.had_video();
        let begin = match place {
            Where::Anywhere => Begin::Again(video),
            Where::AnywhereAlive => Begin::Alive(video),
            Where::ElsewhereAlive => {
                targets.retain(|target| !target.is_place_of(&self.target));
                Begin::Alive(video)
            }
        };
        let targets = pilot.puller.living_first(targets);
        let asker = pilot.puller.asker(wanted, &way);
        let raced = race(targets, asker, begin, |target, why| pilot.failed(target, why));
        match raced.await {
            Ok(opened) => Ok((way, opened)),
            Err(failures) => Err(missing(&failures).kind),
        }
    }
}

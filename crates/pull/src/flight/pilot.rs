//! The life of one fetch.

use std::future::poll_fn;
use std::sync::Arc;

use srs_hub::{Hub, Publisher, Rules, Settings, Superseded, Takeover};
use srs_media::Frame;
use srs_media::time::Mode;
use srs_names::{FetchState, Missing, MissingKind};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::search::{Pause, Where};
use super::{Ended, is_live};
use crate::incoming::{Event, Failed, Incoming};
use crate::limits::{AFTER_END, AFTER_SHUTDOWN, CACHE, HELD, LOOK, PATIENCE, SEARCH};
use crate::opening::{Begin, Failures, Opened, missing, race};
use crate::plan::{Scheme, Target};
use crate::puller::Puller;
use crate::seam::{Seam, is_coded};
use crate::table::Flight;
use crate::way::{Side, Wanted, Way};

/// Who fetches one stream.
pub(super) struct Pilot {
    pub(super) puller: Arc<Puller>,
    pub(super) hub: Hub,
    pub(super) flight: Arc<Flight>,
    wanted: Wanted,
    pub(super) turn: usize,
}

/// A fetch whose stream came: what it runs on, and where viewers are in time.
pub(super) struct Course<'a> {
    pub(super) pilot: &'a Pilot,
    pub(super) publisher: &'a Publisher,
    pub(super) way: Way,
    pub(super) target: Target,
    pub(super) seam: Seam,
    /// When the last frame came that viewers did not have.
    heard: Instant,
    /// When a server was lost for the first time since.
    lost: Option<Instant>,
    /// Since when it runs on this server.
    entered: Instant,
    held: bool,
    /// It was held when it was entered: what comes before this time may be cached.
    cached: Option<Instant>,
    /// Each server so far had its HLS too.
    hls_upstream: bool,
}

/// Why a server was left.
#[derive(Debug)]
enum Left {
    /// It ended the stream.
    Over,
    Failed(Failed),
    /// The first server is back; its stream goes on here.
    Better(Box<Opened>),
    /// The fetch is over.
    Ended(Ended),
}

impl Pilot {
    pub(super) fn new(
        puller: Arc<Puller>,
        hub: Hub,
        flight: Arc<Flight>,
        wanted: Wanted,
        turn: usize,
    ) -> Pilot {
        Pilot { puller, hub, flight, wanted, turn }
    }

    /// Fetches until the end. The publisher is put where it is ended in any case.
    pub(super) async fn fly(&self, place: &mut Option<Publisher>) -> Ended {
        let (way, opened) = match self.open_first().await {
            Ok(opened) => opened,
            Err(missing) => return Ended::Missing(missing),
        };
        let key = &self.flight.key;
        if is_live(self.hub.phase(key)) {
            return Ended::Here;
        }
        let settings = Settings {
            // Not against a publisher of our own, should there be one since.
            takeover: Takeover::Refuse,
            hold: false,
            gop_cache_max_frames: self.puller.gop_cache_max_frames(key),
            // Times were mended upstream, and a stream is to have the same wherever it is watched.
            rules: Rules { jitter: Mode::Off, ..Rules::default() },
            term: None,
        };
        let publisher = match self.hub.publish(key, settings) {
            Ok(publisher) => &*place.insert(publisher),
            Err(_busy) => return Ended::Here,
        };
        let hls_upstream = opened.hls.is_some();
        (self.puller.config().begun)(key, hls_upstream);
        let target = opened.target.clone();
        let seam = Seam::default();
        let now = Instant::now();
        let course = Course {
            pilot: self,
            publisher,
            way,
            target,
            seam,
            heard: now,
            lost: None,
            entered: now,
            held: false,
            cached: None,
            hls_upstream,
        };
        course.run(opened).await
    }

    /// Where the stream is now for who wants it.
    pub(super) async fn way(&self, wanted: &Wanted) -> Result<Way, Missing> {
        self.puller.way(wanted, self.turn).await
    }

    /// Notes what became of a server.
    pub(super) fn failed(&self, target: &Target, failed: &Failed) {
        let key = &self.flight.key;
        tracing::debug!(stream = %key, url = target.public(), error = failed.why, "no stream from this server");
        self.flight.failed(&format!("{}: {}", target.public(), failed.why));
        self.puller.note(target, failed.is_silence());
    }

    /// The stream for the first time. Servers that do not answer are asked again for a while, those that did are not.
    async fn open_first(&self) -> Result<(Way, Opened), Missing> {
        let until = Instant::now() + PATIENCE;
        let mut refused = Failures::new();
        let mut pause = Pause::default();
        loop {
            let way = match self.way(&self.wanted).await {
                Err(missing) if missing.kind == MissingKind::Unreachable && Instant::now() < until => {
                    rest(&mut pause, until).await;
                    continue;
                }
                way => way?,
            };
            let was_refused = |target: &Target| refused.iter().any(|(known, _)| known == target);
            let targets = way.plan.targets.iter().filter(|target| !was_refused(target)).cloned().collect();
            let targets: Vec<Target> = self.puller.living_first(targets);
            if targets.is_empty() {
                return Err(missing(&refused));
            }
            let asker = self.puller.asker(&self.wanted, &way);
            let raced = race(targets, asker, Begin::First, |target, why| self.failed(target, why));
            let failures = match raced.await {
                Ok(opened) => {
                    self.flight.wishes().accepted(&self.wanted);
                    return Ok((way, opened));
                }
                Err(failures) => failures,
            };
            let (silent, said): (Failures, Failures) =
                failures.into_iter().partition(|(_, failed)| failed.is_silence());
            refused.extend(said);
            if silent.is_empty() {
                return Err(missing(&refused));
            }
            if Instant::now() >= until {
                refused.extend(silent);
                return Err(missing(&refused));
            }
            rest(&mut pause, until).await;
        }
    }
}

/// Waits for the next round, which is not later than `until`.
async fn rest(pause: &mut Pause, until: Instant) {
    sleep_until(until.min(Instant::now() + pause.next())).await;
}

impl Course<'_> {
    async fn run(mut self, opened: Opened) -> Ended {
        let mut incoming = match self.enter(opened) {
            Ok(incoming) => incoming,
            Err(Superseded) => return Ended::Here,
        };
        loop {
            let left = self.stream(&mut incoming).await;
            let opened = match left {
                Left::Ended(ended) => {
                    shut(incoming);
                    return ended;
                }
                Left::Better(opened) => Ok(*opened),
                Left::Over => self.after_end().await,
                Left::Failed(failed) => {
                    tracing::warn!(stream = %self.pilot.flight.key, url = self.target.public(), error = failed.why, "pull lost its server");
                    self.pilot.failed(&self.target, &failed);
                    self.hold(false);
                    // Servers that only repeat themselves do not keep it alive.
                    let lost = self.loses();
                    let until = (!self.lasts()).then(|| lost + SEARCH);
                    self.search(until, Where::Anywhere).await
                }
            };
            let before = match opened {
                Ok(opened) => match self.enter(opened) {
                    Ok(next) => std::mem::replace(&mut incoming, next),
                    Err(Superseded) => return Ended::Here,
                },
                Err(ended) => return ended,
            };
            shut(before);
        }
    }

    /// The stream is lost; since when, unless something new came.
    fn loses(&mut self) -> Instant {
        self.pilot.flight.loses(true);
        *self.lost.get_or_insert_with(Instant::now)
    }

    /// The stream is over where it was. That is the end, unless another server has it at once.
    async fn after_end(&mut self) -> Result<Opened, Ended> {
        self.hold(false);
        self.loses();
        if self.way.plan.rules.persistent {
            return self.search(None, Where::Anywhere).await;
        }
        let (limit, place) = match self.target.scheme {
            // A proxy says no more to players that are to come again, nor does a server that stops.
            Scheme::Srt => (AFTER_SHUTDOWN, Where::AnywhereAlive),
            _ if self.way.side == Side::Cluster || self.way.plan.targets.len() < 2 => {
                return Err(Ended::Over);
            }
            // What is cached there is older than the end.
            _ => (AFTER_END, Where::ElsewhereAlive),
        };
        match self.search(Some(Instant::now() + limit), place).await {
            Err(Ended::Lost) => Err(Ended::Over),
            found => found,
        }
    }

    /// Whether neither want of viewers nor of input ends it.
    pub(super) fn lasts(&self) -> bool {
        self.way.plan.rules.persistent || self.pilot.flight.is_listed()
    }

    /// Goes on with a server whose stream came.
    fn enter(&mut self, opened: Opened) -> Result<Incoming, Superseded> {
        let Opened { target, incoming, frames, held, hls } = opened;
        self.pilot.puller.note(&target, false);
        if std::mem::replace(&mut self.hls_upstream, hls.is_some()) && hls.is_none() {
            (self.pilot.puller.config().begun)(&self.pilot.flight.key, false);
        }
        if matches!(self.way.side, Side::Cluster | Side::Pair) {
            self.pilot.puller.note_hls(&target, hls);
        }
        self.pilot.flight.runs_on(&target);
        tracing::info!(stream = %self.pilot.flight.key, url = target.public(), "pull runs");
        self.target = target;
        self.entered = Instant::now();
        self.cached = held.then(|| self.entered + CACHE);
        let begin = self.seam.begin_of(&frames).unwrap_or(0);
        if let Some(begin) = frames.get(begin) {
            self.seam.enter(begin);
        }
        self.hold(held);
        for (at, frame) in frames.into_iter().enumerate() {
            // Viewers went on while these came: of what lies before only headers are for them.
            if at >= begin || !is_coded(&frame) {
                self.push(frame)?;
            }
        }
        Ok(incoming)
    }

    fn push(&mut self, frame: Frame) -> Result<(), Superseded> {
        let Some(frame) = self.seam.place(frame) else { return Ok(()) };
        // What viewers have already, and headers, are no sign that the stream lives: they are said to all who come.
        if is_coded(&frame) {
            self.heard = Instant::now();
            if self.lost.take().is_some() {
                self.pilot.flight.loses(false);
            }
            // What is cached of a publisher who is awaited comes behind the word that he is.
            if self.cached.is_none_or(|until| Instant::now() >= until) {
                self.hold(false);
            }
        }
        self.publisher.push(frame)
    }

    /// Passes on what comes.
    async fn stream(&mut self, incoming: &mut Incoming) -> Left {
        let no_input = self.way.plan.rules.no_input;
        let stall = sleep(no_input);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let better = self.failback();
        tokio::pin!(stall, better);
        let publisher = self.publisher;
        loop {
            tokio::select! {
                biased;
                event = incoming.next() => match event {
                    Ok(event) => if let Some(left) = self.take(event) {
                        return left;
                    }
                    Err(failed) => return Left::Failed(failed),
                },
                () = poll_fn(|cx| publisher.poll_superseded(cx)) => return Left::Ended(Ended::Here),
                () = stall.as_mut() => {
                    // Armed once per limit, not once per frame.
                    let limit = if self.held { HELD.max(no_input) } else { no_input };
                    let due = self.heard.max(self.entered) + limit;
                    if Instant::now() >= due {
                        return Left::Failed(Failed::unreachable(format_args!("nothing came for {no_input:?}")));
                    }
                    stall.as_mut().reset(due.min(Instant::now() + no_input));
                }
                _ = look.tick() => if self.is_unused() {
                    return Left::Ended(Ended::Unused);
                },
                opened = better.as_mut() => return Left::Better(Box::new(opened)),
            }
        }
    }

    fn take(&mut self, event: Event) -> Option<Left> {
        match event {
            Event::Frame(frame) => self.push(frame).err().map(|Superseded| Left::Ended(Ended::Here)),
            Event::Held => {
                self.cached = None;
                self.hold(true);
                None
            }
            Event::Live => {
                // The publisher is to have his time.
                self.entered = Instant::now();
                self.hold(false);
                None
            }
            Event::Alive => None,
            Event::Over => Some(Left::Over),
        }
    }

    fn hold(&mut self, held: bool) {
        if std::mem::replace(&mut self.held, held) != held {
            self.pilot.flight.shows(if held { FetchState::Held } else { FetchState::Running });
            self.publisher.hold(held);
        }
    }

    /// Whether nobody watched for too long.
    pub(super) fn is_unused(&self) -> bool {
        let Pilot { hub, flight, .. } = self.pilot;
        if self.lasts() || hub.viewers(&flight.key) > 0 {
            flight.touch();
            return false;
        }
        flight.wanted().elapsed() >= self.way.plan.rules.unused
    }
}

/// Leaves a server; nothing waits for that.
pub(crate) fn shut(incoming: Incoming) {
    srs_net::shards::spawn(incoming.close());
}

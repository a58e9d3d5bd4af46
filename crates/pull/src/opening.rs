//! Opening one of several servers: in order, and beside one that takes its time the next.

use std::cell::Cell;
use std::rc::Rc;

use srs_media::Frame;
use srs_names::{Missing, MissingKind};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::envelope::Asker;
use crate::incoming::{Event, Failed, Incoming};
use crate::limits::{BESIDE, BESIDE_SILENT, CACHED, FIRST_FRAME, KEY_FRAME, MOST_CACHED};
use crate::plan::Target;
use crate::seam::{Gate, is_coded};

/// A server whose stream has come.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) target: Target,
    pub(crate) incoming: Incoming,
    /// What the stream begins with: headers, the frame at which it may begin, and what came behind that.
    pub(crate) frames: Vec<Frame>,
    /// The publisher is gone, and awaited there.
    pub(crate) held: bool,
    /// Where its HLS is, as the server says.
    pub(crate) hls: Option<(String, u16)>,
}

/// Servers that did not have it, each with its reason.
pub(crate) type Failures = Vec<(Target, Failed)>;

/// How frames are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// Nothing was seen yet.
    First,
    /// Viewers have seen something; a picture, if that is true.
    Again(bool),
    /// The same, and nothing forces them to go there: only where the stream lives, which what is cached does not show.
    Alive(bool),
}

impl Begin {
    fn gate(self) -> Gate {
        match self {
            Begin::First => Gate::first(),
            Begin::Again(video) | Begin::Alive(video) => Gate::again(video),
        }
    }
}

/// Since when a server has answered.
type Answered = Rc<Cell<Option<Instant>>>;

/// Opens one server, and waits for its stream.
pub(crate) async fn open(
    target: Target,
    asker: Option<Asker>,
    begin: Begin,
    answered: Answered,
) -> Result<Opened, (Target, Failed)> {
    let opened = async {
        let mut incoming = Incoming::open(&target, asker.as_ref()).await?;
        answered.set(Some(Instant::now()));
        let (frames, held) = await_stream(&mut incoming, begin).await?;
        let hls = incoming.hls(&target);
        Ok((incoming, frames, held, hls))
    };
    match opened.await {
        Ok((incoming, frames, held, hls)) => Ok(Opened { target, incoming, frames, held, hls }),
        Err(failed) => Err((target, failed)),
    }
}

fn nothing(what: &str) -> Failed {
    Failed::new(MissingKind::NotFound, what)
}

/// What the stream begins with.
async fn await_stream(incoming: &mut Incoming, begin: Begin) -> Result<(Vec<Frame>, bool), Failed> {
    let mut gate = begin.gate();
    let delay = incoming.delay();
    let silence = tokio::time::sleep(FIRST_FRAME.saturating_add(delay));
    let too_long = tokio::time::sleep(KEY_FRAME.saturating_add(delay));
    tokio::pin!(silence, too_long);
    // Without a cached GOP servers of ours send nothing up to a key frame, and they say it when the stream is not there.
    let (mut heard, mut held) = (incoming.is_ours(), false);
    loop {
        tokio::select! {
            biased;
            event = incoming.next() => match event? {
                Event::Frame(frame) => {
                    heard = true;
                    if let Some(frames) = gate.take(frame) {
                        return match begin {
                            Begin::Alive(_) => Ok((await_life(incoming, frames).await?, false)),
                            Begin::First | Begin::Again(_) => Ok((frames, held)),
                        };
                    }
                }
                Event::Held if matches!(begin, Begin::Alive(_)) => return Err(nothing(AWAITED)),
                Event::Held => held = true,
                Event::Live => held = false,
                Event::Alive => heard |= incoming.brings_media(),
                Event::Over => return Err(nothing("the stream is over")),
            },
            () = silence.as_mut(), if !heard && !held => return Err(nothing("no frame came")),
            () = too_long.as_mut() => return Err(nothing("no key frame came")),
        }
    }
}

/// Why nobody goes to a server that has a stream.
const AWAITED: &str = "its publisher is gone, and awaited";

/// These first frames, and more of them up to one that cannot have been cached.
async fn await_life(incoming: &mut Incoming, mut frames: Vec<Frame>) -> Result<Vec<Frame>, Failed> {
    let began = Instant::now();
    let too_long = tokio::time::sleep(FIRST_FRAME);
    tokio::pin!(too_long);
    let mut bytes = 0_usize;
    loop {
        tokio::select! {
            biased;
            event = incoming.next() => match event? {
                Event::Frame(frame) => {
                    bytes = bytes.saturating_add(frame.wire.len());
                    let lives = began.elapsed() >= CACHED || bytes >= MOST_CACHED;
                    let lives = lives && is_coded(&frame);
                    frames.push(frame);
                    if lives {
                        return Ok(frames);
                    }
                }
                Event::Held => return Err(nothing(AWAITED)),
                Event::Live | Event::Alive => {}
                Event::Over => return Err(nothing("the stream is over")),
            },
            () = too_long.as_mut() => return Err(nothing("nothing came but what was cached")),
        }
    }
}

/// The servers that are being opened.
struct Race {
    begin: Begin,
    asker: Option<Asker>,
    running: JoinSet<Result<Opened, (Target, Failed)>>,
    newest: Option<(Instant, Answered)>,
}

impl Race {
    fn start(&mut self, target: Target) {
        let answered = Answered::default();
        self.newest = Some((Instant::now(), Rc::clone(&answered)));
        self.running.spawn_local(open(target, self.asker.clone(), self.begin, answered));
    }

    /// When the next server may be tried beside those that are.
    fn next_at(&self) -> Instant {
        let Some((since, answered)) = &self.newest else { return Instant::now() };
        match answered.get() {
            Some(answered) => (answered + BESIDE_SILENT).max(*since + BESIDE),
            None => *since + BESIDE,
        }
    }
}

/// Opens the first of these servers whose stream comes. The others are left at once. To be called on a shard.
///
/// # Errors
/// When all have failed.
pub(crate) async fn race(
    targets: Vec<Target>,
    asker: Option<Asker>,
    begin: Begin,
    mut failed: impl FnMut(&Target, &Failed),
) -> Result<Opened, Failures> {
    let mut race = Race { begin, asker, running: JoinSet::new(), newest: None };
    let mut waiting = targets.into_iter();
    let mut failures = Failures::new();
    let mut next = waiting.next();
    loop {
        if race.running.is_empty() {
            match next.take() {
                Some(target) => race.start(target),
                None => return Err(failures),
            }
            next = waiting.next();
        }
        let due = race.next_at();
        tokio::select! {
            biased;
            ended = race.running.join_next() => match ended {
                Some(Ok(Ok(opened))) => return Ok(opened),
                Some(Ok(Err((target, why)))) => {
                    failed(&target, &why);
                    failures.push((target, why));
                    // Its place is free.
                    if let Some(target) = next.take() {
                        race.start(target);
                        next = waiting.next();
                    }
                }
                // A defect in one must not take the others along.
                Some(Err(_)) | None => {}
            },
            () = sleep_until(due), if next.is_some() => {
                if race.next_at() <= Instant::now() && let Some(target) = next.take() {
                    race.start(target);
                    next = waiting.next();
                }
            }
        }
    }
}

/// What all these failures come to for a viewer.
pub(crate) fn missing(failures: &Failures) -> Missing {
    // The clearest answer, where some only did not answer.
    let rank = |kind: MissingKind| match kind {
        MissingKind::Loop => 0,
        MissingKind::Forbidden => 1,
        MissingKind::NotFound => 2,
        MissingKind::Unreachable => 3,
    };
    match failures.iter().min_by_key(|(_, failed)| rank(failed.kind)) {
        Some((_, failed)) if failed.kind == MissingKind::Unreachable => {
            let reason = format!("no server upstream answers: {}", failed.why);
            Missing { kind: MissingKind::Unreachable, reason }
        }
        Some((_, failed)) => Missing { kind: failed.kind, reason: failed.why.clone() },
        None => Missing { kind: MissingKind::Unreachable, reason: "no server upstream answers".to_owned() },
    }
}

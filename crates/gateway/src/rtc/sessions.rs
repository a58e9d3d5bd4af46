//! The sessions of this node, from the answer to their end.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use srs_names::{StreamKey, Term};
use srs_peer::rtc::Session;
use srs_rtc::Engine as _;
use srs_rtc::Track;
use srs_rtc::engine::Credentials;
use srs_rtc::sdp::Description;
use tokio::sync::mpsc;

use super::tracks::Tracks;
use crate::clients::About;

/// Sessions that wait for their clients' first check, at most: a few hundred KiB each.
const WAITING: usize = 1_024;
/// The same for the clients of one address.
const WAITING_OF_ONE: usize = 128;

/// What clients ask of a session by HTTP waits in a row of this length at most: a session hears at once, as a rule.
const COMMANDS: usize = 16;

/// For how long who has said goodbye by DTLS may still delete its session: OBS does both, in this order.
const GOODBYE: Duration = Duration::from_secs(2);

/// A session that waits for its client.
pub(super) struct Parked {
    pub(super) engine: Session,
    pub(super) purpose: Purpose,
}

/// What it is for.
pub(super) enum Purpose {
    Publish(Box<PublishPlan>),
    Play(Box<PlayPlan>),
}

/// A publish that was admitted.
pub(super) struct PublishPlan {
    /// When that was.
    pub(super) made: tokio::time::Instant,
    pub(super) key: StreamKey,
    pub(super) peer: SocketAddr,
    pub(super) about: About,
    pub(super) hold: Duration,
    pub(super) term: Option<Term>,
    /// What the client said behind the name.
    pub(super) query: String,
    pub(super) layers: Vec<Arc<str>>,
    /// What it sends.
    pub(super) codecs: Vec<srs_rtc::Codec>,
}

impl PublishPlan {
    /// Whether it sends pictures.
    pub(super) fn has_pictures(&self) -> bool {
        self.codecs.iter().any(|codec| codec.track() == Track::Video)
    }
}

/// A play that was admitted.
pub(super) struct PlayPlan {
    /// When that was.
    pub(super) made: tokio::time::Instant,
    pub(super) key: StreamKey,
    pub(super) peer: SocketAddr,
    pub(super) about: About,
    pub(super) tracks: Tracks,
}

/// What a session is told: what its client asks by HTTP mostly.
pub(super) enum Command {
    /// To end it.
    Delete,
    /// ICE begins anew with this on both sides.
    Restart { ours: Credentials, theirs: Credentials },
    /// The publisher's layer that viewers get; none for the best.
    Layer(Option<Arc<str>>),
    /// The node ends: its client is to come again.
    Leave,
}

/// A session of which its client speaks.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    /// This side of ICE.
    pub(super) ours: Credentials,
    /// The client's.
    pub(super) theirs: Credentials,
    /// What the client was answered when the session was made.
    pub(super) answer: Arc<Description>,
}

/// Whether a session was told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It was.
    Done,
    /// It was told too much already that it has not heard.
    Busy,
    /// Nobody is there to hear it.
    Gone,
}

enum State {
    Waiting { parked: Box<Parked>, until: Instant, source: IpAddr },
    Running(mpsc::Sender<Command>),
}

struct Entry {
    token: String,
    resource: Resource,
    state: State,
}

/// The sessions by their names in user names of ICE.
#[derive(Default)]
pub(crate) struct Sessions {
    inner: Arc<Mutex<HashMap<String, Entry>>>,
    /// The node ends: there will be no more.
    ends: AtomicBool,
}

/// A session that runs: what its client asks of it. Dropping it takes it out of the table.
pub(super) struct Running {
    name: String,
    table: Weak<Mutex<HashMap<String, Entry>>>,
    pub(super) commands: mpsc::Receiver<Command>,
}

impl Running {
    /// Its client has said goodbye by DTLS, as a page does that is closed or loaded anew: whether it deletes the session too, so that
    /// the end is meant. Who does it is answered as if nothing had been said before.
    pub(super) async fn is_deleted(&mut self) -> bool {
        let deleted = async {
            loop {
                match self.commands.recv().await {
                    Some(Command::Delete) => return true,
                    Some(Command::Restart { .. } | Command::Layer(_)) => {}
                    Some(Command::Leave) | None => return false,
                }
            }
        };
        tokio::time::timeout(GOODBYE, deleted).await.unwrap_or(false)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(table) = self.table.upgrade() {
            table.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
        }
    }
}

/// Why no session is kept for a client.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRoom {
    #[error("too many sessions wait for their clients")]
    Crowded,
    #[error("this server is about to end")]
    Ending,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is such a session.
    pub(super) fn has(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    /// Whether one more may wait for its client, who is there.
    pub(super) fn room(&self, source: IpAddr) -> Result<(), NoRoom> {
        self.may_begin()?;
        self.sweep();
        let table = self.lock();
        let waiting = table.values().filter_map(|entry| match &entry.state {
            State::Waiting { source, .. } => Some(*source),
            State::Running(_) => None,
        });
        let (all, own) = waiting.fold((0_usize, 0_usize), |(all, own), of| {
            (all.saturating_add(1), own.saturating_add(usize::from(of == source)))
        });
        if all >= WAITING || own >= WAITING_OF_ONE { Err(NoRoom::Crowded) } else { Ok(()) }
    }

    fn may_begin(&self) -> Result<(), NoRoom> {
        if self.ends.load(Ordering::Relaxed) { Err(NoRoom::Ending) } else { Ok(()) }
    }

    /// Keeps a session until its client comes. The token is known to that client alone.
    pub(super) fn park(
        &self,
        name: &str,
        (token, resource): (String, Resource),
        parked: Parked,
        (source, wait): (IpAddr, Duration),
    ) -> Result<(), NoRoom> {
        // Others may have come since the session was begun.
        self.room(source)?;
        let now = Instant::now();
        let mut table = self.lock();
        self.may_begin()?;
        let until = now.checked_add(wait).ok_or(NoRoom::Crowded)?;
        let state = State::Waiting { parked: Box::new(parked), until, source };
        table.insert(name.to_owned(), Entry { token, resource, state });
        Ok(())
    }

    /// Its client has come: takes the session to be served.
    pub(super) fn take(&self, name: &str) -> Option<(Parked, Running)> {
        let mut table = self.lock();
        let entry = table.get_mut(name)?;
        let (sender, commands) = mpsc::channel(COMMANDS);
        match std::mem::replace(&mut entry.state, State::Running(sender)) {
            State::Waiting { parked, .. } => {
                let running = Running { name: name.to_owned(), table: Arc::downgrade(&self.inner), commands };
                Some((*parked, running))
            }
            running @ State::Running(_) => {
                entry.state = running;
                None
            }
        }
    }

    /// What is known of a session to who has its token.
    pub(super) fn resource(&self, name: &str, token: &str) -> Option<Resource> {
        let table = self.lock();
        let entry = table.get(name)?;
        is_same(&entry.token, token).then(|| entry.resource.clone())
    }

    /// ICE begins anew, with these instead of the ones that were known. Gone too when others are known by now.
    pub(super) fn restart(&self, name: &str, known: &Resource, renewed: Resource) -> Told {
        let mut table = self.lock();
        let Some(entry) = table.get_mut(name).filter(|entry| entry.resource.ours == known.ours) else {
            return Told::Gone;
        };
        let (ours, theirs) = (renewed.ours.clone(), renewed.theirs.clone());
        let told = match &mut entry.state {
            State::Waiting { parked, .. } => {
                parked.engine.restart(Instant::now(), ours, theirs);
                Told::Done
            }
            State::Running(commands) => tell(commands, Command::Restart { ours, theirs }),
        };
        if told == Told::Done {
            entry.resource = renewed;
        }
        told
    }

    /// Ends a session.
    pub(super) fn end(&self, name: &str) -> Told {
        let mut table = self.lock();
        match table.get(name).map(|entry| &entry.state) {
            Some(State::Running(commands)) => tell(commands, Command::Delete),
            Some(State::Waiting { .. }) => {
                table.remove(name);
                Told::Done
            }
            None => Told::Gone,
        }
    }

    /// Ends all of them, as the node does, and lets nobody begin one. The answer is how many have not ended yet.
    pub(super) fn leave(&self) -> usize {
        let mut table = self.lock();
        // Whoever comes next has to wait for the table, and sees it.
        self.ends.store(true, Ordering::Relaxed);
        table.retain(|_, entry| match &entry.state {
            State::Running(commands) => tell(commands, Command::Leave) != Told::Gone,
            State::Waiting { .. } => false,
        });
        table.len()
    }

    /// Has a publisher's viewers get this layer. Gone too while it waits for its client.
    pub(super) fn choose(&self, name: &str, layer: Option<Arc<str>>) -> Told {
        match self.lock().get(name).map(|entry| &entry.state) {
            Some(State::Running(commands)) => tell(commands, Command::Layer(layer)),
            Some(State::Waiting { .. }) | None => Told::Gone,
        }
    }

    /// Forgets sessions whose clients never came.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.lock().retain(|_, entry| !matches!(&entry.state, State::Waiting { until, .. } if *until <= now));
    }
}

fn tell(commands: &mpsc::Sender<Command>, command: Command) -> Told {
    match commands.try_send(command) {
        Ok(()) => Told::Done,
        Err(mpsc::error::TrySendError::Full(_)) => Told::Busy,
        Err(mpsc::error::TrySendError::Closed(_)) => Told::Gone,
    }
}

/// Whether two tokens are the same, in a time that tells nothing of where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let apart = one.bytes().zip(other.bytes()).fold(0, |apart, (one, other)| apart | (one ^ other));
    one.len() == other.len() && apart == 0
}

#[cfg(test)]
mod tests;

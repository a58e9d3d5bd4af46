//! Players of HLS, each known by the mark in the addresses of its lists (SRS's `hls_ctx`): HTTP alone has no sessions.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use srs_names::StreamKey;
use tokio::time::Instant;

use super::stream::Stream;
use crate::clients::{About, Clients, Listed, random_id};

/// Letters of a mark, as SRS has them.
const LETTERS: usize = 8;

/// Most sessions at a time: a request that brings no mark makes one, and strangers can send many. Beyond it players get
/// a list without a mark, which plays as well.
const MOST: usize = 65_536;

/// How often idle ones are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// All players with a mark.
#[derive(Default)]
pub(super) struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<String, Session>,
    swept: Option<Instant>,
}

struct Session {
    key: StreamKey,
    stream: Arc<Stream>,
    /// None once an operator ended it: the mark stays refused until it is forgotten.
    listed: Option<Listed>,
    idle: Duration,
    last: Instant,
}

/// What a mark is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its player may go on.
    Good,
    /// An operator ended it.
    Kicked,
    /// There are too many to know this one.
    Unknown,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mark for a new player; none when there are too many.
    pub(super) fn open(
        &self,
        clients: &Arc<Clients>,
        stream: &Arc<Stream>,
        peer: SocketAddr,
        about: About,
    ) -> Option<String> {
        let mark = random_id(LETTERS);
        self.touch(&mark, clients, stream, peer, about);
        self.lock().sessions.contains_key(&mark).then_some(mark)
    }

    /// Notes that the player with this mark is there. One that came with a mark from elsewhere, another origin of the
    /// same stream or this one before it was restarted, is taken in.
    pub(super) fn touch(
        &self,
        mark: &str,
        clients: &Arc<Clients>,
        stream: &Arc<Stream>,
        peer: SocketAddr,
        about: About,
    ) -> Standing {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.sweep(now);
        if let Some(session) = inner.sessions.get_mut(mark).filter(|session| session.key == *stream.key()) {
            session.last = now;
            if session.listed.as_ref().is_some_and(|listed| listed.client.kicked.is_set()) {
                session.leave();
            }
            return if session.listed.is_some() { Standing::Good } else { Standing::Kicked };
        }
        if inner.sessions.len() >= MOST || !is_mark(mark) || inner.sessions.contains_key(mark) {
            return Standing::Unknown;
        }
        let listed = clients.add(stream.key(), peer, "hls-play", about);
        tracing::info!(cid = listed.client.id, %peer, stream = %stream.key(), "hls play");
        if let Some(feed) = stream.feed() {
            feed.viewer_came();
        }
        // As in SRS: a player that asked for nothing over two windows has left.
        let idle = stream.settings().cut.window.saturating_mul(2).max(Duration::from_secs(10));
        let session = Session {
            key: stream.key().clone(),
            stream: Arc::clone(stream),
            listed: Some(listed),
            idle,
            last: now,
        };
        inner.sessions.insert(mark.to_owned(), session);
        Standing::Good
    }

    /// The player with this mark was sent `bytes` of media or lists.
    pub(super) fn sent(&self, mark: &str, bytes: u64) {
        let inner = self.lock();
        if let Some(listed) = inner.sessions.get(mark).and_then(|session| session.listed.as_ref()) {
            listed.client.traffic.sent.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Ends the sessions of players that left or were sent away, and those of streams that are gone.
    pub(super) fn sweep(&self) {
        let mut inner = self.lock();
        inner.swept = None;
        inner.sweep(Instant::now());
    }
}

impl Inner {
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.sessions.retain(|_, session| {
            let kicked = session.listed.as_ref().is_some_and(|listed| listed.client.kicked.is_set());
            let stays = now.duration_since(session.last) < session.idle;
            if kicked || !stays {
                session.leave();
            }
            stays
        });
    }
}

impl Session {
    fn leave(&mut self) {
        let Some(listed) = self.listed.take() else { return };
        let sent = listed.client.traffic.sent.load(Ordering::Relaxed);
        tracing::info!(cid = listed.client.id, stream = %self.key, sent, "hls play ended");
        if let Some(feed) = self.stream.feed() {
            feed.viewer_went();
        }
    }
}

/// Marks are ours or SRS's: letters and digits. Others are not kept, whoever made them up.
fn is_mark(mark: &str) -> bool {
    (1..=32).contains(&mark.len()) && mark.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

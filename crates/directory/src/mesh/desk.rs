//! Beats: what this proxy posted, and what others did.

use super::tray::{Post, Tray};
use crate::{Beat, MAX_BODY, MAX_NODES};
use srs_names::NodeId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A member that joins is shown beats that are no older.
const LIFE: Duration = Duration::from_secs(15);
/// A post is known as one that came before for so long.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Longest name of a host that is shown.
const MAX_HOST: usize = 512;
/// Posts that are remembered: a node may beat at several proxies, and these may start again.
const MAX_SEEN: usize = 4 * MAX_NODES;

pub(super) struct Desk {
    /// Names the run of this proxy to those who read its posts.
    pub(super) run: u64,
    number: AtomicU64,
    posted: Mutex<HashMap<NodeId, (Post, Instant)>>,
    /// The last number of each node from each proxy's run: a link that comes back brings old beats again.
    seen: Mutex<HashMap<(NodeId, u64), (u64, Instant)>>,
    inbox: Tray,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            run: rand::random(),
            number: AtomicU64::new(0),
            posted: Mutex::default(),
            seen: Mutex::default(),
            inbox: Tray::default(),
        }
    }

    /// Keeps a beat for those who join, and numbers it. None for one that is not shown.
    pub(super) fn post(&self, beat: Beat) -> Option<Post> {
        if beat.body.len() > MAX_BODY || beat.host.len() > MAX_HOST {
            tracing::warn!(node = %beat.id, "the mesh: a beat is too long to be shown");
            return None;
        }
        let now = Instant::now();
        let mut posted = lock(&self.posted);
        if posted.len() >= MAX_NODES && !posted.contains_key(&beat.id) {
            posted.retain(|_, (_, since)| now.saturating_duration_since(*since) < LIFE);
            if posted.len() >= MAX_NODES {
                return None;
            }
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let post = Post { number, beat };
        posted.insert(post.beat.id.clone(), (post.clone(), now));
        Some(post)
    }

    /// What was posted lately.
    pub(super) fn recent(&self) -> Vec<Post> {
        let now = Instant::now();
        let mut posted = lock(&self.posted);
        posted.retain(|_, (_, since)| now.saturating_duration_since(*since) < LIFE);
        posted.values().map(|(post, _)| post.clone()).collect()
    }

    /// Takes a beat that the run `run` of another proxy posted.
    pub(super) fn receive(&self, run: u64, post: Post) {
        let now = Instant::now();
        let mut seen = lock(&self.seen);
        let key = (post.beat.id.clone(), run);
        if seen.len() >= MAX_SEEN && !seen.contains_key(&key) {
            seen.retain(|_, (_, since)| now.saturating_duration_since(*since) < REMEMBERED);
            if seen.len() >= MAX_SEEN {
                return;
            }
        }
        let known = seen.insert(key, (post.number, now));
        if let Some((number, _)) = known.filter(|(number, _)| *number >= post.number) {
            seen.insert((post.beat.id, run), (number, now));
            return;
        }
        drop(seen);
        self.inbox.put(post);
    }

    /// See [`crate::Board::news`].
    pub(super) async fn news(&self) -> Vec<Beat> {
        self.inbox.all().await.into_iter().map(|post| post.beat).collect()
    }
}

#[cfg(test)]
mod tests;

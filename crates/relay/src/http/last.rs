//! The last list of each stream that is watched here: shown again while its origin is lost and the next one has none yet.
//!
//! Players take a missing list for the end of the stream. What is in the list may still be in the cache, or in the player.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use srs_names::{NodeId, StreamKey};
use srs_net::http::{Answer, Content};
use tokio::time::Instant;

use super::MARK;
use crate::limits::{LAST_BYTES, LASTS, STALE};

/// Which list of a stream it is: two players' own lists differ by their marks alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) key: StreamKey,
    /// Path and query, without a mark: who asks with other words may not be let in.
    pub(crate) target: String,
    pub(crate) marked: bool,
}

#[derive(Debug)]
struct Last {
    list: Bytes,
    headers: HeaderMap,
    mark: Option<String>,
    /// Where it came from.
    node: NodeId,
    at: Instant,
}

/// The lists.
#[derive(Debug)]
pub(crate) struct Lasts {
    lists: Mutex<HashMap<Name, Last>>,
    /// For how long they are shown.
    stale: Duration,
}

impl Default for Lasts {
    fn default() -> Self {
        Lasts::shown_for(STALE)
    }
}

impl Lasts {
    /// Lists that are shown again for so long.
    pub(crate) fn shown_for(stale: Duration) -> Self {
        Lasts { lists: Mutex::default(), stale }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Last>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a list as it was just shown.
    pub(crate) fn note(
        &self,
        name: &Name,
        mark: Option<&str>,
        list: &Bytes,
        headers: &HeaderMap,
        node: &NodeId,
    ) {
        let now = Instant::now();
        let mut lists = self.lock();
        if list.len() > LAST_BYTES || has_line(list, b"#EXT-X-ENDLIST") {
            lists.remove(name);
            return;
        }
        if lists.len() >= LASTS && !lists.contains_key(name) {
            lists.retain(|_, last| last.at + self.stale > now);
            if lists.len() >= LASTS {
                return;
            }
        }
        let last = Last {
            list: list.clone(),
            headers: headers.clone(),
            mark: mark.map(str::to_owned),
            node: node.clone(),
            at: now,
        };
        lists.insert(name.clone(), last);
    }

    /// Where the list came from, if there is one to show.
    pub(crate) fn node(&self, name: &Name) -> Option<NodeId> {
        let lists = self.lock();
        lists.get(name).filter(|last| last.at.elapsed() < self.stale).map(|last| last.node.clone())
    }

    /// The last list, with this player's mark.
    pub(crate) fn answer(&self, name: &Name, mark: Option<&str>) -> Option<Answer> {
        let lists = self.lock();
        let last = lists.get(name).filter(|last| last.at.elapsed() < self.stale)?;
        let body = match (last.mark.as_deref(), mark) {
            (Some(theirs), Some(own)) if theirs != own => {
                let text = std::str::from_utf8(&last.list).ok()?;
                text.replace(&format!("{MARK}={theirs}"), &format!("{MARK}={own}")).into()
            }
            _ => last.list.clone(),
        };
        let mut headers = last.headers.clone();
        // It is to be asked for again at once.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.remove(header::ETAG);
        Some(Answer { status: StatusCode::OK, headers, body: Content::Bytes(body) })
    }
}

/// Whether a list has this line.
pub(crate) fn has_line(list: &[u8], line: &[u8]) -> bool {
    list.split(|byte| *byte == b'\n').any(|own| own.trim_ascii_end() == line)
}

#[cfg(test)]
mod tests;

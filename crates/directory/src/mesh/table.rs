//! The links of this member, one to each other that lives, and what is asked over them.

use super::home::Home;
use super::identity::Identity;
use super::tray::{Post, Tray};
use super::wire::{Ask, Frame, Reply};
use srs_balance::directory::Error;
use srs_names::NodeId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Questions and answers that wait to be written: more than are asked within the time for an answer.
const MAX_WAITING: usize = 1_024;
/// Questions that wait for their answer.
const MAX_ASKED: usize = 4_096;

/// A connection to another member.
pub(super) struct Link {
    pub(super) peer: Identity,
    outbox: mpsc::Sender<Vec<u8>>,
    pub(super) beats: Tray,
    asked: Mutex<HashMap<u64, oneshot::Sender<Reply>>>,
    number: AtomicU64,
    over: watch::Sender<bool>,
}

/// A question that waits; it is forgotten when nobody waits for it any more.
struct Waiting<'a>(&'a Link, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.asked().remove(&self.1);
    }
}

fn unavailable(why: String) -> Error {
    Error::Unavailable(why)
}

impl Link {
    /// A link to this member, and what is to be written to it.
    pub(super) fn new(peer: Identity) -> (Arc<Self>, mpsc::Receiver<Vec<u8>>) {
        let (outbox, waiting) = mpsc::channel(MAX_WAITING);
        let link = Self {
            peer,
            outbox,
            beats: Tray::default(),
            asked: Mutex::default(),
            number: AtomicU64::new(0),
            over: watch::Sender::new(false),
        };
        (Arc::new(link), waiting)
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Reply>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and waits for the answer no longer than `patience`.
    pub(super) async fn ask(&self, ask: Ask, patience: Duration) -> Reply {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        {
            let mut asked = self.asked();
            if asked.len() >= MAX_ASKED || *self.over.borrow() {
                return Err(unavailable(format!("{} is not to be asked now", self.peer.id)));
            }
            asked.insert(number, sender);
        }
        let _waiting = Waiting(self, number);
        if !self.say(&Frame::Ask(number, ask)) {
            return Err(unavailable(format!("{} does not read what it is asked", self.peer.id)));
        }
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(unavailable(format!("the link to {} broke", self.peer.id))),
            Err(_) => Err(unavailable(format!("{} does not answer in time", self.peer.id))),
        }
    }

    /// The other answered.
    pub(super) fn answered(&self, number: u64, reply: Reply) {
        if let Some(sender) = self.asked().remove(&number) {
            // Nobody waits any more.
            let _ = sender.send(reply);
        }
    }

    /// Puts a frame to be written. False where too many wait: the other does not read, and whoever asked waits in vain.
    pub(super) fn say(&self, frame: &Frame) -> bool {
        self.outbox.try_send(frame.write()).is_ok()
    }

    /// Shows the other a beat.
    pub(super) fn show(&self, post: Post) {
        self.beats.put(post);
    }

    /// Ends it; who waits for an answer hears so at once.
    pub(super) fn end(&self) {
        let mut asked = self.asked();
        // Under the lock, so that no question comes in behind.
        self.over.send_replace(true);
        asked.clear();
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) {
        // Fails when the sender is gone, which is `self`.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }
}

/// All links.
#[derive(Default)]
pub(super) struct Table(Mutex<HashMap<NodeId, Arc<Link>>>);

impl Table {
    fn links(&self) -> MutexGuard<'_, HashMap<NodeId, Arc<Link>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, id: &NodeId) -> Option<Arc<Link>> {
        self.links().get(id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Link>> {
        self.links().values().cloned().collect()
    }

    /// Puts a link in the place of an older one, which ends.
    pub(super) fn put(&self, link: &Arc<Link>) {
        let old = self.links().insert(link.peer.id.clone(), Arc::clone(link));
        if let Some(old) = old {
            old.end();
        }
    }

    /// Ends a link, and takes it away if it is still the present one.
    pub(super) fn take_away(&self, link: &Arc<Link>) {
        link.end();
        let mut links = self.links();
        if links.get(&link.peer.id).is_some_and(|present| Arc::ptr_eq(present, link)) {
            links.remove(&link.peer.id);
        }
    }

    /// Ends the links to those who live no more, or under another name.
    pub(super) fn end_dead(&self, home: &Home) {
        for link in self.all() {
            if !home.is_live(&link.peer) {
                self.take_away(&link);
            }
        }
    }
}

#[cfg(test)]
mod tests;

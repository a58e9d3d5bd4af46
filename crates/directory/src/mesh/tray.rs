//! What waits to be sent or read: the newest beat of each node, in the order in which nodes came.

use crate::{Beat, MAX_NODES};
use srs_names::NodeId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A beat, and its number among those of the proxy that posted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) number: u64,
    pub(super) beat: Beat,
}

#[derive(Default)]
pub(super) struct Tray {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<NodeId>,
    posts: HashMap<NodeId, Post>,
}

impl Tray {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a post in the place of the older one of its node; false where there is no room for one more node.
    pub(super) fn put(&self, post: Post) -> bool {
        self.put_if(post, |_| true)
    }

    /// The same, unless a newer one of the same proxy waits.
    pub(super) fn put_older(&self, post: Post) -> bool {
        let number = post.number;
        self.put_if(post, |known| known.number < number)
    }

    fn put_if(&self, post: Post, replaces: impl FnOnce(&Post) -> bool) -> bool {
        let mut waiting = self.waiting();
        let Waiting { order, posts } = &mut *waiting;
        let is_full = posts.len() >= MAX_NODES;
        match posts.get_mut(&post.beat.id) {
            Some(known) if replaces(known) => *known = post,
            Some(_) => {}
            None if is_full => return false,
            None => {
                order.push_back(post.beat.id.clone());
                posts.insert(post.beat.id.clone(), post);
            }
        }
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// Waits for the next. For one reader.
    pub(super) async fn next(&self) -> Post {
        loop {
            if let Some(post) = self.pop() {
                return post;
            }
            self.filled.notified().await;
        }
    }

    /// Waits until there is something, and takes all of it. For one reader.
    pub(super) async fn all(&self) -> Vec<Post> {
        let mut posts = vec![self.next().await];
        posts.extend(std::iter::from_fn(|| self.pop()));
        posts
    }

    fn pop(&self) -> Option<Post> {
        let mut waiting = self.waiting();
        let id = waiting.order.pop_front()?;
        waiting.posts.remove(&id)
    }
}

#[cfg(test)]
mod tests;

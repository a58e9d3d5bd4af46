//! Where streams are, by a store that origins and edges share: OvenMediaEngine's OriginMapStore over Redis, fenced.
//!
//! Origins [announce](Store::announce) what is published to them, edges [find](Store::find) it. Redis 5.0 and later. No call
//! waits longer for Redis than [`PATIENCE`], or four round trips where it is far away (half a second at most); the
//! connection is opened, and opened again, in the background.
//!
//! | Key | Value |
//! |---|---|
//! | `srs:map:{vhost/app/stream}` | a URL: `rtmp://ORIGIN:PORT/app/stream` of ours, or what another program wrote |
//! | `srs:map:{vhost/app/stream}:owner` | who announces that URL, and the epoch of its claim (`value`) |
//! | `app/stream` | the same URL once more, in compatible mode |
//!
//! Braces in names are written `%7B` and `%7D`. Every key that is written here has a time limit of 10 s and is refreshed each
//! 2.5 s by a script that compares (`script`): the higher epoch takes over, the lower one neither overwrites nor deletes but
//! asks again while its stream lives, and a URL of another program stands until that program or its time limit takes it away.
//! While Redis is away, and just after, what was looked up before is answered as it was then, however long that takes.

mod announce;
mod journal;
mod known;
mod link;
mod script;
mod settings;
mod value;

pub use settings::{Settings, Wrong};

use crate::plan::{HostPort, Target};
use announce::{Announcer, Site};
use journal::Journal;
use known::Known;
use link::{Fault, Link};
use redis::Value;
use settings::Place;
use srs_names::{NodeId, StreamKey};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use value::Names;

/// No call waits longer for a Redis nearby.
pub const PATIENCE: Duration = Duration::from_millis(50);
/// What an origin that died announced is gone after this time, as with OvenMediaEngine.
pub const LIFE: Duration = Duration::from_secs(10);
/// Between two announcements of a stream, and two attempts at one that another origin has.
pub const REFRESH: Duration = Duration::from_millis(2_500);
/// After this time with one connection a store that came back empty was filled again; until then what is missing there may
/// be there all the same.
const REFILL: Duration = Duration::from_secs(5);
/// Taking everything back may take so long.
const LEAVE: Duration = Duration::from_secs(1);

/// Where a stream is. The `Debug` form holds no login.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// As it stands in the store, with a login where it has one.
    pub url: String,
    /// What that means.
    pub target: Target,
    /// Which of our origins announces it; none for a URL that another program wrote.
    pub owner: Option<Owner>,
    /// Whether the store could not be asked, so that this is what it said before.
    pub cached: bool,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Found { url: _, target, owner, cached } = self;
        let mut shown = f.debug_struct("Found");
        shown.field("target", target).field("owner", owner).field("cached", cached).finish_non_exhaustive()
    }
}

/// An origin that announces a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub node: NodeId,
    /// Its run.
    pub instance: String,
    /// The epoch of the stream there.
    pub epoch: u64,
}

/// The store does not answer, and the stream is not known from before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of origins is away: {0}")]
pub struct StoreError(String);

/// The store of one vhost. Clones share it; with the last one the connection ends.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    link: Arc<Link>,
    known: Mutex<Known>,
    me: NodeId,
    vhost: String,
    instance: String,
    /// The name under which streams are announced.
    name: Option<String>,
    compatible: bool,
    runtime: Handle,
    keeper: AbortHandle,
    announcing: Mutex<Option<Announcing>>,
}

/// The task that announces.
struct Announcing {
    /// Gone, it ends the task in order.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.keeper.abort();
        if let Some(announcing) = lock(&self.announcing).take() {
            announcing.task.abort();
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("vhost", &self.0.vhost).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Begins to connect on this runtime, on which it stays, and waits for nothing. `me` is this node's id; `vhost` is the one
    /// whose streams it announces, as keys spell it.
    ///
    /// # Errors
    /// [`Wrong`] where the settings cannot be used.
    pub fn open(settings: &Settings, me: &NodeId, vhost: &str, runtime: &Handle) -> Result<Store, Wrong> {
        Self::open_with(settings, me, vhost, runtime, PATIENCE)
    }

    fn open_with(
        settings: &Settings,
        me: &NodeId,
        vhost: &str,
        runtime: &Handle,
        patience: Duration,
    ) -> Result<Store, Wrong> {
        let (place, name) = (Place::read(settings)?, settings.name()?);
        let journal = Journal::new(place.host.to_string(), vhost.to_owned());
        let link = Arc::new(Link::new(patience, journal));
        let keeper = runtime.spawn(Arc::clone(&link).keep(place)).abort_handle();
        Ok(Store(Arc::new(Inner {
            link,
            known: Mutex::default(),
            me: me.clone(),
            vhost: vhost.to_owned(),
            instance: format!("{:016x}", rand::random::<u64>()),
            name,
            compatible: settings.compatible,
            runtime: runtime.clone(),
            keeper,
            announcing: Mutex::default(),
        })))
    }

    /// Where a stream is; none where it is nowhere, or announced by this very node. It waits no longer than [`PATIENCE`] allows.
    ///
    /// # Errors
    /// [`StoreError`] while the store is away, for a stream that was not found before.
    pub async fn find(&self, key: &StreamKey) -> Result<Option<Found>, StoreError> {
        let inner = &self.0;
        let names = Names::new(key);
        let mut get = redis::cmd("MGET");
        get.arg(&names.value).arg(&names.record);
        if inner.compatible {
            get.arg(&names.plain);
        }
        let answer = inner.link.ask(&get).await.and_then(|answer| match answer {
            Value::Array(values) => Ok(values),
            _ => Err(inner.link.odd(Fault::Malformed)),
        });
        let known = || lock(&inner.known).get(key).map(|found| Found { cached: true, ..found });
        match answer {
            Ok(values) => match inner.read(key, &names, &values) {
                Some(found) => {
                    lock(&inner.known).keep(key, found.clone());
                    Ok(Some(found))
                }
                None if inner.link.age() < REFILL => Ok(known()),
                None => {
                    lock(&inner.known).forget(key);
                    Ok(None)
                }
            },
            Err(fault) => known().map(Some).ok_or_else(|| StoreError(fault.to_string())),
        }
    }

    /// Announces from now on what `live` lists: the streams that are published here, each with the epoch of its claim; those
    /// of other vhosts are left out. It is asked twice a second. Edges reach them at `port`, RTMP's. Without a host name
    /// nothing is announced. Replaces an earlier call.
    pub fn announce(&self, live: impl Fn() -> Vec<(StreamKey, u64)> + Send + 'static, port: u16) {
        let inner = &self.0;
        let vhost = inner.vhost.as_str();
        let Some(host) = inner.name.clone() else {
            tracing::info!(
                vhost,
                "no origin_host_name: this node looks streams up in the store and announces none"
            );
            return;
        };
        let site = Site {
            node: inner.me.clone(),
            instance: inner.instance.clone(),
            vhost: vhost.to_owned(),
            origin: HostPort { host, port },
            compatible: inner.compatible,
        };
        let (stop, stopped) = oneshot::channel();
        let announcer = Announcer::new(Arc::clone(&inner.link), site);
        let task = inner.runtime.spawn(announcer.run(live, stopped));
        if let Some(earlier) = lock(&inner.announcing).replace(Announcing { stop, task }) {
            // Taking back is not for it: what it announced is announced by this node all the same.
            earlier.task.abort();
        }
    }

    /// Takes back what is announced, for a node that goes, and announces no more. What could not be taken back within a second
    /// is gone after [`LIFE`].
    pub async fn leave(&self) {
        let announcing = lock(&self.0.announcing).take();
        if let Some(Announcing { stop, task }) = announcing {
            drop(stop);
            // Late or panicked: the time limits do the rest.
            let _ = tokio::time::timeout(LEAVE, task).await;
        }
    }
}

impl Inner {
    /// What stands under the keys of a stream, in their order.
    fn read(&self, key: &StreamKey, names: &Names, values: &[Value]) -> Option<Found> {
        let bytes = |at: usize| match values.get(at) {
            Some(Value::BulkString(bytes)) => Some(bytes.as_slice()),
            _ => None,
        };
        if let Some(text) = bytes(0) {
            let announced = bytes(1).and_then(value::read_record).filter(|(_, url)| url.as_bytes() == text);
            let owner = announced.map(|(owner, _)| owner);
            if owner.as_ref().is_some_and(|owner| owner.node == self.me) {
                return None;
            }
            if let Some(found) = self.understand(&names.value, text, owner.map(|owner| (key, owner))) {
                return Some(found);
            }
        }
        self.understand(&names.plain, bytes(2)?, None)
    }

    /// What a URL means; a word in the log where it means nothing.
    fn understand(&self, name: &str, text: &[u8], ours: Option<(&StreamKey, Owner)>) -> Option<Found> {
        let url = String::from_utf8_lossy(text).into_owned();
        let (target, owner) = match ours {
            Some((key, owner)) => (value::own_target(&url, key), Some(owner)),
            None => (value::target(&url), None),
        };
        match target {
            Ok(target) => Some(Found { url, target, owner, cached: false }),
            Err(why) => {
                self.link.journal.key(name, format_args!("what stands under this key is skipped: {why}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;

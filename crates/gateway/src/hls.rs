//! HLS at the origin: streams are cut into segments as they come in, and lists and segments are handed out.
//!
//! A stream is cut by a [`rendition`](maker) that lives from its publish to `hls_dispose` after its end; what it makes is
//! kept in a [`Stream`], in memory or on disk. Requests find it by path in [`Hls`], never by looking at the disk.

mod disk;
mod maker;
mod serve;
mod sessions;
mod stream;

use std::collections::HashMap;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use srs_hls::Template;
use srs_hub::{Feed, Format, Hub, Phase, Window};
use srs_media::Codec;
use srs_names::StreamKey;
use srs_net::shards;
use tokio::sync::Notify;

use disk::Disk;
pub(crate) use serve::{Ask, MARK, Owner, Served};
use sessions::Sessions;
use stream::Stream;

use crate::sound::Sounds;

/// The hub's name for what is cut here.
const HLS: Format = Format("hls");

/// Attempts to have a stream cut whose last cutting has just ended.
const TRIES: usize = 1000;

/// Where `hls_dispose` is zero, files stay for ever, but what is known of a stream that is over does not.
const MEMORY: Duration = Duration::from_secs(120);

/// SRS's `hls` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// When segments are cut, and how long the list is.
    pub cut: srs_hls::Settings,
    /// `hls_m3u8_file`: the path of the list.
    pub list_file: Template,
    /// `hls_ts_file`: the path of each segment.
    pub segment_file: Template,
    /// `hls_entry_prefix`: what stands before a segment's path in the list; empty: the path from the list to it.
    pub entry_prefix: String,
    /// `hls_path`: the folder to keep segments in. None: in memory.
    pub path: Option<PathBuf>,
    /// `hls_cleanup`: files are removed when nobody can ask for them any more.
    pub cleanup: bool,
    /// `hls_dispose`: so long after its end all of a stream is removed. Zero: files stay.
    pub dispose: Duration,
    /// `hls_ctx`: each player gets a list of its own, by which it is counted and can be kicked.
    pub ctx: bool,
    /// `hls_ts_ctx`: its segments carry the same mark.
    pub ts_ctx: bool,
    /// `hls_keys`: segments are encrypted. None: they are not.
    pub keys: Option<Keys>,
}

/// AES-128 keys of segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Keys {
    /// `hls_key_file`: the path of each key.
    pub file: Template,
    /// `hls_key_url`: what stands before it in the list; empty: the path from the list to it.
    pub url: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            cut: srs_hls::Settings::default(),
            list_file: Template::of_stream(".m3u8"),
            segment_file: Template::of_segment(".ts"),
            entry_prefix: String::new(),
            path: None,
            cleanup: true,
            dispose: Duration::from_secs(120),
            ctx: true,
            ts_ctx: true,
            keys: None,
        }
    }
}

impl Default for Keys {
    fn default() -> Keys {
        Keys { file: Template::of_segment(".key"), url: String::new() }
    }
}

/// All streams that are cut here, by the paths under which they are asked for.
pub(crate) struct Hls {
    /// Every stream that is cut. Held while one begins or goes, and taken before all other locks.
    streams: Mutex<HashMap<StreamKey, Arc<Stream>>>,
    places: Mutex<HashMap<Place, Arc<Stream>>>,
    /// Woken when a stream has its first segment.
    came: Notify,
    sessions: Sessions,
    disk: Disk,
    sound: Arc<Sounds>,
}

/// The vhost and the path, escapes decoded, without a slash in front.
type Place = (Arc<str>, String);

impl Hls {
    pub(crate) fn new(sound: Arc<Sounds>) -> Arc<Hls> {
        Arc::new(Hls {
            sound,
            streams: Mutex::default(),
            places: Mutex::default(),
            came: Notify::new(),
            sessions: Sessions::default(),
            disk: Disk::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Arc<Stream>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, vhost: &str, path: &str) -> Option<Arc<Stream>> {
        self.lock().get(&(Arc::from(vhost), path.to_owned())).cloned()
    }

    fn list_at(&self, stream: &Arc<Stream>, path: &str) {
        self.lock().insert((stream.vhost(), path.to_owned()), Arc::clone(stream));
    }

    /// Takes a path away, unless another stream has it by now: templates may give two streams one path.
    fn forget(&self, stream: &Stream, path: &str) {
        let place = (stream.vhost(), path.to_owned());
        let mut places = self.lock();
        if places.get(&place).is_some_and(|known| std::ptr::eq(&raw const **known, stream)) {
            places.remove(&place);
        }
    }

    /// Cuts `key`, which is published now, unless that is done already. To be called on a shard, before its first frame.
    pub(crate) fn begin(self: &Arc<Self>, hub: &Hub, key: &StreamKey, settings: &Arc<Settings>) {
        let path = match stream::list_path(settings, key) {
            Ok(path) => path,
            Err(error) => return tracing::warn!(stream = %key, %error, "no HLS: its list cannot be named"),
        };
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = streams.get(key) {
            // Another stream whose list has the same path may have taken it.
            return self.list_at(known, known.list_path());
        }
        let stream = Arc::new(Stream::new(key.clone(), Arc::clone(settings), path.clone()));
        let Some(feed) = self.cut(hub, &stream) else {
            return tracing::warn!(stream = %key, "no HLS: the stream is being cut already");
        };
        stream.follow(Arc::new(feed));
        self.list_at(&stream, &path);
        streams.insert(key.clone(), Arc::clone(&stream));
        drop(streams);
        let hls = Arc::clone(self);
        // From the first frame on: its list is to have sound from the start.
        let wanting = self.sound.wants(key, Codec::Aac);
        shards::spawn(async move {
            let _made = wanting;
            hls.keep(stream).await;
        });
    }

    /// Has the hub cut the stream. What cut it before is gone but for the moments in which a viewer is counted.
    fn cut(self: &Arc<Self>, hub: &Hub, stream: &Arc<Stream>) -> Option<Feed> {
        (0..TRIES).find_map(|_| {
            let (hls, kept, mut made) = (Arc::downgrade(self), Arc::clone(stream), false);
            let feed = hub.tap(stream.key(), HLS, || {
                made = true;
                Box::new(maker::Maker::new(hls, kept))
            });
            if !made {
                drop(feed);
                std::thread::yield_now();
                return None;
            }
            Some(feed)
        })
    }

    /// Stays with a stream until it is to be disposed of.
    async fn keep(self: Arc<Self>, stream: Arc<Stream>) {
        let dispose = match stream.settings().dispose {
            Duration::ZERO => MEMORY,
            after => after,
        };
        let mut window = Window::default();
        while let Some(feed) = stream.feed() {
            let phase = feed.pull(&mut window, |_| {});
            let changed = poll_fn(|cx| feed.poll_changed(&window, phase, cx));
            if phase != Phase::Ended {
                changed.await;
            } else if tokio::time::timeout(dispose, changed).await.is_err() {
                // A publisher may come at this very moment: it waits for this lock, or is seen here.
                let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
                if feed.pull(&mut window, |_| {}) == Phase::Ended {
                    self.dispose(&stream);
                    drop(feed);
                    streams.remove(stream.key());
                    return;
                }
            }
        }
    }

    fn dispose(&self, stream: &Arc<Stream>) {
        self.forget(stream, stream.list_path());
        let removed = !stream.settings().dispose.is_zero();
        for name in stream.clear().into_iter().chain([stream.list_path().to_owned()]) {
            self.forget(stream, &name);
            if removed {
                self.remove_file(stream, name);
            }
        }
        tracing::info!(stream = %stream.key(), "HLS of a stream that is over was disposed of");
    }

    fn remove_file(&self, stream: &Arc<Stream>, name: String) {
        if stream.settings().cleanup && stream.settings().path.is_some() {
            self.disk.remove(stream, name);
        }
    }
}

impl std::fmt::Debug for Hls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hls").field("places", &self.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

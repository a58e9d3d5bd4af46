//! What one stream offers: its list, and the segments and keys that can be asked for.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use srs_hls::{Entry, Facts, Key, List, NameError, Segment, begins_key};
use srs_hub::Feed;
use srs_m3u8::encode_path;
use srs_names::StreamKey;
use srs_net::http::Content;
use tokio::time::Instant;

use super::{Hls, Settings};

/// Most bytes that are kept of one stream: two windows of a minute at 17 Mbit/s. Beyond it the oldest segments go first.
const MOST_BYTES: u64 = 256 << 20;

/// One stream.
pub(super) struct Stream {
    key: StreamKey,
    vhost: Arc<str>,
    settings: Arc<Settings>,
    list_path: String,
    began: Instant,
    inner: Mutex<Inner>,
    feed: Mutex<Option<Arc<Feed>>>,
}

struct Inner {
    list: List,
    files: HashMap<String, Content>,
    /// Which of the files are keys.
    keys: HashSet<String>,
    /// Which of the files are on disk.
    written: HashSet<String>,
    key: Option<Current>,
    /// Nobody publishes it, nor is awaited.
    over: bool,
    /// The list as text, until it changes.
    text: Option<Arc<str>>,
}

/// What a segment changed.
struct Added {
    /// Paths that there are now.
    new: Vec<String>,
    /// Paths that are gone.
    gone: Vec<String>,
    /// There was nothing to play before.
    first: bool,
}

/// The key in use, and the segment that began it.
#[derive(Clone)]
struct Current {
    key: Key,
    name: String,
    since: u64,
}

/// The path of a stream's list.
pub(super) fn list_path(settings: &Settings, key: &StreamKey) -> Result<String, NameError> {
    settings.list_file.name(&facts(key, 0, 0, 0))
}

fn facts(key: &StreamKey, sequence: u64, duration_ms: u64, unix_ms: i64) -> Facts<'_> {
    let (vhost, app, stream) = (key.vhost(), key.app(), key.stream());
    Facts { vhost, app, stream, sequence, duration_ms, unix_ms }
}

impl Stream {
    pub(super) fn new(key: StreamKey, settings: Arc<Settings>, list_path: String) -> Stream {
        let inner = Inner {
            list: List::new(&settings.cut),
            files: HashMap::new(),
            keys: HashSet::new(),
            written: HashSet::new(),
            key: None,
            over: false,
            text: None,
        };
        Stream {
            vhost: Arc::from(key.vhost()),
            key,
            settings,
            list_path,
            began: Instant::now(),
            inner: Mutex::new(inner),
            feed: Mutex::default(),
        }
    }

    pub(super) fn key(&self) -> &StreamKey {
        &self.key
    }

    pub(super) fn vhost(&self) -> Arc<str> {
        Arc::clone(&self.vhost)
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn list_path(&self) -> &str {
        &self.list_path
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps the stream cut until [`Stream::clear`].
    pub(super) fn follow(&self, feed: Arc<Feed>) {
        *self.feed.lock().unwrap_or_else(PoisonError::into_inner) = Some(feed);
    }

    /// By which viewers are counted.
    pub(super) fn feed(&self) -> Option<Arc<Feed>> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new epoch: the list starts over.
    pub(super) fn begin(&self) {
        let now = self.now_ms();
        let mut inner = self.lock();
        inner.list.begin(now);
        inner.over = false;
        inner.text = None;
    }

    /// A new epoch in the middle of the stream: the list starts over with its first segment.
    pub(super) fn next_epoch(&self) {
        self.lock().list.next_epoch();
    }

    /// The file of that path.
    pub(super) fn file(&self, path: &str) -> Option<Content> {
        self.lock().files.get(path).cloned()
    }

    /// Whether the file of that path is a key.
    pub(super) fn is_key(&self, path: &str) -> bool {
        self.lock().keys.contains(path)
    }

    /// `bytes` were written to disk as `path`, and need not be held in memory where `content` has them.
    pub(super) fn on_disk(&self, path: &str, bytes: &Bytes, content: Option<Content>) {
        let mut inner = self.lock();
        let Some(known) = inner.files.get_mut(path) else { return };
        // A newer one of that name has a writing of its own to come.
        if !matches!(known, Content::Bytes(known) if known.as_ptr() == bytes.as_ptr()) {
            return;
        }
        if let Some(content) = content {
            *known = content;
        }
        inner.written.insert(path.to_owned());
    }

    /// Whether everything that the list names is on disk.
    pub(super) fn is_on_disk(&self) -> bool {
        let inner = self.lock();
        inner.list.in_window().all(|entry| inner.written.contains(&entry.name))
    }

    /// The list, once there is something to play. `mark` goes to the address of each segment.
    pub(super) fn text(&self, mark: Option<&str>) -> Option<Arc<str>> {
        let mut inner = self.lock();
        let Inner { list, text, .. } = &mut *inner;
        if !list.ready() {
            return None;
        }
        match (mark, text) {
            (None, Some(text)) => Some(Arc::clone(text)),
            (None, text) => {
                let made: Arc<str> = list.playlist(|entry| self.address(&entry.name, None)).into();
                *text = Some(Arc::clone(&made));
                Some(made)
            }
            (mark, _) => Some(list.playlist(|entry| self.address(&entry.name, mark)).into()),
        }
    }

    /// Whether there is something to play.
    pub(super) fn is_ready(&self) -> bool {
        self.lock().list.ready()
    }

    /// Whether the stream is over.
    pub(super) fn is_over(&self) -> bool {
        self.lock().over
    }

    fn address(&self, name: &str, mark: Option<&str>) -> String {
        let mut address = match self.settings.entry_prefix.as_str() {
            "" => between(&self.list_path, name),
            prefix => join(prefix, name),
        };
        if let Some(mark) = mark {
            address.push_str("?hls_ctx=");
            address.push_str(mark);
        }
        address
    }

    fn key_address(&self, name: &str) -> String {
        match self.settings.keys.as_ref().map_or("", |keys| keys.url.as_str()) {
            "" => between(&self.list_path, name),
            prefix => join(prefix, name),
        }
    }

    /// Takes a segment in.
    fn add(&self, segment: &Segment, unix_ms: u64) -> Result<Added, NameError> {
        let now = self.now_ms();
        let made = unix_ms.saturating_sub(segment.duration_ms);
        let made_ms = i64::try_from(made).unwrap_or(i64::MAX);
        let name = self.settings.segment_file.name(&facts(
            &self.key,
            segment.sequence,
            segment.duration_ms,
            made_ms,
        ))?;
        let mut inner = self.lock();
        // Where a template has no number, what has this name from now on is the newer one.
        let mut new = vec![name.clone()];
        inner.written.remove(&name);
        let first = !inner.list.ready();
        let mut entry = Entry::new(segment, name);
        entry.made_unix_ms = Some(made_ms);
        let mut bytes = segment.bytes.clone();
        if self.settings.keys.is_some() {
            let (current, begun) = self.key_for(&mut inner, segment.sequence, made_ms)?;
            new.extend(begun.then(|| current.name.clone()));
            bytes = current.key.encrypt(&bytes);
            entry.key = Some(srs_m3u8::Key { uri: self.key_address(&current.name), iv: current.key.iv });
        }
        entry.bytes = bytes.len() as u64;
        let content = match &self.settings.path {
            // The disk's thread will want the bytes, and then they are sent from there.
            Some(_) => Content::Bytes(bytes),
            None => Content::stored(bytes),
        };
        inner.files.insert(entry.name.clone(), content);
        let mut gone = inner.list.add(entry, now);
        while inner.list.bytes() > MOST_BYTES {
            let Some(oldest) = inner.list.drop_oldest(now) else { break };
            gone.push(oldest);
        }
        inner.text = None;
        let gone = inner.let_go(&gone, |name| self.key_address(name));
        Ok(Added { new, gone, first })
    }

    fn key_for(&self, inner: &mut Inner, sequence: u64, made_ms: i64) -> Result<(Current, bool), NameError> {
        let per_key = self.settings.cut.fragments_per_key;
        if let Some(current) = &inner.key
            && !begins_key(sequence, Some(current.since), per_key)
        {
            return Ok((current.clone(), false));
        }
        let Some(keys) = &self.settings.keys else { return Err(NameError::Value(String::new())) };
        let name = keys.file.name(&facts(&self.key, sequence, 0, made_ms))?;
        let key = Key { bytes: rand::random(), iv: rand::random() };
        inner.files.insert(name.clone(), Content::Bytes(Bytes::copy_from_slice(&key.bytes)));
        inner.keys.insert(name.clone());
        let current = Current { key, name, since: sequence };
        inner.key = Some(current.clone());
        Ok((current, true))
    }

    /// The stream is over.
    fn end(&self) {
        let mut inner = self.lock();
        inner.list.end();
        inner.over = true;
        inner.text = None;
    }

    /// Lets go of everything; the answer is the paths of it.
    pub(super) fn clear(&self) -> Vec<String> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut inner = self.lock();
        inner.list = List::new(&self.settings.cut);
        inner.text = None;
        inner.keys.clear();
        inner.written.clear();
        inner.files.drain().map(|(name, _)| name).collect()
    }
}

impl Inner {
    /// Lets go of these segments' files, and of keys that no segment has any more.
    fn let_go(&mut self, gone: &[Entry], key_address: impl Fn(&str) -> String) -> Vec<String> {
        let mut names: Vec<String> = gone
            .iter()
            .filter(|entry| !self.list.entries().any(|kept| kept.name == entry.name))
            .map(|entry| entry.name.clone())
            .collect();
        if !self.keys.is_empty() && !gone.is_empty() {
            let used: HashSet<&str> =
                self.list.entries().filter_map(|entry| Some(entry.key.as_ref()?.uri.as_str())).collect();
            let idle: Vec<String> =
                self.keys.iter().filter(|name| !used.contains(key_address(name).as_str())).cloned().collect();
            for name in idle {
                self.keys.remove(&name);
                names.push(name);
            }
        }
        for name in &names {
            self.files.remove(name);
            self.written.remove(name);
        }
        names
    }
}

impl Hls {
    /// Takes in a segment of `stream`.
    pub(super) fn store(&self, stream: &Arc<Stream>, segment: &Segment, unix_ms: u64) {
        let Added { new, gone, first } = match stream.add(segment, unix_ms) {
            Ok(added) => added,
            Err(error) => {
                return tracing::warn!(stream = %stream.key(), %error, "no HLS: a segment cannot be named");
            }
        };
        for name in &new {
            self.list_at(stream, name);
        }
        if stream.settings().path.is_some() {
            for name in new {
                self.disk.write(stream, name);
            }
            self.disk.write_list(stream);
        }
        for name in gone {
            self.forget(stream, &name);
            self.remove_file(stream, name);
        }
        if first {
            self.came.notify_waiters();
        }
    }

    /// The stream is over: its list says so.
    pub(super) fn end(&self, stream: &Arc<Stream>) {
        stream.end();
        if stream.settings().path.is_some() {
            self.disk.write_list(stream);
        }
    }
}

/// The address of `name` as a list at `list` must say it, both paths from one root.
pub(super) fn between(list: &str, name: &str) -> String {
    let mut folders = list.split('/').collect::<Vec<_>>();
    folders.pop();
    let parts: Vec<&str> = name.split('/').collect();
    let most = folders.len().min(parts.len().saturating_sub(1));
    let common = folders.iter().zip(&parts).take(most).take_while(|(one, other)| one == other).count();
    let mut out = "../".repeat(folders.len().saturating_sub(common));
    let rest = parts.get(common..).unwrap_or_default().join("/");
    // A colon in the first part would be read as the end of a scheme.
    if out.is_empty() && rest.split('/').next().is_some_and(|first| first.contains(':')) {
        out.push_str("./");
    }
    out.push_str(&encode_path(&rest));
    out
}

fn join(prefix: &str, name: &str) -> String {
    let slash = if prefix.ends_with('/') { "" } else { "/" };
    format!("{prefix}{slash}{}", encode_path(name))
}

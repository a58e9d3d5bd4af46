//! Sound in a codec that the publisher did not send: made of the stream's own while somebody wants it, and published
//! beside it as track [`srs_media::DERIVED`].
//!
//! A task for each stream and wanted codec, on the shard of who wanted it first, follows the stream: see [`follow`]. Where the
//! stream's sound needs nothing it sleeps, and costs a look at each frame.

mod follow;
mod tap;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use srs_hub::Hub;
use srs_media::Codec;
use srs_names::StreamKey;
use srs_net::shards;
use tokio::sync::Notify;

use crate::{Sound, Vhost};

/// A stream, and the codec that is wanted of its sound.
type Place = (StreamKey, Codec);

/// Who wants sound in which codec, of every stream.
pub(crate) struct Sounds {
    hub: Hub,
    settings: Sound,
    /// Vhosts, and the codec that is made for nobody there.
    off: HashSet<(String, Codec)>,
    wanted: Mutex<HashMap<Place, Wanted>>,
}

/// One codec of one stream; it is known as long as its task runs.
#[derive(Default)]
struct Wanted {
    count: usize,
    /// The first came, or the last went.
    changed: Arc<Notify>,
}

/// Somebody wants a stream's sound in a codec, until this is dropped.
#[must_use]
pub(crate) struct Wanting {
    sounds: Arc<Sounds>,
    place: Place,
}

impl Sounds {
    pub(crate) fn new(hub: &Hub, settings: Sound, vhosts: &[Vhost]) -> Arc<Sounds> {
        let rtc = |vhost: &Vhost| Some((vhost.name.clone(), vhost.rtc.as_ref()?.clone()));
        let off = vhosts.iter().filter_map(rtc).flat_map(|(name, rtc)| {
            let opus = (!rtc.to_opus).then(|| (name.clone(), Codec::Opus));
            opus.into_iter().chain((!rtc.to_aac).then_some((name, Codec::Aac)))
        });
        Arc::new(Sounds { hub: hub.clone(), settings, off: off.collect(), wanted: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the sound of `key` made into `codec`, [`Codec::Aac`] or [`Codec::Opus`], while the stream's own is the other of
    /// the two and nobody brings it already, unless its vhost has that off. Of any other stream it costs nothing. To be called
    /// on a shard.
    pub(crate) fn wants(self: &Arc<Self>, key: &StreamKey, codec: Codec) -> Wanting {
        let place = (key.clone(), codec);
        if self.off.contains(&(key.vhost().to_owned(), codec)) {
            return Wanting { sounds: Arc::clone(self), place };
        }
        let mut all = self.lock();
        match all.get_mut(&place) {
            Some(wanted) => {
                wanted.count = wanted.count.saturating_add(1);
                wanted.changed.notify_one();
            }
            None => {
                let wanted = Wanted { count: 1, changed: Arc::default() };
                let task = Arc::clone(self).make(place.clone(), Arc::clone(&wanted.changed));
                all.insert(place.clone(), wanted);
                shards::spawn(task);
            }
        }
        Wanting { sounds: Arc::clone(self), place }
    }

    /// Makes one codec of one stream, as long as it is wanted.
    async fn make(self: Arc<Self>, place: Place, changed: Arc<Notify>) {
        // A stream may be such that a codec's library breaks on it; what comes next may be whole.
        let made = || shards::guarded("making sound", follow::Follower::new(&self, &place, &changed).run());
        while made().await.is_none() {}
    }

    fn is_wanted(&self, place: &Place) -> bool {
        self.lock().get(place).is_some_and(|wanted| wanted.count > 0)
    }

    /// Forgets a codec that nobody wants any more; false when somebody does.
    fn forget(&self, place: &Place) -> bool {
        let mut all = self.lock();
        let unwanted = all.get(place).is_none_or(|wanted| wanted.count == 0);
        if unwanted {
            all.remove(place);
        }
        unwanted
    }
}

impl Drop for Wanting {
    fn drop(&mut self) {
        if let Some(wanted) = self.sounds.lock().get_mut(&self.place) {
            wanted.count = wanted.count.saturating_sub(1);
            wanted.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;

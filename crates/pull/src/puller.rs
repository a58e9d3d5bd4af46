//! Who fetches what is wanted here: the table of fetches, and the way into it.

mod hls;
mod join;
mod shown;
mod traverse;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use srs_hub::{Demand, Hub};
use srs_names::{AppRecord, Fetch, FetchRecord, Missing, MissingKind, NodeId, Source, StreamKey, Wish};
use srs_net::shards;
use tokio::time::{Duration, Instant};

pub use hls::HlsServers;
pub(crate) use shown::unix_ms;

use crate::apps::Apps;
use crate::envelope::Asker;
use crate::plan::Target;
use crate::store::Store;
use crate::table::Table;
use crate::way::{Known, Side, Wanted, Way, of_store};
use crate::{Config, Upstream, flight, listed, store};

/// Nodes that a stream may pass, as envelopes may name them.
const MOST_HOPS: usize = srs_names::envelope::MOST_HOPS;

/// How often applications are looked through.
const SWEEP: Duration = Duration::from_secs(5);

type Task = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// How work gets onto a shard.
type Spawn = Box<dyn Fn(Task) + Send + Sync>;

/// Fetches streams that are wanted here and published elsewhere: each once, however many want it.
///
/// The doors ask it before they seat a viewer ([`Source`]); the hub tells it when the last one has left ([`Demand`]).
pub struct Puller {
    me: Weak<Puller>,
    config: Config,
    vhosts: HashMap<String, Upstream>,
    table: Mutex<Table>,
    place: OnceLock<Place>,
    turn: AtomicUsize,
    apps: Apps,
    hls: hls::Said,
    began: Instant,
}

/// Where it works.
struct Place {
    hub: Hub,
    spawn: Spawn,
    /// By vhost; each is there once it is open.
    stores: Mutex<HashMap<String, Store>>,
}

impl std::fmt::Debug for Puller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Puller").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Puller {
    /// One that fetches nothing before [`Puller::attach`]: the hub is made with it ([`Hub::with_demand`]).
    pub fn new(mut config: Config) -> Arc<Puller> {
        let vhosts: HashMap<_, _> = std::mem::take(&mut config.vhosts).into_iter().collect();
        let with_apps = vhosts.iter().filter(|(_, upstream)| upstream.has_apps());
        let apps =
            Apps::new(with_apps.map(|(vhost, upstream): (&String, &Upstream)| {
                (vhost.clone(), upstream.applications.clone())
            }));
        Arc::new_cyclic(|me| Puller {
            me: Weak::clone(me),
            config,
            vhosts,
            table: Mutex::default(),
            place: OnceLock::new(),
            turn: AtomicUsize::new(0),
            apps,
            hls: hls::Said::default(),
            began: Instant::now(),
        })
    }

    /// Begins to work: what is fetched is published at `hub`, by tasks on these shards. To be called once.
    pub fn attach(&self, hub: Hub, shards: shards::Handle) {
        self.attach_by(hub, Box::new(move |task| shards.deal(task)));
    }

    pub(crate) fn attach_by(&self, hub: Hub, spawn: Spawn) {
        if self.place.set(Place { hub, spawn, stores: Mutex::default() }).is_err() {
            return tracing::error!("a puller is attached to one hub alone");
        }
        let Some(me) = self.me.upgrade() else { return };
        for (vhost, upstream) in &self.vhosts {
            let (me, vhost) = (Arc::clone(&me), vhost.clone());
            if let Some(remote) = upstream.remote.clone() {
                if let Some(remote) = listed::listing(&remote).filter(|remote| remote.live_edge) {
                    self.start(async move || {
                        let follow = || listed::follow(Arc::clone(&me), vhost.clone(), remote.clone());
                        while shards::guarded("list of streams", follow()).await.is_none() {}
                    });
                }
            } else if let Some(settings) = upstream.store.clone() {
                self.start(async move || me.open_store(vhost, &settings));
            }
        }
        if self.vhosts.values().any(Upstream::has_apps) {
            self.start(move || me.sweep_apps());
        }
    }

    /// On a shard, where the store stays.
    fn open_store(&self, vhost: String, settings: &store::Settings) {
        let opened = Store::open(settings, &self.config.me, &vhost, &tokio::runtime::Handle::current());
        match (opened, self.place.get()) {
            (Ok(store), Some(place)) => {
                if let Some(announces) = self.config.announces.clone() {
                    store.announce(move || (announces.live)(), announces.port);
                }
                place.stores.lock().unwrap_or_else(PoisonError::into_inner).insert(vhost, store);
            }
            (Err(error), _) => tracing::error!(vhost, %error, "the store of origins cannot be used"),
            (Ok(_), None) => {}
        }
    }

    /// Takes back what this node said of its streams where origins name them: it goes. Takes a second at most.
    pub async fn leave(&self) {
        let Some(place) = self.place.get() else { return };
        let stores: Vec<Store> =
            place.stores.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for store in stores {
            store.leave().await;
        }
    }

    async fn sweep_apps(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP).await;
            for (vhost, app) in self.apps.sweep(self.began.elapsed()) {
                tracing::info!(vhost, app, "an application is removed: it had no stream");
            }
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        // A panic while it was locked ended one fetch; what is in the table stays usable.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn gop_cache_max_frames(&self, key: &StreamKey) -> usize {
        self.upstream(key).map_or(0, |upstream| upstream.gop_cache_max_frames)
    }

    fn upstream(&self, key: &StreamKey) -> Option<&Upstream> {
        self.vhosts.get(key.vhost())
    }

    fn start<F>(&self, make: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        if let Some(place) = self.place.get() {
            (place.spawn)(Box::new(move || Box::pin(make())));
        }
    }

    /// Who asks the servers of this way, where they are told.
    pub(crate) fn asker(&self, wanted: &Wanted, way: &Way) -> Option<Asker> {
        let client = wanted.client.filter(|_| matches!(way.side, Side::Cluster | Side::Pair));
        (way.side != Side::Strange).then(|| Asker {
            seal: self.config.seal.clone(),
            me: self.config.me.clone(),
            client,
            hops: wanted.hops.clone(),
            debug: way.debug,
            servers: way.plan.targets.iter().map(|target| (target.host.clone(), target.port)).collect(),
        })
    }

    /// Who asks for what no viewer wants yet.
    pub(crate) fn asker_by_itself(&self, debug: bool) -> Asker {
        let (seal, me) = (self.config.seal.clone(), self.config.me.clone());
        Asker { seal, me, client: None, hops: Vec::new(), debug, servers: Vec::new() }
    }

    /// Where a stream is now.
    pub(crate) async fn way(&self, wanted: &Wanted, turn: usize) -> Result<Way, Missing> {
        let key = &wanted.key;
        let nowhere = |reason: &str| Missing { kind: MissingKind::NotFound, reason: reason.to_owned() };
        let not_fetched = || nowhere("it is not fetched here");
        match self.upstream(key).ok_or_else(not_fetched)?.known(wanted, turn) {
            Known::Way(way) => return Ok(way),
            Known::Missing(missing) => return Err(missing),
            Known::Here => return Err(not_fetched()),
            Known::Store => {}
        }
        let store = self.place.get().and_then(|place| place.stores.lock().ok()?.get(key.vhost()).cloned());
        let away = |reason: String| Missing { kind: MissingKind::Unreachable, reason };
        let store = store.ok_or_else(|| away("the store of origins is not open".to_owned()))?;
        match store.find(key).await {
            Ok(Some(found)) => {
                let within = self.upstream(key).and_then(|upstream| upstream.srt_timeout);
                let way = of_store(found).calling_within(within);
                self.admit(key, &way)?;
                Ok(way)
            }
            Ok(None) => Err(nowhere("no origin has it")),
            Err(error) => Err(away(error.to_string())),
        }
    }

    /// Whether the stream's application may fetch so; it is made where it is not there.
    fn admit(&self, key: &StreamKey, way: &Way) -> Result<(), Missing> {
        if !self.upstream(key).is_some_and(Upstream::has_apps) {
            return Ok(());
        }
        let Some(scheme) = way.scheme() else { return Ok(()) };
        match self.apps.admit(key.vhost(), key.app(), scheme, self.began.elapsed()) {
            Ok(admitted) => {
                if admitted.made {
                    tracing::info!(vhost = key.vhost(), app = key.app(), "an application is made");
                }
                Ok(())
            }
            Err(error) => Err(Missing { kind: MissingKind::NotFound, reason: error.to_string() }),
        }
    }

    /// A stream's application has it no longer.
    pub(crate) fn left(&self, key: &StreamKey) {
        if self.upstream(key).is_some_and(Upstream::has_apps) {
            self.apps.left(key.vhost(), key.app(), self.began.elapsed());
        }
    }

    /// These servers, those that did not answer a moment ago last.
    pub(crate) fn living_first(&self, targets: Vec<Target>) -> Vec<Target> {
        let mut table = self.table();
        let (dead, mut all): (Vec<_>, Vec<_>) = targets.into_iter().partition(|target| table.is_dead(target));
        all.extend(dead);
        all
    }

    /// Notes whether a server answered.
    pub(crate) fn note(&self, target: &Target, dead: bool) {
        let mut table = self.table();
        if dead { table.note_dead(target) } else { table.note_alive(target) }
    }

    async fn answer(&self, wish: Wish<'_>) -> Result<Fetch, Missing> {
        let (Some(place), Some(upstream)) = (self.place.get(), self.upstream(wish.key)) else {
            return Ok(Fetch::Here);
        };
        if self.is_here(place, wish.key) {
            return Ok(Fetch::Here);
        }
        if let Some(looped) = loop_of(wish.hops, &self.config.me) {
            return Err(looped);
        }
        let wanted = Wanted::by(&wish);
        if upstream.remote.as_ref().is_some_and(|remote| remote.token_traverse) {
            self.traverse(upstream, &wanted).await?;
        }
        self.await_found(&wanted).await?;
        self.join(wanted)
    }

    /// Whether somebody publishes it here, or is awaited; a fetch is not meant.
    fn is_here(&self, place: &Place, key: &StreamKey) -> bool {
        let fetched = self.table().flights.contains_key(key);
        !fetched && flight::is_live(place.hub.phase(key))
    }

    /// Fetches a stream that nobody asked for, for as long as it is listed.
    pub(crate) fn hold(&self, key: &StreamKey) {
        // What cannot be had now is wished again with the next look.
        let _may_be_missing = self.board(Wanted::by_itself(key.clone()), true);
    }

    /// It is listed no longer: from now on it is fetched for viewers alone.
    pub(crate) fn release(&self, key: &StreamKey) {
        if let Some(flight) = self.table().flights.get(key) {
            flight.list(false);
            flight.touch();
        }
    }
}

impl Source for Puller {
    fn fetch<'a>(
        &'a self,
        wish: Wish<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Fetch, Missing>> + Send + 'a>> {
        Box::pin(self.answer(wish))
    }

    fn fetches(&self) -> Vec<FetchRecord> {
        Puller::pulls(self)
    }

    fn applications(&self) -> Vec<AppRecord> {
        Puller::applications(self)
    }
}

impl Puller {
    fn touch(&self, key: &StreamKey) {
        if let Some(flight) = self.table().flights.get(key) {
            flight.touch();
        }
    }
}

impl Demand for Puller {
    fn wanted(&self, key: &StreamKey) {
        self.touch(key);
    }

    fn key_frame(&self, _key: &StreamKey) {}

    fn unwanted(&self, key: &StreamKey) {
        // It was wanted up to now.
        self.touch(key);
    }
}

/// Why nodes behind which this one waits already cannot have a stream from here.
fn loop_of(hops: &[NodeId], me: &NodeId) -> Option<Missing> {
    let reason = match hops.iter().position(|hop| hop == me) {
        Some(at) => {
            let nodes = hops.iter().skip(at).chain([me]).map(NodeId::as_str);
            format!("loop: {}", nodes.collect::<Vec<_>>().join(" > "))
        }
        None if hops.len() >= MOST_HOPS => format!("loop: it would pass more than {MOST_HOPS} nodes"),
        None => return None,
    };
    Some(Missing { kind: MissingKind::Loop, reason })
}

#[cfg(test)]
mod tests;

//! Who is connected, and which streams they publish: what the operators' API shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::RngExt as _;
use srs_hub::Signal;
use srs_names::{ClientRecord, Kbps, NodeId, StreamKey, Totals};

/// Rates are taken over this many samples of [`SAMPLE_SECONDS`] each.
const SAMPLES: usize = 3;

/// Seconds between two samples of every counter.
pub(crate) const SAMPLE_SECONDS: u64 = 10;

/// Letters of ids, as SRS has them.
const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// An id of `length` random letters.
pub(crate) fn random_id(length: usize) -> String {
    let mut rng = rand::rng();
    let letter = || LETTERS.get(rng.random_range(0..LETTERS.len())).copied().map_or('0', char::from);
    std::iter::repeat_with(letter).take(length).collect()
}

/// Bytes both ways, and their rate over the last 30 seconds.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Bytes from the peer.
    pub(crate) received: AtomicU64,
    /// Bytes to the peer.
    pub(crate) sent: AtomicU64,
    samples: Mutex<Vec<(u64, u64)>>,
}

impl Traffic {
    /// Takes a sample; to be called every [`SAMPLE_SECONDS`].
    pub(crate) fn sample(&self) {
        let now = (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed));
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() > SAMPLES {
            samples.remove(0);
        }
        samples.push(now);
    }

    /// The rates between the oldest and the newest sample.
    pub(crate) fn kbps(&self) -> Kbps {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Kbps::default() };
        let spans = (samples.len() as u64).saturating_sub(1);
        let rate = |from: u64, to: u64| {
            let bits = to.saturating_sub(from).saturating_mul(8);
            bits.checked_div(spans.saturating_mul(SAMPLE_SECONDS).saturating_mul(1000)).unwrap_or(0)
        };
        Kbps { recv_30s: rate(first.0, last.0), send_30s: rate(first.1, last.1) }
    }
}

/// What a client said of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    pub(crate) tc_url: String,
    pub(crate) page_url: String,
    pub(crate) swf_url: String,
    /// The node that stands for it.
    pub(crate) via: Option<Via>,
}

/// A node of ours through which a client came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Via {
    pub(crate) node: NodeId,
    /// What that node calls the session; empty when it did not say.
    pub(crate) session: String,
}

/// One connected client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) key: StreamKey,
    pub(crate) peer: SocketAddr,
    pub(crate) kind: &'static str,
    pub(crate) publish: bool,
    pub(crate) about: About,
    pub(crate) traffic: Traffic,
    /// Set by an operator who ends this session.
    pub(crate) kicked: Signal,
    began: Instant,
}

/// All clients, and the live streams' ids.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    clients: BTreeMap<u64, Arc<Client>>,
    next: u64,
    streams: BTreeMap<StreamKey, Arc<Live>>,
    /// The bytes of those who left, and all who came or failed.
    past: Totals,
}

/// What is known of a stream beside the hub's counters.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: String,
    pub(crate) began_ms: u64,
    pub(crate) publisher: String,
    pub(crate) tc_url: String,
    /// Whether no client of ours publishes it, but a pull from elsewhere.
    pub(crate) fetched: bool,
    pub(crate) traffic: Traffic,
}

/// A client's place in the list; dropping it takes the client off.
#[derive(Debug)]
pub(crate) struct Listed {
    list: Arc<Clients>,
    number: u64,
    pub(crate) client: Arc<Client>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut inner = self.list.lock();
        inner.clients.remove(&self.number);
        inner.past = with_traffic(inner.past, &self.client.traffic);
    }
}

/// The sum and the bytes of one client more.
fn with_traffic(sum: Totals, traffic: &Traffic) -> Totals {
    Totals {
        send_bytes: sum.send_bytes.saturating_add(traffic.sent.load(Ordering::Relaxed)),
        recv_bytes: sum.recv_bytes.saturating_add(traffic.received.load(Ordering::Relaxed)),
        ..sum
    }
}

impl Clients {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a client.
    pub(crate) fn add(
        self: &Arc<Self>,
        key: &StreamKey,
        peer: SocketAddr,
        kind: &'static str,
        about: About,
    ) -> Listed {
        let client = Arc::new(Client {
            id: random_id(8),
            key: key.clone(),
            peer,
            kind,
            publish: kind.ends_with("publish"),
            about,
            traffic: Traffic::default(),
            kicked: Signal::default(),
            began: Instant::now(),
        });
        let mut inner = self.lock();
        let number = inner.next;
        inner.next = inner.next.wrapping_add(1);
        inner.clients.insert(number, Arc::clone(&client));
        inner.past.clients = inner.past.clients.saturating_add(1);
        Listed { list: Arc::clone(self), number, client }
    }

    /// Notes that `client` publishes `key`; a stream that is known keeps its id.
    pub(crate) fn goes_live(&self, client: &Client) -> Arc<Live> {
        self.list(&client.key, client.id.clone(), client.about.tc_url.clone(), false)
    }

    /// Notes that a pull publishes `key`.
    pub(crate) fn fetched(&self, key: &StreamKey) {
        self.list(key, String::new(), format!("rtmp://{}/{}", key.vhost(), key.app()), true);
    }

    fn list(&self, key: &StreamKey, publisher: String, tc_url: String, fetched: bool) -> Arc<Live> {
        let mut inner = self.lock();
        let known = inner.streams.get(key);
        if let Some(known) = known.filter(|known| known.fetched && fetched) {
            return Arc::clone(known);
        }
        let id = known.map_or_else(|| format!("vid-{}", random_id(7)), |known| known.id.clone());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let began_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let live = Arc::new(Live { id, began_ms, publisher, tc_url, fetched, traffic: Traffic::default() });
        inner.streams.insert(key.clone(), Arc::clone(&live));
        live
    }

    /// The streams of a vhost that were published here by clients, in a stable order.
    pub(crate) fn published(&self, vhost: &str) -> Vec<StreamKey> {
        let inner = self.lock();
        let own = inner.streams.iter().filter(|(key, live)| key.vhost() == vhost && !live.fetched);
        own.map(|(key, _)| key.clone()).collect()
    }

    /// What is known of a live stream.
    pub(crate) fn live(&self, key: &StreamKey) -> Option<Arc<Live>> {
        self.lock().streams.get(key).cloned()
    }

    /// Forgets streams for which `keep` is false.
    pub(crate) fn keep_streams(&self, keep: impl Fn(&StreamKey) -> bool) {
        self.lock().streams.retain(|key, _| keep(key));
    }

    /// Samples every client's counters.
    pub(crate) fn sample(&self) {
        let all: Vec<_> = self.lock().clients.values().cloned().collect();
        for client in all {
            client.traffic.sample();
        }
    }

    /// All clients in the order in which they came.
    pub(crate) fn records(&self) -> Vec<ClientRecord> {
        let (clients, streams) = {
            let inner = self.lock();
            (inner.clients.values().cloned().collect::<Vec<_>>(), inner.streams.clone())
        };
        let stream_id = |key: &StreamKey| streams.get(key).map(|live| live.id.clone()).unwrap_or_default();
        clients.iter().map(|client| client.record(stream_id(&client.key))).collect()
    }

    /// The nodes through which each stream's clients came, in the order of their names.
    pub(crate) fn vias(&self) -> HashMap<StreamKey, BTreeSet<NodeId>> {
        let mut vias: HashMap<StreamKey, BTreeSet<NodeId>> = HashMap::new();
        for client in self.lock().clients.values() {
            let Some(via) = &client.about.via else { continue };
            match vias.get_mut(&client.key) {
                Some(nodes) if nodes.contains(&via.node) => {}
                Some(nodes) => drop(nodes.insert(via.node.clone())),
                None => drop(vias.insert(client.key.clone(), BTreeSet::from([via.node.clone()]))),
            }
        }
        vias
    }

    /// Notes that a client was refused, or that its session failed.
    pub(crate) fn failed(&self) {
        let mut inner = self.lock();
        inner.past.errors = inner.past.errors.saturating_add(1);
    }

    /// Everything since the start. Under one lock, or a client that leaves meanwhile would be missing or there twice.
    pub(crate) fn totals(&self) -> Totals {
        let inner = self.lock();
        inner.clients.values().fold(inner.past, |sum, client| with_traffic(sum, &client.traffic))
    }

    /// Ends one client's session; false when there is no such client.
    pub(crate) fn kick(&self, id: &str) -> bool {
        let client = self.lock().clients.values().find(|client| client.id == id).cloned();
        if let Some(client) = &client {
            client.kicked.set();
        }
        client.is_some()
    }
}

impl Client {
    fn record(&self, stream: String) -> ClientRecord {
        ClientRecord {
            id: self.id.clone(),
            key: self.key.clone(),
            stream,
            ip: self.peer.ip().to_canonical().to_string(),
            page_url: self.about.page_url.clone(),
            swf_url: self.about.swf_url.clone(),
            tc_url: self.about.tc_url.clone(),
            url: self.key.path().to_owned(),
            name: self.key.stream().to_owned(),
            kind: self.kind.to_owned(),
            publish: self.publish,
            alive_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            send_bytes: self.traffic.sent.load(Ordering::Relaxed),
            recv_bytes: self.traffic.received.load(Ordering::Relaxed),
            kbps: self.traffic.kbps(),
            via: self.about.via.as_ref().map(|via| via.node.as_str().to_owned()),
            session: self.about.via.as_ref().map(|via| via.session.clone()).filter(|id| !id.is_empty()),
        }
    }
}

//! Streams that are fetched before a viewer asks: all that a server lists, as SRS's first edges had it.
//!
//! A play of the stream `*` is answered with data messages `onStreams`: an AMF0 array of `app/stream`, at once and after
//! each change.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use srs_amf::Value;
use srs_names::StreamKey;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::dial::dial;
use crate::incoming::Failed;
use crate::limits::{FIRST_FRAME, LOOK, MOST_LISTED, REST, REST_MOST};
use crate::plan::{Scheme, Target};
use crate::puller::Puller;
use crate::remote::{Protocol, Remote, Server};
use crate::rtmp::Session;

/// What a play of the list names as app and stream.
const ALL: &str = "*";

/// The message that lists streams.
const LIST: &str = "onStreams";

/// What is listed in one vhost.
struct List {
    puller: Arc<Puller>,
    vhost: String,
    remote: Remote,
    keys: HashSet<StreamKey>,
}

/// The servers that can be asked for a list: SRT has no words for it. Their streams are fetched when somebody wants one.
pub(crate) fn listing(remote: &Remote) -> Option<Remote> {
    let is_listing = |server: &&Server| remote.protocol_of(server) != Protocol::Srt;
    let origins: Vec<Server> = remote.origins.iter().filter(is_listing).cloned().collect();
    (!origins.is_empty()).then(|| Remote { origins, ..remote.clone() })
}

/// Follows the lists of a vhost's servers, one at a time, and fetches what is on them. It never ends.
pub(crate) async fn follow(puller: Arc<Puller>, vhost: String, remote: Remote) {
    let mut list = List { puller, vhost, remote, keys: HashSet::new() };
    let count = list.remote.origins.len();
    let (mut at, mut pause) = (0_usize, REST);
    loop {
        let began = Instant::now();
        let left = list.follow_one(at).await;
        match left {
            // The first is back, and is asked anew.
            Left::Better => at = 0,
            Left::Failed(failed) => {
                let server = list.remote.origins.get(at).map(Server::to_string);
                tracing::warn!(vhost = list.vhost, server, error = failed.why, "the list of streams is lost");
                at = at.checked_add(1).and_then(|next| next.checked_rem(count)).unwrap_or(0);
                if began.elapsed() > REST_MOST {
                    pause = REST;
                }
                // The next one is asked at once, a second round waits.
                if at == 0 || began.elapsed() < REST {
                    list.rest(pause).await;
                    pause = pause.saturating_mul(2).min(REST_MOST);
                }
            }
        }
    }
}

/// Why a server was left.
enum Left {
    Better,
    Failed(Failed),
}

impl List {
    /// Follows one server's list to its end.
    async fn follow_one(&mut self, at: usize) -> Left {
        let (session, names) = match self.open(at).await {
            Ok(opened) => opened,
            Err(failed) => return Left::Failed(failed),
        };
        tracing::info!(vhost = self.vhost, streams = names.len(), "a list of streams is followed");
        self.take(names);
        let mut session = session;
        let every = self.remote.rules.failback.filter(|_| at != 0);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let probe = self.primary(every);
        tokio::pin!(probe);
        loop {
            tokio::select! {
                biased;
                data = session.next_data() => match data.map(|body| names_in(&body)) {
                    Ok(Some(names)) => self.take(names),
                    Ok(None) => {}
                    Err(failed) => return Left::Failed(failed),
                },
                () = probe.as_mut() => {
                    session.close().await;
                    return Left::Better;
                }
                _ = look.tick() => self.hold(),
            }
        }
    }

    /// Ready when the first server lists its streams; it is asked so often.
    fn primary(&self, every: Option<Duration>) -> impl Future<Output = ()> + use<> {
        let first = List {
            puller: Arc::clone(&self.puller),
            vhost: self.vhost.clone(),
            remote: self.remote.clone(),
            keys: HashSet::new(),
        };
        async move {
            let Some(every) = every else { return std::future::pending().await };
            loop {
                sleep(every).await;
                if let Ok((session, _)) = first.open(0).await {
                    return session.close().await;
                }
            }
        }
    }

    /// A session with a server, and its list.
    async fn open(&self, at: usize) -> Result<(Session, Vec<String>), Failed> {
        let nobody = || Failed::unreachable("no server is configured");
        let origin = self.remote.origins.get(at).ok_or_else(nobody)?;
        let target = self.target(origin)?;
        let stream = dial(&target.host, target.port).await?;
        let asker = self.puller.asker_by_itself(self.remote.debug);
        let mut session = Session::open(stream, &target, Some(&asker)).await?;
        let first = async {
            loop {
                if let Some(names) = names_in(&session.next_data().await?) {
                    return Ok(names);
                }
            }
        };
        let names = timeout(FIRST_FRAME, first).await;
        let names = names.unwrap_or_else(|_| Err(Failed::unreachable("it lists no streams")))?;
        Ok((session, names))
    }

    fn target(&self, origin: &Server) -> Result<Target, Failed> {
        let key =
            self.key(&format!("{ALL}/{ALL}")).ok_or_else(|| Failed::unreachable("a vhost of no name"))?;
        let plan = Remote { origins: vec![origin.clone()], ..self.remote.clone() }.plan(&key, "");
        let target = plan.targets.into_iter().next().ok_or_else(|| Failed::unreachable("no server"))?;
        Ok(Target { scheme: Scheme::Rtmp, path: format!("/{ALL}/{ALL}"), ..target })
    }

    fn key(&self, name: &str) -> Option<StreamKey> {
        let (app, stream) = name.rsplit_once('/')?;
        StreamKey::new(&self.vhost, app, stream).ok()
    }

    /// Takes over a list: what is new is fetched, what is gone is fetched for viewers alone.
    fn take(&mut self, names: Vec<String>) {
        let keys: HashSet<_> = names.iter().take(MOST_LISTED).filter_map(|name| self.key(name)).collect();
        for gone in self.keys.difference(&keys) {
            self.puller.release(gone);
        }
        self.keys = keys;
        self.hold();
    }

    /// Fetches what is listed and not fetched.
    fn hold(&self) {
        for key in &self.keys {
            self.puller.hold(key);
        }
    }

    /// Waits; what is listed goes on meanwhile.
    async fn rest(&self, pause: Duration) {
        sleep(pause).await;
        self.hold();
    }
}

/// The names in a message that lists streams; none for any other.
fn names_in(body: &[u8]) -> Option<Vec<String>> {
    let mut rest = body;
    let mut values = MOST_LISTED.saturating_add(2);
    let name = srs_amf::decode_bounded(&mut rest, &mut values).ok()?;
    if name.as_str() != Some(LIST) {
        return None;
    }
    let list = srs_amf::decode_bounded(&mut rest, &mut values).ok()?;
    let names = list.as_array()?.iter().filter_map(Value::as_str);
    Some(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;

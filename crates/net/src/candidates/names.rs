//! Names of hosts, and where they are.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::dial;
use crate::quiet::Quiet;

/// So long the addresses of a name are not asked for again.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// So long a name is not asked for again of which nothing was found: clients wait for the resolver, but it may come up
/// after this process.
const AGAIN: Duration = Duration::from_secs(5);
/// A client waits while names are looked up: a resolver that takes longer is done without.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Most names that are kept of those that are set, and of those that requests name.
const MOST: usize = 64;
/// So many of those that requests name are looked up at a time. Each takes a thread of those that all look-ups share, for as
/// long as a resolver may be silent; a client that comes meanwhile does without.
const STRANGE: usize = 4;

/// What cannot be looked up is logged so often, each second: requests name hosts too.
static FAILURES: Quiet = Quiet::new(10);

/// The addresses of names that were looked up lately.
#[derive(Debug)]
pub struct Names {
    set: Table,
    /// Of those that requests name, who do not drive out the others.
    strange: Table,
    slots: Semaphore,
}

impl Default for Names {
    fn default() -> Names {
        Names { set: Table::default(), strange: Table::default(), slots: Semaphore::new(STRANGE) }
    }
}

#[derive(Debug, Default)]
struct Table(Mutex<HashMap<String, Known>>);

/// Of one name.
#[derive(Debug)]
struct Known {
    ips: Vec<IpAddr>,
    /// Then they are asked for again.
    until: Instant,
}

impl Names {
    /// The addresses of this name, which an operator set; none where the resolver knows none, or does not answer in time.
    /// What it said before counts for more than that it fails now.
    pub async fn find(&self, host: &str) -> Vec<IpAddr> {
        self.find_by(host, false, async || look_up(host).await).await
    }

    /// The same of a name that a request says; none too while too many of those are being looked up.
    pub async fn find_strange(&self, host: &str) -> Vec<IpAddr> {
        self.find_by(host, true, async || look_up(host).await).await
    }

    pub(super) async fn find_by(
        &self,
        host: &str,
        is_strange: bool,
        look_up: impl AsyncFnOnce() -> io::Result<Vec<IpAddr>>,
    ) -> Vec<IpAddr> {
        let table = if is_strange { &self.strange } else { &self.set };
        if let Some(ips) = table.known_of(host) {
            return ips;
        }
        let slot = is_strange.then(|| self.slots.try_acquire());
        if matches!(slot, Some(Err(_))) {
            return Vec::new();
        }
        table.keep(host, look_up().await)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.set.known().len().saturating_add(self.strange.known().len())
    }
}

async fn look_up(host: &str) -> io::Result<Vec<IpAddr>> {
    let found = dial::addresses(host, 0, LOOK_UP).await?;
    let ips = found.into_iter().map(|address| address.ip().to_canonical());
    Ok(ips.filter(|ip| !ip.is_unspecified()).collect())
}

impl Table {
    /// What is known of it lately.
    fn known_of(&self, host: &str) -> Option<Vec<IpAddr>> {
        let known = self.known();
        known.get(host).filter(|known| Instant::now() < known.until).map(|known| known.ips.clone())
    }

    /// Keeps what was found, and tells what counts.
    fn keep(&self, host: &str, found: io::Result<Vec<IpAddr>>) -> Vec<IpAddr> {
        let mut known = self.known();
        let (ips, good_for) = match found {
            Ok(ips) => (ips, GOOD_FOR),
            Err(error) => {
                FAILURES.say(|unsaid| {
                    tracing::warn!(host, %error, unsaid, "a WebRTC candidate cannot be looked up");
                });
                (known.remove(host).map(|before| before.ips).unwrap_or_default(), AGAIN)
            }
        };
        if known.len() >= MOST && !known.contains_key(host) {
            let first = known.iter().min_by_key(|(_, known)| known.until).map(|(host, _)| host.clone());
            if let Some(first) = first {
                known.remove(&first);
            }
        }
        known.insert(host.to_owned(), Known { ips: ips.clone(), until: Instant::now() + good_for });
        ips
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

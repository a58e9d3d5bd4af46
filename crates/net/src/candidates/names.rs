//! Names of hosts, and where they are.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
/// Most names that are kept: all that can be set, and some that requests name.
const MOST: usize = 64;

/// What cannot be looked up is logged so often, each second: requests name hosts too.
static FAILURES: Quiet = Quiet::new(10);

/// The addresses of names that were looked up lately.
#[derive(Debug, Default)]
pub struct Names(Mutex<HashMap<String, Known>>);

/// Of one name.
#[derive(Debug)]
struct Known {
    ips: Vec<IpAddr>,
    /// Then they are asked for again.
    until: Instant,
}

impl Names {
    /// The addresses of this name; none where the resolver knows none, or does not answer in time. What it said before
    /// counts for more than that it fails now.
    pub async fn find(&self, host: &str) -> Vec<IpAddr> {
        self.find_by(host, async || {
            let found = dial::addresses(host, 0, LOOK_UP).await?;
            let ips = found.into_iter().map(|address| address.ip().to_canonical());
            Ok(ips.filter(|ip| !ip.is_unspecified()).collect())
        })
        .await
    }

    pub(super) async fn find_by(
        &self,
        host: &str,
        look_up: impl AsyncFnOnce() -> io::Result<Vec<IpAddr>>,
    ) -> Vec<IpAddr> {
        if let Some(known) = self.known().get(host).filter(|known| Instant::now() < known.until) {
            return known.ips.clone();
        }
        let found = look_up().await;
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

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.known().len()
    }
}

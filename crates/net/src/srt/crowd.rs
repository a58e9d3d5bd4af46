//! How much room callers of one address take.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// What a caller is that has said nothing but its handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Silent {
    /// It waits to be accepted or refused.
    Waits,
    /// It was accepted.
    Accepted,
}

/// How many there are of each network.
#[derive(Debug, Default)]
pub(super) struct Crowd(HashMap<(IpAddr, Silent), usize>);

/// Who has an address of IPv6 has 64 bits of them.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

impl Crowd {
    /// How many there are where this one is.
    pub(super) fn count(&self, ip: IpAddr, silent: Silent) -> usize {
        self.0.get(&(network(ip), silent)).copied().unwrap_or_default()
    }

    /// One more.
    pub(super) fn add(&mut self, ip: IpAddr, silent: Silent) {
        let count = self.0.entry((network(ip), silent)).or_default();
        *count = count.saturating_add(1);
    }

    /// One less.
    pub(super) fn remove(&mut self, ip: IpAddr, silent: Silent) {
        let key = (network(ip), silent);
        if let Some(count) = self.0.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests;

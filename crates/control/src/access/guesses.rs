//! Wrong tokens: who brings ten within a minute is not listened to for the rest of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use tokio::time::Instant;

/// Wrong tokens of one address within [`MINUTE`].
pub(super) const MAX_WRONG: u32 = 10;
/// From the first of them.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are watched. With more of them those go first whose time is over soonest.
const MAX_ADDRESSES: usize = 10_000;

/// Who guessed.
#[derive(Debug, Default)]
pub(super) struct Guesses(HashMap<IpAddr, Wrong>);

#[derive(Clone, Copy, Debug)]
struct Wrong {
    first: Instant,
    count: u32,
}

impl Guesses {
    /// How long this address is not listened to yet; none when it may try.
    pub(super) fn locked(&self, ip: IpAddr, now: Instant) -> Option<Duration> {
        let wrong = self.0.get(&source(ip)).filter(|wrong| wrong.count >= MAX_WRONG)?;
        let left = MINUTE.saturating_sub(now.saturating_duration_since(wrong.first));
        (!left.is_zero()).then_some(left)
    }

    /// Notes a wrong token.
    pub(super) fn wrong(&mut self, ip: IpAddr, now: Instant) {
        let source = source(ip);
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&source) {
            self.make_room(now);
        }
        let wrong = self.0.entry(source).or_insert(Wrong { first: now, count: 0 });
        if now.saturating_duration_since(wrong.first) >= MINUTE {
            *wrong = Wrong { first: now, count: 0 };
        }
        wrong.count = wrong.count.saturating_add(1);
    }

    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, wrong| now.saturating_duration_since(wrong.first) < MINUTE);
        if self.0.len() >= MAX_ADDRESSES {
            let oldest = self.0.iter().min_by_key(|(_, wrong)| wrong.first).map(|(ip, _)| *ip);
            oldest.map(|ip| self.0.remove(&ip));
        }
    }
}

/// Whoever has one address of IPv6 has a whole network of them.
fn source(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests;

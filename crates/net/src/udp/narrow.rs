//! Ways that do not take several datagrams by one call: what is cut on its way out has no fragments.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The most bytes of one call: what an IP packet of 16 bits of length carries at most.
const MOST_BYTES: usize = 65_535 - 40 - 8;

/// For how long a way is known. Who is wrong about it loses a call's worth of time.
const KEPT: Duration = Duration::from_secs(60);

/// How many are known. Beyond that each run is tried.
const MOST: usize = 1024;

/// Errors of `sendmsg` where a run cannot be cut: the device cannot.
const EIO: i32 = 5;
/// The way is narrower than one of the datagrams, by older kernels; or the addresses do not go together.
pub(super) const EINVAL: i32 = 22;
/// The way is narrower than one of the datagrams.
const EMSGSIZE: i32 = 90;

/// Those that are known.
#[derive(Debug, Default)]
pub(super) struct Narrow(RefCell<HashMap<IpAddr, Instant>>);

impl Narrow {
    /// Sends datagrams of `size` bytes each, the last one may be shorter, by `send`: up to `most` of them by one call, which
    /// is told the size then. The answer is how many bytes were taken.
    ///
    /// # Errors
    /// Of `send` with one datagram; [`io::ErrorKind::WouldBlock`] when nothing was taken before.
    pub(super) fn send(
        &self,
        to: IpAddr,
        most: usize,
        (datagrams, size): (&[u8], usize),
        mut send: impl FnMut(&[u8], Option<usize>) -> io::Result<()>,
    ) -> io::Result<usize> {
        let mut most = if most > 1 && self.has(to) { 1 } else { most };
        let mut taken: usize = 0;
        while let Some(rest) = datagrams.get(taken..).filter(|rest| !rest.is_empty()) {
            let segments = MOST_BYTES.checked_div(size).unwrap_or(1).clamp(1, most.max(1));
            let part =
                rest.get(..segments.saturating_mul(size)).filter(|part| !part.is_empty()).unwrap_or(rest);
            let several = (part.len() > size).then_some(size);
            match send(part, several) {
                Ok(()) => taken = taken.saturating_add(part.len()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => break,
                // One by one they may be fragments, or what is wrong is not with the run.
                Err(error) if several.is_some() => match error.raw_os_error() {
                    Some(EIO) => most = 1,
                    Some(EMSGSIZE | EINVAL) => {
                        self.add(to);
                        most = 1;
                    }
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    fn has(&self, to: IpAddr) -> bool {
        let mut known = self.0.borrow_mut();
        // Hardly ever.
        let Some(until) = known.get(&to) else { return false };
        let has = Instant::now() < *until;
        if !has {
            known.remove(&to);
        }
        has
    }

    fn add(&self, to: IpAddr) {
        let mut known = self.0.borrow_mut();
        let now = Instant::now();
        if known.len() >= MOST {
            known.retain(|_, until| now < *until);
        }
        if known.len() < MOST
            && let Some(until) = now.checked_add(KEPT)
        {
            known.insert(to, until);
        }
    }
}

#[cfg(test)]
mod tests;

//! What waits for a socket that is full.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use super::Socket;
use crate::limits;

/// What takes datagrams: a [`Socket`].
pub(crate) trait Sink {
    /// [`Socket::try_send`].
    fn try_send(&self, way: Way, run: &[u8], size: usize) -> io::Result<usize>;

    /// [`Socket::poll_room`].
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Sink for Socket {
    fn try_send(&self, (to, from): Way, run: &[u8], size: usize) -> io::Result<usize> {
        Socket::try_send(self, to, from, run, size)
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Socket::poll_room(self, cx)
    }
}

/// A peer's address, and the one of this host that it knows.
pub(crate) type Way = (SocketAddr, Option<IpAddr>);

/// Datagrams on their way out, in their order.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    queue: VecDeque<Parcel>,
    bytes: usize,
}

#[derive(Debug)]
struct Parcel {
    way: Way,
    run: Vec<u8>,
    size: usize,
}

impl Outgoing {
    /// Sends datagrams of one size, or keeps them until there is room; beyond [`limits::UDP_OUTGOING`] they are lost, as
    /// datagrams may be.
    ///
    /// # Errors
    /// Of the system: then they are lost too.
    pub(crate) fn send(&mut self, socket: &impl Sink, way: Way, run: &[u8], size: usize) -> io::Result<()> {
        let taken = if self.is_empty() { taken(socket.try_send(way, run, size))? } else { 0 };
        let Some(rest) = run.get(taken..).filter(|rest| !rest.is_empty()) else { return Ok(()) };
        let bytes = self.bytes.saturating_add(rest.len());
        if bytes <= limits::UDP_OUTGOING {
            self.bytes = bytes;
            self.queue.push_back(Parcel { way, run: rest.to_vec(), size });
        }
        Ok(())
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Sends what waits, as far as there is room. When something is left, the task is woken when there is.
    ///
    /// # Errors
    /// As [`Outgoing::send`].
    pub(crate) fn flush(&mut self, socket: &impl Sink, cx: &mut Context<'_>) -> io::Result<()> {
        let mut result = Ok(());
        while let Some(parcel) = self.queue.front_mut()
            && let Poll::Ready(ready) = socket.poll_room(cx)
        {
            ready?;
            let sent = taken(socket.try_send(parcel.way, &parcel.run, parcel.size));
            let gone = match sent {
                Ok(sent) => sent,
                Err(error) => {
                    result = Err(error);
                    parcel.run.len()
                }
            };
            self.bytes = self.bytes.saturating_sub(gone);
            parcel.run.drain(..gone.min(parcel.run.len()));
            if parcel.run.is_empty() {
                self.queue.pop_front();
            }
        }
        result
    }
}

fn taken(sent: io::Result<usize>) -> io::Result<usize> {
    match sent {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        sent => sent,
    }
}

#[cfg(test)]
mod tests;

//! What the system has to tell of a connected socket beside datagrams: that nobody is at the peer's port (ICMP).
//!
//! Who waits for datagrams is not woken by it, so that there must be another wait beside that.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::UdpSocket;

type Wait = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Whether routers say so, and it may be over with the next datagram: none of it tells that the peer has gone.
pub(super) fn is_passing(error: &io::Error) -> bool {
    const ENONET: i32 = 64;
    const EPROTO: i32 = 71;
    const EMSGSIZE: i32 = 90;
    const ENOPROTOOPT: i32 = 92;
    const EOPNOTSUPP: i32 = 95;
    const EHOSTDOWN: i32 = 112;
    use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut};
    matches!(error.kind(), HostUnreachable | NetworkUnreachable | NetworkDown | TimedOut)
        || matches!(
            error.raw_os_error(),
            Some(ENONET | EPROTO | EMSGSIZE | ENOPROTOOPT | EOPNOTSUPP | EHOSTDOWN)
        )
}

/// A wait for an error.
#[derive(Default)]
pub(super) struct Trouble {
    wait: RefCell<Option<Wait>>,
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trouble").finish_non_exhaustive()
    }
}

impl Trouble {
    /// Waits for an error of this socket.
    pub(super) fn poll(&self, socket: &Arc<UdpSocket>, cx: &mut Context<'_>) -> Poll<io::Error> {
        let mut wait = self.wait.borrow_mut();
        loop {
            let waiting = wait.get_or_insert_with(|| {
                let socket = Arc::clone(socket);
                Box::pin(async move { socket.ready(Interest::ERROR).await.map(drop) })
            });
            let waited = ready!(waiting.as_mut().poll(cx));
            *wait = None;
            if let Err(error) = waited {
                return Poll::Ready(error);
            }
            let error = socket.take_error().unwrap_or_else(Some);
            // Taken is taken: the runtime goes by this to know that the next one is new.
            let _cleared = socket.try_io(Interest::ERROR, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
            // None when a call has had it already.
            if let Some(error) = error.filter(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
                return Poll::Ready(error);
            }
        }
    }
}

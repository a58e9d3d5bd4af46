//! Listening, accepting and socket options.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::haproxy::{Accept as _, Listener, Trust};
use crate::quiet::Quiet;
use crate::shards::{self, Handle};
use crate::{buffer, limits};

/// Opens a listening socket. An IPv6 wildcard address takes IPv4 clients too.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    open(address, false)
}

fn open(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::BACKLOG)?;
    Ok(socket.into())
}

/// Opens the first of several addresses that this machine can have: `[::]`, or `0.0.0.0` where there is no IPv6.
pub fn bind_first(addresses: &[SocketAddr]) -> io::Result<std::net::TcpListener> {
    open_first(addresses, false)
}

/// As [`bind_first`], on a port that other processes of the same user may share (`SO_REUSEPORT`): the kernel deals
/// connections to all of them. All must ask for it; a port that is taken by another kind of socket stays taken.
pub fn bind_shared(addresses: &[SocketAddr]) -> io::Result<std::net::TcpListener> {
    open_first(addresses, true)
}

fn open_first(addresses: &[SocketAddr], shared: bool) -> io::Result<std::net::TcpListener> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = open(*address, shared);
        if !matches!(&result, Err(error) if error.raw_os_error() == Some(EAFNOSUPPORT)) {
            break;
        }
    }
    result
}

/// Sets what every media connection needs: no Nagle delay, a bound on what the kernel hides, and an end for dead peers.
pub fn tune(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // Always: answers of the set-up are single writes, and media is written in batches of our own choice, so that Nagle's
    // algorithm can only wait for a delayed acknowledgement (40 ms per step).
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(limits::NOTSENT_LOWAT)?;
    socket.set_tcp_user_timeout(Some(limits::USER_TIMEOUT))?;
    let probe = limits::USER_TIMEOUT;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(probe).with_interval(probe / 3))
}

/// Connects to another node within [`limits::DIAL`], and tunes the socket.
pub async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = timeout(limits::DIAL, TcpStream::connect(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    tune(&stream)?;
    Ok(stream)
}

/// A bound on connections that several listeners may share.
#[derive(Debug, Clone)]
pub struct Slots {
    used: Arc<AtomicUsize>,
    most: usize,
    closed: watch::Sender<bool>,
}

/// One connection's place; dropping it frees the place.
#[derive(Debug)]
pub struct Slot {
    used: Arc<AtomicUsize>,
}

impl Slots {
    /// Room for `most` connections.
    pub fn new(most: usize) -> Slots {
        Slots { used: Arc::default(), most, closed: watch::Sender::new(false) }
    }

    /// Ends listening: the listeners that share this bound close. Connections that there are stay.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until they are closed.
    pub(crate) async fn closed(&self) {
        // The sender is ours, so the wait can only end well.
        let mut closed = self.closed.subscribe();
        let _closed = closed.wait_for(|closed| *closed).await;
    }

    /// Takes a place, when there is one.
    pub fn take(&self) -> Option<Slot> {
        let taken = self.used.fetch_add(1, Ordering::Relaxed);
        let slot = Slot { used: Arc::clone(&self.used) };
        // Over the limit the slot is dropped here, which counts it back.
        (taken < self.most).then_some(slot)
    }

    /// Places taken now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether half of all places are taken.
    pub(crate) fn is_half_taken(&self) -> bool {
        self.used() >= self.most / 2
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.used.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts connections until `slots` is closed and deals them to the shards, where `session` serves each.
///
/// `name` is for the log. The loop itself runs on the first shard. Over the limit of `slots` a connection is closed at
/// once; when the system has no room for another one the listener rests and goes on.
pub fn serve<S, F>(
    handle: &Handle,
    listener: std::net::TcpListener,
    name: &'static str,
    slots: Slots,
    session: S,
) where
    S: Fn(TcpStream, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    serve_behind(handle, (listener, Trust::none()), name, slots, session);
}

/// As [`serve`], with balancers that tell of each connection whose it is.
pub fn serve_behind<S, F>(
    handle: &Handle,
    (listener, trust): (std::net::TcpListener, Trust),
    name: &'static str,
    slots: Slots,
    session: S,
) where
    S: Fn(TcpStream, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let dealer = handle.clone();
    handle.first(move || async move {
        let mut listener = match Listener::new(listener, trust, name) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(listener = name, %error, "the listener cannot be used"),
        };
        // The listening socket outlives a panic: clients that nobody accepts would hang without a word.
        let accepting = async {
            while shards::guarded(name, accept_all(&dealer, &mut listener, name, &slots, &session))
                .await
                .is_none()
            {}
        };
        tokio::select! {
            () = accepting => {}
            () = slots.closed() => {}
        }
    });
}

async fn accept_all<S, F>(
    dealer: &Handle,
    listener: &mut Listener,
    name: &'static str,
    slots: &Slots,
    session: &S,
) where
    S: Fn(TcpStream, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let full = Quiet::new(1);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // A peer that went away between SYN and accept is no reason to rest; a full table is, and so is whatever
                // else may come again at once.
                use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
                if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
                    full.say(|_| tracing::error!(listener = name, %error, "cannot accept; trying again"));
                    tokio::time::sleep(limits::ACCEPT_REST).await;
                }
                continue;
            }
        };
        let Some(slot) = slots.take() else {
            full.say(|_| tracing::warn!(listener = name, %peer, "too many connections; closed at once"));
            continue;
        };
        let Ok(stream) = stream.into_std() else { continue };
        let session = session.clone();
        dealer.deal(move || async move {
            let _slot = slot;
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    if let Err(error) = tune(&stream) {
                        tracing::debug!(%peer, %error, "socket options were refused");
                    }
                    session(stream, peer).await;
                }
                Err(error) => tracing::warn!(%peer, %error, "the connection cannot be used"),
            }
        });
    }
}

/// Closes a connection whose peer has been told everything: ends our side, and reads what still comes until the peer
/// closes too, within [`limits::LINGER`]. A socket that is closed with unread input resets the connection, and the peer
/// may lose the end of what it was sent.
pub async fn close(mut read: OwnedReadHalf, write: OwnedWriteHalf) {
    drop(write);
    let rest = async { while buffer::read(&mut read).await.is_ok_and(|bytes| !bytes.is_empty()) {} };
    let _closed_by_us = timeout(limits::LINGER, rest).await;
}

/// Writes without waiting, like [`tokio::io::AsyncWrite::poll_write_vectored`], but by `send` and `sendmsg`: a socket
/// need not go the way of files, which costs a tenth of a small write.
pub fn poll_send(
    half: &OwnedWriteHalf,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let stream = half.as_ref();
    loop {
        ready!(stream.poll_write_ready(cx))?;
        let sent = stream.try_io(Interest::WRITABLE, || {
            let socket = SockRef::from(stream);
            match slices {
                [one] => socket.send(one),
                many => socket.send_vectored(many),
            }
        });
        match sent {
            // Not ready after all: the next look registers the waker.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
    }
}

const EAFNOSUPPORT: i32 = 97;

#[cfg(test)]
mod tests;

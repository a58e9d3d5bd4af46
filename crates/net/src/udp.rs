//! UDP sockets that send and receive in batches: several datagrams of one size by one call (GSO, GRO), several such by
//! `recvmmsg`. Addresses are canonical everywhere here: an IPv4 client of a socket for both families has an IPv4 address.

mod batch;
mod bind;
mod narrow;
mod outgoing;
mod runs;
mod trouble;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

pub use batch::{Batch, Datagram, Run, with_batch};
pub use bind::bind_shared;
use narrow::{EINVAL, Narrow};
pub(crate) use outgoing::{Outgoing, Way};
use quinn_udp::{Transmit, UdpSocketState};
pub(crate) use runs::Runs;
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use trouble::{Trouble, is_passing};

/// For how long a socket sends datagrams one by one after the system has found something wrong.
const DOUBT: Duration = Duration::from_secs(1);

/// A UDP socket on this thread's runtime.
#[derive(Debug)]
pub struct Socket {
    io: Arc<UdpSocket>,
    /// Of a connected socket.
    trouble: Option<Trouble>,
    state: RefCell<UdpSocketState>,
    /// Since when runs may not go out whole for a reason that is not the device's.
    doubted: Cell<Option<Instant>>,
    narrow: Narrow,
    local: SocketAddr,
    is_ipv6: bool,
}

impl Socket {
    /// Takes a socket into this thread's runtime.
    ///
    /// # Errors
    /// Of the system.
    pub fn new(socket: std::net::UdpSocket) -> io::Result<Socket> {
        let state = state(SockRef::from(&socket))?;
        let bound = socket.local_addr()?;
        let trouble = socket.peer_addr().is_ok().then(Trouble::default);
        let io = Arc::new(UdpSocket::from_std(socket)?);
        Ok(Socket {
            io,
            trouble,
            state: RefCell::new(state),
            doubted: Cell::default(),
            narrow: Narrow::default(),
            local: canonical(bound),
            is_ipv6: bound.is_ipv6(),
        })
    }

    /// Opens a socket on a port of its own that sends to this address and hears it alone.
    ///
    /// # Errors
    /// Of the system.
    pub fn connected(to: SocketAddr) -> io::Result<Socket> {
        let to = canonical(to);
        let any: IpAddr =
            if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = std::net::UdpSocket::bind(SocketAddr::new(any, 0))?;
        bind::enlarge(&SockRef::from(&socket));
        socket.connect(to)?;
        Socket::new(socket)
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits for datagrams and takes what is there into `batch`, whose earlier content is gone.
    ///
    /// # Errors
    /// Of the system. At a connected socket [`io::ErrorKind::ConnectionRefused`] when the peer's host has nobody at that
    /// port; it is told once per datagram that was sent there, here or by [`Socket::try_send`]. Anybody who guesses this port
    /// can forge it. What else routers say is not told.
    pub fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<io::Result<()>> {
        loop {
            let ready = self.io.poll_recv_ready(cx);
            if ready.is_pending()
                && let Some(trouble) = &self.trouble
            {
                return Poll::Ready(Err(ready!(trouble.poll(&self.io, cx))));
            }
            ready!(ready)?;
            match self.try_receive(batch) {
                // Not ready after all: the next look registers the waker.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if self.trouble.is_some() && is_passing(&error) => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Takes what is there into `batch`, whose earlier content is gone.
    fn try_receive(&self, batch: &mut Batch) -> io::Result<()> {
        batch.clear();
        let mut is_drained = false;
        let tried = self.io.try_io(Interest::READABLE, || {
            batch.fill(&self.io, &self.state.borrow())?;
            is_drained = !batch.is_full();
            // Nothing is left, so that the runtime need not be told so by a call for nothing: what comes after this one
            // makes the socket ready anew.
            if is_drained { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if is_drained { Ok(()) } else { tried }
    }

    /// Sends datagrams of `size` bytes each, one behind the other; the last one may be shorter. `from` is the address of this
    /// host to send from, as it came with a datagram. The answer is how many bytes were taken, in whole datagrams: less than
    /// all when the socket became full meanwhile.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when the socket is full and nothing was taken; others of the system when one datagram
    /// was not taken, which tells nothing of the next one.
    pub fn try_send(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        datagrams: &[u8],
        size: usize,
    ) -> io::Result<usize> {
        // The system would say that as of a device that cannot cut runs.
        if to.port() == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.renew();
        let destination = if self.is_ipv6 { mapped(to) } else { to };
        let state = self.state.borrow();
        self.narrow.send(to.ip(), state.max_gso_segments(), (datagrams, size), |part, segment_size| {
            let transmit = Transmit { destination, ecn: None, contents: part, segment_size, src_ip: from };
            let sent = self.io.try_io(Interest::WRITABLE, || state.try_send((&*self.io).into(), &transmit));
            if matches!(&sent, Err(error) if error.raw_os_error() == Some(EINVAL)) {
                self.doubted.set(self.doubted.get().or_else(|| Some(Instant::now())));
            }
            sent
        })
    }

    /// Sends runs again: what is wrong with one address, or one way, is not wrong with others.
    fn renew(&self) {
        let Some(doubted) = self.doubted.get().filter(|doubted| doubted.elapsed() >= DOUBT) else { return };
        self.doubted.set(None);
        if self.state.borrow().max_gso_segments() == 1
            && let Ok(state) = state((&*self.io).into())
        {
            tracing::debug!(after = ?doubted.elapsed(), "a UDP socket sends runs again");
            self.state.replace(state);
        }
    }

    /// Whether several datagrams go out by one call.
    #[cfg(test)]
    pub(crate) fn sends_runs(&self) -> bool {
        self.state.borrow().max_gso_segments() > 1
    }

    /// Waits until the socket takes datagrams again.
    ///
    /// # Errors
    /// Of the runtime.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_send_ready(cx)
    }
}

/// What quinn has to know of a socket, which it sets up for that.
fn state(socket: SockRef<'_>) -> io::Result<UdpSocketState> {
    let state = UdpSocketState::new((&*socket).into())?;
    // That forbids fragments, for who looks for the path's size himself. SRT's senders do not: a path that is too narrow
    // for them must cost fragments and not the stream.
    let _not_for_this_family = set_ip_mtu_discover(&*socket, Ipv4PathMtuDiscovery::WANT);
    let _not_for_this_family = set_ipv6_mtu_discover(&*socket, Ipv6PathMtuDiscovery::WANT);
    Ok(state)
}

/// An address as it is compared and shown: IPv4 where it is that.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        // A scope belongs to an IPv6 address that is one.
        IpAddr::V6(_) => address,
        ip => SocketAddr::new(ip, address.port()),
    }
}

/// The address to answer from: the one that was asked, unless many were.
pub(crate) fn sender(to: Option<IpAddr>) -> Option<IpAddr> {
    to.filter(|to| match to {
        IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_multicast() && !ip.is_unspecified(),
    })
}

/// An address as a socket for both families takes it.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into(),
        v6 => v6,
    }
}

#[cfg(test)]
mod tests;

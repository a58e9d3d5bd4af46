//! Several sockets on one port.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::limits;

const EAFNOSUPPORT: i32 = 97;

/// Opens `count` sockets (at least one) on the first of several addresses that this machine can have: `[::]`, which hears
/// IPv4 too, or `0.0.0.0` where there is no IPv6. The kernel deals datagrams to them by the two ends' addresses and ports.
/// With port 0 the first one has any port, and the others the same.
///
/// The port must be nobody else's, not even another process's of the same user.
///
/// # Errors
/// Of the system.
pub fn bind_shared(addresses: &[SocketAddr], count: usize) -> io::Result<Vec<UdpSocket>> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = bind_all(*address, count);
        if !matches!(&result, Err(error) if error.raw_os_error() == Some(EAFNOSUPPORT)) {
            break;
        }
    }
    result
}

fn bind_all(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    // A port can be shared with whoever shares it too. A socket that does not share finds that out.
    let alone = open(address, false)?;
    let address = alone.local_addr()?;
    drop(alone);
    (0..count.max(1)).map(|_| open(address, true)).collect()
}

fn open(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    enlarge(&SockRef::from(&socket));
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Gives a socket the buffers that bursts need, as far as the system allows.
pub(super) fn enlarge(socket: &SockRef<'_>) {
    let _as_far_as_allowed = socket.set_recv_buffer_size(limits::UDP_BUFFER);
    let _as_far_as_allowed = socket.set_send_buffer_size(limits::UDP_BUFFER);
}

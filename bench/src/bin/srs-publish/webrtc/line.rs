//! One end of a session and its socket.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use srs_peer::rtc::client::Client;
use srs_rtc::engine::{Event, Packet};
use srs_rtc::{Engine as _, Path};
use tokio::net::UdpSocket;
use tokio::time::sleep_until;

use crate::Outcome;

/// What the socket may hold, bytes: what a player gets at first, while this process has no turn. The system may allow less.
const BUFFER: usize = 1 << 20;

/// The longest datagram of WebRTC's that there is, bytes.
const DATAGRAM: usize = 2048;

/// With nothing to do the engine is asked again after so long.
const IDLE: Duration = Duration::from_secs(1);

/// A socket at this address of the machine's, and its port.
pub fn socket(at: SocketAddr) -> std::io::Result<(UdpSocket, SocketAddr)> {
    let socket = std::net::UdpSocket::bind(at)?;
    let _less = set_socket_recv_buffer_size(&socket, BUFFER);
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    Ok((UdpSocket::from_std(socket)?, local))
}

/// An end that was answered.
pub struct Line {
    socket: UdpSocket,
    client: Client,
    came: [u8; DATAGRAM],
    out: BytesMut,
}

impl Line {
    /// Of a socket that the client was made for.
    pub fn new(socket: UdpSocket, client: Client) -> Line {
        Line { socket, client, came: [0; DATAGRAM], out: BytesMut::new() }
    }

    /// The next thing that happens; the session's end is an error. May be dropped at any await without losing anything.
    pub async fn next(&mut self) -> Outcome<Event> {
        loop {
            let now = Instant::now();
            let due = self.drive(now);
            if let Some(event) = self.client.next_event(now) {
                return Ok(event);
            }
            if let Some(ended) = self.client.ended() {
                return Err(ended.into());
            }
            let idle = now.checked_add(IDLE).ok_or("the clock has come to its end")?;
            tokio::select! {
                came = self.socket.recv_from(&mut self.came) => {
                    let (length, peer) = came?;
                    let path = Path { peer, local: Some(self.client.local().ip()), tcp: false };
                    let bytes = self.came.get_mut(..length).unwrap_or_default();
                    self.client.datagram(Instant::now(), path, bytes);
                }
                () = sleep_until(due.unwrap_or(idle).into()) => {}
            }
        }
    }

    /// Sends packets of media.
    pub fn send(&mut self, packets: &[Packet]) {
        let now = Instant::now();
        for packet in packets {
            self.client.send(now, packet);
        }
        self.drive(now);
    }

    /// Tells the server that the session is over.
    pub fn close(&mut self) {
        let now = Instant::now();
        self.client.close(now);
        self.drive(now);
    }

    /// Does what is due and sends what there is to be sent; when to be called again.
    fn drive(&mut self, now: Instant) -> Option<Instant> {
        let due = self.client.tick(now);
        while let Some(path) = self.client.next_datagram(now, &mut self.out) {
            // What the socket does not take is lost, as datagrams may be.
            let _lost = self.socket.try_send_to(&self.out, path.peer);
            self.out.clear();
        }
        due
    }
}

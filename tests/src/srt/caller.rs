//! A caller by hand: handshakes as they should be, to be spoilt, and what a listener says to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use srs_srt::handshake::{
    Change, Extension, ExtensionKind, Fields, Handshake, Kind, Srt, stream_id_words, write,
};
use srs_srt::packet::{Boundary, Control, ControlKind, Data, Header, Kind as Packet};
use srs_srt::{Reason, SocketId};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::PATIENCE;

/// An answer of a listener on this machine comes sooner.
const SOON: Duration = Duration::from_millis(400);
/// What a caller says that it can: TSBPD both ways, too-late drop, periodic NAKs, the flag of retransmission.
const FLAGS: u32 = 0x3f;
/// Between two repeats of a handshake.
const AGAIN: Duration = Duration::from_millis(250);

/// A caller on a socket of its own.
pub struct Caller {
    socket: UdpSocket,
    /// Whom it calls.
    pub to: SocketAddr,
    /// Its own socket id.
    pub id: SocketId,
    /// The listener's, once it took the call.
    pub peer: SocketId,
    /// The sequence number that its media begins with.
    pub sequence: u32,
    /// Bytes sent and received.
    pub bytes: (u64, u64),
}

impl Caller {
    /// One that has not said anything yet.
    pub async fn new(to: SocketAddr) -> Caller {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let id = SocketId(rand::random_range(1..0x3fff_ffff));
        let sequence = rand::random_range(0..0x7fff_ffff);
        Caller { socket, to, id, peer: SocketId(0), sequence, bytes: (0, 0) }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// What every handshake of it says.
    pub fn fields(&self) -> Fields {
        Fields {
            version: 4,
            encryption: 0,
            extension: 2,
            sequence: self.sequence,
            mtu: 1500,
            window: 8192,
            kind: Kind::Induction,
            socket: self.id,
            cookie: 0,
            peer_ip: srs_srt::handshake::peer_ip(self.to.ip()),
        }
    }

    /// Its induction.
    pub fn induction(&self) -> [u8; 64] {
        self.fields().write(SocketId::LISTENER, 0)
    }

    /// A conclusion with this cookie and stream id; the id may be longer than what is allowed.
    pub fn conclusion(&self, cookie: u32, stream_id: &str) -> Vec<u8> {
        let srt = Srt { version: 0x0001_0501, flags: FLAGS, receive_delay: 120, send_delay: 120 }.write();
        let words = stream_id_words(stream_id).expect("a stream id that can be written");
        let mut extensions = vec![Extension { kind: ExtensionKind::HSREQ, content: &srt }];
        if !words.is_empty() {
            extensions.push(Extension { kind: ExtensionKind::STREAM_ID, content: &words });
        }
        self.conclude_with(cookie, &extensions)
    }

    /// A conclusion with these extensions.
    pub fn conclude_with(&self, cookie: u32, extensions: &[Extension<'_>]) -> Vec<u8> {
        let fields = Fields { version: 5, extension: 0, kind: Kind::Conclusion, cookie, ..self.fields() };
        write(&fields, extensions, SocketId::LISTENER, 1_000).expect("it fits a packet")
    }

    /// Sends a datagram.
    pub async fn send(&mut self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.to).await.expect("it can be sent");
        self.bytes.0 += datagram.len() as u64;
    }

    /// The next datagram within a moment, or within `wait`.
    pub async fn receive(&mut self, wait: Duration) -> Option<Vec<u8>> {
        let mut block = vec![0; 2048];
        let (length, from) = timeout(wait, self.socket.recv_from(&mut block)).await.ok()?.ok()?;
        self.bytes.1 += length as u64;
        assert_eq!(from, self.to, "answers come from where the call went");
        block.truncate(length);
        Some(block)
    }

    /// Whether nothing comes for a moment.
    pub async fn hears_nothing(&mut self) -> bool {
        self.receive(SOON).await.is_none()
    }

    /// The next handshake that comes; other packets are left out.
    pub async fn hears_handshake(&mut self) -> Option<Fields> {
        loop {
            let datagram = self.receive(SOON).await?;
            if let Ok(handshake) = Handshake::read(&datagram) {
                return Some(handshake.fields);
            }
        }
    }

    /// Whether media comes within two seconds.
    pub async fn hears_media(&mut self) -> bool {
        let media = async {
            loop {
                let datagram = self.receive(PATIENCE).await?;
                if Header::read(&datagram).is_ok_and(|header| matches!(header.kind, Packet::Data(_))) {
                    return Some(());
                }
            }
        };
        matches!(timeout(Duration::from_secs(2), media).await, Ok(Some(())))
    }

    /// The cookie that the listener gives.
    pub async fn cookie(&mut self) -> u32 {
        let induction = self.induction();
        for _ in 0..20 {
            self.send(&induction).await;
            if let Some(answer) = self.hears_handshake().await
                && answer.kind == Kind::Induction
            {
                return answer.cookie;
            }
        }
        panic!("{} gives no cookie", self.to);
    }

    /// Calls; the answer is why it was refused.
    pub async fn call(&mut self, stream_id: &str) -> Result<(), Reason> {
        let cookie = self.cookie().await;
        let conclusion = self.conclusion(cookie, stream_id);
        self.conclude(&conclusion).await
    }

    /// Says this conclusion until it is answered.
    pub async fn conclude(&mut self, conclusion: &[u8]) -> Result<(), Reason> {
        for _ in 0..40 {
            self.send(conclusion).await;
            let Ok(heard) = timeout(AGAIN, self.hears_handshake()).await else { continue };
            match heard {
                Some(Fields { kind: Kind::Conclusion, socket, .. }) => {
                    self.peer = socket;
                    return Ok(());
                }
                Some(Fields { kind: Kind::Rejection(reason), .. }) => return Err(reason),
                _ => {}
            }
        }
        panic!("{} does not answer a conclusion", self.to);
    }

    /// A packet of media for this peer: its number from the first one, and what it holds.
    pub fn media(&self, number: u32, content: &[u8]) -> Vec<u8> {
        let data = Data {
            sequence: self.sequence.wrapping_add(number) & 0x7fff_ffff,
            boundary: Boundary::Only,
            in_order: true,
            key: 0,
            retransmitted: false,
            message: number.wrapping_add(1) & 0x03ff_ffff,
        };
        let header = Header {
            kind: Packet::Data(data),
            timestamp: number.wrapping_mul(1_000),
            destination: self.peer,
        };
        [&header.write()[..], content].concat()
    }

    /// A packet of control for this peer.
    pub fn control(&self, kind: ControlKind, info: u32, content: &[u8]) -> Vec<u8> {
        let control = Control { kind, subtype: 0, info };
        let header = Header { kind: Packet::Control(control), timestamp: 1_000, destination: self.peer };
        [&header.write()[..], content].concat()
    }
}

/// The same conclusion with a longer stream id than a client may have.
pub fn with_stream_id(conclusion: &[u8], cookie: u32, socket: SocketId, stream_id: &str) -> Vec<u8> {
    let handshake = Handshake::read(conclusion).expect("a handshake");
    let change = Change {
        destination: SocketId::LISTENER,
        socket,
        cookie,
        stream_id: Some(stream_id),
        held: Duration::ZERO,
    };
    handshake.for_peer(&change).expect("it fits a packet")
}

//! Callers and origins of SRT in tests: their handshakes are real, and what they send is chosen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use srs_balance::Node;
use srs_names::envelope::CAPABILITY;
use srs_net::shards::Shards;
use srs_net::srt::Port;
use srs_net::tcp::Slots;
use srs_srt::handshake::{
    Extension, ExtensionKind, Fields, Handshake, Kind, MAGIC, Srt, stream_id_words, write,
};
use srs_srt::packet::{Boundary, Control, ControlKind, Data, Header, Kind as Packet, shutdown};
use srs_srt::{Reason, SocketId};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::{Relay, testkit};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const CALLER: SocketId = SocketId(0x00c0_ffee);
pub(super) const ORIGIN: SocketId = SocketId(0x0bad_cafe);

/// The fields of a caller's conclusion.
pub(super) fn fields(socket: SocketId, cookie: u32) -> Fields {
    Fields {
        version: 5,
        encryption: 0,
        extension: 0,
        sequence: 7_000_000,
        mtu: 1500,
        window: 8192,
        kind: Kind::Conclusion,
        socket,
        cookie,
        peer_ip: [0; 16],
    }
}

/// A caller's conclusion with this stream id, and key material if there is some.
pub(super) fn conclusion(socket: SocketId, cookie: u32, stream_id: &str, km: Option<&[u8]>) -> Vec<u8> {
    let srt = Srt { version: 0x0001_0501, flags: 0xbf, receive_delay: 120, send_delay: 0 }.write();
    let words = stream_id_words(stream_id).unwrap();
    let mut extensions = vec![Extension { kind: ExtensionKind::HSREQ, content: &srt }];
    if let Some(content) = km {
        extensions.push(Extension { kind: ExtensionKind::KMREQ, content });
    }
    if !words.is_empty() {
        extensions.push(Extension { kind: ExtensionKind::STREAM_ID, content: &words });
    }
    write(&fields(socket, cookie), &extensions, SocketId::LISTENER, 5_000).unwrap()
}

/// A packet of media.
pub(super) fn media(destination: SocketId, sequence: u32, body: &[u8]) -> Vec<u8> {
    let data =
        Data { sequence, boundary: Boundary::Only, in_order: true, key: 0, retransmitted: false, message: 1 };
    let header = Header { kind: Packet::Data(data), timestamp: sequence, destination };
    [&header.write(), body].concat()
}

/// A packet of control without content.
pub(super) fn control(destination: SocketId, kind: ControlKind) -> Vec<u8> {
    let control = Control { kind, subtype: 0, info: 0 };
    Header { kind: Packet::Control(control), timestamp: 0, destination }.write().to_vec()
}

/// The body of a packet.
pub(super) fn body(packet: &[u8]) -> &[u8] {
    &packet[16..]
}

pub(super) fn destination(packet: &[u8]) -> SocketId {
    Header::read(packet).unwrap().destination
}

pub(super) fn is_shutdown(packet: &[u8]) -> bool {
    Header::read(packet).unwrap().is(ControlKind::SHUTDOWN)
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let received = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("nothing comes");
    let (length, from) = received.unwrap();
    (buffer[..length].to_vec(), from)
}

/// An origin.
pub(super) struct Fake {
    pub(super) socket: UdpSocket,
    pub(super) address: SocketAddr,
}

/// A caller at an origin, before it is answered.
pub(super) struct Guest {
    pub(super) from: SocketAddr,
    pub(super) conclusion: Vec<u8>,
}

impl Guest {
    pub(super) fn handshake(&self) -> Handshake<'_> {
        Handshake::read(&self.conclusion).unwrap()
    }

    /// By which number it is addressed.
    pub(super) fn id(&self) -> SocketId {
        self.handshake().fields.socket
    }
}

impl Fake {
    pub(super) async fn bind() -> Fake {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        Fake { socket, address }
    }

    /// Answers inductions until a conclusion comes with the cookie.
    pub(super) async fn guest(&self) -> Guest {
        const COOKIE: u32 = 0x600d_c00c;
        loop {
            let (datagram, from) = receive(&self.socket).await;
            let Ok(handshake) = Handshake::read(&datagram) else { continue };
            match handshake.fields.kind {
                Kind::Induction => {
                    assert_eq!((handshake.fields.version, handshake.fields.cookie), (4, 0));
                    let caller = handshake.fields.socket;
                    let answer = handshake.fields.answer_induction(caller, COOKIE, from.ip());
                    assert_eq!(answer.extension, MAGIC);
                    self.socket.send_to(&answer.write(caller, 0), from).await.unwrap();
                }
                _ => {
                    assert_eq!(handshake.fields.cookie, COOKIE, "the origin's own cookie");
                    return Guest { from, conclusion: datagram };
                }
            }
        }
    }

    /// Takes a guest in; the answer has an HSRSP and what else it brought.
    pub(super) async fn accept(&self, guest: &Guest) {
        let handshake = guest.handshake();
        let srt = Srt { version: 0x0001_0501, flags: 0xbf, receive_delay: 200, send_delay: 120 }.write();
        let mut extensions = vec![Extension { kind: ExtensionKind::HSRSP, content: &srt }];
        let km = handshake.extensions.iter().find(|extension| extension.kind == ExtensionKind::KMREQ);
        extensions.extend(km.map(|km| Extension { kind: ExtensionKind::KMRSP, ..km }));
        let fields = handshake.fields.answer_conclusion(ORIGIN, guest.from.ip());
        let answer = write(&fields, &extensions, handshake.fields.socket, 17).unwrap();
        self.send(&answer, guest).await;
    }

    /// The next guest, who is taken in.
    pub(super) async fn welcome(&self) -> Guest {
        let guest = self.guest().await;
        self.accept(&guest).await;
        guest
    }

    pub(super) async fn refuse(&self, guest: &Guest, reason: Reason) {
        let fields = guest.handshake().fields;
        self.send(&fields.reject(reason).write(fields.socket, 0), guest).await;
    }

    pub(super) async fn send(&self, datagram: &[u8], guest: &Guest) {
        self.socket.send_to(datagram, guest.from).await.unwrap();
    }

    pub(super) async fn send_media(&self, guest: &Guest, sequence: u32, body: &[u8]) {
        self.send(&media(guest.id(), sequence, body), guest).await;
    }

    pub(super) async fn shut(&self, guest: &Guest) {
        self.send(&shutdown(guest.id(), 1), guest).await;
    }

    /// The next packet that is no handshake.
    pub(super) async fn heard(&self) -> Vec<u8> {
        next(&self.socket).await
    }
}

/// The next packet that is no handshake.
async fn next(socket: &UdpSocket) -> Vec<u8> {
    loop {
        let (datagram, _) = receive(socket).await;
        if Handshake::read(&datagram).is_err() {
            return datagram;
        }
    }
}

/// A caller of the proxy.
pub(super) struct Client {
    pub(super) socket: UdpSocket,
    pub(super) id: SocketId,
    /// The proxy's number.
    pub(super) far: SocketId,
    /// The whole answer.
    pub(super) answer: Vec<u8>,
}

impl Client {
    /// Calls the port, with this stream id, until that is answered.
    pub(super) async fn call(port: SocketAddr, stream_id: &str, km: Option<&[u8]>) -> Result<Client, Reason> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(port).await.unwrap();
        let induction = fields(CALLER, 0).as_induction().write(SocketId::LISTENER, 0);
        socket.send(&induction).await.unwrap();
        let (datagram, _) = receive(&socket).await;
        let cookie = Handshake::read(&datagram).unwrap().fields.cookie;
        socket.send(&conclusion(CALLER, cookie, stream_id, km)).await.unwrap();
        loop {
            let (answer, _) = receive(&socket).await;
            let Ok(handshake) = Handshake::read(&answer) else { continue };
            assert_eq!(handshake.destination, CALLER);
            match handshake.fields.kind {
                Kind::Rejection(reason) => return Err(reason),
                Kind::Conclusion => {
                    assert_eq!(handshake.fields.cookie, cookie);
                    let far = handshake.fields.socket;
                    return Ok(Client { socket, id: CALLER, far, answer });
                }
                _ => {}
            }
        }
    }

    pub(super) async fn send(&self, datagram: &[u8]) {
        self.socket.send(datagram).await.unwrap();
    }

    pub(super) async fn send_media(&self, sequence: u32, body: &[u8]) {
        self.send(&media(self.far, sequence, body)).await;
    }

    pub(super) async fn shut(&self) {
        self.send(&shutdown(self.far, 1)).await;
    }

    /// The next packet that is no handshake.
    pub(super) async fn heard(&self) -> Vec<u8> {
        let packet = next(&self.socket).await;
        assert_eq!(destination(&packet), self.id);
        packet
    }
}

/// A relay whose port for SRT is open.
pub(super) struct Stand {
    pub(super) relay: Arc<Relay>,
    pub(super) port: SocketAddr,
    _shards: Shards,
}

/// A node that registered SRT at this address, and may be one of ours.
pub(super) fn with_srt(name: &str, address: SocketAddr, is_ours: bool) -> Node {
    let mut node = testkit::node(name, address);
    let srt = node.endpoints.get("rtmp").cloned().unwrap();
    node.endpoints.insert("srt".to_owned(), srt);
    if is_ours {
        node.capabilities.push(CAPABILITY.to_owned());
    }
    node
}

impl Stand {
    /// One that knows these nodes.
    pub(super) fn with(nodes: impl IntoIterator<Item = Node>) -> Stand {
        Stand::told(nodes, testkit::config())
    }

    /// The same, which was told this.
    pub(super) fn told(nodes: impl IntoIterator<Item = Node>, config: crate::Config) -> Stand {
        let relay = testkit::relay_with(nodes, config);
        let shards = Shards::start(1).unwrap();
        let port = Port::bind(&[([127, 0, 0, 1], 0).into()], 1).unwrap();
        let address = port.local_addr();
        let (doors, looking) = (Arc::clone(&relay), Arc::clone(&relay));
        let serve = move |knock| Arc::clone(&doors).serve_srt(knock);
        srs_net::srt::serve(&shards.handle(), port, relay.cookies(), Slots::new(100), serve);
        shards.handle().first(move || looking.look());
        Stand { relay, port: address, _shards: shards }
    }

    /// One that knows these strangers' origins.
    pub(super) fn of(origins: &[(&str, &Fake)]) -> Stand {
        Stand::with(origins.iter().map(|(name, fake)| with_srt(name, fake.address, false)))
    }

    pub(super) async fn publish(&self, stream: &str) -> Result<Client, Reason> {
        Client::call(self.port, &format!("#!::r=live/{stream},m=publish"), None).await
    }

    pub(super) async fn play(&self, stream: &str) -> Result<Client, Reason> {
        Client::call(self.port, &format!("#!::r=live/{stream},m=request"), None).await
    }

    /// Waits until the stream is claimed by this node, or by none.
    pub(super) async fn claimed(&self, stream: &str, by: Option<&str>) {
        let holder = || {
            let pick = self.relay.balancer.locate(&testkit::key(stream), self.relay.now())?;
            Some(pick.node.id.as_str().to_owned())
        };
        let settled = async {
            loop {
                self.relay.balancer.tick(self.relay.now()).await;
                if holder().as_deref() == by {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, settled).await.unwrap_or_else(|_| panic!("held by {:?}", holder()));
    }
}

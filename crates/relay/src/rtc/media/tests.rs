use std::time::Duration;

use srs_balance::Node;
use srs_names::envelope::CAPABILITY;
use srs_net::rtc::Port;
use srs_net::shards::Shards;
use srs_net::tcp::Slots;
use srs_rtc::engine::Credentials;
use srs_rtc::stun::{Message, binding_request, success};
use srs_rtc::ufrag::Keys;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::rtc::testkit::{Api, created, post, proxy, proxy_with};
use crate::testkit::{SECRET, config, node};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A proxy whose port for media is open.
struct Stand {
    relay: Arc<Relay>,
    port: SocketAddr,
    tcp: SocketAddr,
    _shards: Shards,
}

impl Stand {
    fn of(relay: Arc<Relay>) -> Stand {
        let shards = Shards::start(1).unwrap();
        let port = Port::bind(&[([127, 0, 0, 1], 0).into()], 1).unwrap();
        let listener = srs_net::tcp::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let (udp, tcp) = (port.local_addr(), listener.local_addr().unwrap());
        let stand = Stand { port: udp, tcp, relay: Arc::clone(&relay), _shards: shards };
        let doors = Arc::clone(&relay);
        let (handle, slots) = (stand._shards.handle(), Slots::new(100));
        let serving = srs_net::rtc::serve(&handle, port, relay, slots.clone(), move |knock| {
            Arc::clone(&doors).serve_rtc(knock)
        });
        srs_net::tcp::serve(&handle, listener, "webrtc", slots, move |stream, peer| {
            let serving = serving.clone();
            async move { serving.tcp(stream, peer).await }
        });
        stand
    }
}

/// A node's socket for media.
async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A node of ours whose media is there.
fn ours(name: &str, media: SocketAddr) -> Node {
    let mut node = node(name, media);
    node.endpoints.insert("rtc".to_owned(), node.endpoints["http"].clone());
    Node { capabilities: vec![CAPABILITY.to_owned()], ..node }
}

fn credentials(node: &str) -> Credentials {
    let keys = Keys::of_secret(SECRET);
    keys.make(keys.route(node), [7; 12])
}

fn request(ours: &Credentials, number: u8) -> Vec<u8> {
    binding_request([number; 12], &format!("{}:theirs", ours.ufrag), &ours.password, 1, 2, true)
}

async fn heard(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let (length, from) =
        timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("nothing comes").unwrap();
    (buffer[..length].to_vec(), from)
}

async fn client(port: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(port).await.unwrap();
    socket
}

/// A client whose first request the node has, from where that came.
async fn connected(stand: &Stand, node: &UdpSocket, ours: &Credentials) -> (UdpSocket, SocketAddr) {
    let client = client(stand.port).await;
    client.send(&request(ours, 1)).await.unwrap();
    let (came, from) = heard(node).await;
    assert_eq!(came, request(ours, 1));
    (client, from)
}

#[tokio::test]
async fn datagrams_pass_both_ways_byte_for_byte_and_in_order() {
    let (node, address) = socket().await;
    let stand = Stand::of(proxy([ours("a", address)]));
    let (client, from) = connected(&stand, &node, &credentials("a")).await;
    let datagram = |number: u8| vec![128 | (number % 64); 200 + 7 * usize::from(number % 32)];
    for number in 0..200 {
        client.send(&datagram(number)).await.unwrap();
        assert_eq!(heard(&node).await, (datagram(number), from));
        node.send_to(&datagram(number), from).await.unwrap();
        assert_eq!(heard(&client).await.0, datagram(number));
    }
    // As many at once as a small socket has room for.
    for number in 0..60 {
        node.send_to(&[number; 1200], from).await.unwrap();
    }
    for number in 0..60 {
        assert_eq!(heard(&client).await.0, [number; 1200]);
    }
}

#[tokio::test]
async fn each_address_of_a_client_is_another_peer_of_the_node() {
    let (node, address) = socket().await;
    let stand = Stand::of(proxy([ours("a", address)]));
    let (one, first) = connected(&stand, &node, &credentials("a")).await;
    let (_two, second) = connected(&stand, &node, &credentials("a")).await;
    assert_ne!(first, second);
    node.send_to(b"\x80 for the first", first).await.unwrap();
    assert_eq!(heard(&one).await.0, b"\x80 for the first");
}

#[tokio::test]
async fn a_request_that_is_not_by_who_knows_the_password_gets_nothing_and_changes_nothing() {
    let (node, address) = socket().await;
    let stand = Stand::of(proxy([ours("a", address)]));
    let ours = credentials("a");
    let (client, from) = connected(&stand, &node, &ours).await;
    let other = self::client(stand.port).await;
    let wrong = Credentials { password: "wrong".to_owned(), ..ours.clone() };
    let unknown = credentials("b");
    for bad in [request(&wrong, 2), request(&unknown, 3), b"\x80 media of nobody".to_vec()] {
        other.send(&bad).await.unwrap();
    }
    client.send(b"\x80 still there").await.unwrap();
    assert_eq!(heard(&node).await, (b"\x80 still there".to_vec(), from));
    node.send_to(b"\x80 to the client", from).await.unwrap();
    assert_eq!(heard(&client).await.0, b"\x80 to the client");
    assert!(other.try_recv(&mut [0; 2048]).is_err());
}

#[tokio::test]
async fn the_password_of_the_next_generation_is_known_too() {
    let (node, address) = socket().await;
    let stand = Stand::of(proxy([ours("a", address)]));
    let first = credentials("a");
    let (client, from) = connected(&stand, &node, &first).await;
    let next = Keys::of_secret(SECRET).next(&first.ufrag).unwrap();
    client.send(&request(&next, 9)).await.unwrap();
    assert_eq!(heard(&node).await, (request(&next, 9), from));
}

#[tokio::test]
async fn media_finds_its_way_through_a_proxy_that_made_no_session() {
    let (node, address) = socket().await;
    let ours_at = credentials("a");
    let ufrag = ours_at.ufrag.clone();
    let api = Api::start(move |_| created("/s/1", &ufrag)).await;
    let with_api = |mut node: Node| {
        node.endpoints.insert("api".to_owned(), api.origin("x").endpoints["api"].clone());
        node
    };
    let first = proxy([with_api(ours("a", address))]);
    assert_eq!(post(&first, "/rtc/v1/whip/?app=live&stream=s", "v=0").await.0.status(), 201);
    let second = Stand::of(proxy([ours("a", address)]));
    let (client, from) = connected(&second, &node, &ours_at).await;
    let request = request(&ours_at, 1);
    let answer = success(&Message::read(&request).unwrap(), from, &ours_at.password);
    node.send_to(&answer, from).await.unwrap();
    assert_eq!(heard(&client).await.0, answer);
}

#[tokio::test]
async fn a_proxy_with_another_secret_passes_nothing() {
    let (node, address) = socket().await;
    let stranger = crate::Config { secret: b"another secret".to_vec(), ..config() };
    let stand = Stand::of(proxy_with([ours("a", address)], stranger));
    let good = Stand::of(proxy([ours("a", address)]));
    let client = client(stand.port).await;
    client.send(&request(&credentials("a"), 1)).await.unwrap();
    connected(&good, &node, &credentials("a")).await;
    assert!(node.try_recv(&mut [0; 2048]).is_err());
}

#[tokio::test]
async fn a_session_of_a_plain_origin_is_found_by_what_the_directory_was_told() {
    let (media, address) = socket().await;
    let theirs = Credentials { ufrag: "srsufrag".to_owned(), password: "0123456789012345678901".to_owned() };
    let api = Api::start(|_| created("/rtc/v1/whip/?session=1", "srsufrag")).await;
    let plain = || {
        let mut node = api.origin("srs");
        node.endpoints.insert("rtc".to_owned(), ours("x", address).endpoints["rtc"].clone());
        Node { capabilities: Vec::new(), ..node }
    };
    let shared = Arc::new(srs_balance::Memory::new("memory"));
    let relay =
        || crate::testkit::relay_in(Arc::clone(&shared) as Arc<dyn srs_balance::Directory>, [plain()]);
    let (first, second) = (crate::rtc::testkit::opened(relay()), crate::rtc::testkit::opened(relay()));
    assert_eq!(post(&first, "/rtc/v1/whip/?app=live&stream=s", "v=0").await.0.status(), 201);
    for relay in [first, second] {
        let stand = Stand::of(relay);
        let (client, from) = connected(&stand, &media, &theirs).await;
        media.send_to(b"\x80 down", from).await.unwrap();
        assert_eq!(heard(&client).await.0, b"\x80 down");
        let nobody = self::client(stand.port).await;
        let wrong = Credentials { password: "another".to_owned(), ..theirs.clone() };
        nobody.send(&request(&wrong, 2)).await.unwrap();
        client.send(b"\x80 up to the node").await.unwrap();
        assert_eq!(heard(&media).await, (b"\x80 up to the node".to_vec(), from));
    }
}

#[tokio::test]
async fn a_node_whose_port_is_closed_ends_the_path() {
    let (node, address) = socket().await;
    let stand = Stand::of(proxy([ours("a", address)]));
    let (client, _) = connected(&stand, &node, &credentials("a")).await;
    drop(node);
    // A browser says something many times a second.
    let over = async {
        while !stand.relay.legs().is_empty() {
            let _closed = client.send(b"\x80 more and more").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, over).await.expect("the path stays");
}

#[tokio::test]
async fn a_publishers_claim_is_kept_while_its_media_passes() {
    let (node, address) = socket().await;
    let ours_at = credentials("a");
    let ufrag = ours_at.ufrag.clone();
    let api = Api::start(move |_| created("/s/1", &ufrag)).await;
    let mut origin = ours("a", address);
    origin.endpoints.insert("api".to_owned(), api.origin("x").endpoints["api"].clone());
    let stand = Stand::of(proxy([origin]));
    post(&stand.relay, "/rtc/v1/whip/?app=live&stream=s", "v=0").await;
    let (_client, _) = connected(&stand, &node, &ours_at).await;
    let name = session_of(&ours_at.ufrag);
    assert!(stand.relay.rtc.published.passes(name, true, stand.relay.now()));
}

#[tokio::test]
async fn a_client_by_tcp_is_passed_on_as_datagrams() {
    let (node, address) = socket().await;
    let stand = Stand::of(proxy([ours("a", address)]));
    let ours = credentials("a");
    let mut client = TcpStream::connect(stand.tcp).await.unwrap();
    let framed = |datagram: &[u8]| [&u16::try_from(datagram.len()).unwrap().to_be_bytes(), datagram].concat();
    client.write_all(&framed(&request(&ours, 1))).await.unwrap();
    let (first, from) = heard(&node).await;
    assert_eq!(first, request(&ours, 1));
    client.write_all(&framed(b"\x80 media of the client")).await.unwrap();
    assert_eq!(heard(&node).await, (b"\x80 media of the client".to_vec(), from));
    node.send_to(b"\x80 media of the node", from).await.unwrap();
    let mut came = [0; 2 + 19];
    timeout(PATIENCE, client.read_exact(&mut came)).await.expect("nothing comes").unwrap();
    assert_eq!(&came, b"\0\x13\x80 media of the node");
}

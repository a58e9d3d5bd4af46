use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use super::*;

const WITHIN: Duration = Duration::from_secs(1);

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    listener().await.1
}

/// An address that answers no more connections, as long as these are kept.
fn mute() -> (Socket, Vec<std::net::TcpStream>, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let soon = Duration::from_millis(100);
    let waiting = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, soon).ok());
    let waiting = waiting.take(64).collect();
    (socket, waiting, address)
}

#[tokio::test]
async fn an_address_that_refuses_is_passed_over() {
    let ((_open, address), dead) = (listener().await, nobody().await);
    let stream = first(&[dead, address], WITHIN).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[tokio::test]
async fn addresses_that_say_nothing_leave_time_for_the_last_one() {
    let (_open, address) = listener().await;
    let (_socket, _waiting, mute) = mute();
    let stream = first(&[mute, mute, mute, address], WITHIN).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[tokio::test]
async fn a_server_none_of_whose_addresses_answers_is_given_up_in_time() {
    let (_socket, _waiting, mute) = mute();
    let began = Instant::now();
    let failed = first(&[mute, mute], WITHIN).await.unwrap_err();
    assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    assert!(began.elapsed() < WITHIN * 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_is_dialled_by_its_address_and_by_its_name() {
    let (_open, address) = listener().await;
    for host in ["127.0.0.1", "localhost"] {
        let stream = by_name(host, address.port(), WITHIN).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address, "{host}");
    }
}

#[tokio::test]
async fn what_is_no_name_has_no_address() {
    assert!(addresses("no name", 1935, WITHIN).await.is_err());
}

use std::future::poll_fn;
use std::time::Duration;

use super::*;

const LOOPBACK: &str = "127.0.0.1:0";

fn bind(address: &str) -> Socket {
    Socket::new(bind_shared(&[address.parse().unwrap()], 1).unwrap().pop().unwrap()).unwrap()
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), what).await.expect("within 10 s")
}

/// The next datagrams: who sent them, to whom, and what is in them.
async fn receive(socket: &Socket) -> io::Result<Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)>> {
    let mut batch = Batch::default();
    within(poll_fn(|cx| socket.poll_receive(cx, &mut batch))).await?;
    Ok(batch.datagrams().map(|came| (came.from, came.to, came.bytes.to_vec())).collect())
}

async fn receive_all(socket: &Socket, count: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(receive(socket).await.unwrap().into_iter().map(|(_, _, bytes)| bytes));
    }
    all
}

fn numbered(count: u32, size: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|number| [&number.to_be_bytes()[..], &vec![number as u8; size - 4]].concat())
        .collect()
}

async fn send(socket: &Socket, to: SocketAddr, mut datagrams: &[u8], size: usize) {
    while !datagrams.is_empty() {
        match socket.try_send(to, None, datagrams, size) {
            Ok(taken) => datagrams = &datagrams[taken..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                within(poll_fn(|cx| socket.poll_room(cx))).await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_hundred_datagrams_and_a_shorter_one_arrive_as_they_were_and_in_order() {
    let (sender, receiver) = (bind(LOOPBACK), bind(LOOPBACK));
    let mut all = numbered(100, 1332);
    all.extend(b"shorter");
    send(&sender, receiver.local_addr(), &all, 1332).await;
    let came = receive_all(&receiver, 101).await;
    assert_eq!(came, all.chunks(1332).map(<[u8]>::to_vec).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_datagram_tells_who_sent_it_and_to_whom() {
    let (sender, receiver) = (bind(LOOPBACK), bind("0.0.0.0:0"));
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), receiver.local_addr().port());
    send(&sender, to, b"hello", 5).await;
    let came = receive(&receiver).await.unwrap();
    assert_eq!(came, [(sender.local_addr(), Some(to.ip()), b"hello".to_vec())]);
}

#[tokio::test]
async fn an_answer_comes_from_the_address_that_was_asked() {
    let (client, server) = (bind(LOOPBACK), bind("0.0.0.0:0"));
    let asked = SocketAddr::new("127.0.0.77".parse().unwrap(), server.local_addr().port());
    send(&client, asked, b"?", 1).await;
    let came = receive(&server).await.unwrap();
    let (from, to, _) = &came[0];
    server.try_send(*from, *to, b"!", 1).unwrap();
    assert_eq!(receive(&client).await.unwrap()[0].0, asked);
}

#[tokio::test]
async fn a_socket_for_both_families_shows_ipv4_addresses_as_such() {
    let server = bind("[::]:0");
    let client = bind(LOOPBACK);
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), server.local_addr().port());
    send(&client, to, b"?", 1).await;
    let came = receive(&server).await.unwrap();
    assert_eq!(came, [(client.local_addr(), Some(to.ip()), b"?".to_vec())]);
    server.try_send(came[0].0, came[0].1, &numbered(3, 8), 8).unwrap();
    assert_eq!(receive_all(&client, 3).await.concat(), numbered(3, 8));
}

#[tokio::test]
async fn a_closed_port_is_noticed_by_who_waits_for_its_answer() {
    let gone = bind(LOOPBACK).local_addr();
    let socket = Socket::connected(gone).unwrap();
    let mut batch = Batch::default();
    let waiting = poll_fn(|cx| socket.poll_receive(cx, &mut batch));
    let asking = async {
        tokio::task::yield_now().await;
        socket.try_send(gone, None, b"?", 1)
    };
    let (received, sent) = within(async { tokio::join!(biased; waiting, asking) }).await;
    sent.unwrap();
    assert_eq!(received.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_connected_socket_hears_nobody_else() {
    let (server, stranger) = (bind(LOOPBACK), bind(LOOPBACK));
    let client = Socket::connected(server.local_addr()).unwrap();
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), client.local_addr().port());
    send(&stranger, to, b"stranger", 8).await;
    send(&server, to, b"server", 6).await;
    assert_eq!(receive_all(&client, 1).await, [b"server"]);
}

#[tokio::test]
async fn sockets_that_share_a_port_get_each_client_on_one_of_them() {
    let sockets = bind_shared(&[LOOPBACK.parse().unwrap()], 2).unwrap();
    let to = sockets[0].local_addr().unwrap();
    assert_eq!(to, sockets[1].local_addr().unwrap());
    let client = bind(LOOPBACK);
    for _ in 0..4 {
        send(&client, to, b"?", 1).await;
    }
    let mut counts: Vec<usize> = Vec::new();
    for socket in sockets {
        let mut buffer = [0; 8];
        counts.push(std::iter::from_fn(|| socket.recv_from(&mut buffer).ok()).count());
    }
    counts.sort();
    assert_eq!(counts, [0, 4]);
}

#[test]
fn a_port_that_others_share_is_taken_all_the_same() {
    let first = bind_shared(&[LOOPBACK.parse().unwrap()], 2).unwrap();
    let again = bind_shared(&[first[0].local_addr().unwrap()], 2);
    assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn what_is_lent_twice_is_not_the_same_memory() {
    let (sender, receiver) = (bind(LOOPBACK), bind(LOOPBACK));
    send(&sender, receiver.local_addr(), b"outer", 5).await;
    within(poll_fn(|cx| {
        with_batch(|outer| {
            std::task::ready!(receiver.poll_receive(cx, outer))?;
            with_batch(|inner| assert_eq!(inner.datagrams().count(), 0));
            assert_eq!(outer.datagrams().map(|came| came.bytes.to_vec()).collect::<Vec<_>>(), [b"outer"]);
            Poll::Ready(io::Result::Ok(()))
        })
    }))
    .await
    .unwrap();
}

#[tokio::test]
async fn one_datagram_that_cannot_be_sent_does_not_slow_others_down_for_good() {
    let (sender, receiver) = (bind(LOOPBACK), bind(LOOPBACK));
    assert!(sender.sends_runs());
    within(poll_fn(|cx| sender.poll_room(cx))).await.unwrap();
    let nobodys = Some("224.0.0.1".parse().unwrap());
    let error = sender.try_send(receiver.local_addr(), nobodys, b"?", 1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(EINVAL));
    assert!(!sender.sends_runs());
    sender.doubted.set(sender.doubted.get().and_then(|doubted| doubted.checked_sub(DOUBT)));
    send(&sender, receiver.local_addr(), &numbered(3, 8), 8).await;
    assert!(sender.sends_runs());
    assert_eq!(receive_all(&receiver, 3).await.concat(), numbered(3, 8));
}

use std::time::Duration;

use srs_amf::Value;
use srs_rtmp::{Message, MessageKind};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;

fn config(address: SocketAddr, role: client::Role) -> client::Config {
    let url = format!("rtmp://{address}/live");
    client::Config::new(Value::object([("app", "live".into()), ("tcUrl", url.into())]), "s?token=1", role)
}

fn publish() -> client::Role {
    client::Role::Publish { kind: "live".to_owned() }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A server's link whose client began in `role`, and the client's.
async fn linked(role: client::Role) -> (Link<server::Session>, Request, Link<client::Session>) {
    let (listener, address) = listener().await;
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut link, request) = accept(stream, server::Config::default()).await.unwrap();
        match &request {
            Request::Publish(_) => link.machine().accept_publish(),
            Request::Play(_) => link.machine().accept_play(),
        }
        link.drain().await.unwrap();
        (link, request)
    };
    let ((link, request), dialled) = tokio::join!(serve, dial(address, config(address, role)));
    (link, request, dialled.unwrap())
}

fn message(time: u32, size: usize) -> Message {
    Message { kind: MessageKind::VIDEO, timestamp: time, stream_id: 1, body: Bytes::from(vec![7; size]) }
}

#[tokio::test]
async fn a_publish_is_asked_for_granted_and_carried() {
    let (mut server, request, mut client) = linked(publish()).await;
    let Request::Publish(request) = request else { panic!("{request:?}") };
    assert_eq!((request.stream.as_str(), request.connect.app.as_str()), ("s?token=1", "live"));
    let send = async {
        for time in 0..20 {
            client.machine().write(&message(time, 100_000));
            client.drain().await.unwrap();
        }
        client.machine().close();
        client.drain().await.unwrap();
    };
    let receive = async {
        let mut times = Vec::new();
        while let Some(event) = server.next().await.unwrap() {
            match event {
                server::Event::Message(message) => {
                    assert_eq!(message.body.len(), 100_000);
                    times.push(message.timestamp);
                }
                server::Event::EndOfStream => break,
                _ => {}
            }
        }
        times
    };
    let ((), times) = tokio::join!(send, receive);
    assert_eq!(times, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_play_is_asked_for_and_granted() {
    let (_server, request, _client) = linked(client::Role::Play).await;
    assert!(matches!(request, Request::Play(request) if request.stream == "s?token=1"));
}

#[tokio::test]
async fn a_refusal_reaches_the_dialler_in_the_servers_words() {
    let (listener, address) = listener().await;
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut link, _) = accept(stream, server::Config::default()).await.unwrap();
        link.machine().reject("NetStream.Publish.BadName", "the stream is busy");
        link.drain().await.unwrap();
        link
    };
    let (_link, dialled) = tokio::join!(serve, dial(address, config(address, publish())));
    let Err(Error::Refused { code, description }) = dialled else { panic!("not refused") };
    assert_eq!((code.as_str(), description.as_str()), ("NetStream.Publish.BadName", "the stream is busy"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_nothing_is_given_up_in_time() {
    let (listener, address) = listener().await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    // C0, C1 and a C2 of the simple handshake; then nothing.
    let mut shake = vec![0; 1 + 2 * 1536];
    shake[0] = 3;
    silent.write_all(&shake).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let began = Instant::now();
    let asked = accept(stream, server::Config::default()).await;
    assert!(matches!(asked, Err(Error::Slow("publish or play"))));
    assert_eq!(began.elapsed().as_secs(), limits::REQUEST.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_shake_hands_is_given_up_in_time() {
    let (listener, address) = listener().await;
    let _silent = TcpStream::connect(address).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let began = Instant::now();
    let asked = accept(stream, server::Config::default()).await;
    assert!(matches!(asked, Err(Error::Slow("handshake"))));
    assert_eq!(began.elapsed().as_secs(), limits::HANDSHAKE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let (listener, address) = listener().await;
    let began = Instant::now();
    let dialled = dial(address, config(address, publish())).await;
    assert!(matches!(dialled, Err(Error::Slow(_))));
    assert_eq!(began.elapsed().as_secs(), limits::DIAL_ANSWER.as_secs());
    drop(listener);
}

#[tokio::test]
async fn what_is_no_rtmp_is_a_protocol_error() {
    let (listener, address) = listener().await;
    let mut stranger = TcpStream::connect(address).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    assert!(matches!(accept(stream, server::Config::default()).await, Err(Error::Protocol(_))));
}

#[tokio::test]
async fn a_peer_that_closes_is_no_protocol_error() {
    let (listener, address) = listener().await;
    drop(TcpStream::connect(address).await.unwrap());
    let (stream, _) = listener.accept().await.unwrap();
    assert!(matches!(accept(stream, server::Config::default()).await, Err(Error::Closed)));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_event_can_be_broken_off_without_loss() {
    let (mut server, _, mut client) = linked(publish()).await;
    let sender = tokio::spawn(async move {
        for time in 0..200 {
            client.machine().write(&message(time, 1000));
            client.drain().await.unwrap();
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        client
    });
    let mut times = Vec::new();
    while times.len() < 200 {
        // Broken off again and again, mostly in the middle of a wait.
        if let Ok(event) = timeout(Duration::from_millis(3), server.next()).await
            && let Some(server::Event::Message(message)) = event.unwrap()
        {
            times.push(message.timestamp);
        }
    }
    assert_eq!(times, (0..200).collect::<Vec<_>>());
    drop(sender.await.unwrap());
}

#[tokio::test]
async fn the_last_words_of_a_peer_that_closed_are_read() {
    let (mut server, _, mut client) = linked(publish()).await;
    for time in 0..50 {
        client.machine().write(&message(time, 1000));
    }
    client.machine().close();
    client.drain().await.unwrap();
    drop(client);
    let mut times = Vec::new();
    loop {
        // Each answer meets a closed socket, the second one an error.
        server.machine().status("status", "Some.Code", "words");
        match server.next().await.unwrap().unwrap() {
            server::Event::Message(message) => times.push(message.timestamp),
            server::Event::EndOfStream => break,
            _ => {}
        }
    }
    assert_eq!(times, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_link_that_is_taken_apart_keeps_what_was_read_and_what_waits() {
    let (server, _, mut client) = linked(publish()).await;
    client.machine().write(&message(5, 10));
    client.machine().write(&message(6, 10));
    client.drain().await.unwrap();
    let mut server = server;
    let first = server.next().await.unwrap();
    server.machine().status("status", "Some.Code", "words");
    let (mut reader, _write, mut outbox) = server.split();
    assert!(matches!(first, Some(server::Event::Message(message)) if message.timestamp == 5));
    let second = reader.step().await.unwrap().unwrap();
    assert!(matches!(second.event, Some(server::Event::Message(message)) if message.timestamp == 6));
    let waits = outbox.take_all();
    assert!(waits.windows(9).any(|part| part == b"Some.Code"));
}

#[tokio::test]
async fn what_a_peer_says_while_it_is_watched_is_read_afterwards_and_its_close_is_told() {
    let (mut server, _, mut client) = linked(publish()).await;
    for time in 0..10 {
        client.machine().write(&message(time, 10_000));
        client.drain().await.unwrap();
        let before = server.reader.received();
        // The watch is given up again and again, amid a message as likely as not.
        while server.reader.received() == before {
            tokio::select! {
                biased;
                gone = server.reader.gone() => panic!("{gone}"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    for time in 0..10 {
        let event = server.next().await.unwrap();
        let Some(server::Event::Message(message)) = event else { panic!("{event:?}") };
        assert_eq!((message.timestamp, message.body.len()), (time, 10_000));
    }
    drop(client);
    let _error_or_closed = server.reader.gone().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_much_while_it_is_watched_is_not_read_without_end() {
    let (mut server, _, mut client) = linked(publish()).await;
    (0..40).for_each(|time| client.machine().write(&message(time, 1 << 20)));
    let (_reader, write, mut outbox) = client.split();
    tokio::select! {
        _ = poll_fn(|cx| outbox.poll_send(&write, cx)) => panic!("it was all taken"),
        gone = server.reader.gone() => panic!("{gone}"),
        () = tokio::time::sleep(Duration::from_secs(60)) => {}
    }
    assert!(server.reader.input.len() < 3 * limits::AHEAD_BYTES);
    for time in 0..40 {
        let next = async { server.next().await.unwrap() };
        let event = tokio::select! {
            event = next => event,
            _ = async { poll_fn(|cx| outbox.poll_send(&write, cx)).await.unwrap(); pending::<()>().await } => None,
        };
        let Some(server::Event::Message(message)) = event else { panic!("{event:?}") };
        assert_eq!((message.timestamp, message.body.len()), (time, 1 << 20));
    }
}

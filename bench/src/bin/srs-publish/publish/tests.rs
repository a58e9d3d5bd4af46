use std::pin::pin;

use bytes::{Bytes, BytesMut};
use srs_rtmp::{Message, server, tag};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

/// Longer than any of this takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// A server that takes one publisher, up to the end of its stream or of its connection.
struct Server {
    stream: TcpStream,
    session: server::Session,
    input: Bytes,
}

impl Server {
    async fn accept(listener: &TcpListener) -> Server {
        let (stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
        let session = server::Session::new(server::Config::default(), [7; 32]);
        Server { stream, session, input: Bytes::new() }
    }

    async fn next(&mut self) -> Option<server::Event> {
        loop {
            let event = self.session.handle_input(&mut self.input).unwrap();
            while let Some(output) = self.session.poll_output() {
                self.stream.write_all(&output).await.unwrap();
            }
            if event.is_some() {
                return event;
            }
            let mut block = BytesMut::new();
            if timeout(LIMIT, self.stream.read_buf(&mut block)).await.unwrap().unwrap() == 0 {
                return None;
            }
            self.input = block.freeze();
        }
    }

    /// Lets the publisher in, and gives its first `count` messages and whether the stream's end was told behind them.
    async fn receive(mut self, count: usize) -> (Vec<Message>, bool) {
        let mut messages = Vec::new();
        while messages.len() < count {
            match self.next().await {
                Some(server::Event::Publish(_)) => self.session.accept_publish(),
                Some(server::Event::Message(message)) => messages.push(message),
                Some(_) => {}
                None => return (messages, false),
            }
        }
        (messages, matches!(self.next().await, Some(server::Event::EndOfStream)))
    }

    async fn refuse(mut self) {
        while let Some(event) = self.next().await {
            if matches!(event, server::Event::Publish(_)) {
                self.session.reject("NetStream.Publish.BadName", "busy");
            }
        }
    }
}

/// Two frames 20 ms apart.
fn clip() -> Clip {
    let mut file = BytesMut::from(tag::FILE_HEADER.as_slice());
    tag::write(9, 0, &[0x17, 1, 0, 0, 0, 1], &mut file);
    tag::write(9, 20, &[0x27, 1, 0, 0, 0, 2], &mut file);
    Clip::parse(file.freeze()).unwrap()
}

async fn listen() -> (TcpListener, Address) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtmp://{}/live/s", listener.local_addr().unwrap()).parse().unwrap();
    (listener, url)
}

#[tokio::test]
async fn file_is_published_once_and_the_stream_ended_in_order() {
    let (listener, url) = listen().await;
    let clip = clip();
    let never = pin!(std::future::pending());
    let publish = run(&clip, &url, Instant::now(), true, never);
    let serve = async { Server::accept(&listener).await.receive(2).await };
    let (published, (messages, ended)) = tokio::join!(publish, serve);
    published.unwrap();
    let bodies: Vec<u8> = messages.iter().map(|message| message.body[5]).collect();
    assert_eq!((bodies, ended), (vec![1, 2], true));
}

#[tokio::test]
async fn later_connection_goes_on_above_the_timestamps_of_an_earlier_one() {
    let (listener, url) = listen().await;
    let clip = clip();
    let began = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
    let never = pin!(std::future::pending());
    let publish = run(&clip, &url, began, true, never);
    let serve = async { Server::accept(&listener).await.receive(2).await };
    let (published, (messages, _)) = tokio::join!(publish, serve);
    published.unwrap();
    assert!(messages[0].timestamp >= 5000, "{}", messages[0].timestamp);
    assert_eq!(messages[1].timestamp - messages[0].timestamp, 20);
}

#[tokio::test]
async fn request_to_end_ends_the_stream_in_order() {
    let (listener, url) = listen().await;
    let clip = clip();
    let (end, ended) = tokio::sync::oneshot::channel();
    let asked = pin!(async { ended.await.map_err(std::io::Error::other) });
    let publish = run(&clip, &url, Instant::now(), false, asked);
    let serve = async {
        let mut server = Server::accept(&listener).await;
        let mut end = Some(end);
        loop {
            match server.next().await {
                Some(server::Event::Publish(_)) => server.session.accept_publish(),
                Some(server::Event::Message(_)) => drop(end.take().map(|end| end.send(()))),
                Some(server::Event::EndOfStream) => return true,
                Some(_) => {}
                None => return false,
            }
        }
    };
    let (published, told) = tokio::join!(publish, serve);
    published.unwrap();
    assert!(told);
}

#[tokio::test]
async fn refusal_is_an_error_in_the_servers_words() {
    let (listener, url) = listen().await;
    let clip = clip();
    let never = pin!(std::future::pending());
    let publish = run(&clip, &url, Instant::now(), false, never);
    let serve = async { Server::accept(&listener).await.refuse().await };
    let (published, ()) = tokio::join!(publish, serve);
    assert!(published.unwrap_err().to_string().contains("NetStream.Publish.BadName busy"));
}

#[tokio::test]
async fn lost_connection_is_an_error() {
    let (listener, url) = listen().await;
    let clip = clip();
    let never = pin!(std::future::pending());
    let publish = run(&clip, &url, Instant::now(), false, never);
    let serve = async { Server::accept(&listener).await.receive(1).await };
    // The server is dropped after the first message.
    let (published, _) = tokio::join!(publish, async { timeout(LIMIT, serve).await });
    published.unwrap_err();
}

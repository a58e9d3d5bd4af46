//! Servers that are none of ours, and some that misbehave.

pub mod signalling;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use srs_rtmp::server::{Config, Event, PlayRequest, PublishRequest, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::media::Mark;
use crate::{Frame, within};

/// What a client of [`Rtmp`] wanted.
#[derive(Clone, Debug)]
pub enum Asked {
    /// To publish.
    Publish(PublishRequest),
    /// To play.
    Play(PlayRequest),
}

/// A plain RTMP server: remembers requests and published frames, gives every player the same clip.
pub struct Rtmp {
    /// Where it listens.
    pub address: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
    published: Arc<Mutex<Vec<Mark>>>,
    task: JoinHandle<()>,
}

impl Drop for Rtmp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rtmp {
    /// Starts one whose players get `clip` and then the end of the connection.
    pub async fn start(clip: Vec<Frame>) -> Rtmp {
        Rtmp::choosy(clip, "").await
    }

    /// The same, but whose stream's query lacks these words is refused: `NetStream.Play.Failed`, `not with this token`.
    pub async fn choosy(clip: Vec<Frame>, words: &'static str) -> Rtmp {
        let (listener, address) = listen().await;
        let (sender, asked) = mpsc::unbounded_channel();
        let published = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&published);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepting");
                tokio::spawn(serve(stream, clip.clone(), words, sender.clone(), Arc::clone(&kept)));
            }
        });
        Rtmp { address, asked, published, task }
    }

    /// The next request.
    pub async fn asked(&mut self) -> Asked {
        within("a request at the plain RTMP server", self.asked.recv()).await.expect("the server runs")
    }

    /// Everything that publishers sent.
    pub fn published(&self) -> Vec<Mark> {
        self.published.lock().expect("no panic inside").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    clip: Vec<Frame>,
    words: &str,
    asked: mpsc::UnboundedSender<Asked>,
    published: Arc<Mutex<Vec<Mark>>>,
) {
    let mut session = Session::new(Config::default(), [7; 32]);
    let mut input = Bytes::new();
    loop {
        let event = session.handle_input(&mut input).expect("the client speaks RTMP");
        let plays = matches!(event, Some(Event::Play(_)));
        let (mut more, mut refused) = (false, false);
        match event {
            Some(Event::Publish(request)) => {
                session.accept_publish();
                let _test_is_over = asked.send(Asked::Publish(request));
            }
            Some(Event::Play(request)) => {
                refused = !request.stream.contains(words);
                if refused {
                    session.reject("NetStream.Play.Failed", "not with this token");
                } else {
                    session.accept_play();
                }
                let _test_is_over = asked.send(Asked::Play(request));
            }
            Some(Event::Message(message)) => {
                let mark = Mark::of(message.kind.0, message.timestamp, &message.body);
                published.lock().expect("no panic inside").push(mark);
            }
            Some(_) => {}
            None => more = true,
        }
        let mut output = BytesMut::from(session.poll_output().unwrap_or_default().as_ref());
        if plays && !refused {
            let writer = srs_rtmp::chunk::Writer::new(60_000);
            clip.iter().for_each(|frame| writer.write(&frame.message(), &mut output));
        }
        if stream.write_all(&output).await.is_err() || plays {
            return;
        }
        if more {
            let mut block = BytesMut::with_capacity(64 << 10);
            match stream.read_buf(&mut block).await {
                Ok(count) if count > 0 => input = block.freeze(),
                _ => return,
            }
        }
    }
}

/// An HTTP server that gives every request the same bytes and closes.
pub struct Http {
    /// Where it listens.
    pub address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
    task: JoinHandle<()>,
}

impl Drop for Http {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Http {
    /// Starts one that answers with these bytes, head and body.
    pub async fn start(answer: impl Into<Vec<u8>>) -> Http {
        let (listener, address) = listen().await;
        let (sender, requests) = mpsc::unbounded_channel();
        let answer = answer.into();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("accepting");
                let (sender, answer) = (sender.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                        if !stream.read_buf(&mut head).await.is_ok_and(|count| count > 0) {
                            return;
                        }
                    }
                    let _test_is_over = sender.send(String::from_utf8_lossy(&head).into_owned());
                    let _client_left = stream.write_all(&answer).await;
                    let _client_left = stream.shutdown().await;
                    let _until_it_closes = stream.read_to_end(&mut head).await;
                });
            }
        });
        Http { address, requests, task }
    }

    /// The head of the next request.
    pub async fn request(&mut self) -> String {
        within("a request at the HTTP server", self.requests.recv()).await.expect("the server runs")
    }
}

/// Accepts every connection, reads it, and never says a word.
pub struct Silent {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Silent {
    /// Starts one.
    pub async fn start() -> Silent {
        let (listener, address) = listen().await;
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                held.push(listener.accept().await.expect("accepting"));
            }
        });
        Silent { address, task }
    }
}

/// Answers no attempt to connect, as a host that is switched off.
pub struct BlackHole {
    /// Where nothing is heard.
    pub address: SocketAddr,
    _listener: socket2::Socket,
    _full: Vec<std::net::TcpStream>,
}

impl BlackHole {
    /// A listener whose queue is full, so that the system drops whatever comes.
    pub fn start() -> BlackHole {
        let listener =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&any.into()).expect("a port of loopback");
        listener.listen(0).expect("a listener");
        let address =
            listener.local_addr().expect("an address").as_socket().expect("an address of the internet");
        let connect =
            || std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(300));
        let full = std::iter::repeat_with(connect).take(8).map_while(Result::ok).collect();
        BlackHole { address, _listener: listener, _full: full }
    }
}

/// An address where nobody listens, and connections are refused.
pub async fn refusing() -> SocketAddr {
    listen().await.1
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

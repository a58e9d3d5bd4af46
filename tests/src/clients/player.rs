//! An RTMP player that remembers what it got.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use srs_rtmp::client::{Config, Event, Role, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{Refusal, Target};
use crate::media::Mark;
use crate::{Frame, within};

/// A connection that speaks RTMP as a client.
pub(crate) struct Client {
    stream: TcpStream,
    session: Session,
    input: Bytes,
}

impl Client {
    pub(crate) async fn open(
        address: SocketAddr,
        target: &Target,
        role: Role,
        receive: Option<u32>,
    ) -> Result<Client, Refusal> {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = receive {
            socket.set_recv_buffer_size(bytes).expect("a receive buffer");
        }
        let broken = |error: std::io::Error| Refusal::Closed(error.to_string());
        let stream = within("connecting", socket.connect(address)).await.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let config = Config {
            arguments: target.arguments.clone(),
            ..Config::new(target.connect(), target.stream.clone(), role)
        };
        let mut client =
            Client { stream, session: Session::new(config, rand::random()), input: Bytes::new() };
        loop {
            match client.next().await {
                Ok(Some(Event::Started { .. })) => return Ok(client),
                Ok(Some(Event::Refused { code, description, .. })) => {
                    return Err(Refusal::Told { code, description });
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(Refusal::Closed("end of the connection".to_owned())),
                Err(error) => return Err(Refusal::Closed(error)),
            }
        }
    }

    /// None at the end of the connection.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            let event = self.session.handle_input(&mut self.input);
            if let Some(output) = self.session.poll_output() {
                self.stream.write_all(&output).await.map_err(|error| error.to_string())?;
            }
            if let Some(event) = event.map_err(|error| error.to_string())? {
                return Ok(Some(event));
            }
            let mut block = BytesMut::with_capacity(64 << 10);
            match self.stream.read_buf(&mut block).await {
                Ok(0) => return Ok(None),
                Ok(_) => self.input = block.freeze(),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    pub(crate) fn split(self) -> (TcpStream, Session, Bytes) {
        (self.stream, self.session, self.input)
    }
}

/// An RTMP player.
pub struct Player {
    client: Client,
    /// Everything that came, in order.
    pub got: Vec<Mark>,
    /// The codes of what the server said beside media, in order.
    pub told: Vec<String>,
    /// The last body of metadata.
    pub metadata: Option<Bytes>,
    /// Whether the server has closed.
    pub ended: bool,
}

impl Player {
    /// Connects and waits until the server says that playing has begun.
    pub async fn connect(address: SocketAddr, target: &Target) -> Result<Player, Refusal> {
        within("the answer to play", Self::open(address, target, None)).await
    }

    /// As [`Player::connect`], with a small receive buffer: a reader that stops is noticed soon.
    pub async fn connect_narrow(address: SocketAddr, target: &Target) -> Result<Player, Refusal> {
        within("the answer to play", Self::open(address, target, Some(16 << 10))).await
    }

    async fn open(address: SocketAddr, target: &Target, receive: Option<u32>) -> Result<Player, Refusal> {
        let client = Client::open(address, target, Role::Play, receive).await?;
        Ok(Player { client, got: Vec::new(), told: Vec::new(), metadata: None, ended: false })
    }

    /// The next message of media or data; none at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.client.next().await {
                Ok(Some(Event::Message(message))) => {
                    let frame = Frame { kind: message.kind.0, time: message.timestamp, body: message.body };
                    if frame.kind == crate::media::DATA && frame.body.starts_with(b"\x02\x00\x0aonMetaData") {
                        self.metadata = Some(frame.body.clone());
                    }
                    self.got.push(frame.mark());
                    return Some(frame);
                }
                Ok(Some(Event::Status { code, .. })) => self.told.push(code),
                Ok(Some(Event::StreamEof)) => self.told.push("StreamEof".to_owned()),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => {
                    self.ended = true;
                    return None;
                }
            }
        }
    }

    /// Plays until `count` coded frames came in all.
    pub async fn frames(&mut self, count: usize) {
        let mut have = crate::media::coded(&self.got).len();
        let what = format!("{count} frames over RTMP");
        within(&what, async {
            while have < count {
                let Some(frame) = self.next().await else {
                    panic!("the stream ended after {have} of {count} frames; told: {:?}", self.told)
                };
                have += usize::from(frame.mark().is_coded());
            }
        })
        .await;
    }

    /// Plays until the payload with this mark came.
    pub async fn reach(&mut self, mark: Mark) {
        within("a certain frame over RTMP", async {
            while let Some(frame) = self.next().await {
                if frame.mark().sha256 == mark.sha256 {
                    return;
                }
            }
            panic!("the stream ended before the frame {mark:?}; told: {:?}", self.told);
        })
        .await;
    }

    /// Plays to the end of the connection.
    pub async fn finish(&mut self) {
        within("the end of the stream over RTMP", async { while self.next().await.is_some() {} }).await;
    }
}

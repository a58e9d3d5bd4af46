//! Drives an RTMP session over a socket.
//!
//! [`accept`] runs a client's session until it asks to publish or to play and hands that request out; [`dial`] opens
//! one towards another node until it has begun. What happens then is the caller's business: it reads with
//! [`Link::next`], or takes the link apart with [`Link::split`] when somebody else writes.

mod pass_on;

use std::future::{Future as _, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use srs_rtmp::{Error as ProtocolError, client, server};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Outbox, buffer, limits, tcp};
pub use pass_on::PassOn;

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer broke the protocol.
    #[error("protocol error: {0}")]
    Protocol(#[from] ProtocolError),
    /// The socket failed.
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    /// The peer did not do what was due in time.
    #[error("no {0} in time")]
    Slow(&'static str),
    /// The peer does not take what it is sent.
    #[error("the peer does not read its answers")]
    Stalled,
    /// The peer closed.
    #[error("closed by the peer")]
    Closed,
    /// The other node refused.
    #[error("refused by the server: {code} {description}")]
    Refused {
        /// The status code, such as `NetStream.Publish.BadName`.
        code: String,
        /// The server's words.
        description: String,
    },
}

/// A pure session, as the driver sees it.
pub trait Machine {
    /// What it yields.
    type Event;
    /// See [`srs_rtmp::server::Session::handle_input`].
    fn handle_input(&mut self, input: &mut Bytes) -> Result<Option<Self::Event>, ProtocolError>;
    /// See [`srs_rtmp::server::Session::poll_output`].
    fn poll_output(&mut self) -> Option<Bytes>;
}

impl Machine for server::Session {
    type Event = server::Event;
    fn handle_input(&mut self, input: &mut Bytes) -> Result<Option<server::Event>, ProtocolError> {
        server::Session::handle_input(self, input)
    }
    fn poll_output(&mut self) -> Option<Bytes> {
        server::Session::poll_output(self)
    }
}

impl Machine for client::Session {
    type Event = client::Event;
    fn handle_input(&mut self, input: &mut Bytes) -> Result<Option<client::Event>, ProtocolError> {
        client::Session::handle_input(self, input)
    }
    fn poll_output(&mut self) -> Option<Bytes> {
        client::Session::poll_output(self)
    }
}

/// A session with the reading half of its socket.
#[derive(Debug)]
pub struct Reader<M> {
    /// The session.
    pub machine: Box<M>,
    half: OwnedReadHalf,
    input: Bytes,
    /// Bytes read from the socket, modulo 2^64.
    received: u64,
}

impl<M: Machine> Reader<M> {
    /// The next event in what was read already; none when more must be read.
    pub fn buffered(&mut self) -> Result<Option<M::Event>, Error> {
        let event = self.machine.handle_input(&mut self.input)?;
        if event.is_none() {
            // All used up: let go of the shard's read block.
            self.input = Bytes::new();
        }
        Ok(event)
    }

    /// Closes the connection: see [`tcp::close`].
    pub async fn close(self, write: OwnedWriteHalf) {
        tcp::close(self.half, write).await;
    }

    /// Reads more; false at the end of the connection.
    pub async fn fill(&mut self) -> Result<bool, Error> {
        self.input = buffer::read(&mut self.half).await?;
        self.received = self.received.wrapping_add(self.input.len() as u64);
        Ok(!self.input.is_empty())
    }

    /// Bytes that came from the peer, modulo 2^64: what has not changed between two looks says that it was silent.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Ready when the peer has closed or is lost; for who waits for somebody else meanwhile. What the peer says is kept
    /// for later reads. One that says more than [`limits::AHEAD_BYTES`] is there and is watched no longer.
    pub async fn gone(&mut self) -> Error {
        // It may be kept for long: it must not pin the shard's read block.
        self.input = buffer::detach(&self.input);
        while self.input.len() < limits::AHEAD_BYTES {
            match buffer::read(&mut self.half).await {
                Ok(more) if more.is_empty() => return Error::Closed,
                Ok(more) => {
                    self.received = self.received.wrapping_add(more.len() as u64);
                    let input = std::mem::take(&mut self.input);
                    // Nobody shares it, so that this copies nothing.
                    let mut input =
                        input.try_into_mut().unwrap_or_else(|input| BytesMut::from(input.as_ref()));
                    input.extend_from_slice(&more);
                    self.input = input.freeze();
                }
                Err(error) => return error.into(),
            }
        }
        pending().await
    }

    /// The next event, or the session's output once there is some; none at the end of the connection.
    pub async fn step(&mut self) -> Result<Option<Step<M::Event>>, Error> {
        loop {
            let event = self.buffered()?;
            let output = self.machine.poll_output();
            if event.is_some() || output.is_some() {
                return Ok(Some(Step { event, output: output.unwrap_or_default() }));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }
}

/// What one look at the input gave.
#[derive(Debug)]
pub struct Step<E> {
    /// What the peer asked or sent.
    pub event: Option<E>,
    /// What is to be sent to the peer.
    pub output: Bytes,
}

/// A session with its socket.
#[derive(Debug)]
pub struct Link<M> {
    /// The session and the reading half.
    pub reader: Reader<M>,
    write: OwnedWriteHalf,
    outbox: Outbox,
    /// The peer takes no more; what it sent before that is still read.
    deaf: bool,
}

impl<M: Machine> Link<M> {
    /// A session over a connected socket.
    pub fn new(stream: TcpStream, machine: M) -> Link<M> {
        let (half, write) = stream.into_split();
        let reader = Reader { machine: Box::new(machine), half, input: Bytes::new(), received: 0 };
        Link { reader, write, outbox: Outbox::default(), deaf: false }
    }

    /// The session.
    pub fn machine(&mut self) -> &mut M {
        &mut self.reader.machine
    }

    /// The next event; none at the end of the connection. What the session has to say is sent on the way.
    pub async fn next(&mut self) -> Result<Option<M::Event>, Error> {
        loop {
            let event = self.reader.buffered();
            self.flush().await?;
            if let Some(event) = event? {
                return Ok(Some(event));
            }
            if !self.turn().await? {
                return Ok(None);
            }
        }
    }

    /// Offers the session's output to the socket; what it does not take now is sent by later calls.
    ///
    /// That the peer closed is no error here: its last words may wait to be read, and reading tells the end.
    pub async fn flush(&mut self) -> Result<(), Error> {
        while let Some(output) = self.reader.machine.poll_output() {
            self.outbox.push(output);
        }
        if self.outbox.is_empty() {
            return Ok(());
        }
        poll_fn(|cx| {
            self.offer(cx);
            Poll::Ready(())
        })
        .await;
        if self.outbox.len() > limits::OUTBOX_BYTES { Err(Error::Stalled) } else { Ok(()) }
    }

    fn offer(&mut self, cx: &mut Context<'_>) {
        if self.deaf || matches!(self.outbox.poll_send(&self.write, cx), Poll::Ready(Err(_))) {
            self.deaf = true;
            self.outbox = Outbox::default();
        }
    }

    /// Sends everything before it returns, within [`limits::STALL`].
    pub async fn drain(&mut self) -> Result<(), Error> {
        self.flush().await?;
        if self.deaf {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        }
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        timeout(limits::STALL, sent).await.map_err(|_| Error::Stalled)??;
        Ok(())
    }

    /// Lets a peer that has ended its stream say the rest and close by itself, within [`limits::LINGER`]. Encoders send
    /// several commands to stop, and take a connection that closes in between for a failure.
    pub async fn linger(&mut self) {
        let rest = async { while let Ok(Some(_)) = self.next().await {} };
        let _closed_by_us = timeout(limits::LINGER, rest).await;
    }

    /// Reads more, and sends what waits; false at the end of the connection.
    async fn turn(&mut self) -> Result<bool, Error> {
        if self.outbox.is_empty() {
            return self.reader.fill().await;
        }
        let Link { reader, write, outbox, deaf } = self;
        let mut fill = std::pin::pin!(reader.fill());
        poll_fn(|cx| {
            if !*deaf && matches!(outbox.poll_send(write, cx), Poll::Ready(Err(_))) {
                *deaf = true;
            }
            fill.as_mut().poll(cx)
        })
        .await
    }

    /// The parts: the session with its reading half, the writing half, and what waits to be written.
    pub fn split(mut self) -> (Reader<M>, OwnedWriteHalf, Outbox) {
        while let Some(output) = self.reader.machine.poll_output() {
            self.outbox.push(output);
        }
        // The rest of what was read may be kept for long: it must not pin the shard's read block.
        self.reader.input = buffer::detach(&self.reader.input);
        (self.reader, self.write, self.outbox)
    }
}

/// What a client asks for.
#[derive(Debug)]
pub enum Request {
    /// To publish.
    Publish(server::PublishRequest),
    /// To play.
    Play(server::PlayRequest),
}

/// Runs a client's session until it asks to publish or to play.
///
/// On an error what the session still has to say is sent before it is returned.
pub async fn accept(
    stream: TcpStream,
    config: server::Config,
) -> Result<(Link<server::Session>, Request), Error> {
    let mut link = Link::new(stream, server::Session::new(config, rand::random()));
    let asked = ask(&mut link).await;
    match asked {
        Ok(request) => Ok((link, request)),
        Err(error) => {
            let _told_if_possible = link.drain().await;
            Err(error)
        }
    }
}

async fn ask(link: &mut Link<server::Session>) -> Result<Request, Error> {
    let began = Instant::now();
    loop {
        let event = link.reader.buffered();
        link.flush().await?;
        match event? {
            Some(server::Event::Publish(request)) => return Ok(Request::Publish(request)),
            Some(server::Event::Play(request)) => return Ok(Request::Play(request)),
            Some(_) => continue,
            None => {}
        }
        let (limit, what) = if link.machine().is_shaken() {
            (limits::REQUEST, "publish or play")
        } else {
            (limits::HANDSHAKE, "handshake")
        };
        match timeout_at(began + limit, link.turn()).await {
            Ok(more) => {
                if !more? {
                    return Err(Error::Closed);
                }
            }
            Err(_) => return Err(Error::Slow(what)),
        }
    }
}

/// Opens a session to another node, until it says that publishing or playing has begun.
pub async fn dial(address: SocketAddr, config: client::Config) -> Result<Link<client::Session>, Error> {
    open(tcp::dial(address).await?, config).await
}

/// As [`dial`], over a connection that stands.
pub async fn open(stream: TcpStream, config: client::Config) -> Result<Link<client::Session>, Error> {
    let mut link = Link::new(stream, client::Session::new(config, rand::random()));
    let started = async {
        loop {
            match link.next().await? {
                None => return Err(Error::Closed),
                Some(client::Event::Started { .. }) => return Ok(()),
                Some(client::Event::Refused { code, description, .. }) => {
                    return Err(Error::Refused { code, description });
                }
                Some(_) => {}
            }
        }
    };
    timeout(limits::DIAL_ANSWER, started).await.unwrap_or(Err(Error::Slow("answer")))?;
    Ok(link)
}

#[cfg(test)]
mod tests;

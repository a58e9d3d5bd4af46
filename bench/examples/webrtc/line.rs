//! One end of a session at a socket of its own: as the server sees it, a machine of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use srs_net::udp::{Socket, with_batch};
use srs_peer::rtc::client::{Caller, Client};
use srs_rtc::engine::{Ended, Event, Packet};
use srs_rtc::{Engine, Path};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout};

/// What the socket may hold: a key frame while this process has no turn. The system may allow less.
const BUFFER: usize = 1 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
const LONG: Duration = Duration::from_secs(3600);

/// An end and its socket.
pub struct Line {
    socket: Socket,
    engine: Client,
    alarm: Pin<Box<Sleep>>,
    out: BytesMut,
    /// Batches of datagrams that came, and datagrams.
    pub reads: u64,
    pub datagrams: u64,
}

/// A socket for one end.
pub fn open() -> std::io::Result<(Socket, SocketAddr)> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let _less = (set_socket_recv_buffer_size(&socket, BUFFER), set_socket_send_buffer_size(&socket, BUFFER));
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    Ok((Socket::new(socket)?, local))
}

/// Sends an offer to `path` at a server; the answer.
pub async fn ask(to: SocketAddr, path: &str, offer: &str) -> Result<String, String> {
    let asked = timeout(PATIENCE, exchange(to, path, offer)).await;
    let text = asked.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no HTTP")?;
    let first = head.lines().next().unwrap_or_default();
    if first.split(' ').nth(1) == Some("201") { Ok(body.to_owned()) } else { Err(format!("{first}: {body}")) }
}

async fn exchange(to: SocketAddr, path: &str, offer: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(to).await?;
    let length = offer.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{offer}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

impl Line {
    /// What the caller offered was answered.
    pub fn new(socket: Socket, caller: Caller, answer: &str) -> Result<Line, String> {
        let engine = caller.answered(answer, Instant::now()).map_err(|error| error.to_string())?;
        let alarm = Box::pin(tokio::time::sleep(Duration::ZERO));
        Ok(Line { socket, engine, alarm, out: BytesMut::new(), reads: 0, datagrams: 0 })
    }

    /// Sends packets of media when it is next polled.
    pub fn send(&mut self, packets: &[Packet]) {
        let now = Instant::now();
        packets.iter().for_each(|packet| self.engine.send(now, packet));
    }

    /// Packets that were sent again.
    pub fn resent(&mut self) -> u64 {
        self.engine.stats(Instant::now()).resent
    }

    /// Does what is due, and tells what happened; ready when the session has ended.
    pub fn poll(&mut self, cx: &mut Context<'_>, told: &mut impl FnMut(Event, Instant)) -> Poll<Ended> {
        loop {
            let now = Instant::now();
            let more = self.receive(cx, now);
            let due = self.engine.tick(now);
            while let Some(path) = self.engine.next_datagram(now, &mut self.out) {
                // What a full socket does not take is lost, as datagrams may be.
                let _lost = self.socket.try_send(path.peer, None, &self.out, self.out.len());
                self.out.clear();
            }
            while let Some(event) = self.engine.next_event(now) {
                told(event, now);
            }
            if let Some(ended) = self.engine.ended() {
                return Poll::Ready(ended);
            }
            let at = tokio::time::Instant::from_std(due.unwrap_or(now + LONG));
            if self.alarm.deadline() != at {
                self.alarm.as_mut().reset(at);
            }
            if self.alarm.as_mut().poll(cx).is_ready() || more {
                continue;
            }
            return Poll::Pending;
        }
    }

    /// Takes a batch of datagrams; true when there may be more.
    fn receive(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        with_batch(|batch| match self.socket.poll_receive(cx, batch) {
            Poll::Pending => false,
            Poll::Ready(Err(_)) => true,
            Poll::Ready(Ok(())) => {
                self.reads += 1;
                let local = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
                for came in batch.datagrams() {
                    self.datagrams += 1;
                    self.engine.datagram(now, Path { peer: came.from, local, tcp: false }, came.bytes);
                }
                true
            }
        })
    }
}

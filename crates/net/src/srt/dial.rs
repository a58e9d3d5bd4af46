//! Calls to listeners of others.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use srs_srt::engine::{CallError, Caller, Ended, Progress};
use srs_srt::packet::{ControlKind, Header};
use srs_srt::{Engine, SocketId};
use tokio::time::Sleep;

use super::Connection;
use super::connection::{Left, Line};
use super::ids::Ids;
use super::refusals::Refusals;
use crate::turns::{Bell, now, soonest};
use crate::udp::{Batch, Datagram, Outgoing, Runs, Socket, canonical, with_batch};
use crate::{limits, shards};

/// Calls a listener. `make` makes who talks, with the socket id of this end and the time; how long it may take is the
/// caller's own limit. The connection has a socket and a driver of its own, on this shard.
///
/// # Errors
/// [`CallError`].
pub async fn dial<C, E>(
    to: SocketAddr,
    make: impl FnOnce(SocketId, Instant) -> Result<C, E>,
) -> Result<Connection, CallError>
where
    C: Caller,
    E: Into<CallError>,
{
    let to = canonical(to);
    let socket = Socket::connected(to).map_err(failed)?;
    let mut wire = Wire { socket, to, outgoing: Outgoing::default(), runs: Runs::default() };
    let mut caller = make(Ids::new(0, 1).make(|_| false), now()).map_err(E::into)?;
    let id = caller.local_id();
    let mut timer = pin!(tokio::time::sleep(limits::SRT_PENDING));
    let bell = Rc::default();
    let line = poll_fn(|cx| {
        let asked = shards::catch(|| ask(&mut wire, &mut caller, cx, timer.as_mut()));
        asked.unwrap_or(Poll::Ready(Err(CallError::Broken)))
    });
    let line = Line::new(id, to, line.await?, &bell);
    line.ring();
    let (rung, refusals, doubt) = (Vec::new(), Refusals::default(), Doubt::default());
    let driver = Driver { wire, line: Rc::clone(&line), bell, rung, refusals, doubt };
    shards::spawn(driver.run());
    Ok(Connection::new(line, None))
}

/// A socket that talks to one peer.
struct Wire {
    socket: Socket,
    to: SocketAddr,
    outgoing: Outgoing,
    runs: Runs<()>,
}

fn failed(error: io::Error) -> CallError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => CallError::Gone,
        kind => CallError::Socket(kind),
    }
}

/// Whether this is for the end with this id.
fn is_for(id: SocketId, datagram: &Datagram<'_>) -> Option<Header> {
    Header::read(datagram.bytes).ok().filter(|header| header.destination == id)
}

/// One turn of a call.
fn ask<C: Caller>(
    wire: &mut Wire,
    caller: &mut C,
    cx: &mut Context<'_>,
    mut timer: Pin<&mut Sleep>,
) -> Poll<Result<Box<dyn Engine>, CallError>> {
    loop {
        let (heard, progress) = with_batch(|batch| match wire.socket.poll_receive(cx, batch) {
            Poll::Pending => (false, Progress::Waiting),
            Poll::Ready(Ok(())) => (true, hear(caller, batch)),
            Poll::Ready(Err(error)) => (true, Progress::Failed(failed(error))),
        });
        match progress {
            Progress::Connected(engine) => return Poll::Ready(Ok(engine)),
            Progress::Failed(error) => return Poll::Ready(Err(error)),
            Progress::Waiting => {}
        }
        let now = now();
        let Some(due) = caller.tick(now) else { return Poll::Ready(Err(CallError::Silent)) };
        let Wire { socket, to, outgoing, runs } = wire;
        let mut result = Ok(());
        let mut send = |(), run: &[u8], size| {
            let sent = outgoing.send(socket, (*to, None), run, size);
            if sent.is_err() {
                result = sent;
            }
        };
        while runs.add(|out| caller.next_packet(now, out).then_some(()), &mut send) {}
        runs.end(&mut send);
        result.and(outgoing.flush(socket, cx)).map_err(failed)?;
        timer.as_mut().reset(soonest(now, due).into());
        if !heard && timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
    }
}

/// Gives a caller what came; what comes behind its last word is repeated by the listener.
fn hear<C: Caller>(caller: &mut C, batch: &mut Batch) -> Progress {
    let (id, now) = (caller.local_id(), now());
    for datagram in batch.datagrams() {
        if is_for(id, &datagram).is_some() {
            match caller.packet(now, datagram.bytes) {
                Progress::Waiting => {}
                progress => return progress,
            }
        }
    }
    Progress::Waiting
}

/// Drives one connection.
struct Driver {
    wire: Wire,
    line: Rc<Line>,
    bell: Rc<Bell<SocketId>>,
    rung: Vec<SocketId>,
    refusals: Refusals,
    doubt: Doubt,
}

/// Whether the peer is there is asked again soon, once its host said that it is not: a receiver sends next to nothing by
/// itself, and would learn of a dead peer by one word a second.
#[derive(Default)]
struct Doubt {
    /// The last datagram that had no media in it, which does no harm a second time.
    last: Vec<u8>,
    again: Option<Instant>,
}

impl Doubt {
    /// How soon it is asked again.
    const SOON: Duration = Duration::from_millis(150);
    /// What has no media in it is shorter: an acknowledgement has 44 bytes.
    const MOST: usize = 64;

    fn sent(&mut self, run: &[u8], size: usize) {
        if let Some(last) = run.chunks(size.max(1)).last().filter(|last| last.len() <= Doubt::MOST) {
            self.last.clear();
            self.last.extend_from_slice(last);
        }
    }

    /// What is to be asked now.
    fn due(&mut self, now: Instant) -> Option<&[u8]> {
        self.again.take_if(|again| *again <= now).map(|_| &self.last[..]).filter(|last| !last.is_empty())
    }
}

impl Driver {
    async fn run(mut self) {
        let mut timer = pin!(tokio::time::sleep(limits::SRT_PENDING));
        let line = Rc::clone(&self.line);
        let driven = shards::guarded("srt call", poll_fn(|cx| self.poll(cx, timer.as_mut())));
        if driven.await.is_none() {
            line.end(Ended::Broken);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        self.rung.clear();
        self.bell.answer(&mut self.rung, cx);
        let now = now();
        let (received, mut more) = self.receive(cx, now);
        let Wire { socket, to, outgoing, runs } = &mut self.wire;
        let mut result = received;
        let mut send = |(), run: &[u8], size| {
            self.doubt.sent(run, size);
            let sent = outgoing.send(socket, (*to, None), run, size);
            if sent.is_err() {
                result = sent;
            }
        };
        let left = self.line.turn(now, runs, &mut send);
        if let Some(question) = self.doubt.due(now) {
            let asked = outgoing.send(socket, (*to, None), question, question.len());
            result = result.and(asked);
        }
        let result = result.and(outgoing.flush(socket, cx));
        let refused = matches!(&result, Err(error) if error.kind() == io::ErrorKind::ConnectionRefused);
        if refused && self.refusals.refused(now) {
            self.line.end(Ended::Gone);
            return Poll::Ready(());
        }
        if refused {
            self.doubt.again = now.checked_add(Doubt::SOON);
        }
        match left {
            Left::Nothing(_) => return Poll::Ready(()),
            Left::More => more = true,
            Left::Until(due) => {
                if let Some(due) = due.into_iter().chain(self.doubt.again).min() {
                    timer.as_mut().reset(due.into());
                    more |= timer.poll(cx).is_ready();
                }
            }
        }
        if more {
            // Others of this thread have their turn first.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Takes what came, and whether there may be more.
    fn receive(&mut self, cx: &mut Context<'_>, now: Instant) -> (io::Result<()>, bool) {
        with_batch(|batch| {
            for _ in 0..limits::UDP_BATCHES {
                match self.wire.socket.poll_receive(cx, batch) {
                    Poll::Pending => return (Ok(()), false),
                    Poll::Ready(Err(error)) => return (Err(error), true),
                    Poll::Ready(Ok(())) => {}
                }
                for datagram in batch.datagrams() {
                    // The listener's last word may come twice.
                    let header = is_for(self.line.id, &datagram);
                    if header.is_some_and(|header| !header.is(ControlKind::HANDSHAKE)) {
                        self.refusals.heard();
                        self.doubt.again = None;
                        self.line.packet(now, datagram.bytes);
                    }
                }
            }
            (Ok(()), true)
        })
    }
}

//! A port and its drivers.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use srs_srt::{Cookies, SocketId};
use tokio::sync::mpsc;

use super::Knock;
use super::ids::Ids;
use super::live::Live;
use super::shard::{Shard, Strayed};
use super::state::State;
use crate::limits;
use crate::quiet::Quiet;
use crate::shards::{self, Handle};
use crate::tcp::Slots;
use crate::turns::{Alarm, Together, now};
use crate::udp::{self, Datagram, Socket, with_batch};

/// A port on which callers are heard: a socket for each shard.
#[derive(Debug)]
pub struct Port {
    sockets: Vec<UdpSocket>,
    local: SocketAddr,
}

impl Port {
    /// Opens it on the first of several addresses that this machine can have, as [`udp::bind_shared`] does.
    ///
    /// # Errors
    /// Of the system.
    pub fn bind(addresses: &[SocketAddr], shards: usize) -> io::Result<Port> {
        let sockets = udp::bind_shared(addresses, shards)?;
        let local = sockets.first().ok_or(io::ErrorKind::AddrNotAvailable)?.local_addr()?;
        Ok(Port { sockets, local })
    }

    /// Where it is.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// Hears callers on a port until `slots` is closed, and has `session` serve each on its shard.
///
/// Over the limit of `slots` callers are refused. Connections that there are when it is closed stay.
pub fn serve<S, F>(handle: &Handle, port: Port, cookies: Cookies, slots: Slots, session: S)
where
    S: Fn(Knock) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let shards = port.sockets.len().min(handle.count());
    for (part, socket) in Part::of(shards).into_iter().zip(port.sockets) {
        let (cookies, slots, session) = (cookies.clone(), slots.clone(), session.clone());
        handle.start_on(part.index, move || async move {
            match part.prepare(socket, cookies, slots) {
                Ok(shard) => part.drive(shard, session).await,
                Err(error) => tracing::error!(%error, "the port of SRT cannot be used"),
            }
        });
    }
}

/// What a shard's part of a port has in common with the others.
pub(super) struct Part {
    index: usize,
    /// The ways to all of them.
    all: Vec<mpsc::Sender<Strayed>>,
    strayed: mpsc::Receiver<Strayed>,
    live: Live,
    together: Together,
}

impl Part {
    /// The parts of a port of so many shards.
    pub(super) fn of(shards: usize) -> Vec<Part> {
        let (all, ways): (Vec<_>, Vec<_>) = (0..shards).map(|_| mpsc::channel(limits::SRT_STRAYED)).unzip();
        let part =
            |(index, ((strayed, live), together))| Part { index, all: all.clone(), strayed, live, together };
        ways.into_iter().zip(Live::of(shards)).zip(Together::of(shards)).enumerate().map(part).collect()
    }

    /// It begins, on its shard.
    pub(super) fn prepare(&self, socket: UdpSocket, cookies: Cookies, slots: Slots) -> io::Result<Rc<Shard>> {
        Ok(Rc::new(Shard {
            socket: Socket::new(socket)?,
            cookies,
            slots,
            ids: Ids::new(self.index, self.all.len()),
            all: self.all.clone(),
            live: self.live.clone(),
            bell: Rc::default(),
            state: RefCell::new(State::new(self.live.clone())),
            is_closed: Cell::new(false),
            complaint: Quiet::new(1),
        }))
    }

    /// Drives it until nobody is heard and nobody is there any more, here and on all other shards.
    pub(super) async fn drive<S, F>(self, shard: Rc<Shard>, session: S)
    where
        S: Fn(Knock) -> F + Clone + 'static,
        F: Future<Output = ()> + 'static,
    {
        let Part { strayed, together, .. } = self;
        let (rung, knocks, alarm) = (Vec::new(), Vec::new(), Alarm::new());
        drive(Driver { shard, strayed, together, session, rung, knocks, alarm }).await;
    }
}

async fn drive<S, F>(mut driver: Driver<S>)
where
    S: Fn(Knock) -> F + Clone + 'static,
    F: Future<Output = ()> + 'static,
{
    // What others have on this port outlives a panic.
    while shards::guarded("srt", driver.run()).await.is_none() {}
}

struct Driver<S> {
    shard: Rc<Shard>,
    strayed: mpsc::Receiver<Strayed>,
    together: Together,
    session: S,
    rung: Vec<SocketId>,
    knocks: Vec<Knock>,
    alarm: Alarm,
}

impl<S, F> Driver<S>
where
    S: Fn(Knock) -> F + Clone + 'static,
    F: Future<Output = ()> + 'static,
{
    async fn run(&mut self) {
        let slots = self.shard.slots.clone();
        let mut closed = pin!(slots.closed());
        let mut ended = pin!(self.together.left());
        self.shard.state.borrow_mut().turn_all();
        poll_fn(|cx| {
            if !self.shard.is_closed.get() && closed.as_mut().poll(cx).is_ready() {
                self.shard.is_closed.set(true);
            }
            self.poll(cx);
            ended.as_mut().poll(cx)
        })
        .await;
    }

    /// One turn of everybody: what came is taken, up to a limit, then what is due is done.
    fn poll(&mut self, cx: &mut Context<'_>) {
        let now = now();
        let shard = Rc::clone(&self.shard);
        self.rung.clear();
        shard.bell.answer(&mut self.rung, cx);
        let mut more = self.receive(cx, now);
        more |= self.take_strayed(cx, now);
        for knock in self.knocks.drain(..) {
            let session = self.session.clone();
            shards::spawn(async move { session(knock).await });
        }
        let mut state = shard.state.borrow_mut();
        state.pass(&shard.socket, now);
        more |= state.turn(&shard.socket, now, &mut self.rung);
        if let Err(error) = state.outgoing.flush(&shard.socket, cx) {
            tracing::debug!(%error, "datagrams of SRT were not sent");
        }
        if shard.is_closed.get() && state.is_empty() {
            self.together.leave();
        }
        if more {
            // Others of this thread have their turn first.
            return cx.waker().wake_by_ref();
        }
        self.alarm.set(cx, state.next());
    }

    /// Takes what came to this shard's socket; true when there may be more.
    fn receive(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        with_batch(|batch| {
            for _ in 0..limits::UDP_BATCHES {
                match self.shard.socket.poll_receive(cx, batch) {
                    Poll::Pending => return false,
                    Poll::Ready(Ok(())) => {
                        let came = batch.datagrams();
                        self.knocks.extend(came.filter_map(|came| self.shard.datagram(now, came, false)));
                    }
                    Poll::Ready(Err(error)) => {
                        let say = |_| tracing::warn!(%error, "a port of SRT cannot receive; trying again");
                        self.shard.complaint.say(say);
                    }
                }
            }
            true
        })
    }

    /// Takes what came to other shards; true when there may be more.
    fn take_strayed(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for _ in 0..limits::SRT_STRAYED {
            let Poll::Ready(Some(strayed)) = self.strayed.poll_recv(cx) else { return false };
            let Strayed { from, to, mut bytes } = strayed;
            let datagram = Datagram { from, to, bytes: &mut bytes };
            self.knocks.extend(self.shard.datagram(now, datagram, true));
        }
        true
    }
}

//! A port and its drivers.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use srs_rtc::Path;
use tokio::sync::mpsc;

use super::check::Counts;
use super::line::Id;
use super::names::Names;
use super::serving::Serving;
use super::shard::Shard;
use super::state::{Request, State};
use super::strays::{Errand, Strays};
use super::wire::take_in;
use super::{Door, Knock};
use crate::limits;
use crate::quiet::Quiet;
use crate::shards::{self, Handle};
use crate::tcp::Slots;
use crate::turns::{Alarm, Together, now};
use crate::udp::{self, Socket, sender, with_batch};

/// A port on which sessions are heard: a socket of UDP for each shard.
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

/// Hears clients on a port until `slots` is closed, and has `session` serve each of their sessions on its shard.
///
/// Over the limit of `slots` nobody new is heard. Sessions that there are when it is closed stay.
pub fn serve<S, F>(handle: &Handle, port: Port, door: Arc<dyn Door>, slots: Slots, session: S) -> Serving
where
    S: Fn(Knock) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let shards = port.sockets.len().min(handle.count());
    let (parts, serving) = Part::of(shards, &door);
    for (part, socket) in parts.into_iter().zip(port.sockets) {
        let (door, slots, session) = (Arc::clone(&door), slots.clone(), session.clone());
        handle.start_on(part.index, move || async move {
            match part.prepare(socket, door, slots) {
                Ok(shard) => part.drive(shard, session).await,
                Err(error) => tracing::error!(%error, "the port of WebRTC cannot be used"),
            }
        });
    }
    serving
}

/// What a shard's part of a port has in common with the others.
pub(super) struct Part {
    index: usize,
    /// The ways to all of them.
    all: Vec<mpsc::Sender<Errand>>,
    errands: mpsc::Receiver<Errand>,
    names: Names,
    counts: Arc<Counts>,
    together: Together,
}

impl Part {
    /// The parts of a port of so many shards.
    pub(super) fn of(shards: usize, door: &Arc<dyn Door>) -> (Vec<Part>, Serving) {
        let (all, ways): (Vec<_>, Vec<_>) = (0..shards).map(|_| mpsc::channel(limits::RTC_ERRANDS)).unzip();
        let (names, counts) = (Names::default(), Arc::<Counts>::default());
        let part = |(index, (errands, together))| {
            let (all, names, counts) = (all.clone(), names.clone(), Arc::clone(&counts));
            Part { index, all, errands, names, counts, together }
        };
        let parts = ways.into_iter().zip(Together::of(shards)).enumerate().map(part).collect();
        (parts, Serving::new(Arc::clone(door), names.clone(), Arc::clone(&counts), all.clone()))
    }

    /// It begins, on its shard.
    pub(super) fn prepare(
        &self,
        socket: UdpSocket,
        door: Arc<dyn Door>,
        slots: Slots,
    ) -> io::Result<Rc<Shard>> {
        let (own, names) = (self.index, self.names.clone());
        Ok(Rc::new(Shard {
            socket: Socket::new(socket)?,
            door,
            slots,
            own,
            names: names.clone(),
            counts: Arc::clone(&self.counts),
            bell: Rc::default(),
            state: RefCell::new(State::new(own, names, Strays::new(&self.all))),
            knocks: RefCell::default(),
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
        let Part { errands, together, .. } = self;
        let mut driver = Driver { shard, errands, together, session, rung: Vec::new(), alarm: Alarm::new() };
        // What others have on this port outlives a panic.
        while shards::guarded("webrtc", driver.run()).await.is_none() {}
    }
}

struct Driver<S> {
    shard: Rc<Shard>,
    errands: mpsc::Receiver<Errand>,
    together: Together,
    session: S,
    rung: Vec<Id>,
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
        more |= self.take_errands(cx, now);
        for knock in shard.knocks.take() {
            let session = self.session.clone();
            shards::spawn(async move { session(knock).await });
        }
        let mut state = shard.state.borrow_mut();
        state.pass(now);
        more |= state.turn(&shard.socket, now, &mut self.rung);
        if let Err(error) = state.outgoing.flush(&shard.socket, cx) {
            tracing::debug!(%error, "datagrams of WebRTC were not sent");
        }
        state.strays.flush();
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
                        for came in batch.datagrams() {
                            let path = Path { peer: came.from, local: sender(came.to), tcp: false };
                            self.shard.datagram(now, path, came.bytes, None, false);
                        }
                    }
                    Poll::Ready(Err(error)) => {
                        let say = |_| tracing::warn!(%error, "a port of WebRTC cannot receive; trying again");
                        self.shard.complaint.say(say);
                    }
                }
            }
            true
        })
    }

    /// Takes what came to other shards; true when there may be more.
    fn take_errands(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for _ in 0..limits::RTC_ERRANDS {
            let Poll::Ready(Some(errand)) = self.errands.poll_recv(cx) else { return false };
            match errand {
                Errand::Bundle(bundle) => bundle.each(|path, check, bytes| match check {
                    Some(check) => self.shard.request(now, Request { path, wire: None, check, bytes }),
                    None => self.shard.datagram(now, path, bytes, None, true),
                }),
                Errand::Came(came) => take_in(&self.shard, now, came),
            }
        }
        true
    }
}

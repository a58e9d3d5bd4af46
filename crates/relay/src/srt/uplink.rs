//! Sockets towards origins, which callers share: what many of them say in one turn goes out in a few calls, and what an origin
//! says to many of them comes in by one.
//!
//! An origin tells them apart by their numbers, of which each has one of its own here, whatever it calls itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::BytesMut;
use srs_net::shards;
use srs_net::udp::{Batch, Socket, canonical, with_batch};
use srs_srt::SocketId;
use srs_srt::packet::Header;

use super::pipe::Wire;
use crate::datagrams::Datagrams;
use crate::limits::{SRT_BACKLOG_BYTES, SRT_LINGER, SRT_TOGETHER, SRT_UPLINK_BATCHES, SRT_UPLINKS};

/// Ids have 30 bits: libsrt's own have no more, and its next one marks groups.
const MASK: u32 = 0x3fff_ffff;

/// A connection as its uplink has it.
pub(super) trait Ear {
    /// The origin sent this.
    fn hear(&self, now: Instant, datagram: &mut [u8]);

    /// The origin's host says that nobody is at its port.
    fn refused(&self);

    /// There is something new to do.
    fn wake(&self);
}

/// A caller on an uplink.
enum Guest {
    Asks(Asks),
    Passes(Box<dyn Ear>),
}

/// One whom the origin has not taken yet.
#[derive(Default)]
struct Asks {
    has_asked: bool,
    has_heard: bool,
    /// What the system says of what was sent, while nothing else was heard.
    trouble: Option<io::ErrorKind>,
    came: Datagrams,
}

struct Caller {
    guest: Guest,
    /// The session's.
    waker: Option<Waker>,
}

impl Caller {
    /// Tells what the system says of something that was sent; whether by this caller is not known.
    fn told(&mut self, trouble: io::ErrorKind) {
        match &mut self.guest {
            Guest::Asks(asks) if asks.has_asked && !asks.has_heard => {
                asks.trouble = Some(trouble);
                self.wake();
            }
            Guest::Passes(ear) if trouble == io::ErrorKind::ConnectionRefused => {
                ear.refused();
                ear.wake();
            }
            Guest::Asks(_) | Guest::Passes(_) => {}
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A socket to one origin, and who is heard through it.
pub(super) struct Uplink {
    socket: Socket,
    to: SocketAddr,
    callers: RefCell<HashMap<SocketId, Caller>>,
    outgoing: RefCell<Datagrams>,
    driver: RefCell<Option<Waker>>,
    /// Nobody else takes a seat.
    is_left: Cell<bool>,
    /// Somebody took a seat lately.
    is_used: Cell<bool>,
    over: Cell<Option<io::ErrorKind>>,
}

thread_local! {
    /// Those on which callers take seats.
    static UPLINKS: RefCell<HashMap<SocketAddr, Vec<Weak<Uplink>>>> = RefCell::default();
}

impl Uplink {
    /// The one for the next caller of this origin.
    fn find(to: SocketAddr) -> io::Result<Rc<Uplink>> {
        let mut there = UPLINKS.with_borrow(|all| all.get(&to).cloned()).unwrap_or_default();
        there.retain(|uplink| uplink.upgrade().is_some_and(|uplink| !uplink.is_left.get()));
        let seated = |uplink: &Rc<Uplink>| uplink.callers.borrow().len();
        let emptiest = there.iter().filter_map(Weak::upgrade).min_by_key(seated);
        let has_room = |uplink: &&Rc<Uplink>| there.len() >= SRT_UPLINKS || seated(uplink) < SRT_TOGETHER;
        if let Some(uplink) = emptiest.as_ref().filter(has_room) {
            return Ok(Rc::clone(uplink));
        }
        let socket = match (Socket::connected(to), emptiest) {
            (Ok(socket), _) => socket,
            (Err(_), Some(uplink)) => return Ok(uplink),
            (Err(error), None) => return Err(error),
        };
        let uplink = Rc::new(Uplink {
            socket,
            to,
            callers: RefCell::default(),
            outgoing: RefCell::default(),
            driver: RefCell::default(),
            is_left: Cell::new(false),
            is_used: Cell::new(true),
            over: Cell::new(None),
        });
        there.push(Rc::downgrade(&uplink));
        UPLINKS.with_borrow_mut(|all| all.insert(to, there));
        let driver = Driver { uplink: Rc::clone(&uplink) };
        shards::spawn(async move { while shards::guarded("srt uplink", driver.run()).await.is_none() {} });
        Ok(uplink)
    }

    /// Those who have seats stay, and others get another socket.
    fn leave(&self) {
        if self.is_left.replace(true) {
            return;
        }
        // Not any more when the thread ends.
        let _gone = UPLINKS.try_with(|all| {
            let mut all = all.borrow_mut();
            let Some(there) = all.get_mut(&self.to) else { return };
            there.retain(|uplink| uplink.upgrade().is_some_and(|uplink| !uplink.is_left.get()));
            if there.is_empty() {
                all.remove(&self.to);
            }
        });
    }

    /// Tells all callers what the system says of something that was sent.
    fn tell(&self, trouble: io::ErrorKind) {
        self.callers.borrow_mut().values_mut().for_each(|caller| caller.told(trouble));
    }

    /// Has the driver run, which sends what waits.
    fn ring(&self) {
        if let Some(driver) = self.driver.borrow_mut().take() {
            driver.wake();
        }
    }

    /// Gives each datagram to whom it is for.
    fn deal(&self, batch: &mut Batch) {
        let now = tokio::time::Instant::now().into_std();
        let mut callers = self.callers.borrow_mut();
        for datagram in batch.datagrams().filter(|datagram| datagram.from == self.to) {
            let Ok(header) = Header::read(datagram.bytes) else { continue };
            let Some(caller) = callers.get_mut(&header.destination) else { continue };
            match &mut caller.guest {
                Guest::Passes(ear) => {
                    ear.hear(now, datagram.bytes);
                    ear.wake();
                }
                Guest::Asks(asks) => {
                    asks.has_heard = true;
                    // What there is no room for is lost, as datagrams may be.
                    asks.came.push(datagram.bytes, SRT_BACKLOG_BYTES);
                    caller.wake();
                }
            }
        }
    }

    /// Sends what waits, as far as there is room; when something is left, the task is woken when there is.
    fn flush(&self, cx: &mut Context<'_>) {
        let mut outgoing = self.outgoing.borrow_mut();
        let mut is_told = false;
        while let Some((run, size)) = outgoing.run() {
            match self.socket.try_send(self.to, None, run, size) {
                Ok(taken) => outgoing.skip(taken.max(size)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !matches!(self.socket.poll_room(cx), Poll::Ready(Ok(()))) {
                        return;
                    }
                }
                Err(error) => {
                    self.tell(error.kind());
                    // Told of one that was sent before: this one was not.
                    let is_earlier = error.kind() == io::ErrorKind::ConnectionRefused;
                    if !is_earlier || std::mem::replace(&mut is_told, true) {
                        // As good as lost on the way.
                        outgoing.skip(size);
                    }
                }
            }
        }
    }
}

impl Wire for Rc<Uplink> {
    fn send(&self, datagrams: &[u8], size: usize) -> io::Result<usize> {
        if self.over.get().is_some() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let mut outgoing = self.outgoing.borrow_mut();
        let mut taken = 0_usize;
        for datagram in datagrams.chunks(size.max(1)) {
            if !outgoing.push(datagram, SRT_BACKLOG_BYTES) {
                break;
            }
            taken = taken.saturating_add(datagram.len());
        }
        drop(outgoing);
        self.ring();
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }
}

/// What moves datagrams between the socket and the callers. With it the uplink is over.
struct Driver {
    uplink: Rc<Uplink>,
}

impl Driver {
    /// Until nobody has had a seat for a while, or the socket is of no use any more.
    async fn run(&self) {
        let uplink = &self.uplink;
        let mut unused = pin!(async {
            loop {
                tokio::time::sleep(SRT_LINGER).await;
                let is_used = uplink.is_used.replace(false) || !uplink.callers.borrow().is_empty();
                if !is_used {
                    return;
                }
            }
        });
        poll_fn(|cx| {
            *uplink.driver.borrow_mut() = Some(cx.waker().clone());
            if let Err(error) = self.receive(cx) {
                tracing::warn!(origin = %uplink.to, %error, "a socket to an origin cannot receive");
                uplink.over.set(Some(error.kind()));
                return Poll::Ready(());
            }
            uplink.flush(cx);
            unused.as_mut().poll(cx)
        })
        .await;
    }

    /// Takes what came, up to a limit: then others of this thread have their turn.
    fn receive(&self, cx: &mut Context<'_>) -> io::Result<()> {
        let uplink = &self.uplink;
        with_batch(|batch| {
            for _ in 0..SRT_UPLINK_BATCHES {
                match uplink.socket.poll_receive(cx, batch) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(())) => uplink.deal(batch),
                    Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        uplink.tell(error.kind());
                    }
                    Poll::Ready(Err(error)) => return Err(error),
                }
            }
            cx.waker().wake_by_ref();
            Ok(())
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let uplink = &self.uplink;
        uplink.leave();
        uplink.over.set(uplink.over.get().or(Some(io::ErrorKind::NotConnected)));
        uplink.callers.borrow_mut().values_mut().for_each(Caller::wake);
    }
}

/// The place of one caller on an uplink. Dropping it frees that.
pub(super) struct Seat {
    uplink: Rc<Uplink>,
    id: SocketId,
}

impl Seat {
    /// One towards this address.
    ///
    /// # Errors
    /// Of the system, when there is no socket for it.
    pub(super) fn take(to: SocketAddr) -> io::Result<Seat> {
        let uplink = Uplink::find(canonical(to))?;
        uplink.is_used.set(true);
        let mut callers = uplink.callers.borrow_mut();
        // Never one that was used before: the origin remembers whom it refused, and who left.
        let id = loop {
            let id = SocketId(rand::random::<u32>() & MASK);
            if id != SocketId::LISTENER && !callers.contains_key(&id) {
                break id;
            }
        };
        callers.insert(id, Caller { guest: Guest::Asks(Asks::default()), waker: None });
        drop(callers);
        Ok(Seat { uplink, id })
    }

    /// By which number the origin addresses this caller.
    pub(super) fn id(&self) -> SocketId {
        self.id
    }

    /// The way to the origin.
    pub(super) fn wire(&self) -> Rc<Uplink> {
        Rc::clone(&self.uplink)
    }

    /// Says a word of the handshake; one for which there is no room is lost.
    pub(super) fn say(&self, word: &[u8]) {
        if let Some(Caller { guest: Guest::Asks(asks), .. }) =
            self.uplink.callers.borrow_mut().get_mut(&self.id)
        {
            asks.has_asked = true;
        }
        let _lost_if_full = self.uplink.send(word, word.len());
    }

    /// Waits for a word of the origin.
    ///
    /// # Errors
    /// What the system says of the origin while nothing was heard of it: [`io::ErrorKind::ConnectionRefused`] when nobody is at
    /// its port. [`io::ErrorKind::NotConnected`] when there is no socket any more.
    pub(super) fn poll_heard(&self, cx: &mut Context<'_>) -> Poll<io::Result<BytesMut>> {
        if let Some(caller) = self.uplink.callers.borrow_mut().get_mut(&self.id)
            && let Guest::Asks(asks) = &mut caller.guest
        {
            let mut word = BytesMut::new();
            if asks.came.pop(&mut word) {
                return Poll::Ready(Ok(word));
            }
            if let Some(trouble) = asks.trouble.take() {
                return Poll::Ready(Err(trouble.into()));
            }
        }
        self.poll_over(cx).map(Err)
    }

    /// Has this one hear from now on, and what came already.
    pub(super) fn pass(&self, ear: Box<dyn Ear>) {
        let now = tokio::time::Instant::now().into_std();
        let mut callers = self.uplink.callers.borrow_mut();
        let Some(caller) = callers.get_mut(&self.id) else { return };
        if let Guest::Asks(asks) = &mut caller.guest {
            let mut word = BytesMut::new();
            while asks.came.pop(&mut word) {
                ear.hear(now, &mut word);
                word.clear();
            }
        }
        ear.wake();
        caller.guest = Guest::Passes(ear);
    }

    /// Waits until the socket is of no use any more.
    pub(super) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if let Some(over) = self.uplink.over.get() {
            return Poll::Ready(over.into());
        }
        if let Some(caller) = self.uplink.callers.borrow_mut().get_mut(&self.id) {
            caller.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let caller = self.uplink.callers.borrow_mut().remove(&self.id);
        // Perhaps the way there has changed since the socket was opened.
        if matches!(caller, Some(Caller { guest: Guest::Asks(Asks { has_heard: false, .. }), .. })) {
            self.uplink.leave();
        }
    }
}

#[cfg(test)]
mod tests;

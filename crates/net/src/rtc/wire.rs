//! A connection of TCP by which a session's datagrams travel, each behind its length (RFC 4571).

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::{Buf as _, BytesMut};
use srs_rtc::Path;
use srs_rtc::frames::{self, Reader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::check::Check;
use super::shard::Shard;
use super::state::{Request, far};
use crate::turns::{Alarm, now, wait};
use crate::{limits, shards};

/// Bytes that are read at once.
const READ: usize = 16 << 10;

/// Reads before others of the shard have their turn.
const READS: usize = 4;

/// A connection whose first frame is a request for somebody who is known, on its way to that one's shard.
pub(super) struct Came {
    pub(super) stream: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) local: Option<IpAddr>,
    /// What was read behind the first frame.
    pub(super) reader: Reader,
    pub(super) first: BytesMut,
    pub(super) check: Check,
    /// Dropped at the end of the connection.
    pub(super) alive: oneshot::Sender<()>,
    /// Shards that sent it on.
    pub(super) hops: u8,
}

/// What waits to be written. Who else has it makes the connection one of use.
#[derive(Default)]
pub(super) struct Wire {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    out: BytesMut,
    /// Nothing belongs there any more.
    is_over: bool,
    waker: Option<Waker>,
}

impl Wire {
    /// Sends datagrams of `size` bytes each, the last one may be shorter. Those beyond [`limits::RTC_TCP_BYTES`] that wait
    /// are lost, as datagrams may be.
    pub(super) fn send(&self, run: &[u8], size: usize) {
        let mut inner = self.inner.borrow_mut();
        for datagram in run.chunks(size.max(1)) {
            if inner.out.len().saturating_add(datagram.len()) < limits::RTC_TCP_BYTES {
                let _too_long = frames::write(&mut inner.out, datagram);
            }
        }
        inner.wake();
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.inner.borrow().out.len()
    }

    /// Ends the connection, when what waits is written.
    pub(super) fn finish(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.is_over = true;
        inner.wake();
    }
}

impl Inner {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Takes in a connection that came to this shard, or sends it on where its session lives.
pub(super) fn take_in(shard: &Rc<Shard>, now: Instant, came: Box<Came>) {
    if let Some((other, _)) = shard.names.find(&came.check.key)
        && other != shard.own
        && came.hops < limits::RTC_HOPS
    {
        let came = Box::new(Came { hops: came.hops.saturating_add(1), ..*came });
        return shard.state.borrow().strays.give(other, came);
    }
    let Came { stream, peer, local, reader, mut first, check, alive, .. } = *came;
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let (path, wire) = (Path { peer, local, tcp: true }, Rc::<Wire>::default());
    shard.request(now, Request { path, wire: Some(&wire), check, bytes: &mut first });
    let running =
        Running { shard: Rc::clone(shard), wire, stream, reader, path, until: None, alarm: Alarm::new() };
    shards::spawn(async move {
        let _alive = alive;
        let mut running = running;
        std::future::poll_fn(|cx| running.poll(cx)).await;
    });
}

/// A connection at work.
struct Running {
    shard: Rc<Shard>,
    wire: Rc<Wire>,
    stream: TcpStream,
    reader: Reader,
    path: Path,
    /// When it must have been able to write something.
    until: Option<Instant>,
    alarm: Alarm,
}

impl Running {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = now();
        if self.frames(now).and_then(|()| self.read(cx, now)).is_err() {
            return Poll::Ready(());
        }
        // Neither a session nor somebody who waits has it.
        let is_over = Rc::strong_count(&self.wire) == 1 || self.wire.inner.borrow().is_over;
        let written = self.write(cx, now);
        if written.is_err() || is_over && matches!(written, Ok(true)) {
            return Poll::Ready(());
        }
        if matches!(written, Ok(true)) {
            self.until = None;
        } else if self.until.is_none() || is_over {
            let patience = if is_over { limits::RTC_GOODBYE } else { limits::STALL };
            let until = now.checked_add(patience);
            self.until = [self.until, until].into_iter().flatten().min();
        }
        if self.until.is_some_and(|until| until <= now) {
            tracing::debug!(peer = %self.path.peer, "a connection of WebRTC takes nothing and is closed");
            return Poll::Ready(());
        }
        self.alarm.set(cx, self.until);
        Poll::Pending
    }

    /// Takes what comes.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> io::Result<()> {
        let mut buffer = [0; READ];
        for _ in 0..READS {
            match self.stream.poll_read_ready(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(ready) => ready?,
            }
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.reader.push(buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            self.frames(now)?;
        }
        // Others of this thread have their turn first.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Gives away the datagrams that are whole.
    fn frames(&mut self, now: Instant) -> io::Result<()> {
        let mut any = false;
        while let Some(mut datagram) = self.reader.take().map_err(io::Error::other)? {
            self.shard.datagram(now, self.path, &mut datagram, Some(&self.wire), false);
            any = true;
        }
        if any {
            self.shard.bell.wake();
        }
        Ok(())
    }

    /// Writes what waits; true when that was all.
    fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> io::Result<bool> {
        let mut inner = self.wire.inner.borrow_mut();
        let _more: Poll<()> = wait(&mut inner.waker, cx);
        while !inner.out.is_empty() {
            match self.stream.poll_write_ready(cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(ready) => ready?,
            }
            match self.stream.try_write(&inner.out) {
                Ok(length) => {
                    inner.out.advance(length);
                    self.until = now.checked_add(limits::STALL);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shard.state.try_borrow_mut() {
            state.unwire(&far(&self.path), &self.wire);
        }
    }
}

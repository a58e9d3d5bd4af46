//! What the loops ask of the system: readiness, sockets, the clock, a core of their own.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::thread::CpuSet;
use rustix::time::ClockId;

use crate::Outcome;

/// Ready sockets taken per wait; more come with the next.
const BATCH: usize = 512;
/// What one discarding receive may take: more than a default socket buffer holds.
const DISCARD: usize = 8 << 20;
/// One receive of a decoding session.
const TAKE: usize = 256 * 1024;

/// CLOCK_MONOTONIC in nanoseconds: the clock of the marks.
pub fn now_ns() -> u64 {
    let time = rustix::time::clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Keeps this process on one core.
pub fn pin(cpu: Option<usize>) -> Outcome<()> {
    let Some(cpu) = cpu else { return Ok(()) };
    let mut set = CpuSet::new();
    set.set(cpu);
    rustix::thread::sched_setaffinity(None, &set).map_err(|error| format!("--pin {cpu}: {error}").into())
}

/// Raises the open-file limit to what the system allows.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Starts connecting; the socket becomes writable when it is done. TCP_NODELAY is set.
pub fn dial(address: SocketAddr) -> Outcome<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// What a receive or send came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Wait,
    /// The other side closed, or an error.
    Gone,
}

impl Io {
    fn of(result: rustix::io::Result<usize>) -> Self {
        match result {
            Ok(count) => Self::Bytes(count),
            Err(Errno::AGAIN | Errno::INTR) => Self::Wait,
            Err(_) => Self::Gone,
        }
    }
}

/// Receive memory shared by all sockets of a process.
pub struct Scratch(Vec<u8>);

impl Scratch {
    /// Address space for one discard; only what decoding sessions receive is ever touched.
    pub fn new() -> Self {
        Self(vec![0; DISCARD])
    }

    /// Drops what has arrived inside the kernel: with MSG_TRUNC, TCP frees the data without copying it.
    pub fn discard(&mut self, socket: &OwnedFd) -> Io {
        Self::closed_is_gone(
            rustix::net::recv(socket, self.0.as_mut_slice(), RecvFlags::TRUNC).map(|(_, len)| len),
        )
    }

    /// Receives into the shared memory.
    pub fn take(&mut self, socket: &OwnedFd) -> (Io, &[u8]) {
        let result = rustix::net::recv(socket, &mut self.0[..TAKE], RecvFlags::empty());
        let io = Self::closed_is_gone(result.map(|(_, len)| len));
        let taken = if let Io::Bytes(count) = io { count } else { 0 };
        (io, &self.0[..taken])
    }

    fn closed_is_gone(result: rustix::io::Result<usize>) -> Io {
        match Io::of(result) {
            Io::Bytes(0) => Io::Gone,
            io => io,
        }
    }
}

/// Sends what the socket takes of `bytes`.
pub fn send(socket: &OwnedFd, bytes: &[u8]) -> Io {
    Io::of(rustix::net::send(socket, bytes, SendFlags::NOSIGNAL))
}

/// Sends from the front of `queue` and keeps the rest; `false` when the connection is gone.
pub fn flush(socket: &OwnedFd, queue: &mut Vec<u8>) -> bool {
    if queue.is_empty() {
        return true;
    }
    match send(socket, queue) {
        Io::Bytes(count) if count == queue.len() => queue.clear(),
        Io::Bytes(count) => drop(queue.drain(..count)),
        Io::Wait => {}
        Io::Gone => return false,
    }
    true
}

/// A level-triggered epoll set whose entries are numbered by the caller.
pub struct Poll {
    set: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    /// An empty set.
    pub fn new() -> Outcome<Self> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { set, events: Vec::with_capacity(BATCH) })
    }

    /// Watches `socket` for data, and for room to send when `writable`.
    pub fn add(&self, socket: &OwnedFd, index: usize, writable: bool) -> Outcome<()> {
        Ok(epoll::add(&self.set, socket, epoll::EventData::new_u64(index as u64), interest(writable))?)
    }

    /// Changes whether room to send is watched for.
    pub fn change(&self, socket: &OwnedFd, index: usize, writable: bool) -> Outcome<()> {
        Ok(epoll::modify(&self.set, socket, epoll::EventData::new_u64(index as u64), interest(writable))?)
    }

    /// Watches `socket` no longer.
    pub fn remove(&self, socket: &OwnedFd) {
        let _ = epoll::delete(&self.set, socket);
    }

    /// Waits until something is ready or `until_ns` is reached; the numbers of ready entries, and if there may be more.
    pub fn wait(&mut self, until_ns: u64) -> Outcome<(Vec<usize>, bool)> {
        let left = until_ns.saturating_sub(now_ns());
        let timeout =
            Timespec { tv_sec: (left / 1_000_000_000) as i64, tv_nsec: (left % 1_000_000_000) as i64 };
        self.events.clear();
        match epoll::wait(&self.set, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<usize> = self.events.iter().map(|event| event.data.u64() as usize).collect();
        let full = ready.len() >= BATCH;
        Ok((ready, full))
    }
}

fn interest(writable: bool) -> epoll::EventFlags {
    if writable { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN }
}

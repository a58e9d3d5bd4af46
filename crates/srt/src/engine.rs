//! What answers at one end of a connection, as the driver of a socket sees it: datagrams and messages go in and come out,
//! and time is an argument.
//!
//! Two kinds of it exist: one that speaks SRT (retransmission, timing, ciphers), and one that passes datagrams on.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::{Reason, SocketId, handshake};

/// One end of a connection whose handshake is done.
///
/// After any call that changes something the driver calls [`Engine::tick`], then takes datagrams and messages until there
/// are none. No call blocks, and none may take long: others of its thread wait for it.
pub trait Engine {
    /// A datagram that is for this connection: it came from the peer's address and has this end's socket id. It may be
    /// changed in place, and is gone after the call.
    fn packet(&mut self, now: Instant, datagram: &mut [u8]);

    /// A message to be sent: at most [`MESSAGE`] bytes. False when there is no room for it, and it was not taken.
    fn send(&mut self, now: Instant, message: Bytes) -> bool;

    /// Whether there is room again, after a message was not taken. True where that is not known: then it is tried.
    fn has_room(&mut self, _now: Instant) -> bool {
        true
    }

    /// Does what is due. The answer is when to be called again at the latest; none when only something new can bring work.
    fn tick(&mut self, now: Instant) -> Option<Instant>;

    /// Appends the next datagram that is to be sent; false when there is none.
    fn next_packet(&mut self, now: Instant, out: &mut BytesMut) -> bool;

    /// The next message that was received and whose time has come.
    fn next_message(&mut self, now: Instant) -> Option<Bytes>;

    /// Ends the connection: the peer is told by the next datagrams, and nothing else comes any more.
    fn close(&mut self, now: Instant);

    /// Why the connection has ended; none while it lasts.
    fn ended(&self) -> Option<Ended>;

    /// How it goes.
    fn stats(&mut self, now: Instant) -> Stats;
}

/// One that calls a listener, until its handshake is done. It is driven as an [`Engine`] is.
pub trait Caller {
    /// The socket id of this end; only datagrams for it are given to [`Caller::packet`].
    fn local_id(&self) -> SocketId;

    /// A datagram that is for this end. After anything but [`Progress::Waiting`] the caller is not called any more.
    fn packet(&mut self, now: Instant, datagram: &mut [u8]) -> Progress;

    /// Does what is due. The answer is when to be called again at the latest; none when the time for the call is up, and it
    /// has failed ([`CallError::Silent`]).
    fn tick(&mut self, now: Instant) -> Option<Instant>;

    /// Appends the next datagram that is to be sent; false when there is none.
    fn next_packet(&mut self, now: Instant, out: &mut BytesMut) -> bool;
}

/// What became of a call.
pub enum Progress {
    /// Nothing yet.
    Waiting,
    /// The listener took it: the engine may have datagrams to send at once.
    Connected(Box<dyn Engine>),
    /// It is over.
    Failed(CallError),
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Progress::Waiting => f.write_str("Waiting"),
            Progress::Connected(_) => f.write_str("Connected"),
            Progress::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The listener refused it, or this end refused what the listener said: then the reason is what a listener would have.
    #[error("refused: {0}")]
    Refused(Reason),
    /// Nothing was heard in time.
    #[error("no answer in time")]
    Silent,
    /// The listener's host has nobody at that port.
    #[error("the port is closed")]
    Gone,
    /// The system has no socket for it, or no way there.
    #[error("no socket: {0}")]
    Socket(std::io::ErrorKind),
    /// What it was to say cannot be said.
    #[error(transparent)]
    Handshake(#[from] handshake::Error),
    /// A defect here.
    #[error("a defect here")]
    Broken,
}

/// Bytes of a message of live media: seven packets of a transport stream, what all encoders send.
pub const MESSAGE: usize = 7 * 188;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The peer said so.
    #[error("the peer closed the connection")]
    Peer,
    /// This end closed it.
    #[error("the connection was closed here")]
    Here,
    /// Nothing was heard for so long.
    #[error("nothing heard for {} s", .0.as_secs())]
    Silent(Duration),
    /// The peer acknowledges nothing of what is sent.
    #[error("the peer acknowledged nothing for {} s", .0.as_secs())]
    Deaf(Duration),
    /// So much was lost at once that what follows cannot be placed.
    #[error("too much was lost at once")]
    Lost,
    /// The peer's host has nobody at that port any more.
    #[error("the peer's port is closed")]
    Gone,
    /// A defect here.
    #[error("a defect here")]
    Broken,
    /// It was refused.
    #[error("refused: {0}")]
    Refused(Reason),
}

/// Figures of a connection since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Round trip; zero while it is not known.
    pub rtt: Duration,
    /// Packets of media received, each once.
    pub received: u64,
    /// Packets of media that never came in time.
    pub lost: u64,
    /// Packets of media that could not be decrypted.
    pub undecrypted: u64,
    /// Packets of media sent, each once.
    pub sent: u64,
    /// Packets of media sent again.
    pub resent: u64,
    /// Packets of media given up before they were acknowledged.
    pub dropped: u64,
    /// Packets of media not acknowledged yet.
    pub waiting: u64,
    /// Messages thrown away because nobody took them in time. The driver of the socket counts them, no engine does.
    pub overrun: u64,
}

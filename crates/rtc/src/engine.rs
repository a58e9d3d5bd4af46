//! What answers at one end of a session, as the driver of a socket sees it: datagrams go in and come out, media too, and
//! time is an argument.
//!
//! Two kinds of it exist: one that speaks WebRTC (DTLS, SRTP, RTCP), and one that passes datagrams on.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

/// Between which addresses a datagram travels. Addresses are canonical: IPv4 where they are that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// The far end.
    pub peer: SocketAddr,
    /// This end's address, where it is known: what is sent goes out from it.
    pub local: Option<IpAddr>,
    /// Over a connection of TCP, in the frames of RFC 4571.
    pub tcp: bool,
}

/// One end of a session.
///
/// After any call that changes something the driver calls [`Engine::tick`], then takes datagrams and events until there are
/// none. No call blocks, and none may take long: others of its thread wait for it.
pub trait Engine {
    /// A datagram for this session. It may be changed in place, and is gone after the call.
    fn datagram(&mut self, now: Instant, path: Path, bytes: &mut [u8]);

    /// Does what is due. The answer is when to be called again at the latest; none when only something new can bring work.
    fn tick(&mut self, now: Instant) -> Option<Instant>;

    /// Appends the next datagram that is to be sent, and says which way; none when there is none.
    fn next_datagram(&mut self, now: Instant, out: &mut BytesMut) -> Option<Path>;

    /// The next thing that happened.
    fn next_event(&mut self, now: Instant) -> Option<Event>;

    /// Sends one packet of media. One for whose codec nothing was agreed on is thrown away, and counted.
    fn send(&mut self, now: Instant, packet: &Packet);

    /// Asks the peer for something.
    fn ask(&mut self, now: Instant, asked: Asked);

    /// The peer begins anew to look for paths, as its side says: ICE restart, RFC 8445 section 9. `ours` holds for this
    /// side from now on.
    fn restart(&mut self, _now: Instant, _ours: Credentials, _theirs: Credentials) {}

    /// Ends the session: the peer is told by the next datagrams, and nothing else comes any more.
    fn close(&mut self, now: Instant);

    /// Why the session has ended; none while it lasts.
    fn ended(&self) -> Option<Ended>;

    /// How it goes.
    fn stats(&mut self, now: Instant) -> Stats;
}

/// User name and password of one side of ICE.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `ice-ufrag`.
    pub ufrag: String,
    /// `ice-pwd`.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// Which of a session's two flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Track {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// A codec that can be agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// The AV1 RTP specification, version 1.0.
    Av1,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 7587.
    Opus,
}

impl Codec {
    /// Whose flow it belongs to.
    pub fn track(self) -> Track {
        if self == Codec::Opus { Track::Audio } else { Track::Video }
    }
}

/// A packet of media to be sent. Its sequence number, payload type and SSRC are the session's.
#[derive(Debug, Clone)]
pub struct Packet {
    /// How it is encoded.
    pub codec: Codec,
    /// RTP time: 90 kHz for pictures, 48 kHz for Opus.
    pub time: u32,
    /// When what it carries was there to be seen or heard: what sender reports tell, by which players keep sound and picture
    /// together.
    pub wallclock: Instant,
    /// The last one of a frame (of Opus: the first of a talk spurt).
    pub marker: bool,
    /// What follows the RTP header: shared by all sessions that send it.
    pub payload: Arc<[u8]>,
}

/// Something that happened in a session.
#[derive(Debug)]
pub enum Event {
    /// The peer is who the SDP said, and media may go both ways.
    Connected,
    /// A frame came, whole or not.
    Frame(Frame),
    /// A packet of media came, at an end that takes packets rather than frames: that of tests and benchmarks.
    Packet(Received),
    /// The peer cannot go on without a key frame.
    KeyFrameWanted,
    /// What the way to the peer is good for, in bits a second, as the peer's feedback has it.
    Bandwidth(u64),
}

/// A frame that was received: an access unit of H.264 or H.265 in Annex B, a temporal unit of AV1 (OBUs with sizes, without
/// temporal delimiter), a frame of VP8, VP9 or Opus.
#[derive(Debug, Clone)]
pub struct Frame {
    /// How it is encoded.
    pub codec: Codec,
    /// Of simulcast: which layer (`rid`, RFC 8852).
    pub layer: Option<Arc<str>>,
    /// RTP time, which never wraps here.
    pub time: u64,
    /// Ticks a second of that.
    pub clock: u32,
    /// When its first packet came.
    pub came: Instant,
    /// The sender's newest word on which RTP time was which of its own clock.
    pub report: Option<Report>,
    /// Nothing is missing between the frame before and this one.
    pub follows: bool,
    /// It can be decoded alone, as far as packets say it.
    pub key: bool,
    /// The frame.
    pub data: Bytes,
}

/// A packet of media that was received. Packets come in the order of their arrival, each once.
#[derive(Debug, Clone)]
pub struct Received {
    /// How it is encoded.
    pub codec: Codec,
    /// RTP time.
    pub time: u32,
    /// Its number, which never wraps here.
    pub sequence: u64,
    /// The last one of a frame (of Opus: the first of a talk spurt).
    pub marker: bool,
    /// What follows the RTP header.
    pub payload: Bytes,
}

/// What a sender report says, RFC 3550 section 6.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The sender's clock: NTP time in units of 2^-32 s.
    pub ntp: u64,
    /// The same moment in RTP time.
    pub rtp: u32,
}

/// What a peer can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A key frame; of this layer, where there are layers.
    KeyFrame(Option<Arc<str>>),
    /// To send no more than so many bits a second.
    Bandwidth(u64),
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The peer said so.
    #[error("the peer closed the session")]
    Peer,
    /// This end closed it.
    #[error("the session was closed here")]
    Here,
    /// No check of the peer's came for so long: its consent has expired.
    #[error("nothing heard for {} s", .0.as_secs())]
    Silent(Duration),
    /// The peer is not who its SDP said, or speaks no DTLS that is understood here.
    #[error("DTLS failed: 1.2 or 1.3, and the certificate of the SDP, of ECDSA and not RSA, are wanted")]
    Dtls,
    /// The next node's host has nobody at that port any more.
    #[error("the peer's port is closed")]
    Gone,
    /// A defect here.
    #[error("a defect here")]
    Broken,
}

/// Figures of a session since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Round trip; zero while it is not known.
    pub rtt: Duration,
    /// Bytes received, in datagrams.
    pub received: u64,
    /// Bytes sent, in datagrams.
    pub sent: u64,
    /// Packets of media received, each once.
    pub received_packets: u64,
    /// Packets of media sent, each once.
    pub sent_packets: u64,
    /// Packets of media that never came.
    pub lost: u64,
    /// Packets of media sent again.
    pub resent: u64,
    /// Packets that had no agreed codec.
    pub unsent: u64,
    /// Key frames that were asked for, here or there.
    pub key_frames_wanted: u64,
}

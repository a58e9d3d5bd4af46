//! Time and size limits of connections, each with its reason.

use std::time::Duration;

/// From accept to a finished RTMP handshake: three round trips.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// From accept to `publish` or `play`: ten round trips on a bad line, and encoders ask their user nothing in between.
pub const REQUEST: Duration = Duration::from_secs(10);

/// An encoder that has ended its stream may still say so in more words; meanwhile nobody is kept waiting.
pub const LINGER: Duration = Duration::from_secs(2);

/// To open a TCP connection to another node. Nodes are near; a longer wait only delays the choice of another.
pub const DIAL: Duration = Duration::from_secs(2);

/// To one of several addresses of a node's name, when there are more: a lost packet comes again after 200 ms and more, and
/// a dead address is to cost a viewer less than he notices.
pub const DIAL_ONE: Duration = Duration::from_millis(350);

/// Addresses of one name that are tried.
pub const ADDRESSES: usize = 4;

/// From a dialled connection to the answer that publishing or playing has begun.
pub const DIAL_ANSWER: Duration = Duration::from_secs(5);

/// No byte was taken by a peer for which bytes are queued.
pub const STALL: Duration = Duration::from_secs(10);

/// A request head must be complete this long after its first byte could have come.
pub const HTTP_HEAD: Duration = Duration::from_secs(5);

/// A client may wait this long before it asks again on its connection: players come back once per segment, which is
/// 10 s long as a rule and rarely 30.
pub const HTTP_IDLE: Duration = Duration::from_secs(60);

/// A balancer sends its PROXY header with its first packet; a packet lost on the way comes again within this.
pub const PROXY_HEADER: Duration = Duration::from_secs(2);

/// Connections of balancers whose PROXY header has not come yet, per listener: a second's herd fits.
pub const PROXY_HEADERS: usize = 1024;

/// Largest request head, in bytes: browsers send 1 to 4 KiB with cookies.
pub const HTTP_HEAD_BYTES: usize = 16 << 10;

/// Most header fields of a request or response.
pub const HTTP_FIELDS: usize = 100;

/// Unsent answers a session may pile up before its peer counts as dead: pings and acknowledgements are tens of bytes.
pub const OUTBOX_BYTES: usize = 256 << 10;

/// Bytes that a client may send ahead while an origin is dialled for it: commands, and the first frames of an encoder
/// that does not wait for an answer. One read more may come on top.
pub const AHEAD_BYTES: usize = 256 << 10;

/// Unsent bytes that the kernel may hold for one socket (`TCP_NOTSENT_LOWAT`). Large enough for one merged write of a
/// fast stream, small enough that a viewer who stopped reading is noticed.
pub const NOTSENT_LOWAT: u32 = 256 << 10;

/// Sent data that nobody acknowledges for this long means that the peer is gone (`TCP_USER_TIMEOUT`).
pub const USER_TIMEOUT: Duration = Duration::from_secs(15);

/// Connections waiting to be accepted, per listener. A herd of 1,000 viewers that returns within a second fits.
pub const BACKLOG: i32 = 4096;

/// How long the accept loop rests when the system has no room for a connection.
pub const ACCEPT_REST: Duration = Duration::from_millis(200);

/// What a UDP socket may hold each way, as far as the system allows: 2 MiB are 50 ms of 300 Mbit/s, and what counts towards
/// it is about twice as much as the bytes.
pub const UDP_BUFFER: usize = 4 << 20;

/// Messages of an SRT connection that wait for its session: 4 s of 10 Mbit/s, in which a session that works has had its turn.
pub const SRT_INBOX: usize = 4096;

/// Datagrams that one SRT connection may send before others of its shard have their turn.
pub const SRT_TURN: usize = 1024;

/// How long an SRT caller may wait to be accepted or refused: callers give up after 3 s unless their user says otherwise.
pub const SRT_PENDING: Duration = Duration::from_secs(10);

/// The round trip of an SRT connection until it is measured, as libsrt has it.
pub const SRT_RTT: Duration = Duration::from_millis(100);

/// SRT callers of one shard that wait to be accepted or refused: a herd of 1,000 that returns at once fits.
pub const SRT_KNOCKS: usize = 1024;

/// SRT callers of one address (of IPv6: of one network of 64 bits) that wait at one shard, and as many more that were taken in
/// and have said nothing yet, once half of all places are taken: callers of one proxy have its address, and may be a herd.
pub const SRT_OF_ONE: usize = 64;

/// Bytes that wait for a UDP socket of a shard that is full: 50 ms of 300 Mbit/s. What is beyond is lost, and SRT and WebRTC
/// repeat it.
pub const UDP_OUTGOING: usize = 2 << 20;

/// Datagrams that came to another shard than their connection's and wait for that: those of a caller whose address changed.
pub const SRT_STRAYED: usize = 256;

/// Batches of datagrams that a port takes before others of its shard have their turn.
pub const UDP_BATCHES: usize = 4;

/// A session on which nothing happens is not looked after more often: the runtime's timers are no finer.
pub const TURN_REST: Duration = Duration::from_millis(1);

/// Events of a WebRTC session that wait for who serves it: 4 s of a publisher with 50 frames of sound and 60 pictures in each
/// of three layers, in which a session that works has had its turn.
pub const RTC_EVENTS: usize = 1024;

/// Datagrams that one WebRTC session may send before others of its shard have their turn.
pub const RTC_TURN: usize = 1024;

/// How long a WebRTC session that nobody wants any more may say goodbye: a few round trips.
pub const RTC_GOODBYE: Duration = Duration::from_secs(1);

/// How long somebody may wait to be accepted: browsers ask again for 15 s at least, and each request may be another knock.
pub const RTC_PENDING: Duration = Duration::from_secs(10);

/// Who waits at one shard to be accepted: a herd of 1,000 that returns at once fits.
pub const RTC_KNOCKS: usize = 1024;

/// Those of them whom nobody has verified yet, since another node must be asked for the password: anybody can write such a
/// request, in anybody's name.
pub const RTC_ASKED: usize = 64;

/// Requests by other ways of who waits to be accepted: browsers try all pairs of addresses, one each 50 ms.
pub const RTC_MORE: usize = 4;

/// Addresses of a WebRTC session: those of a host with two networks, by IPv4 and IPv6, and one behind a NAT each.
pub const RTC_ADDRESSES: usize = 8;

/// Addresses of other shards' sessions that a shard remembers: those of as many clients with several addresses.
pub const RTC_STRAYS: usize = 4096;

/// How long it does without another check: as long as consent lasts, RFC 7675.
pub const RTC_STRAY: Duration = Duration::from_secs(30);

/// Bytes that are handed over to another shard at once.
pub const RTC_BUNDLE: usize = 128 << 10;

/// How many times that may wait there: 8 MiB. What is beyond is lost.
pub const RTC_ERRANDS: usize = 64;

/// From accept to the first frame of a WebRTC client by TCP, which is the first thing that it says.
pub const RTC_FIRST: Duration = Duration::from_secs(5);

/// Bytes that wait for a WebRTC client by TCP: half a second of 4 Mbit/s. What is beyond is lost, as if it were UDP.
pub const RTC_TCP_BYTES: usize = 256 << 10;

/// How often a client by TCP is sent on to another shard, when its session begins and ends meanwhile.
pub const RTC_HOPS: u8 = 2;

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

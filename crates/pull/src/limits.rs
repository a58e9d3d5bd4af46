//! Limits of fetching, each with its reason.

use std::time::Duration;

/// To look up a server's name and open a connection to it: a viewer waits.
pub(crate) const CONNECT: Duration = Duration::from_secs(1);

/// From the connection to the answer that playing has begun, over RTMP: five round trips.
pub(crate) const ANSWER: Duration = Duration::from_secs(2);

/// The same over HTTP: doors of ours hold a request for 3 s when the stream is not live.
pub(crate) const ANSWER_HTTP: Duration = Duration::from_millis(3_500);

/// The same to each step of RTSP: servers set up cameras and encoders when they are first asked.
pub(crate) const ANSWER_RTSP: Duration = Duration::from_secs(5);

/// The same over SRT, with the connection: libsrt's callers give up after this.
pub(crate) const ANSWER_SRT: Duration = Duration::from_secs(3);

/// From that answer to the first frame, of a server that would never say that there is none; doors of ours do.
pub(crate) const FIRST_FRAME: Duration = Duration::from_millis(3_500);

/// What servers have cached of a stream has come in this time behind its first frame, or in so many bytes.
pub(crate) const CACHED: Duration = Duration::from_millis(500);
pub(crate) const MOST_CACHED: usize = 32 << 20;

/// The same where the link may be slow, and more is at stake.
pub(crate) const CACHE: Duration = Duration::from_secs(2);

/// To the key frame at which a stream goes on: encoders use key frame distances of 1 to 10 s.
pub(crate) const KEY_FRAME: Duration = Duration::from_secs(12);

/// Another server is tried beside one that has not answered for so long.
pub(crate) const BESIDE: Duration = Duration::from_millis(250);

/// The same when it has answered, but no frame has come.
pub(crate) const BESIDE_SILENT: Duration = Duration::from_secs(1);

/// A first viewer waits so long for any server to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A stream that is lost while it is watched is looked for so long, while its viewers stay.
pub(crate) const SEARCH: Duration = Duration::from_secs(30);

/// A stream that one server has ended is asked for at the others so long.
pub(crate) const AFTER_END: Duration = Duration::from_millis(1_500);

/// The same when all that was said is that a connection is over, which a server that stops says too: its publisher may need
/// to come again elsewhere.
pub(crate) const AFTER_SHUTDOWN: Duration = Duration::from_secs(4);

/// Between two rounds over all servers: at first, and at most.
pub(crate) const REST: Duration = Duration::from_millis(200);
pub(crate) const REST_MOST: Duration = Duration::from_secs(3);

/// A publisher that is awaited upstream is awaited here so long: much longer than any server holds a stream.
pub(crate) const HELD: Duration = Duration::from_secs(120);

/// A server that did not answer is tried last for so long.
pub(crate) const DEAD: Duration = Duration::from_secs(10);

/// Dead servers that are remembered.
pub(crate) const MOST_DEAD: usize = 1_000;

/// What could not be had is not asked for again for so long.
pub(crate) const MISSING: Duration = Duration::from_secs(1);

/// Streams of which that is remembered. Who asks for more within a second is a flood, and each costs one attempt.
pub(crate) const MOST_MISSING: usize = 20_000;

/// A viewer is asked about upstream within this: a server that is asked over HTTP may take [`ANSWER_HTTP`], and the door
/// waits for 4 s.
pub(crate) const TRAVERSE: Duration = Duration::from_millis(3_750);

/// A node that wants a stream which is lost here waits so long for it to be found again: it gives a server [`ANSWER`].
pub(crate) const LOST: Duration = Duration::from_millis(1_500);

/// A server that said that the stream is over, and neither sends nor closes, is believed after this.
pub(crate) const AFTER_EOF: Duration = Duration::from_secs(1);

/// How often a fetch looks whether it is watched.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// Redirects that are followed, as in SRS.
pub(crate) const REDIRECTS: usize = 3;

/// Streams that are taken of one list.
pub(crate) const MOST_LISTED: usize = 30_000;

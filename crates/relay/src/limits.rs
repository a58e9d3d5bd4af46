//! The relay's limits, each with its reason.

use std::time::Duration;

/// How often health is judged. A silent origin is out 3 s after its last word, and its legs end within this time more.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// Origins tried for one session: a client waits, and one refusal is told at once while a silent one takes seconds.
pub(crate) const TRIES: usize = 3;

/// Edges tried for one viewer before an origin is: where two do not answer, the third may not either.
pub(crate) const EDGE_TRIES: usize = 2;

/// Within this time the viewers of an edge that drains go elsewhere, one after the other: a few thousand dials in each
/// second.
pub(crate) const LEAVE: Duration = Duration::from_secs(2);

/// How often it is looked where streams are that a leg waits for.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// Streams for which the directory is asked at the same time: what one connection to it answers in a few milliseconds.
pub(crate) const LOOKS: usize = 256;

/// A leg that has lost its origin waits so long for its stream to turn up elsewhere before it asks for it where it would be
/// placed.
pub(crate) const REST: Duration = Duration::from_millis(300);

/// A head must come from the origin in this time. Our origins hold a request for a stream that is not live for 3 s.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// A connection to an origin waits this long for its next request: origins close theirs after 15 s (SRS) and more.
pub(crate) const IDLE: Duration = Duration::from_secs(5);

/// So long a session goes on without an origin: the time in which a dead one is known (3 s), with room for a second that
/// dies meanwhile, and for the only one there is to come back.
pub(crate) const FAILOVER: Duration = Duration::from_secs(10);

/// A publish leaves an origin that drains when its open GOP is this old, in ms of stream time: SRS gathers frames for 350 ms
/// before viewers are sent them, and what they lack of the GOP before cannot be told again.
pub(crate) const SETTLED_MS: u32 = 400;

/// Publishes that leave an origin that drains at the same time: each is a moment in which a stream has two origins.
pub(crate) const LEAVING: usize = 8;

/// What cannot go on elsewhere by itself, and comes again, has its turn to leave for so long.
pub(crate) const LEFT: Duration = Duration::from_secs(2);

/// Origins that a publish may lose within [`FAILOVER`]: a fourth will not bear either what three did not.
pub(crate) const MOST_LOSSES: usize = 3;

/// What an origin said before it closed is waited for so long: it is here, or not at all.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(200);

/// A viewer that finds no key frame in what its new origin sends takes what comes after so much of it, in ms of stream time.
pub(crate) const SEARCH_MS: u32 = 10_000;

/// A stream that is waited for is looked for less often after this time.
pub(crate) const EAGER: Duration = Duration::from_secs(5);

/// Then every so many looks.
pub(crate) const LAZY: u64 = 10;

/// It leaves after this time in any case: GOPs may be shorter than that.
pub(crate) const SETTLING: Duration = Duration::from_secs(2);

/// Between two attempts to leave an origin that drains, where there is no other.
pub(crate) const STAY: Duration = Duration::from_secs(1);

/// Between two attempts to find an origin for a session that has lost its own.
pub(crate) const RETRY: Duration = Duration::from_millis(200);

/// Connections to one origin that wait on one shard: more are opened in no moment by viewers who come one by one.
pub(crate) const IDLE_CONNECTIONS: usize = 32;

/// A body that is read whole must be here after this time: 32 MiB at 9 Mbit/s.
pub(crate) const LOAD: Duration = Duration::from_secs(30);

/// Files larger than this are not kept but streamed: 10 s of 25 Mbit/s.
pub(crate) const FILE_BYTES: usize = 32 << 20;

/// Bytes of all files and lists that are kept or being loaded: the last ten seconds of a hundred streams of 2 Mbit/s.
pub(crate) const CACHE_BYTES: usize = 256 << 20;

/// So many of them may be of files that an edge is loading, which cannot make way for others: lists need little, but always.
pub(crate) const FILES_LOADING: usize = CACHE_BYTES / 8 * 7;

/// What an entry of the cache counts beside its body: its fields and its place in the table.
pub(crate) const ENTRY_COST: usize = 2048;

/// Most entries of the cache, those of what must not be kept included.
pub(crate) const ENTRIES: usize = 20_000;

/// Longest time a file is kept: twice the usual window of a list.
pub(crate) const FILE_TTL: Duration = Duration::from_secs(120);

/// The same where the origin does not say how long a file is good, and how long it is remembered that something is not to
/// be kept.
pub(crate) const FILE_TTL_UNSAID: Duration = Duration::from_secs(30);

/// Longest time a list is kept: players ask once or twice per segment, and segments are 1 s long at least.
pub(crate) const LIST_TTL: Duration = Duration::from_secs(1);

/// The last list of a stream is shown for so long while there is no newer one: a dead origin's successor has its first
/// segment after [`FAILOVER`] and one of 10 s at the latest.
pub(crate) const STALE: Duration = Duration::from_secs(20);

/// Where there is a last list, the next one is not waited for longer than this.
pub(crate) const LIST_WAIT: Duration = Duration::from_secs(1);

/// Largest list that is kept to be shown again: 600 segments with long addresses.
pub(crate) const LAST_BYTES: usize = 64 << 10;

/// Most lists that are kept so: two for each of 2,000 streams.
pub(crate) const LASTS: usize = 4096;

/// Answers of up to this size are read whole before they are passed on, so that the connection goes on behind them.
pub(crate) const SMALL: usize = 1 << 20;

/// Refusals of up to this size are told to all who asked for the same at the same time.
pub(crate) const REFUSAL_BYTES: usize = 64 << 10;

/// So long after the start a token may name a server that is about to register.
pub(crate) const NEW: Duration = Duration::from_secs(5);

/// A request with such a token is held for this long: origins register each second.
pub(crate) const HOLD: Duration = Duration::from_secs(3);

/// A publisher of which not one byte came between two looks, this far apart, has gone without a word. Origins have
/// shorter limits and rules for them (ours: 20 s to the first frame, 5 s between two), and are to speak first; this is
/// for those that have none.
pub(crate) const MUTE: Duration = Duration::from_secs(120);

/// A server without heartbeats to which an edge passes a publish on is asked so often whether it is there.
pub(crate) const PING: Duration = Duration::from_secs(1);

/// How often it is looked whether it answered.
pub(crate) const PULSE: Duration = Duration::from_millis(250);

/// One that has not answered for so long is left: with the look that finds it, 3 s after its last word.
pub(crate) const NO_PULSE: Duration = Duration::from_millis(2_750);

/// Bytes that a publisher's leg may pile up towards an origin that reads slowly, and one read more: what 6.5 Mbit/s
/// bring in the 10 s after which an origin that takes nothing is given up.
pub(crate) const BACKLOG_BYTES: usize = 8 << 20;

/// Bytes of the open GOP that are kept for a replay, with [`MESSAGE_COST`] for each message: 10 s of 6.5 Mbit/s.
pub(crate) const REPLAY_GOP_BYTES: usize = 8 << 20;

/// Longest stretch of media that is kept for a replay, in ms of stream time: encoders use key frame distances of 1 to
/// 10 s.
pub(crate) const REPLAY_GOP_MS: u32 = 10_000;

/// Codec headers kept for a replay: one per track of a multitrack publish.
pub(crate) const REPLAY_HEADERS: usize = 16;

/// Largest codec header or metadata that is kept for a replay, in bytes. Real ones are below 4 KiB.
pub(crate) const REPLAY_HEADER_BYTES: usize = 64 << 10;

/// What a kept message counts beside its bytes: its record, for which a list that grows has room three times (once in
/// the old place, twice in the new one), and its allocation. Without it a flood of tiny messages would be no bytes at
/// all.
pub(crate) const MESSAGE_COST: usize = 192;

/// Everything that a publisher's leg keeps for a replay: the metadata, the codec headers and the open GOP.
pub(crate) const REPLAY_BYTES: usize =
    REPLAY_GOP_BYTES + (1 + REPLAY_HEADERS) * (REPLAY_HEADER_BYTES + MESSAGE_COST);

/// An SRT caller gives up 3 s after its first word (libsrt's `SRTO_CONNTIMEO`); its first two have passed when an origin is
/// asked for it.
pub(crate) const SRT_CALL: Duration = Duration::from_millis(2_750);

/// One origin has so long to answer an SRT handshake, which is two round trips: then another is asked.
pub(crate) const SRT_ANSWER: Duration = Duration::from_secs(1);

/// A word of an SRT handshake that is not answered is said again after this time, as callers do.
pub(crate) const SRT_AGAIN: Duration = Duration::from_millis(250);

/// An end of an SRT connection that says nothing for so long is gone: libsrt speaks each second, and waits 5 s itself.
pub(crate) const SRT_SILENT: Duration = Duration::from_secs(10);

/// Where an origin closes a connection whose client said nothing for so long, three of its words, the client is who is gone.
pub(crate) const SRT_QUIET: Duration = Duration::from_secs(3);

/// An origin of which nothing is heard for so long, and whose host says [`SRT_REFUSALS`] times that nobody is at its port, is
/// gone: it speaks many times a second. One such word is easily forged.
pub(crate) const SRT_GONE: Duration = Duration::from_millis(300);

/// Refusals of SRT callers that are logged in a second; anybody can cause them.
pub(crate) const REFUSALS: u32 = 3;

/// See [`SRT_GONE`].
pub(crate) const SRT_REFUSALS: u32 = 3;

/// So long what waits for an origin may go on waiting when the client has ended it.
pub(crate) const SRT_GOODBYE: Duration = Duration::from_secs(1);

/// Bytes that may wait in one direction of an SRT connection: what 20 Mbit/s bring in 400 ms. SRT sends again what is lost.
pub(crate) const SRT_BACKLOG_BYTES: usize = 1 << 20;

/// After so long it is tried again to send to an origin when the socket was full.
pub(crate) const SRT_RETRY: Duration = Duration::from_millis(2);

/// Sockets of one shard to one origin that SRT callers share: with one alone all callers would be on one shard of the origin.
pub(crate) const SRT_UPLINKS: usize = 4;

/// SRT callers of such a socket before another is opened: the fewer sockets, the fewer calls of the system.
pub(crate) const SRT_TOGETHER: usize = 32;

/// Batches of datagrams that are taken from such a socket before others of its shard have their turn.
pub(crate) const SRT_UPLINK_BATCHES: usize = 4;

/// A socket that no SRT caller uses is closed after one to two times this.
pub(crate) const SRT_LINGER: Duration = Duration::from_secs(3);

/// Redirects of nodes that are followed for one request of WebRTC: from an origin to its edge, and once more.
pub(crate) const RTC_REDIRECTS: usize = 2;

/// Sessions of WebRTC that are remembered in one table: as many as a proxy has connections.
pub(crate) const RTC_SESSIONS: usize = 100_000;

/// A publish that its node does not list after so long has not begun: ICE, DTLS, the first key frame and a beat.
pub(crate) const RTC_BEGINS: Duration = Duration::from_secs(30);

/// An end of WebRTC of which nothing is heard for so long is gone: its consent has expired (RFC 7675).
pub(crate) const RTC_SILENT: Duration = Duration::from_secs(30);

/// Bytes that may wait in one direction of a WebRTC session: what 20 Mbit/s bring in 400 ms. What is lost is asked for again.
pub(crate) const RTC_BACKLOG_BYTES: usize = 1 << 20;

/// A node of which nothing is heard for so long, and whose host says [`RTC_REFUSALS`] times that nobody is at its port, is gone.
/// One such word is easily forged.
pub(crate) const RTC_GONE: Duration = Duration::from_millis(300);

/// See [`RTC_GONE`].
pub(crate) const RTC_REFUSALS: u32 = 3;

/// After so long it is tried again to send to a node when the socket was full.
pub(crate) const RTC_RETRY: Duration = Duration::from_millis(2);

/// Batches of datagrams that are taken from a node's socket before others of its shard have their turn.
pub(crate) const RTC_BATCHES: usize = 4;

/// What the directory was told of a session of WebRTC is good for so long without being told again: a client that is slow to
/// begin has 30 s, and a directory may be gone for some.
pub(crate) const RTC_NOTE: Duration = Duration::from_secs(120);

/// User names that are not known here, of which the directory is asked in a second: some herds of clients, and a flood of
/// made-up ones costs it nothing.
pub(crate) const RTC_LOOKS: u32 = 500;

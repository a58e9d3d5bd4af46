//! Sessions at the port for media.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use srs_names::{NodeId, StreamKey};
use srs_net::rtc::{Connection, Door, Found, Knock};
use srs_net::udp::{Socket, with_batch};
use srs_net::{dial, limits};
use srs_rtc::engine::Ended;
use srs_rtc::ufrag::Ufrag;
use tokio::time::{Instant, interval_at};

use super::dial::LABEL;
use super::notes::Note;
use super::pipe::{Passwords, Pipe, Wire};
use super::session_of;
use crate::Relay;
use crate::forward::shown;
use crate::limits::{RTC_BATCHES, RTC_NOTE};
use crate::origins::{Claimed, Origin};

impl Door for Relay {
    fn find(&self, ufrag: &str) -> Found {
        let each_address = true;
        if let Some(ours) = Ufrag::parse(ufrag).filter(|ours| self.rtc.routes.has(ours)) {
            let password = self.rtc.keys.password(ufrag);
            return Found::Known { session: ours.session().into(), password, each_address };
        }
        if !self.rtc.routes.has_strangers() {
            return Found::Nobody;
        }
        match self.rtc.notes.find(ufrag, self.now()) {
            Some(note) => Found::Known { session: ufrag.into(), password: note.password, each_address },
            None => Found::Ask,
        }
    }
}

/// Whose session it is.
struct Whose {
    node: NodeId,
    passwords: Passwords,
    /// Of a node that names its sessions as it likes.
    note: Option<Note>,
}

/// Why a path of a client is over, for the log.
#[derive(Debug, thiserror::Error)]
enum Over {
    #[error("{0}")]
    Port(Ended),
    #[error("the origin fell silent")]
    Silent,
    #[error("the origin's socket: {0}")]
    Socket(io::Error),
}

/// A socket to one node.
struct Up {
    socket: Socket,
    to: SocketAddr,
}

impl Wire for Rc<Up> {
    fn send(&self, datagrams: &[u8], size: usize) -> io::Result<usize> {
        self.socket.try_send(self.to, None, datagrams, size)
    }
}

/// A path of a client, and its node.
struct Leg {
    up: Rc<Up>,
    pipe: Pipe<Rc<Up>>,
    connection: Connection,
    origin: Origin,
}

impl Relay {
    /// Serves one address of a client that was heard at the port for media, to its end.
    pub async fn serve_rtc(self: Arc<Self>, knock: Knock) {
        let ufrag = knock.ufrag().to_owned();
        let Some(Whose { node, passwords, note }) = self.whose_rtc(&knock).await else { return };
        let Some(node) = self.balancer.node(&node) else { return };
        let origin = self.origin_at(&node);
        let peer = shown(knock.from().peer);
        let up = match self.reach_rtc(&origin).await {
            Ok(up) => Rc::new(up),
            Err(error) => {
                return self.complaints.say(|unsaid| {
                    tracing::warn!(peer, origin = %node.id, %error, unsaid, "a WebRTC session cannot be passed on");
                });
            }
        };
        let pipe = Pipe::new(Rc::clone(&up), knock.from(), passwords, Instant::now().into_std());
        let connection = knock.accept(Box::new(pipe.clone()));
        let session = session_of(&ufrag);
        let is_known = self.rtc.published.passes(session, true, self.now());
        // Who let the publisher in keeps the claim; for a node that lists nothing nobody else knows that it lasts.
        let publishes = note.as_ref().and_then(|note| note.publishes.clone()).filter(|_| !is_known);
        let claimed = match publishes {
            Some(key) => self.join_rtc(&key, &node.id).await,
            None => None,
        };
        tracing::info!(session, peer, origin = %node.id, device = node.device_id, "webrtc path");
        let mut leg = Leg { up, pipe, connection, origin };
        let over = self.run_rtc(&mut leg, &ufrag, note).await;
        let stats = leg.connection.stats();
        tracing::info!(
            session, peer, reason = %over, bytes_up = stats.received, bytes_down = stats.sent, lost = stats.lost,
            "webrtc path ended"
        );
        if let Some(mut claimed) = claimed {
            claimed.hold();
        }
        self.rtc.published.passes(session, false, self.now());
    }

    /// Whose session it is that somebody knocks for.
    async fn whose_rtc(&self, knock: &Knock) -> Option<Whose> {
        let ufrag = knock.ufrag();
        if let Some(ours) = Ufrag::parse(ufrag)
            && let Some(node) = self.rtc.routes.find(&ours)
        {
            let (keys, session) = (self.rtc.keys.clone(), ours.session().to_owned());
            let passwords = move |named: &str| {
                let is_same = Ufrag::parse(named).is_some_and(|named| named.session() == session);
                is_same.then(|| keys.password(named))
            };
            return Some(Whose { node, passwords: Box::new(passwords), note: None });
        }
        let note = self.noted_rtc(ufrag).await?;
        if !knock.is_verified() && !knock.verify(&note.password) {
            return None;
        }
        let (own, password) = (ufrag.to_owned(), note.password.clone());
        let passwords = move |named: &str| (named == own).then(|| password.clone());
        Some(Whose { node: note.node.clone(), passwords: Box::new(passwords), note: Some(note) })
    }

    /// A socket to the node's port for media.
    async fn reach_rtc(&self, origin: &Origin) -> io::Result<Up> {
        let endpoint = origin.node.endpoint(LABEL).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for to in dial::addresses(&endpoint.host, endpoint.port, limits::DIAL).await? {
            match Socket::connected(to) {
                Ok(socket) => return Ok(Up { socket, to: srs_net::udp::canonical(to) }),
                // Of a kind that this host does not have.
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The claim of a stream that is published at this node, which another proxy let in.
    async fn join_rtc(self: &Arc<Self>, key: &StreamKey, node: &NodeId) -> Option<Claimed> {
        let (pick, claimed) = self.pick_other(key, true, false, &[]).await.ok()?;
        claimed.filter(|_| pick.node.id == *node).map(Claimed::begin)
    }

    /// Passes datagrams on until one of the ends is gone.
    async fn run_rtc(&self, leg: &mut Leg, ufrag: &str, note: Option<Note>) -> Over {
        let Leg { up, pipe, connection, origin } = leg;
        // Long before the others forget it.
        let pause = RTC_NOTE / 3;
        let mut again = interval_at(Instant::now() + pause, pause);
        let told = async {
            let Some(note) = note else { return std::future::pending().await };
            loop {
                again.tick().await;
                self.note_rtc(ufrag, &note).await;
            }
        };
        tokio::select! {
            biased;
            over = poll_fn(|cx| poll(cx, up, pipe, connection)) => over,
            () = origin.silent() => Over::Silent,
            () = told => Over::Silent,
        }
    }
}

/// Takes what the node sent, and sees whether it is over.
fn poll(cx: &mut Context<'_>, up: &Up, pipe: &Pipe<Rc<Up>>, connection: &Connection) -> Poll<Over> {
    if let Poll::Ready(ended) = connection.poll_ended(cx) {
        return Poll::Ready(Over::Port(ended));
    }
    let mut has_more = true;
    let received = with_batch(|batch| {
        for _ in 0..RTC_BATCHES {
            match up.socket.poll_receive(cx, batch) {
                Poll::Pending => {
                    has_more = false;
                    return Ok(());
                }
                Poll::Ready(Ok(())) => {
                    let now = Instant::now().into_std();
                    for run in batch.runs().filter(|run| !run.bytes.is_empty()) {
                        connection.pass(pipe.hear(now, run.bytes.len()), run.bytes, run.size);
                    }
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    pipe.refused();
                    connection.wake();
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        Ok(())
    });
    match received {
        Err(error) => Poll::Ready(Over::Socket(error)),
        Ok(()) => {
            if has_more {
                // Others of this thread have their turn.
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests;

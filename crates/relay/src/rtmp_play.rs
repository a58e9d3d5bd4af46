//! A viewer's leg over RTMP: from the origin that has the stream to the client.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use srs_balance::Reason;
use srs_names::{NodeId, StreamKey};
use srs_net::rtmp::{Error, Link, Reader};
use srs_net::{Outbox, limits};
use srs_rtmp::{Message, chunk, client, server};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, MissedTickBehavior};

use crate::Relay;
use crate::forward::{Wish, shown};
use crate::limits::LOOK;
use crate::origins::Leg;
use crate::track;

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the player left")]
    Player,
    #[error("the player: {0}")]
    Client(Error),
    #[error("the origin: {0}")]
    Origin(Error),
    #[error("the origin fell silent")]
    Silent,
    #[error("took nothing for 10 s")]
    Stalled,
    /// The stream that this leg waits for is live at another origin.
    #[error("the stream is elsewhere")]
    Elsewhere,
}

impl Relay {
    pub(crate) async fn play_rtmp(
        self: Arc<Self>,
        mut link: Link<server::Session>,
        request: server::PlayRequest,
        peer: SocketAddr,
    ) {
        const NOT_FOUND: &str = "NetStream.Play.StreamNotFound";
        let wish = Wish::new("rtmp play", peer);
        let Some(key) = wish.name(&self, &mut link, &request.connect, &request.stream, NOT_FOUND).await
        else {
            return;
        };
        let config = self.same_words(&request.connect, &request.stream, client::Role::Play);
        drop(request);
        let dial = self.dial_play(&key, &config);
        let Some(mut leg) = wish.dial(&mut link, &key, NOT_FOUND, dial).await else { return };
        let cid = wish.cid;
        tracing::info!(cid, peer = shown(peer), stream = %key, origin = %leg.origin.node.id, "rtmp play");
        link.machine().accept_play();
        let mut viewer = Downstream::new(link, self.chunk_size);
        let ended = loop {
            let ended = viewer.run(&self, &key, leg).await;
            if !matches!(ended, Ended::Elsewhere) {
                break ended;
            }
            let dialled = tokio::select! {
                dialled = self.dial_play(&key, &config) => dialled,
                gone = viewer.reader.gone() => break Ended::Client(gone),
            };
            leg = match dialled {
                Ok(leg) => leg,
                Err(error) => break Ended::Origin(Error::Io(std::io::Error::other(error.to_string()))),
            };
            tracing::info!(cid, stream = %key, origin = %leg.origin.node.id, "rtmp play goes to another origin");
        };
        tracing::info!(cid, stream = %key, reason = %ended, "rtmp play ended");
        viewer.finish().await;
    }
}

/// The client's side of the leg, which outlives an origin.
struct Downstream {
    reader: Reader<server::Session>,
    write: OwnedWriteHalf,
    outbox: Outbox,
    /// Bytes of answers that were queued since everything was sent.
    told: usize,
    writer: chunk::Writer,
    track: track::Viewer,
    headers: BytesMut,
    parts: Vec<Bytes>,
}

impl Downstream {
    fn new(link: Link<server::Session>, chunk_size: u32) -> Downstream {
        let (reader, write, outbox) = link.split();
        Downstream {
            reader,
            write,
            outbox,
            told: 0,
            writer: chunk::Writer::new(chunk_size),
            track: track::Viewer::default(),
            headers: BytesMut::new(),
            parts: Vec::new(),
        }
    }

    async fn run(&mut self, relay: &Relay, key: &StreamKey, leg: Leg<Link<client::Session>>) -> Ended {
        let Leg { link: mut up, mut origin } = leg;
        let (node, placed) = (Arc::clone(&origin.node), origin.reason == Reason::Placed);
        // Once, not per read: each wait takes its place in a list that all legs to this origin share.
        let silent = origin.silent();
        tokio::pin!(silent);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = relay.balancer.version();
        let stall = tokio::time::sleep(limits::STALL);
        tokio::pin!(stall);
        let mut armed: Option<usize> = None;
        loop {
            // Media may have come right behind the answer to `play`.
            if let Err(error) = self.take(&mut up) {
                return Ended::Origin(error);
            }
            if let Err(error) = up.flush().await {
                return Ended::Origin(error);
            }
            if let Err(error) = self.offer().await {
                return Ended::Client(error.into());
            }
            if self.outbox.is_empty() {
                self.told = 0;
                armed = None;
            } else if armed.is_none() {
                armed = Some(self.outbox.len());
                stall.as_mut().reset(Instant::now() + limits::STALL);
            }
            let blocked = !self.outbox.is_empty();
            tokio::select! {
                biased;
                sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx)), if blocked => {
                    if let Err(error) = sent {
                        return Ended::Client(error.into());
                    }
                }
                // Not while the player is behind: the origin then sees the backpressure, and has the rule for it.
                more = up.reader.fill(), if !blocked => match more {
                    Ok(true) => {}
                    Ok(false) => return Ended::Origin(Error::Closed),
                    Err(error) => return Ended::Origin(error),
                },
                step = self.reader.step() => match step {
                    Err(error) => return Ended::Client(error),
                    Ok(None) => return Ended::Player,
                    Ok(Some(step)) => {
                        self.told = self.told.saturating_add(step.output.len());
                        self.outbox.push(step.output);
                        if self.told > limits::OUTBOX_BYTES {
                            return Ended::Client(Error::Stalled);
                        }
                        if matches!(step.event, Some(server::Event::EndOfStream)) {
                            return Ended::Player;
                        }
                    }
                },
                () = stall.as_mut(), if blocked => {
                    // Slow is not dead: only a player that took nothing at all is given up.
                    if armed.replace(self.outbox.len()).is_some_and(|before| self.outbox.len() >= before) {
                        return Ended::Stalled;
                    }
                    stall.as_mut().reset(Instant::now() + limits::STALL);
                }
                () = silent.as_mut() => return Ended::Silent,
                // Whether the stream that this leg waits for, without knowing where it is, has turned up elsewhere.
                _ = look.tick(), if placed && !self.track.started() => {
                    if elsewhere(relay, key, &node.id, &mut seen) {
                        return Ended::Elsewhere;
                    }
                }
            }
        }
    }

    /// Offers what waits to the socket, without waiting.
    async fn offer(&mut self) -> std::io::Result<()> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        poll_fn(|cx| match self.outbox.poll_send(&self.write, cx) {
            Poll::Ready(sent) => Poll::Ready(sent),
            Poll::Pending => {
                self.outbox.detach();
                Poll::Ready(Ok(()))
            }
        })
        .await
    }

    /// Passes on everything that was read from the origin.
    fn take(&mut self, up: &mut Link<client::Session>) -> Result<(), Error> {
        while let Some(event) = up.reader.buffered()? {
            match event {
                client::Event::Message(message) => self.pass(message),
                client::Event::StreamEof => {
                    self.reader.machine.stream_eof();
                    self.collect();
                }
                client::Event::Status { code, level, status } => {
                    let description = status.get("description").and_then(|text| text.as_str());
                    self.reader.machine.status(&level, &code, description.unwrap_or_default());
                    self.collect();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn pass(&mut self, message: Message) {
        let timestamp = self.track.pass(message.kind.0, message.timestamp, &message.body);
        let message = Message { timestamp, stream_id: 1, ..message };
        self.writer.write_parts(&message, &mut self.headers, &mut self.parts);
        for part in self.parts.drain(..) {
            self.outbox.push(part);
        }
    }

    fn collect(&mut self) {
        while let Some(output) = self.reader.machine.poll_output() {
            self.outbox.push(output);
        }
    }

    async fn finish(mut self) {
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        let _sent_if_possible = tokio::time::timeout(limits::DIAL, sent).await;
        self.reader.close(self.write).await;
    }
}

/// Whether another origin is now known to have the stream.
fn elsewhere(relay: &Relay, key: &StreamKey, here: &NodeId, seen: &mut u64) -> bool {
    let version = relay.balancer.version();
    if std::mem::replace(seen, version) == version {
        return false;
    }
    let pick = relay.balancer.pick_play(key, &[], relay.now());
    pick.is_ok_and(|pick| pick.reason != Reason::Placed && pick.node.id != *here)
}

#[cfg(test)]
mod tests;

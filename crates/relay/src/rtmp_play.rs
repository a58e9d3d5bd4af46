//! A viewer's leg over RTMP: from the origin that has the stream to the client.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use srs_balance::Reason;
use srs_names::StreamKey;
use srs_names::envelope::HLS_PROPERTY;
use srs_net::rtmp::{Error, Link, Reader};
use srs_net::{Outbox, limits};
use srs_rtmp::{Message, chunk, client, server};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::Instant;

use crate::door::{Asker, Errand};
use crate::follow::{Follower, Place};
use crate::forward::{Wish, shown};
use crate::limits::{FAILOVER, REST, RETRY};
use crate::origins::{Leg, Losses};
use crate::{Life, Relay, track};

mod ended;

use ended::Ended;

impl Relay {
    pub(crate) async fn play_rtmp(
        self: Arc<Self>,
        mut link: Link<server::Session>,
        request: server::PlayRequest,
        peer: SocketAddr,
    ) {
        const NOT_FOUND: &str = "NetStream.Play.StreamNotFound";
        let (peer, errand) = self.caller_of_session(&request.connect, ("play", &request.stream), peer);
        let wish = Wish::new("rtmp play", peer);
        let Some(key) = wish.name(&self, &mut link, &request.connect, &request.stream, NOT_FOUND).await
        else {
            return;
        };
        let config = self.same_words(&request.connect, &request.stream, client::Role::Play);
        drop(request);
        let asker = wish.asker(errand);
        // What is needed only at the start, or when an origin is lost, is not to make every viewer's session larger.
        let dial = Box::pin(self.dial_play(&key, &config, &asker));
        let Some(mut leg) = wish.dial(&mut link, &key, NOT_FOUND, dial).await else { return };
        let cid = wish.cid;
        tracing::info!(cid, peer = shown(peer), stream = %key, origin = %leg.origin.node.id, "rtmp play");
        let is_edge = matches!(asker.errand, Errand::Pull(_));
        // An edge may take the HLS of the stream from us, where its origin has that.
        let hls = leg.link.machine().told().and(self.http_port).filter(|_| is_edge);
        link.machine().accept_play_saying(hls.map(|port| (HLS_PROPERTY, f64::from(port).into())));
        let mut viewer = Downstream::new(link, self.chunk_size);
        let words = Words { follower: self.follow(&key), relay: self, key, config, asker, moved: None };
        let (key, ended) = words.run(&mut viewer, leg).await;
        tracing::info!(cid, stream = %key, reason = %ended, "rtmp play ended");
        viewer.finish(&ended, is_edge).await;
    }
}

/// What each origin of a viewer is told.
struct Words {
    relay: Arc<Relay>,
    key: StreamKey,
    config: client::Config,
    asker: Asker,
    follower: Follower,
    /// When the viewer was sent on to its present origin.
    moved: Option<Instant>,
}

impl Words {
    /// Plays from one origin after the other, as long as the stream lives and the player stays.
    async fn run(
        mut self,
        viewer: &mut Downstream,
        mut leg: Leg<Link<client::Session>>,
    ) -> (StreamKey, Ended) {
        let mut losses = Losses::default();
        loop {
            let (here, node) = (leg.origin.place.clone(), Arc::clone(&leg.origin.node));
            let ended = viewer.run(&mut self.follower, &mut leg).await;
            let lost = match &ended {
                Ended::Elsewhere => false,
                Ended::Drains if !Box::pin(self.relay.serves_elsewhere(&self.key)).await => continue,
                Ended::Drains => false,
                Ended::Over => {
                    // A stream that ended here may have moved: its former owner lets it go then.
                    let found = Box::pin(self.relay.balancer.find(&self.key, self.relay.now())).await;
                    if !found.is_some_and(|pick| Place::of(&pick).is_better_than(&here)) {
                        return (self.key, ended);
                    }
                    false
                }
                // Without a word, but in order: what it means, only the origin knows.
                Ended::Origin(Error::Closed) if Box::pin(self.relay.ended_on_purpose(&node)).await => {
                    return (self.key, ended);
                }
                // What is no stream here is none elsewhere.
                Ended::Origin(Error::Protocol(_)) => return (self.key, ended),
                Ended::Origin(_) | Ended::Silent if losses.are_too_many() => return (self.key, ended),
                Ended::Origin(_) | Ended::Silent => true,
                _ => return (self.key, ended),
            };
            drop(leg);
            viewer.leave_origin();
            leg = match Box::pin(self.again(viewer, &here, lost)).await {
                Ok(leg) => leg,
                Err(ended) => return (self.key, ended),
            };
            tracing::info!(cid = self.asker.session, stream = %self.key, reason = %ended, from = %node.id, origin = %leg.origin.node.id, "rtmp play goes on");
        }
    }

    /// A leg to where the stream is now.
    async fn again(
        &mut self,
        viewer: &mut Downstream,
        here: &Place,
        lost: bool,
    ) -> Result<Leg<Link<client::Session>>, Ended> {
        self.follower.set_restless(true);
        let until = viewer.lost.unwrap_or_else(Instant::now) + FAILOVER;
        if self.moved.is_some_and(|moved| moved.elapsed() < RETRY) {
            // Sent on and on: not as fast as dials go.
            tokio::time::sleep(RETRY).await;
        }
        // Where a stream is that its edge lost, no list of an origin tells.
        if lost && !here.edge {
            tokio::select! {
                () = self.follower.moved(here) => {}
                () = tokio::time::sleep(REST) => {}
                gone = viewer.reader.gone() => return Err(Ended::Client(gone)),
            }
        }
        loop {
            let dial = self.relay.dial_play(&self.key, &self.config, &self.asker);
            let dialled = tokio::select! {
                dialled = dial => dialled,
                gone = viewer.reader.gone() => return Err(Ended::Client(gone)),
            };
            match dialled {
                Ok(leg) => {
                    self.moved = Some(Instant::now());
                    return Ok(leg);
                }
                Err(why) if Instant::now() >= until => return Err(Ended::Unserved(why)),
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
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
    /// The viewer has lost an origin, and was sent nothing since.
    lost: Option<Instant>,
    /// The present origin has sent something.
    heard: bool,
    /// The origin said that the stream is over. The player hears of it when that turns out to be true.
    eof: bool,
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
            lost: None,
            heard: false,
            eof: false,
            headers: BytesMut::new(),
            parts: Vec::new(),
        }
    }

    /// What comes next is of another origin.
    fn leave_origin(&mut self) {
        self.track.resume();
        self.eof = false;
        if self.track.started() {
            self.lost.get_or_insert_with(Instant::now);
        }
    }

    async fn run(&mut self, follower: &mut Follower, leg: &mut Leg<Link<client::Session>>) -> Ended {
        let Leg { link: up, origin } = leg;
        let here = origin.place.clone();
        follower.set_restless(origin.reason == Reason::Placed || (self.lost.is_some() && !here.edge));
        // Once, not per read: each wait takes its place in a list that all legs share.
        let life = origin.worse_for_viewer(Life::Alive);
        tokio::pin!(life);
        let mut drains = false;
        self.heard = false;
        let too_long = self.lost.map_or(FAILOVER, |lost| FAILOVER.saturating_sub(lost.elapsed()));
        let too_long = tokio::time::sleep(too_long);
        tokio::pin!(too_long);
        let stall = tokio::time::sleep(limits::STALL);
        tokio::pin!(stall);
        let mut armed: Option<usize> = None;
        loop {
            // Media may have come right behind the answer to `play`.
            if let Some(ended) = self.take(up) {
                return ended;
            }
            if self.track.goes_on() && (self.lost.is_some() || follower.is_restless()) {
                self.lost = None;
                follower.set_restless(drains);
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
                    Ok(false) if self.eof => return Ended::Over,
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
                worse = life.as_mut() => {
                    match worse {
                        Life::Silent => return Ended::Silent,
                        _ if here.edge => return Ended::Drains,
                        _ => {}
                    }
                    // Its publisher is about to leave.
                    drains = true;
                    follower.set_restless(true);
                    life.set(origin.worse_for_viewer(worse));
                }
                // Where media comes, only its key frame is waited for.
                () = too_long.as_mut(), if self.lost.is_some() && !self.heard => return Ended::Lost,
                () = follower.moved(&here) => return Ended::Elsewhere,
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
    fn take(&mut self, up: &mut Link<client::Session>) -> Option<Ended> {
        loop {
            match up.reader.buffered() {
                Ok(Some(client::Event::Message(message))) => self.pass(message),
                Ok(Some(client::Event::StreamEof)) => self.eof = true,
                Ok(Some(client::Event::Status { code, level, status })) => {
                    let description = status.get("description").and_then(|text| text.as_str());
                    let description = description.unwrap_or_default();
                    match (code.as_str(), level.as_str()) {
                        ("NetStream.Play.UnpublishNotify", _) => return Some(Ended::Over),
                        (_, "error") => {
                            return Some(Ended::Told { code, description: description.to_owned() });
                        }
                        _ => {}
                    }
                    self.reader.machine.status(&level, &code, description);
                    self.collect();
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(Ended::Origin(error)),
            }
        }
    }

    fn pass(&mut self, message: Message) {
        if std::mem::take(&mut self.eof) {
            // It was not the end after all.
            self.reader.machine.stream_eof();
            self.collect();
        }
        self.heard = true;
        let Some(timestamp) = self.track.pass(message.kind.0, message.timestamp, &message.body) else {
            return;
        };
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

    /// Tells the player, or an edge, how it ended, and closes.
    async fn finish(mut self, ended: &Ended, is_edge: bool) {
        match ended {
            // An edge may find elsewhere what was lost here; what is over it does not look for.
            Ended::Lost | Ended::Unserved(_) | Ended::Origin(_) | Ended::Silent if is_edge => {}
            Ended::Over | Ended::Lost | Ended::Unserved(_) | Ended::Origin(_) | Ended::Silent => {
                self.reader.machine.stream_eof();
                let (code, text) = ("NetStream.Play.UnpublishNotify", "the stream has ended");
                self.reader.machine.status("status", code, text);
            }
            Ended::Told { code, description } => self.reader.machine.status("error", code, description),
            _ => {}
        }
        self.collect();
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        let _sent_if_possible = tokio::time::timeout(limits::DIAL, sent).await;
        self.reader.close(self.write).await;
    }
}

#[cfg(test)]
mod tests;

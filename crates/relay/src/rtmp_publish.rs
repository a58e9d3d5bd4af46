//! A publisher's leg: from the client to the origin that owns the stream, and to another when that is lost. The publisher
//! does not see it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use srs_names::{NodeId, StreamKey};
use srs_net::rtmp::{Error, Link, Reader};
use srs_net::{Outbox, limits, shards};
use srs_rtmp::{Message, client, server};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, timeout};

use crate::forward::{Wish, shown};
use crate::limits::{BACKLOG_BYTES, FAILOVER, MUTE, RETRY, SETTLING, STAY};
use crate::origins::{Asker, Claimed, Leg, Origin, Unserved};
use crate::{Life, Relay, track};

/// Why a publish ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the publisher ended the stream")]
    Clean,
    #[error("the publisher: {0}")]
    Client(Error),
    #[error("the origin: {0}")]
    Origin(Error),
    #[error("the origin ended it: {code} {description}")]
    Told { code: String, description: String },
    #[error("the origin fell silent")]
    Silent,
    #[error("the origin drains")]
    Drains,
    #[error("the origin is lost, and there was no other in time: {0}")]
    Unserved(Unserved),
}

impl Relay {
    pub(crate) async fn publish_rtmp(
        self: Arc<Self>,
        mut link: Link<server::Session>,
        request: server::PublishRequest,
        peer: SocketAddr,
    ) {
        let wish = Wish::new("rtmp publish", peer);
        let (connect, stream) = (&request.connect, request.stream.as_str());
        let bad_name = "NetStream.Publish.BadName";
        let Some(key) = wish.name(&self, &mut link, connect, stream, bad_name).await else { return };
        let role = client::Role::Publish { kind: request.kind.clone() };
        let config = self.same_words(connect, stream, role);
        let asker = wish.asker();
        let dial = Box::pin(self.dial_publish(&key, &config, &asker, &[]));
        let Some((leg, claimed)) = wish.dial(&mut link, &key, "NetStream.Publish.Failed", dial).await else {
            return;
        };
        drop(request);
        let cid = wish.cid;
        let node = Arc::clone(&leg.origin.node);
        tracing::info!(cid, peer = shown(peer), stream = %key, origin = %node.id, device = node.device_id, "rtmp publish");
        link.machine().accept_publish();
        let words = Words { relay: Arc::clone(&self), key, config, asker };
        let ended = words.run(&mut link, leg, claimed).await;
        tracing::info!(cid, stream = %words.key, reason = %ended, "rtmp publish ended");
        match &ended {
            Ended::Clean | Ended::Client(_) => {}
            Ended::Told { code, description } => link.machine().status("error", code, description),
            _ => {
                link.machine().status(
                    "error",
                    "NetStream.Publish.Failed",
                    "the origin is gone; publish again",
                );
            }
        }
        let _told_if_possible = link.drain().await;
        if matches!(ended, Ended::Clean) {
            link.linger().await;
        }
    }
}

/// What each origin of a publish is told.
struct Words {
    relay: Arc<Relay>,
    key: StreamKey,
    config: client::Config,
    asker: Asker,
}

type Opened = (Leg<Link<client::Session>>, Claimed);

impl Words {
    /// Publishes at one origin after the other, as long as the publisher stays.
    async fn run(
        &self,
        link: &mut Link<server::Session>,
        leg: Leg<Link<client::Session>>,
        mut claimed: Claimed,
    ) -> Ended {
        let (mut up, mut origin) = (Upstream::new(leg.link, track::Publisher::default()), leg.origin);
        // Not again at once where there was no other origin to go to.
        let mut patience = Duration::ZERO;
        loop {
            let turn = turn_to_leave(&self.relay, &mut origin, patience);
            let (ended, turn) = pump(link, &mut up, turn).await;
            match ended {
                Ended::Clean => {
                    up.say_goodbye().await;
                    return ended;
                }
                Ended::Client(_) => {
                    claimed.hold();
                    return ended;
                }
                Ended::Origin(_) if self.relay.ended_on_purpose(&origin.node).await => return ended,
                Ended::Origin(_) | Ended::Silent | Ended::Drains => {}
                Ended::Told { .. } | Ended::Unserved(_) => return ended,
            }
            let from = Arc::clone(&origin.node);
            tracing::warn!(cid = self.asker.session, stream = %self.key, origin = %from.id, reason = %ended, "rtmp publish needs another origin");
            let leaves = matches!(ended, Ended::Drains);
            let leg;
            (leg, claimed) = match Box::pin(self.again(link, &mut up, leaves, from.id.clone())).await {
                Ok(opened) => opened,
                Err(Ended::Unserved(why)) if leaves => {
                    tracing::warn!(cid = self.asker.session, stream = %self.key, origin = %from.id, error = %why, "rtmp publish stays at an origin that drains");
                    patience = STAY;
                    continue;
                }
                Err(ended) => return ended,
            };
            patience = Duration::ZERO;
            drop(turn);
            let track = std::mem::take(&mut up.track);
            let left = std::mem::replace(&mut up, Upstream::new(leg.link, track));
            origin = leg.origin;
            if leaves {
                shards::spawn(left.flush());
            }
            up.replay();
            // Those who watch here need not find out for themselves.
            self.relay.followed.tell(&self.key, origin.place.clone());
            tracing::info!(cid = self.asker.session, stream = %self.key, from = %from.id, origin = %origin.node.id, "rtmp publish goes on");
        }
    }

    /// Another origin than `lost`, if there is one; meanwhile what the publisher sends is kept as far as a replay needs it.
    async fn again(
        &self,
        link: &mut Link<server::Session>,
        up: &mut Upstream,
        leaves: bool,
        lost: NodeId,
    ) -> Result<Opened, Ended> {
        let mut dial = std::pin::pin!(self.redial(lost, leaves));
        loop {
            tokio::select! {
                biased;
                opened = dial.as_mut() => return opened.map_err(Ended::Unserved),
                event = link.next() => {
                    // One that is about to be left may have to be stayed with.
                    let pass = |message| if leaves { up.pass(&message) } else { up.track.pass(&message) };
                    if let Some(ended) = take(&mut link.reader, event, pass) {
                        return Err(ended);
                    }
                }
            }
        }
    }

    async fn redial(&self, lost: NodeId, leaves: bool) -> Result<Opened, Unserved> {
        let until = Instant::now() + FAILOVER;
        let asker = Asker { resumes: true, ..self.asker.clone() };
        let mut not = vec![lost];
        loop {
            match self.relay.dial_publish(&self.key, &self.config, &asker, &not).await {
                Ok(opened) => return Ok(opened),
                Err(why @ Unserved::Refused(_)) => return Err(why),
                Err(why) if leaves => return Err(why),
                Err(why) if Instant::now() >= until => return Err(why),
                // The lost one may be the only one, and come back.
                Err(_) => not.clear(),
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

struct Upstream {
    reader: Reader<client::Session>,
    write: OwnedWriteHalf,
    outbox: Outbox,
    track: track::Publisher,
    headers: BytesMut,
    parts: Vec<bytes::Bytes>,
}

impl Upstream {
    fn new(link: Link<client::Session>, track: track::Publisher) -> Upstream {
        let (reader, write, outbox) = link.split();
        Upstream { reader, write, outbox, track, headers: BytesMut::new(), parts: Vec::new() }
    }

    /// Tells the origin what the one before it was told.
    fn replay(&mut self) {
        for message in self.track.replay() {
            self.reader.machine.write_parts(message, &mut self.headers, &mut self.parts);
        }
        for part in self.parts.drain(..) {
            self.outbox.push(part);
        }
    }

    /// Without it the origin would hold the stream for the publisher's return. Closed with what the origin says meanwhile
    /// unread, the connection would be reset, and the goodbye lost.
    async fn say_goodbye(mut self) {
        self.reader.machine.close();
        self.collect();
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        let _sent_if_possible = timeout(limits::DIAL, sent).await;
        self.reader.close(self.write).await;
    }

    /// Sends what waits, without a goodbye: the origin waits for a publisher that does not come.
    async fn flush(mut self) {
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        let _sent_if_possible = timeout(limits::DIAL, sent).await;
        self.reader.close(self.write).await;
    }

    fn pass(&mut self, message: &Message) {
        self.track.pass(message);
        self.reader.machine.write_parts(message, &mut self.headers, &mut self.parts);
        for part in self.parts.drain(..) {
            self.outbox.push(part);
        }
    }

    fn collect(&mut self) {
        while let Some(output) = self.reader.machine.poll_output() {
            self.outbox.push(output);
        }
    }
}

/// Ready when the publish is to leave its origin: at once when that is silent, one after the other when it drains.
async fn turn_to_leave<'a>(
    relay: &'a Relay,
    origin: &mut Origin,
    patience: Duration,
) -> (Ended, Option<Turn<'a>>) {
    if origin.worse_than(Life::Alive).await == Life::Silent {
        return (Ended::Silent, None);
    }
    let turn = async {
        tokio::time::sleep(patience).await;
        relay.leaving.acquire().await.ok()
    };
    tokio::select! {
        turn = turn => (Ended::Drains, turn),
        () = origin.silent() => (Ended::Silent, None),
    }
}

type Turn<'a> = tokio::sync::SemaphorePermit<'a>;

async fn pump<'a>(
    link: &mut Link<server::Session>,
    up: &mut Upstream,
    leave: impl Future<Output = (Ended, Option<Turn<'a>>)>,
) -> (Ended, Option<Turn<'a>>) {
    let mut leave = std::pin::pin!(leave);
    let (ended, turn) = tokio::select! {
        biased;
        ended = flow(link, up, false) => (ended, None),
        left = leave.as_mut() => left,
    };
    if !matches!(ended, Ended::Drains) {
        return (ended, turn);
    }
    // What viewers have not been sent of the GOP before this one could not be told again.
    match timeout(SETTLING, flow(link, up, true)).await {
        Ok(ended) => (ended, turn),
        Err(_) => (Ended::Drains, turn),
    }
}

/// Passes on until one of the two ends it; or, where it `leaves`, until the open GOP is old enough to be left in.
async fn flow(link: &mut Link<server::Session>, up: &mut Upstream, leaves: bool) -> Ended {
    let stall = tokio::time::sleep(limits::STALL);
    tokio::pin!(stall);
    let mut full: Option<usize> = None;
    let mute = tokio::time::sleep(MUTE);
    tokio::pin!(mute);
    let mut heard = link.reader.received();
    loop {
        if leaves && up.track.is_settled() {
            return Ended::Drains;
        }
        let room = up.outbox.len() < BACKLOG_BYTES;
        if room {
            full = None;
        } else if full.is_none() {
            full = Some(up.outbox.len());
            stall.as_mut().reset(Instant::now() + limits::STALL);
        }
        let waits = !up.outbox.is_empty();
        tokio::select! {
            biased;
            sent = poll_fn(|cx| up.outbox.poll_send(&up.write, cx)), if waits => {
                if let Err(error) = sent {
                    return Ended::Origin(error.into());
                }
            }
            event = link.next(), if room => {
                let blocked = !up.outbox.is_empty();
                if let Some(ended) = take(&mut link.reader, event, |message| up.pass(&message)) {
                    return ended;
                }
                up.collect();
                if blocked {
                    // The origin reads slowly: what waits must not pin the shard's read blocks.
                    up.outbox.detach();
                }
            }
            answer = up.reader.step() => match answer {
                Ok(None) => return Ended::Origin(Error::Closed),
                Err(error) => return Ended::Origin(error),
                Ok(Some(step)) => {
                    up.outbox.push(step.output);
                    if let Some(client::Event::Status { code, level, status }) = step.event
                        && level == "error"
                    {
                        let description = status.get("description").and_then(|text| text.as_str());
                        return Ended::Told { code, description: description.unwrap_or_default().to_owned() };
                    }
                }
            },
            () = stall.as_mut(), if !room => {
                // An origin that answers probes but takes nothing of this stream is no origin for it.
                if full.replace(up.outbox.len()).is_some_and(|before| up.outbox.len() >= before) {
                    return Ended::Origin(Error::Stalled);
                }
                stall.as_mut().reset(Instant::now() + limits::STALL);
            }
            () = mute.as_mut() => {
                let before = std::mem::replace(&mut heard, link.reader.received());
                // Without room we did not listen.
                if room && heard == before {
                    return Ended::Client(Error::Slow("word"));
                }
                mute.as_mut().reset(Instant::now() + MUTE);
            }
        }
    }
}

/// Takes everything that one read brought.
fn take(
    reader: &mut Reader<server::Session>,
    first: Result<Option<server::Event>, Error>,
    mut pass: impl FnMut(Message),
) -> Option<Ended> {
    let mut event = match first {
        Ok(Some(event)) => Some(event),
        Ok(None) => return Some(Ended::Client(Error::Closed)),
        Err(error) => return Some(Ended::Client(error)),
    };
    while let Some(now) = event {
        match now {
            server::Event::Message(message) => pass(message),
            server::Event::EndOfStream => return Some(Ended::Clean),
            _ => {}
        }
        event = match reader.buffered() {
            Ok(event) => event,
            Err(error) => return Some(Ended::Client(error)),
        };
    }
    None
}

#[cfg(test)]
mod tests;

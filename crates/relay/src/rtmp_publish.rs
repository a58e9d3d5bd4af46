//! A publisher's leg: from the client to the origin that owns the stream.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use srs_net::rtmp::{Error, Link, Reader};
use srs_net::{Outbox, limits};
use srs_rtmp::{Message, client, server};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::Instant;

use crate::Relay;
use crate::forward::{Wish, shown};
use crate::limits::{BACKLOG_BYTES, MUTE};
use crate::origins::{Leg, Origin};
use crate::track;

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
        let dial = self.dial_publish(&key, &config);
        let Some((leg, claimed)) = wish.dial(&mut link, &key, "NetStream.Publish.Failed", dial).await else {
            return;
        };
        drop((request, config));
        let cid = wish.cid;
        let node = Arc::clone(&leg.origin.node);
        tracing::info!(cid, peer = shown(peer), stream = %key, origin = %node.id, device = node.device_id, "rtmp publish");
        link.machine().accept_publish();
        let ended = run(&mut link, leg).await;
        drop(claimed);
        tracing::info!(cid, stream = %key, reason = %ended, "rtmp publish ended");
        match &ended {
            Ended::Clean | Ended::Client(_) => {}
            Ended::Told { code, description } => link.machine().status("error", code, description),
            Ended::Origin(_) | Ended::Silent => {
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

async fn run(link: &mut Link<server::Session>, leg: Leg<Link<client::Session>>) -> Ended {
    let Leg { link: up, mut origin } = leg;
    let (reader, write, outbox) = up.split();
    let mut upstream = Upstream {
        reader,
        write,
        outbox,
        track: track::Publisher::default(),
        headers: BytesMut::new(),
        parts: Vec::new(),
    };
    let ended = pump(link, &mut upstream, &mut origin).await;
    if matches!(ended, Ended::Clean) {
        // Without this the origin would hold the stream for the publisher's return.
        upstream.reader.machine.close();
        upstream.collect();
        let sent = poll_fn(|cx| upstream.outbox.poll_send(&upstream.write, cx));
        let _sent_if_possible = tokio::time::timeout(limits::DIAL, sent).await;
    }
    ended
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

async fn pump(link: &mut Link<server::Session>, up: &mut Upstream, origin: &mut Origin) -> Ended {
    let stall = tokio::time::sleep(limits::STALL);
    tokio::pin!(stall);
    let mut full: Option<usize> = None;
    let mute = tokio::time::sleep(MUTE);
    tokio::pin!(mute);
    let mut heard = link.reader.received();
    let silent = origin.silent();
    tokio::pin!(silent);
    loop {
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
                if let Some(ended) = take(link, up, event) {
                    return ended;
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
            () = silent.as_mut() => return Ended::Silent,
        }
    }
}

/// Takes everything that one read brought.
fn take(
    link: &mut Link<server::Session>,
    up: &mut Upstream,
    first: Result<Option<server::Event>, Error>,
) -> Option<Ended> {
    let blocked = !up.outbox.is_empty();
    let mut event = match first {
        Ok(Some(event)) => Some(event),
        Ok(None) => return Some(Ended::Client(Error::Closed)),
        Err(error) => return Some(Ended::Client(error)),
    };
    while let Some(now) = event {
        match now {
            server::Event::Message(message) => up.pass(&message),
            server::Event::EndOfStream => return Some(Ended::Clean),
            _ => {}
        }
        event = match link.reader.buffered() {
            Ok(event) => event,
            Err(error) => return Some(Ended::Client(error)),
        };
    }
    up.collect();
    if blocked {
        // The origin reads slowly: what waits must not pin the shard's read blocks.
        up.outbox.detach();
    }
    None
}

#[cfg(test)]
mod tests;

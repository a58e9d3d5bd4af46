//! RTMP publishers: messages in, frames to the hub.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use srs_hub::{Finish, Publisher, Settings, Superseded};
use srs_media::time::Unwrap;
use srs_names::envelope::{Envelope, Purpose};
use srs_names::{Inventory as _, NodeId, StreamKey, Term};
use srs_net::rtmp::{Error, Link, PassOn};
use srs_rtmp::{Message, server};

use crate::clients::{About, Client, Live, Via};
use crate::config::{Publish, To, Vhost};
use crate::idle::Idle;
use crate::rtmp::{about, is_departure};
use crate::{Gateway, Refused, shown};

/// Why a publish ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the publisher ended the stream")]
    Clean,
    #[error("{0}")]
    Superseded(#[from] Superseded),
    #[error("ended by an operator")]
    Kicked,
    #[error("no media for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("{0}")]
    Lost(#[from] Error),
}

impl Gateway {
    pub(crate) async fn publish_rtmp(
        self: Arc<Self>,
        mut link: Link<server::Session>,
        mut request: server::PublishRequest,
        peer: SocketAddr,
    ) {
        let sent = self.envelope_of(
            &mut request.connect,
            ("publish", &request.stream),
            &[Purpose::Relay, Purpose::Push],
            peer,
        );
        let peer = sent.as_ref().and_then(|envelope| envelope.client).unwrap_or(peer);
        let via = sent.as_ref().map(Via::of);
        let admitted = self.admit_publish(&request, sent.as_ref(), peer);
        if let (Ok((key, Vhost { publish: Publish { to: To::Elsewhere, .. }, .. })), Some(door)) =
            (&admitted, &self.pass_on)
        {
            let about = About { via, ..about(&request.connect) };
            let listed = self.clients.add(key, peer, "fmle-publish", about);
            let hops = crate::fetch::hops(sent.as_ref()).to_vec();
            return self.pass_on(&**door, (link, request), (key, &listed.client), hops).await;
        }
        let began = admitted.and_then(|(key, vhost)| {
            if vhost.publish.to != To::Here {
                return Err(Refused::Elsewhere);
            }
            let hold = sent.as_ref().and_then(|envelope| envelope.hold).unwrap_or(vhost.publish.hold);
            let term = sent.and_then(|envelope| envelope.term);
            let publisher = self.hub.publish(&key, settings(vhost, hold, term))?;
            Ok((key, vhost, hold, publisher))
        });
        let (key, vhost, hold, publisher) = match began {
            Ok(began) => began,
            Err(error) => {
                self.clients.failed();
                tracing::warn!(peer = shown(peer), stream = crate::bare(&request.stream), %error, "publish refused");
                return refuse(&mut link, &error).await;
            }
        };
        if let Some(settings) = &vhost.hls {
            self.hls.begin(&self.hub, &key, settings);
        }
        let about = About { via, ..about(&request.connect) };
        let listed = self.clients.add(&key, peer, "fmle-publish", about);
        let live = self.clients.goes_live(&listed.client);
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "rtmp publish");
        link.machine().accept_publish();
        let ended =
            Session { link: &mut link, publisher: &publisher, client: &listed.client, live: &live, vhost }
                .run()
                .await;
        if matches!(&ended, Ended::Lost(error) if !is_departure(error)) || matches!(ended, Ended::Idle(_)) {
            self.clients.failed();
        }
        let finish =
            if matches!(ended, Ended::Clean | Ended::Kicked) { Finish::Clean } else { Finish::Dropped };
        let held = publisher.finish(finish);
        if let Some(generation) = held {
            self.holds.begin(&self.hub, &key, generation, hold);
        }
        let received = listed.client.traffic.received.load(Ordering::Relaxed);
        tracing::info!(cid = id, stream = %key, received, reason = %ended, held = held.is_some(), "rtmp publish ended");
        let farewell = match &ended {
            Ended::Clean | Ended::Lost(_) => None,
            other => Some(other.to_string()),
        };
        if let Some(why) = farewell {
            link.machine().status("error", "NetStream.Publish.Failed", &why);
        }
        let _told_if_possible = link.drain().await;
        drop(listed);
        // Closed with media unread the connection would be reset, and what was said last be lost.
        if !matches!(ended, Ended::Lost(_) | Ended::Idle(_)) {
            link.linger().await;
        }
    }

    /// Lets a publish go where it belongs.
    async fn pass_on(
        &self,
        door: &dyn PassOn,
        (link, request): (Link<server::Session>, server::PublishRequest),
        (key, client): (&StreamKey, &Client),
        hops: Vec<NodeId>,
    ) {
        let (id, peer) = (client.id.as_str(), client.peer);
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "rtmp publish is passed on");
        let kicked = tokio::select! {
            () = door.publish(key.vhost(), link, request, peer, hops) => false,
            () = poll_fn(|cx| client.kicked.poll(cx)) => true,
        };
        tracing::info!(cid = id, stream = %key, kicked, "rtmp publish that was passed on ended");
    }

    fn admit_publish(
        &self,
        request: &server::PublishRequest,
        sent: Option<&Envelope>,
        peer: SocketAddr,
    ) -> Result<(StreamKey, &Vhost), Refused> {
        self.no_loop(sent)?;
        // A node that sends a publisher here knows what it does; one that comes by itself would have to go again.
        if sent.is_none() && self.draining() {
            return Err(Refused::Draining);
        }
        let connect = &request.connect;
        let (key, params) = StreamKey::from_rtmp(&connect.tc_url, &connect.app, &request.stream)?;
        let (key, vhost) = self.resolve(&key)?;
        self.admit.publish(&key, &params, peer).map_err(Refused::NotAllowed)?;
        Ok((key, vhost))
    }
}

/// How the hub is to treat a publish that `term` sends here.
pub(crate) fn settings(vhost: &Vhost, hold: Duration, term: Option<Term>) -> Settings {
    Settings {
        takeover: vhost.publish.takeover,
        hold: !hold.is_zero(),
        gop_cache_max_frames: vhost.play.gop_cache_max_frames,
        rules: vhost.play.rules,
        term,
    }
}

async fn refuse(link: &mut Link<server::Session>, why: &Refused) {
    let code = match why {
        Refused::Hub(srs_hub::Refused::Fenced { .. }) => "NetStream.Publish.Fenced",
        _ => "NetStream.Publish.BadName",
    };
    link.machine().reject(code, &why.to_string());
    let _told_if_possible = link.drain().await;
}

/// One publish while it lasts.
struct Session<'a> {
    link: &'a mut Link<server::Session>,
    publisher: &'a Publisher,
    client: &'a Client,
    live: &'a Live,
    vhost: &'a Vhost,
}

impl Session<'_> {
    async fn run(self) -> Ended {
        let Session { link, publisher, client, live, vhost } = self;
        let mut intake = Intake { publisher, unwrap: Unwrap::default(), complained: false };
        let mut idle = Idle::new(vhost.publish.first_frame);
        loop {
            tokio::select! {
                biased;
                event = link.next() => {
                    let mut event = match event {
                        Ok(Some(event)) => Some(event),
                        Ok(None) => return Ended::Lost(Error::Closed),
                        Err(error) => return Ended::Lost(error),
                    };
                    // Everything that one read brought is taken at once.
                    while let Some(now) = event {
                        match now {
                            server::Event::Message(message) => {
                                let bytes = message.body.len() as u64;
                                client.traffic.received.fetch_add(bytes, Ordering::Relaxed);
                                live.traffic.received.fetch_add(bytes, Ordering::Relaxed);
                                if let Err(superseded) = intake.take(message) {
                                    return Ended::Superseded(superseded);
                                }
                                idle.heard(vhost.publish.idle);
                            }
                            server::Event::EndOfStream => return Ended::Clean,
                            _ => {}
                        }
                        event = match link.reader.buffered() {
                            Ok(event) => event,
                            Err(error) => return Ended::Lost(error),
                        };
                    }
                    if !vhost.publish.mr_latency.is_zero() {
                        tokio::time::sleep(vhost.publish.mr_latency).await;
                    }
                }
                () = poll_fn(|cx| publisher.poll_superseded(cx)) => return Ended::Superseded(Superseded),
                () = poll_fn(|cx| client.kicked.poll(cx)) => return Ended::Kicked,
                limit = poll_fn(|cx| idle.poll(cx)) => return Ended::Idle(limit),
            }
        }
    }
}

/// Turns messages into frames.
struct Intake<'a> {
    publisher: &'a Publisher,
    unwrap: Unwrap,
    complained: bool,
}

impl Intake<'_> {
    fn take(&mut self, message: Message) -> Result<(), Superseded> {
        let time = self.unwrap.unwrap(message.timestamp);
        match srs_flv::demux(message.kind.0, time, message.body) {
            Ok(frame) => self.publisher.push(frame),
            Err(error) => {
                // A broken frame is the encoder's loss; ending its stream for it would be ours.
                if !self.complained {
                    tracing::warn!(%error, "a message was left out");
                    self.complained = true;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;

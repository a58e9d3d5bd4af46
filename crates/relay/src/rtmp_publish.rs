//! A publisher's leg: from the client to the origin that owns the stream, and to another when that is lost. The publisher
//! does not see it.

mod flow;
mod pulse;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use srs_names::{NodeId, StreamKey};
use srs_net::rtmp::{Error, Link};
use srs_net::shards;
use srs_rtmp::{client, server};
use tokio::time::Instant;

use crate::door::{Asker, Errand};
use crate::forward::{Wish, shown};
use crate::limits::{FAILOVER, RETRY, STAY};
use crate::origins::{Claimed, Leg, Losses, Unserved};
use crate::{Relay, track};
use flow::{Upstream, pump, take};

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
        link: Link<server::Session>,
        request: server::PublishRequest,
        peer: SocketAddr,
    ) {
        let does = ("publish", request.stream.as_str());
        let (peer, errand) = self.caller_of_session(&request.connect, does, peer);
        self.publish_for(link, request, peer, errand).await;
    }

    /// The same for whom is known already.
    pub(crate) async fn publish_for(
        self: Arc<Self>,
        mut link: Link<server::Session>,
        request: server::PublishRequest,
        peer: SocketAddr,
        errand: Errand,
    ) {
        let wish = Wish::new("rtmp publish", peer);
        let (connect, stream) = (&request.connect, request.stream.as_str());
        let bad_name = "NetStream.Publish.BadName";
        let Some(key) = wish.name(&self, &mut link, connect, stream, bad_name).await else { return };
        let role = client::Role::Publish { kind: request.kind.clone() };
        let config = self.same_words(connect, stream, role);
        let asker = wish.asker(errand);
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
        let (mut up, mut origin) =
            (Upstream::new(leg.link, track::Publisher::default(), &self.relay.role), leg.origin);
        // Not again at once where there was no other origin to go to.
        let mut patience = Duration::ZERO;
        let mut losses = Losses::default();
        loop {
            let (ended, turn) = pump(&self.relay, link, &mut up, &origin, patience).await;
            match ended {
                Ended::Clean => {
                    up.say_goodbye().await;
                    return ended;
                }
                Ended::Client(_) => {
                    claimed.hold();
                    return ended;
                }
                // Without a word, but in order: what it means, only the origin knows.
                Ended::Origin(Error::Closed) if self.relay.ended_on_purpose(&origin.node).await => {
                    return ended;
                }
                Ended::Origin(_) if losses.are_too_many() => return ended,
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
                Err(ended) => {
                    match &ended {
                        // One that is being left still has the stream.
                        Ended::Clean if leaves => up.say_goodbye().await,
                        Ended::Client(_) => claimed.hold(),
                        _ => {}
                    }
                    return ended;
                }
            };
            patience = Duration::ZERO;
            drop(turn);
            let track = std::mem::take(&mut up.track);
            let left = std::mem::replace(&mut up, Upstream::new(leg.link, track, &self.relay.role));
            origin = leg.origin;
            if leaves {
                shards::spawn(left.flush());
            }
            up.replay();
            // Those who watch here need not find out for themselves.
            self.relay.followed.tell(&self.key, Some(origin.place.clone()));
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
                Err(why) if leaves => return Err(why),
                Err(why) if Instant::now() >= until => return Err(why),
                // The lost one may be the only one, and come back.
                Err(_) => not.clear(),
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

#[cfg(test)]
mod tests;

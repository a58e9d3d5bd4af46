//! SRT publishers: a transport stream in, frames to the hub.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use srs_hub::{Finish, Publisher, Superseded};
use srs_names::{Inventory as _, StreamKey};
use srs_net::srt::{Connection, Knock};
use srs_srt::engine;

use super::intake::Intake;
use super::{Asked, No, let_in};
use crate::clients::{Client, Live};
use crate::config::{To, Vhost};
use crate::idle::Idle;
use crate::publish::settings;
use crate::{Gateway, Refused, shown};

/// Why a publish ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Superseded(#[from] Superseded),
    #[error("ended by an operator")]
    Kicked,
    #[error("no media for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("{0}")]
    Connection(engine::Ended),
}

impl Ended {
    /// What becomes of the stream: it waits for a publisher whose line broke, and for nobody who said goodbye.
    fn finish(&self) -> Finish {
        match self {
            Ended::Kicked | Ended::Connection(engine::Ended::Peer) => Finish::Clean,
            _ => Finish::Dropped,
        }
    }

    fn is_failure(&self) -> bool {
        matches!(self, Ended::Idle(_) | Ended::Connection(engine::Ended::Broken))
    }
}

impl Gateway {
    pub(super) async fn publish_srt(self: Arc<Self>, knock: Knock, asked: Asked) {
        let peer = asked.peer;
        let elsewhere = |(_, vhost): &(StreamKey, &Vhost)| vhost.publish.to == To::Elsewhere;
        if self.pass_on.is_some() && self.srt_vhost(&asked.key).is_ok_and(|found| elsewhere(&found)) {
            return match self.no_loop(asked.sent.as_ref()) {
                Ok(()) => self.push_srt(knock, asked).await,
                Err(refused) => self.refuse_srt(knock, peer, &refused.into()),
            };
        }
        let admitted = self.admit_publish_srt(&asked).and_then(|admitted| {
            // Who has not the right passphrase must not take anybody's place.
            Ok((admitted, self.srt_engine(&knock)?))
        });
        let ((key, vhost), accepted) = match admitted {
            Ok(admitted) => admitted,
            Err(no) => return self.refuse_srt(knock, peer, &no),
        };
        let about = asked.about();
        let hold = asked.sent.as_ref().and_then(|envelope| envelope.hold).unwrap_or(vhost.publish.hold);
        let term = asked.sent.and_then(|envelope| envelope.term);
        let publisher = match self.hub.publish(&key, settings(vhost, hold, term)) {
            Ok(publisher) => publisher,
            Err(refused) => return self.refuse_srt(knock, peer, &Refused::Hub(refused).into()),
        };
        if let Some(settings) = &vhost.hls {
            self.hls.begin(&self.hub, &key, settings);
        }
        let listed = self.clients.add(&key, peer, "srt-publish", about);
        let live = self.clients.goes_live(&listed.client);
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "srt publish");
        let connection = let_in(knock, accepted);
        let session =
            Session { connection: &connection, publisher: &publisher, client: &listed.client, live: &live };
        let mut intake = Intake::default();
        let ended = session.run(vhost, &mut intake).await;
        if ended.is_failure() {
            self.clients.failed();
        }
        // On a line that broke the last picture may be a part of one.
        if matches!(ended, Ended::Connection(engine::Ended::Peer)) {
            intake.end(&publisher);
        }
        let held = publisher.finish(ended.finish());
        if let Some(generation) = held {
            self.holds.begin(&self.hub, &key, generation, hold);
        }
        let stats = connection.stats();
        let received = listed.client.traffic.received.load(Ordering::Relaxed);
        tracing::info!(
            cid = id, stream = %key, received, lost = stats.lost, damaged = intake.errors(), rtt_ms = stats.rtt.as_millis(), reason = %ended,
            held = held.is_some(), "srt publish ended"
        );
    }

    fn admit_publish_srt(&self, asked: &Asked) -> Result<(StreamKey, &Vhost), No> {
        let sent = asked.sent.as_ref();
        self.no_loop(sent)?;
        // A node that sends a publisher here knows what it does; one that comes by itself would have to go again.
        if sent.is_none() && self.draining() {
            return Err(Refused::Draining.into());
        }
        let (key, vhost) = self.srt_vhost(&asked.key)?;
        if vhost.publish.to != To::Here {
            return Err(Refused::Elsewhere.into());
        }
        self.admit.publish(&key, &asked.params, asked.peer).map_err(Refused::NotAllowed)?;
        Ok((key, vhost))
    }
}

/// One publish while it lasts.
struct Session<'a> {
    connection: &'a Connection,
    publisher: &'a Publisher,
    client: &'a Client,
    live: &'a Live,
}

impl Session<'_> {
    async fn run(self, vhost: &Vhost, intake: &mut Intake) -> Ended {
        let Session { connection, publisher, client, live } = self;
        let mut idle = Idle::new(vhost.publish.first_frame);
        loop {
            tokio::select! {
                biased;
                message = poll_fn(|cx| connection.poll_message(cx)) => {
                    let Some(message) = message else {
                        let ended = poll_fn(|cx| connection.poll_ended(cx)).await;
                        return Ended::Connection(ended);
                    };
                    let bytes = message.len() as u64;
                    client.traffic.received.fetch_add(bytes, Ordering::Relaxed);
                    live.traffic.received.fetch_add(bytes, Ordering::Relaxed);
                    match intake.take(&message, publisher, &client.id) {
                        Ok(0) => {}
                        Ok(_) => idle.heard(vhost.publish.idle),
                        Err(superseded) => return Ended::Superseded(superseded),
                    }
                }
                () = poll_fn(|cx| publisher.poll_superseded(cx)) => return Ended::Superseded(Superseded),
                () = poll_fn(|cx| client.kicked.poll(cx)) => return Ended::Kicked,
                limit = poll_fn(|cx| idle.poll(cx)) => return Ended::Idle(limit),
            }
        }
    }
}

//! Publishers by WebRTC: frames in, frames to the hub.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use srs_hub::{Finish, Publisher, Superseded};
use srs_names::StreamKey;
use srs_net::rtc::Connection;
use srs_rtc::engine::{self, Event};

use super::intake::{Intake, Took};
use super::keys::KeyFrames;
use super::sessions::{Command, PublishPlan, Running};
use crate::clients::{Client, Live};
use crate::config::{To, Vhost};
use crate::idle::Idle;
use crate::publish::settings;
use crate::{Gateway, shown};

/// DTLS takes three round trips; who needs longer than this publishes nothing.
const CONNECTING: Duration = Duration::from_secs(15);

/// Why a publish ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Superseded(#[from] Superseded),
    #[error("ended by an operator")]
    Kicked,
    #[error("the publisher ended it")]
    Deleted,
    #[error("the node is being left: it is to come again")]
    Drains,
    #[error("no DTLS in {} s", CONNECTING.as_secs())]
    NotConnected,
    #[error("no media for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("{0}")]
    Connection(engine::Ended),
}

impl Ended {
    /// What becomes of the stream: it waits for a publisher whose line broke, and for nobody who said goodbye.
    fn finish(&self) -> Finish {
        match self {
            Ended::Kicked | Ended::Deleted => Finish::Clean,
            // Who is to come again does so elsewhere, and viewers stay. A page that is closed says so in DTLS, as does one that is
            // loaded anew: a stream with a hold waits.
            _ => Finish::Dropped,
        }
    }

    fn is_goodbye(&self) -> bool {
        matches!(self, Ended::Connection(engine::Ended::Peer))
    }

    fn is_failure(&self) -> bool {
        matches!(self, Ended::Idle(_) | Ended::Connection(engine::Ended::Broken | engine::Ended::Silent(_)))
    }
}

impl Gateway {
    pub(super) async fn publish_rtc(
        self: Arc<Self>,
        connection: Connection,
        plan: PublishPlan,
        mut running: Running,
    ) {
        let Some(vhost) = self.vhost_of(&plan.key) else { return };
        let (key, peer) = (&plan.key, plan.peer);
        let connected = tokio::time::timeout(CONNECTING, connected(&connection, &mut running)).await;
        if let Err(reason) = connected.unwrap_or(Err(Ended::NotConnected)) {
            self.clients.failed();
            let peer = shown(peer);
            return tracing::info!(peer, stream = %key, %reason, "webrtc publish: the client did not connect");
        }
        // Not before: who only asks must not take anybody's place.
        if vhost.publish.to == To::Elsewhere {
            return Arc::clone(&self).push_rtc(connection, plan, running).await;
        }
        let pictures = plan.has_pictures();
        let PublishPlan { made, key, about, hold, term, layers, codecs, .. } = plan;
        // Who came by itself would come here again.
        let leaves = self.turn_to_leave(about.via.is_some().then_some(made));
        let publisher = match self.hub.publish(&key, settings(vhost, hold, term)) {
            Ok(publisher) => publisher,
            Err(refused) => {
                self.clients.failed();
                return tracing::warn!(peer = shown(peer), stream = %key, error = %refused, "webrtc publish refused");
            }
        };
        if let Some(settings) = &vhost.hls {
            self.hls.begin(&self.hub, &key, settings);
        }
        let listed = self.clients.add(&key, peer, "rtc-publish", about);
        let live = self.clients.goes_live(&listed.client);
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, ?layers, "webrtc publish");
        let agreed = self.rtc.as_ref().map(|rtc| rtc.agreed.begin(&key, codecs));
        let mut intake = Intake::new(&layers);
        let session = Session {
            connection: &connection,
            publisher: &publisher,
            client: &listed.client,
            live: &live,
            running: &mut running,
            vhost,
            keys: KeyFrames::new(&connection, vhost, pictures),
        };
        let ended = session.run(&mut intake, leaves).await;
        if ended.is_failure() {
            self.clients.failed();
        }
        let held = publisher.finish(ended.finish());
        if let Some(generation) = held {
            self.holds.begin(&self.hub, &key, generation, hold);
        }
        let stats = connection.stats();
        let received = listed.client.traffic.received.load(Ordering::Relaxed);
        tracing::info!(
            cid = id, stream = %key, received, lost = stats.lost, damaged = intake.damaged(), overrun = connection.overrun(),
            reason = %ended, held = held.is_some(), "webrtc publish ended"
        );
        drop((live, listed, agreed));
        if ended.is_goodbye() && running.is_deleted().await {
            tracing::info!(stream = %key, "webrtc publish was deleted");
            if let Some(generation) = held {
                self.hub.expire(&key, generation);
            }
        }
    }

    fn vhost_of(&self, key: &StreamKey) -> Option<&Vhost> {
        self.resolve(key).ok().map(|(_, vhost)| vhost)
    }
}

/// Waits until media may come.
async fn connected(connection: &Connection, running: &mut Running) -> Result<(), Ended> {
    loop {
        tokio::select! {
            event = connection.event() => match event {
                Some(Event::Connected) => return Ok(()),
                Some(_) => {}
                None => return Err(Ended::Connection(connection.ended().await)),
            },
            command = running.commands.recv() => match command {
                Some(Command::Restart { ours, theirs }) => connection.restart(ours, theirs),
                Some(Command::Layer(_)) => {}
                Some(Command::Delete) | None => return Err(Ended::Deleted),
                Some(Command::Leave) => return Err(Ended::Drains),
            },
        }
    }
}

/// One publish while it lasts.
struct Session<'a> {
    connection: &'a Connection,
    publisher: &'a Publisher,
    client: &'a Client,
    live: &'a Live,
    running: &'a mut Running,
    vhost: &'a Vhost,
    keys: KeyFrames<'a>,
}

impl Session<'_> {
    async fn run(mut self, intake: &mut Intake, leaves: impl Future<Output = ()>) -> Ended {
        tokio::pin!(leaves);
        let mut idle = Idle::new(self.vhost.publish.first_frame);
        loop {
            tokio::select! {
                biased;
                event = self.connection.event() => match event {
                    Some(Event::Frame(frame)) => match self.take(&frame, intake) {
                        Ok(took) => {
                            idle.heard(self.vhost.publish.idle);
                            if took == Took::NeedsKey {
                                self.keys.want(frame.layer);
                            }
                        }
                        Err(superseded) => return Ended::Superseded(superseded),
                    },
                    Some(_) => {}
                    None => return Ended::Connection(self.connection.ended().await),
                },
                () = poll_fn(|cx| self.publisher.poll_superseded(cx)) => return Ended::Superseded(Superseded),
                () = poll_fn(|cx| self.client.kicked.poll(cx)) => return Ended::Kicked,
                () = poll_fn(|cx| self.publisher.poll_key_frame_wanted(cx)) => self.keys.want(intake.layer()),
                () = poll_fn(|cx| self.keys.poll_due(intake.is_broken(), cx)) => self.keys.ask(intake.layer()),
                command = self.running.commands.recv() => {
                    if let Some(ended) = self.obey(command, intake) {
                        return ended;
                    }
                }
                limit = poll_fn(|cx| idle.poll(cx)) => return Ended::Idle(limit),
                () = leaves.as_mut() => return Ended::Drains,
            }
        }
    }

    fn take(&self, frame: &engine::Frame, intake: &mut Intake) -> Result<Took, Superseded> {
        let bytes = frame.data.len() as u64;
        self.client.traffic.received.fetch_add(bytes, Ordering::Relaxed);
        self.live.traffic.received.fetch_add(bytes, Ordering::Relaxed);
        let mut pushed = Ok(());
        let took = intake.take(frame, &self.client.id, &mut |frame| {
            let done = self.publisher.push(frame);
            pushed = pushed.and(done);
        });
        pushed.map(|()| took)
    }

    fn obey(&mut self, command: Option<Command>, intake: &mut Intake) -> Option<Ended> {
        match command {
            Some(Command::Delete) | None => return Some(Ended::Deleted),
            Some(Command::Leave) => return Some(Ended::Drains),
            Some(Command::Restart { ours, theirs }) => self.connection.restart(ours, theirs),
            Some(Command::Layer(layer)) => {
                intake.choose(layer);
                self.keys.ask(intake.layer());
            }
        }
        None
    }
}

//! Players by WebRTC: a seat in the fan of their stream.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use srs_hub::Phase;
use srs_media::Codec;
use srs_names::StreamKey;
use srs_net::rtc::Connection;
use srs_rtc::engine::{self, Event};
use tokio::time::Instant;

use super::fan::{self, Ending, Joining, News, Seat};
use super::sessions::{Command, PlayPlan, Running};
use super::tracks::Tracks;
use crate::clients::Client;
use crate::config::To;
use crate::rendition::rtc::{Pictured, Rtp};
use crate::{Gateway, RtcSettings, shown};

/// DTLS takes three round trips; who needs longer than this is no player.
const CONNECTING: Duration = Duration::from_secs(15);
/// A player that was given nothing for so long has nothing to begin with.
const LACKS_KEY: Duration = Duration::from_millis(100);
/// A publisher is asked for a key frame at most this often on account of one player.
const ASKING: Duration = Duration::from_secs(1);

/// How often it is looked at whether a player that was told of other codecs would be answered something else by now.
const JUDGING: Duration = Duration::from_millis(500);

/// Why a player's session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Left {
    #[error("the stream ended")]
    Over,
    #[error("the stream is of another codec now")]
    Changed,
    #[error("the stream has {0:?} too by now")]
    More(srs_rtc::Codec),
    #[error("the stream did not come live")]
    NotLive,
    #[error("no DTLS in 15 s")]
    NotConnected,
    #[error("a defect here")]
    Broken,
    #[error("ended by an operator")]
    Kicked,
    #[error("the player ended it")]
    Deleted,
    #[error("the node is being left: it is to come again")]
    Drains,
    #[error("the node ends")]
    Ending,
    #[error("{0}")]
    Connection(engine::Ended),
}

impl Left {
    fn is_failure(&self) -> bool {
        matches!(
            self,
            Left::Broken
                | Left::NotConnected
                | Left::Connection(engine::Ended::Broken | engine::Ended::Dtls | engine::Ended::Silent(_))
        )
    }
}

impl Gateway {
    pub(super) async fn play_rtc(self: Arc<Self>, connection: Connection, plan: PlayPlan, running: Running) {
        let PlayPlan { made, key, peer, about, tracks } = plan;
        // Where streams are published their players leave behind their publisher: sooner they would find nothing.
        let fetches = self.resolve(&key).is_ok_and(|(_, vhost)| vhost.publish.to != To::Here);
        let sent = about.via.is_some() && fetches;
        let leaves = self.turn_to_leave(sent.then_some(made));
        let listed = self.clients.add(&key, peer, "rtc-play", about);
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, codecs = ?tracks.agreed, "webrtc play");
        let connection = Rc::new(connection);
        let session = Session { gateway: &self, connection: &connection, client: &listed.client, running };
        let left = tokio::select! {
            biased;
            left = session.run(&key, tracks) => left,
            () = leaves => Left::Drains,
        };
        if left.is_failure() {
            self.clients.failed();
        }
        let stats = connection.stats();
        let sent = listed.client.traffic.sent.load(Ordering::Relaxed);
        tracing::info!(
            cid = id, stream = %key, sent, resent = stats.resent, asked = stats.key_frames_wanted,
            rtt_ms = stats.rtt.as_millis(), reason = %left, "webrtc play ended"
        );
    }
}

/// One play while it lasts.
struct Session<'a> {
    gateway: &'a Gateway,
    connection: &'a Rc<Connection>,
    client: &'a Arc<Client>,
    running: Running,
}

impl Session<'_> {
    async fn run(mut self, key: &StreamKey, tracks: Tracks) -> Left {
        let connected = tokio::time::timeout(CONNECTING, self.connected()).await;
        match connected {
            Ok(Ok(())) => {}
            Ok(Err(left)) => return left,
            Err(_) => return Left::NotConnected,
        }
        let gateway = self.gateway;
        let Ok((_, vhost)) = gateway.resolve(key) else { return Left::NotLive };
        let Some(settings) = &vhost.rtc else { return Left::NotLive };
        let pictured = Pictured { keep_bframe: settings.keep_bframe, keep_sei: settings.keep_sei };
        let hears = tracks.knows(srs_rtc::Codec::Opus) && settings.to_opus;
        // Opus is made as long as somebody listens who cannot hear the stream's own sound: also for who would, once there is
        // any.
        let _made = hears.then(|| gateway.sound.wants(key, Codec::Opus));
        let fan = fan::of_shard(&gateway.hub, key, || Box::new(Rtp::new(pictured)));
        let joining = Joining {
            connection: Rc::clone(self.connection),
            client: Arc::clone(self.client),
            gop_cache: vhost.play.gop_cache,
            tracks,
        };
        let seat = Seat::take(&fan, joining);
        drop(fan);
        self.watch((key, settings), &seat).await
    }

    /// Waits until media may go.
    async fn connected(&mut self) -> Result<(), Left> {
        loop {
            tokio::select! {
                event = self.connection.event() => match event {
                    Some(Event::Connected) => return Ok(()),
                    Some(_) => {}
                    None => return Err(Left::Connection(self.connection.ended().await)),
                },
                command = self.running.commands.recv() => {
                    if let Some(left) = self.obey(command) {
                        return Err(left);
                    }
                }
                () = poll_fn(|cx| self.client.kicked.poll(cx)) => return Err(Left::Kicked),
            }
        }
    }

    async fn watch(&mut self, (key, settings): (&StreamKey, &RtcSettings), seat: &Seat) -> Left {
        let most = crate::rtmp::NOT_LIVE;
        let not_live = tokio::time::sleep_until(Instant::now() + most);
        tokio::pin!(not_live);
        // Who began with what was there needs none.
        let lacks_key = tokio::time::sleep(LACKS_KEY);
        tokio::pin!(lacks_key);
        let mut asked = Instant::now();
        let (mut waiting, mut lacks) = (true, true);
        let mut told: Vec<News> = Vec::new();
        let judging = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(judging);
        loop {
            tokio::select! {
                biased;
                news = poll_fn(|cx| seat.poll_news(cx)) => match news {
                    News::Ending(Ending::Over) => return Left::Over,
                    News::Ending(Ending::Broken) => return Left::Broken,
                    news => {
                        // Of each codec once.
                        told.push(news);
                        judging.as_mut().reset(Instant::now());
                    }
                },
                event = self.connection.event() => match event {
                    Some(Event::KeyFrameWanted) => {
                        // What it lost it gets again from here, or else from the publisher.
                        if !seat.again() && asked.elapsed() >= ASKING {
                            asked = Instant::now();
                            self.gateway.hub.want_key_frame(key);
                        }
                    }
                    Some(_) => {}
                    None => return Left::Connection(self.connection.ended().await),
                },
                command = self.running.commands.recv() => {
                    if let Some(left) = self.obey(command) {
                        return left;
                    }
                }
                () = poll_fn(|cx| self.client.kicked.poll(cx)) => return Left::Kicked,
                () = judging.as_mut(), if !told.is_empty() => {
                    if let Some(left) = told.iter().find_map(|news| self.judge((key, settings), *news)) {
                        return left;
                    }
                    // What was agreed with the publisher before may be forgotten only now, and a header may come late.
                    judging.as_mut().reset(Instant::now() + JUDGING);
                }
                () = lacks_key.as_mut(), if lacks => {
                    lacks = !seat.started();
                    if lacks {
                        self.gateway.hub.want_key_frame(key);
                        lacks_key.as_mut().reset(Instant::now() + ASKING);
                    }
                }
                () = not_live.as_mut(), if waiting => {
                    waiting = !seat.started();
                    not_live.as_mut().reset(Instant::now() + most);
                    let phase = self.gateway.hub.phase(key);
                    if waiting && !matches!(phase, Some(Phase::Live | Phase::Held)) {
                        return Left::NotLive;
                    }
                }
            }
        }
    }

    /// Whether the session ends for this: not where it would be answered the same when it asks, for it would ask again and
    /// again.
    fn judge(&self, (key, settings): (&StreamKey, &RtcSettings), news: News) -> Option<Left> {
        match news {
            News::Changed(agreed) if !self.gateway.has_codec(key, settings, agreed) => Some(Left::Changed),
            News::More(codec) if self.gateway.has_codec(key, settings, codec) => Some(Left::More(codec)),
            News::Changed(_) | News::More(_) | News::Ending(_) => None,
        }
    }

    fn obey(&self, command: Option<Command>) -> Option<Left> {
        match command {
            Some(Command::Delete) => Some(Left::Deleted),
            Some(Command::Leave) => Some(Left::Ending),
            Some(Command::Restart { ours, theirs }) => {
                self.connection.restart(ours, theirs);
                None
            }
            Some(Command::Layer(_)) => None,
            // The table is gone, and the node with it.
            None => Some(Left::Broken),
        }
    }
}

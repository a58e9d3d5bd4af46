//! WebRTC: WHIP and WHEP make sessions over HTTP, media then comes and goes at the node's port for it.
//!
//! A session waits in a table from its answer to the first check of its client's ([`sessions`](self)), which proves that the
//! client is who was answered. Then it is served on the shard where that came: a publisher's frames go to the hub like
//! any other's, and a player takes its place in the one fan of its stream.

mod agreed;
mod answer;
mod changes;
mod fan;
mod intake;
mod join;
mod json;
mod keys;
mod make;
mod play;
mod publish;
mod push;
mod resource;
mod sessions;
mod signal;
#[cfg(test)]
pub(crate) mod testkit;
mod tracks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use srs_net::candidates::{Names, Rules};
use srs_net::quiet::Quiet;
use srs_net::rtc::{Door, Found, Knock};
use srs_rtc::ufrag::{Keys, Route, Ufrag};

use crate::Gateway;
use sessions::{Purpose, Sessions};

/// Refusals are logged so often, each second: anybody can cause them.
static REFUSALS: Quiet = Quiet::new(10);

/// What every client is told when the process ends is told within so long, or not at all: the driver of each shard has its
/// turn in some milliseconds.
const ENDING: Duration = Duration::from_millis(500);
/// Between two looks whether that was done; and for the last datagrams to go out.
const LOOK: Duration = Duration::from_millis(20);

/// How WebRTC is served.
#[derive(Debug, Clone)]
pub struct Rtc {
    /// Makes user names and passwords of sessions.
    pub keys: Keys,
    /// This node in user names.
    pub route: Route,
    /// Which addresses clients are told.
    pub rules: Rules,
    /// Where media goes over UDP.
    pub udp: Vec<SocketAddr>,
    /// Where it goes over TCP.
    pub tcp: Vec<SocketAddr>,
    /// What SRS's own API says of who answers.
    pub who: Who,
}

/// Who answers, in SRS's words.
#[derive(Debug, Clone, Default)]
pub struct Who {
    /// The stable id of this node.
    pub server: String,
    /// That of this process.
    pub service: String,
    /// The process.
    pub pid: String,
}

/// How the sessions of a vhost are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtcSettings {
    /// Opus is made for players where a stream has other sound.
    pub to_opus: bool,
    /// AAC is made for players of other protocols where a stream has Opus.
    pub to_aac: bool,
    /// Players get B-frames too.
    pub keep_bframe: bool,
    /// Players get SEI messages too.
    pub keep_sei: bool,
    /// What was lost is asked for, and sent again.
    pub nack: bool,
    /// That goes as a stream of its own.
    pub rtx: bool,
    /// Feedback tells when which packet came.
    pub twcc: bool,
    /// This side begins DTLS, where clients leave that open.
    pub active: bool,
    /// A session of whose client nothing was heard for so long is over.
    pub timeout: Duration,
    /// A publisher is asked for a key frame that often; by itself a browser sends none after the first.
    pub key_frames: Duration,
}

impl Default for RtcSettings {
    fn default() -> RtcSettings {
        RtcSettings {
            to_opus: true,
            to_aac: true,
            keep_bframe: false,
            keep_sei: true,
            nack: true,
            rtx: true,
            twcc: true,
            active: false,
            timeout: Duration::from_secs(30),
            key_frames: Duration::from_secs(6),
        }
    }
}

impl RtcSettings {
    fn peer(&self) -> srs_peer::rtc::Settings {
        srs_peer::rtc::Settings {
            active: self.active,
            nack: self.nack,
            rtx: self.rtx,
            twcc: self.twcc,
            consent: self.timeout,
            ..srs_peer::rtc::Settings::default()
        }
    }
}

/// WebRTC at this node.
pub(crate) struct Webrtc {
    config: Rtc,
    names: Names,
    sessions: Sessions,
    agreed: agreed::Agreed,
}

impl Webrtc {
    pub(crate) fn new(config: Rtc) -> Webrtc {
        Webrtc {
            config,
            names: Names::default(),
            sessions: Sessions::default(),
            agreed: agreed::Agreed::default(),
        }
    }

    /// Forgets sessions whose clients never came.
    pub(crate) fn sweep(&self) {
        self.sessions.sweep();
    }
}

impl Door for Gateway {
    fn find(&self, ufrag: &str) -> Found {
        let known =
            self.rtc.as_ref().zip(Ufrag::parse(ufrag)).filter(|(rtc, ufrag)| {
                ufrag.route() == rtc.config.route && rtc.sessions.has(ufrag.session())
            });
        let Some((rtc, parsed)) = known else { return Found::Nobody };
        Found::Known {
            session: parsed.session().into(),
            password: rtc.config.keys.password(ufrag),
            each_address: false,
        }
    }
}

impl Gateway {
    /// Ends all sessions of WebRTC, as the process is about to: their clients are told, and come again at once, where they
    /// would else wait for what does not come for as long as ICE allows. Held streams are held on.
    pub async fn end_rtc(&self) {
        let Some(rtc) = &self.rtc else { return };
        if rtc.sessions.leave() == 0 {
            return;
        }
        let ended = async {
            while rtc.sessions.leave() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        // Who is still there hears nothing.
        let _late = tokio::time::timeout(ENDING, ended).await;
        tokio::time::sleep(LOOK).await;
    }

    /// Serves one session of WebRTC to its end.
    pub async fn serve_rtc(self: Arc<Self>, knock: Knock) {
        let taken = self.rtc.as_ref().zip(Ufrag::parse(knock.ufrag()));
        let taken = taken.and_then(|(rtc, ufrag)| rtc.sessions.take(ufrag.session()));
        // Somebody else has it, or it was deleted meanwhile.
        let Some((parked, running)) = taken else { return };
        let connection = knock.accept(Box::new(parked.engine));
        match parked.purpose {
            Purpose::Publish(plan) => self.publish_rtc(connection, *plan, running).await,
            Purpose::Play(plan) => self.play_rtc(connection, *plan, running).await,
        }
    }
}

#[cfg(test)]
mod tests;

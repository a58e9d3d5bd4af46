//! SRT: what a caller asks for, and whether it may.
//!
//! A transport stream comes in and goes out: its frames are the hub's like any other's, so that what is published by SRT is
//! played by every protocol, and the reverse.

mod intake;
mod play;
mod publish;
mod push;

use std::net::SocketAddr;
use std::sync::Arc;

use srs_names::envelope::{Envelope, Purpose, SRT_KEY, bound};
use srs_names::source::MissingKind;
use srs_names::{Params, StreamKey};
use srs_net::quiet::Quiet;
use srs_net::srt::{Connection, Knock};
use srs_peer::srt::Settings;
use srs_srt::streamid::{self, Defaults, Mode, StreamId, strip_key};
use srs_srt::{Reason, handshake};

use crate::clients::{About, Via};
use crate::config::Vhost;
use crate::{Gateway, Refused, shown};

/// Refusals are logged so often, each second: anybody can cause them.
static REFUSALS: Quiet = Quiet::new(10);

/// A stream id for the log: stream and mode, without what may be a secret.
fn told(said: &str, defaults: &Defaults) -> String {
    let id = StreamId::parse(&strip_key(said, SRT_KEY).0, defaults);
    match id.map(|id| (id.key(), id.mode)) {
        Ok((Ok((key, _)), mode)) => format!("{key} ({})", mode.as_str()),
        _ => format!("a stream id of {} bytes that names none", said.len()),
    }
}

/// How SRT is served.
#[derive(Debug, Clone)]
pub struct Srt {
    /// Of each connection.
    pub peer: Settings,
    /// What stream ids mean that do not say all.
    pub defaults: Defaults,
    /// Bytes a second to one player at most.
    pub most_bandwidth: Option<u64>,
}

/// Why a caller is refused.
#[derive(Debug, thiserror::Error)]
enum No {
    #[error("SRT is not served here")]
    Off,
    #[error("{0}")]
    Handshake(#[from] handshake::Error),
    #[error("{0}")]
    StreamId(#[from] streamid::Error),
    #[error("SRT is off for vhost {0}: vhost {0} {{ srt {{ enabled on; }} }} switches it on")]
    Vhost(String),
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Peer(Reason),
}

impl From<srs_names::NameError> for No {
    fn from(error: srs_names::NameError) -> No {
        No::Refused(error.into())
    }
}

impl No {
    /// As a caller is told it.
    fn reason(&self) -> Reason {
        match self {
            No::Off => Reason::CLOSE,
            No::Handshake(_) => Reason::ROGUE,
            No::StreamId(streamid::Error::Mode(_)) => Reason::BAD_MODE,
            No::StreamId(_) | No::Refused(Refused::Name(_)) => Reason::BAD_REQUEST,
            No::Vhost(_) | No::Refused(Refused::NotAllowed(_) | Refused::Elsewhere) => Reason::FORBIDDEN,
            No::Refused(Refused::Vhost(_)) => Reason::NOT_FOUND,
            No::Refused(Refused::Draining) => Reason::UNAVAILABLE,
            // A proxy that hears this claims anew.
            No::Refused(Refused::Hub(srs_hub::Refused::Fenced { .. })) => Reason::LOCKED,
            No::Refused(Refused::Hub(srs_hub::Refused::Busy)) => Reason::CONFLICT,
            No::Refused(Refused::Missing(missing)) => match missing.kind {
                MissingKind::NotFound => Reason::NOT_FOUND,
                MissingKind::Forbidden => Reason::FORBIDDEN,
                MissingKind::Loop => Reason::FAILED_DEPENDENCY,
                MissingKind::Unreachable => Reason::GATEWAY,
            },
            No::Peer(reason) => *reason,
        }
    }
}

/// What a caller asks for.
struct Asked {
    mode: Mode,
    key: StreamKey,
    params: Params,
    /// All that it said behind the name of the stream.
    query: String,
    /// The host that it named.
    host: String,
    /// What a node of ours said that stands for it.
    sent: Option<Envelope>,
    /// Where it is.
    peer: SocketAddr,
}

impl Asked {
    fn about(&self) -> About {
        About {
            tc_url: format!("srt://{}/{}", self.host, self.key.app()),
            via: self.sent.as_ref().map(Via::of),
            ..About::default()
        }
    }
}

impl Gateway {
    /// Serves one caller to its end.
    pub async fn serve_srt(self: Arc<Self>, knock: Knock) {
        let peer = knock.from();
        let asked = match self.asked(&knock) {
            Ok(asked) => asked,
            Err(no) => return self.refuse_srt(knock, peer, &no),
        };
        match asked.mode {
            Mode::Publish => self.publish_srt(knock, asked).await,
            Mode::Request => self.play_srt(knock, asked).await,
        }
    }

    fn refuse_srt(&self, knock: Knock, peer: SocketAddr, no: &No) {
        self.clients.failed();
        if let Some(unsaid) = REFUSALS.may_say() {
            let said = knock.handshake().stream_id().ok().flatten().unwrap_or_default();
            let stream = self.srt.as_ref().map(|srt| told(&said, &srt.defaults));
            tracing::warn!(peer = shown(peer), stream, unsaid, error = %no, "srt caller refused");
        }
        knock.refuse(no.reason());
    }

    fn asked(&self, knock: &Knock) -> Result<Asked, No> {
        let srt = self.srt.as_ref().ok_or(No::Off)?;
        let said = knock.handshake().stream_id()?.unwrap_or_default();
        let (text, envelope) = strip_key(&said, SRT_KEY);
        let id = StreamId::parse(&text, &srt.defaults)?;
        let purposes: &[Purpose] = match id.mode {
            Mode::Publish => &[Purpose::Relay, Purpose::Push],
            Mode::Request => &[Purpose::Relay, Purpose::Pull],
        };
        let sent = envelope.zip(self.envelopes.as_ref()).and_then(|(envelope, envelopes)| {
            envelopes.open(&envelope, purposes, &bound::of_srt(&text), knock.from())
        });
        let (key, params) = id.key()?;
        let peer = sent.as_ref().and_then(|envelope| envelope.client).unwrap_or_else(|| knock.from());
        let (query, host) = (id.query(), id.host.clone().unwrap_or_else(|| key.vhost().to_owned()));
        Ok(Asked { mode: id.mode, key, params, query, host, sent, peer })
    }

    /// The vhost that serves the stream by SRT, and the name under which it is kept.
    fn srt_vhost(&self, key: &StreamKey) -> Result<(StreamKey, &Vhost), No> {
        let (key, vhost) = self.resolve(key)?;
        if vhost.srt { Ok((key, vhost)) } else { Err(No::Vhost(vhost.name.clone())) }
    }

    /// What answers at this end, and what is said to the caller once it is let in.
    fn srt_engine(&self, knock: &Knock) -> Result<srs_peer::srt::Accepted, No> {
        let srt = self.srt.as_ref().ok_or(No::Off)?;
        let (from, now) = (knock.from(), std::time::Instant::now());
        srs_peer::srt::accept(&srt.peer, &knock.handshake(), knock.local_id(), from, knock.rtt(), now)
            .map_err(No::Peer)
    }
}

/// Lets a caller in.
fn let_in(knock: Knock, accepted: srs_peer::srt::Accepted) -> Connection {
    knock.accept(accepted.engine, accepted.answer)
}

#[cfg(test)]
mod tests;

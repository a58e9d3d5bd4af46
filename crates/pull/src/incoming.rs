//! One session with a server upstream, by whatever protocol.

use srs_media::Frame;
use srs_names::MissingKind;
use tokio::time::Duration;

use crate::dial::dial;
use crate::envelope::Asker;
use crate::plan::{Scheme, Target};
use crate::{flv, rtmp, rtsp, srt};

/// What came from upstream.
#[derive(Debug)]
pub(crate) enum Event {
    /// A frame, on the time of this session in milliseconds; it never wraps, and it may begin anywhere.
    Frame(Frame),
    /// A sign of life that is no media.
    Alive,
    /// The publisher's connection broke, and upstream waits for it: silence is no failure now.
    Held,
    /// The publisher came back.
    Live,
    /// The stream is over, and was ended on purpose.
    Over,
}

/// Why a session did not come about, or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// What a viewer is told.
    pub(crate) kind: MissingKind,
    /// In words, without the target's address.
    pub(crate) why: String,
}

impl Failed {
    pub(crate) fn new(kind: MissingKind, why: impl Into<String>) -> Failed {
        Failed { kind, why: why.into() }
    }

    /// No connection, or it broke.
    pub(crate) fn unreachable(why: impl ToString) -> Failed {
        Failed::new(MissingKind::Unreachable, why.to_string())
    }

    /// Whether nothing was said of the stream: it may be there all the same.
    pub(crate) fn is_silence(&self) -> bool {
        self.kind == MissingKind::Unreachable
    }
}

/// A session that is open. A wait for its next event may be given up at any time, and loses nothing.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Over RTMP.
    Rtmp(rtmp::Session),
    /// Over HTTP.
    Flv(flv::Session),
    /// Over RTSP.
    Rtsp(rtsp::Session),
    /// Over SRT.
    Srt(Box<srt::Session>),
}

impl Incoming {
    /// Opens a session for the target's stream. `asker` is told to servers of our own alone.
    pub(crate) async fn open(target: &Target, asker: Option<&Asker>) -> Result<Incoming, Failed> {
        match target.scheme {
            Scheme::Rtmp => {
                let stream = dial(&target.host, target.port).await?;
                rtmp::Session::open(stream, target, asker).await.map(Incoming::Rtmp)
            }
            Scheme::Http | Scheme::Https => flv::Session::open(target, asker).await.map(Incoming::Flv),
            Scheme::Rtsp => rtsp::Session::open(target).await.map(Incoming::Rtsp),
            Scheme::Srt => srt::Session::open(target, asker).await.map(|it| Incoming::Srt(Box::new(it))),
            Scheme::Ovt => Err(Failed::new(MissingKind::NotFound, "ovt is not built yet")),
        }
    }

    /// Where the server that answered as `target` has the stream's HLS, if it says so: host and port of HTTP.
    pub(crate) fn hls(&mut self, target: &Target) -> Option<(String, u16)> {
        match self {
            Incoming::Rtmp(session) => Some((target.host.clone(), session.hls_port()?)),
            Incoming::Flv(session) => session.hls(),
            Incoming::Rtsp(_) | Incoming::Srt(_) => None,
        }
    }

    /// Whether the server is of this program, as it says: it refuses what does not come, and sends nothing before a key frame.
    pub(crate) fn is_ours(&mut self) -> bool {
        match self {
            Incoming::Rtmp(session) => session.is_ours(),
            Incoming::Flv(session) => session.is_ours(),
            Incoming::Rtsp(_) | Incoming::Srt(_) => false,
        }
    }

    /// Whether media comes, though it may have made no frame yet.
    pub(crate) fn brings_media(&self) -> bool {
        matches!(self, Incoming::Srt(session) if session.brings_media())
    }

    /// How much later what the server sends is given out here, by what was agreed with it.
    pub(crate) fn delay(&self) -> Duration {
        match self {
            Incoming::Srt(session) => session.latency(),
            Incoming::Rtmp(_) | Incoming::Flv(_) | Incoming::Rtsp(_) => Duration::ZERO,
        }
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Result<Event, Failed> {
        match self {
            Incoming::Rtmp(session) => session.next().await,
            Incoming::Flv(session) => session.next().await,
            Incoming::Rtsp(session) => session.next().await,
            Incoming::Srt(session) => session.next().await,
        }
    }

    /// Leaves.
    pub(crate) async fn close(self) {
        if let Incoming::Rtmp(session) = self {
            session.close().await;
        }
    }
}

//! What the doors need to know, as a role hands it in.

use std::sync::Arc;
use std::time::Duration;

use crate::{Live, RtcSettings, hls};
use srs_hub::{Rules, Takeover};
use srs_names::{DEFAULT_VHOST, StreamKey};

/// Settings of one virtual host. The defaults of every role are those of here.
#[derive(Debug, Clone, PartialEq)]
pub struct Vhost {
    /// Its name; [`DEFAULT_VHOST`] serves every host that has no vhost of its own.
    pub name: String,
    /// Whether it serves anything; a host whose own vhost is switched off is refused.
    pub enabled: bool,
    /// Chunk size that we announce and write, in bytes.
    pub chunk_size: u32,
    /// Frames are sent as they come, whatever `mw_latency` says.
    pub min_latency: bool,
    /// The formats in which live media is served over HTTP.
    pub http_live: Vec<Live>,
    /// How HLS is made. None: it is not.
    pub hls: Option<Arc<hls::Settings>>,
    /// Whether HLS is first asked for at [`crate::Config::elsewhere`].
    pub hls_elsewhere: bool,
    /// Whether it serves SRT.
    pub srt: bool,
    /// How it serves WebRTC. None: it does not.
    pub rtc: Option<RtcSettings>,
    /// Viewers.
    pub play: Play,
    /// Publishers.
    pub publish: Publish,
}

/// Who may play: SRS knows no such rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// Everybody.
    #[default]
    Any,
    /// The nodes of this cluster, for themselves or for their clients.
    Cluster,
}

/// How viewers are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// Who they may be.
    pub from: From,
    /// New viewers start at the newest key frame, not at the next.
    pub gop_cache: bool,
    /// Most frames in the GOP cache, 0 for no limit but the hub's.
    pub gop_cache_max_frames: usize,
    /// How far a viewer may lag before it is moved to a key frame.
    pub queue_length: Duration,
    /// Writes are merged over this time.
    pub mw_latency: Duration,
    /// A merged write waits for this many frames, up to twice `mw_latency`; 0 to write by time alone.
    pub mw_msgs: usize,
    /// How time stamps are mended.
    pub rules: Rules,
}

/// Where what is published goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum To {
    /// It stays here.
    #[default]
    Here,
    /// To [`crate::Config::pass_on`]: the streams of the vhost are published elsewhere.
    Elsewhere,
    /// Nowhere: it is refused, for the streams of the vhost are published elsewhere.
    Nowhere,
}

/// How publishers are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Where it goes.
    pub to: To,
    /// Reads are merged over this time; zero to read as data comes.
    pub mr_latency: Duration,
    /// From the accepted publish to the first frame.
    pub first_frame: Duration,
    /// Between frames.
    pub idle: Duration,
    /// What happens to a second publisher.
    pub takeover: Takeover,
    /// How long viewers wait for a publisher whose connection broke.
    pub hold: Duration,
}

impl Default for Vhost {
    fn default() -> Vhost {
        Vhost {
            name: DEFAULT_VHOST.to_owned(),
            enabled: true,
            chunk_size: 60_000,
            min_latency: false,
            http_live: Vec::new(),
            hls: None,
            hls_elsewhere: false,
            srt: false,
            rtc: None,
            play: Play::default(),
            publish: Publish::default(),
        }
    }
}

impl Default for Play {
    fn default() -> Play {
        Play {
            from: From::Any,
            gop_cache: true,
            gop_cache_max_frames: 2500,
            queue_length: Duration::from_secs(2),
            mw_latency: Duration::from_millis(350),
            mw_msgs: 0,
            rules: Rules::default(),
        }
    }
}

impl Default for Publish {
    fn default() -> Publish {
        Publish {
            to: To::Here,
            mr_latency: Duration::ZERO,
            first_frame: Duration::from_secs(20),
            idle: Duration::from_secs(5),
            takeover: Takeover::Replace,
            hold: Duration::from_secs(10),
        }
    }
}

/// Finds the vhost that serves `key`, and the key under which the stream is kept.
///
/// As in SRS a host without a vhost of its own is served by the default one, and its streams are that one's.
pub(crate) fn resolve<'a>(vhosts: &'a [Vhost], key: &StreamKey) -> Option<(StreamKey, &'a Vhost)> {
    if let Some(own) = vhosts.iter().find(|vhost| vhost.name == key.vhost()) {
        return own.enabled.then(|| (key.clone(), own));
    }
    let default = vhosts.iter().find(|vhost| vhost.name == DEFAULT_VHOST && vhost.enabled)?;
    Some((key.with_vhost(DEFAULT_VHOST).ok()?, default))
}

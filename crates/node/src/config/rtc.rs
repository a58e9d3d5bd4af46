//! `rtc_server { }` and `vhost { rtc { } }`.

use std::path::PathBuf;
use std::time::Duration;

use srs_boot::conf::{Problem, Section};
use srs_boot::env::Vars;
use srs_boot::value::Unit;
use srs_boot::{Expected, Listen};
use srs_net::candidates::{Candidate, Family};

/// Over what media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP alone.
    Udp,
    /// TCP alone.
    Tcp,
    /// UDP, and TCP for who cannot have that.
    All,
}

/// The WebRTC server.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtc {
    /// `enabled`: off.
    pub enabled: bool,
    /// `listen`: one or more UDP ports. 8000.
    pub listen: Vec<Listen>,
    /// `tcp { listen; }`: the same for TCP. None: the ports of `listen`.
    pub tcp: Option<Vec<Listen>>,
    /// `protocol`, and `tcp { enabled; }`. All; SRS has `udp`.
    pub transport: Transport,
    /// `candidate`: addresses that clients are told; `*` for all of this machine, a word that begins with `$` for what that
    /// variable says. `*`.
    pub candidates: Vec<Candidate>,
    /// `api_as_candidates`: whether the host of the request that makes a session is one. On.
    pub api: bool,
    /// `resolve_api_domain`: whether its address is, where that host is a name. On.
    pub resolve: bool,
    /// `keep_api_domain`: whether the name is one beside it. Off.
    pub keep: bool,
    /// `use_auto_detect_network_ip`: whether `*` is the addresses of this machine's interfaces. On.
    pub detect: bool,
    /// `ip_family`: which of them. IPv4.
    pub family: Family,
    /// `ffmpeg`, which SRS does not have: the program that makes AAC of Opus. `ffmpeg`.
    pub ffmpeg: PathBuf,
}

impl Default for Rtc {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: vec![Listen::port(8000)],
            tcp: None,
            transport: Transport::All,
            candidates: vec![Candidate::Detected],
            api: true,
            resolve: true,
            keep: false,
            detect: true,
            family: Family::V4,
            ffmpeg: "ffmpeg".into(),
        }
    }
}

impl Rtc {
    pub(super) fn read(section: Section<'_>, vars: &Vars) -> Result<Self, Problem> {
        let default = Self::default();
        let tcp = section.block("tcp");
        let transport = match (section.text("protocol"), tcp.switch("enabled")?) {
            (Some("tcp"), _) => Transport::Tcp,
            (Some("udp"), None | Some(false)) | (None, Some(false)) => Transport::Udp,
            _ => default.transport,
        };
        let candidates = section.list("candidate", |word| candidates(word, vars))?;
        Ok(Self {
            enabled: section.switch("enabled")?.unwrap_or(default.enabled),
            listen: section.listens("listen")?.unwrap_or(default.listen),
            tcp: tcp.listens("listen")?,
            transport,
            candidates: candidates.map_or(default.candidates, |lists| lists.concat()),
            api: section.switch("api_as_candidates")?.unwrap_or(default.api),
            resolve: section.switch("resolve_api_domain")?.unwrap_or(default.resolve),
            keep: section.switch("keep_api_domain")?.unwrap_or(default.keep),
            detect: section.switch("use_auto_detect_network_ip")?.unwrap_or(default.detect),
            family: match section.text("ip_family") {
                Some("ipv6") => Family::V6,
                Some("all") => Family::Any,
                _ => default.family,
            },
            ffmpeg: section.text("ffmpeg").map_or(default.ffmpeg, Into::into),
        })
    }
}

/// A word of `candidate`; of a variable all words in it. Of one that is not set the addresses are detected, as SRS has it.
fn candidates(word: &str, vars: &Vars) -> Result<Vec<Candidate>, Expected> {
    let said = match word.strip_prefix('$') {
        Some(name) => vars.get(name).map(String::as_str).unwrap_or_default(),
        None => word,
    };
    Candidate::list(said).map_err(|wrong| Expected(wrong.to_string().into()))
}

/// WebRTC of one vhost.
#[derive(Clone, Debug, PartialEq)]
pub struct VhostRtc {
    /// `enabled`: whether streams of the vhost may be published and played by WebRTC. Off.
    pub enabled: bool,
    /// How.
    pub settings: srs_gateway::RtcSettings,
    /// `opus_bitrate`: bits a second of Opus that is made of AAC. 96,000; SRS has 48,000.
    pub opus_bitrate: u32,
    /// `aac_bitrate`: bits a second of AAC that is made of Opus. 128,000; SRS has 48,000.
    pub aac_bitrate: u32,
}

impl Default for VhostRtc {
    fn default() -> Self {
        let sound = srs_gateway::Sound::default();
        Self {
            enabled: false,
            settings: srs_gateway::RtcSettings::default(),
            opus_bitrate: sound.opus_bitrate,
            aac_bitrate: sound.aac_bitrate,
        }
    }
}

impl VhostRtc {
    pub(super) fn read(section: Section<'_>) -> Result<Self, Problem> {
        let (default, sound) = (srs_gateway::RtcSettings::default(), srs_gateway::Sound::default());
        let timeout = section.time("timeout", Unit::Millis)?.or(section.time("stun_timeout", Unit::Seconds)?);
        let settings = srs_gateway::RtcSettings {
            to_opus: section.switch("rtmp_to_rtc")?.unwrap_or(default.to_opus),
            to_aac: section.switch("rtc_to_rtmp")?.unwrap_or(default.to_aac),
            keep_bframe: section.switch("keep_bframe")?.unwrap_or(default.keep_bframe),
            keep_sei: section.switch("keep_avc_nalu_sei")?.unwrap_or(default.keep_sei),
            nack: section.switch("nack")?.unwrap_or(default.nack),
            rtx: section.switch("rtx")?.unwrap_or(default.rtx),
            twcc: section.switch("twcc")?.unwrap_or(default.twcc),
            active: section.text("dtls_role") == Some("active"),
            // SRS says 0 for never; a peer that is gone would then stay for ever.
            timeout: timeout.filter(|timeout| *timeout > Duration::ZERO).unwrap_or(default.timeout),
            key_frames: section.time("pli_for_rtmp", Unit::Seconds)?.unwrap_or(default.key_frames),
        };
        Ok(Self {
            enabled: section.switch("enabled")?.unwrap_or_default(),
            settings,
            opus_bitrate: section.number("opus_bitrate")?.unwrap_or(sound.opus_bitrate),
            aac_bitrate: section.number("aac_bitrate")?.unwrap_or(sound.aac_bitrate),
        })
    }

    /// What is worth telling of the block.
    pub(super) fn warnings(section: Section<'_>) -> Result<Vec<Problem>, Problem> {
        let off = |name: &'static str, what: &str| {
            let is_off = section.switch(name)? == Some(false);
            let text = format!("`{name} off` leaves out {what}; the picture is one for all players");
            Ok(is_off.then(|| section.problem(name, text)))
        };
        let found: Result<Vec<_>, _> = [
            off("rtmp_to_rtc", "Opus made of AAC: players of WebRTC hear nothing of such streams"),
            off("rtc_to_rtmp", "AAC made of Opus: players of other protocols hear nothing of such streams"),
        ]
        .into_iter()
        .collect();
        Ok(found?.into_iter().flatten().collect())
    }
}

//! `srt_server { }` and `vhost { srt { } }`.

use std::time::Duration;

use srs_boot::conf::{Problem, Section};
use srs_boot::value::Unit;
use srs_boot::{Expected, Listen, Secret};
use srs_srt::streamid::{Defaults, Mode};

/// The SRT server.
#[derive(Clone, Debug, PartialEq)]
pub struct Srt {
    /// `enabled`: off.
    pub enabled: bool,
    /// `listen`: one or more UDP ports. 10080.
    pub listen: Vec<Listen>,
    /// `recvlatency`, else `latency`: for how long what publishers send is held back, that lost packets can come again; a
    /// publisher may ask for more. 120 ms.
    pub receive_latency: Duration,
    /// `peerlatency`, else `latency`: the same at players, at the least. As they ask.
    pub peer_latency: Duration,
    /// `tsbpdmode`: whether packets are given out in the rhythm in which they were sent. On.
    pub tsbpd: bool,
    /// `tlpktdrop`: whether packets that are too late are given up. On.
    pub too_late_drop: bool,
    /// `maxbw`: bytes a second to one player at most. None, as -1 says it.
    pub most_bandwidth: Option<u64>,
    /// `mss`: bytes of a packet with the headers of IP and UDP. 1500.
    pub mss: u16,
    /// `sendbuf`: bytes that a player has not acknowledged yet, at most. 8192 packets.
    pub send_buffer: usize,
    /// `recvbuf`: bytes of a publisher that wait for lost ones. 8192 packets.
    pub receive_buffer: usize,
    /// `connect_timeout`: how long a call to another server may take. 3 s.
    pub connect_timeout: Duration,
    /// `peer_idle_timeout`: a connection from which nothing was heard for so long is over. 10 s.
    pub idle_timeout: Duration,
    /// `passphrase`: what clients must know, 10 to 79 letters. None: all may connect, and nothing is encrypted.
    pub passphrase: Option<Secret>,
    /// `pbkeylen`: bytes of the key, where the client does not say: 16, 24 or 32. 0, as the client says.
    pub key_length: u16,
    /// `default_app`, `default_mode` and `default_streamid`: what is meant where a client does not say it.
    pub defaults: Defaults,
}

impl Default for Srt {
    fn default() -> Self {
        let buffer = 8192 * (1500 - 28);
        Self {
            enabled: false,
            listen: vec![Listen::port(10080)],
            receive_latency: Duration::from_millis(120),
            peer_latency: Duration::ZERO,
            tsbpd: true,
            too_late_drop: true,
            most_bandwidth: None,
            mss: 1500,
            send_buffer: buffer,
            receive_buffer: buffer,
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(10),
            passphrase: None,
            key_length: 0,
            defaults: Defaults::default(),
        }
    }
}

impl Srt {
    pub(super) fn read(section: Section<'_>) -> Result<Self, Problem> {
        let default = Self::default();
        let latency = section.time("latency", Unit::Millis)?;
        let of = |name| section.time(name, Unit::Millis);
        // The second is how older versions of SRS spell it.
        let drops = section.switch("tlpktdrop")?.or(section.switch("tlpkdrop")?);
        Ok(Self {
            enabled: section.switch("enabled")?.unwrap_or(default.enabled),
            listen: section.listens("listen")?.unwrap_or(default.listen),
            receive_latency: of("recvlatency")?.or(latency).unwrap_or(default.receive_latency),
            peer_latency: of("peerlatency")?.or(latency).unwrap_or(default.peer_latency),
            tsbpd: section.switch("tsbpdmode")?.unwrap_or(default.tsbpd),
            too_late_drop: drops.unwrap_or(default.too_late_drop),
            most_bandwidth: section.read("maxbw", bandwidth)?.flatten(),
            mss: section.number("mss")?.unwrap_or(default.mss),
            send_buffer: section.number("sendbuf")?.unwrap_or(default.send_buffer),
            receive_buffer: section.number("recvbuf")?.unwrap_or(default.receive_buffer),
            connect_timeout: of("connect_timeout")?.unwrap_or(default.connect_timeout),
            idle_timeout: of("peer_idle_timeout")?.unwrap_or(default.idle_timeout),
            passphrase: section.read("passphrase", passphrase)?.flatten(),
            key_length: section.read("pbkeylen", key_length)?.unwrap_or(default.key_length),
            defaults: Defaults {
                app: section.text("default_app").map_or(default.defaults.app, str::to_owned),
                mode: section.text("default_mode").and_then(Mode::read).unwrap_or(default.defaults.mode),
                stream_id: section.text("default_streamid").map_or(default.defaults.stream_id, str::to_owned),
            },
        })
    }
}

/// As libsrt has it: -1 is no limit, and 0 a limit by the rate of the source, which no burst is to meet here.
fn bandwidth(text: &str) -> Result<Option<u64>, Expected> {
    match text.parse() {
        Ok(-1_i64 | 0) => Ok(None),
        Ok(rate) if rate > 0 => Ok(Some(rate.unsigned_abs())),
        _ => Err(Expected("-1 or a number of bytes a second".into())),
    }
}

/// Empty is none, as in SRS's own file.
fn passphrase(text: &str) -> Result<Option<Secret>, Expected> {
    match text.len() {
        0 => Ok(None),
        10..=79 => Ok(Some(Secret::new(text))),
        _ => Err(Expected("10 to 79 letters".into())),
    }
}

fn key_length(text: &str) -> Result<u16, Expected> {
    match text.parse() {
        Ok(length @ (0 | 16 | 24 | 32)) => Ok(length),
        _ => Err(Expected("0, 16, 24 or 32".into())),
    }
}

/// SRT of one vhost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct VhostSrt {
    /// `enabled`: whether streams of the vhost may be published and played by SRT. Off.
    pub enabled: bool,
}

impl VhostSrt {
    pub(super) fn read(section: Section<'_>) -> Result<Self, Problem> {
        Ok(Self { enabled: section.switch("enabled")?.unwrap_or_default() })
    }
    /// What is worth telling of the block.
    pub(super) fn warning(section: Section<'_>) -> Result<Option<Problem>, Problem> {
        let text = "does nothing: a stream is one stream here, for players of every protocol";
        let is_off = section.switch("srt_to_rtmp")? == Some(false);
        Ok(is_off.then(|| section.problem("srt_to_rtmp", format!("`srt_to_rtmp off` {text}"))))
    }
}

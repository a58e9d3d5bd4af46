//! `play { }` and `publish { }`: how viewers and publishers are served.

use std::time::Duration;

use srs_boot::Expected;
use srs_boot::conf::{Problem, Section};
use srs_boot::value::Unit;

/// How timestamps are repaired where a stream enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeJitter {
    /// Begin at zero and repair jumps over 250 ms.
    Full,
    /// Begin at zero.
    Zero,
    /// Leave all as it is.
    Off,
}

/// How viewers are served.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    /// `gop_cache`: whether a new viewer begins with the last key frame. On.
    pub gop_cache: bool,
    /// `gop_cache_max_frames`: frames held at most; 0 for no bound but that of bytes and time. 2500.
    pub gop_cache_max_frames: usize,
    /// `queue_length`: seconds a viewer may lag before it skips to a key frame. 2 s; SRS has 30.
    pub queue_length: Duration,
    /// `mw_latency`: milliseconds for which frames are gathered before a write. 350 ms.
    pub mw_latency: Duration,
    /// `mw_msgs`: a merged write that would hold fewer frames waits for one more `mw_latency`. 0, by time alone; SRS has 8.
    pub mw_msgs: usize,
    /// `atc`: whether the publisher's timestamps are kept. Off.
    pub atc: bool,
    /// `time_jitter`: full.
    pub time_jitter: TimeJitter,
    /// `mix_correct`: whether audio and video are put in one order of time. Off.
    pub mix_correct: bool,
}

impl Default for Play {
    fn default() -> Self {
        let doors = srs_gateway::Play::default();
        Self {
            gop_cache: doors.gop_cache,
            gop_cache_max_frames: doors.gop_cache_max_frames,
            queue_length: doors.queue_length,
            mw_latency: doors.mw_latency,
            mw_msgs: doors.mw_msgs,
            atc: doors.rules.atc,
            time_jitter: TimeJitter::Full,
            mix_correct: doors.rules.mix_correct,
        }
    }
}

/// What happens to a second publisher of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// It is refused, as SRS does.
    Refuse,
    /// It takes the place of the first, which is closed.
    Replace,
}

/// How publishers are served.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    /// `mr`: whether reads are gathered. Off.
    pub mr: bool,
    /// `mr_latency`: milliseconds for which reads are gathered. 350 ms.
    pub mr_latency: Duration,
    /// `firstpkt_timeout`: milliseconds until the first packet. 20 s.
    pub firstpkt_timeout: Duration,
    /// `normal_timeout`: milliseconds between packets. 5 s.
    pub normal_timeout: Duration,
    /// `takeover`, which SRS does not have: replace. SRS refuses, and an encoder that lost its line finds its own stream busy.
    pub takeover: Takeover,
    /// `hold`, which SRS does not have: seconds for which a stream waits for a publisher that dropped. 10 s.
    pub hold: Duration,
}

impl Default for Publish {
    fn default() -> Self {
        let doors = srs_gateway::Publish::default();
        Self {
            mr: false,
            mr_latency: Duration::from_millis(350),
            firstpkt_timeout: doors.first_frame,
            normal_timeout: doors.idle,
            takeover: Takeover::Replace,
            hold: doors.hold,
        }
    }
}

pub(super) fn play(section: Section<'_>) -> Result<Play, Problem> {
    let default = Play::default();
    Ok(Play {
        gop_cache: section.switch("gop_cache")?.unwrap_or(default.gop_cache),
        gop_cache_max_frames: section.number("gop_cache_max_frames")?.unwrap_or(default.gop_cache_max_frames),
        queue_length: section.time("queue_length", Unit::Seconds)?.unwrap_or(default.queue_length),
        mw_latency: section.time("mw_latency", Unit::Millis)?.unwrap_or(default.mw_latency),
        mw_msgs: section.number("mw_msgs")?.unwrap_or(default.mw_msgs),
        atc: section.switch("atc")?.unwrap_or(default.atc),
        time_jitter: section.read("time_jitter", time_jitter)?.unwrap_or(default.time_jitter),
        mix_correct: section.switch("mix_correct")?.unwrap_or(default.mix_correct),
    })
}

fn time_jitter(word: &str) -> Result<TimeJitter, Expected> {
    match word {
        "full" => Ok(TimeJitter::Full),
        "zero" => Ok(TimeJitter::Zero),
        "off" => Ok(TimeJitter::Off),
        _ => Err(Expected("full, zero or off".into())),
    }
}

pub(super) fn publish(section: Section<'_>) -> Result<Publish, Problem> {
    let default = Publish::default();
    Ok(Publish {
        mr: section.switch("mr")?.unwrap_or(default.mr),
        mr_latency: section.time("mr_latency", Unit::Millis)?.unwrap_or(default.mr_latency),
        firstpkt_timeout: section.time("firstpkt_timeout", Unit::Millis)?.unwrap_or(default.firstpkt_timeout),
        normal_timeout: section.time("normal_timeout", Unit::Millis)?.unwrap_or(default.normal_timeout),
        takeover: section.read("takeover", takeover)?.unwrap_or(default.takeover),
        hold: section.time("hold", Unit::Seconds)?.unwrap_or(default.hold),
    })
}

fn takeover(word: &str) -> Result<Takeover, Expected> {
    match word {
        "refuse" => Ok(Takeover::Refuse),
        "replace" => Ok(Takeover::Replace),
        _ => Err(Expected("refuse or replace".into())),
    }
}

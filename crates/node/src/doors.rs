//! From the configuration's words to those of the rooms.

use std::sync::Arc;
use std::time::Duration;

use srs_boot::conf::overrides::DEFAULT_VHOST;
use srs_gateway::{From, Live, Play, Publish, Sound, Vhost};
use srs_hub::{Rules, Takeover};
use srs_media::time::Mode;

use crate::config::{self, Config, TimeJitter};
use crate::fetch;

/// The vhosts as the gateway wants them.
pub(crate) fn vhosts(config: &Config) -> Vec<Vhost> {
    config.vhosts.iter().map(|(name, vhost)| one(name, vhost, config.rtmp.chunk_size)).collect()
}

/// How sound of one codec is made into another. SRS says it for each vhost; here the default one says it for all.
pub(crate) fn sound(config: &Config) -> Sound {
    let default = config::VhostRtc::default();
    let vhosts = &config.vhosts;
    let rtc =
        vhosts.get(DEFAULT_VHOST).or_else(|| vhosts.values().next()).map_or(&default, |vhost| &vhost.rtc);
    Sound { ffmpeg: config.rtc.ffmpeg.clone(), opus_bitrate: rtc.opus_bitrate, aac_bitrate: rtc.aac_bitrate }
}

fn one(name: &str, vhost: &config::Vhost, chunk_size: u32) -> Vhost {
    let config::Vhost { play, publish, .. } = vhost;
    Vhost {
        name: name.to_owned(),
        enabled: vhost.enabled,
        chunk_size: vhost.chunk_size.unwrap_or(chunk_size),
        min_latency: vhost.min_latency,
        http_live: live(&vhost.http_remux),
        hls_elsewhere: fetch::relays_hls(vhost),
        hls: vhost.hls.enabled.then(|| Arc::new(vhost.hls.settings.clone())),
        srt: vhost.srt.enabled,
        rtc: vhost.rtc.enabled.then(|| vhost.rtc.settings.clone()),
        play: Play {
            from: if vhost.play_from_cluster { From::Cluster } else { From::Any },
            gop_cache: play.gop_cache,
            gop_cache_max_frames: play.gop_cache_max_frames,
            queue_length: play.queue_length,
            mw_latency: play.mw_latency,
            mw_msgs: play.mw_msgs,
            rules: Rules {
                jitter: match play.time_jitter {
                    TimeJitter::Full => Mode::Full,
                    TimeJitter::Zero => Mode::Zero,
                    TimeJitter::Off => Mode::Off,
                },
                atc: play.atc,
                mix_correct: play.mix_correct,
            },
        },
        publish: Publish {
            to: fetch::goes(vhost),
            mr_latency: if publish.mr && !vhost.min_latency { publish.mr_latency } else { Duration::ZERO },
            first_frame: publish.firstpkt_timeout,
            idle: publish.normal_timeout,
            takeover: match publish.takeover {
                config::Takeover::Refuse => Takeover::Refuse,
                config::Takeover::Replace => Takeover::Replace,
            },
            hold: publish.hold,
        },
    }
}

/// The formats of a mount: all of them beside `.flv`, which is what everybody mounts; else the one that it names.
fn live(remux: &config::HttpRemux) -> Vec<Live> {
    match Live::of_path(&remux.mount) {
        _ if !remux.enabled => Vec::new(),
        Some(Live::Flv) => Live::ALL.to_vec(),
        other => other.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;

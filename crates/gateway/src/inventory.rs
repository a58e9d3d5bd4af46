//! What the operators' API shows of these doors.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use srs_hub::{Headers, Phase, StreamStats};
use srs_media::{DERIVED, Frame, Kind};
use srs_names::{
    AppRecord, AudioRecord, ClientRecord, FetchRecord, Inventory, Kbps, NodeId, PublishRecord, StreamKey,
    StreamRecord, Totals, VhostRecord, VideoRecord,
};

use crate::{Gateway, Vhost};

impl Inventory for Gateway {
    fn streams(&self) -> Vec<StreamRecord> {
        let vias = self.clients.vias();
        let mut all: Vec<_> =
            self.hub.streams().into_iter().filter_map(|stream| self.record(stream, &vias)).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }

    fn clients(&self) -> Vec<ClientRecord> {
        self.clients.records()
    }

    fn kick(&self, id: &str) -> bool {
        self.clients.kick(id)
    }

    fn vhosts(&self) -> Vec<VhostRecord> {
        let record = |vhost: &Vhost| VhostRecord {
            name: vhost.name.clone(),
            enabled: vhost.enabled,
            hls: vhost.hls.as_ref().map(|hls| hls.cut.fragment.as_secs_f64()),
        };
        let mut all: Vec<_> = self.vhosts.iter().map(record).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn totals(&self) -> Totals {
        self.clients.totals()
    }

    fn drain(&self, on: bool) {
        let is_news = self.draining.send_if_modified(|draining| {
            let is_news = std::mem::replace(draining, on) != on;
            if is_news {
                self.turns.drain(on);
            }
            is_news
        });
        if is_news {
            tracing::info!(publishers = self.publishers(), "draining: {}", if on { "on" } else { "off" });
        }
    }

    fn draining(&self) -> bool {
        *self.draining.borrow()
    }

    fn fetches(&self) -> Vec<FetchRecord> {
        self.source.as_ref().map(|source| source.fetches()).unwrap_or_default()
    }

    fn applications(&self) -> Vec<AppRecord> {
        self.source.as_ref().map(|source| source.applications()).unwrap_or_default()
    }
}

/// A stream that has a publisher here, or waits for its return: what beats tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveStream {
    /// The stream.
    pub key: StreamKey,
    /// The epoch of its claim; without one made of when it went live. Milliseconds since 1970 above 16 bits.
    pub epoch: u64,
    /// The directory that gave the claim.
    pub domain: Option<String>,
    /// Whether its publisher is gone and awaited.
    pub held: bool,
}

/// What a node's streams are for it to carry, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Streams that have a publisher here, or wait for its return.
    pub streams: usize,
    /// Viewers, waiting ones included.
    pub viewers: u64,
    /// Media rates of all streams together.
    pub kbps: Kbps,
}

/// Below these bits an epoch is milliseconds since 1970.
const EPOCH_TAG_BITS: u32 = 16;

/// Which owner of its stream a publish is.
fn epoch_of(headers: &Headers, began_ms: u64) -> u64 {
    headers.term.as_ref().map_or(began_ms << EPOCH_TAG_BITS, |term| term.epoch)
}

impl Gateway {
    fn record(
        &self,
        (key, phase, stats, headers): (StreamKey, Phase, StreamStats, Headers),
        vias: &HashMap<StreamKey, BTreeSet<NodeId>>,
    ) -> Option<StreamRecord> {
        let live = self.clients.live(&key)?;
        let active = phase == Phase::Live;
        Some(StreamRecord {
            id: live.id.clone(),
            url: key.path().to_owned(),
            tc_url: live.tc_url.clone(),
            live_ms: live.began_ms,
            clients: stats.viewers.saturating_add(u64::from(active)),
            frames: stats.frames,
            audio_frames: stats.audio_frames,
            video_frames: stats.video_frames,
            send_bytes: stats.send_bytes,
            recv_bytes: stats.recv_bytes,
            kbps: live.traffic.kbps(),
            publish: PublishRecord { active, cid: live.publisher.clone() },
            held: phase == Phase::Held,
            epoch: epoch_of(&headers, live.began_ms),
            video: video_of(&headers),
            audio: audio_of(&headers),
            domain: headers.term.map(|term| term.domain),
            via: vias.get(&key).into_iter().flatten().map(|node| node.as_str().to_owned()).collect(),
            key,
        })
    }

    /// Moves every live stream's rates on, and forgets streams that are gone.
    pub(crate) fn sample_streams(&self) {
        let streams = self.hub.streams();
        for (key, _, stats, _) in &streams {
            if let Some(live) = self.clients.live(key) {
                live.traffic.sent.store(stats.send_bytes, Ordering::Relaxed);
                if live.fetched {
                    live.traffic.received.store(stats.recv_bytes, Ordering::Relaxed);
                }
                live.traffic.sample();
            }
        }
        // Asked anew: a stream that began meanwhile is listed already, and not among those. Its publisher has it at the hub
        // before it is listed.
        self.clients.keep_streams(|key| self.hub.phase(key).is_some());
    }

    /// How much there is to do here.
    pub fn carried(&self) -> Carried {
        self.hub.streams().iter().fold(Carried::default(), |sum, (key, phase, stats, _)| {
            let rates = self.clients.live(key).map(|live| live.traffic.kbps()).unwrap_or_default();
            Carried {
                streams: sum.streams.saturating_add(usize::from(matches!(phase, Phase::Live | Phase::Held))),
                viewers: sum.viewers.saturating_add(stats.viewers),
                kbps: Kbps {
                    recv_30s: sum.kbps.recv_30s.saturating_add(rates.recv_30s),
                    send_30s: sum.kbps.send_30s.saturating_add(rates.send_30s),
                },
            }
        })
    }

    /// The streams that have a publisher here, or wait for its return. Those that are fetched belong elsewhere.
    pub fn live(&self) -> Vec<LiveStream> {
        let live = |(key, phase, _, headers): (StreamKey, Phase, StreamStats, Headers)| {
            let began_ms = self.clients.live(&key).filter(|live| !live.fetched)?.began_ms;
            matches!(phase, Phase::Live | Phase::Held).then(|| LiveStream {
                epoch: epoch_of(&headers, began_ms),
                domain: headers.term.map(|term| term.domain),
                held: phase == Phase::Held,
                key,
            })
        };
        self.hub.streams().into_iter().filter_map(live).collect()
    }
}

fn video_of(headers: &Headers) -> Option<VideoRecord> {
    let info =
        headers.configs.iter().filter(|frame| frame.kind == Kind::Video).find_map(srs_flv::describe_video)?;
    Some(VideoRecord {
        codec: info.codec.name().to_owned(),
        profile: info.profile,
        level: info.level,
        width: info.width,
        height: info.height,
    })
}

fn audio_of(headers: &Headers) -> Option<AudioRecord> {
    // What a node made beside it is not what the publisher sends.
    let is_own = |frame: &&Frame| frame.kind == Kind::Audio && frame.track != DERIVED;
    let info = headers.configs.iter().filter(is_own).find_map(srs_flv::describe_audio)?;
    Some(AudioRecord {
        codec: info.codec.name().to_owned(),
        sample_rate: info.sample_rate,
        channel: u32::from(info.channels),
        profile: info.profile,
    })
}

#[cfg(test)]
mod tests;

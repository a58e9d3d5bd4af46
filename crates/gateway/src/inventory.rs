//! What the operators' API shows of these doors.

use std::sync::atomic::Ordering;

use srs_hub::{Headers, Phase, StreamStats};
use srs_media::Kind;
use srs_names::{
    AudioRecord, ClientRecord, Inventory, PublishRecord, StreamKey, StreamRecord, Totals, VhostRecord,
    VideoRecord,
};

use crate::{Gateway, Vhost};

impl Inventory for Gateway {
    fn streams(&self) -> Vec<StreamRecord> {
        let mut all: Vec<_> =
            self.hub.streams().into_iter().filter_map(|stream| self.record(stream)).collect();
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
}

impl Gateway {
    fn record(
        &self,
        (key, phase, stats, headers): (StreamKey, Phase, StreamStats, Headers),
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
            video: video_of(&headers),
            audio: audio_of(&headers),
            key,
        })
    }

    /// Moves every live stream's rates on, and forgets streams that are gone.
    pub(crate) fn sample_streams(&self) {
        let streams = self.hub.streams();
        for (key, _, stats, _) in &streams {
            if let Some(live) = self.clients.live(key) {
                live.traffic.sent.store(stats.send_bytes, Ordering::Relaxed);
                live.traffic.sample();
            }
        }
        // Asked anew: a stream that began meanwhile is listed already, and not among those. Its publisher has it at the hub
        // before it is listed.
        self.clients.keep_streams(|key| self.hub.phase(key).is_some());
    }

    /// The streams that have a publisher here, or wait for its return, and since when (ms since 1970): what beats tell.
    pub fn live(&self) -> Vec<(StreamKey, u64)> {
        let live = |(key, phase, ..): (StreamKey, Phase, StreamStats, Headers)| {
            let began = self.clients.live(&key)?.began_ms;
            matches!(phase, Phase::Live | Phase::Held).then_some((key, began))
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
    let info =
        headers.configs.iter().filter(|frame| frame.kind == Kind::Audio).find_map(srs_flv::describe_audio)?;
    Some(AudioRecord {
        codec: info.codec.name().to_owned(),
        sample_rate: info.sample_rate,
        channel: u32::from(info.channels),
        profile: info.profile,
    })
}

#[cfg(test)]
mod tests;

//! What a player by WHEP saw, and whether that is how a stream should play.

use std::time::Duration;

use srs_rtc::engine::Received;
use srs_rtc::{Codec, Track};

/// The least share of the time watched that must have come, in percent: sound may have to be made first.
const LEAST_MEDIA: u32 = 60;

/// Counts of one viewing.
#[derive(Debug, Default)]
pub struct Seen {
    video: Flow,
    audio: Flow,
    /// RTP time of the newest key frame, and how many there were.
    key: Option<u32>,
    keys: u64,
    /// The first picture was a key frame.
    whole: bool,
    bytes: usize,
    /// From the request to the first packet.
    first: Option<Duration>,
}

#[derive(Debug, Default)]
struct Flow {
    codec: Option<Codec>,
    packets: u64,
    /// Frames, by their last packets.
    frames: u64,
    /// The first number and the highest.
    numbers: Option<(u64, u64)>,
    /// The first RTP time and the newest.
    times: Option<(u32, u32)>,
}

impl Seen {
    /// Takes a packet that came `after` the request.
    pub fn take(&mut self, packet: &Received, after: Duration) {
        self.first.get_or_insert(after);
        self.bytes = self.bytes.saturating_add(packet.payload.len());
        if packet.codec.track() == Track::Audio {
            return self.audio.take(packet);
        }
        self.video.take(packet);
        if packet.codec != Codec::H264 || is_key(&packet.payload) {
            self.whole |= self.video.times.is_some_and(|(first, _)| first == packet.time);
            if packet.codec == Codec::H264 && self.key.replace(packet.time) != Some(packet.time) {
                self.keys = self.keys.saturating_add(1);
            }
        }
    }

    /// Whether a packet has come.
    pub fn began(&self) -> bool {
        self.first.is_some()
    }

    /// Packets that did not come, though later ones did.
    pub fn missing(&self) -> u64 {
        self.video.missing().saturating_add(self.audio.missing())
    }

    /// What came in words, or what is wrong with it.
    pub fn verdict(&self, watched: Duration) -> Result<String, String> {
        let Some(first) = self.first else { return Err("nothing came".to_owned()) };
        let (Some(picture), Some(sound)) = (self.video.codec, self.audio.codec) else {
            let what = if self.video.codec.is_none() { "picture" } else { "sound" };
            return Err(format!("no {what} came"));
        };
        if !self.whole {
            return Err("the picture did not begin with a key frame".to_owned());
        }
        if self.missing() > 0 {
            return Err(format!("{} packets are missing", self.missing()));
        }
        let media = self.video.media().min(self.audio.media());
        if media < watched.saturating_mul(LEAST_MEDIA) / 100 {
            return Err(format!("{:.1} s of media in {:.1} s", media.as_secs_f64(), watched.as_secs_f64()));
        }
        let keys = if picture == Codec::H264 { format!(" ({} key)", self.keys) } else { String::new() };
        Ok(format!(
            "{} frames{keys} of {} in {} packets and {} of {}, {:.1} s of media, {} KB, no packet lost, \
             first packet after {} ms",
            self.video.frames,
            name(picture),
            self.video.packets,
            self.audio.packets,
            name(sound),
            media.as_secs_f64(),
            self.bytes / 1000,
            first.as_millis(),
        ))
    }
}

impl Flow {
    fn take(&mut self, packet: &Received) {
        let (first, newest) = self.times.unwrap_or((packet.time, packet.time));
        // Above half of the range it is an older one: times wrap at 2^32.
        let older = packet.time.wrapping_sub(newest) > u32::MAX / 2;
        self.times = Some((first, if older { newest } else { packet.time }));
        let (first, highest) = self.numbers.unwrap_or((packet.sequence, packet.sequence));
        if packet.sequence < first {
            return;
        }
        self.numbers = Some((first, highest.max(packet.sequence)));
        self.codec = Some(packet.codec);
        self.packets = self.packets.saturating_add(1);
        self.frames = self.frames.saturating_add(u64::from(packet.marker));
    }

    fn missing(&self) -> u64 {
        let count = |(first, highest): (u64, u64)| highest.saturating_sub(first).saturating_add(1);
        self.numbers.map_or(0, count).saturating_sub(self.packets)
    }

    /// How much came, by RTP times.
    fn media(&self) -> Duration {
        let each = if self.codec == Some(Codec::Opus) { 48 } else { 90 };
        let (first, newest) = self.times.unwrap_or_default();
        Duration::from_millis((newest.wrapping_sub(first) / each).into())
    }
}

/// Whether a payload of H.264 belongs to a key frame: parameter sets, or a part of an IDR picture (RFC 6184 section 5.4).
fn is_key(payload: &[u8]) -> bool {
    let kind = |at: usize| payload.get(at).map(|byte| byte & 0x1f);
    match kind(0) {
        // STAP-A: a length of two bytes stands before each unit.
        Some(24) => matches!(kind(3), Some(5 | 7 | 8)),
        // FU-A: what it is a part of stands in its own header.
        Some(28) => kind(1) == Some(5),
        kind => matches!(kind, Some(5 | 7 | 8)),
    }
}

fn name(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "H.264",
        Codec::H265 => "H.265",
        Codec::Av1 => "AV1",
        Codec::Vp8 => "VP8",
        Codec::Vp9 => "VP9",
        Codec::Opus => "Opus",
    }
}

#[cfg(test)]
mod tests;

//! The synthetic programme: constant bit rate H.264 and AAC of given sizes, each frame marked.

use crate::{h264, mark, mark::Mark};

/// A key frame is this many times as large as an inter frame.
const KEY_RATIO: u64 = 6;
/// 1024 samples at 44.1 kHz.
const AAC_FRAME_NS: u64 = 1024 * 1_000_000_000 / 44_100;
/// A frame cannot be smaller than its headers, mark and slice.
const SMALLEST_VIDEO: u64 = 160;
/// FLV header, marked data stream element and silence.
const SMALLEST_AUDIO: u64 = 80;
/// How much further the noise of the next picture begins, and how often.
const STEP: usize = 4099;
const STEPS: usize = 64;
/// One mono frame of silence, AAC-LC.
const SILENCE: [u8; 6] = [0x00, 0xc8, 0x00, 0x80, 0x23, 0x80];

/// Which of the two tracks; the value is the RTMP message and FLV tag type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Track {
    /// AAC at 44.1 kHz.
    Audio = 8,
    /// H.264.
    Video = 9,
}

/// Frame sizes and times of a bit rate.
#[derive(Clone, Debug)]
pub struct Programme {
    fps: u64,
    gop_frames: u64,
    key_size: usize,
    inter_size: usize,
    audio_size: usize,
    /// What pictures are filled with instead of filler data, which servers may leave out.
    noise: Option<Vec<u8>>,
}

impl Programme {
    /// `kbps` is the sum of both tracks; the audio takes 96 of it, or 32 below 500.
    pub fn new(kbps: u64, fps: u64, gop_seconds: f64) -> Self {
        let fps = fps.clamp(1, 240);
        let audio_kbps = if kbps >= 500 { 96 } else { 32 };
        let gop_frames = ((gop_seconds * fps as f64).round() as u64).max(1);
        let gop_bytes = kbps.saturating_sub(audio_kbps) * 125 * gop_frames / fps;
        let inter = (gop_bytes / (gop_frames - 1 + KEY_RATIO)).max(SMALLEST_VIDEO);
        let audio = (audio_kbps * 125 * AAC_FRAME_NS / 1_000_000_000).max(SMALLEST_AUDIO);
        Self {
            fps,
            gop_frames,
            key_size: (inter * KEY_RATIO) as usize,
            inter_size: inter as usize,
            audio_size: audio as usize,
            noise: None,
        }
    }

    /// The same with slices of noise, which have no filler data behind them: nobody can leave anything out, and nobody can
    /// show it.
    pub fn solid(self) -> Self {
        let noise = h264::noise(self.key_size + STEP * STEPS);
        Self { noise: Some(noise), ..self }
    }

    /// When frame `index` of a track is due, in nanoseconds from the first.
    pub fn due_ns(&self, track: Track, index: u64) -> u64 {
        match track {
            Track::Audio => index * AAC_FRAME_NS,
            Track::Video => index * 1_000_000_000 / self.fps,
        }
    }

    /// The FLV tag body of frame `index` of a track.
    pub fn frame(&self, track: Track, index: u64, mark: &Mark) -> Vec<u8> {
        match track {
            Track::Audio => self.audio(mark),
            Track::Video => self.video(index, mark),
        }
    }

    fn video(&self, index: u64, mark: &Mark) -> Vec<u8> {
        let (gop, in_gop) = (index / self.gop_frames, index % self.gop_frames);
        let size = if in_gop == 0 { self.key_size } else { self.inter_size };
        let mut body = Vec::with_capacity(size + 16);
        body.extend_from_slice(&[if in_gop == 0 { 0x17 } else { 0x27 }, 1, 0, 0, 0]);
        // SEI, user data unregistered: its UUID is the magic of the mark.
        body.extend_from_slice(&(mark::LEN as u32 + 4).to_be_bytes());
        body.extend_from_slice(&[0x06, 0x05, mark::LEN as u8]);
        let at = mark.write(&mut body);
        body.push(0x80);
        let slice = h264::slice(in_gop as u32, gop as u32);
        if let Some(noise) = &self.noise {
            let begin = index as usize % STEPS * STEP;
            let more = size.saturating_sub(body.len() + 4 + slice.len());
            body.extend_from_slice(&((slice.len() + more) as u32).to_be_bytes());
            body.extend_from_slice(&slice);
            body.extend_from_slice(&noise[begin..begin + more]);
            mark::seal(&mut body, at);
            return body;
        }
        body.extend_from_slice(&(slice.len() as u32).to_be_bytes());
        body.extend_from_slice(&slice);
        // Filler data: header, at least one 0xff, stop bit.
        let filler = size.saturating_sub(body.len() + 4).max(3);
        body.extend_from_slice(&(filler as u32).to_be_bytes());
        body.push(0x0c);
        body.resize(body.len() + filler - 2, 0xff);
        body.push(0x80);
        mark::seal(&mut body, at);
        body
    }

    fn audio(&self, mark: &Mark) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.audio_size + 8);
        // Data stream element with the byte-align flag: 100 0000 1, then its length (14496-3 4.4.2.1).
        body.extend_from_slice(&[0xaf, 1, 0x81, mark::LEN as u8]);
        let at = mark.write(&mut body);
        let filler = self.audio_size.saturating_sub(body.len() + 2 + SILENCE.len());
        if filler > 0 {
            let filler = filler.min(254);
            body.extend_from_slice(&[0x81, filler as u8]);
            body.resize(body.len() + filler, 0x55);
        }
        body.extend_from_slice(&SILENCE);
        mark::seal(&mut body, at);
        body
    }
}

/// The FLV tag body that opens a track.
pub fn sequence_header(track: Track) -> Vec<u8> {
    match track {
        // AAC-LC, 44.1 kHz, mono.
        Track::Audio => vec![0xaf, 0, 0x12, 0x08],
        Track::Video => {
            let mut body = vec![0x17, 0, 0, 0, 0];
            body.extend_from_slice(&h264::configuration());
            body
        }
    }
}

/// Whether an FLV tag body is a coded frame of the track, not its sequence header.
pub fn is_coded(kind: u8, body: &[u8]) -> bool {
    match (kind, body) {
        (8, [format, packet, ..]) => format >> 4 != 10 || *packet == 1,
        (9, [format, packet, ..]) => format & 0x0f != 7 || *packet == 1,
        _ => false,
    }
}

/// Whether an FLV tag body is a coded key frame.
pub fn is_key(kind: u8, body: &[u8]) -> bool {
    kind == 9 && is_coded(kind, body) && body[0] >> 4 & 7 == 1
}

#[cfg(test)]
mod tests;

//! A transport stream of a bit rate: pictures that are H.264 by all that a server looks at, and sound.
//!
//! Slices are of noise behind their headers, as compressed pictures are: who looks for start codes has to look at every byte.

use bytes::{Bytes, BytesMut};
use srs_ts::{CLOCK, Codec, Muxer, Track, Unit};

use crate::h264;

/// Pictures a second.
pub const FPS: u64 = 25;
/// A key picture each two seconds.
const GOP: u64 = 50;
/// A key picture is this many times as large as another: the buffer of an encoder at a constant rate allows no more.
const KEY_RATIO: usize = 4;
/// Samples of an AAC frame, and a second.
const SAMPLES: u64 = 1024;
const RATE: u64 = 44_100;
/// Bytes of an AAC frame with its header: what fits into one packet.
const SOUND: usize = 150;
/// LC, 44.1 kHz, mono, a frame of [`SOUND`] bytes.
const ADTS: [u8; 7] = [0xff, 0xf1, 0x50, 0x40, (SOUND >> 3) as u8, ((SOUND & 7) << 5) as u8 | 0x1f, 0xfc];
/// One mono frame of silence.
const SILENCE: [u8; 6] = [0x00, 0xc8, 0x00, 0x80, 0x23, 0x80];
const START: [u8; 4] = [0, 0, 0, 1];
/// An access unit delimiter: any slices.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 0x09, 0xf0];
/// How much further the noise of the next picture begins.
const STEP: usize = 4099;
const STEPS: usize = 64;

/// Makes picture after picture.
pub struct Programme {
    muxer: Muxer,
    noise: Vec<u8>,
    inter: usize,
    pictures: u64,
    sounds: u64,
}

impl Programme {
    /// Of so many kbit/s, headers of packets included.
    pub fn new(kbps: u64) -> Self {
        let mut muxer = Muxer::new();
        muxer.set_tracks(Some(Codec::H264), Some(Codec::Aac));
        let gop = kbps * 125 * GOP / FPS;
        let sound = GOP * RATE / SAMPLES / FPS * 188;
        // 184 bytes of each packet are payload.
        let pictures = gop.saturating_sub(sound) * 184 / 188;
        let inter = (pictures as usize / (GOP as usize - 1 + KEY_RATIO)).max(200);
        let noise = h264::noise(inter * KEY_RATIO + STEP * STEPS);
        Self { muxer, noise, inter, pictures: 0, sounds: 0 }
    }

    /// The packets of the next picture, and of the sound up to the one behind it.
    pub fn next(&mut self) -> Bytes {
        let (gop, place) = (self.pictures / GOP, self.pictures % GOP);
        let key = place == 0;
        let size = if key { self.inter * KEY_RATIO } else { self.inter };
        let mut picture = Vec::with_capacity(size + 64);
        picture.extend_from_slice(&DELIMITER);
        if key {
            for set in [h264::sps(), h264::pps()] {
                picture.extend_from_slice(&START);
                picture.extend_from_slice(&set);
            }
        }
        picture.extend_from_slice(&START);
        picture.extend_from_slice(&h264::slice(place as u32, gop as u32));
        let begin = self.pictures as usize % STEPS * STEP;
        let rest = size.saturating_sub(picture.len());
        picture.extend_from_slice(&self.noise[begin..begin + rest]);
        let mut out = BytesMut::with_capacity(size + size / 20 + 4 * 188);
        if key {
            self.muxer.tables(&mut out);
        }
        let time = self.pictures * CLOCK / FPS;
        let unit = Unit { track: Track::Video, dts: time, pts: time, key, data: &picture };
        assert!(self.muxer.push(&unit, &mut out));
        self.pictures += 1;
        self.sound(self.pictures * CLOCK / FPS, &mut out);
        out.freeze()
    }

    fn sound(&mut self, until: u64, out: &mut BytesMut) {
        let mut frame = ADTS.to_vec();
        let filler = SOUND - ADTS.len() - 2 - SILENCE.len();
        // Data stream element with the byte-align flag, then its length (14496-3 4.4.2.1).
        frame.extend_from_slice(&[0x81, filler as u8]);
        frame.resize(frame.len() + filler, 0x55);
        frame.extend_from_slice(&SILENCE);
        loop {
            let time = self.sounds * SAMPLES * CLOCK / RATE;
            if time >= until {
                return;
            }
            let unit = Unit { track: Track::Audio, dts: time, pts: time, key: true, data: &frame };
            assert!(self.muxer.push(&unit, out));
            self.sounds += 1;
        }
    }
}

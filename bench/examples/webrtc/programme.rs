//! Pictures and sound of a bit rate: H.264 by all that a server looks at, and packets of Opus.
//!
//! Slices are of noise behind their headers, as compressed pictures are: nothing in them can be left out.

use crate::h264;

/// Pictures a second.
pub const FPS: u32 = 30;
/// A key picture each two seconds.
const GOP: u64 = 60;
/// A key picture is this many times as large as another.
const KEY_RATIO: usize = 6;
/// Packets of Opus a second, and bytes of one: 96 kbit/s.
pub const SOUNDS: u32 = 50;
const SOUND: usize = 240;
const START: [u8; 4] = [0, 0, 0, 1];
/// How much further the noise of the next picture begins.
const STEP: usize = 4099;
const STEPS: usize = 64;

/// Makes picture after picture.
pub struct Programme {
    noise: Vec<u8>,
    inter: usize,
    pictures: u64,
}

impl Programme {
    /// Of so many kbit/s, with sound.
    pub fn new(kbps: u64) -> Self {
        let gop = (kbps * 125).saturating_sub(u64::from(SOUNDS) * SOUND as u64) * GOP / u64::from(FPS);
        let inter = (gop as usize / (GOP as usize - 1 + KEY_RATIO)).max(200);
        Self { noise: h264::noise(inter * KEY_RATIO + STEP * STEPS), inter, pictures: 0 }
    }

    /// The next picture in Annex B, and whether it is a key picture.
    pub fn picture(&mut self) -> (Vec<u8>, bool) {
        let (gop, place) = (self.pictures / GOP, self.pictures % GOP);
        let key = place == 0;
        let size = if key { self.inter * KEY_RATIO } else { self.inter };
        let mut picture = Vec::with_capacity(size + 64);
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
        self.pictures += 1;
        (picture, key)
    }

    /// 20 ms of stereo (CELT, RFC 6716 3.1), whatever is to be heard there.
    pub fn sound(&self) -> Vec<u8> {
        let mut sound = vec![0xfc];
        sound.extend_from_slice(&self.noise[..SOUND - 1]);
        sound
    }
}

//! From a transport stream, as SRT brings it, to frames as a publisher of RTMP would have sent them.

use srs_media::Frame;
use srs_ts::Codec;
use srs_ts::demux::{Demuxer, Event};

use crate::compose::{Coding, Composer, Unit};

/// Turns one transport stream into frames. The first one is at 0 ms.
#[derive(Debug, Default)]
pub struct Transport {
    demuxer: Demuxer,
    composer: Composer,
    /// What was said in the log of this stream: each thing once.
    said: Vec<String>,
}

/// Different things that are said of one stream at most: who sends nonsense does not fill the log.
const MOST_SAID: usize = 16;

impl Transport {
    /// Takes the next bytes, cut anywhere, and gives out the frames that they end. What there is to say of the stream goes to
    /// `news`, each thing once.
    pub fn push(&mut self, bytes: &[u8], out: &mut impl FnMut(Frame), news: &mut impl FnMut(&str)) {
        let Transport { demuxer, composer, said } = self;
        demuxer.push(bytes, &mut |event| take(event, composer, said, out, news));
    }

    /// The stream ends here: gives out the frames whose end only a next one would have shown.
    pub fn flush(&mut self, out: &mut impl FnMut(Frame)) {
        let Transport { demuxer, composer, said } = self;
        demuxer.flush(&mut |event| take(event, composer, said, out, &mut |_: &str| {}));
    }

    /// Units and packets that came damaged or not at all.
    pub fn errors(&self) -> u64 {
        let errors = self.demuxer.errors();
        errors.continuity.saturating_add(errors.units).saturating_add(errors.damaged)
    }
}

fn take(
    event: Event<'_>,
    composer: &mut Composer,
    said: &mut Vec<String>,
    out: &mut impl FnMut(Frame),
    news: &mut impl FnMut(&str),
) {
    let mut say = |text: String| {
        if said.len() < MOST_SAID && !said.contains(&text) {
            news(&text);
            said.push(text);
        }
    };
    match event {
        Event::Unit { unit, codec, discontinuity } => {
            let (coding, key, data) = (coding(codec), unit.key, unit.data);
            let unit = Unit { coding, pts: unit.pts, dts: unit.dts, key, discontinuity, data };
            if let Err(error) = composer.push(&unit, out) {
                say(format!("a part of the stream is left out: {error}"));
            }
        }
        Event::Tracks { video: None, audio: None } => {
            say("there is nothing in the transport stream that is carried here".to_owned());
        }
        Event::Unsupported { pid, stream_type } => {
            say(format!("PID {pid} of type {stream_type:#04x} is left out"));
        }
        Event::OtherProgram { number } => say(format!("program {number} is left out: one is taken")),
        Event::Tracks { .. } => {}
    }
}

fn coding(codec: Codec) -> Coding {
    match codec {
        Codec::H264 => Coding::H264,
        Codec::Hevc => Coding::Hevc,
        Codec::Aac => Coding::Adts,
        Codec::Latm => Coding::Latm,
        Codec::Mp3 => Coding::MpegAudio,
        Codec::Opus { channels } => Coding::Opus { channels },
    }
}

#[cfg(test)]
mod tests;

//! A clip's messages as packets of RTP.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_flv::elementary::Elementary;
use srs_media::{Frame, Kind, Role};
use srs_rtc::Codec;
use srs_rtc::engine::Packet;
use srs_rtmp::Message;
use srs_rtp::clock::{Pictures, Sound};
use srs_rtp::{Packetizer, Unit};
use srs_sound::{Made, Maker, Settings};

use crate::Outcome;
use crate::clip::Clip;

/// Cuts pictures into packets, and makes Opus of AAC.
pub struct Source {
    began: Instant,
    elementary: Elementary,
    unit: BytesMut,
    packetizer: Packetizer,
    pictures: Pictures,
    sounds: Sound,
    /// The sound's header, and what is made by it.
    maker: Option<(Bytes, Maker)>,
}

impl Source {
    /// What is due at 0 ms is due at `began`.
    pub fn new(began: Instant) -> Source {
        Source {
            began,
            elementary: Elementary::bare(),
            unit: BytesMut::new(),
            packetizer: Packetizer::default(),
            pictures: Pictures::default(),
            sounds: Sound::default(),
            maker: None,
        }
    }

    /// In which codecs a clip goes out, as its headers say.
    pub fn codecs(clip: &Clip) -> Outcome<Vec<Codec>> {
        let heads = clip.heads().iter();
        let codec = |head: &Message| {
            let frame = srs_flv::demux(head.kind.0, 0, head.body.clone()).ok()?;
            if frame.codec == srs_media::Codec::Aac {
                return Some(Codec::Opus);
            }
            srs_rtp::codec_of(frame.codec)
        };
        let codecs: Vec<Codec> = heads.filter_map(codec).collect();
        if codecs.is_empty() { Err("WebRTC carries no codec of this file".into()) } else { Ok(codecs) }
    }

    /// The packets of a message that is due at this millisecond.
    pub fn packets(&mut self, due: u64, message: Message) -> Outcome<Vec<Packet>> {
        let mut packets = Vec::new();
        let Ok(frame) = srs_flv::demux(message.kind.0, i64::try_from(due)?, message.body) else {
            return Ok(packets);
        };
        match frame.kind {
            Kind::Video => self.picture(&frame, &mut packets),
            Kind::Audio => self.sound(&frame, &mut packets)?,
            Kind::Data => {}
        }
        Ok(packets)
    }

    fn picture(&mut self, frame: &Frame, packets: &mut Vec<Packet>) {
        let Some(codec) = srs_rtp::codec_of(frame.codec) else { return };
        self.elementary.configure(frame);
        self.unit.clear();
        let Ok(Some(access)) = self.elementary.access(frame, &mut self.unit) else { return };
        let (time, wallclock) = (self.pictures.at(access.pts), at(self.began, access.pts));
        let unit = Unit { codec, key: access.key, data: &self.unit };
        self.packetizer.push(unit, &mut |payload, marker| {
            let payload = Arc::from(payload);
            packets.push(Packet { codec, time, wallclock, marker, payload });
        });
    }

    fn sound(&mut self, frame: &Frame, packets: &mut Vec<Packet>) -> Outcome<()> {
        let Some(data) = srs_flv::payload(frame) else { return Ok(()) };
        match (frame.codec, frame.role) {
            (srs_media::Codec::Aac, Role::Config) => self.configure(data)?,
            (srs_media::Codec::Aac, _) => {
                let Some((_, maker)) = &mut self.maker else { return Ok(()) };
                maker.push(frame.time, &data);
                // Nobody has to be woken: what is made in process is there, and for a child's there is the next frame.
                let mut cx = Context::from_waker(Waker::noop());
                while let Poll::Ready(made) = maker.poll_next(&mut cx) {
                    if let Made::Frame { time, data } = made {
                        packets.push(opus(&mut self.sounds, self.began, time, &data));
                    }
                }
            }
            (srs_media::Codec::Opus, Role::Key) => {
                packets.push(opus(&mut self.sounds, self.began, frame.time, &data));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the header of AAC; the one that is known changes nothing.
    fn configure(&mut self, header: Bytes) -> Outcome<()> {
        if self.maker.as_ref().is_some_and(|(known, _)| *known == header) {
            return Ok(());
        }
        let (from, to) = (srs_media::Codec::Aac, srs_media::Codec::Opus);
        let maker = Maker::new(from, &header, to, &Settings::default())?;
        self.maker = Some((header, maker));
        Ok(())
    }
}

fn opus(clock: &mut Sound, began: Instant, time: i64, data: &[u8]) -> Packet {
    let (rtp, wallclock) = (clock.next(time, data), at(began, time));
    Packet { codec: Codec::Opus, time: rtp, wallclock, marker: false, payload: Arc::from(data) }
}

/// The moment of a millisecond of the stream.
fn at(began: Instant, ms: i64) -> Instant {
    let ms = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    began.checked_add(ms).unwrap_or(began)
}

#[cfg(test)]
mod tests;

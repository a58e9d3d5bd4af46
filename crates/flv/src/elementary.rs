//! From frames as FLV carries them to elementary streams as MPEG transport streams carry them: NAL units behind start
//! codes (Annex B) for H.264 and H.265, ADTS for AAC, MP3 as it is, Opus behind its control header.
//!
//! For packets of RTP, which carry more: those, and VP8, VP9, AV1 and Opus as they are.
//!
//! Only the first track of a stream; nothing is decoded.

use crate::nal::{Class, Nals, START, all_sets, class, delimiter};
use crate::payload;
use crate::whole::av1;
use bytes::{BufMut, Bytes, BytesMut};
use srs_media::{Codec, Frame, Kind, ParameterSets, Role, aac, h264, heads, hevc, opus};

/// Why a coded frame has no such form. The same one comes with every frame: log it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Transport streams carry this codec not at all, or not in a form that players know.
    #[error("{0} has no place in a transport stream")]
    NotCarried(Codec),
    /// Frames before their codec header, or behind one that was damaged.
    #[error("{0} frame without a usable codec header")]
    NoHeader(Codec),
    /// NAL units that are longer than their frame.
    #[error("NAL units do not fit their frame at byte {at}")]
    NalLength {
        /// How far they did.
        at: usize,
    },
    /// AAC of an object type, rate or layout that ADTS headers have no numbers for.
    #[error("AAC of a kind that ADTS has no numbers for")]
    NotInAdts,
    /// More than the 13 bits of an ADTS header say.
    #[error("AAC frame of {0} bytes")]
    AacTooLong(usize),
}

/// An access unit that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Picture or sound.
    pub kind: Kind,
    /// H.264, HEVC, AAC, MP3 or Opus; for packets also VP8, VP9 or AV1.
    pub codec: Codec,
    /// Decode time in milliseconds on the stream's timeline.
    pub dts: i64,
    /// Presentation time in milliseconds on the stream's timeline; before `dts` where an encoder says so.
    pub pts: i64,
    /// Decoding can begin here: a picture that is alone enough, every sound.
    pub key: bool,
}

/// Turns the frames of one publisher into access units as MPEG-TS wants them, or RTP.
#[derive(Clone, Debug, Default)]
pub struct Elementary {
    bare: bool,
    picture: Option<Picture>,
    sound: Option<Sound>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Picture {
    codec: Codec,
    length_size: usize,
    /// Parameter sets, each behind a start code; of AV1 the OBUs of the record.
    sets: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sound {
    Aac {
        config: aac::Config,
        adts: Option<[u8; 7]>,
    },
    Mp3,
    /// In transport streams of one or two channels.
    Opus,
}

impl Elementary {
    /// Knows no header yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// For packets: what has no place in transport streams is given too, as it is (VP8, VP9; AV1 with a sequence header before
    /// each key frame), and what only they need is left out (delimiters, the control header of Opus).
    pub fn bare() -> Self {
        Self { bare: true, ..Self::default() }
    }

    /// Takes a codec header: true when it differs from what was known before (a new picture size, another sample rate,
    /// another codec). Other frames are none, and say false.
    ///
    /// A header that is damaged, or of a codec that is not carried, leaves its flow unknown: coded frames behind it
    /// belong to no header that came before.
    pub fn configure(&mut self, frame: &Frame) -> bool {
        if frame.role != Role::Config || frame.track != 0 {
            return false;
        }
        let Some(record) = payload(frame) else { return false };
        match frame.kind {
            Kind::Video => replace(&mut self.picture, picture(frame.codec, &record, self.bare)),
            Kind::Audio => replace(&mut self.sound, sound(frame.codec, &record, self.bare)),
            Kind::Data => false,
        }
    }

    /// The picture's codec, once its header is known.
    pub fn video(&self) -> Option<Codec> {
        self.picture.as_ref().map(|picture| picture.codec)
    }

    /// The sound's codec: for AAC once its header is known and can be said in ADTS, for Opus once its header is known and
    /// says one or two channels, for MP3 from its first frame on.
    pub fn audio(&self) -> Option<Codec> {
        match self.sound? {
            Sound::Aac { adts, .. } => adts.map(|_| Codec::Aac),
            Sound::Mp3 => Some(Codec::Mp3),
            Sound::Opus => Some(Codec::Opus),
        }
    }

    /// Appends the access unit of a coded frame to `out`.
    ///
    /// In transport streams a picture begins with an access unit delimiter; before a key frame stand the header's parameter sets, unless the
    /// frame brings its own. AAC gets an ADTS header, Opus a control header. `None` for frames that are no coded media, are of another track,
    /// or have nothing in them. With `None` or an error nothing is appended.
    pub fn access(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<Option<Access>, Error> {
        if !matches!(frame.role, Role::Key | Role::Inter) || frame.track != 0 {
            return Ok(None);
        }
        let Some(data) = payload(frame) else { return Ok(None) };
        let key = frame.role == Role::Key;
        let written = match (frame.kind, frame.codec) {
            (Kind::Video, Codec::H264 | Codec::Hevc) => self.write_picture(frame.codec, key, &data, out)?,
            (Kind::Audio, Codec::Aac) => self.write_aac(&data, out)?,
            (Kind::Audio, Codec::Mp3) => {
                self.sound = Some(Sound::Mp3);
                out.put_slice(&data);
                true
            }
            (Kind::Video, Codec::Vp8 | Codec::Vp9 | Codec::Av1) if self.bare => {
                self.write_whole(frame.codec, key, &data, out)
            }
            (Kind::Audio, Codec::Opus) if self.bare => {
                self.sound = Some(Sound::Opus);
                out.put_slice(&data);
                true
            }
            (Kind::Audio, Codec::Opus) => {
                if self.sound != Some(Sound::Opus) {
                    return Err(Error::NotCarried(Codec::Opus));
                }
                opus::put_control(data.len(), out);
                out.put_slice(&data);
                true
            }
            (Kind::Video | Kind::Audio, codec) => return Err(Error::NotCarried(codec)),
            (Kind::Data, _) => false,
        };
        Ok(written.then(|| Access {
            kind: frame.kind,
            codec: frame.codec,
            dts: frame.time,
            pts: frame.time.saturating_add(i64::from(frame.composition)),
            key,
        }))
    }

    fn write_picture(&self, codec: Codec, key: bool, data: &[u8], out: &mut BytesMut) -> Result<bool, Error> {
        let known = self.picture.as_ref().filter(|picture| picture.codec == codec);
        let picture = known.ok_or(Error::NoHeader(codec))?;
        let nals = Nals::of(data, picture.length_size).map_err(|at| Error::NalLength { at })?;
        let (mut sets, mut size) = (0, 0usize);
        for nal in in_order(codec, nals.clone()) {
            if let Class::Set(kind) = class(codec, nal) {
                sets |= kind;
            }
            size = size.saturating_add(nal.len()).saturating_add(START.len());
        }
        if size == 0 {
            return Ok(false);
        }
        let header = if key && sets != all_sets(codec) { &picture.sets[..] } else { &[] };
        let delimiter = if self.bare { &[] } else { delimiter(codec) };
        out.reserve(size.saturating_add(header.len()).saturating_add(delimiter.len()));
        out.put_slice(delimiter);
        out.put_slice(header);
        for nal in in_order(codec, nals) {
            out.put_slice(&START);
            out.put_slice(nal);
        }
        Ok(true)
    }

    fn write_whole(&mut self, codec: Codec, key: bool, data: &[u8], out: &mut BytesMut) -> bool {
        let data = if codec == Codec::Av1 { av1::undelimited(data) } else { data };
        if data.is_empty() {
            return false;
        }
        // Their frames say all that is needed, so that a stream without a header is one as well.
        let known = self.picture.take().filter(|picture| picture.codec == codec);
        let picture = known.unwrap_or_else(|| Picture { codec, length_size: 0, sets: Bytes::new() });
        if key && codec == Codec::Av1 && !av1::brings_sequence(data) {
            out.put_slice(&picture.sets);
        }
        self.picture = Some(picture);
        out.put_slice(data);
        true
    }

    fn write_aac(&self, data: &[u8], out: &mut BytesMut) -> Result<bool, Error> {
        let Some(Sound::Aac { adts, .. }) = self.sound else { return Err(Error::NoHeader(Codec::Aac)) };
        let adts = adts.ok_or(Error::NotInAdts)?;
        let header = aac::with_length(adts, data.len()).ok_or(Error::AacTooLong(data.len()))?;
        out.reserve(data.len().saturating_add(header.len()));
        out.put_slice(&header);
        out.put_slice(data);
        Ok(true)
    }
}

/// The units of a picture without the delimiters in front of its first slice: it gets its own, at the very front, where
/// a delimiter has to be. A later one is that of a second field.
fn in_order<'a>(codec: Codec, nals: Nals<'a>) -> impl Iterator<Item = &'a [u8]> {
    let mut sliced = false;
    nals.filter(move |nal| {
        let class = class(codec, nal);
        sliced |= class == Class::Slice;
        sliced || class != Class::Delimiter
    })
}

fn replace<T: PartialEq>(known: &mut Option<T>, new: Option<T>) -> bool {
    let differs = *known != new;
    *known = new;
    differs
}

fn picture(codec: Codec, record: &[u8], bare: bool) -> Option<Picture> {
    let whole = match codec {
        Codec::Vp8 | Codec::Vp9 if bare => Some(&[][..]),
        Codec::Av1 if bare => av1::record_obus(record).filter(|obus| obus.len() <= ParameterSets::MAX),
        _ => None,
    };
    if let Some(obus) = whole {
        return Some(Picture { codec, length_size: 0, sets: Bytes::copy_from_slice(obus) });
    }
    let parsed = match codec {
        // An encoder that sends Annex B by mistake may do so in its header as well.
        Codec::H264 | Codec::Hevc if record.starts_with(&START) => annex_b_sets(codec, record),
        Codec::H264 => h264::parameter_sets(record),
        Codec::Hevc => hevc::parameter_sets(record),
        _ => None,
    };
    let ParameterSets { length_size, nals } = parsed?;
    let sets: Vec<u8> = nals.into_iter().flat_map(|nal| [&START[..], nal]).flatten().copied().collect();
    Some(Picture { codec, length_size, sets: sets.into() })
}

fn annex_b_sets(codec: Codec, record: &[u8]) -> Option<ParameterSets<'_>> {
    let nals = Nals::AnnexB(record).filter(|nal| matches!(class(codec, nal), Class::Set(_)));
    (record.len() <= ParameterSets::MAX).then(|| ParameterSets { length_size: 4, nals: nals.collect() })
}

fn sound(codec: Codec, record: &[u8], bare: bool) -> Option<Sound> {
    if codec == Codec::Opus {
        let fits = |channels: u8| bare || (1..=2).contains(&channels);
        return heads::opus(record).filter(|info| fits(info.channels)).map(|_| Sound::Opus);
    }
    let config = aac::config(record).filter(|_| codec == Codec::Aac)?;
    Some(Sound::Aac { config, adts: aac::adts(&config) })
}

#[cfg(test)]
mod tests;

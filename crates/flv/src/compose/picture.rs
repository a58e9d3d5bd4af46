//! Pictures: Annex B taken apart, with the parameter sets in a record of their own.

use crate::body::{self, Codec};
use crate::nal::{Class, Nals, class};
use bytes::{BufMut, BytesMut};
use srs_media::{ParameterSets, h264, hevc};

/// A picture that can be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// The record that stands before it, where it differs from the one before.
    pub config: Option<Vec<u8>>,
    pub key: bool,
    /// NAL units with lengths of four bytes.
    pub nals: BytesMut,
}

/// The sets of each kind, in the order of decoding; a kind that the codec does not have stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sets {
    vps: Vec<Vec<u8>>,
    sps: Vec<Vec<u8>>,
    pps: Vec<Vec<u8>>,
}

/// Parameter sets of one unit that are looked at: no picture has more, and each is compared with those before it.
const MOST_SETS: usize = 256;

/// The pictures of one stream.
#[derive(Debug)]
pub(super) struct Picture {
    codec: Codec,
    sets: Sets,
    record: Vec<u8>,
    /// The record is to be told before the next picture.
    due: bool,
    /// A key picture was given out.
    began: bool,
}

impl Picture {
    pub(super) fn new(codec: Codec) -> Self {
        Self { codec, sets: Sets::default(), record: Vec::new(), due: false, began: false }
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    /// Takes a unit, of which `random` says that the stream calls it a place to begin. Delimiters and filler are left
    /// out, and so are units without a picture.
    pub(super) fn take(&mut self, unit: &[u8], random: bool) -> Option<Made> {
        let name = match self.codec {
            Codec::H264 => srs_media::Codec::H264,
            Codec::Hevc => srs_media::Codec::Hevc,
        };
        let mut nals = BytesMut::with_capacity(unit.len().saturating_add(16));
        let (mut found, mut looked) = (Sets::default(), 0_usize);
        for nal in Nals::AnnexB(unit) {
            match class(name, nal) {
                Class::Delimiter | Class::Filler => {}
                // Beyond that it is no stream, and to compare them would take for ever.
                Class::Set(_) if looked >= MOST_SETS || found.size() > ParameterSets::MAX => {}
                Class::Set(_) => {
                    looked = looked.saturating_add(1);
                    found.add(self.codec, nal);
                }
                Class::Slice | Class::Other => {
                    // A unit has 8 MiB at most.
                    nals.put_u32(u32::try_from(nal.len()).ok()?);
                    nals.put_slice(nal);
                }
            }
        }
        let whole = !found.sps.is_empty();
        self.learn(found);
        let key = match body::picture(self.codec, &nals) {
            body::Picture::Key => true,
            body::Picture::Inter => random && whole,
            body::Picture::None => return None,
        };
        self.began |= key && !self.record.is_empty();
        self.began.then(|| Made {
            config: std::mem::take(&mut self.due).then(|| self.record.clone()),
            key,
            nals,
        })
    }

    /// Takes over what a unit brought, unless no record can be made of it.
    fn learn(&mut self, found: Sets) {
        if found == Sets::default() {
            return;
        }
        let sets = self.sets.with(self.codec, found);
        if sets == self.sets || sets.size() > ParameterSets::MAX {
            return;
        }
        let Some(record) = sets.record(self.codec) else {
            // The first ones may come one by one.
            if self.record.is_empty() {
                self.sets = sets;
            }
            return;
        };
        self.sets = sets;
        self.due |= record != self.record;
        self.record = record;
    }
}

impl Sets {
    fn add(&mut self, codec: Codec, nal: &[u8]) {
        let first = nal.first().copied().unwrap_or_default();
        let sets = match (codec, first & 0x1f, first >> 1 & 0x3f) {
            (Codec::H264, 7, _) | (Codec::Hevc, _, 33) => &mut self.sps,
            (Codec::H264, 8, _) | (Codec::Hevc, _, 34) => &mut self.pps,
            (Codec::Hevc, _, 32) => &mut self.vps,
            _ => return,
        };
        // Each field of a picture may bring them.
        if !sets.iter().any(|set| set == nal) {
            sets.push(nal.to_vec());
        }
    }

    /// These, and what a unit brought: with an SPS all of a kind is new, without one a PPS replaces the one of its number.
    fn with(&self, codec: Codec, found: Self) -> Self {
        let number = |pps: &[u8]| match codec {
            Codec::H264 => h264::pps_id(pps),
            Codec::Hevc => hevc::pps_id(pps),
        };
        let pps = if found.sps.is_empty() {
            let new: Vec<_> = found.pps.iter().map(|pps| number(pps)).collect();
            let kept = self.pps.iter().filter(|pps| !new.contains(&number(pps))).cloned();
            kept.chain(found.pps).collect()
        } else {
            other_unless_empty(found.pps, &self.pps)
        };
        Self {
            vps: other_unless_empty(found.vps, &self.vps),
            sps: other_unless_empty(found.sps, &self.sps),
            pps,
        }
    }

    fn size(&self) -> usize {
        let all = self.vps.iter().chain(&self.sps).chain(&self.pps);
        all.fold(0, |sum, set| sum.saturating_add(set.len()))
    }

    fn record(&self, codec: Codec) -> Option<Vec<u8>> {
        let [vps, sps, pps] =
            [&self.vps, &self.sps, &self.pps].map(|sets| sets.iter().map(Vec::as_slice).collect::<Vec<_>>());
        match codec {
            Codec::H264 => h264::record(&sps, &pps),
            Codec::Hevc => hevc::record(&vps, &sps, &pps),
        }
    }
}

fn other_unless_empty(new: Vec<Vec<u8>>, known: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if new.is_empty() { known.to_vec() } else { new }
}

#[cfg(test)]
mod tests;

//! Which program is read, and which of its streams.

use std::collections::{BTreeMap, BTreeSet};

use super::Errors;
use super::section::Sections;
use crate::packet::{NULL_PID, PAT_PID, Packet};
use crate::psi::{self, Section};
use crate::{Codec, Error};

/// Programs that are looked at; a satellite's transponder has some twenty.
const MOST_PROGRAMS: usize = 64;
/// Things that are told once: who changes tables all the time does not fill logs and memory.
const MOST_TOLD: usize = 64;

/// What is read of the chosen program: codecs and PIDs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Streams {
    pub video: Option<(Codec, u16)>,
    pub audio: Option<(Codec, u16)>,
}

/// What a table changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Streams(Streams),
    Unsupported { pid: u16, stream_type: u8 },
    OtherProgram { number: u16 },
}

/// The tables as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pat: Sections,
    parts: Parts,
    /// Numbers and the PIDs of their tables, in the order of the PAT.
    programs: Vec<(u16, u16)>,
    /// The PIDs of programs' tables that are read: of the chosen one alone, or of all.
    pmts: BTreeMap<u16, Sections>,
    chosen: Option<u16>,
    streams: Streams,
    told_streams: BTreeSet<(u16, u8)>,
    told_programs: BTreeSet<u16>,
}

/// The sections of one PAT.
#[derive(Debug, Default)]
struct Parts {
    /// Id of the stream, version, number of the last section.
    of: (u16, u8, u8),
    found: BTreeMap<u8, Vec<(u16, u16)>>,
}

impl Tables {
    /// Is this the PID of a program's table that is read?
    pub(super) fn has(&self, pid: u16) -> bool {
        self.pmts.contains_key(&pid)
    }

    /// Takes a packet of such a PID or of the PAT.
    pub(super) fn take(&mut self, packet: &Packet<'_>, errors: &mut Errors) -> Vec<News> {
        let (wanted, sections) = match self.pmts.get_mut(&packet.pid) {
            _ if packet.pid == PAT_PID => (psi::PAT, &mut self.pat),
            Some(sections) => (psi::PMT, sections),
            None => return Vec::new(),
        };
        let mut news = Vec::new();
        for bytes in sections.take(packet, errors) {
            // Private tables may share the PID.
            if bytes.first() != Some(&wanted) {
                continue;
            }
            let done = psi::whole(&bytes).and_then(|section| match wanted {
                _ if !section.current => Ok(()),
                psi::PAT => self.pat(&section, &mut news),
                _ => self.pmt(&section, packet.pid, &mut news),
            });
            if done.is_err() {
                errors.tables = errors.tables.saturating_add(1);
            }
        }
        news
    }

    fn pat(&mut self, section: &Section<'_>, news: &mut Vec<News>) -> Result<(), Error> {
        let mut entries = psi::entries(section.body)?;
        entries.retain(|&(_, pid)| carries(pid));
        let of = (section.extension, section.version, section.last);
        if self.parts.of != of {
            self.parts = Parts { of, found: BTreeMap::new() };
        }
        if section.number > section.last {
            return Err(Error::Table);
        }
        self.parts.found.insert(section.number, entries);
        if self.parts.found.len() <= usize::from(section.last) {
            return Ok(());
        }
        let parts = std::mem::take(&mut self.parts.found);
        self.programs = parts.into_values().flatten().take(MOST_PROGRAMS).collect();
        if self.chosen.is_some_and(|chosen| !self.programs.iter().any(|&(number, _)| number == chosen)) {
            self.leave(news);
        }
        self.watch();
        self.tell_others(news);
        Ok(())
    }

    fn pmt(&mut self, section: &Section<'_>, pid: u16, news: &mut Vec<News>) -> Result<(), Error> {
        let number = section.extension;
        let other = self.chosen.is_some_and(|chosen| chosen != number);
        if other || !self.programs.contains(&(number, pid)) {
            return Ok(());
        }
        let streams = self.choose(&psi::streams(section.body)?, news);
        if streams == Streams::default() {
            if self.chosen.is_some() {
                self.leave(news);
                self.watch();
            }
            return Ok(());
        }
        let new = self.chosen.replace(number).is_none();
        if new || streams != self.streams {
            self.streams = streams;
            news.push(News::Streams(streams));
        }
        if new {
            self.watch();
            self.tell_others(news);
        }
        Ok(())
    }

    /// The first of each kind, but those that are read already are kept.
    fn choose(&mut self, lines: &[psi::Stream<'_>], news: &mut Vec<News>) -> Streams {
        let mut found = Streams::default();
        for line in lines {
            let Some(codec) = codec(line).filter(|_| carries(line.pid)) else {
                let new =
                    self.told_streams.len() < MOST_TOLD && self.told_streams.insert((line.pid, line.kind));
                if new {
                    news.push(News::Unsupported { pid: line.pid, stream_type: line.kind });
                }
                continue;
            };
            let is_video = matches!(codec, Codec::H264 | Codec::Hevc);
            let (place, known) = if is_video {
                (&mut found.video, self.streams.video)
            } else {
                (&mut found.audio, self.streams.audio)
            };
            let stream = Some((codec, line.pid));
            if place.is_none() || stream == known {
                *place = stream;
            }
        }
        found
    }

    /// Reads no program until another table comes.
    fn leave(&mut self, news: &mut Vec<News>) {
        self.chosen = None;
        self.streams = Streams::default();
        news.push(News::Streams(self.streams));
    }

    /// Listens to the tables that matter now.
    fn watch(&mut self) {
        let wanted =
            self.programs.iter().filter(|&&(number, _)| self.chosen.is_none_or(|chosen| chosen == number));
        let mut known = std::mem::take(&mut self.pmts);
        self.pmts = wanted.map(|&(_, pid)| (pid, known.remove(&pid).unwrap_or_default())).collect();
    }

    fn tell_others(&mut self, news: &mut Vec<News>) {
        let Some(chosen) = self.chosen else { return };
        for &(number, _) in self.programs.iter().filter(|&&(number, _)| number != chosen) {
            if self.told_programs.len() < MOST_TOLD && self.told_programs.insert(number) {
                news.push(News::OtherProgram { number });
            }
        }
    }
}

/// PIDs that may carry what a table names.
fn carries(pid: u16) -> bool {
    // DVB has tables up to 0x1f, which ISO/IEC 13818-1 leaves to programs.
    pid > 0x0f && pid != NULL_PID
}

/// What a line of a PMT names, where it is carried here.
fn codec(line: &psi::Stream<'_>) -> Option<Codec> {
    match line.kind {
        0x1b => Some(Codec::H264),
        0x24 => Some(Codec::Hevc),
        0x0f => Some(Codec::Aac),
        0x11 => Some(Codec::Latm),
        0x03 | 0x04 => Some(Codec::Mp3),
        0x06 => opus(line.descriptors),
        _ => None,
    }
}

fn opus(descriptors: &[u8]) -> Option<Codec> {
    let mut registered = false;
    let mut channels = 2;
    for descriptor in psi::descriptors(descriptors) {
        match descriptor {
            (psi::REGISTRATION, [b'O', b'p', b'u', b's', ..]) => registered = true,
            (psi::EXTENSION, &[psi::OPUS, said, ..]) => channels = said,
            _ => {}
        }
    }
    // 0 is dual mono, and 0x80 on are layouts that no header of the usual families says.
    (registered && (1..=8).contains(&channels)).then_some(Codec::Opus { channels })
}

#[cfg(test)]
mod tests;

//! A media section: what is said of one flow.

use std::collections::HashMap;

use super::Error;
use super::lines::attribute;

/// So many kinds of feedback are kept of a format: what is said for all payload types would else be kept a hundred times over.
const MOST_FEEDBACK: usize = 32;

/// Which way media goes, as the description's side sees it (RFC 8866 section 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways; what nothing says means this.
    SendRecv,
    /// From the description's side only.
    SendOnly,
    /// To it only.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// Who begins DTLS (RFC 5763 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Its side does.
    Active,
    /// The other side does.
    Passive,
    /// Either: the answer says.
    ActPass,
}

/// A format that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format<'a> {
    /// Payload type, 0 to 127.
    pub pt: u8,
    /// Encoding name of `rtpmap`, as it is spelled there. Empty when nothing says it.
    pub name: &'a str,
    /// Ticks a second; 0 when nothing says it.
    pub clock: u32,
    /// Channels of sound, where they are said.
    pub channels: Option<u8>,
    /// What `fmtp` says, whole.
    pub fmtp: Option<&'a str>,
    /// What `rtcp-fb` says: `nack`, `nack pli`, `transport-cc`; those for all payload types among them.
    pub feedback: Vec<&'a str>,
}

impl<'a> Format<'a> {
    fn add_feedback(&mut self, value: &'a str) {
        if self.feedback.len() < MOST_FEEDBACK {
            self.feedback.push(value);
        }
    }

    /// A parameter of `fmtp`, by its name in any case: `apt` of `apt=96;rtx-time=3000` is `96`.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        let pairs = self.fmtp?.split(';').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.trim(), value.trim()))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|pair| pair.1)
    }
}

/// A media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media<'a> {
    /// `audio`, `video`, `application`.
    pub kind: &'a str,
    /// Its name for BUNDLE.
    pub mid: Option<&'a str>,
    /// Which way.
    pub direction: Direction,
    /// 0 where it is rejected, 9 where candidates say more.
    pub port: u16,
    /// `UDP/TLS/RTP/SAVPF`.
    pub protocol: &'a str,
    /// What it can be, in the order of preference. Empty for what is not RTP.
    pub formats: Vec<Format<'a>>,
    /// Names of the layers that are sent, of simulcast (`a=rid:… send`, RFC 8851), in their order.
    pub rids: Vec<&'a str>,
    /// Its first line, and all the others.
    pub(super) head: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Media<'a> {
    /// Reads the lines of one section; `at` is where it begins, from 0.
    pub(super) fn read(at: usize, section: &[&'a str]) -> Result<Media<'a>, Error> {
        let line = at.saturating_add(1);
        let (head, lines) = section.split_first().ok_or(Error::Media { line })?;
        let mut words = head.strip_prefix("m=").unwrap_or_default().split_ascii_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
            return Err(Error::Media { line });
        };
        let port = port.split_once('/').map_or(port, |(port, _)| port);
        let port = port.parse().map_err(|_| Error::Media { line })?;
        let formats = match protocol.split('/').any(|word| word == "RTP") {
            true => read_formats(words, lines).ok_or(Error::PayloadType { line })?,
            false => Vec::new(),
        };
        let first = |name| lines.iter().find_map(|line| attribute(line, name));
        let rids = lines.iter().filter_map(|line| attribute(line, "rid"));
        Ok(Media {
            kind,
            mid: first("mid"),
            direction: lines.iter().find_map(|line| direction(line)).unwrap_or(Direction::SendRecv),
            port,
            protocol,
            formats,
            rids: rids.filter_map(sent_rid).collect(),
            head,
            lines: lines.to_vec(),
        })
    }

    /// Whether it is rejected: port 0, and not of the kind that has its port in another section of its group (RFC 8843).
    pub fn is_rejected(&self) -> bool {
        self.port == 0 && self.attributes("bundle-only").next().is_none()
    }

    /// Who begins DTLS, where the section says it.
    pub fn setup(&self) -> Option<Setup> {
        self.attributes("setup").find_map(|value| match value {
            "active" => Some(Setup::Active),
            "passive" => Some(Setup::Passive),
            "actpass" => Some(Setup::ActPass),
            _ => None,
        })
    }

    /// Values of an attribute of this section: `extmap` gives what stands behind each `a=extmap:`.
    pub fn attributes<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        self.lines.iter().filter_map(move |line| attribute(line, name))
    }

    /// Its lines, without ends; the first is that with `m=`.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.head).chain(self.lines.iter().copied())
    }
}

/// The payload types, each once, and what is said of them. None when one is no number from 0 to 127.
fn read_formats<'a>(words: impl Iterator<Item = &'a str>, lines: &[&'a str]) -> Option<Vec<Format<'a>>> {
    let mut formats: Vec<Format<'a>> = Vec::new();
    let mut places: HashMap<u8, usize> = HashMap::new();
    for word in words {
        let pt = payload_type(word)?;
        if places.contains_key(&pt) {
            continue;
        }
        places.insert(pt, formats.len());
        // What RFC 3551 gives to numbers of old.
        let (name, clock) = match pt {
            0 => ("PCMU", 8000),
            8 => ("PCMA", 8000),
            9 => ("G722", 8000),
            _ => ("", 0),
        };
        formats.push(Format { pt, name, clock, channels: None, fmtp: None, feedback: Vec::new() });
    }
    let split = |line: &&'a str, name| attribute(line, name)?.split_once(' ');
    for line in lines {
        let Some((name, (pt, value))) =
            ["rtpmap", "fmtp", "rtcp-fb"].into_iter().find_map(|name| Some((name, split(line, name)?)))
        else {
            continue;
        };
        if (name, pt) == ("rtcp-fb", "*") {
            formats.iter_mut().for_each(|format| format.add_feedback(value));
            continue;
        }
        let place = payload_type(pt).and_then(|pt| places.get(&pt).copied());
        let Some(format) = place.and_then(|place| formats.get_mut(place)) else { continue };
        match name {
            "rtpmap" => read_map(format, value),
            "fmtp" => format.fmtp = format.fmtp.or(Some(value.trim())),
            _ => format.add_feedback(value),
        }
    }
    Some(formats)
}

fn payload_type(word: &str) -> Option<u8> {
    word.parse().ok().filter(|pt| *pt < 128)
}

/// `opus/48000/2`.
fn read_map<'a>(format: &mut Format<'a>, value: &'a str) {
    let mut parts = value.trim().split('/');
    format.name = parts.next().unwrap_or_default();
    format.clock = parts.next().and_then(|clock| clock.parse().ok()).unwrap_or(0);
    format.channels = parts.next().and_then(|channels| channels.parse().ok());
}

fn direction(line: &str) -> Option<Direction> {
    match line {
        "a=sendrecv" => Some(Direction::SendRecv),
        "a=sendonly" => Some(Direction::SendOnly),
        "a=recvonly" => Some(Direction::RecvOnly),
        "a=inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

/// `h send` or `h send pt=96`: its name, when it is one that is sent.
fn sent_rid(value: &str) -> Option<&str> {
    let (name, rest) = value.split_once(' ')?;
    (rest.split_ascii_whitespace().next() == Some("send")).then_some(name)
}

//! The lines of a description or a fragment, and what is the same of both.

use std::collections::HashSet;
use std::fmt;

use super::media::Media;
use super::{Candidate, Error, MOST_BYTES, MOST_LINES, MOST_MEDIA};
use crate::engine::Credentials;

const UFRAG: &str = "ice-ufrag";
const PASSWORD: &str = "ice-pwd";
const CANDIDATE: &str = "candidate";
const END: &str = "end-of-candidates";

/// A line and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    text: String,
    end: &'static str,
}

/// Lines, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lines(Vec<Line>);

/// The value of an attribute, when the line is one of this name: empty for `a=name`.
pub(super) fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("a=")?.strip_prefix(name)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':') }
}

impl Lines {
    /// Under the limits, and every media section can be read.
    pub fn parse(text: &str) -> Result<Lines, Error> {
        if text.len() > MOST_BYTES {
            return Err(Error::Long { length: text.len() });
        }
        let mut lines = Vec::new();
        for raw in text.split_inclusive('\n') {
            if lines.len() >= MOST_LINES {
                return Err(Error::ManyLines);
            }
            let line = Line::of(raw);
            if !is_line(&line.text) {
                return Err(Error::Line { line: lines.len().saturating_add(1) });
            }
            lines.push(line);
        }
        let lines = Lines(lines);
        if lines.heads().count() > MOST_MEDIA {
            return Err(Error::ManyMedia);
        }
        lines.sections().try_for_each(|(at, section)| Media::read(at, &section).map(|_| ()))?;
        Ok(lines)
    }

    /// All lines, without their ends.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|line| line.text.as_str())
    }

    /// The lines before the first media section.
    pub fn session(&self) -> impl Iterator<Item = &str> {
        self.iter().take_while(|line| !line.starts_with("m="))
    }

    /// Where media sections begin.
    fn heads(&self) -> impl Iterator<Item = usize> {
        self.iter().enumerate().filter(|(_, line)| line.starts_with("m=")).map(|(at, _)| at)
    }

    /// The media sections: where each begins, and its lines.
    fn sections(&self) -> impl Iterator<Item = (usize, Vec<&str>)> {
        let ends = self.heads().skip(1).chain([self.0.len()]);
        self.heads().zip(ends).map(|(from, to)| {
            let lines = self.0.get(from..to).unwrap_or_default();
            (from, lines.iter().map(|line| line.text.as_str()).collect())
        })
    }

    /// The media sections, read.
    pub fn media(&self) -> impl Iterator<Item = Media<'_>> {
        self.sections().filter_map(|(at, section)| Media::read(at, &section).ok())
    }

    /// Appends a line.
    pub fn add(&mut self, text: &str) {
        self.0.push(Line::new(text.to_owned()));
    }

    /// The first user name with its password. Both are taken from one level: the session's, or one media section's.
    pub fn credentials(&self) -> Option<Credentials> {
        let of = |lines: &[&str]| {
            let find =
                |name| lines.iter().find_map(|line| attribute(line, name)).filter(|text| is_word(text));
            Some(Credentials { ufrag: find(UFRAG)?.to_owned(), password: find(PASSWORD)?.to_owned() })
        };
        let session: Vec<&str> = self.session().collect();
        of(&session).or_else(|| self.sections().find_map(|(_, section)| of(&section)))
    }

    /// Puts these in the place of all; where there were none, in front of the first media section.
    pub fn set_credentials(&mut self, credentials: &Credentials) {
        let mut places = 0_usize;
        for line in &mut self.0 {
            for (name, value) in [(UFRAG, &credentials.ufrag), (PASSWORD, &credentials.password)] {
                if attribute(&line.text, name).is_some() {
                    line.text = format!("a={name}:{value}");
                    places = places.saturating_add(1);
                }
            }
        }
        if places > 0 {
            return;
        }
        let at = self.heads().next().unwrap_or(self.0.len());
        let new = [(UFRAG, &credentials.ufrag), (PASSWORD, &credentials.password)];
        self.insert(at, new.map(|(name, value)| format!("a={name}:{value}")));
    }

    /// All candidates that can be read.
    pub fn candidates(&self) -> Vec<Candidate> {
        self.iter()
            .filter(|line| attribute(line, CANDIDATE).is_some())
            .filter_map(|line| line.strip_prefix("a=")?.parse().ok())
            .collect()
    }

    /// Whether a line says that there are no more.
    pub fn has_end_of_candidates(&self) -> bool {
        self.iter().any(|line| attribute(line, END).is_some())
    }

    /// Puts these in the place of all, where [`Lines::transports`] says.
    pub fn set_candidates(&mut self, candidates: &[Candidate]) {
        self.0.retain(|line| {
            attribute(&line.text, CANDIDATE).is_none() && attribute(&line.text, END).is_none()
        });
        if candidates.is_empty() {
            return;
        }
        // From the last on: what is put in moves only what is behind it.
        for at in self.transports().into_iter().rev() {
            let new = candidates.iter().map(|candidate| format!("a={candidate}"));
            self.insert(at, new.chain([format!("a={END}")]));
        }
    }

    /// Behind which lines candidates belong: at the end of each media section that has a transport of its own. With no media
    /// section there is one transport, at the end.
    fn transports(&self) -> Vec<usize> {
        let groups: Vec<&str> =
            self.session().filter_map(|line| attribute(line, "group")?.strip_prefix("BUNDLE")).collect();
        let members: HashSet<&str> = groups.iter().flat_map(|group| group.split_ascii_whitespace()).collect();
        let ends = self.heads().skip(1).chain([self.0.len()]);
        let live: Vec<(Media<'_>, usize)> =
            self.media().zip(ends).filter(|(media, _)| !media.is_rejected()).collect();
        let mut at = Vec::new();
        // The first of a group carries its transport: the first by the order of the group, not of the sections.
        for group in &groups {
            let first = group
                .split_ascii_whitespace()
                .find_map(|mid| live.iter().find(|(media, _)| media.mid == Some(mid)).map(|(_, end)| *end));
            at.extend(first);
        }
        let alone = |media: &Media<'_>| media.mid.is_none_or(|mid| !members.contains(mid));
        at.extend(live.iter().filter(|(media, _)| alone(media)).map(|(_, end)| *end));
        if self.heads().next().is_none() {
            at.push(self.0.len());
        }
        at.sort_unstable();
        at.dedup();
        // Not behind an empty line, which some end with.
        at.into_iter().map(|end| self.before_empty(end)).collect()
    }

    fn before_empty(&self, end: usize) -> usize {
        let lines = self.0.get(..end).unwrap_or_default();
        lines.iter().rposition(|line| !line.text.is_empty()).map_or(end, |last| last.saturating_add(1))
    }

    fn insert(&mut self, at: usize, lines: impl IntoIterator<Item = String>) {
        let at = at.min(self.0.len());
        self.0.splice(at..at, lines.into_iter().map(Line::new));
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut open = false;
        for line in &self.0 {
            // What was the last line, with no end, is it no more.
            f.write_str(if open { "\r\n" } else { "" })?;
            write!(f, "{}{}", line.text, line.end)?;
            open = line.end.is_empty();
        }
        Ok(())
    }
}

impl Line {
    fn new(text: String) -> Line {
        Line { text, end: "\r\n" }
    }

    fn of(raw: &str) -> Line {
        let (text, end) = match (raw.strip_suffix("\r\n"), raw.strip_suffix('\n')) {
            (Some(text), _) => (text, "\r\n"),
            (None, Some(text)) => (text, "\n"),
            (None, None) => (raw, ""),
        };
        Line { text: text.to_owned(), end }
    }
}

/// A small letter, `=` and a text without what would end it elsewhere; or an empty line, which some end with.
fn is_line(text: &str) -> bool {
    let mut bytes = text.bytes();
    let head = (bytes.next(), bytes.next());
    let right = matches!(head, (None, None)) || matches!(head, (Some(b'a'..=b'z'), Some(b'=')));
    right && !text.contains(['\0', '\r'])
}

/// Whether a user name or a password can be told on: visible letters, and none at which a user name is cut. More than that
/// some do not hold to.
fn is_word(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

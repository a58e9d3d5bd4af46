//! Session descriptions (SDP, RFC 8866) with what ICE says in them (RFC 8839), and the fragments of trickle ICE (RFC 8840).
//!
//! A description keeps its lines as they came, in their order, and gives them back byte for byte; what is changed here are
//! the lines of ICE alone. So what is not known goes by as it is.

mod candidate;
mod lines;
mod media;

use std::fmt;

use crate::engine::Credentials;
use lines::Lines;

pub use candidate::{Address, Candidate, CandidateError, CandidateKind, TcpKind};
pub use media::{Direction, Format, Media, Setup};

/// Bytes of a description at the most. Browsers send 6 to 12 KiB.
pub const MOST_BYTES: usize = 64 * 1024;
/// Its lines at the most.
pub const MOST_LINES: usize = 2000;
/// Its media sections at the most. Of a session that is published or played there are two, or one for each layer.
pub const MOST_MEDIA: usize = 32;

/// What is wrong with a description. Lines are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than [`MOST_BYTES`].
    #[error("an SDP of {length} bytes, and {MOST_BYTES} are the most")]
    Long {
        /// Its bytes.
        length: usize,
    },
    /// It has more lines than [`MOST_LINES`].
    #[error("an SDP of more than {MOST_LINES} lines")]
    ManyLines,
    /// It has more media sections than [`MOST_MEDIA`].
    #[error("an SDP of more than {MOST_MEDIA} media sections")]
    ManyMedia,
    /// It does not begin with `v=0`.
    #[error("this is no SDP: it does not begin with v=0")]
    NoVersion,
    /// A line is no letter with `=` and a text, or has a zero or a carriage return in it.
    #[error("line {line} of the SDP makes no sense")]
    Line {
        /// Which one.
        line: usize,
    },
    /// A line with `m=` cannot be read.
    #[error("line {line} of the SDP: a media section needs a kind, a port, a protocol and formats")]
    Media {
        /// Which one.
        line: usize,
    },
    /// A media section of RTP names a payload type that is no number from 0 to 127.
    #[error("line {line} of the SDP: a payload type is a number from 0 to 127")]
    PayloadType {
        /// Which one.
        line: usize,
    },
}

/// A session description: an offer or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    lines: Lines,
}

impl Description {
    /// Reads one. Lines may end in CRLF, or in LF alone.
    pub fn parse(text: &str) -> Result<Description, Error> {
        let lines = Lines::parse(text)?;
        if lines.iter().next() != Some("v=0") {
            return Err(Error::NoVersion);
        }
        Ok(Description { lines })
    }

    /// The media sections, in their order.
    pub fn media(&self) -> impl Iterator<Item = Media<'_>> {
        self.lines.media()
    }

    /// Values of an attribute at session level: `ice-options` gives what stands behind `a=ice-options:`.
    pub fn attributes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.session().filter_map(move |line| lines::attribute(line, name))
    }

    /// The first user name with its password, of the session or of the first media section that has them.
    pub fn credentials(&self) -> Option<Credentials> {
        self.lines.credentials()
    }

    /// Puts these in the place of all user names and passwords; at session level where there were none.
    pub fn set_credentials(&mut self, credentials: &Credentials) {
        self.lines.set_credentials(credentials);
    }

    /// All candidates that can be read, of all media sections, in their order. With BUNDLE one may be there several times.
    pub fn candidates(&self) -> Vec<Candidate> {
        self.lines.candidates()
    }

    /// Puts these in the place of all candidates: into the first live media section of each group of BUNDLE and into each one
    /// that is in no group (RFC 8843 section 10.1.1: a group has one transport), with `end-of-candidates` behind them. Of no
    /// candidates nothing is written.
    pub fn set_candidates(&mut self, candidates: &[Candidate]) {
        self.lines.set_candidates(candidates);
    }

    /// Whether all candidates are told: no more will come by trickle ICE.
    pub fn has_end_of_candidates(&self) -> bool {
        self.lines.has_end_of_candidates()
    }

    /// The first `a=fingerprint`: the hash's name, and the hash in hexadecimal with colons (RFC 8122 section 5).
    pub fn fingerprint(&self) -> Option<(&str, &str)> {
        self.lines.iter().find_map(|line| lines::attribute(line, "fingerprint"))?.split_once(' ')
    }

    /// Whether its side does ICE-lite, RFC 8839 section 5.3.
    pub fn is_ice_lite(&self) -> bool {
        self.attributes("ice-lite").next().is_some()
    }

    /// What is told to a peer that asked for an ICE restart by trickle ICE (RFC 9725 section 4.3.3): these credentials and
    /// candidates, for the first live media section of this description.
    pub fn fragment(&self, credentials: &Credentials, candidates: &[Candidate]) -> Fragment {
        let mut lines = Lines::default();
        let session = |line: &&str| {
            line.starts_with("a=group:")
                || line.starts_with("a=ice-lite")
                || line.starts_with("a=ice-options:")
        };
        self.lines.session().filter(session).for_each(|line| lines.add(line));
        if let Some(media) = self.media().find(|media| !media.is_rejected()) {
            lines.add(media.head);
            media.mid.iter().for_each(|mid| lines.add(&format!("a=mid:{mid}")));
        }
        lines.set_credentials(credentials);
        lines.set_candidates(candidates);
        Fragment { lines }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.fmt(f)
    }
}

/// The body of a PATCH with `application/trickle-ice-sdpfrag`, RFC 8840 section 9: more candidates, or an ICE restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    lines: Lines,
}

impl Fragment {
    /// Reads one, under the limits of a description.
    pub fn parse(text: &str) -> Result<Fragment, Error> {
        Lines::parse(text).map(|lines| Fragment { lines })
    }

    /// The media sections that it speaks of: of each its line and its `mid`.
    pub fn media(&self) -> impl Iterator<Item = Media<'_>> {
        self.lines.media()
    }

    /// Whose candidates these are: other ones than before mean an ICE restart.
    pub fn credentials(&self) -> Option<Credentials> {
        self.lines.credentials()
    }

    /// As [`Description::set_credentials`].
    pub fn set_credentials(&mut self, credentials: &Credentials) {
        self.lines.set_credentials(credentials);
    }

    /// All candidates that can be read, in their order.
    pub fn candidates(&self) -> Vec<Candidate> {
        self.lines.candidates()
    }

    /// As [`Description::set_candidates`].
    pub fn set_candidates(&mut self, candidates: &[Candidate]) {
        self.lines.set_candidates(candidates);
    }

    /// Whether no more will come.
    pub fn has_end_of_candidates(&self) -> bool {
        self.lines.has_end_of_candidates()
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.fmt(f)
    }
}

#[cfg(test)]
mod tests;

//! Names of files, made of templates in which names by strangers are put.

use srs_m3u8::Utc;
use std::fmt::Write as _;

/// Longest component of a path that file systems take, in bytes.
const MOST_COMPONENT: usize = 255;
/// Longest path, below what systems take (4096) so that a root in front has room.
const MOST_PATH: usize = 2_048;

/// Why a template or a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A variable in brackets that does not exist.
    #[error("unknown variable [{0}] in a file name")]
    Variable(String),
    /// A part that is empty, `.` or `..`, or holds a control character or a backslash.
    #[error("{0:?} cannot be part of a path")]
    Component(String),
    /// The value of a variable is empty or has a slash where there can be none.
    #[error("{0:?} cannot be put into a file name")]
    Value(String),
    /// Longer than file systems take.
    #[error("a file name of {0} bytes")]
    Long(usize),
}

/// What variables stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// `[vhost]`.
    pub vhost: &'a str,
    /// `[app]`: may have several levels, which become folders.
    pub app: &'a str,
    /// `[stream]`.
    pub stream: &'a str,
    /// `[seq]`.
    pub sequence: u64,
    /// `[duration]`, in milliseconds.
    pub duration_ms: u64,
    /// `[timestamp]` in milliseconds since 1970, and the parts of the date.
    pub unix_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Vhost,
    App,
    Stream,
    Sequence,
    Duration,
    Timestamp,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

impl Piece {
    fn variable(name: &str) -> Option<Self> {
        Some(match name {
            "vhost" => Self::Vhost,
            "app" => Self::App,
            "stream" => Self::Stream,
            "seq" => Self::Sequence,
            "duration" => Self::Duration,
            "timestamp" => Self::Timestamp,
            "2006" => Self::Year,
            "01" => Self::Month,
            "02" => Self::Day,
            "15" => Self::Hour,
            "04" => Self::Minute,
            "05" => Self::Second,
            "999" => Self::Millisecond,
            _ => return None,
        })
    }
}

/// A file name with variables, as SRS has them: `[vhost] [app] [stream] [seq] [duration] [timestamp]`, and of the date
/// `[2006] [01] [02] [15] [04] [05] [999]`, which is in UTC: SRS takes the machine's zone, in which an hour comes twice
/// a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// SRS's default for what a stream has one of: `[app]/[stream]` and this behind.
    pub fn of_stream(extension: &str) -> Self {
        let text = |text: &str| Piece::Text(text.to_owned());
        Self { pieces: vec![Piece::App, text("/"), Piece::Stream, text(extension)] }
    }

    /// SRS's default for what each segment has: `[app]/[stream]-[seq]` and this behind.
    pub fn of_segment(extension: &str) -> Self {
        let text = |text: &str| Piece::Text(text.to_owned());
        let pieces = vec![Piece::App, text("/"), Piece::Stream, text("-"), Piece::Sequence, text(extension)];
        Self { pieces }
    }

    /// Reads a template, which is relative to a root: one leading `/` or `./` is taken for that root, as SRS does by
    /// putting both together.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut rest = text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text);
        // What is wrong without any variable is wrong in the configuration, which should be said at the start.
        for part in rest.split('/') {
            component(part)?;
        }
        let mut pieces = Vec::new();
        while let Some((before, inside, after)) =
            rest.split_once('[').and_then(|(before, open)| open.split_once(']').map(|(a, b)| (before, a, b)))
        {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::variable(inside).ok_or_else(|| Error::Variable(inside.to_owned()))?);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The path below the root. It stays there whatever the names are: no part of it is empty, `.` or `..`, and no name
    /// brings a slash, but for the levels of an app.
    pub fn name(&self, facts: &Facts<'_>) -> Result<String, Error> {
        let utc = Utc::from_unix_ms(facts.unix_ms);
        let mut out = String::new();
        for piece in &self.pieces {
            // Writing to a `String` cannot fail.
            let _ = match piece {
                Piece::Text(text) => out.write_str(text),
                Piece::Vhost => out.write_str(value(facts.vhost)?),
                Piece::App => out.write_str(levels(facts.app)?),
                Piece::Stream => out.write_str(value(facts.stream)?),
                Piece::Sequence => write!(out, "{}", facts.sequence),
                Piece::Duration => write!(out, "{}", facts.duration_ms),
                Piece::Timestamp => write!(out, "{}", facts.unix_ms),
                Piece::Year => write!(out, "{:04}", utc.year),
                Piece::Month => write!(out, "{:02}", utc.month),
                Piece::Day => write!(out, "{:02}", utc.day),
                Piece::Hour => write!(out, "{:02}", utc.hour),
                Piece::Minute => write!(out, "{:02}", utc.minute),
                Piece::Second => write!(out, "{:02}", utc.second),
                Piece::Millisecond => write!(out, "{:03}", utc.millisecond),
            };
        }
        // Once more as a whole: `.[stream]` may be more than its pieces.
        for part in out.split('/') {
            component(part)?;
        }
        if out.len() > MOST_PATH { Err(Error::Long(out.len())) } else { Ok(out) }
    }
}

/// A part of a path between slashes.
fn component(part: &str) -> Result<(), Error> {
    if matches!(part, "" | "." | "..") || part.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(Error::Component(part.to_owned()));
    }
    if part.len() > MOST_COMPONENT { Err(Error::Long(part.len())) } else { Ok(()) }
}

/// A name without levels, which is a good component by itself, too.
fn value(name: &str) -> Result<&str, Error> {
    if name.contains('/') {
        return Err(Error::Value(name.to_owned()));
    }
    component(name).map(|()| name)
}

/// A name with levels.
fn levels(name: &str) -> Result<&str, Error> {
    name.split('/').try_for_each(component).map(|()| name)
}

#[cfg(test)]
mod tests;

//! Stream ids: what a caller says of which stream it sends or wants.
//!
//! The form of libsrt's `docs/features/access-control.md`, `#!::r=live/livestream,m=publish`, with pairs in any order, and what
//! encoders and players say besides. Where forms leave room, SRS's reading counts, as its origins read the same text:
//!
//! | Text | Meaning |
//! |---|---|
//! | `#!::h=host,r=app/stream,m=publish` | `h` host, `r` resource, `m` mode (`request` when there is none), `u` user, `s` session |
//! | `#!::h=app/stream,m=publish` | SRS before 5: without `r`, `h` is the resource |
//! | `#!::h=host/app/stream` | the same with a host in front: from three parts on |
//! | `%23!::r=...` | what VLC makes of `#`: decoded once |
//! | `app/stream`, `stream` | short: default mode, and default app where there is none |
//! | `publish:app/stream`, `publish:app/stream:user:pass` | MediaMTX; also `read:`, `request:` and `play:` |
//! | nothing | the default stream id |
//!
//! Parameters stand behind a `?` in the resource, or as pairs of other keys. As with SRS both are one: `?token=1` and
//! `,token=1` are the same.

mod parse;
mod write;

use srs_names::{NameError, Params, StreamKey};

pub use write::{strip_key, with_key};

/// What the caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Send the stream.
    Publish,
    /// Receive it.
    Request,
}

impl Mode {
    /// As `m=` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Publish => "publish",
            Mode::Request => "request",
        }
    }

    /// Reads a mode, letters of either case, as SRS does.
    pub fn read(text: &str) -> Option<Mode> {
        [Mode::Publish, Mode::Request].into_iter().find(|mode| mode.as_str().eq_ignore_ascii_case(text))
    }
}

/// What is meant where a stream id does not say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The app of a stream that is named alone: SRS's `default_app`.
    pub app: String,
    /// What short stream ids want: SRS's `default_mode`.
    pub mode: Mode,
    /// What a caller without a stream id says: SRS's `default_streamid`.
    pub stream_id: String,
}

impl Default for Defaults {
    /// Those of SRS.
    fn default() -> Defaults {
        Defaults {
            app: "live".to_owned(),
            mode: Mode::Request,
            stream_id: "#!::r=live/livestream,m=request".to_owned(),
        }
    }
}

/// Why a stream id is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than [`crate::handshake::MOST_STREAM_ID`], or with a node's key than
    /// [`crate::handshake::MOST_BETWEEN_NODES`].
    #[error("the stream id has {length} bytes, and {most} are the most")]
    Long {
        /// Its bytes.
        length: usize,
        /// And what it may have.
        most: usize,
    },
    /// Percent-escapes in it decode to what is no text.
    #[error("the stream id is not UTF-8 once its escapes are decoded")]
    Escapes,
    /// `#!:{...}`.
    #[error(
        "the stream id has the nested form \"#!:{{\", which is not supported: say \"#!::r=app/stream,m=publish\""
    )]
    Nested,
    /// Some other form that begins with `#!`.
    #[error("the stream id begins with \"#!\" and not with \"#!::\"")]
    Form,
    /// It names no stream.
    #[error("the stream id names no stream: \"r=\" is missing or empty")]
    NoResource,
    /// `m` is neither `publish` nor `request`.
    #[error("the mode of the stream id is {0:?}, and not \"publish\" or \"request\"")]
    Mode(String),
    /// A key that there can be one of is there twice: two readers might take different ones.
    #[error("the stream id has \"{0}=\" twice")]
    Twice(&'static str),
    /// More parts between colons than `publish:path:user:pass:query` has.
    #[error("the stream id has more than five parts between colons: \"publish:path:user:pass\"")]
    Colons,
}

/// What a stream id says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamId {
    /// The host of the stream, as said.
    pub host: Option<String>,
    /// App and stream, as said: without parameters, escapes untouched.
    pub path: String,
    /// What is wanted.
    pub mode: Mode,
    /// `u`: who says it.
    pub user: Option<String>,
    /// `s`: the session, or what a password is said as.
    pub session: Option<String>,
    /// All other keys and parameters in their order, escapes untouched.
    pub others: Vec<(String, String)>,
}

impl StreamId {
    /// The stream that is meant, and its parameters: user and session first, as `u` and `s`, then the others.
    ///
    /// # Errors
    /// [`NameError`] when that is no name of a stream.
    pub fn key(&self) -> Result<(StreamKey, Params), NameError> {
        StreamKey::from_path(self.host.as_deref(), &self.path, Some(&self.query()))
    }

    /// User, session and others as a query text.
    pub fn query(&self) -> String {
        write::pairs(self).join("&")
    }
}

#[cfg(test)]
mod tests;

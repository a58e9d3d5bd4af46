//! Why a name was refused: which part of it, and what is wrong there.

use std::fmt;

/// A spelling that is not the name of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} of the stream name {flaw}")]
pub struct NameError {
    /// The part that is at fault.
    pub part: Part,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl NameError {
    pub(crate) fn new(part: Part, flaw: Flaw) -> Self {
        Self { part, flaw }
    }
}

/// The parts that a spelling is checked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The virtual host.
    Vhost,
    /// The application, one or more levels.
    App,
    /// The last path part.
    Stream,
    /// The query text.
    Query,
    /// The spelling as a whole.
    Whole,
    /// A node's or client's id.
    Id,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vhost => "the vhost",
            Self::App => "the app",
            Self::Stream => "the stream",
            Self::Query => "the query",
            Self::Whole => "the whole",
            Self::Id => "the id",
        })
    }
}

/// What is wrong with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is there.
    Empty,
    /// More bytes than the limit given.
    TooLong(usize),
    /// More `key=value` pairs than the limit given.
    TooMany(usize),
    /// A character that no name may hold; control characters, separators and invisible ones among them.
    Character(char),
    /// A path part that is `.` or `..`.
    Dots,
    /// Percent-escapes that decode to bytes which are not UTF-8.
    NotUtf8,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(limit) => write!(f, "is longer than {limit} bytes"),
            Self::TooMany(limit) => write!(f, "has more than {limit} parameters"),
            Self::Character(c) => write!(f, "holds the character {c:?}, which is not allowed"),
            Self::Dots => f.write_str("holds a part that is \".\" or \"..\""),
            Self::NotUtf8 => f.write_str("is not UTF-8 once its escapes are decoded"),
        }
    }
}

//! The kinds of value that settings are made of, each with its one text form.
//!
//! A parser here knows nothing of where the text came from; it answers what would have been allowed, and the caller
//! adds the name of the setting and its place.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroUsize;

mod duration;
mod listen;

pub use duration::{MAX_DURATION, Unit, duration, go_duration};
pub use listen::Listen;

/// What would have been allowed where a value was refused, as the end of "… is not allowed: expected".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(pub Cow<'static, str>);

impl Expected {
    pub(crate) const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Expected {}

/// Reads `on` or `off`. Nothing else is taken: SRS reads any other word as one of the two depending on the directive.
pub fn switch(text: &str) -> Result<bool, Expected> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Expected::fixed("on or off")),
    }
}

/// Reads a decimal whole number from `min` to `max`, both included.
pub fn number(text: &str, min: u64, max: u64) -> Result<u64, Expected> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(n) if digits && (min..=max).contains(&n) => Ok(n),
        _ => Err(Expected(Cow::Owned(format!("a whole number from {min} to {max}")))),
    }
}

/// How many shards (one thread and one runtime each) a process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shards {
    /// One for each core that the process may use.
    #[default]
    Auto,
    /// Just so many.
    Count(NonZeroUsize),
}

/// More shards than this is a slip of the pen: each is a thread with its own runtime and listeners.
pub const MAX_SHARDS: u64 = 1024;

impl Shards {
    /// Reads `auto` or a number from 1 to [`MAX_SHARDS`].
    pub fn parse(text: &str) -> Result<Self, Expected> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        number(text, 1, MAX_SHARDS)
            .ok()
            .and_then(|n| NonZeroUsize::new(usize::try_from(n).ok()?))
            .map(Self::Count)
            .ok_or(Expected::fixed("auto or a whole number from 1 to 1024"))
    }

    /// The number to start, given how many cores the process may use.
    pub fn count(self, cores: NonZeroUsize) -> NonZeroUsize {
        match self {
            Self::Auto => cores,
            Self::Count(n) => n,
        }
    }
}

/// A token or password: `Debug` and `Display` print a mask, so that it cannot reach a log by accident.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

/// What is printed in place of a secret; its length says nothing of the secret's.
pub const MASK: &str = "********";

impl Secret {
    /// Wraps the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests;

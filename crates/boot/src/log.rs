//! The log: one line an event in SRS's form, to the console or a file.
//!
//! `[2026-11-20 12:00:00.000][INFO][4711][a1b2c3d4] message key=value`: time in UTC, level, process id, context id (the
//! field `cid` of the innermost span that has one), message, the event's fields, then the spans' fields. What came from
//! the network cannot forge a line: control characters are escaped and a line has a greatest length.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

mod clock;
mod line;

use line::{Lines, Spans};

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tank {
    /// Standard output.
    Console,
    /// The end of this file; its folder is made as needed.
    File(PathBuf),
}

/// The least grave level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Every packet.
    Trace,
    /// Every decision.
    Debug,
    /// Every event in the life of a connection.
    Info,
    /// What an operator should look at.
    Warn,
    /// What failed.
    Error,
}

impl Level {
    /// The levels of `srs_log_level`, in which `trace` is the usual one and `info` and `verbose` tell more.
    pub fn from_srs(word: &str) -> Option<Self> {
        Some(match word {
            "verbose" => Self::Trace,
            "info" => Self::Debug,
            "trace" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => return None,
        })
    }

    /// The levels of `srs_log_level_v2`, named as everywhere else.
    pub fn from_name(word: &str) -> Option<Self> {
        Some(match word {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "info" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => return None,
        })
    }

    fn directive(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened for appending.
    #[error("log file {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The filter text is wrong.
    #[error("RUST_LOG={filter}: {reason}")]
    Filter {
        /// The text.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The process has a log already.
    #[error("the log is set up already")]
    Twice,
}

/// Sets up the process's log. `filter` is the text of `RUST_LOG`; where it is set it wins over `level`.
pub fn init(tank: &Tank, level: Level, filter: Option<&str>) -> Result<Output, Error> {
    let output = Output::open(tank)?;
    subscriber(output.clone(), level, filter)?.try_init().map_err(|_| Error::Twice)?;
    Ok(output)
}

fn subscriber(
    output: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
    level: Level,
    filter: Option<&str>,
) -> Result<impl tracing::Subscriber + Send + Sync, Error> {
    let filter = match filter.filter(|text| !text.is_empty()) {
        Some(text) => EnvFilter::try_new(text)
            .map_err(|reason| Error::Filter { filter: text.to_owned(), reason: reason.to_string() })?,
        None => EnvFilter::new(level.directive()),
    };
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines::new(std::process::id()))
        .log_internal_errors(false)
        .with_writer(output);
    Ok(tracing_subscriber::registry().with(filter).with(Spans).with(lines))
}

/// Where the log writes; keep it to have the file opened anew after rotation.
#[derive(Clone, Debug)]
pub struct Output(Option<Arc<LogFile>>);

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl Output {
    fn open(tank: &Tank) -> Result<Self, Error> {
        Ok(Self(match tank {
            Tank::Console => None,
            Tank::File(path) => {
                Some(Arc::new(LogFile { path: path.clone(), file: Mutex::new(append(path)?) }))
            }
        }))
    }

    /// Opens the file anew by its name, as log rotation wants it; does nothing for the console.
    pub fn reopen(&self) -> Result<(), Error> {
        let Some(log) = &self.0 else { return Ok(()) };
        let file = append(&log.path)?;
        *log.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }
}

fn append(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::Open { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(failed)
}

/// Writes one line; a line is never cut in two by another thread's.
#[derive(Debug)]
pub struct Writer(Output);

impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &self.0.0 {
            None => io::stdout().lock().write(line),
            Some(log) => log.file.lock().unwrap_or_else(PoisonError::into_inner).write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Output {
    type Writer = Writer;

    fn make_writer(&self) -> Writer {
        Writer(self.clone())
    }
}

#[cfg(test)]
mod tests;

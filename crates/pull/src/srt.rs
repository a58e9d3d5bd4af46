//! The SRT client: calls a server for one stream, and reads the transport stream inside.
//!
//! It never tells of holds ([`Event::Held`]): SRT has no word for them. A publisher who is awaited upstream is one that fell
//! silent here, and the stream is looked for at other servers.

mod words;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use srs_flv::transport::Transport;
use srs_media::Frame;
use srs_names::MissingKind;
use srs_net::srt::{Connection, dial};
use srs_peer::srt::{Call, Settings};
use srs_srt::Reason;
use srs_srt::engine::{CallError, Ended};
use srs_srt::handshake::MOST_STREAM_ID;
use tokio::time::{Duration, Instant};

use crate::envelope::Asker;
use crate::incoming::{Event, Failed};
use crate::limits::{ANSWER_SRT, CONNECT};
use crate::plan::Target;

/// One session that plays.
pub(crate) struct Session {
    connection: Connection,
    transport: Box<Transport>,
    ready: VecDeque<Frame>,
    latency: Duration,
    /// Something came.
    heard: bool,
    /// A frame was made of it.
    begun: bool,
    /// The server sends no more, and its last frame was given out.
    over: bool,
    /// For the log.
    url: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl Session {
    /// Calls the target's server for its stream, until it takes the call. `asker` is told in the stream id.
    ///
    /// # Errors
    /// [`Failed`] with the server's reason.
    pub(crate) async fn open(target: &Target, asker: Option<&Asker>) -> Result<Session, Failed> {
        let settings = settings(target);
        let until = Instant::now().checked_add(settings.connect_timeout).unwrap_or_else(Instant::now);
        let addresses = srs_net::dial::addresses(&target.host, target.port, CONNECT);
        let addresses = addresses.await.map_err(Failed::unreachable)?;
        let said = words::stream_id(target);
        let sealed = said.as_deref().and_then(|said| words::sealed(said, target, asker));
        let called = match &sealed {
            Some(sealed) => match call(&addresses, &settings, Some(sealed), until).await {
                // Servers of others may take neither so long a text nor a key that they do not know.
                Err(CallError::Refused(reason)) if is_of_words(reason, sealed) => {
                    call(&addresses, &settings, said.as_deref(), until).await
                }
                called => called,
            },
            None => call(&addresses, &settings, said.as_deref(), until).await,
        };
        Ok(Session {
            connection: called.map_err(failed)?,
            transport: Box::default(),
            ready: VecDeque::new(),
            latency: settings.receive_latency,
            heard: false,
            begun: false,
            over: false,
            url: target.public(),
        })
    }

    /// Whether media comes, though no frame may have been made of it yet.
    pub(crate) fn brings_media(&self) -> bool {
        self.heard
    }

    /// For how long what comes is held back, at the least.
    pub(crate) fn latency(&self) -> Duration {
        self.latency
    }

    /// What comes next. A wait that is given up loses nothing.
    ///
    /// # Errors
    /// [`Failed`] when the connection was lost.
    pub(crate) async fn next(&mut self) -> Result<Event, Failed> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                self.begun = true;
                return Ok(Event::Frame(frame));
            }
            match self.connection.message().await {
                Some(message) => self.take(&message),
                None => match self.connection.ended().await {
                    Ended::Peer if self.over => return Ok(Event::Over),
                    Ended::Peer => {
                        self.over = true;
                        self.transport.flush(&mut |frame| self.ready.push_back(frame));
                        continue;
                    }
                    lost => return Err(Failed::unreachable(lost)),
                },
            }
            if !self.begun && self.ready.is_empty() {
                return Ok(Event::Alive);
            }
        }
    }

    fn take(&mut self, message: &Bytes) {
        self.heard = true;
        let Session { transport, ready, url, .. } = self;
        let mut push = |frame| ready.push_back(frame);
        transport.push(message, &mut push, &mut |text| tracing::warn!(url, "pull by srt: {text}"));
    }
}

fn settings(target: &Target) -> Settings {
    let default = Settings::default();
    Settings {
        receive_latency: target.srt.latency.unwrap_or(default.receive_latency),
        passphrase: target.srt.passphrase.clone(),
        key_length: target.srt.key_length,
        connect_timeout: target.srt.timeout.unwrap_or(ANSWER_SRT),
        ..default
    }
}

/// Calls the first of these addresses that answers. Each has its share of the time, and what it refuses is refused.
async fn call(
    addresses: &[SocketAddr],
    settings: &Settings,
    said: Option<&str>,
    until: Instant,
) -> Result<Connection, CallError> {
    let mut last = CallError::Silent;
    let mut behind = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        let share = left.checked_div(behind.max(1)).unwrap_or_default();
        behind = behind.saturating_sub(1);
        let settings = Settings { connect_timeout: share, ..settings.clone() };
        let called = dial(*address, |local, now| Call::new(&settings, said, *address, local, now)).await;
        last = match called {
            Err(error @ (CallError::Silent | CallError::Gone | CallError::Socket(_))) => error,
            ended => return ended,
        };
    }
    Err(last)
}

/// Whether a server may refuse so what it does not understand of this stream id.
fn is_of_words(reason: Reason, said: &str) -> bool {
    match reason {
        // libsrt's word for one that is too long: the second one up to 1.5.1, at the least.
        Reason::ROGUE | Reason::UNKNOWN => said.len() > MOST_STREAM_ID,
        Reason::BAD_REQUEST | Reason::KEY_NOT_SUPPORTED => true,
        _ => false,
    }
}

/// What it means for viewers.
fn failed(error: CallError) -> Failed {
    let kind = match error {
        CallError::Refused(Reason::NOT_FOUND) => MissingKind::NotFound,
        CallError::Refused(Reason::FAILED_DEPENDENCY) => MissingKind::Loop,
        CallError::Refused(Reason::UNAUTHORIZED | Reason::FORBIDDEN) => MissingKind::Forbidden,
        // What the viewer said is too much: the server was not asked.
        CallError::Handshake(_) => MissingKind::Forbidden,
        _ => MissingKind::Unreachable,
    };
    Failed::new(kind, error.to_string())
}

#[cfg(test)]
mod tests;

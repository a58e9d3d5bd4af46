//! How a server is called by SRT: what URLs say to the caller itself, as libsrt's tools have it.

use std::fmt;
use std::time::Duration;

use srs_names::percent_decode;
use srs_peer::srt::{KeyLength, Passphrase};
use srs_srt::handshake::MOST_STREAM_ID;

/// More is of no use: whoever watches waits for it, and connections grant no more. Who takes it for microseconds, as ffmpeg
/// does, says more.
const MOST_LATENCY: u64 = 10_000;

/// How a server is called. The default says nothing but what the path and the query of its URL say.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SrtCall {
    /// `streamid`: it is said as it is, whatever path and query are.
    pub stream_id: Option<String>,
    /// `rcvlatency`, else `latency`: for how long what comes is held back, that lost packets can come again. The server may
    /// ask for more. None: 120 ms.
    pub latency: Option<Duration>,
    /// `passphrase`. No text shows it.
    pub passphrase: Option<Passphrase>,
    /// `pbkeylen`.
    pub key_length: KeyLength,
    /// How long the call may take. No URL says it. None: 3 s.
    pub timeout: Option<Duration>,
}

impl fmt::Debug for SrtCall {
    /// Without secrets: stream ids have passwords in them, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SrtCall");
        shown.field("stream_id", &self.stream_id.is_some()).field("latency", &self.latency);
        shown.field("passphrase", &self.passphrase.is_some()).field("key_length", &self.key_length);
        shown.field("timeout", &self.timeout).finish()
    }
}

/// Why nobody can be called so. It tells nothing of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSrtCall {
    /// The stream id cannot be said.
    #[error("bad streamid: want 1 to {MOST_STREAM_ID} bytes of text, with %-escapes for & and #")]
    StreamId,
    /// It is no time.
    #[error("bad latency: want 0 to {MOST_LATENCY} milliseconds")]
    Latency,
    /// It is too short or too long.
    #[error("bad passphrase: want 10 to 79 letters, with %-escapes for & and #")]
    Passphrase,
    /// There are no such keys.
    #[error("bad pbkeylen: want 16, 24 or 32, or 0 for what the server has")]
    KeyLength,
    /// To be called is not to fetch.
    #[error("bad mode: want caller, since who fetches calls")]
    Mode,
}

impl SrtCall {
    /// Takes what is for the caller out of a URL's query; the rest is for the stream. Of what is said twice the last counts.
    ///
    /// # Errors
    /// [`NoSrtCall`].
    pub(crate) fn take(query: &str) -> Result<(SrtCall, String), NoSrtCall> {
        let mut call = SrtCall::default();
        let mut of_receiver = None;
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "streamid" => call.stream_id = Some(stream_id(value).ok_or(NoSrtCall::StreamId)?),
                "latency" => call.latency = Some(latency(value)?),
                "rcvlatency" => of_receiver = Some(latency(value)?),
                "passphrase" => {
                    let text = percent_decode(value).and_then(|text| Passphrase::new(&text).ok());
                    call.passphrase = Some(text.ok_or(NoSrtCall::Passphrase)?);
                }
                "pbkeylen" => {
                    let length = value.parse().ok().and_then(KeyLength::new);
                    call.key_length = length.ok_or(NoSrtCall::KeyLength)?;
                }
                "mode" if matches!(value, "caller" | "client" | "") => {}
                "mode" => return Err(NoSrtCall::Mode),
                _ => rest.push(pair),
            }
        }
        call.latency = of_receiver.or(call.latency);
        Ok((call, rest.join("&")))
    }
}

fn stream_id(value: &str) -> Option<String> {
    let text = percent_decode(value)?;
    let is_good = (1..=MOST_STREAM_ID).contains(&text.len()) && !text.contains(char::is_control);
    is_good.then(|| text.into_owned())
}

fn latency(value: &str) -> Result<Duration, NoSrtCall> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let time = value.parse().ok().filter(|time| is_number && *time <= MOST_LATENCY);
    time.map(Duration::from_millis).ok_or(NoSrtCall::Latency)
}

#[cfg(test)]
mod tests;

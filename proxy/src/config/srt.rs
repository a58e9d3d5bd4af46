//! What SRT callers mean who do not say it.

use srs_boot::Expected;
use srs_boot::env::{Settings, Wrong};
use srs_srt::handshake::MOST_STREAM_ID;
use srs_srt::streamid::{Defaults, Mode, StreamId};

/// Reads `PROXY_SRT_DEFAULT_*`.
pub(super) fn defaults(settings: &Settings) -> Result<Defaults, Wrong> {
    let app = settings.read("PROXY_SRT_DEFAULT_APP", |text| {
        let is_name = !text.is_empty() && text.bytes().all(is_plain);
        is_name.then(|| text.to_owned()).ok_or(Expected("an app's name, such as live".into()))
    })?;
    let mode = settings.read("PROXY_SRT_DEFAULT_MODE", |text| {
        Mode::read(text).ok_or(Expected("request or publish".into()))
    })?;
    let defaults = Defaults { app, mode, stream_id: String::new() };
    let stream_id = settings.read("PROXY_SRT_DEFAULT_STREAMID", |text| {
        let names_a_stream = || {
            StreamId::parse(text, &defaults).is_ok_and(|id| text.len() <= MOST_STREAM_ID && id.key().is_ok())
        };
        let is_good = !text.is_empty() && names_a_stream();
        is_good
            .then(|| text.to_owned())
            .ok_or(Expected("a stream id, such as #!::r=live/livestream,m=request".into()))
    })?;
    Ok(Defaults { stream_id, ..defaults })
}

/// What stands in an app's name whatever the form of the stream id is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

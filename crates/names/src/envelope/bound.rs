//! What an envelope is bound to: the words of one request, so that whoever listens on the way can say nothing else with it.

use sha2::{Digest as _, Sha256};

use super::text::push_hex;

/// The digest of an RTMP session that `does` this (`publish` or `play`) with this stream, all as it is on the wire.
pub fn of_rtmp(does: &str, app: &str, tc_url: &str, stream: &str) -> String {
    of(&[b"rtmp", does.as_bytes(), app.as_bytes(), tc_url.as_bytes(), stream.as_bytes()])
}

/// The digest of an HTTP request: its method, and its path with the query.
pub fn of_http(method: &str, target: &str) -> String {
    of(&[b"http", method.as_bytes(), target.as_bytes()])
}

/// The digest of what an SRT caller asks for: its stream id without the envelope, in the form of pairs.
pub fn of_srt(stream_id: &str) -> String {
    of(&[b"srt", stream_id.as_bytes()])
}

/// The digest of what a request brings.
pub fn of_body(body: &[u8]) -> String {
    of(&[b"body", body])
}

/// Each part behind its length, so that no two requests read alike.
fn of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut text = String::with_capacity(64);
    push_hex(&hash.finalize(), &mut text);
    text
}

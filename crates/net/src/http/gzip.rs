//! Bodies in gzip: who takes it, and when it is worth it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, header};

/// Shorter texts are sent as they are: a packet is a packet.
const LEAST: usize = 256;

/// Whether the client can read gzip: `Accept-Encoding` names it, and not with a weight of zero. A part is asked for of the
/// plain body.
pub fn takes_gzip<T>(request: &Request<T>) -> bool {
    if request.headers().contains_key(header::RANGE) {
        return false;
    }
    let values = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let never =
            weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.', ' ']).is_empty());
        name.trim().eq_ignore_ascii_case("gzip") && !never
    })
}

/// A text in gzip; none where that is not worth it.
pub fn gzip(plain: &[u8]) -> Option<Bytes> {
    if plain.len() < LEAST {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests;

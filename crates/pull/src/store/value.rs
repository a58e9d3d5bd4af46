//! What stands in the store: names of keys, the record of who announces, and URLs.

use super::Owner;
use crate::plan::{HostPort, Scheme, SrtCall, Target, without_login};
use srs_names::{DEFAULT_VHOST, NodeId, StreamKey};
use std::fmt::Write as _;

/// Longest URL that is taken from the store, in bytes.
const MAX_URL: usize = 2048;
/// Longest record: an epoch, an instance, a node's id and a URL.
const MAX_RECORD: usize = 1024 + MAX_URL;
/// Digits of the greatest `u64`.
const DIGITS: usize = 20;
const VERSION: &str = "1";

/// The keys of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// The URL. Whoever knows where the stream is may write it.
    pub(super) value: String,
    /// Who of us wrote the URL. Both have one hash tag, so that a script may touch both.
    pub(super) record: String,
    /// OvenMediaEngine's, where the URL stands once more.
    pub(super) plain: String,
}

impl Names {
    pub(super) fn new(key: &StreamKey) -> Names {
        let value = format!("srs:map:{{{}}}", braceless(key.as_str()));
        let record = format!("{value}:owner");
        Names { value, record, plain: format!("{}/{}", key.app(), key.stream()) }
    }
}

/// Braces would break the tag by which a cluster places keys.
fn braceless(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '{' | '}' => {
                // A text takes all that is written to it.
                let _ = write!(out, "%{:02X}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

/// An epoch as it stands in the store: texts of this length compare like numbers, while the numbers of Redis's scripts are
/// floating-point and lose the last digits.
pub(super) fn digits(epoch: u64) -> String {
    format!("{epoch:020}")
}

/// Who announces, as the scripts compare it.
pub(super) fn who(instance: &str, node: &NodeId) -> String {
    format!("{instance} {node}")
}

/// The record: `1 EPOCH INSTANCE NODE`, and in the next line the URL that goes with it. Whoever writes another URL over
/// ours need not know of the record: it is void then.
pub(super) fn record(who: &str, epoch: u64, url: &str) -> String {
    format!("{VERSION} {} {who}\n{url}", digits(epoch))
}

/// The owner and the URL of a record; none for what is not of this version.
pub(super) fn read_record(bytes: &[u8]) -> Option<(Owner, &str)> {
    if bytes.len() > MAX_RECORD {
        return None;
    }
    let rest = std::str::from_utf8(bytes).ok()?.strip_prefix(VERSION)?.strip_prefix(' ')?;
    let (head, url) = rest.split_once('\n')?;
    let (epoch, who) = head.split_once(' ')?;
    let (instance, node) = who.split_once(' ')?;
    let is_whole = epoch.len() == DIGITS && epoch.bytes().all(|byte| byte.is_ascii_digit());
    let epoch = epoch.parse().ok().filter(|_| is_whole)?;
    Some((Owner { node: NodeId::new(node).ok()?, instance: instance.to_owned(), epoch }, url))
}

/// Where a stream of ours is to be had. Names may hold blanks, which a URL may not.
pub(super) fn url(origin: &HostPort, key: &StreamKey) -> String {
    format!("rtmp://{origin}{}", key.path().replace(' ', "%20"))
}

/// What the URL gets behind it under a key that does not name the vhost.
pub(super) fn vhost_of_plain(key: &StreamKey) -> String {
    if key.vhost() == DEFAULT_VHOST { String::new() } else { format!("?vhost={}", key.vhost()) }
}

/// What one of our own URLs means: the vhost stands in the key.
pub(super) fn own_target(url: &str, key: &StreamKey) -> Result<Target, String> {
    let target = target(url)?;
    Ok(Target { path: key.path().to_owned(), vhost: Some(key.vhost().to_owned()), ..target })
}

/// What a URL of whatever origin means.
pub(super) fn target(url: &str) -> Result<Target, String> {
    if url.len() > MAX_URL {
        return Err(format!("longer than {MAX_URL} bytes"));
    }
    if url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err("blanks or control characters".to_owned());
    }
    let (scheme, rest) = url.split_once("://").ok_or("no URL")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "rtmp" => Scheme::Rtmp,
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        "rtsp" => Scheme::Rtsp,
        "srt" => Scheme::Srt,
        "ovt" => return Err("ovt is not built yet".to_owned()),
        _ => return Err("the scheme is none of rtmp, http, https, rtsp, srt".to_owned()),
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match place.split_once('/') {
        // The stream may stand in the query, or be the only one.
        None if scheme == Scheme::Srt => (place, ""),
        parted => parted.ok_or("no path")?,
    };
    let (login, authority) = without_login(authority, scheme).map_err(|wrong| wrong.to_string())?;
    let HostPort { host, port } =
        HostPort::parse(authority, Some(scheme.port())).map_err(|wrong| match rest.contains('@') {
            // A login that is not spelt as one may stand there.
            true => "no host with a port".to_owned(),
            false => wrong.to_string(),
        })?;
    let levels = path.split('/').filter(|level| !level.is_empty()).count();
    match scheme {
        Scheme::Rtmp if levels < 2 => return Err("rtmp wants an app and a stream".to_owned()),
        Scheme::Http | Scheme::Https if !path.ends_with(".flv") => {
            return Err("over http comes FLV: the path ends in .flv".to_owned());
        }
        _ => {}
    }
    let (srt, query) = match scheme {
        Scheme::Srt => SrtCall::take(query).map_err(|wrong| wrong.to_string())?,
        _ => (SrtCall::default(), query.to_owned()),
    };
    Ok(Target { scheme, host, port, login, path: format!("/{path}"), query, vhost: None, srt })
}

#[cfg(test)]
mod tests;

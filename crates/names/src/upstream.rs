//! What streams are called at the servers that they are fetched from and passed on to.

use crate::DEFAULT_VHOST;
use crate::key::{parts, plain, split_host, split_query, trim};
use crate::text::percent_decode;

/// The vhost as which servers upstream are asked for the streams of `vhost`, where configuration says `said`: in that,
/// `[vhost]` stands for this one. None: whatever the server's own address stands for there.
pub fn upstream_vhost(said: &str, vhost: &str) -> Option<String> {
    let upstream = said.replace("[vhost]", vhost);
    (!upstream.is_empty() && upstream != DEFAULT_VHOST).then_some(upstream)
}

/// A query without what names a vhost. All else stays as it was said, what parts it too.
pub fn without_vhost(query: &str) -> String {
    const PARTING: [char; 3] = ['&', ';', ','];
    let names_vhost = |piece: &str| {
        let key = piece.trim_end_matches(PARTING).split('=').next().unwrap_or_default();
        percent_decode(key).is_some_and(|key| matches!(&*key, "vhost" | "domain"))
    };
    let kept: String = query.split_inclusive(PARTING).filter(|piece| !names_vhost(piece)).collect();
    kept.trim_end_matches(PARTING).to_owned()
}

/// What a publish says in RTMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtmpWords {
    /// `tcUrl` of the connect command.
    pub tc_url: String,
    /// `app` of the connect command.
    pub app: String,
    /// The stream's name with its query.
    pub stream: String,
}

impl RtmpWords {
    /// The same stream of the vhost that this host, with a port or without, stands for upstream. What else was said stays,
    /// where it was said.
    pub fn at(&self, host: &str) -> RtmpWords {
        let tc_url = plain(&self.tc_url).unwrap_or_default();
        let (_, rest) = split_host(&tc_url);
        // FMLE's `app?k=v/stream`, all of it in tcUrl.
        let (rest, name) = match rest.rsplit_once('/') {
            Some((head, name)) if trim(&self.stream).is_empty() && head.contains(['?', '#']) => {
                (head, Some(name))
            }
            _ => (rest, None),
        };
        let (path, query) = split_query(rest);
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut tc_url = format!("rtmp://{host}{slash}{path}");
        let query = without_vhost(query);
        match name {
            // Without a query the name is the last part of the path, or of nothing.
            Some(name) if query.is_empty() && parts(path).next().is_some() => {
                tc_url.push('/');
                tc_url.push_str(name);
            }
            Some(name) => tc_url.push_str(&format!("?{query}/{name}")),
            None if query.is_empty() => {}
            None => tc_url.push_str(&format!("?{query}")),
        }
        RtmpWords { tc_url, app: bare(&self.app), stream: bare(&self.stream) }
    }
}

/// A path and its query without what names a vhost.
fn bare(spelling: &str) -> String {
    let Ok(text) = plain(spelling) else { return spelling.to_owned() };
    let (path, query) = split_query(&text);
    let query = without_vhost(query);
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests;

//! Where a stream is: `rtmp://HOST[:PORT]/APP/STREAM[?QUERY]`, `srt://` with the same behind it, or
//! `http://HOST[:PORT]/APP/STREAM.flv[?QUERY]`, also with `.ts` or `.m3u8`. Over WebRTC it is where sessions are made:
//! `http://HOST[:PORT]/rtc/v1/whip/?app=APP&stream=STREAM` to publish, the same with `whep` to play.

use std::fmt;
use std::str::FromStr;

/// What can be watched over HTTP.
const EXTENSIONS: [&str; 3] = [".flv", ".ts", ".m3u8"];

/// By which protocol a stream is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Rtmp,
    Http,
    Srt,
    /// WebRTC, to publish.
    Whip,
    /// WebRTC, to play.
    Whep,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Scheme::Rtmp => "rtmp",
            Scheme::Http | Scheme::Whip | Scheme::Whep => "http",
            Scheme::Srt => "srt",
        }
    }

    /// The port where none is written.
    fn port(self) -> u16 {
        match self {
            Scheme::Rtmp => 1935,
            Scheme::Http | Scheme::Whip | Scheme::Whep => 80,
            Scheme::Srt => 10080,
        }
    }
}

/// The parts of a stream's address. An app may have several levels; the last part of the path is the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// By which protocol it is had.
    pub scheme: Scheme,
    /// Host and port as written; what a `Host` header and `tcUrl` say.
    authority: String,
    /// Without slashes around it.
    pub app: String,
    /// With its query; over HTTP with its extension; over WebRTC the query alone.
    pub stream: String,
}

impl Address {
    /// `host:port` to be dialled.
    pub fn target(&self) -> String {
        // A colon inside brackets belongs to an IPv6 address.
        let port = self.authority.rsplit(']').next().unwrap_or_default().contains(':');
        if port { self.authority.clone() } else { format!("{}:{}", self.authority, self.scheme.port()) }
    }

    /// Host, and port where one was written.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the path has this extension.
    pub fn is(&self, extension: &str) -> bool {
        self.scheme == Scheme::Http
            && self.stream.split('?').next().is_some_and(|name| name.ends_with(extension))
    }

    /// What a list at this address names: a path from the server's root, or from its own folder.
    pub fn beside(&self, uri: &str) -> Address {
        let rooted = uri
            .strip_prefix('/')
            .map(|path| path.split_once('?').map_or((path, ""), |(path, query)| (path, query)));
        match rooted.and_then(|(path, query)| Some((path.rsplit_once('/')?, query))) {
            Some(((app, name), query)) => {
                let stream = if query.is_empty() { name.to_owned() } else { format!("{name}?{query}") };
                Address { app: app.to_owned(), stream, ..self.clone() }
            }
            None => Address { stream: uri.to_owned(), ..self.clone() },
        }
    }

    /// The URL of the app, which RTMP calls `tcUrl`.
    pub fn tc_url(&self) -> String {
        format!("rtmp://{}/{}", self.authority, self.app)
    }

    /// The stream id by which SRT asks for it.
    pub fn stream_id(&self) -> String {
        format!("#!::r={}/{},m=request", self.app, self.stream)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.name();
        // What follows the name may be a secret.
        let (name, query) = self.stream.split_once('?').unwrap_or((&self.stream, ""));
        write!(f, "{scheme}://{}/{}/{name}", self.authority, self.app)?;
        if !matches!(self.scheme, Scheme::Whip | Scheme::Whep) {
            return Ok(());
        }
        let named = ["vhost", "app", "stream"]
            .iter()
            .filter_map(|key| query.split('&').find(|pair| names(pair, key)));
        named
            .zip(std::iter::once('?').chain(std::iter::repeat('&')))
            .try_for_each(|(pair, mark)| write!(f, "{mark}{pair}"))
    }
}

/// Whether a part of a query gives `key` a value.
fn names(pair: &str, key: &str) -> bool {
    pair.split_once('=').is_some_and(|(name, value)| name == key && !value.is_empty())
}

/// What a path of HTTP is when it makes sessions of WebRTC.
fn session(path: &str) -> Option<Scheme> {
    match path.trim_end_matches('/') {
        "rtc/v1/whip" => Some(Scheme::Whip),
        "rtc/v1/whep" => Some(Scheme::Whep),
        _ => None,
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text}: expected rtmp://HOST[:PORT]/APP/STREAM, srt:// the same, http://HOST[:PORT]/APP/STREAM.flv \
                 (.ts, .m3u8), or http://HOST[:PORT]/rtc/v1/whep/?app=APP&stream=STREAM (whip)"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let schemes = [Scheme::Rtmp, Scheme::Http, Scheme::Srt];
        let scheme = schemes.into_iter().find(|known| known.name() == scheme).ok_or_else(wrong)?;
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let (authority, path) = path.split_once('/').ok_or_else(wrong)?;
        if let Some(scheme) = session(path).filter(|_| scheme == Scheme::Http) {
            let query = query.unwrap_or_default();
            if authority.is_empty() || !query.split('&').any(|pair| names(pair, "stream")) {
                return Err(wrong());
            }
            let app = path.trim_end_matches('/').to_owned();
            return Ok(Self { scheme, authority: authority.to_owned(), app, stream: format!("?{query}") });
        }
        let (app, name) = path.rsplit_once('/').ok_or_else(wrong)?;
        if authority.is_empty()
            || app.is_empty()
            || name.is_empty()
            || (scheme == Scheme::Http && !EXTENSIONS.iter().any(|known| name.ends_with(known)))
        {
            return Err(wrong());
        }
        let stream = query.map_or_else(|| name.to_owned(), |query| format!("{name}?{query}"));
        Ok(Self { scheme, authority: authority.to_owned(), app: app.to_owned(), stream })
    }
}

#[cfg(test)]
mod tests;

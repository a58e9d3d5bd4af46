//! Where a stream is: `rtmp://HOST[:PORT]/APP/STREAM[?QUERY]` or `http://HOST[:PORT]/APP/STREAM.flv[?QUERY]`,
//! or the same with `.ts` or `.m3u8`.

use std::fmt;
use std::str::FromStr;

/// What can be watched over HTTP.
const EXTENSIONS: [&str; 3] = [".flv", ".ts", ".m3u8"];

/// The parts of a stream's address. An app may have several levels; the last part of the path is the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// HTTP, else RTMP.
    pub http: bool,
    /// Host and port as written; what a `Host` header and `tcUrl` say.
    authority: String,
    /// Without slashes around it.
    pub app: String,
    /// With its query; over HTTP with its extension.
    pub stream: String,
}

impl Address {
    /// `host:port` to be dialled.
    pub fn target(&self) -> String {
        // A colon inside brackets belongs to an IPv6 address.
        let port = self.authority.rsplit(']').next().unwrap_or_default().contains(':');
        match (port, self.http) {
            (true, _) => self.authority.clone(),
            (false, true) => format!("{}:80", self.authority),
            (false, false) => format!("{}:1935", self.authority),
        }
    }

    /// Host, and port where one was written.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the path has this extension.
    pub fn is(&self, extension: &str) -> bool {
        self.http && self.stream.split('?').next().is_some_and(|name| name.ends_with(extension))
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
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.http { "http" } else { "rtmp" };
        // What follows the name may be a secret.
        let name = self.stream.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}/{}/{name}", self.authority, self.app)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text}: expected rtmp://HOST[:PORT]/APP/STREAM or http://HOST[:PORT]/APP/STREAM.flv (.ts, .m3u8)"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let http = match scheme {
            "rtmp" => false,
            "http" => true,
            _ => return Err(wrong()),
        };
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let (authority, path) = path.split_once('/').ok_or_else(wrong)?;
        let (app, name) = path.rsplit_once('/').ok_or_else(wrong)?;
        if authority.is_empty()
            || app.is_empty()
            || name.is_empty()
            || (http && !EXTENSIONS.iter().any(|known| name.ends_with(known)))
        {
            return Err(wrong());
        }
        let stream = query.map_or_else(|| name.to_owned(), |query| format!("{name}?{query}"));
        Ok(Self { http, authority: authority.to_owned(), app: app.to_owned(), stream })
    }
}

#[cfg(test)]
mod tests;

//! A rule's URLs, and how text is spelt in one.

use std::fmt::Write as _;

use crate::plan::{HostPort, NoLogin, NoSrtCall, Scheme, SrtCall, Target, masked, without_login};

/// Longer than any that is written by hand; what a viewer says comes on top.
const MOST_URL: usize = 2048;

/// What is wrong with a rule. URLs are shown without what may be a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// No request can match it.
    #[error("bad location {0:?}: want a path that begins with /, such as /app/ or /app/stream")]
    Location(String),
    /// It says nothing of where to fetch from.
    #[error("the rule for {0} has no urls: want host:port/path, one or more")]
    NoUrls(String),
    /// More URLs than are tried.
    #[error("the rule for {0} has more than {1} urls")]
    ManyUrls(String, usize),
    /// A protocol that nothing is fetched by.
    #[error("unknown scheme {0:?}: want rtmp, http, https, rtsp, srt or ovt")]
    Scheme(String),
    /// A URL with a scheme of its own.
    #[error("the url {url:?} is not for the scheme {scheme}: leave its scheme away, or say the same")]
    OtherScheme {
        /// The URL.
        url: String,
        /// The rule's scheme.
        scheme: &'static str,
    },
    /// Nothing stands before the port or the path.
    #[error("no host in the url {0:?}: want host:port/path")]
    NoHost(String),
    /// It is neither a name nor an address.
    #[error("bad host in the url {0:?}: want a name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// It is no number from 1 to 65535.
    #[error("bad port in the url {0:?}: want 1 to 65535")]
    Port(String),
    /// Its login cannot be used.
    #[error("the url {url:?}: {why}")]
    Login {
        /// The URL without it.
        url: String,
        /// What is wrong with it.
        why: NoLogin,
    },
    /// Nobody can be called so.
    #[error("the url {url:?}: {why}")]
    Srt {
        /// The URL without what may be a secret.
        url: String,
        /// What is wrong with it.
        why: NoSrtCall,
    },
    /// Blanks, a fragment, or too much of it.
    #[error("bad url {0:?}: want at most 2048 characters without blanks and without #")]
    Spelling(String),
}

/// Reads a scheme in any case.
///
/// # Errors
/// [`MapError::Scheme`].
pub(crate) fn scheme(text: &str) -> Result<Scheme, MapError> {
    match text.to_ascii_lowercase().as_str() {
        "rtmp" => Ok(Scheme::Rtmp),
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        // OvenMediaEngine's other name for its RTSP client.
        "rtsp" | "rtspc" => Ok(Scheme::Rtsp),
        "srt" => Ok(Scheme::Srt),
        "ovt" => Ok(Scheme::Ovt),
        _ => Err(MapError::Scheme(text.to_owned())),
    }
}

/// Reads `[user:password@]host[:port][/path][?query]`, with the scheme before it or not. The path always begins with `/`.
///
/// # Errors
/// [`MapError`].
pub(super) fn target(text: &str, scheme: Scheme) -> Result<Target, MapError> {
    if text.len() > MOST_URL || text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
        return Err(MapError::Spelling(masked(text).chars().take(MOST_URL).collect()));
    }
    let rest = without_scheme(text, scheme)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (login, authority) =
        without_login(authority, scheme).map_err(|why| MapError::Login { url: masked(text), why })?;
    let HostPort { host, port } = server(text, authority, scheme)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = if path.is_empty() { "/" } else { path };
    let (srt, query) = match scheme {
        Scheme::Srt => SrtCall::take(query).map_err(|why| MapError::Srt { url: masked(text), why })?,
        _ => (SrtCall::default(), query.to_owned()),
    };
    Ok(Target {
        scheme,
        host,
        port,
        login,
        path: spelt(path, scheme, Spot::Written),
        query: spelt(&query, scheme, Spot::Query),
        vhost: None,
        srt,
    })
}

/// A `://` behind the path or in the query belongs there.
fn without_scheme(text: &str, wanted: Scheme) -> Result<&str, MapError> {
    match text.split_once("://") {
        Some((said, rest)) if !said.contains(['/', '?']) => {
            let is_same = scheme(said).is_ok_and(|said| said == wanted);
            let other = || MapError::OtherScheme { url: masked(text), scheme: wanted.name() };
            if is_same { Ok(rest) } else { Err(other()) }
        }
        _ => Ok(text),
    }
}

fn server(url: &str, authority: &str, scheme: Scheme) -> Result<HostPort, MapError> {
    let bracket = authority.rfind(']');
    let port = authority.rfind(':').filter(|colon| Some(*colon) > bracket);
    let (host, port) = match port {
        Some(colon) => authority.split_at_checked(colon).unwrap_or((authority, "")),
        None => (authority, ""),
    };
    if host.is_empty() {
        return Err(MapError::NoHost(masked(url)));
    }
    // Without brackets nobody knows where the address ends.
    if !host.starts_with('[') && host.contains(':') {
        return Err(MapError::Host(masked(url)));
    }
    let is_port = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port != 0)
    };
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Err(MapError::Port(masked(url)));
    }
    HostPort::parse(authority, Some(scheme.port())).map_err(|_| MapError::Host(masked(url)))
}

/// Where a text goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A path as the configuration has it: escapes are meant.
    Written,
    /// A path made of names, which have none.
    Path,
    /// Behind the `?`, as the viewer or the configuration spelt it.
    Query,
}

/// Text as it stands in a URL of this scheme (RFC 3986 3.3, 3.4). RTMP has no escapes: names and parameters travel as they are.
/// Elsewhere nothing that a viewer says may end a line of the request.
pub(crate) fn spelt(text: &str, scheme: Scheme, spot: Spot) -> String {
    if matches!(scheme, Scheme::Rtmp) {
        return text.to_owned();
    }
    let is_plain = |byte: u8| match byte {
        b'%' => spot != Spot::Path,
        b'?' => spot == Spot::Query,
        _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte),
    };
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

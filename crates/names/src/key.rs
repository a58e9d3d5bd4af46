//! The stream key: one name per stream, whatever protocol spelled it.
//!
//! All spellings end in one resolver, so they agree or are refused alike: path parts are split at
//! `/` before escapes are decoded (an escaped slash is a refused character, never a separator), empty
//! parts and `_definst_` vanish, the last part is the stream and the rest is the app.

use crate::text::{check, percent_decode};
use crate::{Flaw, NameError, Params, Part, host};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The vhost of connections whose host is an address, a name without a dot, or missing.
pub const DEFAULT_VHOST: &str = "__defaultVhost__";
/// The app of a stream that was named without one.
pub const DEFAULT_APP: &str = "__defaultApp__";

/// Each of vhost, app and stream: what a file system takes as one name with room for a suffix.
const MAX_PART: usize = 256;
/// The key as a whole: keys are held by directories, beats and logs of every node.
const MAX_KEY: usize = 512;
/// A spelling before decoding: three bytes for each that may remain, and a query of the largest size.
const MAX_SPELLING: usize = 3 * MAX_KEY + 10 * 1024;
/// FMLE's name for "the app itself", which Flash-era encoders put behind the app.
const DEFAULT_INSTANCE: &str = "_definst_";

/// The name of a stream: `vhost/app/stream`. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamKey(Arc<str>);

impl StreamKey {
    /// Puts a key together from parts that are already decoded. `app` may have several levels.
    pub fn new(vhost: &str, app: &str, stream: &str) -> Result<Self, NameError> {
        check(Part::Vhost, vhost, MAX_PART)?;
        if app.len() > MAX_PART {
            return Err(NameError::new(Part::App, Flaw::TooLong(MAX_PART)));
        }
        for level in app.split('/') {
            check(Part::App, level, MAX_PART)?;
        }
        check(Part::Stream, stream, MAX_PART)?;
        let text = format!("{vhost}/{app}/{stream}");
        if text.len() > MAX_KEY {
            return Err(NameError::new(Part::Whole, Flaw::TooLong(MAX_KEY)));
        }
        Ok(Self(text.into()))
    }

    /// The name in RTMP: `tcUrl` and `app` of the connect command, and the stream name of publish or
    /// play. As in SRS the path of `tc_url` counts; that of `app` only where `tc_url` has none.
    /// Parameters are gathered from all three, the stream's first. Without a stream name the last
    /// part of an app of several levels is the stream; an app of one level alone is refused.
    pub fn from_rtmp(tc_url: &str, app: &str, stream: &str) -> Result<(Self, Params), NameError> {
        let [tc_url, app, stream] = [plain(tc_url)?, plain(app)?, plain(stream)?];
        let (host, tc_rest) = split_host(&tc_url);
        let (mut tc_path, mut tc_query) = split_query(tc_rest);
        let (app_path, app_query) = split_query(&app);
        let (mut name, name_query) = split_query(&stream);
        if trim(name).is_empty() {
            // FMLE's `app?k=v/stream`, all of it in tcUrl.
            if let Some((query, last)) = tc_query.rsplit_once('/') {
                (tc_query, name) = (query, last);
            } else if parts(tc_path).count() < 2 && parts(app_path).count() < 2 {
                return Err(NameError::new(Part::Stream, Flaw::Empty));
            }
        }
        if parts(tc_path).next().is_none() {
            tc_path = app_path;
        }
        let mut params = Params::default();
        for query in [name_query, tc_query, app_query] {
            params.merge(query.strip_suffix(DEFAULT_INSTANCE_PATH).unwrap_or(query))?;
        }
        let (key, _) = resolve(host, parts(tc_path).chain(parts(name)), &params, false)?;
        Ok((key, params))
    }

    /// The name in a whole URL whose last path part is the stream, as `webrtc://host/app/stream?k=v`
    /// of SRS's older WebRTC API and as players are given it for RTMP.
    pub fn from_url(url: &str) -> Result<(Self, Params), NameError> {
        let url = plain(url)?;
        let (host, rest) = split_host(&url);
        let (path, query) = split_query(rest);
        Self::from_path(host, path, Some(query))
    }

    /// The name as host and path without an extension, as SRT's `h=` and `r=` say it. `path` must
    /// not hold a query.
    pub fn from_path(
        host: Option<&str>,
        path: &str,
        query: Option<&str>,
    ) -> Result<(Self, Params), NameError> {
        let path = plain(path)?;
        let params = Params::parse(query.unwrap_or_default())?;
        let (key, _) = resolve(host, parts(&path), &params, false)?;
        Ok((key, params))
    }

    /// The name in an HTTP request: the `Host` header with or without its port, and the request
    /// target's path and query. The last `.ext` of the path is no part of the name. Below
    /// `/rtc/v1/` (WHIP, WHEP) the path is an endpoint, and `?app=` and `?stream=` are the name, `live`
    /// and `livestream` where they are not said.
    pub fn from_http(
        host: Option<&str>,
        path: &str,
        query: Option<&str>,
    ) -> Result<(Self, Extension, Params), NameError> {
        let path = plain(path)?;
        let (path, inner_query) = split_query(&path);
        let mut params = Params::parse(query.unwrap_or_default())?;
        params.merge(inner_query)?;
        if path.starts_with("/rtc/v1/") {
            // As in SRS what is not said is `live/livestream`.
            let app = params.get("app").unwrap_or("live");
            let stream = params.get("stream").unwrap_or("livestream");
            let vhost = vhost(host, &params);
            let (app, stream) = (clean_path(app), trim(stream));
            return Ok((Self::new(&vhost, &app, stream)?, Extension::default(), params));
        }
        let (key, extension) = resolve(host, parts(path), &params, true)?;
        Ok((key, extension, params))
    }

    /// The same stream in another vhost: for origins that serve hosts they were not told of in
    /// their default vhost.
    pub fn with_vhost(&self, vhost: &str) -> Result<Self, NameError> {
        Self::new(vhost, self.app(), self.stream())
    }

    /// The virtual host, lower case; [`DEFAULT_VHOST`] when the client named none.
    pub fn vhost(&self) -> &str {
        self.0.split_once('/').map_or("", |(vhost, _)| vhost)
    }

    /// The app, one or more levels separated by `/`.
    pub fn app(&self) -> &str {
        let rest = self.0.split_once('/').map_or("", |(_, rest)| rest);
        rest.rsplit_once('/').map_or("", |(app, _)| app)
    }

    /// The last path part, without any extension that the protocol adds.
    pub fn stream(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, stream)| stream)
    }

    /// `vhost/app/stream`, which is what `Display` prints.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `/app/stream`, as SRS's API and hooks show a stream.
    pub fn path(&self) -> &str {
        self.0.find('/').and_then(|at| self.0.get(at..)).unwrap_or_default()
    }
}

/// What stood behind the last dot of an HTTP path, lower case: `flv`, `ts`, `m3u8`; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension(String);

impl Extension {
    /// Without the dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the extension off a path part. What is not up to [`MAX_EXTENSION`] ASCII letters and
    /// digits is no extension but the end of a name with a dot in it.
    fn take(name: &str) -> (&str, Self) {
        match name.rsplit_once('.') {
            Some((stem, ext))
                if (1..=MAX_EXTENSION).contains(&ext.len())
                    && ext.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
            {
                (stem, Self(ext.to_ascii_lowercase()))
            }
            _ => (name, Self::default()),
        }
    }
}

/// `m3u8` is the longest that media has; a little more for what comes.
const MAX_EXTENSION: usize = 8;
const DEFAULT_INSTANCE_PATH: &str = "/_definst_";

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl FromStr for StreamKey {
    type Err = NameError;

    /// Reads what `Display` printed.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (vhost, rest) = text.split_once('/').ok_or(NameError::new(Part::App, Flaw::Empty))?;
        let (app, stream) = rest.rsplit_once('/').ok_or(NameError::new(Part::Stream, Flaw::Empty))?;
        Self::new(vhost, app, stream)
    }
}

impl TryFrom<String> for StreamKey {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<StreamKey> for String {
    fn from(key: StreamKey) -> Self {
        key.as_str().to_owned()
    }
}

/// Bounds a spelling, drops blanks around it and writes the old `app...vhost...X` as the parameter it stands for.
pub(crate) fn plain(spelling: &str) -> Result<String, NameError> {
    if spelling.len() > MAX_SPELLING {
        return Err(NameError::new(Part::Whole, Flaw::TooLong(MAX_SPELLING)));
    }
    Ok(trim(spelling).replace("...vhost...", "?vhost=").replace("...domain...", "?domain="))
}

/// `scheme://host/rest`; without a scheme everything is path.
pub(crate) fn split_host(url: &str) -> (Option<&str>, &str) {
    let Some((_, rest)) = url.split_once("://") else {
        return (None, url);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (Some(host), rest)
}

/// Path and query; SRS lets `#` open a query too.
pub(crate) fn split_query(text: &str) -> (&str, &str) {
    text.split_once(['?', '#']).unwrap_or((text, ""))
}

/// Pasted keys come with blanks and line ends around them.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

pub(crate) fn parts(path: &str) -> impl Iterator<Item = &str> + Clone {
    path.split('/').filter(|part| !trim(part).is_empty() && *part != DEFAULT_INSTANCE)
}

/// A path from a decoded parameter, in the form that [`resolve`] gives to one from a URL.
fn clean_path(path: &str) -> String {
    let clean = parts(path).map(trim).collect::<Vec<_>>().join("/");
    if clean.is_empty() { DEFAULT_APP.to_owned() } else { clean }
}

fn vhost(host: Option<&str>, params: &Params) -> String {
    // SRS reads `domain` only where `vhost` is absent; one that names the default vhost counts as said.
    let asked = params.get("vhost").filter(|value| !value.is_empty()).or_else(|| params.get("domain"));
    asked.and_then(host::of_parameter).unwrap_or_else(|| host::of_connection(host))
}

/// Where all spellings meet. `parts` are raw: escapes are decoded here, once.
fn resolve<'a>(
    host: Option<&str>,
    parts: impl Iterator<Item = &'a str>,
    params: &Params,
    has_extension: bool,
) -> Result<(StreamKey, Extension), NameError> {
    let mut app = String::new();
    let mut last: Option<String> = None;
    for part in parts {
        let part = percent_decode(part).ok_or(NameError::new(Part::Whole, Flaw::NotUtf8))?;
        if let Some(level) = last.replace(trim(&part).to_owned()) {
            // Checked before joining: an escaped slash must not become a further level.
            check(Part::App, &level, MAX_PART)?;
            if !app.is_empty() {
                app.push('/');
            }
            app.push_str(&level);
        }
    }
    let last = last.ok_or(NameError::new(Part::Stream, Flaw::Empty))?;
    let (stream, extension) =
        if has_extension { Extension::take(&last) } else { (last.as_str(), Extension::default()) };
    if app.is_empty() {
        DEFAULT_APP.clone_into(&mut app);
    }
    Ok((StreamKey::new(&vhost(host, params), &app, stream)?, extension))
}

#[cfg(test)]
mod tests;

//! What a request below `/rtc/` asks for.

use http::request::Parts;
use http::{Method, header};
use serde_json::Value;
use srs_names::{NameError, StreamKey};

/// How a session is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The body is the SDP: WHIP (RFC 9725) and WHEP.
    Sdp,
    /// The SDP is a field of a JSON object: SRS's older API.
    Json,
}

/// Where sessions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Whether the client sends media.
    pub(super) is_publish: bool,
    pub(super) shape: Shape,
}

impl Endpoint {
    /// The one at this path.
    pub(super) fn at(path: &str) -> Option<Endpoint> {
        let (is_publish, shape) = match path.strip_suffix('/').unwrap_or(path) {
            "/rtc/v1/whip" => (true, Shape::Sdp),
            "/rtc/v1/whep" | "/rtc/v1/whip-play" => (false, Shape::Sdp),
            "/rtc/v1/publish" => (true, Shape::Json),
            "/rtc/v1/play" => (false, Shape::Json),
            _ => return None,
        };
        Some(Endpoint { is_publish, shape })
    }

    /// What a session of it is called in the log.
    pub(super) fn what(self) -> &'static str {
        match (self.is_publish, self.shape) {
            (true, Shape::Sdp) => "whip publish",
            (false, Shape::Sdp) => "whep play",
            (true, Shape::Json) => "webrtc publish",
            (false, Shape::Json) => "webrtc play",
        }
    }
}

/// Why it is not known which stream is meant.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unnamed {
    #[error("bad stream name: {0}")]
    Name(#[from] NameError),
    #[error("the body is no JSON object with a streamurl")]
    Body,
}

/// The stream that a request at this endpoint names.
pub(super) fn stream(endpoint: Endpoint, parts: &Parts, body: &[u8]) -> Result<StreamKey, Unnamed> {
    match endpoint.shape {
        Shape::Sdp => {
            let uri = &parts.uri;
            let query = with_defaults(uri.query().unwrap_or_default());
            Ok(StreamKey::from_http(host(parts), uri.path(), Some(&query))?.0)
        }
        Shape::Json => {
            let told: Value = serde_json::from_slice(body).map_err(|_| Unnamed::Body)?;
            let url = told.get("streamurl").and_then(Value::as_str).ok_or(Unnamed::Body)?;
            Ok(StreamKey::from_url(url)?.0)
        }
    }
}

/// To whom the client speaks, as it says.
pub(super) fn host(parts: &Parts) -> Option<&str> {
    let said = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    said.or_else(|| parts.uri.authority().map(|authority| authority.as_str()))
}

/// As SRS has it: who names no app means `live`, and who names no stream `livestream`.
fn with_defaults(query: &str) -> String {
    let has = |wanted: &str| {
        query.split('&').any(|pair| pair.split_once('=').is_some_and(|(k, v)| k == wanted && !v.is_empty()))
    };
    let mut query = query.to_owned();
    for (name, default) in [("app", "live"), ("stream", "livestream")] {
        if !has(name) {
            let empty = format!("{name}=");
            let pairs = query.split('&').filter(|pair| *pair != name && *pair != empty && !pair.is_empty());
            let own = format!("{name}={default}");
            query = pairs.chain([own.as_str()]).collect::<Vec<_>>().join("&");
        }
    }
    query
}

/// Whether a request of this method at an endpoint is one for a session, where it brings the token of one.
pub(super) fn is_of_session(method: &Method) -> bool {
    matches!(*method, Method::DELETE | Method::PATCH | Method::GET | Method::HEAD | Method::PUT)
}

/// What of a query is said to a session and is no part of its address: which layer of simulcast viewers are to get.
pub(super) fn wish(query: &str) -> Option<&str> {
    query.split('&').find(|pair| pair.split('=').next() == Some("layer"))
}

#[cfg(test)]
mod tests;

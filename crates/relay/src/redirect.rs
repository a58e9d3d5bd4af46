//! Players that come over HTTP, sent to an edge by `302 Found`: this proxy then carries none of their media.

use http::{HeaderValue, Method, Request, StatusCode, header};
use srs_names::envelope::HTTP_HEADER;
use srs_names::{DEFAULT_VHOST, Params, StreamKey};
use srs_net::http::Answer;

use crate::Relay;

impl Relay {
    /// The answer that sends the player of this stream to an edge; none where it is to be served here: it is no player, there
    /// is no edge, or players are not sent away. A `live` one is expected there from now on; others ask again and again.
    pub(crate) fn redirect(&self, request: &Request<()>, live: bool) -> Option<Answer> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        // An edge that was sent to an edge would fetch from itself.
        if !self.redirects || !is_read || request.headers().contains_key(HTTP_HEADER) {
            return None;
        }
        let uri = request.uri();
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let (asked, _, params) = StreamKey::from_http(host, uri.path(), uri.query()).ok()?;
        let with_vhost = named_vhost(&asked, &params, uri.query())?;
        let (key, now) = (self.balancer.home(asked), self.now());
        let edge = if live { self.balancer.send(&key, &[], now) } else { self.balancer.edge(&key, &[], now) };
        let edge = edge?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let place = format!("http://{}{target}{with_vhost}", edge.endpoint("http")?);
        let mut answer = Answer::text(StatusCode::FOUND, "the stream is served elsewhere");
        answer.headers.insert(header::LOCATION, HeaderValue::from_str(&place).ok()?);
        answer.headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        Some(answer)
    }
}

/// What the query needs at its end, as the player will give the edge's address for a host; none where a vhost cannot be
/// told so.
fn named_vhost(key: &StreamKey, params: &Params, query: Option<&str>) -> Option<String> {
    let is_told =
        ["vhost", "domain"].iter().any(|name| params.get(name).is_some_and(|told| !told.is_empty()));
    if is_told || key.vhost() == DEFAULT_VHOST {
        return Some(String::new());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let mark = if query.is_some() { '&' } else { '?' };
    key.vhost().bytes().all(is_plain).then(|| format!("{mark}vhost={}", key.vhost()))
}

#[cfg(test)]
mod tests;

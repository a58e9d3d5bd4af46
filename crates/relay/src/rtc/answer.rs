//! A node's answer, as the client is to have it: with the proxy's addresses in the place of the node's.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;
use srs_rtc::engine::Credentials;
use srs_rtc::sdp::{Candidate, Description, Fragment};

use super::ask::Told;
use super::asked::Shape;

/// The type of a fragment of an SDP, RFC 8840 section 9.
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// The addresses that clients are told.
pub(super) fn candidates(shown: &[SocketAddr], has_tcp: bool) -> Vec<Candidate> {
    let over = |tcp: bool| {
        let indexed = (0..).zip(shown);
        indexed.map(move |(index, address)| Candidate::host(*address, tcp, index))
    };
    let tcp = over(true).filter(|_| has_tcp);
    over(false).chain(tcp).collect()
}

/// What a node says of a session that it has taken.
#[derive(Debug)]
pub(super) struct Taken {
    /// The node's side of ICE.
    pub(super) credentials: Credentials,
    /// The body with these addresses.
    pub(super) body: Bytes,
}

/// Reads an answer by which a node takes a session; none for every other.
pub(super) fn taken(told: &Told, shape: Shape, candidates: &[Candidate]) -> Option<Taken> {
    if !told.status.is_success() {
        return None;
    }
    let body = std::str::from_utf8(&told.body).ok()?;
    match shape {
        Shape::Sdp => {
            let (sdp, credentials) = with_candidates(body, candidates)?;
            Some(Taken { credentials, body: sdp.into() })
        }
        Shape::Json => {
            let mut object: Value = serde_json::from_str(body).ok()?;
            if object.get("code").and_then(Value::as_i64) != Some(0) {
                return None;
            }
            let (sdp, credentials) = with_candidates(object.get("sdp")?.as_str()?, candidates)?;
            *object.get_mut("sdp")? = sdp.into();
            Some(Taken { credentials, body: object.to_string().into() })
        }
    }
}

fn with_candidates(sdp: &str, candidates: &[Candidate]) -> Option<(String, Credentials)> {
    let mut description = Description::parse(sdp).ok()?;
    let credentials = description.credentials()?;
    description.set_candidates(candidates);
    Some((description.to_string(), credentials))
}

/// An answer about a session that runs: where it is a fragment that names addresses, or a whole description, these are put
/// in their place. With it the node's side of ICE, where it is said.
pub(super) fn of_session(told: &Told, candidates: &[Candidate]) -> (Bytes, Option<Credentials>) {
    let as_it_is = || (told.body.clone(), None);
    let kind = told.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let Ok(body) = std::str::from_utf8(&told.body) else { return as_it_is() };
    if !told.status.is_success() {
        return as_it_is();
    }
    if kind.eq_ignore_ascii_case(FRAGMENT) {
        let Ok(mut fragment) = Fragment::parse(body) else { return as_it_is() };
        if !fragment.candidates().is_empty() {
            fragment.set_candidates(candidates);
        }
        (fragment.to_string().into(), fragment.credentials())
    } else if kind.eq_ignore_ascii_case("application/sdp") {
        with_candidates(body, candidates)
            .map_or_else(as_it_is, |(sdp, credentials)| (sdp.into(), Some(credentials)))
    } else {
        as_it_is()
    }
}

/// A line of plain text, for any page.
pub(super) fn refusal(status: StatusCode, words: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("{words}\n")));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    open(response)
}

/// SRS's answer to a request of its older API that is not served.
pub(super) fn refusal_in_json(status: StatusCode, words: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "code": status.as_u16(), "msg": words }).to_string();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    open(response)
}

/// Pages of other sites may read it, as SRS has it, and what WHIP says in its fields.
pub(super) fn open(mut response: Response<Bytes>) -> Response<Bytes> {
    let all = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Location, ETag, Link, Accept-Patch, Retry-After, WWW-Authenticate",
        ),
    ];
    let headers = response.headers_mut();
    for (name, value) in all {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// To a browser that asks whether a page may ask, and to a client that asks what is taken here.
pub(super) fn options(is_session: bool) -> Response<Bytes> {
    const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
    const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let taken = if is_session { (ACCEPT_PATCH, FRAGMENT) } else { (ACCEPT_POST, "application/sdp") };
    let all = [
        taken,
        (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, GET, POST, PATCH, DELETE"),
        // Not all browsers take `*` for `Authorization`.
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match, If-None-Match, *"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    for (name, value) in all {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    open(response)
}

#[cfg(test)]
mod tests;

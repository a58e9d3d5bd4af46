//! A session as its client speaks of it: by the address that it was told.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use srs_names::{Params, StreamKey};
use srs_rtc::sdp::Fragment;

use super::Webrtc;
use super::answer::{self, FRAGMENT, No};
use super::sessions::{Resource, Told};
use crate::Gateway;

/// A session's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    app: String,
    stream: String,
    pub(super) session: String,
    pub(super) token: String,
    /// It is as it was told to the client.
    pub(super) is_told: bool,
}

impl Named {
    pub(super) fn new(key: &StreamKey, session: String, token: String) -> Named {
        Named { app: key.app().to_owned(), stream: key.stream().to_owned(), session, token, is_told: true }
    }

    /// What a request's query says of a session; none when it speaks of none.
    pub(super) fn of(query: &str) -> Option<Named> {
        let params = Params::parse(query).ok()?;
        let get = |name| params.get(name).map(str::to_owned);
        Some(Named {
            app: get("app").unwrap_or_default(),
            stream: get("stream").unwrap_or_default(),
            session: get("session")?,
            token: get("token").unwrap_or_default(),
            is_told: get("action").is_some(),
        })
    }

    /// The query of its address, in SRS's words.
    pub(super) fn query(&self) -> String {
        let mut query = String::from("action=delete");
        for (name, value) in
            [("token", &self.token), ("app", &self.app), ("stream", &self.stream), ("session", &self.session)]
        {
            query.push_str(&format!("&{name}={}", escaped(value)));
        }
        query
    }
}

/// A query that names this stream, and says what else the stream's URL and the request say.
pub(super) fn named_query(key: &StreamKey, own: &str, of_request: &str) -> String {
    let is_name = |part: &&str| matches!(part.split('=').next(), Some("app" | "stream"));
    let rest = own.split('&').chain(of_request.split('&')).filter(|part| !part.is_empty() && !is_name(part));
    let mut query = format!("app={}&stream={}", escaped(key.app()), escaped(key.stream()));
    for part in rest {
        query.push('&');
        query.push_str(part);
    }
    query
}

/// As a value of a query, of which nothing in it is taken for something else.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The query of a request, with the bearer's token where it brings one in its header alone.
pub(super) fn with_bearer(request: &Request<()>) -> Result<Cow<'_, str>, No> {
    let query = request.uri().query().unwrap_or_default();
    Ok(match bearer(request) {
        Some(token) if token_of(query).is_none() => {
            let sign = if query.is_empty() { "" } else { "&" };
            format!("{query}{sign}token={}", escaped(token)).into()
        }
        _ => query.into(),
    })
}

/// Whether a request brings a token, in its query or as its bearer's.
pub(super) fn has_token(request: &Request<()>) -> bool {
    let said = token_of(request.uri().query().unwrap_or_default());
    said.is_some_and(|token| !token.is_empty()) || bearer(request).is_some()
}

/// The bearer's token, RFC 6750 section 2.1.
fn bearer(request: &Request<()>) -> Option<&str> {
    let said = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, token) = said.split_once(' ').filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"))?;
    Some(token.trim()).filter(|token| !token.is_empty())
}

/// That of a query, as it stands there.
fn token_of(query: &str) -> Option<&str> {
    query
        .split('&')
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .find(|part| part.0 == "token")
        .map(|part| part.1)
}

/// The layer of simulcast that viewers are to get, where the request says one: `?layer=`, empty for the best.
fn layer(request: &Request<()>) -> Option<Option<Arc<str>>> {
    let params = Params::parse(request.uri().query()?).ok()?;
    params.get("layer").map(|layer| Some(layer).filter(|layer| !layer.is_empty()).map(Arc::from))
}

impl Resource {
    /// Which ICE this is of, as `ETag`.
    pub(super) fn tag(&self) -> String {
        format!("\"{}\"", self.ours.ufrag)
    }
}

impl Gateway {
    /// What a client asks of its session. Who does not know its token hears that there is none.
    pub(super) fn resource(&self, request: &Request<()>, body: &Bytes, named: &Named) -> Response<Bytes> {
        let Some(rtc) = &self.rtc else { return gone() };
        let Some(known) = rtc.sessions.resource(&named.session, &named.token) else { return gone() };
        match *request.method() {
            Method::DELETE => told(rtc.sessions.end(&named.session), StatusCode::OK),
            Method::PATCH => patch(rtc, request, body, (named, &known)),
            Method::POST => layer(request).map_or_else(answer::wrong_method, |layer| {
                match rtc.sessions.choose(&named.session, layer) {
                    Told::Gone => answer::text(StatusCode::CONFLICT, "the session has not begun"),
                    other => told(other, StatusCode::OK),
                }
            }),
            _ => answer::wrong_method(),
        }
    }
}

fn told(told: Told, done: StatusCode) -> Response<Bytes> {
    match told {
        Told::Done => answer::bare(done),
        Told::Gone => gone(),
        Told::Busy => answer::later("the session is busy"),
    }
}

fn gone() -> Response<Bytes> {
    answer::text(StatusCode::NOT_FOUND, "there is no such session")
}

/// Whether a request is meant for this ICE. Clients that know nothing of tags mean their newest.
fn is_meant(request: &Request<()>, tag: &str) -> bool {
    let mut said = request.headers().get_all(header::IF_MATCH).iter().peekable();
    let is_one = |said: &HeaderValue| {
        // A star in quotes is what libraries make of it that put every tag in quotes.
        let is_it = |one: &str| matches!(one.trim(), "*" | "\"*\"") || one.trim() == tag;
        said.to_str().is_ok_and(|said| said.split(',').any(is_it))
    };
    said.peek().is_none() || said.any(is_one)
}

/// Candidates that come later, or ICE from the beginning: RFC 9725 section 4.3.
fn patch(
    rtc: &Webrtc,
    request: &Request<()>,
    body: &Bytes,
    (named, known): (&Named, &Resource),
) -> Response<Bytes> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| !answer::is_kind(kind, FRAGMENT)) {
        let text = format!("the body must be a fragment of SDP: Content-Type: {FRAGMENT}");
        return answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text);
    }
    let fragment = std::str::from_utf8(body).ok().and_then(|text| Fragment::parse(text).ok());
    let Some(fragment) = fragment else {
        return answer::text(StatusCode::BAD_REQUEST, "the fragment cannot be read");
    };
    if !is_meant(request, &known.tag()) {
        return answer::text(
            StatusCode::PRECONDITION_FAILED,
            "ICE has begun anew since: If-Match is of before",
        );
    }
    let theirs = fragment.credentials();
    let Some(theirs) = theirs.filter(|theirs| *theirs != known.theirs) else {
        // This side is told where the client is by its checks.
        return answer::bare(StatusCode::NO_CONTENT);
    };
    let Some(ours) = rtc.config.keys.next(&known.ours.ufrag) else {
        return answer::text(StatusCode::CONFLICT, "ICE has begun anew too often: make a new session");
    };
    let renewed = Resource { ours, theirs, answer: Arc::clone(&known.answer) };
    let tag = renewed.tag();
    let answered = known.answer.fragment(&renewed.ours, &known.answer.candidates());
    match rtc.sessions.restart(&named.session, known, renewed) {
        Told::Done => {}
        other => return told(other, StatusCode::OK),
    }
    let mut response = answer::with_body(StatusCode::OK, FRAGMENT, answered.to_string());
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

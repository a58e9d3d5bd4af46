//! Answers of WHIP and WHEP.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use srs_names::RefusalKind;
use srs_peer::rtc;

use super::make::Made;
use super::sessions::NoRoom;
use super::signal::SDP;
use crate::{Refused, fetch};

/// What may be sent where.
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// What changes a session's ICE.
pub(super) const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// By this a proxy knows that it has to claim above that epoch.
const FENCED: HeaderName = HeaderName::from_static("x-srs-fenced");
/// What pages of other sites may read of an answer.
const READ: &str = "location, etag, link, accept-patch, accept-post, retry-after, www-authenticate";
const METHODS: HeaderValue = HeaderValue::from_static("POST, DELETE, PATCH, OPTIONS");

/// Why a session is not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum No {
    #[error("WebRTC is not served here: rtc_server {{ enabled on; }} switches it on")]
    Off,
    #[error("WebRTC is off for vhost {0}: vhost {0} {{ rtc {{ enabled on; }} }} switches it on")]
    Vhost(String),
    #[error("the body must be SDP: Content-Type: application/sdp")]
    Type,
    #[error("the offer cannot be read: {0}")]
    Offer(String),
    #[error("the stream is not live")]
    NotLive,
    #[error("the stream has nothing that WebRTC carries: {0}")]
    Nothing(String),
    #[error("{0}")]
    Peer(#[from] rtc::Refused),
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    NoRoom(#[from] NoRoom),
    #[error("a defect here: {0}")]
    Broken(String),
}

impl No {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            No::Off | No::Vhost(_) | No::NotLive | No::Refused(Refused::Vhost(_)) => StatusCode::NOT_FOUND,
            No::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            No::Offer(_)
            | No::Peer(rtc::Refused::Sdp(_) | rtc::Refused::Unreadable(_))
            | No::Refused(Refused::Name(_)) => StatusCode::BAD_REQUEST,
            No::Nothing(_) | No::Peer(rtc::Refused::Codecs(_)) => StatusCode::NOT_ACCEPTABLE,
            No::Peer(rtc::Refused::Broken(_)) | No::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
            No::Refused(Refused::NotAllowed(refusal)) => match refusal.kind {
                RefusalKind::Unauthorized => StatusCode::UNAUTHORIZED,
                RefusalKind::Forbidden => StatusCode::FORBIDDEN,
                RefusalKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            },
            No::Refused(Refused::Elsewhere) => StatusCode::FORBIDDEN,
            No::Refused(Refused::Draining) | No::NoRoom(_) => StatusCode::SERVICE_UNAVAILABLE,
            No::Refused(Refused::Hub(_)) => StatusCode::CONFLICT,
            No::Refused(Refused::Missing(missing)) => fetch::status_of(missing),
        }
    }
}

/// `Host`, as said; empty when it was not.
pub(super) fn host_of(request: &Request<()>) -> &str {
    let said = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    said.or_else(|| request.uri().authority().map(http::uri::Authority::as_str)).unwrap_or_default()
}

/// A word or two.
pub(super) fn text(status: StatusCode, text: &str) -> Response<Bytes> {
    with_body(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// An answer with a body.
pub(super) fn with_body(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Nothing but a status.
pub(super) fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The session that was made.
pub(super) fn created(path: &str, made: &Made) -> Response<Bytes> {
    let mut response = with_body(StatusCode::CREATED, SDP, made.answer.clone());
    let location = format!("{path}?{}", made.named.query());
    let headers = response.headers_mut();
    // Both are made of letters that headers may have.
    if let (Ok(location), Ok(tag)) = (HeaderValue::try_from(location), HeaderValue::try_from(&made.tag)) {
        headers.insert(header::LOCATION, location);
        headers.insert(header::ETAG, tag);
    }
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(FRAGMENT));
    response
}

/// Whether a body is of this kind, by its `Content-Type`.
pub(super) fn is_kind(said: &str, kind: &str) -> bool {
    said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
}

/// Not now.
pub(super) fn later(why: &str) -> Response<Bytes> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// How a client proves what it may, RFC 6750 section 3: it is told nothing of an error where it brought no token.
fn challenge(brought: bool) -> HeaderValue {
    HeaderValue::from_static(match brought {
        true => "Bearer realm=\"srs\", error=\"invalid_token\"",
        false => "Bearer realm=\"srs\"",
    })
}

/// Why there is none. `brought` says whether the client brought a token.
pub(super) fn refusal(no: &No, brought: bool) -> Response<Bytes> {
    let (status, why) = (no.status(), no.to_string());
    let mut response =
        if status == StatusCode::SERVICE_UNAVAILABLE { later(&why) } else { text(status, &why) };
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge(brought));
    }
    if let No::Refused(Refused::Hub(srs_hub::Refused::Fenced { current })) = no {
        response.headers_mut().insert(FENCED, HeaderValue::from(*current));
    }
    response
}

/// What may be asked: also for browsers, before a page of another site asks.
pub(super) fn options() -> Response<Bytes> {
    let mut response = bare(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(ACCEPT_POST, HeaderValue::from_static(SDP));
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(FRAGMENT));
    headers.insert(header::ALLOW, METHODS);
    response
}

pub(super) fn wrong_method() -> Response<Bytes> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "POST an offer here");
    response.headers_mut().insert(header::ALLOW, METHODS);
    response
}

/// What every answer has. Pages of other sites may read it where `crossdomain` is on.
pub(super) fn finish(crossdomain: bool, headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !crossdomain {
        return;
    }
    let any = HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    let allowed = HeaderValue::from_static("authorization, content-type, if-match, *");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READ));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
}

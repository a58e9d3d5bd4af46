//! Requests below `/rtc/`.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use srs_names::{NodeId, StreamKey};
use srs_net::http::{Answering, Signalling};
use srs_rtc::engine::Credentials;
use srs_rtc::sdp::Candidate;
use srs_rtc::ufrag::Ufrag;

use super::answer::{self, Taken, candidates, of_session, open, options, refusal, refusal_in_json};
use super::ask::{Question, Told};
use super::asked::{self, Endpoint, Shape};
use super::candidates::Face;
use super::dial::{Opened, Wanted};
use super::notes::Note;
use super::place::{self, Place};
use crate::Relay;
use crate::door::Asker;
use crate::forward::{Wish, shown};
use crate::origins::Claimed;

impl Signalling for Relay {
    fn answer(self: Arc<Self>, request: Request<Bytes>, from: SocketAddr) -> Answering {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Some(face) = self.rtc.face.get() else {
                return refusal(StatusCode::NOT_FOUND, "WebRTC is not served here");
            };
            open(self.answer_rtc(face, parts, body, from).await)
        })
    }
}

/// A client that waits for its answer.
struct Caller<'a> {
    request: &'a Request<()>,
    body: &'a Bytes,
    peer: SocketAddr,
    /// What it is told of us.
    candidates: &'a [Candidate],
}

impl Caller<'_> {
    fn question<'a>(&'a self, asker: &'a Asker) -> Question<'a> {
        Question { request: self.request, peer: self.peer, asker, body: self.body }
    }

    /// Path and query.
    fn target(&self) -> &str {
        self.request.uri().path_and_query().map_or("/", |target| target.as_str())
    }
}

impl Relay {
    async fn answer_rtc(
        self: &Arc<Self>,
        face: &Face,
        parts: Parts,
        body: Bytes,
        from: SocketAddr,
    ) -> Response<Bytes> {
        let query = parts.uri.query().unwrap_or_default();
        let token = place::token(query).map(str::to_owned);
        // Also of POST, which else makes a session.
        let is_of_session = asked::is_of_session(&parts.method) || asked::wish(query).is_some();
        let Some(endpoint) = Endpoint::at(parts.uri.path()) else {
            return refusal(StatusCode::NOT_FOUND, "not found");
        };
        if parts.method == Method::OPTIONS {
            return options(token.is_some());
        }
        let addresses = face.shown(&self.rtc.names, asked::host(&parts), from).await;
        let candidates = candidates(&addresses, face.has_tcp);
        let named = asked::stream(endpoint, &parts, &body);
        let request = Request::from_parts(parts, ());
        let caller = Caller { request: &request, body: &body, peer: from, candidates: &candidates };
        match token {
            Some(token) if is_of_session => {
                let place = Place::open(&self.rtc.tokens, &token);
                match place {
                    Some(place) => self.ask_session(&caller, &place).await,
                    None => refusal(StatusCode::NOT_FOUND, "no such session"),
                }
            }
            _ if *request.method() != Method::POST => {
                let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "sessions are made by POST");
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
                response
            }
            _ => match named {
                Ok(key) => self.make_session(&caller, endpoint, key).await,
                Err(error) => {
                    self.complaints.say(|unsaid| {
                        tracing::warn!(peer = shown(from), %error, unsaid, "{} refused", endpoint.what());
                    });
                    refused(endpoint, StatusCode::BAD_REQUEST, &error.to_string())
                }
            },
        }
    }

    /// Has a node make a session for the client.
    async fn make_session(
        self: &Arc<Self>,
        caller: &Caller<'_>,
        endpoint: Endpoint,
        named: StreamKey,
    ) -> Response<Bytes> {
        let key = self.balancer.home(named);
        let (peer, errand) = self.caller_of_request(caller.request, caller.peer);
        let wish = Wish::new(endpoint.what(), peer);
        let asker = wish.asker(errand);
        let (cid, what, peer) = (&wish.cid, wish.what, shown(peer));
        let question = caller.question(&asker);
        let wanted = Wanted { endpoint, key: &key, target: caller.target(), question };
        let opened = match Box::pin(self.dial_rtc(&wanted)).await {
            Ok(opened) => opened,
            Err(error) => {
                self.complaints.say(|unsaid| {
                    tracing::warn!(cid, peer, stream = %key, %error, unsaid, "{what} not served");
                });
                let (status, words) = error.told(endpoint.is_publish);
                return refused(endpoint, status, words);
            }
        };
        let Opened { node, told, claimed, place } = opened;
        let Some(taken) = answer::taken(&told, endpoint.shape, caller.candidates) else {
            self.complaints.say(|unsaid| {
                let status = told.status.as_u16();
                tracing::warn!(cid, peer, stream = %key, origin = %node.id, status, unsaid, "{what} refused by the origin");
            });
            return response(&told, told.body.clone());
        };
        tracing::info!(cid, peer, stream = %key, origin = %node.id, device = node.device_id, "{what}");
        if endpoint.is_publish {
            // Those who watch here need not find out for themselves.
            self.followed.tell(&key, Some(place));
        }
        let location = told.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let session = location.and_then(|location| Place::new(&node.id, caller.target(), location));
        self.remember_rtc(&node.id, &taken.credentials, endpoint.is_publish.then(|| key.clone())).await;
        if let Some(claimed) = claimed {
            self.begin_rtc(&taken, claimed.begin(), session.clone());
        }
        self.placed(caller, &told, taken.body, session.as_ref())
    }

    /// Has its datagrams find the node: one of ours says so in the user name itself.
    async fn remember_rtc(&self, node: &NodeId, ours: &Credentials, publishes: Option<StreamKey>) {
        self.learn_routes();
        let Credentials { ufrag, password } = ours;
        let is_route = |named: Ufrag<'_>| named.route() == self.rtc.keys.route(node.as_str());
        if !Ufrag::parse(ufrag).is_some_and(is_route) {
            let note = Note { node: node.clone(), password: password.clone(), publishes };
            self.note_rtc(ufrag, &note).await;
        }
    }

    /// A publish that a node has taken.
    fn begin_rtc(&self, taken: &Taken, claimed: Claimed, session: Option<Place>) {
        let name = super::session_of(&taken.credentials.ufrag);
        self.rtc.published.begin(name, claimed, session, self.now());
    }

    /// The answer with an address that any proxy can open.
    fn placed(
        &self,
        caller: &Caller<'_>,
        told: &Told,
        body: Bytes,
        session: Option<&Place>,
    ) -> Response<Bytes> {
        let mut response = response(told, body);
        let uri = caller.request.uri();
        let location = session
            .and_then(|session| {
                session.location(&self.rtc.tokens, uri.path(), uri.query().unwrap_or_default())
            })
            .and_then(|location| HeaderValue::try_from(location).ok());
        match location {
            Some(location) => response.headers_mut().insert(header::LOCATION, location),
            // The node's own leads nowhere for the client.
            None => response.headers_mut().remove(header::LOCATION),
        };
        response
    }

    /// Asks the node that has the session.
    async fn ask_session(self: &Arc<Self>, caller: &Caller<'_>, place: &Place) -> Response<Bytes> {
        let Some(node) = self.known(&place.node).await else {
            return refusal(StatusCode::NOT_FOUND, "no such session");
        };
        let (peer, errand) = self.caller_of_request(caller.request, caller.peer);
        let asker = Wish::new("webrtc session", peer).asker(errand);
        let question = caller.question(&asker);
        let wish = caller.request.uri().query().and_then(asked::wish);
        let target = match wish {
            Some(wish) if place.target.contains('?') => format!("{}&{wish}", place.target),
            _ => place.target.clone(),
        };
        let (node, told) = match question.ask(self, self.origin_at(&node), &target, None).await {
            Ok(answered) => answered,
            Err(error) => {
                self.complaints.say(|unsaid| {
                    tracing::warn!(peer = shown(peer), origin = %node.id, %error, unsaid, "a request for a session is not answered");
                });
                return refusal(StatusCode::BAD_GATEWAY, "the origin did not answer");
            }
        };
        let is_over = *caller.request.method() == Method::DELETE && told.status.is_success();
        if is_over || matches!(told.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            self.rtc.published.end(place);
        }
        let (body, restarted) = of_session(&told, caller.candidates);
        if let Some(ours) = restarted {
            self.remember_rtc(&node.id, &ours, None).await;
        }
        let location = told.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let session = location.and_then(|location| Place::new(&node.id, &place.target, location));
        self.placed(caller, &told, body, session.as_ref())
    }
}

/// How a client is refused at this endpoint.
fn refused(endpoint: Endpoint, status: StatusCode, words: &str) -> Response<Bytes> {
    match endpoint.shape {
        Shape::Sdp => refusal(status, words),
        Shape::Json => refusal_in_json(status, words),
    }
}

/// The node's answer with this body.
fn response(told: &Told, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = told.status;
    *response.headers_mut() = told.headers.clone();
    response
}

#[cfg(test)]
mod tests;

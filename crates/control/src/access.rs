//! Who may steer: callers on this machine, and others by token or allow-list. Every refusal says which
//! setting would allow it.
//!
//! | Set | Allowed |
//! |---|---|
//! | nothing | loopback |
//! | allow-list | loopback and the listed addresses |
//! | token | whoever brings it, from anywhere |
//! | both | loopback and the listed addresses, and they must bring it |
//!
//! Beside these: a node of the same cluster that signs what it asks ([`signed`](crate::signed)), from anywhere; and who
//! registers over loopback needs no token. Who brings wrong tokens is soon not listened to (`guesses`).
//!
//! "Loopback" means a program of this machine: a request that a reverse proxy forwards, or that a web page of
//! another site makes in a local browser, is not trusted for its address.

mod cidr;
mod guesses;

use crate::endpoint::is_local_name;
use crate::reply;
use crate::signed::{Asked, Signatures, Unsigned};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
pub use cidr::{BadCidr, Cidr};
use guesses::Guesses;
use http::header::{AUTHORIZATION, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use srs_balance::Node;
use srs_names::Envelope;
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Most addresses that are remembered for the token they brought: one for each node that may register.
const MAX_PROVEN: usize = srs_balance::MAX_NODES;

/// Where a request came from: the other end of its connection. [`crate::serve()`] puts it into each request's
/// extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The rule for one listener's control paths. Clones share what they learn.
#[derive(Clone)]
pub struct Access {
    /// The bearer token, when one is set.
    pub token: Option<String>,
    /// Addresses other than loopback that are let in.
    pub allow: Vec<Cidr>,
    /// The line an operator must set to give callers the token, for refusals; never the token itself.
    pub token_line: String,
    /// The line that would allow some addresses; `{address}` stands for them.
    pub allow_line: String,
    /// Opens what nodes of this cluster sign.
    signatures: Option<Arc<Signatures>>,
    guesses: Arc<Mutex<Guesses>>,
    /// Addresses that brought the token, the newest last: what a token opens from anywhere cannot be listed.
    proven: Arc<Mutex<VecDeque<IpAddr>>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| "set");
        out.debug_struct("Access").field("token", &token).field("allow", &self.allow).finish_non_exhaustive()
    }
}

/// A caller who may not steer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The address is not allowed; the text says what would allow it.
    #[error("{0}")]
    Address(String),
    /// The token is missing or wrong; the text says what to send.
    #[error("{0}")]
    Token(String),
    /// Too many wrong tokens came from this address; the time is what is left until the next one is looked at.
    #[error("{1}")]
    Guesses(Duration, String),
}

/// What a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// To register.
    Register,
    /// Anything else that steers or shows.
    Control,
}

/// Stands in the extensions of a request that was let in: what it was signed with, if it was.
#[derive(Clone)]
pub(crate) struct Entered(pub Option<Envelope>);

/// What nodes must have in common for one to believe the other's signature.
const SECRET_LINE: &str =
    "the same PROXY_CLUSTER_SECRET=<secret> at proxies and cluster_secret <secret>; at origins";
/// How an origin brings the token.
const BEAT_LINE: &str = "heartbeat { auth { enabled on; type bearer; token <secret>; } }";

impl Access {
    /// The proxy's rule: `PROXY_HTTP_API_AUTH_*` and `PROXY_SYSTEM_API_ALLOW`.
    #[must_use]
    pub fn of_proxy(token: Option<String>, allow: Vec<Cidr>) -> Self {
        let token_line = "PROXY_HTTP_API_AUTH_ENABLED=on PROXY_HTTP_API_AUTH_TYPE=bearer PROXY_HTTP_API_AUTH_TOKEN=<secret>";
        Self {
            token,
            allow,
            token_line: token_line.to_owned(),
            allow_line: "PROXY_SYSTEM_API_ALLOW={address}".to_owned(),
            signatures: None,
            guesses: Arc::default(),
            proven: Arc::default(),
        }
    }

    /// The rule of an origin or edge: loopback and the nodes of its cluster, as its file has no word for more yet.
    #[must_use]
    pub fn of_origin() -> Self {
        let line = format!("a caller on this machine, or a proxy that shares the secret ({SECRET_LINE})");
        Self { token_line: line.clone(), allow_line: line, ..Self::of_proxy(None, Vec::new()) }
    }

    /// The same, and whoever brings what these open.
    #[must_use]
    pub fn opening(self, signatures: Option<Arc<Signatures>>) -> Self {
        Self { signatures, ..self }
    }

    /// May this caller come in? The answer is what the request was signed with, if it was.
    fn admit(&self, door: Door, peer: IpAddr, request: &Request) -> Result<Option<Envelope>, Refusal> {
        let headers = request.headers();
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let asked = match door {
            Door::Register => Asked::Beat,
            Door::Control => Asked::Control(request.method(), path),
        };
        let opened = self.signatures.as_ref().and_then(|signatures| signatures.open(headers, asked));
        let foreign = match opened {
            None => None,
            Some(Ok(envelope)) => {
                self.note_proven(peer.to_canonical());
                return Ok(Some(envelope));
            }
            // Nobody who may would send it twice.
            Some(Err(again @ Unsigned::Again)) => return Err(Refusal::Token(again.to_string())),
            Some(Err(foreign)) => Some(foreign),
        };
        let refusal = match self.judge(door, peer, headers) {
            Ok(()) => return Ok(None),
            Err(refusal) => refusal,
        };
        Err(match (refusal, foreign) {
            (Refusal::Address(text), Some(why)) => Refusal::Address(format!("{text}; {why}")),
            (Refusal::Token(text), Some(why)) => Refusal::Token(format!("{text}; {why}")),
            (refusal, _) => refusal,
        })
    }

    /// The rule without signatures.
    fn judge(&self, door: Door, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
        let of_register = |refusal| match (door, refusal) {
            (Door::Register, Refusal::Token(text)) => {
                Refusal::Token(format!("{text}, as an origin does by {BEAT_LINE}"))
            }
            (Door::Register, Refusal::Address(text)) => {
                Refusal::Address(format!("{text}, or let nodes sign their heartbeats: {SECRET_LINE}"))
            }
            (_, refusal) => refusal,
        };
        let is_here = peer.to_canonical().is_loopback() && !is_forwarded(headers);
        // A token that is brought is to be the right one, or nobody would notice that it is not.
        if door == Door::Register && is_here && !headers.contains_key(AUTHORIZATION) {
            return self.check_browser(headers);
        }
        self.check(peer, headers).map_err(of_register)
    }

    /// Whether a node that registered from `peer` lies where nodes may lie: beyond this machine in the allow-list, when
    /// there is one.
    ///
    /// # Errors
    /// What is wrong, and the line that would allow it.
    pub(crate) fn check_places(&self, peer: IpAddr, node: &Node) -> Result<(), String> {
        if self.allow.is_empty() || peer.to_canonical().is_loopback() {
            return Ok(());
        }
        let endpoints = node.endpoints.values().flatten().map(|endpoint| endpoint.host.as_str());
        // What a name means is known when it is dialled.
        let mut places =
            std::iter::once(node.host.as_str()).chain(endpoints).filter_map(|host| host.parse().ok());
        match places.find(|ip| !self.lists(*ip)) {
            Some(ip) => {
                Err(format!("{ip} is not among the allowed addresses: to allow it set {}", self.line_for(ip)))
            }
            None => Ok(()),
        }
    }

    fn lists(&self, ip: IpAddr) -> bool {
        self.allow.iter().any(|range| range.contains(ip))
    }

    /// May this caller steer? The comparison of tokens takes the same time wherever they differ.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
        let peer = peer.to_canonical();
        let is_listed = self.lists(peer);
        if let Some(token) = &self.token {
            if !self.allow.is_empty() && !is_listed && !peer.is_loopback() {
                return Err(self.refuse_address(peer));
            }
            self.check_token(peer, headers, token)?;
            self.note_proven(peer);
            return Ok(());
        }
        if is_listed || (peer.is_loopback() && !is_forwarded(headers)) {
            return self.check_browser(headers);
        }
        Err(self.refuse_address(peer))
    }

    /// Whether an address is one of those that may steer, as far as an address tells before anything was read:
    /// loopback, a listed one, or one that brought the token before. For keeping room for them; a request is
    /// judged by [`check`](Self::check).
    #[must_use]
    pub fn knows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_loopback() || self.lists(ip) || self.proven().iter().any(|proven| *proven == ip)
    }

    /// Only who brings a token guesses; who brings none is told what to bring.
    fn check_token(&self, peer: IpAddr, headers: &HeaderMap, token: &str) -> Result<(), Refusal> {
        if !headers.contains_key(AUTHORIZATION) {
            return Err(self.refuse_token());
        }
        let now = Instant::now();
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = guesses.locked(peer, now) {
            let seconds = left.as_secs().saturating_add(1);
            let text = format!(
                "too many wrong tokens from this address: the next is looked at in {seconds} s; it is to be the secret of {}",
                self.token_line
            );
            return Err(Refusal::Guesses(left, text));
        }
        if !brings(headers, token) {
            guesses.wrong(peer, now);
            return Err(self.refuse_token());
        }
        Ok(())
    }

    fn note_proven(&self, ip: IpAddr) {
        if self.knows(ip) {
            return;
        }
        let mut proven = self.proven();
        if proven.len() >= MAX_PROVEN {
            proven.pop_front();
        }
        proven.push_back(ip);
    }

    fn proven(&self) -> MutexGuard<'_, VecDeque<IpAddr>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a token, a page of another site could use the operator's browser as its hand.
    fn check_browser(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host_of = |name: HeaderName| headers.get(name).map(|value| value.to_str().ok().and_then(host_in));
        let host = host_of(HOST).flatten();
        let is_foreign_page = host_of(ORIGIN).is_some_and(|origin| {
            origin.is_none_or(|origin| !is_this_machine(&origin) && Some(&origin) != host.as_ref())
        });
        // A name that anybody may point at this machine makes a foreign page look like our own.
        let is_browser = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
        let is_rebound =
            is_browser && host.is_none_or(|host| !is_local_name(&host) && host.parse::<IpAddr>().is_err());
        if is_foreign_page || is_rebound {
            return Err(Refusal::Token(format!(
                "a web page of another site may not steer without a token: set {}",
                self.token_line
            )));
        }
        Ok(())
    }

    fn refuse_address(&self, peer: IpAddr) -> Refusal {
        let line = self.line_for(peer);
        let other = if self.token.is_none() { format!(" or {}", self.token_line) } else { String::new() };
        Refusal::Address(format!("{peer} may not do this: to allow it set {line}{other}"))
    }

    /// The whole line that allows this address beside those that are allowed already.
    fn line_for(&self, ip: IpAddr) -> String {
        let own = Cidr { base: ip, prefix: if ip.is_ipv4() { 32 } else { 128 } };
        let all: Vec<String> = self.allow.iter().chain([&own]).map(Cidr::to_string).collect();
        self.allow_line.replace("{address}", &all.join(","))
    }

    fn refuse_token(&self) -> Refusal {
        Refusal::Token(format!(
            "send \"Authorization: Bearer <secret>\" with the secret of {}",
            self.token_line
        ))
    }
}

fn brings(headers: &HeaderMap, token: &str) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Some((scheme, sent)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
        return false;
    };
    scheme.eq_ignore_ascii_case("bearer") && same(sent.trim().as_bytes(), token.as_bytes())
}

/// Equal texts; the time taken tells nothing but the length.
fn same(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0_u8, |all, (left, right)| all | (left ^ right));
    std::hint::black_box(difference) == 0 && left.len() == right.len() && !right.is_empty()
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    ["x-forwarded-for", "x-real-ip", "forwarded", "via"].iter().any(|name| headers.contains_key(*name))
}

/// The host in `http://host:port`, `host:port` or `host`.
fn host_in(text: &str) -> Option<String> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority: http::uri::Authority = authority.parse().ok()?;
    Some(authority.host().trim_matches(['[', ']']).to_ascii_lowercase())
}

fn is_this_machine(host: &str) -> bool {
    is_local_name(host) || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Middleware for control paths. A request without a [`Peer`] is refused.
pub(crate) async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    pass(&access, Door::Control, request, next).await
}

/// The same for registration, which is to find [`Entered`] in its request.
pub(crate) async fn guard_register(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    pass(&access, Door::Register, request, next).await
}

async fn pass(access: &Access, door: Door, mut request: Request, next: Next) -> Response {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return reply::error(StatusCode::FORBIDDEN, "the caller's address is unknown");
    };
    let refusal = match access.admit(door, peer.ip(), &request) {
        Ok(envelope) => {
            request.extensions_mut().insert(Entered(envelope));
            return next.run(request).await;
        }
        Err(refusal) => refusal,
    };
    tracing::warn!(%peer, path = request.uri().path(), "refused: {refusal}");
    refused(&refusal)
}

/// The answer to a caller who may not steer.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let (status, field) = match refusal {
        Refusal::Address(_) => (StatusCode::FORBIDDEN, None),
        Refusal::Token(_) => {
            (StatusCode::UNAUTHORIZED, Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))))
        }
        Refusal::Guesses(left, _) => (
            StatusCode::TOO_MANY_REQUESTS,
            Some((RETRY_AFTER, HeaderValue::from(left.as_secs().saturating_add(1)))),
        ),
    };
    let mut response = reply::error(status, &refusal.to_string());
    response.headers_mut().extend(field);
    response
}

#[cfg(test)]
mod tests;

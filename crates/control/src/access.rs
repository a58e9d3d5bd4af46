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
//! "Loopback" means a program of this machine: a request that a reverse proxy forwards, or that a web page of
//! another site makes in a local browser, is not trusted for its address.

use crate::endpoint::is_local_name;
use crate::reply;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most addresses that are remembered for the token they brought: one for each node that may register.
const MAX_PROVEN: usize = srs_balance::MAX_NODES;

/// Where a request came from: the other end of its connection. [`crate::serve()`] puts it into each request's
/// extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    base: IpAddr,
    prefix: u8,
}

/// Not a range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address range: want 10.0.0.0/8, fd00::/8 or one address")]
pub struct BadCidr(String);

impl Cidr {
    /// True when the address lies in the range. IPv4 in IPv6 form counts as IPv4.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                base.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                base.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let bad = || BadCidr(text.chars().take(64).collect());
        let (base, prefix) = match text.trim().split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text.trim(), None),
        };
        let base: IpAddr = base.parse().map_err(|_| bad())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= longest).ok_or_else(bad)?
            }
            Some(_) => return Err(bad()),
            None => longest,
        };
        Ok(Self { base, prefix })
    }
}

/// The rule for one listener's control paths. Clones share what they learn.
#[derive(Clone)]
pub struct Access {
    /// The bearer token, when one is set.
    pub token: Option<String>,
    /// Addresses other than loopback that are let in.
    pub allow: Vec<Cidr>,
    /// The line an operator must set to give callers the token, for refusals; never the token itself.
    pub token_line: String,
    /// The line that would allow one address; `{address}` stands for it.
    pub allow_line: String,
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
}

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
            proven: Arc::default(),
        }
    }

    /// The rule of an origin or edge: loopback alone, as its file has no word for more yet.
    #[must_use]
    pub fn of_origin() -> Self {
        let none =
            "a caller on this machine: the origin's own lists have no token or allow-list yet".to_owned();
        let (allow, proven) = (Vec::new(), Arc::default());
        Self { token: None, allow, token_line: none.clone(), allow_line: none, proven }
    }

    /// May this caller steer? The comparison of tokens takes the same time wherever they differ.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
        let peer = peer.to_canonical();
        let is_listed = self.allow.iter().any(|range| range.contains(peer));
        if let Some(token) = &self.token {
            if !self.allow.is_empty() && !is_listed && !peer.is_loopback() {
                return Err(self.refuse_address(peer));
            }
            if !brings(headers, token) {
                return Err(self.refuse_token());
            }
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
        ip.is_loopback()
            || self.allow.iter().any(|range| range.contains(ip))
            || self.proven().iter().any(|proven| *proven == ip)
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
        let range = format!("{peer}/{}", if peer.is_ipv4() { 32 } else { 128 });
        let line = self.allow_line.replace("{address}", &range);
        let other = if self.token.is_none() { format!(" or {}", self.token_line) } else { String::new() };
        Refusal::Address(format!("{peer} may not do this: to allow it set {line}{other}"))
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
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return reply::error(StatusCode::FORBIDDEN, "the caller's address is unknown");
    };
    let Err(refusal) = access.check(peer.ip(), request.headers()) else { return next.run(request).await };
    tracing::warn!(%peer, path = request.uri().path(), "refused: {refusal}");
    let status = match refusal {
        Refusal::Address(_) => StatusCode::FORBIDDEN,
        Refusal::Token(_) => StatusCode::UNAUTHORIZED,
    };
    let mut response = reply::error(status, &refusal.to_string());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[cfg(test)]
mod tests;

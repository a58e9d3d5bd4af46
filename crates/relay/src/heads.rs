//! Request and response heads on their way through: what is passed on, and what ends at each connection.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, Method, Request, header};
use srs_names::{envelope, without_vhost};
use std::net::SocketAddr;

/// Fields that belong to one connection alone (RFC 9110, section 7.6.1).
const HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Where the client's address goes.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What our nodes tell each other.
const NODE: HeaderName = HeaderName::from_static(envelope::HTTP_HEADER);

/// A request as origins get it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) head: Bytes,
    /// Who asks.
    pub(crate) client: SocketAddr,
}

impl Said {
    /// The same words for another path and query.
    pub(crate) fn with_target(&self, target: &str) -> Said {
        let end = self.head.windows(2).position(|two| two == b"\r\n").unwrap_or_default();
        let (line, rest) = self.head.split_at(end);
        let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let line = [method, b" ", target.as_bytes(), b" HTTP/1.1"].concat();
        Said { head: Bytes::from([line.as_slice(), rest].concat()), client: self.client }
    }

    /// The same words at another host, without what names a vhost in the query.
    pub(crate) fn at(&self, host: &str) -> Said {
        let text = String::from_utf8_lossy(&self.head);
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = without_vhost(query);
        let mark = if query.is_empty() { "" } else { "?" };
        let mut head = format!("{method} {path}{mark}{query} HTTP/1.1");
        for line in lines {
            let is_host = line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("host"));
            head.push_str("\r\n");
            head.push_str(&if is_host { format!("host: {host}") } else { line.to_owned() });
        }
        Said { head: head.into(), client: self.client }
    }

    /// The head for one node, with what it is told of the session.
    pub(crate) fn to_node(&self, envelope: Option<String>) -> Bytes {
        let end = self.head.windows(2).position(|two| two == b"\r\n");
        let (Some(envelope), Some(end)) = (envelope, end) else { return self.head.clone() };
        let (line, rest) = self.head.split_at(end.saturating_add(2));
        let own = format!("{}: {envelope}\r\n", envelope::HTTP_HEADER);
        Bytes::from([line, own.as_bytes(), rest].concat())
    }

    /// What its envelope is bound to: the request line.
    pub(crate) fn bound(&self) -> String {
        let line = self.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default();
        envelope::bound::of_http(word(), word())
    }
}

/// Fields that `Connection` names: they end here too. `Host` never does, whoever names it.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    names.filter(|name| *name != header::HOST).collect()
}

/// What the origin is told otherwise than the client said it.
pub(crate) struct Words<'a> {
    /// Path and query.
    pub(crate) target: &'a str,
    /// The method.
    pub(crate) method: &'a Method,
    /// Fields that are not passed on.
    pub(crate) without: &'a [HeaderName],
    /// The body is wanted as it is, not compressed.
    pub(crate) plain: bool,
    /// The connection is used again.
    pub(crate) again: bool,
}

/// The fields by which a client asks for less than the whole body.
pub(crate) const PARTS: &[HeaderName] = &[header::RANGE, header::IF_RANGE];

/// These, and the fields by which it asks for nothing if it has that already.
pub(crate) const CONDITIONS: &[HeaderName] = &[
    header::RANGE,
    header::IF_RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
];

/// The request as the origin gets it: the client's own words, without what belongs to one connection.
pub(crate) fn request_head(request: &Request<()>, peer: SocketAddr) -> Said {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let method = request.method();
    head_of(request, peer, &Words { target, method, without: &[], plain: false, again: false })
}

/// The same with some of it said otherwise.
pub(crate) fn head_of(request: &Request<()>, peer: SocketAddr, words: &Words<'_>) -> Said {
    let mut out = BytesMut::with_capacity(512);
    out.put_slice(format!("{} {} HTTP/1.1\r\n", words.method, words.target).as_bytes());
    let mut put = |name: &str, value: &[u8]| {
        out.put_slice(name.as_bytes());
        out.put_slice(b": ");
        out.put_slice(value);
        out.put_slice(b"\r\n");
    };
    let own = nominated(request.headers());
    let ends = |name: &HeaderName| {
        HOP.contains(name)
            || own.contains(name)
            || *name == FORWARDED_FOR
            // A client is no node.
            || *name == NODE
            || words.without.contains(name)
            || (words.plain && *name == header::ACCEPT_ENCODING)
    };
    for (name, value) in request.headers() {
        if !ends(name) {
            put(name.as_str(), value.as_bytes());
        }
    }
    if words.plain {
        put("accept-encoding", b"identity");
    }
    if !request.headers().contains_key(header::HOST) {
        put("host", b"localhost");
    }
    let mut forwarded: Vec<u8> = Vec::new();
    for value in request.headers().get_all(FORWARDED_FOR) {
        forwarded.extend_from_slice(value.as_bytes());
        forwarded.extend_from_slice(b", ");
    }
    forwarded.extend_from_slice(peer.ip().to_canonical().to_string().as_bytes());
    put(FORWARDED_FOR.as_str(), &forwarded);
    if !words.again {
        put("connection", b"close");
    }
    out.put_slice(b"\r\n");
    Said { head: out.freeze(), client: SocketAddr::new(peer.ip().to_canonical(), peer.port()) }
}

/// An answer's fields without those of the connection to the origin.
pub(crate) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut fields = headers.clone();
    for name in HOP.into_iter().chain(nominated(headers)) {
        fields.remove(name);
    }
    fields
}

#[cfg(test)]
mod tests;

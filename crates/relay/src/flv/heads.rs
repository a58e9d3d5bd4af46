//! Request and response heads on their way through: what is passed on, and what ends at each connection.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, Request, header};
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

/// Fields that `Connection` names: they end here too. `Host` never does, whoever names it.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    names.filter(|name| *name != header::HOST).collect()
}

/// The request as the origin gets it: the client's own words, without what belongs to one connection.
pub(super) fn request_head(request: &Request<()>, peer: SocketAddr) -> Bytes {
    let mut out = BytesMut::with_capacity(512);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    out.put_slice(format!("{} {target} HTTP/1.1\r\n", request.method()).as_bytes());
    let mut put = |name: &str, value: &[u8]| {
        out.put_slice(name.as_bytes());
        out.put_slice(b": ");
        out.put_slice(value);
        out.put_slice(b"\r\n");
    };
    let own = nominated(request.headers());
    for (name, value) in request.headers() {
        if !HOP.contains(name) && !own.contains(name) && name != FORWARDED_FOR {
            put(name.as_str(), value.as_bytes());
        }
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
    put("connection", b"close");
    out.put_slice(b"\r\n");
    out.freeze()
}

/// An answer's fields without those of the connection to the origin.
pub(super) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut fields = headers.clone();
    for name in HOP.into_iter().chain(nominated(headers)) {
        fields.remove(name);
    }
    fields
}

#[cfg(test)]
mod tests;

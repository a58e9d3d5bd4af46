//! Request and response heads.

use std::fmt::Write as _;
use std::io;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits;

/// Why no head could be read.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The peer closed before a head was complete.
    #[error("the connection ended before a complete head")]
    Closed,
    /// The head did not come within [`limits::HTTP_HEAD`].
    #[error("the head was not complete in time")]
    Slow,
    /// More than [`limits::HTTP_HEAD_BYTES`] or [`limits::HTTP_FIELDS`].
    #[error("the head is too large")]
    Large,
    /// Not HTTP/1.
    #[error("the head is malformed: {0}")]
    Malformed(String),
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What came before a request was understood, or refused.
#[derive(Debug)]
pub struct Received {
    /// The request, when its head is whole and well-formed; none when hyper should answer.
    pub request: Option<http::Request<()>>,
    /// All bytes read, the head included.
    pub bytes: Bytes,
    /// Where the head ends in `bytes`.
    pub head_len: usize,
}

/// Reads until one request head is complete, at most [`limits::HTTP_HEAD_BYTES`].
///
/// A head that cannot be parsed is no error here: hyper answers it, so that all refusals read alike.
pub async fn read_request(half: &mut (impl AsyncRead + Unpin)) -> Result<Received, HeadError> {
    let read = async {
        let mut bytes = BytesMut::with_capacity(1024);
        loop {
            if half.read_buf(&mut bytes).await? == 0 {
                return Err(HeadError::Closed);
            }
            match parse_request(&bytes) {
                Parsed::Whole(request, head_len) => {
                    return Ok(Received { request: Some(*request), bytes: bytes.freeze(), head_len });
                }
                Parsed::Partial if bytes.len() < limits::HTTP_HEAD_BYTES => {}
                Parsed::Partial | Parsed::Strange => {
                    return Ok(Received { request: None, bytes: bytes.freeze(), head_len: 0 });
                }
            }
        }
    };
    tokio::time::timeout(limits::HTTP_HEAD, read).await.unwrap_or(Err(HeadError::Slow))
}

/// What bytes are as a request head.
pub(super) enum Parsed {
    /// A request, and where its head ends.
    Whole(Box<http::Request<()>>, usize),
    /// The beginning of one.
    Partial,
    /// None that we take.
    Strange,
}

pub(super) fn parse_request(bytes: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; limits::HTTP_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head_len)) => {
            let head = bytes.get(..head_len).unwrap_or_default();
            let request = strict(head).then(|| request_of(&parsed)).flatten();
            request.map_or(Parsed::Strange, |request| Parsed::Whole(Box::new(request), head_len))
        }
        Ok(httparse::Status::Partial) => Parsed::Partial,
        Err(_) => Parsed::Strange,
    }
}

/// Whether every line ends in CR LF: a bare LF is where two readers of one head begin to disagree.
fn strict(head: &[u8]) -> bool {
    let mut before = 0;
    head.iter().all(|&byte| {
        let fine = byte != b'\n' || before == b'\r';
        before = byte;
        fine
    })
}

fn request_of(parsed: &httparse::Request<'_, '_>) -> Option<http::Request<()>> {
    let mut request = http::Request::new(());
    *request.method_mut() = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    *request.uri_mut() = parsed.path?.parse().ok()?;
    *request.version_mut() = version_of(parsed.version?);
    *request.headers_mut() = fields_of(parsed.headers)?;
    Some(request)
}

fn version_of(minor: u8) -> Version {
    if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 }
}

fn fields_of(fields: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        map.append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(map)
}

/// A response head, and what came behind it.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: StatusCode,
    /// HTTP/1.0 or 1.1.
    pub version: Version,
    /// All fields, in order.
    pub headers: HeaderMap,
    /// First bytes of the body, as framed.
    pub rest: Bytes,
}

/// Reads one response head. Interim answers (1xx) are skipped. The caller sets the time limit.
pub async fn read_response(half: &mut (impl AsyncRead + Unpin)) -> Result<Response, HeadError> {
    let mut bytes = BytesMut::with_capacity(1024);
    loop {
        if half.read_buf(&mut bytes).await? == 0 {
            return Err(HeadError::Closed);
        }
        while let Some((response, head_len)) = parse_response(&bytes)? {
            let _head = bytes.split_to(head_len);
            if !response.0.is_informational() {
                let (status, version, headers) = response;
                return Ok(Response { status, version, headers, rest: bytes.freeze() });
            }
        }
        if bytes.len() >= limits::HTTP_HEAD_BYTES {
            return Err(HeadError::Large);
        }
    }
}

type Answered = ((StatusCode, Version, HeaderMap), usize);

fn parse_response(bytes: &[u8]) -> Result<Option<Answered>, HeadError> {
    let mut fields = [httparse::EMPTY_HEADER; limits::HTTP_FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let malformed = |what: &str| HeadError::Malformed(what.to_owned());
    match parsed.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(head_len)) => {
            let status = parsed
                .code
                .and_then(|code| StatusCode::from_u16(code).ok())
                .ok_or_else(|| malformed("status code"))?;
            let headers = fields_of(parsed.headers).ok_or_else(|| malformed("field"))?;
            Ok(Some(((status, version_of(parsed.version.unwrap_or(1)), headers), head_len)))
        }
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::Large),
        Err(error) => Err(malformed(&error.to_string())),
    }
}

/// Writes a response head. Field names are written as the map has them, in lower case.
pub fn write_head(version: Version, status: StatusCode, headers: &HeaderMap) -> Bytes {
    let mut text = String::with_capacity(256);
    let protocol = if version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
    let reason = status.canonical_reason().unwrap_or("");
    let _infallible = write!(text, "{protocol} {} {reason}\r\n", status.as_u16());
    let mut out = BytesMut::from(text.as_bytes());
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.freeze()
}

#[cfg(test)]
mod tests;

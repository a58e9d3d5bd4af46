//! The HTTP-FLV client: fetches one stream.
//!
//! It never tells of holds ([`Event::Held`]): FLV has no word for them that players would pass over. A publisher who is
//! awaited upstream is one that fell silent here, and the stream is looked for at other servers.

mod tls;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use srs_media::time::Unwrap;
use srs_names::MissingKind;
use srs_names::envelope::{HLS_HEADER, HTTP_HEADER};
use srs_net::buffer;
use srs_net::http::{Body, Response, read_response};
use srs_rtmp::chunk::Bodies;
use srs_rtmp::tag;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use url::Url;

use crate::dial::dial;
use crate::envelope::Asker;
use crate::incoming::{Event, Failed};
use crate::limits::{ANSWER_HTTP, REDIRECTS};
use crate::plan::{Login, Scheme, SrtCall, Target};

/// The longest text of a refusal that is passed on to viewers, in bytes.
const REASON: usize = 256;

/// A connection, with TLS or without.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A body that is read.
pub(crate) struct Session {
    /// Both halves: some servers take a half-closed request for a client that left.
    io: Box<dyn Io>,
    body: Body,
    input: Bytes,
    piece: Bytes,
    tags: tag::Reader,
    unwrap: Unwrap,
    /// The server says that it is of this program.
    is_ours: bool,
    /// The server says that it has the stream's HLS.
    says_hls: bool,
    /// Where it is then.
    hls: Option<(String, u16)>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("body", &self.body).finish_non_exhaustive()
    }
}

/// What one request came to.
enum Answered {
    Stream(Box<Session>),
    Elsewhere(String),
}

impl Session {
    /// Asks for the target's stream, and where it is said to be elsewhere, there.
    pub(crate) async fn open(target: &Target, asker: Option<&Asker>) -> Result<Session, Failed> {
        let first = (target.host.clone(), target.port);
        let mut target = target.clone();
        for _ in 0..=REDIRECTS {
            let place = (target.host.clone(), target.port);
            // Whoever else is named could show at a node of ours what it is told.
            let is_told = |asker: &&Asker| place == first || asker.servers.contains(&place);
            match ask(&target, asker.filter(is_told)).await? {
                Answered::Stream(mut session) => {
                    let named = session.says_hls && target.scheme == Scheme::Http;
                    session.hls = named.then(|| (target.host.clone(), target.port));
                    return Ok(*session);
                }
                Answered::Elsewhere(location) => target = redirected(&target, &location)?,
            }
        }
        Err(Failed::unreachable(format_args!("more than {REDIRECTS} redirects")))
    }

    fn new(io: Box<dyn Io>, response: Response) -> Result<Session, Failed> {
        let body = Body::of_response(&response.headers).map_err(Failed::unreachable)?;
        let server = response.headers.get(header::SERVER).map(|server| server.as_bytes());
        Ok(Session {
            io,
            body,
            is_ours: server.is_some_and(|server| server.starts_with(b"srs-cluster/")),
            says_hls: response.headers.contains_key(HLS_HEADER),
            input: response.rest,
            piece: Bytes::new(),
            tags: tag::Reader::new(Bodies::Owned),
            unwrap: Unwrap::default(),
            hls: None,
        })
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Where the server has the stream's HLS, if it says so.
    pub(crate) fn hls(&self) -> Option<(String, u16)> {
        self.hls.clone()
    }

    /// What comes next. A wait that is given up loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Event, Failed> {
        loop {
            if let Some(tag) = self.tags.read(&mut self.piece).map_err(Failed::unreachable)? {
                let time = self.unwrap.unwrap(tag.timestamp);
                // A broken frame is the encoder's loss; ending its stream for it would be ours.
                match srs_flv::demux(tag.kind, time, tag.body) {
                    Ok(frame) => return Ok(Event::Frame(frame)),
                    Err(_) => continue,
                }
            }
            // All used up: let go of the shard's read block.
            self.piece = Bytes::new();
            if let Some(piece) = self.body.read(&mut self.input).map_err(Failed::unreachable)? {
                self.piece = piece;
            } else if self.body.is_over() {
                return Ok(Event::Over);
            } else {
                self.input = Bytes::new();
                self.input = buffer::read(&mut self.io).await.map_err(Failed::unreachable)?;
                if self.input.is_empty() {
                    return Err(Failed::unreachable("the answer broke off"));
                }
            }
        }
    }
}

/// The answer to one request.
async fn ask(target: &Target, asker: Option<&Asker>) -> Result<Answered, Failed> {
    let plain = dial(&target.host, target.port).await?;
    let asked = async {
        let mut io: Box<dyn Io> = match target.scheme {
            Scheme::Https => Box::new(tls::connect(plain, &target.host).await?),
            _ => Box::new(plain),
        };
        io.write_all(request(target, asker).as_bytes()).await.map_err(Failed::unreachable)?;
        let response = read_response(&mut io).await.map_err(Failed::unreachable)?;
        understand(io, response)
    };
    timeout(ANSWER_HTTP, asked).await.unwrap_or_else(|_| Err(Failed::unreachable("no answer in time")))
}

fn understand(io: Box<dyn Io>, response: Response) -> Result<Answered, Failed> {
    let status = response.status;
    match status {
        StatusCode::OK => Session::new(io, response).map(|session| Answered::Stream(Box::new(session))),
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = response.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
            let location = location.ok_or_else(|| Failed::unreachable("a redirect to nowhere"))?;
            Ok(Answered::Elsewhere(location.to_owned()))
        }
        _ => {
            let kind = match status {
                StatusCode::NOT_FOUND | StatusCode::GONE => MissingKind::NotFound,
                StatusCode::LOOP_DETECTED => MissingKind::Loop,
                _ if status.is_client_error() => MissingKind::Forbidden,
                _ => MissingKind::Unreachable,
            };
            let said = reason(&response.headers, &response.rest);
            Err(Failed::new(kind, said.unwrap_or_else(|| format!("answered {status}"))))
        }
    }
}

/// The words of a refusal, where it has some that a log can bear.
fn reason(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let text = std::str::from_utf8(body).ok()?.trim();
    let fit = kind.starts_with("text/plain")
        && (1..=REASON).contains(&text.len())
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && !text.chars().any(char::is_control);
    fit.then(|| text.to_owned())
}

/// The head of a request for the target's stream.
fn request(target: &Target, asker: Option<&Asker>) -> String {
    let path = if target.query.is_empty() {
        escaped(&target.path)
    } else {
        format!("{}?{}", escaped(&target.path), escaped(&target.query))
    };
    let host = target.shown_host();
    let envelope = asker
        .and_then(|asker| asker.for_get(&target.authority(), &path))
        .map(|envelope| format!("{HTTP_HEADER}: {envelope}\r\n"))
        .unwrap_or_default();
    let login = target.login.as_ref().map(authorization).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: srs-cluster/{}\r\nAccept: */*\r\n{login}{envelope}Connection: close\r\n\r\n",
        escaped(&host),
        env!("CARGO_PKG_VERSION"),
    )
}

/// The line that tells who we are (RFC 7617).
fn authorization(login: &Login) -> String {
    let words = STANDARD.encode(format!("{}:{}", login.user, login.password));
    format!("{}: Basic {words}\r\n", header::AUTHORIZATION)
}

/// With what cannot stand in a request line escaped; escapes that there are stay.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0..=b' ' | 0x7f.. | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' => {
                let _infallible = write!(out, "%{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// Where a redirect leads. The vhost goes along: the host of a node's address says nothing of it.
fn redirected(from: &Target, location: &str) -> Result<Target, Failed> {
    let wrong = || Failed::unreachable("a redirect to what is no HTTP address");
    let base = Url::parse(&from.to_string()).map_err(|_| wrong())?;
    let to = base.join(location).map_err(|_| wrong())?;
    let scheme = match to.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(wrong()),
    };
    let host = to.host_str().ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = to.port().unwrap_or(scheme.port());
    // It is for the server that it was configured for.
    let is_same = (scheme, &host, port) == (from.scheme, &from.host, from.port);
    Ok(Target {
        scheme,
        host,
        port,
        login: from.login.clone().filter(|_| is_same),
        path: to.path().to_owned(),
        query: to.query().unwrap_or_default().to_owned(),
        vhost: from.vhost.clone(),
        srt: SrtCall::default(),
    })
}

#[cfg(test)]
mod tests;

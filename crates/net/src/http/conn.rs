//! A connection on which requests are answered one after the other, and what an answer is.
//!
//! Segments and files are most of what is sent here, so bodies go out as they lie: shared bytes by vectored writes,
//! files by the kernel alone (`sendfile`).

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::head::{Parsed, parse_request, write_head};
use super::stored::Stored;
use crate::{limits, tcp};

/// Most bytes that one call hands to the kernel, so that one client's segment does not keep a shard from the others.
const TURN: usize = 1 << 20;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: StatusCode,
    /// Fields; the length and those of the connection are added.
    pub headers: HeaderMap,
    /// The body.
    pub body: Content,
}

/// A body of known length.
#[derive(Debug, Clone)]
pub enum Content {
    /// Shared bytes.
    Bytes(Bytes),
    /// A part of a file, in bytes.
    File(Arc<File>, Range<u64>),
    /// A part of what is kept to be sent again and again.
    Stored(Arc<Stored>, Range<u64>),
}

impl Content {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(_, range) | Content::Stored(_, range) => range.end.saturating_sub(range.start),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part of it in `range`, which is cut to what there is.
    pub fn part(&self, range: Range<u64>) -> Content {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        match self {
            Content::Bytes(bytes) => {
                let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                Content::Bytes(bytes.slice(index(start)..index(end)))
            }
            Content::File(file, whole) => {
                let from = |at: u64| whole.start.saturating_add(at);
                Content::File(Arc::clone(file), from(start)..from(end))
            }
            Content::Stored(stored, whole) => {
                let from = |at: u64| whole.start.saturating_add(at);
                Content::Stored(Arc::clone(stored), from(start)..from(end))
            }
        }
    }
}

impl Answer {
    /// An answer with this body.
    pub fn new(status: StatusCode, kind: &'static str, body: Content) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Answer { status, headers, body }
    }

    /// One of the pages that are built in. They change with the version of the program, and are small.
    pub fn page(page: srs_pages::Page) -> Answer {
        let mut answer =
            Answer::new(StatusCode::OK, page.kind, Content::Bytes(Bytes::from_static(page.bytes)));
        let fields = &mut answer.headers;
        fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(srs_pages::POLICY));
        fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        answer
    }

    /// A line of plain text.
    pub fn text(status: StatusCode, line: &str) -> Answer {
        Answer::new(status, "text/plain; charset=utf-8", Content::Bytes(Bytes::from(format!("{line}\n"))))
    }
}

/// What a connection brings next.
#[derive(Debug)]
pub enum Next {
    /// A request whose head is whole and well-formed.
    Request(Box<Request<()>>),
    /// A head that hyper should answer: [`Conn::into_parts`] has its bytes.
    Strange,
    /// The connection is over.
    Over,
}

/// One connection.
#[derive(Debug)]
pub struct Conn {
    stream: TcpStream,
    input: BytesMut,
    /// Where the head that was read last ends in `input`.
    head: usize,
    peer: SocketAddr,
    served: bool,
}

impl Conn {
    /// A connection that brought nothing yet.
    pub fn new(stream: TcpStream, peer: SocketAddr) -> Conn {
        Conn { stream, input: BytesMut::new(), head: 0, peer, served: false }
    }

    /// The socket, and all that was read and not answered, the head of the last request included.
    pub fn into_parts(self) -> (TcpStream, Bytes) {
        (self.stream, self.input.freeze())
    }

    /// Closes the connection of a client that has its last answer: see [`tcp::close`].
    pub async fn close(self) {
        let (read, write) = self.stream.into_split();
        tcp::close(read, write).await;
    }

    /// Reads the next request. A client that has been served may take [`limits::HTTP_IDLE`] to ask again.
    pub async fn next(&mut self) -> Next {
        let _answered = self.input.split_to(self.head.min(self.input.len()));
        self.head = 0;
        if self.input.is_empty() {
            // An idle connection keeps no buffer.
            self.input = BytesMut::new();
            if self.served {
                match timeout(limits::HTTP_IDLE, self.stream.readable()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return Next::Over,
                }
            }
        }
        match timeout(limits::HTTP_HEAD, self.read_head()).await {
            Ok(next) => next,
            Err(_) if self.served && self.input.is_empty() => Next::Over,
            Err(_) => {
                tracing::warn!(peer = %self.peer, "http request head did not come in time");
                let _told_if_possible = self.stream.write_all(TOO_SLOW).await;
                Next::Over
            }
        }
    }

    async fn read_head(&mut self) -> Next {
        loop {
            match parse_request(&self.input) {
                Parsed::Whole(request, head) => {
                    self.head = head;
                    return Next::Request(request);
                }
                Parsed::Partial if self.input.len() < limits::HTTP_HEAD_BYTES => {}
                Parsed::Partial | Parsed::Strange => return Next::Strange,
            }
            self.input.reserve(1024);
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Next::Over,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(peer = %self.peer, %error, "http connection ended");
                    return Next::Over;
                }
            }
        }
    }

    /// Ready when the client has left before it was answered. What it sends meanwhile is kept for the next request, up to
    /// the size of a head.
    pub async fn gone(&mut self) {
        let most = self.head.saturating_add(limits::HTTP_HEAD_BYTES);
        while self.input.len() < most {
            self.input.reserve(1024);
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending::<()>().await;
    }

    /// Answers the request that came last. The answer is how many bytes of the body went out, and whether the connection
    /// goes on; it does not for a client that asked so, or that takes nothing for [`limits::STALL`].
    pub async fn answer(&mut self, request: &Request<()>, answer: Answer) -> io::Result<Sent> {
        let goes_on = keeps_alive(request);
        let Answer { status, mut headers, body } = answer;
        if !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        if !goes_on {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        } else if request.version() == Version::HTTP_10 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
        }
        let head = write_head(request.version(), status, &headers);
        let bodiless = *request.method() == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let body = if bodiless { Content::Bytes(Bytes::new()) } else { body };
        let mut bytes = body.len();
        match body {
            Content::Bytes(content) => self.send_bytes([head, content]).await?,
            Content::File(file, range) => {
                self.send_bytes([head, Bytes::new()]).await?;
                bytes = self.send_file(&file, range).await?;
            }
            Content::Stored(stored, range) => {
                self.send_bytes([head, Bytes::new()]).await?;
                bytes = self.send_file(stored.file(), range).await?;
            }
        }
        self.served = true;
        Ok(Sent { bytes, goes_on })
    }

    async fn send_bytes(&mut self, mut pieces: [Bytes; 2]) -> io::Result<()> {
        let stream = &self.stream;
        progress(|cx| {
            while pieces.iter().any(|piece| !piece.is_empty()) {
                std::task::ready!(stream.poll_write_ready(cx))?;
                let sent = stream.try_io(Interest::WRITABLE, || {
                    let slices = pieces.each_ref().map(|piece| {
                        io::IoSlice::new(piece.get(..piece.len().min(TURN)).unwrap_or_default())
                    });
                    socket2::SockRef::from(stream).send_vectored(&slices)
                });
                match sent {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                    Ok(mut count) => {
                        for piece in &mut pieces {
                            let part = count.min(piece.len());
                            let _sent = piece.split_to(part);
                            count = count.saturating_sub(part);
                        }
                        return Poll::Ready(Ok(pieces.iter().all(Bytes::is_empty)));
                    }
                }
            }
            Poll::Ready(Ok(true))
        })
        .await
    }

    /// The answer is how many bytes went out: a file that became shorter meanwhile is an error, as its length was said.
    async fn send_file(&mut self, file: &File, range: Range<u64>) -> io::Result<u64> {
        let (stream, mut at) = (&self.stream, range.start);
        progress(|cx| {
            while at < range.end {
                std::task::ready!(stream.poll_write_ready(cx))?;
                let left = usize::try_from(range.end.saturating_sub(at)).unwrap_or(usize::MAX);
                let sent = stream.try_io(Interest::WRITABLE, || {
                    Ok(rustix::fs::sendfile(stream, file, Some(&mut at), left.min(TURN))?)
                });
                match sent {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                    Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    Ok(_) => return Poll::Ready(Ok(at >= range.end)),
                }
            }
            Poll::Ready(Ok(true))
        })
        .await?;
        Ok(range.end.saturating_sub(range.start))
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Bytes of the body.
    pub bytes: u64,
    /// Whether the client may ask again on this connection.
    pub goes_on: bool,
}

/// Calls `step` until it says that all is done, and gives others on this shard a turn after each. It fails when nothing
/// goes on for [`limits::STALL`].
async fn progress(
    mut step: impl FnMut(&mut std::task::Context<'_>) -> Poll<io::Result<bool>>,
) -> io::Result<()> {
    let mut stall: Option<std::pin::Pin<Box<Sleep>>> = None;
    loop {
        let done = poll_fn(|cx| {
            if let Poll::Ready(done) = step(cx) {
                return Poll::Ready(done);
            }
            let deadline = || Box::pin(sleep_until(Instant::now() + limits::STALL));
            let stall = stall.get_or_insert_with(deadline);
            Future::poll(stall.as_mut(), cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
        })
        .await?;
        if done {
            return Ok(());
        }
        stall = None;
        tokio::task::yield_now().await;
    }
}

fn keeps_alive(request: &Request<()>) -> bool {
    let says = |word: &str| {
        let values = request.headers().get_all(header::CONNECTION).iter();
        let mut words = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        words.any(|said| said.trim().eq_ignore_ascii_case(word))
    };
    if request.version() == Version::HTTP_10 { says("keep-alive") } else { !says("close") }
}

/// Whether a request can be answered from its head alone: `GET`, `HEAD` or `OPTIONS`, and no body.
pub fn is_plain<T>(request: &Request<T>) -> bool {
    let fields = request.headers();
    let body = fields.contains_key(header::TRANSFER_ENCODING)
        || fields.get_all(header::CONTENT_LENGTH).iter().any(|length| length != "0");
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && !body
        && !fields.contains_key(header::UPGRADE)
}

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

#[cfg(test)]
mod tests;

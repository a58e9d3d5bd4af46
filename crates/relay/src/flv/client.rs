//! The client's side of the leg.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use srs_net::http::{Response, chunk_header, write_head};
use srs_net::{Outbox, buffer, limits, tcp};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::Ended;
use crate::heads::end_to_end;

/// The client's connection.
pub(crate) struct Client {
    pub(crate) read: OwnedReadHalf,
    pub(crate) write: OwnedWriteHalf,
    pub(crate) outbox: Outbox,
    pub(crate) chunked: bool,
    pub(crate) version: Version,
    /// Whether a head was written to the outbox.
    pub(crate) answered: bool,
}

impl Client {
    /// A client that was told nothing yet.
    pub(crate) fn new(stream: TcpStream, version: Version) -> Client {
        let (read, write) = stream.into_split();
        let chunked = version == Version::HTTP_11;
        Client { read, write, outbox: Outbox::default(), answered: false, chunked, version }
    }

    /// Queues the head of the origin's answer, with our own framing of the body.
    pub(crate) fn open(&mut self, response: &Response) {
        let mut fields = end_to_end(&response.headers);
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if self.chunked {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        self.outbox.push(write_head(self.version, response.status, &fields));
        self.answered = true;
    }

    /// Queues a piece of a body, which must not be empty.
    pub(crate) fn push(&mut self, piece: Bytes, chunked: bool) {
        if chunked {
            self.outbox.push(chunk_header(piece.len()));
        }
        self.outbox.push(piece);
        if chunked {
            self.outbox.push(Bytes::from_static(b"\r\n"));
        }
    }

    /// Ready when the client has left.
    pub(crate) async fn gone(&mut self) -> Ended {
        loop {
            match buffer::read(&mut self.read).await {
                Ok(bytes) if bytes.is_empty() => return Ended::Player,
                Ok(_) => {}
                Err(error) => return Ended::Client(error),
            }
        }
    }

    /// Sends everything that waits, as long as the client takes something every [`limits::STALL`].
    pub(crate) async fn send(&mut self) -> Result<(), Ended> {
        let stall = tokio::time::sleep(limits::STALL);
        tokio::pin!(stall);
        let mut before = self.outbox.len();
        loop {
            let Client { read, write, outbox, .. } = self;
            tokio::select! {
                biased;
                sent = poll_fn(|cx| outbox.poll_send(write, cx)) => {
                    return sent.map_err(Ended::Client);
                }
                came = buffer::read(read) => match came {
                    Ok(bytes) if bytes.is_empty() => return Err(Ended::Player),
                    Ok(_) => {}
                    Err(error) => return Err(Ended::Client(error)),
                },
                () = stall.as_mut() => {
                    if outbox.len() >= before {
                        return Err(Ended::Stalled);
                    }
                    before = outbox.len();
                    stall.as_mut().reset(Instant::now() + limits::STALL);
                }
            }
        }
    }

    /// Offers what waits without waiting; true when it is all gone.
    pub(crate) async fn offer(&mut self) -> Result<bool, Ended> {
        let Client { write, outbox, .. } = self;
        poll_fn(|cx| match outbox.poll_send(write, cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(true)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(Ended::Client(error))),
            Poll::Pending => {
                // What waits must not pin the shard's read block.
                outbox.detach();
                Poll::Ready(Ok(false))
            }
        })
        .await
    }

    pub(crate) async fn answer(mut self, status: StatusCode, why: &str) {
        let mut fields = HeaderMap::new();
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(why.len().saturating_add(1)));
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        self.outbox.push(write_head(Version::HTTP_11, status, &fields));
        self.outbox.push(Bytes::from(format!("{why}\n")));
        self.finish().await;
    }

    pub(crate) async fn finish(mut self) {
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        let _sent_if_possible = tokio::time::timeout(limits::DIAL, sent).await;
        tcp::close(self.read, self.write).await;
    }
}

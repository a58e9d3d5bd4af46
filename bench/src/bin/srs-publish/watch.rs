//! Playing a stream for a while, over RTMP or HTTP-FLV.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use srs_rtmp::chunk::Bodies;
use srs_rtmp::client::{Event, Role};
use srs_rtmp::tag;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::Outcome;
use crate::address::{Address, Scheme};
use crate::seen::Seen;
use crate::session::Link;

/// How long the first frame may take: the longest that a server of ours waits for a publisher over HTTP, and the
/// distance of two key frames.
const FIRST: Duration = Duration::from_secs(10);

/// Plays for `time`, counted from the first frame.
pub async fn watch(url: &Address, time: Duration) -> Outcome<Seen> {
    let mut viewing = Viewing { asked: Instant::now(), time, end: None, seen: Seen::default() };
    let played =
        if url.scheme == Scheme::Http { flv(url, &mut viewing).await } else { rtmp(url, &mut viewing).await };
    played.map_err(|error| format!("{url}: {error}"))?;
    Ok(viewing.seen)
}

struct Viewing {
    asked: Instant,
    time: Duration,
    /// When it is over; known since the first frame.
    end: Option<Instant>,
    seen: Seen,
}

impl Viewing {
    fn take(&mut self, kind: u8, timestamp: u32, body: &[u8]) {
        self.seen.take(kind, timestamp, body, self.asked.elapsed());
        if self.end.is_none() && self.seen.began() {
            self.end = Instant::now().checked_add(self.time);
        }
    }

    /// The result, or none when the time is up.
    async fn within<T>(&self, wanted: impl Future<Output = T>) -> Option<T> {
        let first = self.asked.checked_add(FIRST);
        timeout_at(self.end.or(first).unwrap_or(self.asked), wanted).await.ok()
    }
}

async fn rtmp(url: &Address, viewing: &mut Viewing) -> Outcome<()> {
    let mut link = Link::open(url, Role::Play).await?;
    while let Some(event) = viewing.within(link.next()).await {
        match event? {
            Event::Message(message) => viewing.take(message.kind.0, message.timestamp, &message.body),
            Event::StreamEof => return Err("the stream ended".into()),
            Event::Status { code, level, .. } if level == "error" => {
                return Err(format!("the server says {code}").into());
            }
            Event::Refused { code, description, .. } => {
                return Err(format!("refused: {code} {description}").into());
            }
            _ => {}
        }
    }
    link.close().await
}

async fn flv(url: &Address, viewing: &mut Viewing) -> Outcome<()> {
    let response = viewing.within(request(url)).await.ok_or("no answer in time")??;
    if response.status() != StatusCode::OK {
        return Err(format!("the server answers {}", response.status()).into());
    }
    let mut body = response.into_body();
    let mut reader = tag::Reader::new(Bodies::Shared);
    while let Some(frame) = viewing.within(body.frame()).await {
        let frame = frame.ok_or("the stream ended")??;
        let Ok(mut data) = frame.into_data() else { continue };
        while let Some(tag) = reader.read(&mut data)? {
            viewing.take(tag.kind, tag.timestamp, &tag.body);
        }
    }
    Ok(())
}

/// Asks for what is at `url`.
pub async fn request(url: &Address) -> Outcome<hyper::Response<hyper::body::Incoming>> {
    send(url, Method::GET, Bytes::new()).await
}

/// Sends a request about what is at `url`. What it says is an SDP, if anything.
pub async fn send(
    url: &Address,
    method: Method,
    sdp: Bytes,
) -> Outcome<hyper::Response<hyper::body::Incoming>> {
    let stream =
        TcpStream::connect(url.target()).await.map_err(|error| format!("cannot connect: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the response's body; its errors come out there.
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/{}/{}", url.app, url.stream))
        .header(header::HOST, url.authority())
        .header(header::USER_AGENT, "srs-publish");
    if !sdp.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/sdp");
    }
    Ok(sender.send_request(request.body(Full::new(sdp))?).await?)
}

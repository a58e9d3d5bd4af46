//! A viewer's leg over HTTP-FLV: from the origin that has the stream to the client.
//!
//! What is no FLV (a refusal, a redirect) is passed on as it comes. FLV is taken out of the origin's framing tag by tag,
//! and put into ours.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Version, header};
use srs_balance::Reason;
use srs_names::StreamKey;
use hyper_util::service::TowerToHyperService;
use srs_net::http::{
    Body, BodyError, HeadError, Response, Rewind, asks_for, chunk_header, first_request, read_response,
    serve_rest, write_head,
};
use srs_net::{Outbox, buffer, limits};
use srs_rtmp::chunk::Bodies;
use srs_rtmp::tag;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use crate::Relay;
use crate::forward::{session_id, shown};
use crate::limits::{ANSWER, LOOK};
use crate::origins::{Leg, Origin, Unserved};
use crate::track;

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

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the player left")]
    Player,
    #[error("the player: {0}")]
    Client(io::Error),
    #[error("took nothing for 10 s")]
    Stalled,
    #[error("the origin answered {0}")]
    Answered(StatusCode),
    #[error("the stream ended")]
    Over,
    #[error("the origin: {0}")]
    Origin(#[from] Broken),
    #[error("the origin fell silent")]
    Silent,
    #[error("not served: {0}")]
    Unserved(#[from] Unserved),
}

/// What an origin did wrong.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Head(#[from] HeadError),
    #[error("{0}")]
    Body(#[from] BodyError),
    #[error("{0}")]
    Tag(#[from] tag::Error),
    #[error("no answer in time")]
    Slow,
}

impl Relay {
    /// Serves one HTTP connection to its end: live media here, everything else by `rest`.
    pub async fn serve_http(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr, rest: axum::Router) {
        let Some(received) = first_request(&mut stream, peer).await else { return };
        match received.request {
            Some(request) if asks_for(&request, "flv") => self.play_flv(stream, request, peer).await,
            _ => {
                let service = TowerToHyperService::new(rest);
                if let Err(error) = serve_rest(Rewind::new(received.bytes, stream), service).await {
                    tracing::debug!(peer = shown(peer), %error, "http connection ended");
                }
            }
        }
    }

    /// Serves one request for live media to its end.
    async fn play_flv(self: Arc<Self>, stream: TcpStream, request: Request<()>, peer: SocketAddr) {
        let cid = session_id();
        let (read, write) = stream.into_split();
        let mut client = Client {
            read,
            write,
            outbox: Outbox::default(),
            chunked: request.version() == Version::HTTP_11,
            version: request.version(),
        };
        let uri = request.uri();
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let key = match StreamKey::from_http(host, uri.path(), uri.query()) {
            Ok((key, ..)) => key,
            Err(error) => {
                tracing::warn!(cid, peer = shown(peer), %error, "http play refused");
                return client.answer(StatusCode::BAD_REQUEST, &format!("bad stream name: {error}")).await;
            }
        };
        tracing::info!(cid, peer = shown(peer), stream = %key, "http-flv play");
        let ended = self.relay_flv(&mut client, &request, peer, &key).await;
        tracing::info!(cid, stream = %key, reason = %ended, "http-flv play ended");
        match ended {
            Ended::Unserved(_) => client.answer(StatusCode::SERVICE_UNAVAILABLE, "no origin can serve this stream now").await,
            Ended::Over | Ended::Answered(_) => client.finish().await,
            _ => {}
        }
    }

    async fn relay_flv(
        &self,
        client: &mut Client,
        request: &Request<()>,
        peer: SocketAddr,
        key: &StreamKey,
    ) -> Ended {
        let (mut leg, response) = match self.ask(request, peer, key, client).await {
            Ok(answered) => answered,
            Err(ended) => return ended,
        };
        let status = response.status;
        let flv = status == StatusCode::OK
            && response.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "video/x-flv")
            && !response.headers.contains_key(header::CONTENT_LENGTH);
        if !flv {
            return match pass_through(client, &mut leg, response).await {
                Ok(()) => Ended::Answered(status),
                Err(ended) => ended,
            };
        }
        let body = match Body::of_response(&response.headers) {
            Ok(body) => body,
            Err(error) => return Broken::from(error).into(),
        };
        client.open(&response);
        let mut flow = Flow {
            body,
            tags: tag::Reader::new(Bodies::Shared),
            track: track::Viewer::default(),
            headers: BytesMut::new(),
        };
        flow.run(client, &mut leg, response.rest).await
    }

    /// Asks origins until one answers; moves on when the stream turns out to live elsewhere.
    async fn ask(
        &self,
        request: &Request<()>,
        peer: SocketAddr,
        key: &StreamKey,
        client: &mut Client,
    ) -> Result<(HttpLeg, Response), Ended> {
        let head = request_head(request, peer);
        loop {
            let Leg { link, origin } = self.dial_http(key).await?;
            let (read, mut write) = link.into_split();
            write.write_all(&head).await.map_err(Broken::from)?;
            let mut leg = HttpLeg { read, _write: write, origin };
            let mut seen = self.balancer.version();
            let mut look = tokio::time::interval(LOOK);
            let answer = {
                let HttpLeg { read, origin, .. } = &mut leg;
                let placed = origin.reason == Reason::Placed;
                let node = Arc::clone(&origin.node);
                let mut response = std::pin::pin!(tokio::time::timeout(ANSWER, read_response(read)));
                loop {
                    tokio::select! {
                        answer = response.as_mut() => break Some(answer),
                        () = origin.silent() => return Err(Ended::Silent),
                        gone = client.gone() => return Err(gone),
                        _ = look.tick(), if placed => {
                            let version = self.balancer.version();
                            if std::mem::replace(&mut seen, version) != version
                                && self.balancer.pick_play(key, &[], self.now()).is_ok_and(|pick| {
                                    pick.reason != Reason::Placed && pick.node.id != node.id
                                })
                            {
                                break None;
                            }
                        }
                    }
                }
            };
            match answer {
                Some(Ok(response)) => return Ok((leg, response.map_err(Broken::from)?)),
                Some(Err(_)) => return Err(Broken::Slow.into()),
                None => {}
            }
        }
    }
}

/// The request as the origin gets it: the client's own words, without what belongs to one connection.
fn request_head(request: &Request<()>, peer: SocketAddr) -> Bytes {
    let mut out = BytesMut::with_capacity(512);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    out.put_slice(format!("{} {target} HTTP/1.1\r\n", request.method()).as_bytes());
    let mut put = |name: &str, value: &[u8]| {
        out.put_slice(name.as_bytes());
        out.put_slice(b": ");
        out.put_slice(value);
        out.put_slice(b"\r\n");
    };
    for (name, value) in request.headers() {
        if !HOP.contains(name) && name != FORWARDED_FOR {
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

struct HttpLeg {
    read: OwnedReadHalf,
    /// Kept open: some servers take a half-closed request for a client that left.
    _write: OwnedWriteHalf,
    origin: Origin,
}

struct Client {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    outbox: Outbox,
    chunked: bool,
    version: Version,
}

impl Client {
    /// Queues the head of the origin's answer, with our own framing of the body.
    fn open(&mut self, response: &Response) {
        let mut fields = end_to_end(&response.headers);
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if self.chunked {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        self.outbox.push(write_head(self.version, response.status, &fields));
    }

    /// Ready when the client has left.
    async fn gone(&mut self) -> Ended {
        loop {
            match buffer::read(&mut self.read).await {
                Ok(bytes) if bytes.is_empty() => return Ended::Player,
                Ok(_) => {}
                Err(error) => return Ended::Client(error),
            }
        }
    }

    /// Sends everything that waits, as long as the client takes something every [`limits::STALL`].
    async fn send(&mut self) -> Result<(), Ended> {
        let stall = tokio::time::sleep(limits::STALL);
        tokio::pin!(stall);
        let mut before = self.outbox.len();
        loop {
            let Client { read, write, outbox, .. } = self;
            tokio::select! {
                biased;
                sent = poll_fn(|cx| outbox.poll_send(Pin::new(&mut *write), cx)) => {
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
    async fn offer(&mut self) -> Result<bool, Ended> {
        let Client { write, outbox, .. } = self;
        poll_fn(|cx| match outbox.poll_send(Pin::new(&mut *write), cx) {
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

    async fn answer(mut self, status: StatusCode, why: &str) {
        let mut fields = HeaderMap::new();
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(why.len().saturating_add(1)));
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        self.outbox.push(write_head(Version::HTTP_11, status, &fields));
        self.outbox.push(Bytes::from(format!("{why}\n")));
        self.finish().await;
    }

    async fn finish(mut self) {
        let sent = poll_fn(|cx| self.outbox.poll_send(Pin::new(&mut self.write), cx));
        let _sent_if_possible = tokio::time::timeout(limits::DIAL, sent).await;
    }
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut fields = headers.clone();
    for name in HOP {
        fields.remove(name);
    }
    fields
}

/// Passes on an answer that is no live FLV, as it is framed.
async fn pass_through(client: &mut Client, leg: &mut HttpLeg, response: Response) -> Result<(), Ended> {
    let mut body = Body::of_response(&response.headers).map_err(Broken::from)?;
    let mut fields = end_to_end(&response.headers);
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    client.outbox.push(write_head(client.version, response.status, &fields));
    let mut input = response.rest;
    loop {
        while let Some(piece) = body.read(&mut input).map_err(Broken::from)? {
            client.outbox.push(piece);
        }
        client.send().await?;
        if body.is_over() {
            return Ok(());
        }
        input = buffer::read(&mut leg.read).await.map_err(Broken::from)?;
        if input.is_empty() {
            return Ok(());
        }
    }
}

/// The FLV body on its way.
struct Flow {
    body: Body,
    tags: tag::Reader,
    track: track::Viewer,
    headers: BytesMut,
}

impl Flow {
    async fn run(&mut self, client: &mut Client, leg: &mut HttpLeg, mut input: Bytes) -> Ended {
        loop {
            if let Err(broken) = self.take(client, input) {
                return broken.into();
            }
            match client.offer().await {
                Ok(true) => {}
                // Not reading on meanwhile: the origin then sees the backpressure.
                Ok(false) => {
                    if let Err(ended) = client.send().await {
                        return ended;
                    }
                }
                Err(ended) => return ended,
            }
            if self.body.is_over() {
                return self.end(client);
            }
            input = tokio::select! {
                biased;
                came = buffer::read(&mut leg.read) => match came {
                    Ok(bytes) if bytes.is_empty() => return self.end(client),
                    Ok(bytes) => bytes,
                    Err(error) => return Broken::from(error).into(),
                },
                gone = client.gone() => return gone,
                () = leg.origin.silent() => return Ended::Silent,
            };
        }
    }

    fn end(&self, client: &mut Client) -> Ended {
        // A chunked body that broke off is left without its last chunk, so that the player can tell.
        let whole = self.body.is_over() || self.body == Body::UntilClose;
        if whole && client.chunked {
            client.outbox.push(Bytes::from_static(b"0\r\n\r\n"));
        }
        Ended::Over
    }

    /// Takes the tags out of what was read and queues them as one piece of our framing.
    fn take(&mut self, client: &mut Client, mut input: Bytes) -> Result<(), Broken> {
        let mut parts = Vec::new();
        while let Some(mut piece) = self.body.read(&mut input)? {
            while let Some(tag) = self.tags.read(&mut piece)? {
                self.pass(&tag, &mut parts);
            }
        }
        if let Some(opening) = self.tags.take_file_header() {
            parts.insert(0, Bytes::copy_from_slice(&opening));
        }
        if parts.is_empty() {
            return Ok(());
        }
        let size = parts.iter().map(Bytes::len).fold(0_usize, usize::saturating_add);
        if client.chunked {
            client.outbox.push(chunk_header(size));
        }
        for part in parts {
            client.outbox.push(part);
        }
        if client.chunked {
            client.outbox.push(Bytes::from_static(b"\r\n"));
        }
        Ok(())
    }

    fn pass(&mut self, tag: &tag::Tag, parts: &mut Vec<Bytes>) {
        let timestamp = self.track.pass(tag.kind, tag.timestamp, &tag.body);
        self.headers.put_slice(&tag::header(tag.kind, timestamp, tag.body.len()));
        parts.push(self.headers.split().freeze());
        parts.push(tag.body.clone());
        self.headers.put_slice(&tag::trailer(tag.body.len()));
        parts.push(self.headers.split().freeze());
    }
}

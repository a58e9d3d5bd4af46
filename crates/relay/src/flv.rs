//! A viewer's leg over HTTP-FLV: from the origin that has the stream to the client.
//!
//! What is no FLV (a refusal, a redirect) is passed on as it comes. FLV is taken out of the origin's framing tag by tag,
//! and put into ours.

mod client;
mod flow;
mod heads;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Version, header};
use hyper_util::service::TowerToHyperService;
use srs_balance::Reason;
use srs_names::StreamKey;
use srs_net::http::{
    Body, BodyError, HeadError, Response, Rewind, asks_for, first_request, read_response, serve_rest,
    write_head,
};
use srs_net::{Outbox, buffer};
use srs_rtmp::tag;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::Relay;
use crate::forward::{session_id, shown};
use crate::limits::{ANSWER, LOOK};
use crate::origins::{Leg, Origin, Unserved};
use client::Client;
use flow::Flow;
use heads::{end_to_end, request_head};

/// Ends a chunked body. Without it the player can tell that the body broke off.
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

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
    #[error("the answer broke off")]
    Short,
}

impl Relay {
    /// Serves one HTTP connection to its end: live media here, everything else by `rest`.
    pub async fn serve_http<R>(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr, rest: R)
    where
        R: FnOnce() -> axum::Router,
    {
        let Some(received) = first_request(&mut stream, peer).await else { return };
        match received.request {
            Some(request) if asks_for(&request, "flv") => {
                drop(received.bytes);
                self.play_flv(stream, request, peer).await;
            }
            _ => {
                let service = TowerToHyperService::new(rest());
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
            answered: false,
            chunked: request.version() == Version::HTTP_11,
            version: request.version(),
        };
        let uri = request.uri();
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let key = match StreamKey::from_http(host, uri.path(), uri.query()) {
            Ok((key, ..)) => self.balancer.home(key),
            Err(error) => {
                tracing::warn!(cid, peer = shown(peer), %error, "http play refused");
                return client.answer(StatusCode::BAD_REQUEST, &format!("bad stream name: {error}")).await;
            }
        };
        let head = request_head(&request, peer);
        drop(request);
        tracing::info!(cid, peer = shown(peer), stream = %key, "http-flv play");
        let ended = self.relay_flv(&mut client, head, &key).await;
        tracing::info!(cid, stream = %key, reason = %ended, "http-flv play ended");
        match ended {
            Ended::Unserved(_) => {
                client.answer(StatusCode::SERVICE_UNAVAILABLE, "no origin can serve this stream now").await
            }
            // Without an answer the player could not tell a broken origin from a broken proxy.
            Ended::Origin(_) | Ended::Silent if !client.answered => {
                client.answer(StatusCode::BAD_GATEWAY, "the origin did not answer").await;
            }
            // A body that broke off lacks its end; what came of it is the player's.
            Ended::Over | Ended::Answered(_) | Ended::Origin(_) => client.finish().await,
            _ => {}
        }
    }

    async fn relay_flv(&self, client: &mut Client, head: Bytes, key: &StreamKey) -> Ended {
        let (mut leg, response) = match self.ask(&head, key, client).await {
            Ok(answered) => answered,
            Err(ended) => return ended,
        };
        // A viewer may stay for days: what is needed no longer goes before.
        drop(head);
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
        drop(response.headers);
        Flow::new(body).run(client, &mut leg, response.rest).await
    }

    /// Asks origins until one answers; moves on when the stream turns out to live elsewhere.
    async fn ask(
        &self,
        head: &[u8],
        key: &StreamKey,
        client: &mut Client,
    ) -> Result<(HttpLeg, Response), Ended> {
        loop {
            let mut leg = tokio::select! {
                leg = self.open_http(head, key) => leg?,
                gone = client.gone() => return Err(gone),
            };
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

    async fn open_http(&self, head: &[u8], key: &StreamKey) -> Result<HttpLeg, Ended> {
        let Leg { link, origin } = self.dial_http(key).await?;
        let (read, mut write) = link.into_split();
        write.write_all(head).await.map_err(Broken::from)?;
        Ok(HttpLeg { read, _write: write, origin })
    }
}

struct HttpLeg {
    read: OwnedReadHalf,
    /// Kept open: some servers take a half-closed request for a client that left.
    _write: OwnedWriteHalf,
    origin: Origin,
}

/// Passes on an answer that is no live FLV, so that the client can tell whether it is whole where we can.
async fn pass_through(client: &mut Client, leg: &mut HttpLeg, response: Response) -> Result<(), Ended> {
    let mut body = match response.status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Body::Length(0),
        _ => Body::of_response(&response.headers).map_err(Broken::from)?,
    };
    let mut fields = end_to_end(&response.headers);
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let chunked = client.chunked && matches!(body, Body::Chunked(_));
    if chunked {
        fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    client.outbox.push(write_head(client.version, response.status, &fields));
    client.answered = true;
    let mut input = response.rest;
    loop {
        while let Some(piece) = body.read(&mut input).map_err(Broken::from)? {
            client.push(piece, chunked);
        }
        if chunked && body.is_over() {
            client.outbox.push(LAST_CHUNK);
        }
        client.send().await?;
        if body.is_over() {
            return Ok(());
        }
        input = tokio::select! {
            biased;
            came = buffer::read(&mut leg.read) => came.map_err(Broken::from)?,
            gone = client.gone() => return Err(gone),
            () = leg.origin.silent() => return Err(Ended::Silent),
        };
        if input.is_empty() {
            return if body == Body::UntilClose { Ok(()) } else { Err(Broken::Short.into()) };
        }
    }
}

#[cfg(test)]
mod tests;

//! HTTP-FLV.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};
use srs_names::StreamKey;
use srs_net::http::{Received, Rewind, asks_for, first_request, serve_rest, write_head};
use srs_net::{buffer, limits, tcp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use crate::clients::{About, Client};
use crate::config::Vhost;
use crate::fan::{self, Ending, Joining, Pace, Seat};
use crate::{Gateway, Refused, rendition, shown};

/// A request for a stream that is not live is held back this long, so that a player that was a little early plays.
pub(crate) const NOT_LIVE: Duration = Duration::from_secs(3);

/// The last chunk of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Left {
    #[error("the stream ended")]
    Over,
    #[error("the player left")]
    Player,
    #[error("the stream is not live")]
    NotLive,
    #[error("took nothing for 10 s")]
    Stalled,
    #[error("a defect here")]
    Broken,
    #[error("ended by an operator")]
    Kicked,
    #[error("connection lost: {0}")]
    Lost(#[from] std::io::Error),
}

/// A request for live media that may be served.
struct Wanted<'a> {
    key: StreamKey,
    vhost: &'a Vhost,
    version: Version,
    host: String,
}

impl Gateway {
    /// Serves one HTTP connection to its end: live media here, everything else by `rest`.
    pub async fn serve_http<R>(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr, rest: R)
    where
        R: FnOnce() -> axum::Router,
    {
        let Some(received) = first_request(&mut stream, peer).await else { return };
        match received.request.as_ref().and_then(|request| self.wanted(request, peer)) {
            Some(Ok(wanted)) => {
                // A viewer stays for hours; its request need not.
                drop(received);
                self.watch_flv(stream, wanted, peer).await;
            }
            Some(Err(refused)) => {
                tracing::warn!(peer = shown(peer), error = %refused, "http play refused");
                let status = status_of(&refused);
                let (_, write) = stream.into_split();
                self.answer(write, status, &refused.to_string()).await;
            }
            None => self.serve_others(stream, received, peer, rest()).await,
        }
    }

    async fn serve_others(
        &self,
        stream: TcpStream,
        received: Received,
        peer: SocketAddr,
        rest: axum::Router,
    ) {
        let service = hyper_util::service::TowerToHyperService::new(rest);
        if let Err(error) = serve_rest(Rewind::new(received.bytes, stream), service).await {
            tracing::debug!(peer = shown(peer), %error, "http connection ended");
        }
    }

    /// Whether this is a plain request for live media, and if so which.
    fn wanted(&self, request: &Request<()>, peer: SocketAddr) -> Option<Result<Wanted<'_>, Refused>> {
        if !asks_for(request, "flv") {
            return None;
        }
        self.name(request, peer).transpose()
    }

    fn name(&self, request: &Request<()>, peer: SocketAddr) -> Result<Option<Wanted<'_>>, Refused> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let uri = request.uri();
        let (key, _, params) = StreamKey::from_http(host, uri.path(), uri.query())?;
        let (key, vhost) = self.resolve(&key)?;
        if !vhost.http_flv {
            return Ok(None);
        }
        self.admit.play(&key, &params, peer).map_err(|refusal| Refused::NotAllowed(refusal.to_string()))?;
        let host = host.unwrap_or_default().to_owned();
        Ok(Some(Wanted { key, vhost, version: request.version(), host }))
    }

    async fn watch_flv(&self, stream: TcpStream, wanted: Wanted<'_>, peer: SocketAddr) {
        let Wanted { key, vhost, version, host } = wanted;
        let tc_url = format!("http://{host}/{}", key.app());
        let listed = self.clients.add(&key, peer, "flv-play", About { tc_url, ..About::default() });
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "http-flv play");
        let chunked = version == Version::HTTP_11;
        let format = if chunked { rendition::FLV_CHUNKED } else { rendition::FLV };
        let fan = fan::of_shard(&self.hub, &key, format, Pace::of(vhost), || {
            Box::new(rendition::Flv::new(chunked))
        });
        let (mut read, write) = stream.into_split();
        let joining = Joining {
            write,
            opening: write_head(version, StatusCode::OK, &self.media_fields(chunked)),
            gated: true,
            goodbye: if chunked { Bytes::from_static(LAST_CHUNK) } else { Bytes::new() },
            client: Arc::clone(&listed.client),
        };
        let mut seat = Seat::take(&fan, joining).await;
        drop(fan);
        let left = serve_viewer(&mut read, &mut seat, &listed.client).await;
        let sent = listed.client.traffic.sent.load(Ordering::Relaxed);
        tracing::info!(cid = id, stream = %key, sent, reason = %left, "http-flv play ended");
        match (left, seat.leave()) {
            (Left::NotLive, Some(write)) => {
                self.answer(write, StatusCode::NOT_FOUND, "the stream is not live").await;
            }
            (Left::Over, Some(write)) => tcp::close(read, write).await,
            _ => {}
        }
    }

    /// The fields of a live body's head.
    fn media_fields(&self, chunked: bool) -> HeaderMap {
        let mut fields = closing();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("video/x-flv"));
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        fields.insert(
            header::SERVER,
            HeaderValue::from_static(concat!("srs-cluster/", env!("CARGO_PKG_VERSION"))),
        );
        if chunked {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        self.cross_domain(&mut fields);
        fields
    }

    pub(crate) fn cross_domain(&self, fields: &mut HeaderMap) {
        if self.crossdomain {
            let any = HeaderValue::from_static("*");
            fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
            fields.insert(header::ACCESS_CONTROL_ALLOW_METHODS, any.clone());
            fields.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, any);
        }
    }

    async fn answer(&self, mut write: OwnedWriteHalf, status: StatusCode, why: &str) {
        let mut fields = closing();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(why.len() + 1));
        self.cross_domain(&mut fields);
        let mut text = write_head(Version::HTTP_11, status, &fields).to_vec();
        text.extend_from_slice(why.as_bytes());
        text.push(b'\n');
        let _told_if_possible = tokio::time::timeout(limits::STALL, write.write_all(&text)).await;
    }
}

fn closing() -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    fields
}

fn status_of(refused: &Refused) -> StatusCode {
    match refused {
        Refused::Name(_) => StatusCode::BAD_REQUEST,
        Refused::Vhost(_) => StatusCode::NOT_FOUND,
        Refused::NotAllowed(_) => StatusCode::FORBIDDEN,
    }
}

async fn serve_viewer(read: &mut OwnedReadHalf, seat: &mut Seat, client: &Client) -> Left {
    let not_live = tokio::time::sleep_until(Instant::now() + NOT_LIVE);
    tokio::pin!(not_live);
    let mut waiting = true;
    loop {
        tokio::select! {
            biased;
            ending = poll_fn(|cx| seat.poll_ending(cx)) => return match ending {
                Ending::Over => Left::Over,
                Ending::Lost(error) => Left::Lost(error),
                Ending::Stalled => Left::Stalled,
                Ending::Broken => Left::Broken,
            },
            // A player has nothing more to say: what comes is the end, or is thrown away.
            came = buffer::read(read) => match came {
                Ok(bytes) if bytes.is_empty() => return Left::Player,
                Ok(_) => {}
                Err(error) => return Left::Lost(error),
            },
            () = poll_fn(|cx| client.kicked.poll(cx)) => return Left::Kicked,
            () = not_live.as_mut(), if waiting => {
                waiting = false;
                if !seat.opened() {
                    return Left::NotLive;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

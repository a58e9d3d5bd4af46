//! Live media over HTTP: a body without end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use srs_media::Codec;
use srs_names::StreamKey;
use srs_names::envelope::HLS_HEADER;
use srs_names::source::Missing;
use srs_net::http::write_head;
use srs_net::{buffer, limits, tcp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::SERVER;
use crate::clients::{About, Client, Via};
use crate::config::Vhost;
use crate::fan::{self, Ending, FAREWELL, Joining, News, Pace, Seat, Sink, at};
use crate::fetch::{self, Coming, Patience};
use crate::rendition::Hears;
use crate::{Gateway, Live, shown};

/// A request for a stream that is not live is held back this long, so that a player that was a little early plays.
const NOT_LIVE: Duration = Duration::from_secs(3);

/// The last chunk of a chunked body.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Left {
    #[error("the stream ended")]
    Over,
    #[error("the player left")]
    Player,
    #[error("the stream is not live")]
    NotLive,
    #[error("the stream cannot be had: {0}")]
    Missing(Missing),
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
pub(super) struct Wanted<'a> {
    pub(super) live: Live,
    pub(super) key: StreamKey,
    pub(super) vhost: &'a Vhost,
    pub(super) version: Version,
    pub(super) host: String,
    /// The node that asks is to know that the stream's HLS is here too.
    pub(super) says_hls: bool,
    /// It is a node that fetches the stream.
    pub(super) node: bool,
}

impl Gateway {
    /// Serves a viewer to its end; `coming` says whether its stream is fetched.
    pub(super) async fn watch_live(
        &self,
        stream: TcpStream,
        wanted: Wanted<'_>,
        (peer, via): (SocketAddr, Option<Via>),
        coming: Coming,
    ) {
        let Wanted { live, key, vhost, version, host, says_hls, node } = wanted;
        let tc_url = format!("http://{host}/{}", key.app());
        let listed = self.clients.add(&key, peer, "flv-play", About { tc_url, via, ..About::default() });
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "http-{} play", live.extension());
        let chunked = version == Version::HTTP_11;
        let hears = live.hears(node);
        let pace = if hears == Hears::Both { Pace::for_nodes(vhost) } else { Pace::of(vhost) };
        let made = live.wants_aac(node).then(|| self.sound.wants(&key, Codec::Aac));
        let make = || live.rendition(chunked, hears);
        let fan = fan::of_shard(&self.hub, &key, live.format(chunked, hears), pace, make);
        let (mut read, write) = stream.into_split();
        let mut fields = self.media_fields(live, chunked);
        if says_hls {
            fields.insert(HLS_HEADER, HeaderValue::from_static("on"));
        }
        let joining = Joining {
            write: Sink::Tcp(write),
            opening: write_head(version, StatusCode::OK, &fields),
            gated: true,
            goodbye: if chunked { Bytes::from_static(LAST_CHUNK) } else { Bytes::new() },
            news: News::default(),
            client: Arc::clone(&listed.client),
        };
        let mut seat = Seat::take(&fan, joining).await;
        drop(fan);
        let left = serve_viewer(&mut read, &mut seat, &listed.client, Patience::new(coming, NOT_LIVE)).await;
        let opened = seat.opened();
        let sent = listed.client.traffic.sent.load(Ordering::Relaxed);
        tracing::info!(cid = id, stream = %key, sent, reason = %left, "http-{} play ended", live.extension());
        // Who is only seen off is no viewer any more.
        drop((listed, made));
        match (left, seat.leave().and_then(Sink::into_tcp)) {
            (Left::NotLive, Some(write)) => {
                self.answer(write, StatusCode::NOT_FOUND, "the stream is not live").await;
            }
            (Left::Missing(missing), Some(write)) => {
                self.answer(write, fetch::status_of(&missing), &missing.reason).await;
            }
            (Left::Kicked, Some(write)) if !opened => {
                self.answer(write, StatusCode::FORBIDDEN, "ended by an operator").await;
            }
            (Left::Over | Left::Kicked, Some(write)) => tcp::close(read, write).await,
            _ => {}
        }
    }

    /// The fields of a live body's head.
    fn media_fields(&self, live: Live, chunked: bool) -> HeaderMap {
        let mut fields = closing();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(live.kind()));
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        fields.insert(header::SERVER, SERVER);
        if chunked {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        self.cross_domain(&mut fields);
        fields
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

async fn serve_viewer(read: &mut OwnedReadHalf, seat: &mut Seat, client: &Client, wait: Patience) -> Left {
    let Patience { most, mut coming } = wait;
    let not_live = tokio::time::sleep_until(Instant::now() + most);
    tokio::pin!(not_live);
    let mut waiting = true;
    let mut kicked = None;
    loop {
        tokio::select! {
            biased;
            ending = poll_fn(|cx| seat.poll_ending(cx)) => return match ending {
                Ending::Over if kicked.is_some() => Left::Kicked,
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
            () = poll_fn(|cx| client.kicked.poll(cx)), if kicked.is_none() => {
                // A body that breaks off would look as if this node had failed.
                seat.dismiss(None);
                kicked = Some(Instant::now() + FAREWELL);
            }
            () = at(kicked) => return Left::Kicked,
            missing = fetch::missing(&mut coming), if coming.is_some() => {
                coming = None;
                if !seat.opened() {
                    return Left::Missing(missing);
                }
            }
            () = not_live.as_mut(), if waiting => {
                (waiting, coming) = (false, None);
                if !seat.opened() {
                    return Left::NotLive;
                }
            }
        }
    }
}

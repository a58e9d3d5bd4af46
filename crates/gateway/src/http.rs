//! HTTP: live media in a body without end, and answers that have one.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header};
use srs_names::StreamKey;
use srs_net::http::{Answer, Conn, Content, Next, Rewind, is_plain, serve_rest, with_range, write_head};
use srs_net::{buffer, limits, tcp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use crate::clients::{About, Client, Via};
use crate::config::Vhost;
use crate::fan::{self, Ending, FAREWELL, Joining, News, Pace, Seat, at};
use crate::{Gateway, Live, Refused, hls, shown};

/// A request for a stream that is not live is held back this long, so that a player that was a little early plays.
pub(crate) const NOT_LIVE: Duration = Duration::from_secs(3);

/// What we call ourselves.
const SERVER: HeaderValue = HeaderValue::from_static(concat!("srs-cluster/", env!("CARGO_PKG_VERSION")));

/// Most letters of a host: what a name can have (RFC 1035).
const MOST_HOST: usize = 255;

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
    live: Live,
    key: StreamKey,
    vhost: &'a Vhost,
    version: Version,
    host: String,
}

/// What becomes of a request.
enum Route<'a> {
    /// A body without end, which takes the connection over.
    Live(Wanted<'a>),
    /// An answer, after which the connection goes on.
    Answer(Answer),
    /// The same, of HLS.
    Hls(hls::Ask, About),
    /// Nothing that is known here: files, the API.
    Rest,
}

impl Gateway {
    /// Serves one HTTP connection to its end: live media and its like here, everything else by `rest`.
    pub async fn serve_http<R>(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, rest: R)
    where
        R: FnOnce() -> axum::Router,
    {
        let mut conn = Conn::new(stream, peer);
        loop {
            let mut request = match conn.next().await {
                Next::Request(request) => request,
                Next::Strange => return self.serve_others(conn, peer, rest()).await,
                Next::Over => return,
            };
            let (peer, via) = self.client_of(&mut request, peer);
            let mut owner = None;
            let answer = match self.route(&request, peer) {
                // A viewer stays for hours; its request need not.
                Route::Live(wanted) => {
                    let (stream, _) = conn.into_parts();
                    drop(request);
                    return self.watch_live(stream, wanted, peer, via).await;
                }
                Route::Answer(answer) => answer,
                Route::Hls(ask, about) => {
                    // A list that somebody laid into the folder is not to wait for a stream of that name.
                    if !ask.is_known(&self.hls)
                        && let Some(answer) = self.file(&request).await
                    {
                        match conn.answer(&request, self.with_common_fields(answer)).await {
                            Ok(sent) if sent.goes_on => continue,
                            _ => return conn.close().await,
                        }
                    }
                    let about = About { via, ..about };
                    let (answer, whose) = self.hls.serve(ask, &self.clients, peer, about).await.parts();
                    owner = Some(whose);
                    with_range(&request, answer)
                }
                Route::Rest => match self.file(&request).await {
                    Some(answer) => answer,
                    None => return self.serve_others(conn, peer, rest()).await,
                },
            };
            let answered = conn.answer(&request, self.with_common_fields(answer)).await;
            if let (Ok(sent), Some(owner)) = (&answered, owner) {
                self.hls.sent(owner, sent.bytes);
            }
            match answered {
                Ok(sent) if sent.goes_on => {}
                Ok(_) => return conn.close().await,
                Err(error) => return tracing::debug!(peer = shown(peer), %error, "http connection ended"),
            }
        }
    }

    /// The file that a request names, if this node serves files.
    async fn file(&self, request: &Request<()>) -> Option<Answer> {
        // What is the API's is not to be hidden by a file.
        let may = is_plain(request) && !request.uri().path().starts_with("/api/");
        let folder = self.files.as_ref().filter(|_| may)?;
        Some(with_range(request, folder.answer(request).await?))
    }

    async fn serve_others(&self, conn: Conn, peer: SocketAddr, rest: axum::Router) {
        let service = hyper_util::service::TowerToHyperService::new(rest);
        let (stream, bytes) = conn.into_parts();
        if let Err(error) = serve_rest(Rewind::new(bytes, stream), service).await {
            tracing::debug!(peer = shown(peer), %error, "http connection ended");
        }
    }

    fn route(&self, request: &Request<()>, peer: SocketAddr) -> Route<'_> {
        if !is_plain(request) {
            return Route::Rest;
        }
        if *request.method() == Method::OPTIONS && !request.uri().path().starts_with("/api/") {
            // A browser asks whether a page of another site may ask.
            return Route::Answer(Answer::text(StatusCode::OK, "anybody may ask"));
        }
        if let Some(page) = srs_pages::find(request.uri().path()) {
            return Route::Answer(Answer::page(page));
        }
        match self.media(request, peer) {
            Ok(route) => route,
            Err(refused) => {
                tracing::warn!(peer = shown(peer), error = %refused, "http play refused");
                Route::Answer(Answer::text(status_of(&refused), &refused.to_string()))
            }
        }
    }

    /// What a request asks for of the media of its vhost, if this client may see it.
    fn media(&self, request: &Request<()>, peer: SocketAddr) -> Result<Route<'_>, Refused> {
        let live = Live::of_path(request.uri().path());
        if live.is_none() && self.vhosts.iter().all(|vhost| vhost.hls.is_none()) {
            return Ok(Route::Rest);
        }
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let uri = request.uri();
        let named = StreamKey::from_http(host, uri.path(), uri.query());
        let (key, _, params) = match (named, live) {
            (Ok(named), _) => named,
            (Err(error), Some(_)) => return Err(error.into()),
            // A page or a file need not be named as streams are.
            (Err(_), None) => return Ok(Route::Rest),
        };
        let (key, vhost) = match self.resolve(&key) {
            Ok(resolved) => resolved,
            // Files and the API are every host's.
            Err(_) if live.is_none() && !uri.path().ends_with(".m3u8") => return Ok(Route::Rest),
            Err(refused) => return Err(refused),
        };
        let may = || {
            let admitted = self.admit.play(&key, &params, peer);
            admitted.map_err(|refusal| Refused::NotAllowed(refusal.to_string()))
        };
        // What is kept of it for hours has a limit.
        let host: String = host.unwrap_or_default().chars().take(MOST_HOST).collect();
        if vhost.hls.is_some()
            && let Some(ask) = hls::Ask::of(&self.hls, key.vhost(), request, &params)
        {
            may()?;
            let about = About { tc_url: format!("http://{host}/{}", key.app()), ..About::default() };
            return Ok(Route::Hls(ask, about));
        }
        let Some(live) = live.filter(|live| vhost.http_live.contains(live)) else { return Ok(Route::Rest) };
        may()?;
        if *request.method() != Method::GET {
            return Ok(Route::Answer(bodiless(live)));
        }
        Ok(Route::Live(Wanted { live, key, vhost, version: request.version(), host }))
    }

    async fn watch_live(&self, stream: TcpStream, wanted: Wanted<'_>, peer: SocketAddr, via: Option<Via>) {
        let Wanted { live, key, vhost, version, host } = wanted;
        let tc_url = format!("http://{host}/{}", key.app());
        let listed = self.clients.add(&key, peer, "flv-play", About { tc_url, via, ..About::default() });
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "http-{} play", live.extension());
        let chunked = version == Version::HTTP_11;
        let pace = Pace::of(vhost);
        let fan = fan::of_shard(&self.hub, &key, live.format(chunked), pace, || live.rendition(chunked));
        let (mut read, write) = stream.into_split();
        let joining = Joining {
            write,
            opening: write_head(version, StatusCode::OK, &self.media_fields(live, chunked)),
            gated: true,
            goodbye: if chunked { Bytes::from_static(LAST_CHUNK) } else { Bytes::new() },
            news: News::default(),
            client: Arc::clone(&listed.client),
        };
        let mut seat = Seat::take(&fan, joining).await;
        drop(fan);
        let left = serve_viewer(&mut read, &mut seat, &listed.client).await;
        let opened = seat.opened();
        let sent = listed.client.traffic.sent.load(Ordering::Relaxed);
        tracing::info!(cid = id, stream = %key, sent, reason = %left, "http-{} play ended", live.extension());
        // Who is only seen off is no viewer any more.
        drop(listed);
        match (left, seat.leave()) {
            (Left::NotLive, Some(write)) => {
                self.answer(write, StatusCode::NOT_FOUND, "the stream is not live").await;
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

    fn with_common_fields(&self, mut answer: Answer) -> Answer {
        answer.headers.insert(header::SERVER, SERVER);
        self.cross_domain(&mut answer.headers);
        answer
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

/// To `HEAD` and `OPTIONS` of live media.
fn bodiless(live: Live) -> Answer {
    Answer::new(StatusCode::OK, live.kind(), Content::Bytes(Bytes::new()))
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
        Refused::Draining | Refused::Hub(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn serve_viewer(read: &mut OwnedReadHalf, seat: &mut Seat, client: &Client) -> Left {
    let not_live = tokio::time::sleep_until(Instant::now() + NOT_LIVE);
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

//! HTTP: live media in a body without end, and answers that have one.

mod files;
mod live;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use srs_names::StreamKey;
use srs_names::envelope::Envelope;
use srs_names::source::{MissingKind, Wish};
use srs_net::http::elsewhere::{self, Elsewhere, Hops};
use srs_net::http::{Answer, Conn, Content, Next, Rewind, is_plain, serve_rest, with_range};
use tokio::net::TcpStream;

use crate::clients::{About, Via};
use crate::fetch::{self, Coming};
use crate::{Gateway, Live, Refused, hls, shown};
use live::Wanted;

/// What we call ourselves.
const SERVER: HeaderValue = HeaderValue::from_static(concat!("srs-cluster/", env!("CARGO_PKG_VERSION")));

/// Most letters of a host: what a name can have (RFC 1035).
const MOST_HOST: usize = 255;

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

/// What a request gets.
enum Reply<'a> {
    /// An answer, and of HLS whose it is.
    Answer(Answer, Option<hls::Owner>),
    /// A body without end, of a stream that may have to be fetched.
    Live(Wanted<'a>, Coming),
    /// What hyper makes of it.
    Rest,
    /// Nothing: the client has left.
    Nobody,
}

/// Where the client is, and what the node said that stands for it.
type Who<'a> = (SocketAddr, Option<&'a Envelope>);

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
            let (peer, sent) = self.client_of(&mut request, peer);
            if let Some(hops) = sent.as_ref().map(|sent| sent.hops.clone()).filter(|hops| !hops.is_empty()) {
                request.extensions_mut().insert(Hops(hops));
            }
            let (answer, owner) = match self.reply(&request, (peer, sent.as_ref()), &mut conn).await {
                Reply::Answer(answer, owner) => (answer, owner),
                // A viewer stays for hours; its request need not.
                Reply::Live(wanted, coming) => {
                    let (stream, _) = conn.into_parts();
                    let via = sent.as_ref().map(Via::of);
                    drop((request, sent));
                    return self.watch_live(stream, wanted, (peer, via), coming).await;
                }
                Reply::Rest => return self.serve_others(conn, peer, rest()).await,
                Reply::Nobody => {
                    return tracing::debug!(peer = shown(peer), "an http client left unanswered");
                }
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

    /// What a request gets, once that is known; who leaves meanwhile gets nothing.
    async fn reply(&self, request: &Request<()>, who: Who<'_>, conn: &mut Conn) -> Reply<'_> {
        let route = match self.elsewhere(request, who) {
            Err(refused) => Route::Answer(refusal(&refused, who.0)),
            Ok(None) => self.route(request, who),
            Ok(Some(elsewhere)) => {
                let answer = tokio::select! {
                    biased;
                    answer = elsewhere.answer(request, who.0) => answer,
                    () = conn.gone() => return Reply::Nobody,
                };
                answer.map_or_else(|| self.route(request, who), Route::Answer)
            }
        };
        match route {
            Route::Answer(answer) => Reply::Answer(answer, None),
            Route::Live(wanted) => tokio::select! {
                biased;
                coming = self.fetch_for(&wanted.key, request, who) => match coming {
                    Ok(coming) => Reply::Live(wanted, coming),
                    Err(refused) => Reply::Answer(refusal(&refused, who.0), None),
                },
                () = conn.gone() => Reply::Nobody,
            },
            Route::Hls(ask, about) => {
                // A list that somebody laid into the folder is not to wait for a stream of that name.
                if !ask.is_known(&self.hls)
                    && let Some(answer) = self.file(request, who).await
                {
                    return Reply::Answer(answer, None);
                }
                let served = tokio::select! {
                    biased;
                    served = self.serve_hls(ask, request, who, about) => served,
                    () = conn.gone() => return Reply::Nobody,
                };
                let (answer, owner) = served.parts();
                Reply::Answer(with_range(request, answer), Some(owner))
            }
            Route::Rest => match self.file(request, who).await {
                Some(answer) => Reply::Answer(answer, None),
                None => Reply::Rest,
            },
        }
    }

    /// Has the stream fetched that a request is for, if it is one that is fetched.
    async fn fetch_for(
        &self,
        key: &StreamKey,
        request: &Request<()>,
        (client, sent): Who<'_>,
    ) -> Result<Coming, Refused> {
        if self.source.is_none() {
            return Ok(None);
        }
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        // A player's mark is a matter between it and this node.
        let (target, _) = srs_m3u8::without_query(target, hls::MARK);
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let host = srs_names::host_of(host_of(request));
        let wish = Wish { key, host, query, client, hops: fetch::hops(sent) };
        Ok(self.fetch(wish).await?)
    }

    /// Answers a request for what HLS has, and has a stream fetched whose list is asked for.
    async fn serve_hls(
        &self,
        ask: hls::Ask,
        request: &Request<()>,
        who: Who<'_>,
        about: About,
    ) -> hls::Served {
        let coming = match ask.stream() {
            Some(key) => self.fetch_for(key, request, who).await,
            None => Ok(None),
        };
        let coming = match coming {
            Ok(coming) => coming,
            // Who was playing it is to see its end.
            Err(Refused::Missing(missing))
                if matches!(missing.kind, MissingKind::NotFound | MissingKind::Unreachable)
                    && ask.is_listed(&self.hls) =>
            {
                None
            }
            Err(refused) => return refusal(&refused, who.0).into(),
        };
        let about = About { via: who.1.map(Via::of), ..about };
        self.hls.serve(ask, &self.clients, who.0, about, coming).await
    }

    /// Who answers a request for another node's HLS, if this is one and may be.
    fn elsewhere(
        &self,
        request: &Request<()>,
        (peer, sent): Who<'_>,
    ) -> Result<Option<&dyn Elsewhere>, Refused> {
        let uri = request.uri();
        let query = uri.query().unwrap_or_default();
        let has_token = || query.split('&').any(|part| part.split('=').next() == Some(elsewhere::TOKEN));
        let Some(elsewhere) = self.elsewhere.as_deref() else { return Ok(None) };
        let asks = is_plain(request) && *request.method() != Method::OPTIONS;
        // A token does not make a file of what is none: it would be asked for upstream in our name.
        let path = uri.path();
        let is_other =
            path.starts_with("/api/") || path.starts_with("/rtc/") || Live::of_path(path) == Some(Live::Flv);
        if !asks || is_other || !(path.ends_with(".m3u8") || has_token()) {
            return Ok(None);
        }
        let named = StreamKey::from_http(Some(host_of(request)), uri.path(), uri.query());
        let Ok((key, _, params)) = named else { return Ok(None) };
        let Ok((key, vhost)) = self.resolve(&key) else { return Ok(None) };
        if !vhost.hls_elsewhere {
            return Ok(None);
        }
        self.may_play((&key, vhost), &params, sent, peer)?;
        Ok(Some(elsewhere))
    }

    async fn serve_others(&self, conn: Conn, peer: SocketAddr, rest: axum::Router) {
        let service = hyper_util::service::TowerToHyperService::new(rest);
        let (stream, bytes) = conn.into_parts();
        if let Err(error) = serve_rest(Rewind::new(bytes, stream), service).await {
            tracing::debug!(peer = shown(peer), %error, "http connection ended");
        }
    }

    fn route(&self, request: &Request<()>, who: Who<'_>) -> Route<'_> {
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
        self.media(request, who).unwrap_or_else(|refused| Route::Answer(refusal(&refused, who.0)))
    }

    /// What a request asks for of the media of its vhost, if this client may see it.
    fn media(&self, request: &Request<()>, (peer, sent): Who<'_>) -> Result<Route<'_>, Refused> {
        let live = Live::of_path(request.uri().path());
        if live.is_none() && self.vhosts.iter().all(|vhost| vhost.hls.is_none()) {
            return Ok(Route::Rest);
        }
        let host = host_of(request);
        let uri = request.uri();
        let named = StreamKey::from_http(Some(host), uri.path(), uri.query());
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
        let may = || self.may_play((&key, vhost), &params, sent, peer);
        // What is kept of it for hours has a limit.
        let host: String = host.chars().take(MOST_HOST).collect();
        if let Some(settings) = &vhost.hls
            && let Some(ask) = hls::Ask::of(&self.hls, (&key, settings), request, &params)
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
        let (version, says_hls) = (request.version(), fetch::is_told_of_hls(sent, vhost));
        let node = fetch::is_pull(sent);
        Ok(Route::Live(Wanted { live, key, vhost, version, host, says_hls, node }))
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
}

/// To `HEAD` and `OPTIONS` of live media.
fn bodiless(live: Live) -> Answer {
    Answer::new(StatusCode::OK, live.kind(), Content::Bytes(Bytes::new()))
}

/// `Host`, as said; empty when it was not.
fn host_of(request: &Request<()>) -> &str {
    request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

fn refusal(refused: &Refused, peer: SocketAddr) -> Answer {
    let status = match refused {
        Refused::Name(_) => StatusCode::BAD_REQUEST,
        Refused::Vhost(_) => StatusCode::NOT_FOUND,
        Refused::NotAllowed(_) => StatusCode::FORBIDDEN,
        Refused::Missing(missing) => fetch::status_of(missing),
        Refused::Draining | Refused::Elsewhere | Refused::Hub(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    match refused {
        // Players ask again and again for what is not there.
        Refused::Missing(_) => tracing::debug!(peer = shown(peer), error = %refused, "http play refused"),
        _ => tracing::warn!(peer = shown(peer), error = %refused, "http play refused"),
    }
    Answer::text(status, &refused.to_string())
}

#[cfg(test)]
mod tests;

//! HTTP at the proxy: one request after the other, each by what it asks for.
//!
//! | Asked for | Answered by |
//! |---|---|
//! | a file of `PROXY_STATIC_FILES`, else a page that is built in | this proxy |
//! | `.m3u8` | the origin of its token, else of the stream; addresses in it get the token ([`lists`]) |
//! | anything with a token | the token's origin ([`files`]) |
//! | `.flv`, `.ts`, `.aac`, `.mp3` | the stream's origin, without end ([`flv`](crate::flv)) |
//! | `.m4s`, `.mp4`, `.mpd`, `.vtt`, `.key`, `.jpg` | the stream's origin |
//! | all else | the routes that the role gave |

pub(crate) mod files;
pub(crate) mod last;
pub(crate) mod lists;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use hyper_util::service::TowerToHyperService;
use srs_balance::Node;
use srs_names::{NameError, NodeId, StreamKey, percent_decode};
use srs_net::http::{Answer, Body, Conn, Content, Next, Response, Rewind, is_plain, serve_rest, with_range};
use srs_net::limits;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::Relay;
use crate::cache::refusal;
use crate::flv::Ended;
use crate::flv::client::Client;
use crate::flv::pass_through;
use crate::forward::shown;
use crate::heads::{Said, Words, end_to_end, head_of};
use crate::limits::{HOLD, LOOK, NEW, SMALL};
use crate::token;
use crate::upstream::{HttpLeg, Unanswered, framing, read_whole};

/// SRS's name for the mark of one player.
pub(crate) const MARK: &str = "hls_ctx";

/// A request for what an origin has.
pub(crate) struct Ask<'a> {
    pub(crate) request: &'a Request<()>,
    pub(crate) peer: SocketAddr,
    /// Path and query without our token.
    pub(crate) target: String,
    pub(crate) token: Token,
    /// What stands behind the last dot of the path, in lower case.
    pub(crate) extension: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token {
    None,
    /// One that our secret opens.
    Of(NodeId),
    /// One that it does not.
    Foreign,
}

/// What becomes of a request.
enum Route<'a> {
    /// A body without end, in this format.
    Live(&'static str),
    List(Ask<'a>),
    File(Ask<'a>),
    Answer(Answer),
    /// Nothing that is known here.
    Rest,
}

/// What is answered.
enum Reply {
    Answer(Answer),
    /// The origin's answer as it comes, upon which the connection ends.
    Stream(Box<(HttpLeg, Response)>),
}

impl Reply {
    fn status(&self) -> StatusCode {
        match self {
            Reply::Answer(answer) => answer.status,
            Reply::Stream(answer) => answer.1.status,
        }
    }

    fn refusal(status: StatusCode, words: &str) -> Reply {
        Reply::Answer(refusal(status, words))
    }

    fn failed(relay: &Relay, why: &Unanswered) -> Reply {
        relay.complain(why);
        let (status, words) = why.told();
        Reply::refusal(status, words)
    }
}

impl Relay {
    /// Serves one HTTP connection to its end: what origins have here, everything else by `rest`.
    pub async fn serve_http<R>(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, rest: R)
    where
        R: FnOnce() -> axum::Router,
    {
        let mut conn = Conn::new(stream, peer);
        loop {
            let request = match conn.next().await {
                Next::Request(request) => request,
                Next::Strange => return serve_others(conn, peer, rest()).await,
                Next::Over => return,
            };
            let reply = match self.route(&request, peer).await {
                Route::Live(format) => {
                    let (stream, _) = conn.into_parts();
                    return self.play_live(stream, request, format, peer).await;
                }
                Route::Rest => return serve_others(conn, peer, rest()).await,
                Route::Answer(answer) => Reply::Answer(answer),
                // What they need meanwhile is not to make every viewer's session larger.
                Route::List(ask) => tokio::select! {
                    reply = Box::pin(self.list(&ask)) => reply,
                    () = conn.gone() => return,
                },
                Route::File(ask) => tokio::select! {
                    reply = Box::pin(self.file(&ask)) => reply,
                    () = conn.gone() => return,
                },
            };
            match reply {
                Reply::Answer(answer) => match conn.answer(&request, answer).await {
                    Ok(sent) if sent.goes_on => {}
                    Ok(_) => return conn.close().await,
                    Err(error) => return tracing::debug!(peer = shown(peer), %error, "http connection ended"),
                },
                Reply::Stream(answer) => return stream_through(conn, &request, *answer).await,
            }
        }
    }

    async fn route<'a>(&self, request: &'a Request<()>, peer: SocketAddr) -> Route<'a> {
        if !is_plain(request) {
            return Route::Rest;
        }
        let uri = request.uri();
        let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
        let (target, token) = srs_m3u8::without_query(asked, token::NAME);
        let token = match token.map(|token| self.tokens.open(&token)) {
            None => Token::None,
            Some(Some(id)) => Token::Of(id),
            Some(None) => Token::Foreign,
        };
        if token == Token::None {
            if let Some(folder) = &self.folder
                && let Some(answer) = folder.answer(request).await
            {
                return Route::Answer(with_range(request, answer));
            }
            if let Some(page) = srs_pages::find(uri.path()).filter(|_| *request.method() != Method::OPTIONS) {
                return Route::Answer(with_range(request, Answer::page(page)));
            }
        }
        let extension = extension_of(uri.path());
        let live = ["flv", "ts", "aac", "mp3"].into_iter().find(|live| *live == extension);
        let list = extension == "m3u8";
        let file = ["m4s", "mp4", "mpd", "vtt", "key", "jpg"].contains(&extension.as_str());
        if token == Token::None && !list && !file && live.is_none() {
            return Route::Rest;
        }
        if *request.method() == Method::OPTIONS {
            return Route::Answer(preflight());
        }
        if token == Token::None
            && (list || live.is_some())
            && let Some(answer) = self.redirect(request, live.is_some())
        {
            return Route::Answer(answer);
        }
        match (live, &token) {
            (Some(live), Token::None) if *request.method() == Method::GET => return Route::Live(live),
            (_, Token::Foreign) if !list => {
                return Route::Answer(refusal(StatusCode::NOT_FOUND, "not found"));
            }
            _ => {}
        }
        if climbs(uri.path()) {
            return Route::Answer(refusal(StatusCode::BAD_REQUEST, "bad path"));
        }
        // Where the client is for whom an edge asks.
        let (peer, _) = self.caller_of_request(request, peer);
        let ask = Ask { request, peer, target, token, extension };
        if list { Route::List(ask) } else { Route::File(ask) }
    }

    /// The stream of that name, or where nothing is live under it the stream whose folder it is in (`hls_m3u8_file
    /// [app]/[stream]/live.m3u8`); and whether it is live.
    async fn locate(&self, named: StreamKey) -> (StreamKey, bool) {
        let named = self.balancer.home(named);
        if self.balancer.find(&named, self.now()).await.is_some() {
            return (named, true);
        }
        let above = named
            .app()
            .rsplit_once('/')
            .and_then(|(app, stream)| StreamKey::new(named.vhost(), app, stream).ok());
        match above {
            Some(above) if self.balancer.find(&above, self.now()).await.is_some() => (above, true),
            _ => (named, false),
        }
    }

    /// Players ask again and again for what is not there: it is in the log once a second.
    pub(crate) fn complain(&self, why: &Unanswered) {
        let now = self.now().as_secs().saturating_add(1);
        if self.complained.swap(now, Ordering::Relaxed) != now {
            tracing::warn!(error = %why, "http requests are not served");
        }
    }

    /// The server that a token names. Just after our own start it may be about to register.
    pub(crate) async fn known(&self, id: &NodeId) -> Option<Arc<Node>> {
        let until = Instant::now() + HOLD;
        loop {
            let node = self.balancer.node(id);
            if node.is_some() || self.now() > NEW || Instant::now() >= until {
                return node;
            }
            sleep(LOOK / 4).await;
        }
    }
}

impl Ask<'_> {
    pub(crate) fn host(&self) -> Option<&str> {
        self.request.headers().get(header::HOST).and_then(|host| host.to_str().ok())
    }

    /// The stream that the path names.
    pub(crate) fn key(&self) -> Result<StreamKey, NameError> {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        StreamKey::from_http(self.host(), path, Some(query)).map(|(key, ..)| key)
    }

    /// Whether the answer may be one that others get too: it is asked for by nobody in particular.
    pub(crate) fn may_share(&self) -> bool {
        !self.request.headers().contains_key(header::AUTHORIZATION)
    }

    fn has_mark(&self) -> bool {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|parameter| parameter.split('=').next() == Some(MARK))
    }

    /// What tells answers of one server apart.
    fn cache_key(&self, what: &str, id: &NodeId, target: &str) -> String {
        let host = self.host().unwrap_or_default().to_ascii_lowercase();
        format!("{what} {id}\n{host}\n{target}")
    }

    /// The request for a whole body as it lies, whoever it may be for.
    pub(crate) fn whole(&self, target: &str, without: &[HeaderName]) -> Said {
        let words = Words { target, method: &Method::GET, without, plain: true, again: true };
        head_of(self.request, self.peer, &words)
    }
}

/// The origin's answer as it is: read whole where it is small.
async fn pass_on(relay: &Relay, ask: &Ask<'_>, leg: HttpLeg, response: Response) -> Reply {
    let small = u64::try_from(SMALL).unwrap_or(u64::MAX);
    match framing(&response) {
        Ok(Body::Length(length)) if length <= small && *ask.request.method() == Method::GET => {
            let (status, headers) = (response.status, end_to_end(&response.headers));
            match read_whole(leg, response, SMALL, |_| true).await {
                Ok(body) => Reply::Answer(Answer { status, headers, body: Content::Bytes(body) }),
                Err(why) => Reply::failed(relay, &why),
            }
        }
        _ => Reply::Stream(Box::new((leg, response))),
    }
}

async fn stream_through(conn: Conn, request: &Request<()>, (mut leg, response): (HttpLeg, Response)) {
    let (stream, _) = conn.into_parts();
    let mut client = Client::new(stream, request.version());
    match pass_through(&mut client, &mut leg, response, request.method(), limits::STALL).await {
        Err(Ended::Origin(error)) if !client.answered => {
            tracing::warn!(%error, "an origin's answer cannot be passed on");
            client.answer(StatusCode::BAD_GATEWAY, "the origin did not answer").await;
        }
        // A body that broke off lacks its end; what came of it is the client's.
        Ok(()) | Err(Ended::Origin(_)) => client.finish().await,
        Err(_) => {}
    }
}

async fn serve_others(conn: Conn, peer: SocketAddr, rest: axum::Router) {
    let (stream, bytes) = conn.into_parts();
    let service = TowerToHyperService::new(rest);
    if let Err(error) = serve_rest(Rewind::new(bytes, stream), service).await {
        tracing::debug!(peer = shown(peer), %error, "http connection ended");
    }
}

/// What stands behind the last dot of a path's last part, in lower case.
pub(crate) fn extension_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase()
}

/// Whether a path has parts that mean another place than they say, to us or to an origin.
pub(crate) fn climbs(path: &str) -> bool {
    path.split('/').any(|part| {
        let Some(part) = percent_decode(part) else { return true };
        let strange = |c: char| c.is_control() || matches!(c, '/' | '\\');
        // Twice encoded: an origin that decodes twice would see it.
        let again = percent_decode(&part)
            .is_none_or(|again| matches!(&*again, "." | "..") || again.contains(strange));
        again || matches!(&*part, "." | "..") || part.contains(strange)
    })
}

/// To a browser that asks whether a page of another site may ask.
pub(crate) fn preflight() -> Answer {
    let mut answer = Answer::text(StatusCode::OK, "");
    answer.body = Content::Bytes(Bytes::new());
    for name in [
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        header::ACCESS_CONTROL_ALLOW_METHODS,
        header::ACCESS_CONTROL_ALLOW_HEADERS,
    ] {
        answer.headers.insert(name, HeaderValue::from_static("*"));
    }
    answer
}

#[cfg(test)]
pub(crate) mod tests;

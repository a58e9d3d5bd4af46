//! Lists and segments as answers to requests.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use srs_names::source::Missing;
use srs_names::{Params, StreamKey, percent_decode};
use srs_net::http::{Answer, Content, gzip, takes_gzip};
use tokio::time::{Instant, sleep_until};

use super::sessions::Standing;
use super::stream::{Stream, list_path};
use super::{Hls, Settings};
use crate::clients::{About, Clients};
use crate::fetch::{Coming, Patience, missing, status_of};

/// A request for a list of a stream that is not live is held back this long.
const NOT_LIVE: Duration = Duration::from_secs(3);

/// SRS's name for a player's mark.
pub(crate) const MARK: &str = "hls_ctx";

/// A player's mark and an attribute: what tells requests apart.
pub(crate) struct Ask {
    vhost: Arc<str>,
    path: String,
    params: Params,
    query: Option<String>,
    packs: bool,
    /// Asked for in order to be had: others make no session.
    counts: bool,
    /// The stream whose list has this path; none where no stream's has.
    stream: Option<StreamKey>,
    /// Found already: not a list that may still come.
    file: Option<(Arc<Stream>, Content)>,
}

/// An answer, and whose it is.
pub(crate) struct Served {
    pub(crate) answer: Answer,
    stream: Option<Arc<Stream>>,
    mark: Option<String>,
}

impl Ask {
    /// What `request` asks for, if it is anything of HLS: a list by its extension, a file when there is one.
    ///
    /// `named` is the stream that its path would name, and the settings of the vhost.
    pub(crate) fn of(
        hls: &Hls,
        (named, settings): (&StreamKey, &Settings),
        request: &Request<()>,
        params: &Params,
    ) -> Option<Ask> {
        let (vhost, uri) = (named.vhost(), request.uri());
        let path = percent_decode(uri.path().trim_start_matches('/'))?.into_owned();
        let file = hls.find(vhost, &path).filter(|stream| stream.list_path() != path);
        let file = file.and_then(|stream| stream.file(&path).map(|content| (stream, content)));
        if file.is_none() && !path.ends_with(".m3u8") {
            return None;
        }
        let packs = takes_gzip(request);
        let query = uri.query().map(str::to_owned);
        let counts = *request.method() == Method::GET;
        let stream = if file.is_none() { hls.stream_of(named, settings, &path) } else { None };
        Some(Ask {
            vhost: Arc::from(vhost),
            path,
            params: params.clone(),
            query,
            packs,
            counts,
            stream,
            file,
        })
    }

    /// The stream whose list is asked for.
    pub(crate) fn stream(&self) -> Option<&StreamKey> {
        self.stream.as_ref()
    }

    /// Whether there is a list to answer with.
    pub(crate) fn is_listed(&self, hls: &Hls) -> bool {
        hls.find(&self.vhost, &self.path).is_some_and(|stream| stream.is_ready())
    }

    /// Whether a stream that is known here has this path.
    pub(crate) fn is_known(&self, hls: &Hls) -> bool {
        self.file.is_some() || hls.find(&self.vhost, &self.path).is_some()
    }

    /// The file's name without its folders.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl Hls {
    /// The stream whose list has this path, whether it is here or not.
    fn stream_of(&self, named: &StreamKey, settings: &Settings, path: &str) -> Option<StreamKey> {
        if let Some(known) = self.find(named.vhost(), path) {
            return Some(known.key().clone());
        }
        // The list may be a file in a folder of its stream.
        let above = named.app().rsplit_once('/');
        let above = above.and_then(|(app, stream)| StreamKey::new(named.vhost(), app, stream).ok());
        let is_its = |key: &StreamKey| list_path(settings, key).is_ok_and(|list| list == path);
        std::iter::once(named.clone()).chain(above).find(is_its)
    }

    /// Answers `ask`; a list may be waited for, longer where its stream is `coming` from elsewhere.
    pub(crate) async fn serve(
        &self,
        ask: Ask,
        clients: &Arc<Clients>,
        peer: SocketAddr,
        about: About,
        coming: Coming,
    ) -> Served {
        let mark = ask.params.get(MARK).filter(|mark| !mark.is_empty()).map(str::to_owned);
        if let Some((stream, content)) = ask.file {
            return self.serve_file(stream, content, mark, &ask.path, clients, peer, about);
        }
        let stream = match self.wait_for(&ask.vhost, &ask.path, coming).await {
            Ok(stream) => stream,
            Err(Some(missing)) => return Answer::text(status_of(&missing), &missing.reason).into(),
            Err(None) => return Answer::text(StatusCode::NOT_FOUND, "the stream is not live").into(),
        };
        if !stream.settings().ctx || !ask.counts {
            let answer = list_answer(&stream, None, ask.packs);
            return Served { answer, stream: Some(stream), mark: None };
        }
        let standing = match &mark {
            Some(mark) => self.sessions.touch(mark, clients, &stream, peer, about),
            None => {
                let opened = self.sessions.open(clients, &stream, peer, about);
                let answer = match &opened {
                    Some(opened) => master(ask.name(), opened, ask.query.as_deref()),
                    None => list_answer(&stream, None, ask.packs),
                };
                return Served { answer, stream: Some(stream), mark: opened };
            }
        };
        let answer = match standing {
            Standing::Kicked => Answer::text(StatusCode::NOT_FOUND, "ended by an operator"),
            Standing::Good | Standing::Unknown => list_answer(&stream, mark.as_deref(), ask.packs),
        };
        Served { answer, stream: Some(stream), mark }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one request")]
    fn serve_file(
        &self,
        stream: Arc<Stream>,
        content: Content,
        mark: Option<String>,
        path: &str,
        clients: &Arc<Clients>,
        peer: SocketAddr,
        about: About,
    ) -> Served {
        if let Some(mark) = &mark
            && self.sessions.touch(mark, clients, &stream, peer, about) == Standing::Kicked
        {
            return Answer::text(StatusCode::NOT_FOUND, "ended by an operator").into();
        }
        let answer = file_answer(&stream, content, path);
        Served { answer, stream: Some(stream), mark }
    }

    /// The stream whose list has this path, once it has a segment; else why its stream does not come, where that is known.
    async fn wait_for(
        &self,
        vhost: &str,
        path: &str,
        coming: Coming,
    ) -> Result<Arc<Stream>, Option<Missing>> {
        // What was fetched before is no beginning for who wants it now.
        let again = coming.is_some();
        let Patience { most, mut coming } = Patience::new(coming, NOT_LIVE);
        let deadline = Instant::now() + most;
        let given_up = loop {
            let came = self.came.notified();
            tokio::pin!(came);
            // Registered before the look, so that what comes in between is not missed.
            came.as_mut().enable();
            let found = self.find(vhost, path).filter(|stream| stream.is_ready());
            if let Some(stream) = found.filter(|stream| !again || !stream.is_over()) {
                return Ok(stream);
            }
            tokio::select! {
                () = came => {}
                missing = missing(&mut coming), if coming.is_some() => break Some(missing),
                () = sleep_until(deadline) => break None,
            }
        };
        self.find(vhost, path).filter(|stream| stream.is_ready()).ok_or(given_up)
    }

    /// Counts what went out.
    pub(crate) fn sent(&self, served: Owner, bytes: u64) {
        if let Some(feed) = served.stream.and_then(|stream| stream.feed()) {
            feed.sent(bytes);
        }
        if let Some(mark) = served.mark {
            self.sessions.sent(&mark, bytes);
        }
    }

    /// Ends the sessions of players that left.
    pub(crate) fn sweep(&self) {
        self.sessions.sweep();
    }
}

/// Whose an answer is.
pub(crate) struct Owner {
    stream: Option<Arc<Stream>>,
    mark: Option<String>,
}

impl From<Answer> for Served {
    /// An answer that is nobody's.
    fn from(answer: Answer) -> Served {
        Served { answer, stream: None, mark: None }
    }
}

impl Served {
    /// The answer, and whose it is.
    pub(crate) fn parts(self) -> (Answer, Owner) {
        (self.answer, Owner { stream: self.stream, mark: self.mark })
    }
}

/// A player's first list: its only entry is the real one, under the player's own mark.
fn master(name: &str, mark: &str, query: Option<&str>) -> Answer {
    let mut uri = format!("{}?{MARK}={mark}", srs_m3u8::encode_path(name));
    if let Some(query) = query {
        let _infallible = write!(uri, "&{query}");
    }
    let variant =
        srs_m3u8::Variant { uri: &uri, bandwidth: 1, average_bandwidth: 1, codecs: None, resolution: None };
    let mut text = String::new();
    srs_m3u8::write_master([variant], &mut text);
    let mut answer = Answer::new(StatusCode::OK, srs_m3u8::MEDIA_TYPE, Content::Bytes(Bytes::from(text)));
    answer.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    answer
}

fn list_answer(stream: &Stream, mark: Option<&str>, packs: bool) -> Answer {
    let in_segments = mark.filter(|_| stream.settings().ts_ctx);
    let Some(text) = stream.text(in_segments) else {
        return Answer::text(StatusCode::NOT_FOUND, "the stream is not live");
    };
    let plain = Bytes::copy_from_slice(text.as_bytes());
    let packed = packs.then(|| gzip(&plain)).flatten();
    let coded = packed.is_some();
    let body = Content::Bytes(packed.unwrap_or(plain));
    let mut answer = Answer::new(StatusCode::OK, srs_m3u8::MEDIA_TYPE, body);
    let fields = &mut answer.headers;
    // A list without a mark is the same for all, and a second old is fresh enough.
    let cache = if mark.is_some() { "private, no-store" } else { "public, max-age=1" };
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    fields.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if coded {
        fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

fn file_answer(stream: &Stream, content: Content, path: &str) -> Answer {
    let is_key = stream.is_key(path);
    let kind = if is_key { "application/octet-stream" } else { "video/MP2T" };
    let mut answer = Answer::new(StatusCode::OK, kind, content);
    let fields = &mut answer.headers;
    if is_key || !path.ends_with(".ts") {
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        return answer;
    }
    // A name has one content for ever: it may be kept as long as a list can name it.
    let seconds = stream.settings().cut.window.as_secs().saturating_mul(2).max(60);
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={seconds}, immutable")) {
        fields.insert(header::CACHE_CONTROL, value);
    }
    answer
}

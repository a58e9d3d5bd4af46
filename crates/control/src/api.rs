//! SRS's HTTP API, in SRS's field names: of one node over its inventory, or at a proxy summed over the cluster. WHIP
//! and WHEP are passed to who answers them. Not here: of SRS's, JSONP and the override of a request's method by `method=DELETE`, with which any link
//! or picture could kick.

mod cluster;
mod drain;
mod facts;
mod lists;
mod records;
mod signalling;
mod view;

use crate::client::FOR_A_SUM;
use crate::{Access, Counts, Identity, Machine, access, metrics, reply};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
pub use cluster::Cluster;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
pub use signalling::signalling_api;
use srs_names::Inventory;
use srs_net::http::Signalling;
use std::sync::Arc;
pub use view::cluster_api;

/// SRS's `ERROR_RTMP_VHOST_NOT_FOUND`, sent with HTTP 200 as SRS does; and so the others.
const VHOST_NOT_FOUND: u32 = 2014;
/// SRS's `ERROR_RTMP_STREAM_NOT_FOUND`.
const STREAM_NOT_FOUND: u32 = 2048;
/// SRS's `ERROR_RTMP_CLIENT_NOT_FOUND`.
const CLIENT_NOT_FOUND: u32 = 2049;
/// Entries in a list when `count` is not given, as in SRS.
const DEFAULT_COUNT: usize = 10;
/// Most entries in one reply, about 5 MB; more are read with `start`.
const MAX_COUNT: usize = 10_000;

/// SRS's `crossdomain` headers, with `Authorization` beside its own.
const CORS: [(&str, &str); 4] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, POST, HEAD, PUT, DELETE, PATCH, OPTIONS"),
    ("access-control-expose-headers", "Server,Location,range,Content-Length,Content-Range"),
    (
        "access-control-allow-headers",
        "origin,range,accept-encoding,referer,Cache-Control,X-Proxy-Authorization,X-Requested-With,Content-Type,Authorization",
    ),
];

/// What the HTTP API needs.
pub struct Api {
    /// Who answers.
    pub identity: Identity,
    /// Whose streams and clients are shown and kicked.
    pub shows: Shows,
    /// Who may see lists, facts and metrics, and kick.
    pub access: Access,
    /// Sends CORS headers and answers `OPTIONS`, as SRS's `crossdomain on`.
    pub crossdomain: bool,
    /// What reads the facts of process and machine.
    pub machine: Arc<Machine>,
    /// What the role counts.
    pub counts: Arc<dyn Counts>,
    /// What makes sessions of WebRTC, asked below `/rtc/`. None: that is no path here.
    pub signalling: Option<Arc<dyn Signalling>>,
    /// SRS's `exporter { label; }`, a label of the metric `srs_build_info`; empty for none.
    pub label: String,
    /// SRS's `exporter { tag; }`, the same.
    pub tag: String,
}

/// Whose streams and clients an API shows.
pub enum Shows {
    /// Those of this node.
    Own(Arc<dyn Inventory>),
    /// Those of all nodes that registered here.
    Cluster(Cluster),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    start: Option<String>,
    count: Option<String>,
}

impl Page {
    /// The first entry that was asked for, and how many. Texts that are no numbers count as 0, as SRS's `atoi` has it.
    fn range(&self) -> (usize, usize) {
        self.range_of(DEFAULT_COUNT)
    }

    /// The same where another number of entries is shown unless one is given.
    fn range_of(&self, default: usize) -> (usize, usize) {
        let number = |text: &String| text.parse::<usize>().unwrap_or(0);
        let count = self.count.as_ref().map_or(default, number).clamp(1, MAX_COUNT);
        (self.start.as_ref().map_or(0, number), count)
    }

    /// The part of a list that was asked for.
    fn cut<T>(&self, list: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let (start, count) = self.range();
        list.into_iter().skip(start).take(count)
    }
}

/// The routes of SRS's API, and `/metrics`. Navigation and `versions` are open to all, everything else is guarded. It
/// has a fallback that answers 404, so it can be merged only with routers that have none.
pub fn http_api(api: Arc<Api>) -> Router {
    let router = routes(&api).route("/", get(root)).fallback(reply::not_found);
    finished(router, api)
}

/// The same for a port that the API shares: it answers `/metrics` and whatever lies under `/api`, and `others` all the
/// rest.
pub fn http_api_beside(api: Arc<Api>, others: Router) -> Router {
    let router = routes(&api).route("/api/{*path}", any(reply::not_found));
    finished(router, api).fallback_service(others)
}

fn routes(api: &Arc<Api>) -> Router<Arc<Api>> {
    let access = Arc::new(api.access.clone());
    Router::new()
        .route("/api/v1/summaries", get(facts::summaries))
        .route("/api/v1/rusages", get(facts::rusages))
        .route("/api/v1/self_proc_stats", get(facts::self_proc_stats))
        .route("/api/v1/system_proc_stats", get(facts::system_proc_stats))
        .route("/api/v1/meminfos", get(facts::meminfos))
        .route("/api/v1/authors", get(facts::authors))
        .route("/api/v1/features", get(facts::features))
        .route("/api/v1/requests", get(facts::requests))
        .route("/api/v1/tests/requests", get(facts::requests))
        .route("/api/v1/tests/errors", get(facts::errors))
        .route("/api/v1/tests/redirects", get(facts::redirects))
        .route("/api/v1/raw", get(facts::raw))
        .route("/api/v1/vhosts", get(lists::vhosts))
        .route("/api/v1/vhosts/", get(lists::vhosts))
        .route("/api/v1/vhosts/{id}", get(lists::vhost))
        .route("/api/v1/streams", get(lists::streams))
        .route("/api/v1/streams/", get(lists::streams))
        .route("/api/v1/streams/{id}", get(lists::stream))
        .route("/api/v1/clients", get(lists::clients))
        .route("/api/v1/clients/", get(lists::clients))
        .route("/api/v1/clients/{id}", get(lists::client).delete(lists::kick))
        .route("/api/v1/pulls", get(lists::pulls))
        .route("/api/v1/pulls/", get(lists::pulls))
        .route("/api/v1/drain", get(drain::shown).post(drain::begun).delete(drain::undone))
        .merge(view::routes(api))
        .layer(from_fn_with_state(Arc::clone(api), not_in_circles))
        .route("/metrics", get(metrics::page))
        .layer(from_fn_with_state(access, access::guard))
        .route("/api", get(level_api))
        .route("/api/", get(level_api))
        .route("/api/v1", get(level_v1))
        .route("/api/v1/", get(level_v1))
        .route("/api/v1/versions", get(versions))
}

fn finished(router: Router<Arc<Api>>, api: Arc<Api>) -> Router {
    let (identity, crossdomain) = (api.identity.clone(), api.crossdomain);
    let signalling = signalling_api(api.signalling.clone());
    let router = router.method_not_allowed_fallback(reply::wrong_method).with_state(api);
    let router = if crossdomain { with_cors(router) } else { router };
    reply::with_headers(router.merge(signalling), &identity)
}

/// Adds SRS's `crossdomain` headers to every reply of the routes so far, and answers `OPTIONS` with 200
/// before any of them.
pub fn with_cors(router: Router) -> Router {
    router.layer(from_fn(|request: Request, next: Next| async move {
        let is_preflight = request.method() == Method::OPTIONS;
        let mut response =
            if is_preflight { StatusCode::OK.into_response() } else { next.run(request).await };
        for (name, value) in CORS {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }))
}

/// Middleware: a proxy does not sum for the sum of another.
async fn not_in_circles(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if matches!(api.shows, Shows::Cluster(_)) && request.headers().contains_key(&FOR_A_SUM) {
        return reply::error(StatusCode::LOOP_DETECTED, "this is a proxy, and not one of its nodes");
    }
    next.run(request).await
}

impl Api {
    /// A reply with one more field.
    fn answer(&self, name: &str, value: Value) -> Response {
        let mut body = self.identity.reply(0);
        body.insert(name.to_owned(), value);
        reply::ok(&body)
    }

    /// SRS's way to say no: HTTP 200 and a number.
    fn code(&self, code: u32) -> Response {
        reply::ok(&self.identity.reply(code))
    }
}

async fn root(State(api): State<Arc<Api>>) -> Response {
    api.answer("urls", json!({"api": "the api root"}))
}

async fn level_api(State(api): State<Arc<Api>>) -> Response {
    api.answer("urls", json!({"v1": "the api version 1.0"}))
}

async fn level_v1(State(api): State<Arc<Api>>) -> Response {
    let mut body = api.identity.reply(0);
    body.insert(
        "urls".to_owned(),
        json!({
            "versions": "the version of this server",
            "summaries": "the summary(pid, argv, pwd, cpu, mem) of this server",
            "rusages": "the rusage of this server",
            "self_proc_stats": "the self process stats",
            "system_proc_stats": "the system process stats",
            "meminfos": "the meminfo of system",
            "authors": "the license, copyright, authors and contributors",
            "features": "the supported features of this server",
            "requests": "the request itself, for http debug",
            "vhosts": "manage all vhosts or specified vhost",
            "streams": "manage all streams or specified stream",
            "clients": "manage all clients or specified client, default query top 10 clients",
            "pulls": "the streams that are fetched from elsewhere, and their applications",
            "raw": "raw api, which is off",
            "drain": "whether this server is to be left: POST begins it, DELETE undoes it",
        }),
    );
    body.insert(
        "tests".to_owned(),
        json!({
            "requests": "show the request info",
            "errors": "always return an error 100",
            "redirects": "always redirect to /api/v1/tests/errors",
        }),
    );
    reply::ok(&body)
}

async fn versions(State(api): State<Arc<Api>>) -> Response {
    reply::ok(&api.identity.versions())
}

#[cfg(test)]
mod tests;

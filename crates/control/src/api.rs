//! SRS's HTTP API over an inventory: versions, streams and clients, in SRS's field names. Not here: WHIP and
//! WHEP, metrics.

mod records;

use crate::{Access, Identity, access, reply};
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use srs_names::Inventory;
use std::sync::Arc;

/// SRS's `ERROR_RTMP_STREAM_NOT_FOUND`, sent with HTTP 200 as SRS does.
const STREAM_NOT_FOUND: u32 = 2048;
/// SRS's `ERROR_RTMP_CLIENT_NOT_FOUND`.
const CLIENT_NOT_FOUND: u32 = 2049;
/// Entries in a list when `count` is not given, as in SRS.
const DEFAULT_COUNT: usize = 10;
/// Most entries in one reply, about 8 MB; more are read with `start`.
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
    /// What is shown and kicked.
    pub inventory: Arc<dyn Inventory>,
    /// Who may see lists and kick.
    pub access: Access,
    /// Sends CORS headers and answers `OPTIONS`, as SRS's `crossdomain on`.
    pub crossdomain: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    start: Option<String>,
    count: Option<String>,
}

impl Page {
    /// The part of a list that was asked for. Texts that are no numbers count as 0, as SRS's `atoi` has it.
    fn cut<T>(&self, list: Vec<T>) -> impl Iterator<Item = T> {
        let number = |text: &String| text.parse::<usize>().unwrap_or(0);
        let start = self.start.as_ref().map_or(0, number);
        let count = self.count.as_ref().map_or(DEFAULT_COUNT, number).clamp(1, MAX_COUNT);
        list.into_iter().skip(start).take(count)
    }
}

/// The routes of SRS's API. Navigation and `versions` are open to all, lists and kick are guarded. It has a
/// fallback that answers 404, so it can be merged only with routers that have none.
pub fn http_api(api: Arc<Api>) -> Router {
    let router = routes(&api).route("/", get(root)).fallback(reply::not_found);
    finished(router, api)
}

/// The same for a port that the API shares: it answers whatever lies under `/api`, and `others` all the rest.
pub fn http_api_beside(api: Arc<Api>, others: Router) -> Router {
    let router = routes(&api).route("/api/{*path}", any(reply::not_found));
    finished(router, api).fallback_service(others)
}

fn routes(api: &Api) -> Router<Arc<Api>> {
    let access = Arc::new(api.access.clone());
    Router::new()
        .route("/api/v1/streams", get(streams))
        .route("/api/v1/streams/", get(streams))
        .route("/api/v1/streams/{id}", get(stream))
        .route("/api/v1/clients", get(clients))
        .route("/api/v1/clients/", get(clients))
        .route("/api/v1/clients/{id}", get(client).delete(kick))
        .layer(from_fn_with_state(access, access::guard))
        .route("/api", get(level_api))
        .route("/api/", get(level_api))
        .route("/api/v1", get(level_v1))
        .route("/api/v1/", get(level_v1))
        .route("/api/v1/versions", get(versions))
}

fn finished(router: Router<Arc<Api>>, api: Arc<Api>) -> Router {
    let (identity, crossdomain) = (api.identity.clone(), api.crossdomain);
    let router = router.method_not_allowed_fallback(reply::wrong_method).with_state(api);
    let router = if crossdomain { with_cors(router) } else { router };
    reply::with_server_header(router, &identity)
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

fn navigation(api: &Api, urls: Value) -> Response {
    let mut body = api.identity.reply(0);
    body.insert("urls".to_owned(), urls);
    reply::ok(&body)
}

async fn root(State(api): State<Arc<Api>>) -> Response {
    navigation(&api, json!({"api": "the api root"}))
}

async fn level_api(State(api): State<Arc<Api>>) -> Response {
    navigation(&api, json!({"v1": "the api version 1.0"}))
}

async fn level_v1(State(api): State<Arc<Api>>) -> Response {
    navigation(
        &api,
        json!({
            "versions": "the version of this server",
            "streams": "manage all streams or specified stream",
            "clients": "manage all clients or specified client, default query top 10 clients",
        }),
    )
}

async fn versions(State(api): State<Arc<Api>>) -> Response {
    reply::ok(&api.identity.versions())
}

fn answer(api: &Api, name: &str, value: Value) -> Response {
    let mut body = api.identity.reply(0);
    body.insert(name.to_owned(), value);
    reply::ok(&body)
}

fn missing(api: &Api, code: u32) -> Response {
    reply::ok(&api.identity.reply(code))
}

async fn streams(State(api): State<Arc<Api>>, Query(page): Query<Page>) -> Response {
    let list: Vec<Value> = page.cut(api.inventory.streams()).map(|record| records::stream(&record)).collect();
    answer(&api, "streams", list.into())
}

async fn stream(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    match api.inventory.streams().iter().find(|record| record.id == id) {
        Some(record) => answer(&api, "stream", records::stream(record)),
        None => missing(&api, STREAM_NOT_FOUND),
    }
}

async fn clients(State(api): State<Arc<Api>>, Query(page): Query<Page>) -> Response {
    let list: Vec<Value> = page.cut(api.inventory.clients()).map(|record| records::client(&record)).collect();
    answer(&api, "clients", list.into())
}

async fn client(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    match api.inventory.clients().iter().find(|record| record.id == id) {
        Some(record) => answer(&api, "client", records::client(record)),
        None => missing(&api, CLIENT_NOT_FOUND),
    }
}

async fn kick(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    if !api.inventory.kick(&id) {
        return missing(&api, CLIENT_NOT_FOUND);
    }
    tracing::info!(id, "client kicked");
    reply::ok(&api.identity.reply(0))
}

#[cfg(test)]
mod tests;

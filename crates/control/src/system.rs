//! The system API: where nodes register and operators see them.

use crate::register::{Error, Message};
use crate::{Access, Identity, Peer, access, reply};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};
use srs_balance::{Balancer, Fence, Health, OriginView, Registered};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Largest registration body. SRS's are below 1 KiB; the rest is room for the list of live streams, at about
/// 80 bytes each. It is read only after the caller was let in.
pub const MAX_BODY: usize = 1 << 20;
/// How long the body may take: a node that needs longer is as good as silent.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the system API needs.
pub struct System {
    /// Who answers.
    pub identity: Identity,
    /// Where registrations go.
    pub balancer: Arc<Balancer>,
    /// When the balancer's `now` was zero.
    pub started: Instant,
    /// Who may register and see the list of origins.
    pub access: Access,
}

/// `POST /api/v1/srs/register`, `GET /api/v1/origins` and `GET /api/v1/versions`; only the last is open to
/// all.
pub fn system_api(system: Arc<System>) -> Router {
    let access = Arc::new(system.access.clone());
    let identity = system.identity.clone();
    let router = Router::new()
        .route("/api/v1/srs/register", post(register))
        .route("/api/v1/origins", get(origins))
        .layer(from_fn_with_state(access, access::guard))
        .route("/api/v1/versions", get(versions))
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::wrong_method)
        .with_state(system);
    reply::with_headers(router, &identity)
}

/// `GET /api/v1/versions` alone, open to all: for listeners that have nothing else to tell yet.
pub fn versions_api(identity: &Identity) -> Router {
    let told = identity.versions();
    let router = Router::new().route("/api/v1/versions", get(move || async move { reply::ok(&told) }));
    reply::with_headers(router, identity)
}

async fn versions(State(system): State<Arc<System>>) -> Response {
    reply::ok(&system.identity.versions())
}

async fn register(State(system): State<Arc<System>>, request: Request) -> Response {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return reply::error(StatusCode::FORBIDDEN, "the caller's address is unknown");
    };
    let body = match read(request.into_body()).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let is_local = peer.ip().to_canonical().is_loopback();
    let node = match Message::parse(&body).and_then(|message| message.into_node(is_local)) {
        Ok(node) => node,
        Err(error) => return refuse(peer, &error),
    };
    let (id, instance, host) = (node.id.clone(), node.instance.clone(), node.host.clone());
    match system.balancer.register(node, system.started.elapsed()) {
        Ok(Registered::Beat) => {}
        Ok(Registered::New) => tracing::info!(%id, instance, host, "node registered"),
        Ok(Registered::Restarted) => tracing::info!(%id, instance, host, "node restarted"),
        Ok(Registered::Former) => {
            tracing::warn!(%id, instance, host, "two processes use one server id; the older one is ignored");
        }
        Err(full) => {
            tracing::warn!(%id, host, "registration refused: {full}");
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, &full.to_string());
        }
    }
    let fenced: Vec<Value> = system.balancer.fenced(&id).iter().map(fence).collect();
    let mut answer = json!({"code": 0, "pid": system.identity.pid});
    if let Some(fields) = answer.as_object_mut().filter(|_| !fenced.is_empty()) {
        fields.insert("fenced".to_owned(), fenced.into());
    }
    reply::ok(&answer)
}

/// A stream that the node is to end, since it has a newer owner.
fn fence(fence: &Fence) -> Value {
    json!({"key": fence.key.as_str(), "domain": fence.domain, "epoch": fence.epoch.0})
}

fn refuse(peer: std::net::SocketAddr, error: &Error) -> Response {
    tracing::warn!(%peer, "registration refused: {error}");
    reply::error(StatusCode::BAD_REQUEST, &error.to_string())
}

async fn read(body: Body) -> Result<Bytes, Response> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(reply::error(StatusCode::BAD_REQUEST, &format!("body is larger than {MAX_BODY} bytes")))
        }
        Ok(Err(_)) => Err(reply::error(StatusCode::BAD_REQUEST, "the body did not arrive whole")),
        Err(_) => Err(reply::error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

async fn origins(State(system): State<Arc<System>>) -> Response {
    let views = system.balancer.origins(system.started.elapsed());
    let origins: Vec<Value> = views.iter().map(origin).collect();
    reply::ok(&json!({"code": 0, "origins": origins}))
}

fn origin(view: &OriginView) -> Value {
    let node = &view.node;
    let list = |label: &str| -> Vec<String> {
        node.endpoints
            .get(label)
            .into_iter()
            .flatten()
            .map(|endpoint| match &endpoint.proto {
                Some(proto) => format!("{proto}://{endpoint}"),
                None => endpoint.to_string(),
            })
            .collect()
    };
    let health = match view.health {
        Health::Alive => "alive",
        Health::Silent => "silent",
        Health::Refusing { .. } => "refusing",
    };
    json!({
        "id": node.id.as_str(),
        "device_id": node.device_id,
        "ip": node.host,
        "role": node.role.name(),
        "alive": view.health == Health::Alive,
        "rtmp": list("rtmp"),
        "http": list("http"),
        "api": list("api"),
        "srt": list("srt"),
        "rtc": list("rtc"),
        "last_seen_ms": u64::try_from(view.last_seen.as_millis()).unwrap_or(u64::MAX),
        "streams": node.live.as_ref().map_or(view.claims, |live| live.len()),
        "load": node.load,
        "health": health,
        "instance": node.instance,
        "claims": view.claims,
        "capacity": node.capacity,
        "capabilities": node.capabilities,
    })
}

#[cfg(test)]
mod tests;

//! The system API: where nodes register and operators see them.

use crate::access::Entered;
use crate::register::Message;
use crate::{Access, Identity, Peer, access, reply, signed};
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
use srs_names::NodeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Hears every registration: the node, its words, and whether it spoke over loopback.
    pub told: Option<Told>,
}

/// See [`System::told`].
pub type Told = Box<dyn Fn(&NodeId, &Bytes, bool) + Send + Sync>;

/// `POST /api/v1/srs/register`, `GET /api/v1/origins` and `GET /api/v1/versions`; only the last is open to
/// all.
pub fn system_api(system: Arc<System>) -> Router {
    let access = Arc::new(system.access.clone());
    let identity = system.identity.clone();
    let registration = Router::new()
        .route("/api/v1/srs/register", post(register))
        .layer(from_fn_with_state(Arc::clone(&access), access::guard_register));
    let router = Router::new()
        .route("/api/v1/origins", get(origins))
        .layer(from_fn_with_state(Arc::clone(&access), access::guard))
        .merge(registration)
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

/// `GET /api/v1/ready` alone, open to all: 200 while `ready`, else 503. It has no fallback.
pub fn ready_api(identity: &Identity, ready: Arc<AtomicBool>) -> Router {
    let told = move || async move {
        let ready = ready.load(Ordering::Acquire);
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let code = if ready { 0 } else { status.as_u16() };
        reply::reply(status, &json!({"code": code, "data": {"ready": ready}}))
    };
    let router =
        Router::new().route("/api/v1/ready", get(told)).method_not_allowed_fallback(reply::wrong_method);
    reply::with_headers(router, identity)
}

async fn versions(State(system): State<Arc<System>>) -> Response {
    reply::ok(&system.identity.versions())
}

async fn register(State(system): State<Arc<System>>, mut request: Request) -> Response {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return reply::error(StatusCode::FORBIDDEN, "the caller's address is unknown");
    };
    let signed = request.extensions_mut().remove::<Entered>().and_then(|entered| entered.0);
    let body = match read(request.into_body()).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let is_local = peer.ip().to_canonical().is_loopback();
    let node = match Message::parse(&body).and_then(|message| message.into_node(is_local)) {
        Ok(node) => node,
        Err(error) => return refuse(peer, StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match &signed {
        Some(signed) if signed.from != node.id || !signed::is_of_body(signed, &body) => {
            return refuse(peer, StatusCode::UNAUTHORIZED, "signed by another node, or for another body");
        }
        // One of the cluster's own is where it says.
        Some(_) => {}
        None => {
            if let Err(text) = system.access.check_places(peer.ip(), &node) {
                return refuse(peer, StatusCode::BAD_REQUEST, &text);
            }
        }
    }
    let (id, instance, host) = (node.id.clone(), node.instance.clone(), node.host.clone());
    let registered = system.balancer.register(node, system.started.elapsed());
    if let Some(told) =
        system.told.as_ref().filter(|_| !matches!(registered, Ok(Registered::Former) | Err(_)))
    {
        told(&id, &body, is_local);
    }
    match registered {
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

fn refuse(peer: std::net::SocketAddr, status: StatusCode, why: &str) -> Response {
    tracing::warn!(%peer, "registration refused: {why}");
    reply::error(status, why)
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
        "health": health(view.health),
        "instance": node.instance,
        "claims": view.claims,
        "capacity": node.capacity,
        "capabilities": node.capabilities,
    })
}

/// How a node stands, in one word.
pub(crate) fn health(health: Health) -> &'static str {
    match health {
        Health::Alive => "alive",
        Health::Silent => "silent",
        Health::Refusing { .. } => "refusing",
    }
}

#[cfg(test)]
mod tests;

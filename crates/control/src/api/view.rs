//! The cluster as a whole, and leaving one of its origins: what only a proxy can tell and do.

use super::cluster::Part;
use super::{Api, Page, Shows, finished, not_in_circles};
use crate::{access, reply};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use std::sync::Arc;

/// `GET /api/v1/cluster` with its parts, and `POST` and `DELETE /api/v1/origins/{id}/drain`, all guarded, for a system API.
/// It has no fallback.
pub fn cluster_api(api: Arc<Api>) -> Router {
    let access = Arc::new(api.access.clone());
    let router = routes(&api)
        .route("/api/v1/origins/{id}/drain", post(begun).delete(undone))
        .layer(from_fn_with_state(Arc::clone(&api), not_in_circles))
        .layer(from_fn_with_state(access, access::guard));
    finished(router, api)
}

/// The view; a node has none.
pub(super) fn routes(api: &Arc<Api>) -> Router<Arc<Api>> {
    let router = Router::new();
    if matches!(api.shows, Shows::Own(_)) {
        return router;
    }
    router.route("/api/v1/cluster", get(whole)).route("/api/v1/cluster/{part}", get(part))
}

async fn whole(State(api): State<Arc<Api>>, Query(page): Query<Page>) -> Response {
    shown(&api, Part::Whole, &page).await
}

async fn part(State(api): State<Arc<Api>>, Path(part): Path<String>, Query(page): Query<Page>) -> Response {
    let part = match part.as_str() {
        "origins" => Part::Origins,
        "streams" => Part::Streams,
        "sessions" => Part::Sessions,
        _ => return reply::not_found().await,
    };
    shown(&api, part, &page).await
}

async fn shown(api: &Api, part: Part, page: &Page) -> Response {
    match &api.shows {
        Shows::Own(_) => reply::not_found().await,
        Shows::Cluster(cluster) => cluster.view(api, part, page).await,
    }
}

async fn begun(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    drain(&api, &id, true).await
}

async fn undone(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    drain(&api, &id, false).await
}

async fn drain(api: &Api, id: &str, on: bool) -> Response {
    match &api.shows {
        Shows::Own(_) => reply::error(StatusCode::NOT_FOUND, "a node has no origins: ask a proxy"),
        Shows::Cluster(cluster) => cluster.drain(api, id, on).await,
    }
}

#[cfg(test)]
mod tests;

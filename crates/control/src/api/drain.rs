//! Leaving one node: it refuses publishers who come by themselves, and tells its proxies to move those that it has.

use super::{Api, Shows};
use crate::reply;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(super) async fn shown(State(api): State<Arc<Api>>) -> Response {
    answer(&api, None)
}

pub(super) async fn begun(State(api): State<Arc<Api>>) -> Response {
    answer(&api, Some(true))
}

pub(super) async fn undone(State(api): State<Arc<Api>>) -> Response {
    answer(&api, Some(false))
}

/// Sets what is wanted, and says how it stands. A proxy has no streams of its own to leave.
fn answer(api: &Api, wanted: Option<bool>) -> Response {
    let Shows::Own(inventory) = &api.shows else {
        return reply::error(http::StatusCode::NOT_FOUND, "a proxy is not drained: ask the node itself");
    };
    if let Some(on) = wanted {
        inventory.drain(on);
    }
    api.answer("draining", inventory.draining().into())
}

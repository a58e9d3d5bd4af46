//! What is asked below `/rtc/`: WHIP, WHEP and their like, which other rooms answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::StatusCode;
use srs_net::http::{MOST_SIGNALLING, Signalling};

use crate::{Peer, reply};

/// The routes below `/rtc/`, for the API's port and for those that share it. Without anybody who answers there are none.
pub fn signalling_api(signalling: Option<Arc<dyn Signalling>>) -> Router {
    let Some(signalling) = signalling else { return Router::new() };
    Router::new().route("/rtc/{*path}", any(answer)).with_state(signalling)
}

async fn answer(State(signalling): State<Arc<dyn Signalling>>, request: Request) -> Response {
    let peer: Option<SocketAddr> = request.extensions().get().map(|Peer(peer)| *peer);
    let Some(peer) = peer else {
        return reply::error(StatusCode::INTERNAL_SERVER_ERROR, "nobody said where the request is from");
    };
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_SIGNALLING).await else {
        return reply::error(StatusCode::PAYLOAD_TOO_LARGE, "an SDP has less than 64 KiB");
    };
    signalling.answer(Request::from_parts(head, body), peer).await.map(Body::from)
}

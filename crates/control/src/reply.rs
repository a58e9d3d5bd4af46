//! Replies: one JSON body each, and the headers that every reply has.

use crate::Identity;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::{CONTENT_TYPE, SERVER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;

/// Codes of refused requests, which SRS has no numbers for: the HTTP status in words of the body.
pub(crate) fn error(status: StatusCode, text: &str) -> Response {
    reply(status, &json!({"code": status.as_u16(), "error": text}))
}

pub(crate) fn ok(body: &impl Serialize) -> Response {
    reply(StatusCode::OK, body)
}

fn reply(status: StatusCode, body: &impl Serialize) -> Response {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, br#"{"code":500,"error":"cannot write the reply"}"#.to_vec())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "no such path")
}

pub(crate) async fn wrong_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed here")
}

/// Adds the `Server` header to every reply of the routes so far.
pub(crate) fn with_server_header(router: Router, identity: &Identity) -> Router {
    let Some(value) = identity.header() else { return router };
    router.layer(from_fn(move |request: Request, next: Next| {
        let value = value.clone();
        async move {
            let mut response = next.run(request).await;
            response.headers_mut().insert(SERVER, value);
            response
        }
    }))
}

//! Replies: one JSON body each, and the headers that every reply has.

use crate::Identity;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::{CONTENT_TYPE, SERVER, X_CONTENT_TYPE_OPTIONS};
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

pub(crate) fn reply(status: StatusCode, body: &impl Serialize) -> Response {
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

/// Adds to every reply of the routes so far the `Server` header, and the one that keeps browsers from taking it for
/// something else than it says.
pub(crate) fn with_headers(router: Router, identity: &Identity) -> Router {
    let server = identity.header();
    router.layer(from_fn(move |request: Request, next: Next| {
        let server = server.clone();
        async move {
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            if let Some(server) = server {
                headers.insert(SERVER, server);
            }
            response
        }
    }))
}

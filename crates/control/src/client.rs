//! One HTTP request on one connection, with a limit on time and size. What heartbeats and probes are made of.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Largest answer that is read: what we ask for has a few hundred bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL cannot be asked; heartbeats and probes speak plain HTTP.
    #[error("bad url {0:?}: want http://host:port/path")]
    Url(String),
    /// The connection was refused, or the host name is not known.
    #[error("cannot connect to {authority}: {error}")]
    Connect {
        /// Host and port.
        authority: String,
        /// What the system said.
        error: io::Error,
    },
    /// The other side does not speak HTTP, or broke off.
    #[error("bad answer from {authority}: {text}")]
    Answer {
        /// Host and port.
        authority: String,
        /// What was wrong.
        text: String,
    },
    /// The whole took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    host: String,
    port: u16,
    path: String,
}

impl Target {
    pub fn parse(url: &str) -> Result<Self, ClientError> {
        let bad = || ClientError::Url(url.to_owned());
        let uri: http::Uri = url.parse().map_err(|_| bad())?;
        if uri.scheme() != Some(&http::uri::Scheme::HTTP) {
            return Err(bad());
        }
        let authority = uri.authority().ok_or_else(bad)?;
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(bad());
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self::new(host, uri.port_u16().unwrap_or(80), path))
    }

    pub fn new(host: &str, port: u16, path: &str) -> Self {
        Self { host: host.to_owned(), port, path: path.to_owned() }
    }

    /// Host and port as they stand in a URL.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Asks with `POST` when there is a JSON body, else with `GET`.
pub(crate) async fn ask(
    target: &Target,
    token: Option<&HeaderValue>,
    body: Option<Bytes>,
    limit: Duration,
) -> Result<(StatusCode, Bytes), ClientError> {
    let exchange = exchange(target, token, body);
    tokio::time::timeout(limit, exchange).await.unwrap_or(Err(ClientError::Timeout(limit)))
}

async fn exchange(
    target: &Target,
    token: Option<&HeaderValue>,
    body: Option<Bytes>,
) -> Result<(StatusCode, Bytes), ClientError> {
    let authority = target.authority();
    let bad = |text: String| ClientError::Answer { authority: authority.clone(), text };
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut request = Request::builder()
        .method(method)
        .uri(&target.path)
        .header(HOST, &authority)
        .header(USER_AGENT, concat!("srs-cluster/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token);
    }
    let request = request
        .body(Full::new(body.unwrap_or_default()))
        .map_err(|_| ClientError::Url(format!("http://{authority}{}", target.path)))?;

    let stream = TcpStream::connect((target.host.as_str(), target.port))
        .await
        .map_err(|error| ClientError::Connect { authority: authority.clone(), error })?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| bad(error.to_string()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| bad(error.to_string()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        Ok((status, body.map_err(|error| bad(error.to_string()))?.to_bytes()))
    };
    // The connection moves only while it is polled; its own end is no news, the answer tells.
    let connection = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = answer => answer,
        () = connection => Err(bad("closed".to_owned())),
    }
}

#[cfg(test)]
mod tests;

//! One HTTP request on one connection, with a limit on time and size. What heartbeats, probes and questions to the
//! cluster's nodes are made of.

use crate::signed::NODE;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest answer to a heartbeat or probe, which have a few hundred bytes.
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

/// Stands in what a proxy asks nodes for its sums. A proxy does not answer it: two that take each other, or one that
/// takes itself, for a node would ask in circles.
pub(crate) const FOR_A_SUM: HeaderName = HeaderName::from_static("x-srs-cluster-sum");

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

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.path
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

/// What is asked, and how much is taken as its answer.
pub(crate) struct Question<'a> {
    pub method: Method,
    pub token: Option<&'a HeaderValue>,
    /// What a node signed it with, see [`crate::signed`].
    pub signature: Option<HeaderValue>,
    /// JSON.
    pub body: Option<Bytes>,
    /// Whether the answer goes into a sum, see [`FOR_A_SUM`].
    pub for_a_sum: bool,
    /// Largest answer in bytes.
    pub most: usize,
    /// Bytes that all answers may have which are held at a time.
    pub room: Arc<Semaphore>,
}

impl Question<'_> {
    /// A question with its own room.
    pub fn new(method: Method, most: usize) -> Self {
        Self {
            method,
            token: None,
            signature: None,
            body: None,
            for_a_sum: false,
            most,
            room: Arc::new(Semaphore::new(most)),
        }
    }
}

/// A whole answer, and the room that it takes until it is dropped.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
    pub room: Option<OwnedSemaphorePermit>,
}

/// Asks with `POST` when there is a JSON body, else with `GET`.
pub(crate) async fn ask(
    target: &Target,
    token: Option<&HeaderValue>,
    signature: Option<HeaderValue>,
    body: Option<Bytes>,
    limit: Duration,
) -> Result<(StatusCode, Bytes), ClientError> {
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let question = Question { token, signature, body, ..Question::new(method, MAX_ANSWER) };
    let exchange = exchange(target, question);
    let answer = tokio::time::timeout(limit, exchange).await.unwrap_or(Err(ClientError::Timeout(limit)))?;
    Ok((answer.status, answer.body))
}

/// Asks without a limit on time: the caller has one.
pub(crate) async fn exchange(target: &Target, question: Question<'_>) -> Result<Answer, ClientError> {
    let authority = target.authority();
    let bad = |text: String| ClientError::Answer { authority: authority.clone(), text };
    let (most, room) = (question.most, Arc::clone(&question.room));
    let request = request(target, question)?;
    let stream = TcpStream::connect((target.host.as_str(), target.port))
        .await
        .map_err(|error| ClientError::Connect { authority: authority.clone(), error })?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| bad(error.to_string()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| bad(error.to_string()))?;
        let status = response.status();
        let mut frames = Limited::new(response.into_body(), most);
        let (mut body, mut taken) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
        while let Some(frame) = frames.frame().await {
            let Ok(part) = frame.map_err(|error| bad(error.to_string()))?.into_data() else { continue };
            let size = u32::try_from(part.len()).unwrap_or(u32::MAX);
            let more = Arc::clone(&room).try_acquire_many_owned(size);
            let more = more.map_err(|_| bad("no room for one more answer now".to_owned()))?;
            match &mut taken {
                Some(taken) => taken.merge(more),
                None => taken = Some(more),
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, body: body.freeze(), room: taken })
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

fn request(target: &Target, question: Question<'_>) -> Result<Request<Full<Bytes>>, ClientError> {
    let authority = target.authority();
    let mut request = Request::builder()
        .method(question.method)
        .uri(&target.path)
        .header(HOST, &authority)
        .header(USER_AGENT, concat!("srs-cluster/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    if question.body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if question.for_a_sum {
        request = request.header(FOR_A_SUM, HeaderValue::from_static("1"));
    }
    if let Some(token) = question.token {
        request = request.header(AUTHORIZATION, token);
    }
    if let Some(signature) = question.signature {
        request = request.header(NODE, signature);
    }
    request
        .body(Full::new(question.body.unwrap_or_default()))
        .map_err(|_| ClientError::Url(format!("http://{authority}{}", target.path)))
}

#[cfg(test)]
mod tests;

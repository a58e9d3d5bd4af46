//! Requests by which sessions of other protocols are made: WHIP and WHEP.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

/// Most bytes of such a request's body, and of an answer's: an SDP of a browser has 10 KiB.
pub const MOST_BYTES: usize = 64 * 1024;

/// An answer that is on its way.
pub type Answering = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// Answers what is asked below `/rtc/`.
pub trait Signalling: Send + Sync {
    /// Answers a request that came from there, whole.
    fn answer(self: Arc<Self>, request: Request<Bytes>, from: SocketAddr) -> Answering;
}

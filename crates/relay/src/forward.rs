//! RTMP at the proxy: what a client asks for, and the words in which it is passed on.

use std::net::SocketAddr;
use std::sync::Arc;

use srs_names::StreamKey;
use srs_names::envelope::RTMP_PROPERTY;
use srs_net::rtmp::{Error, Link, Request, accept};
use srs_rtmp::chunk::Bodies;
use srs_rtmp::{client, server};
use tokio::net::TcpStream;

use crate::Relay;
use crate::door::{Asker, Errand};
use crate::origins::Unserved;

impl Relay {
    /// Serves one RTMP connection to its end.
    pub async fn serve_rtmp(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let config = server::Config {
            chunk_size: self.chunk_size,
            bodies: Bodies::Shared,
            ..server::Config::default()
        };
        match accept(stream, config).await {
            Ok((link, Request::Publish(request))) => self.publish_rtmp(link, request, peer).await,
            Ok((link, Request::Play(request))) => self.play_rtmp(link, request, peer).await,
            Err(Error::Closed) => tracing::debug!(peer = shown(peer), "closed before it asked for anything"),
            Err(error) => {
                tracing::warn!(peer = shown(peer), %error, "rtmp client ended before it asked for anything");
            }
        }
    }

    /// The client's own words towards an origin: its whole connect object, its arguments and every query.
    pub(crate) fn same_words(
        &self,
        connect: &server::Connect,
        stream: &str,
        role: client::Role,
    ) -> client::Config {
        let mut object = connect.object.clone();
        // Each node says its own.
        object.remove(RTMP_PROPERTY);
        client::Config {
            arguments: connect.arguments.clone(),
            chunk_size: self.chunk_size,
            bodies: Bodies::Shared,
            ..client::Config::new(object, stream, role)
        }
    }
}

/// One client's wish, as the log calls it.
pub(crate) struct Wish {
    /// `rtmp publish` or `rtmp play`.
    pub(crate) what: &'static str,
    pub(crate) cid: String,
    pub(crate) peer: SocketAddr,
}

impl Wish {
    pub(crate) fn new(what: &'static str, peer: SocketAddr) -> Wish {
        Wish { what, cid: session_id(), peer }
    }

    /// For whom origins are asked, on this errand.
    pub(crate) fn asker(&self, errand: Errand) -> Asker {
        let client = SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port());
        Asker { client: Some(client), session: self.cid.clone(), resumes: false, errand }
    }

    /// The stream that is meant; a client that names none is told so with `code`.
    pub(crate) async fn name(
        &self,
        relay: &Relay,
        link: &mut Link<server::Session>,
        connect: &server::Connect,
        stream: &str,
        code: &str,
    ) -> Option<StreamKey> {
        match StreamKey::from_rtmp(&connect.tc_url, &connect.app, stream) {
            Ok((key, _)) => Some(relay.balancer.home(key)),
            Err(error) => {
                let Wish { what, cid, peer } = self;
                tracing::warn!(cid, peer = shown(*peer), %error, "{what} refused");
                link.machine().reject(code, &error.to_string());
                let _told_if_possible = link.drain().await;
                None
            }
        }
    }

    /// What `dial` opens for as long as the client is there to want it; a client that gets nothing is told why, with
    /// `code` when the words are ours.
    pub(crate) async fn dial<T>(
        &self,
        link: &mut Link<server::Session>,
        key: &StreamKey,
        code: &str,
        dial: impl Future<Output = Result<T, Unserved>>,
    ) -> Option<T> {
        let Wish { what, cid, peer } = self;
        let dialled = tokio::select! {
            biased;
            dialled = dial => dialled,
            gone = link.reader.gone() => {
                tracing::info!(cid, peer = shown(*peer), stream = %key, reason = %gone, "{what} given up");
                return None;
            }
        };
        match dialled {
            Ok(opened) => Some(opened),
            Err(error) => {
                tracing::warn!(cid, peer = shown(*peer), stream = %key, %error, "{what} not served");
                turn_away(link, code, &error).await;
                None
            }
        }
    }
}

/// Tells a client why it is not served, in the origin's words where there are any.
async fn turn_away(link: &mut Link<server::Session>, code: &str, why: &Unserved) {
    match why {
        Unserved::Refused(Error::Refused { code: theirs, description }) => {
            let code = if theirs.is_empty() { code } else { theirs };
            link.machine().reject(code, description);
        }
        // Which origins there are is not the client's business; the log has it.
        _ => link.machine().reject(code, "no origin can serve this stream now"),
    }
    let _told_if_possible = link.drain().await;
}

/// How a peer is written in the log.
pub(crate) fn shown(peer: SocketAddr) -> String {
    format!("{}:{}", peer.ip().to_canonical(), peer.port())
}

/// An id for one session's log lines.
pub(crate) fn session_id() -> String {
    format!("{:07x}", rand::random::<u32>() >> 4)
}

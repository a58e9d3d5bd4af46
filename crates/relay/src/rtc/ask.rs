//! Asking a node in a client's words, and what it answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, StatusCode, header};
use srs_balance::{Claim, Node};
use srs_net::http::{HeadError, MOST_SIGNALLING, read_response};
use srs_net::{dial, limits};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::place::Place;
use crate::Relay;
use crate::door::Asker;
use crate::heads::{Words, end_to_end, head_of};
use crate::limits::{ANSWER, RTC_REDIRECTS};
use crate::origins::Origin;
use crate::upstream::{HttpLeg, Unanswered, read_whole};

/// As what nodes register where they are asked.
pub(super) const API: &str = "api";

/// What is said anew for each node: the body may come otherwise than the client framed it.
const OURS: &[HeaderName] = &[header::CONTENT_LENGTH, header::EXPECT];

/// A node's answer, whole.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Miss {
    #[error("the node registered no HTTP API")]
    NoApi,
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("{0}")]
    Head(#[from] HeadError),
    #[error("no answer in time")]
    Slow,
    #[error("the node fell silent")]
    Silent,
    #[error("{0}")]
    Body(#[from] Unanswered),
    #[error("it sends the client elsewhere, to where no node of ours is")]
    Elsewhere,
}

impl Miss {
    /// Whether it says something of the node, and not of what we lack.
    pub(super) fn is_of_node(&self) -> bool {
        match self {
            Miss::Socket(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Other),
            Miss::Head(_) | Miss::Slow | Miss::Silent | Miss::Body(_) => true,
            Miss::NoApi | Miss::Elsewhere => false,
        }
    }
}

/// A client's request, as nodes are asked.
pub(super) struct Question<'a> {
    pub(super) request: &'a Request<()>,
    pub(super) peer: SocketAddr,
    pub(super) asker: &'a Asker,
    pub(super) body: &'a Bytes,
}

impl Question<'_> {
    /// The whole request for this node; with an envelope, which is good once.
    fn bytes(&self, relay: &Relay, node: &Node, target: &str, claim: Option<&Claim>) -> Vec<u8> {
        let method = self.request.method();
        let words = Words { target, method, without: OURS, plain: true, again: false };
        let said = head_of(self.request, self.peer, &words);
        let head = said.to_node(relay.envelope(node, claim, self.asker, || said.bound()));
        let end = head.windows(2).position(|two| two == b"\r\n").unwrap_or_default();
        let (line, rest) = head.split_at(end.saturating_add(2).min(head.len()));
        let length = format!("content-length: {}\r\n", self.body.len());
        [line, length.as_bytes(), rest, self.body].concat()
    }

    /// Asks the node at `origin` for `target`, and where that sends the client elsewhere, the node there. The answer is who
    /// answered it.
    pub(super) async fn ask(
        &self,
        relay: &Relay,
        origin: Origin,
        target: &str,
        claim: Option<&Claim>,
    ) -> Result<(Arc<Node>, Told), Miss> {
        let mut node = Arc::clone(&origin.node);
        let mut target = target.to_owned();
        let mut told = exchange(origin, &self.bytes(relay, &node, &target, claim)).await?;
        for _ in 0..RTC_REDIRECTS {
            if !matches!(told.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                return Ok((node, told));
            }
            let location = told.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
            let location = location.ok_or(Miss::Elsewhere)?;
            let there = relay.node_at(&node, location).ok_or(Miss::Elsewhere)?;
            if claim.is_some() && there.id != node.id {
                // The claim is the first one's.
                return Err(Miss::Elsewhere);
            }
            target = Place::new(&there.id, &target, location).ok_or(Miss::Elsewhere)?.target;
            let bytes = self.bytes(relay, &there, &target, claim);
            told = exchange(relay.origin_at(&there), &bytes).await?;
            node = there;
        }
        Err(Miss::Elsewhere)
    }
}

impl Relay {
    /// The registered node that an address of `from` names: nothing else is dialled, whatever a node says.
    fn node_at(&self, from: &Arc<Node>, location: &str) -> Option<Arc<Node>> {
        let Some((_, rest)) = location.split_once("://") else { return Some(Arc::clone(from)) };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let has = |node: &Node| {
            let all = [API, "http"].into_iter().filter_map(|label| node.endpoint(label));
            all.into_iter().any(|endpoint| endpoint.to_string().eq_ignore_ascii_case(authority))
        };
        if has(from) {
            return Some(Arc::clone(from));
        }
        let views = self.balancer.origins(self.now());
        views.into_iter().find(|view| !view.silent && has(&view.node)).map(|view| view.node)
    }
}

/// Says it to the node at `origin`, on a connection of its own: a request that makes a session is not said twice.
async fn exchange(origin: Origin, question: &[u8]) -> Result<Told, Miss> {
    let endpoint = origin.node.endpoint(API).ok_or(Miss::NoApi)?;
    let stream = dial::by_name(&endpoint.host, endpoint.port, limits::DIAL).await?;
    let mut leg = HttpLeg::new(stream, origin, false)?;
    let HttpLeg { read, write, origin, .. } = &mut leg;
    let answer = async {
        write.write_all(question).await?;
        Ok::<_, Miss>(read_response(read).await?)
    };
    let response = tokio::select! {
        biased;
        answer = timeout(ANSWER, answer) => answer.map_err(|_| Miss::Slow)??,
        // A stopped process has an open port all the same.
        () = origin.silent() => return Err(Miss::Silent),
    };
    let (status, mut headers) = (response.status, end_to_end(&response.headers));
    headers.remove(header::CONTENT_LENGTH);
    let body = read_whole(leg, response, MOST_SIGNALLING, |_| true).await?;
    Ok(Told { status, headers, body })
}

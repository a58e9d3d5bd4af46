//! Which server upstream is asked, and who comes after it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use srs_balance::Node;
use srs_names::NodeId;
use srs_names::envelope::{Envelope, Purpose};
use srs_net::http::Response;
use tokio::time::sleep;

use super::{Asked, Edge, HEDGE};
use crate::heads::Said;
use crate::upstream::{Broken, HttpLeg, Unanswered, Whom};

/// A request to servers upstream.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) said: Said,
    pub(super) hops: Vec<NodeId>,
    /// In the order in which they are asked.
    pub(super) servers: Vec<Arc<Node>>,
    /// See [`Asked`].
    pub(super) upstream: Option<Arc<str>>,
}

impl Asked<'_> {
    /// A request of these servers in these words.
    pub(super) fn wanted(&self, said: Said, servers: Vec<Arc<Node>>) -> Wanted {
        Wanted { said, hops: self.hops.clone(), servers, upstream: self.upstream.clone() }
    }
}

/// What became of it.
pub(super) struct Passed {
    /// The first good answer; without any the first refusal; without any answer why there is none.
    pub(super) answer: Result<(HttpLeg, Response), Unanswered>,
    /// Who said that there is nothing.
    pub(super) missing: Vec<NodeId>,
}

impl Passed {
    /// Nobody answered in the time that there was.
    pub(super) fn slow() -> Passed {
        Passed { answer: Err(Broken::Slow.into()), missing: Vec::new() }
    }
}

/// Whether another server may have what this one has not, or is not able to send.
pub(super) fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) || status.is_server_error()
}

impl Edge {
    /// These servers, with `first` before the others and those that did not answer lately behind them.
    pub(super) fn in_order(&self, servers: &[Arc<Node>], first: Option<&NodeId>) -> Vec<Arc<Node>> {
        let mut servers = servers.to_vec();
        servers.sort_by_key(|server| (self.ill.get(server.id.as_str()).is_some(), Some(&server.id) != first));
        servers
    }

    /// Asks one after the other, the next one also while the one before takes its time.
    pub(super) async fn pass(&self, wanted: &Wanted) -> Passed {
        let mut waiting = wanted.servers.iter();
        let mut running = FuturesUnordered::new();
        // Those that had their time for themselves.
        let mut slow: Vec<&NodeId> = Vec::new();
        let mut missing = Vec::new();
        let (mut refused, mut failed) = (None, None);
        let mut last: Option<&NodeId> = None;
        loop {
            if let Some(server) = waiting.next() {
                last = Some(&server.id);
                running.push(self.ask(server, wanted));
            } else if running.is_empty() {
                break;
            }
            // The next one's turn comes with the end of an attempt, or of the time for it.
            tokio::select! {
                biased;
                Some((server, answered)) = running.next() => match answered {
                    Ok((leg, response)) if !is_refusal(response.status) => {
                        self.ill.forget(server.id.as_str());
                        for slow in slow.iter().filter(|slow| ***slow != server.id) {
                            self.is_ill(slow, &Broken::Slow.into());
                        }
                        return Passed { answer: Ok((leg, response)), missing };
                    }
                    Ok((leg, response)) => {
                        slow.retain(|slow| **slow != server.id);
                        if !response.status.is_server_error() {
                            missing.push(server.id.clone());
                        }
                        refused.get_or_insert((leg, response));
                    }
                    Err(why) => {
                        slow.retain(|slow| **slow != server.id);
                        self.is_ill(&server.id, &why);
                        failed = Some(why);
                    }
                },
                () = sleep(HEDGE), if waiting.len() > 0 => slow.extend(last),
            }
        }
        let failed = failed.unwrap_or(Unanswered::Silent);
        Passed { answer: refused.ok_or(failed), missing }
    }

    /// Takes note that a server does not answer. A body that is of no use here, or for which there is no room, says nothing
    /// of it.
    pub(super) fn is_ill(&self, id: &NodeId, why: &Unanswered) {
        use Broken::{Coded, Large, List, Room};
        if matches!(why, Unanswered::Origin(Coded | Large(_) | List(_) | Room)) {
            return;
        }
        if self.ill.put(id.as_str(), ()) {
            tracing::warn!(server = %id, error = %why, "a server upstream does not answer");
        }
    }

    async fn ask<'a>(
        &self,
        server: &'a Arc<Node>,
        wanted: &Wanted,
    ) -> (&'a Arc<Node>, Result<(HttpLeg, Response), Unanswered>) {
        let whom = Whom::Node(Arc::clone(server));
        let renamed = wanted.upstream.as_ref().map(|host| wanted.said.at(host));
        let said = renamed.as_ref().unwrap_or(&wanted.said);
        let envelope = |node: &Node| self.envelope(node, said, &wanted.hops);
        (server, self.relay.ask_as(said, &whom, envelope).await)
    }

    /// What a server is told of us and of the client.
    fn envelope(&self, node: &Node, said: &Said, hops: &[NodeId]) -> Option<String> {
        let seal = self.seal.as_ref()?;
        let told = Envelope {
            from: self.me.clone(),
            role: "edge".to_owned(),
            purpose: Purpose::Pull,
            to: node.id.as_str().to_owned(),
            client: Some(said.client),
            term: None,
            hold: None,
            session: String::new(),
            bound: said.bound(),
            hops: hops.to_vec(),
        };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        Some(seal.sign(&told, unix_ms, rand::random()))
    }
}

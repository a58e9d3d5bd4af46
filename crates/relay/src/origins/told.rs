//! What other nodes are told of a session, and which of them it has passed.

use std::time::{SystemTime, UNIX_EPOCH};

use srs_amf::Value;
use srs_balance::{Claim, Endpoint, Node};
use srs_names::envelope::{self, Envelope, MOST_HOPS, Purpose, Term};
use srs_names::{NodeId, RtmpWords};
use srs_net::rtmp::Error;
use srs_rtmp::client;

use super::Unserved;
use crate::door::{Asker, Errand};
use crate::{Relay, Role};

/// What an RTMP session's envelope is bound to: the same words as the node hears.
pub(super) fn bound_of(config: &client::Config) -> String {
    let said = |name| config.connect.get(name).and_then(Value::as_str).unwrap_or_default();
    let does = match config.role {
        client::Role::Publish { .. } => "publish",
        client::Role::Play => "play",
    };
    envelope::bound::of_rtmp(does, said("app"), said("tcUrl"), &config.stream)
}

/// What refusals begin with that name a loop.
const LOOP: &str = "loop: ";

/// Of a loop whose nodes nobody can name, for want of a secret that they share.
pub(super) const AGAIN: &str = "the publish comes again and again while it waits for an answer";

/// Whether a node does not take a publish that has passed it already. Another one may.
pub(super) fn is_loop(error: &Error) -> bool {
    let Error::Refused { code, description } = error else { return false };
    code.starts_with("NetStream.Publish.") && description.starts_with(LOOP)
}

/// That a publish is refused as it goes round and round.
pub(super) fn looped(round: &str) -> Unserved {
    let (code, description) = ("NetStream.Publish.BadName".to_owned(), format!("{LOOP}{round}"));
    Unserved::Refused(Error::Refused { code, description })
}

/// The way from where `node` was passed, to it again by way of `me`.
pub(super) fn round(hops: &[NodeId], node: &NodeId, me: &NodeId) -> String {
    let first = hops.iter().position(|hop| hop == node).unwrap_or_default();
    let nodes = hops.iter().skip(first).chain((node != me).then_some(me)).chain([node]);
    nodes.map(NodeId::as_str).collect::<Vec<_>>().join(" > ")
}

impl Relay {
    /// Why a publish that has passed these nodes goes no further.
    pub(crate) fn no_loop(&self, hops: &[NodeId]) -> Result<(), Unserved> {
        if hops.contains(&self.me) {
            return Err(looped(&round(hops, &self.me, &self.me)));
        }
        if hops.len() >= MOST_HOPS {
            return Err(looped(&format!("it would pass more than {MOST_HOPS} nodes")));
        }
        Ok(())
    }

    /// The client's words as this server is told them: a server that knows nothing of the vhosts here is asked in its own.
    pub(super) fn words_for(&self, server: &Endpoint, mut config: client::Config) -> client::Config {
        let Role::Edge { vhost } = &self.role else { return config };
        let said = |name| config.connect.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let said = RtmpWords { tc_url: said("tcUrl"), app: said("app"), stream: config.stream.clone() };
        let words = said.at(vhost.as_ref().unwrap_or(&server.to_string()));
        config.connect.set("tcUrl", words.tc_url.into());
        config.connect.set("app", words.app.into());
        config.stream = words.stream;
        config
    }

    /// What this node is told of a session, if it is one of ours; `bound` says what the session does there.
    pub(crate) fn envelope(
        &self,
        node: &Node,
        claim: Option<&Claim>,
        asker: &Asker,
        bound: impl FnOnce() -> String,
    ) -> Option<String> {
        if !node.can(envelope::CAPABILITY) {
            return None;
        }
        let term = |claim: &Claim| Term {
            domain: self.balancer.domain().to_owned(),
            epoch: claim.epoch.0,
            resumed: asker.resumes,
        };
        let (purpose, hops) = match &asker.errand {
            Errand::Pull(hops) => (Purpose::Pull, hops.clone()),
            Errand::Push(hops) => {
                let purpose = match self.role {
                    Role::Edge { .. } => Purpose::Push,
                    Role::Proxy => Purpose::Relay,
                };
                (purpose, hops.iter().chain([&self.me]).cloned().collect())
            }
            Errand::Client | Errand::Stranger => (Purpose::Relay, Vec::new()),
        };
        let role = match self.role {
            Role::Proxy => "proxy",
            Role::Edge { .. } => "edge",
        };
        let told = Envelope {
            from: self.me.clone(),
            role: role.to_owned(),
            purpose,
            to: node.id.as_str().to_owned(),
            client: asker.client,
            term: claim.map(term),
            hold: claim.map(|_| self.hold),
            session: asker.session.clone(),
            bound: bound(),
            hops,
        };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        Some(self.seal.sign(&told, unix_ms, rand::random()))
    }
}

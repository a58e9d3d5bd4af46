//! WebRTC at the proxy: WHIP, WHEP and SRS's older API are asked of a node in the client's words; its answer is the client's, but
//! for the addresses. Datagrams pass unopened, both ways.
//!
//! | What comes | Which node |
//! |---|---|
//! | a request at an endpoint | the one that is picked for its stream |
//! | a request for a session | the one that its address names, sealed: any proxy with the secret opens it |
//! | a binding request of ICE | the one that its user name names: of ours by their route, of others by what the directory was told |
//! | all else | the one to which a binding request came from that address |

mod answer;
mod ask;
mod asked;
mod candidates;
mod dial;
mod media;
mod notes;
mod pipe;
mod place;
mod published;
mod routes;
mod signalling;
#[cfg(test)]
mod testkit;

use std::sync::OnceLock;

pub use candidates::Face;
use srs_net::candidates::Names;
use srs_rtc::ufrag::{Keys, Ufrag};

use crate::Relay;
use crate::token::Tokens;

/// What a proxy keeps for WebRTC.
pub(crate) struct Rtc {
    keys: Keys,
    tokens: Tokens,
    face: OnceLock<Face>,
    names: Names,
    routes: routes::Routes,
    notes: notes::Notes,
    published: published::Published,
}

impl Rtc {
    /// Under the cluster's secret.
    pub(crate) fn new(secret: &[u8]) -> Rtc {
        Rtc {
            keys: Keys::of_secret(secret),
            tokens: Tokens::of_sessions(secret),
            face: OnceLock::new(),
            names: Names::default(),
            routes: routes::Routes::default(),
            notes: notes::Notes::new(secret),
            published: published::Published::default(),
        }
    }
}

impl Relay {
    /// Has sessions of WebRTC made from now on, whose media is taken there. Only the first call counts.
    pub fn open_rtc(&self, face: Face) {
        let _only_the_first = self.rtc.face.set(face);
        self.learn_routes();
    }

    /// Looks which sessions of WebRTC are over, and which nodes may have some.
    pub(crate) fn judge_rtc(&self) {
        let now = self.now();
        self.learn_routes();
        self.rtc.notes.judge(now);
        self.rtc.published.judge(&self.balancer, now);
    }

    fn learn_routes(&self) {
        let nodes = self.balancer.origins(self.now());
        self.rtc.routes.learn(&self.rtc.keys, nodes.iter().map(|view| &*view.node));
    }

    /// Streams that are published by WebRTC and were let in here.
    pub fn rtc_publishes(&self) -> usize {
        self.rtc.published.count()
    }
}

/// The name of a session, by a user name of its node's: of ours it is the same before and after an ICE restart.
fn session_of(ufrag: &str) -> &str {
    Ufrag::parse(ufrag).map_or(ufrag, |ours| ours.session())
}

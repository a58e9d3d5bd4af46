//! What an SRT caller asks for, and in which words an origin is asked for it.

use std::net::SocketAddr;

use srs_balance::{Claim, Node};
use srs_names::envelope::{Purpose, SRT_KEY, bound};
use srs_names::{NameError, StreamKey};
use srs_srt::handshake::{self, Handshake, MOST_STREAM_ID};
use srs_srt::streamid::{self, Defaults, Mode, StreamId, strip_key, with_key};
use srs_srt::{Reason, handshake::Kind};

use crate::Relay;
use crate::door::{Asker, Errand};
use crate::forward::Wish;

/// Why a caller is refused before an origin is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("{0}")]
    Handshake(#[from] handshake::Error),
    #[error("{0}")]
    StreamId(#[from] streamid::Error),
    #[error("{0}")]
    Name(#[from] NameError),
    #[error("not a conclusion")]
    Kind,
}

/// Why a caller cannot be told to a node.
#[derive(Debug, thiserror::Error)]
#[error("its words leave no room for what nodes tell each other: {0}")]
pub(super) struct NoRoom(#[from] streamid::Error);

impl Unread {
    /// What the caller is told.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Unread::Handshake(handshake::Error::StreamIdLong { .. } | handshake::Error::StreamIdText) => {
                Reason::BAD_REQUEST
            }
            Unread::Handshake(_) | Unread::Kind => Reason::ROGUE,
            Unread::StreamId(streamid::Error::Mode(_)) => Reason::BAD_MODE,
            Unread::StreamId(_) | Unread::Name(_) => Reason::BAD_REQUEST,
        }
    }
}

/// What a caller asks for.
pub(super) struct Wanted {
    pub(super) key: StreamKey,
    pub(super) mode: Mode,
    pub(super) wish: Wish,
    pub(super) asker: Asker,
    /// Its stream id without what nodes tell each other.
    text: String,
    /// There was something to leave out.
    is_cut: bool,
}

impl Wanted {
    /// Reads the conclusion of the caller at `peer`.
    pub(super) fn read(
        relay: &Relay,
        conclusion: &Handshake<'_>,
        peer: SocketAddr,
    ) -> Result<Wanted, Unread> {
        if conclusion.fields.kind != Kind::Conclusion {
            return Err(Unread::Kind);
        }
        let said = conclusion.stream_id()?.unwrap_or_default();
        let (text, envelope) = strip_key(&said, SRT_KEY);
        let id = StreamId::parse(&text, &relay.srt)?;
        let key = relay.balancer.home(id.key()?.0);
        let is_cut = text != said;
        let (peer, errand) = match envelope {
            _ if !is_cut => (peer, Errand::Client),
            envelope => {
                let purpose = if id.mode == Mode::Publish { Purpose::Push } else { Purpose::Pull };
                relay.caller(&envelope.unwrap_or_default(), purpose, &bound::of_srt(&text), peer)
            }
        };
        let what = match id.mode {
            Mode::Publish => "srt publish",
            Mode::Request => "srt play",
        };
        let wish = Wish::new(what, peer);
        Ok(Wanted { key, mode: id.mode, asker: wish.asker(errand), wish, text, is_cut })
    }

    /// The stream id that this node is to hear, as it is good once; none when that is what the caller said.
    ///
    /// # Errors
    /// When it does not hold what a node of ours is to be told: by the caller's words alone it would not know a good publish
    /// from an outdated one.
    pub(super) fn words(
        &self,
        relay: &Relay,
        node: &Node,
        claim: Option<&Claim>,
    ) -> Result<Option<String>, NoRoom> {
        let claim = claim.filter(|_| self.mode == Mode::Publish);
        // In the form of pairs, as the node has it when it has taken the key out.
        let bare = with_key(&self.text, &relay.srt, SRT_KEY, "").map(|text| strip_key(&text, SRT_KEY).0);
        let bound = || bare.as_deref().map(bound::of_srt).unwrap_or_default();
        if let Some(envelope) = relay.envelope(node, claim, &self.asker, bound) {
            return Ok(Some(with_key(&self.text, &relay.srt, SRT_KEY, &envelope)?));
        }
        // A stranger does not know what is meant here by what is not said.
        let meant = bare.ok().filter(|bare| relay.srt != Defaults::default() && bare.len() <= MOST_STREAM_ID);
        Ok(meant.or_else(|| self.is_cut.then(|| self.text.clone())))
    }
}

//! Who is meant.

use std::net::SocketAddr;
use std::sync::Arc;

/// Knows who is meant by a user name. Asked for binding requests of addresses that are not known, and of known ones that
/// name somebody new; on any shard, so that it may neither wait nor take long.
pub trait Door: Send + Sync + 'static {
    /// Who is meant. `ufrag` is this side's part of the user name, as a stranger wrote it.
    fn find(&self, ufrag: &str) -> Found;
}

/// What a [`Door`] knows of a user name.
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    /// Nobody has it: the request is thrown away.
    Nobody,
    /// Somebody has it.
    Known {
        /// The session's name: what is told to it belongs together, over all its user names.
        session: Arc<str>,
        /// By which the request's integrity is to be verified.
        password: String,
        /// Whether each address of the client is a session of its own, as it is for who passes datagrams on. Otherwise all
        /// of them are one session.
        each_address: bool,
    },
    /// Only who takes time can say. The knock comes as it is, and is to be verified before it is accepted
    /// ([`Knock::verify`](super::Knock::verify)). Each address is a session of its own.
    Ask,
}

impl std::fmt::Debug for Found {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Found::Nobody => f.write_str("Nobody"),
            Found::Known { session, each_address, .. } => f
                .debug_struct("Known")
                .field("session", session)
                .field("each_address", each_address)
                .finish_non_exhaustive(),
            Found::Ask => f.write_str("Ask"),
        }
    }
}

/// One end of the network: a port of UDP, or a connection of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Far {
    pub(super) peer: SocketAddr,
    pub(super) tcp: bool,
}

/// By what a session is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// [`Found::Known`]'s name; of whom is asked, the user name.
    pub(super) name: Arc<str>,
    /// Where each address is a session.
    pub(super) far: Option<Far>,
    /// Which of the two it is.
    pub(super) is_asked: bool,
}

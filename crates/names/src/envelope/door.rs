//! Envelopes at a node's door: whether one is for this node, for what the door is asked, and new.

use std::sync::{Mutex, PoisonError};

use super::{Envelope, Foreign, Heard, Purpose, Seal};

/// Opens what other nodes sealed for this one.
#[derive(Debug)]
pub struct Door {
    seal: Seal,
    id: String,
    ports: Vec<u16>,
    /// Those that told of a claim: a publish is not to come again by what somebody overheard.
    heard: Mutex<Heard>,
}

/// Why an envelope opens nothing; it is then to be treated as if it were not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shut {
    /// It is none for this node.
    #[error("{0}")]
    Foreign(#[from] Foreign),
    /// Its sender wants something else.
    #[error("it is for another purpose: {0:?}")]
    Purpose(Purpose),
    /// It was sealed for other words.
    #[error("it is for another request")]
    Request,
    /// It came before.
    #[error("it was heard already")]
    Again,
}

impl Door {
    /// The door of the node with this id, which is dialled at these ports.
    pub fn new(seal: Seal, id: &str, ports: Vec<u16>) -> Door {
        Door { seal, id: id.to_owned(), ports, heard: Mutex::default() }
    }

    /// Opens an envelope that is for one of these purposes, and for the request that is [`bound`](super::bound) so. One that
    /// tells of a claim opens once.
    ///
    /// # Errors
    /// [`Shut`].
    pub fn open(
        &self,
        text: &str,
        purposes: &[Purpose],
        bound: &str,
        now_unix_ms: u64,
    ) -> Result<Envelope, Shut> {
        let (envelope, mark) = self.seal.open(text, |to| self.is_me(to), now_unix_ms)?;
        if !purposes.contains(&envelope.purpose) {
            return Err(Shut::Purpose(envelope.purpose));
        }
        if envelope.bound != bound {
            return Err(Shut::Request);
        }
        let is_new = || self.heard.lock().unwrap_or_else(PoisonError::into_inner).is_new(mark, now_unix_ms);
        if envelope.term.is_some() && !is_new() {
            return Err(Shut::Again);
        }
        Ok(envelope)
    }

    /// Whether this node is meant: by its id, or as `host:port` with one of its ports. Under which names it is dialled, it
    /// cannot know.
    pub fn is_me(&self, to: &str) -> bool {
        let port = || to.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        to == self.id || port().is_some_and(|port| self.ports.contains(&port))
    }
}

#[cfg(test)]
mod tests;

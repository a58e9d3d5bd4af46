//! Where a session is, as its client is told: an address of ours that any proxy with the cluster's secret can open.

use srs_names::NodeId;

use crate::token::Tokens;

/// The parameter that carries it.
const NAME: &str = "session";

/// Longest location of a node that is kept: SRS's have 200 letters, and the parameters of the client.
const MOST: usize = 1024;

/// A session at a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) node: NodeId,
    /// Path and query there.
    pub(super) target: String,
}

impl Place {
    /// The session that a node names by `location`, in its answer to a request for `asked`. None for what is no address, or a
    /// too long one.
    pub(super) fn new(node: &NodeId, asked: &str, location: &str) -> Option<Place> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if location.is_empty() || location.len() > MOST || !location.bytes().all(is_plain) {
            return None;
        }
        let target = match location.split_once("://") {
            // Where the node thinks that it is does not count: it is asked where it is registered.
            Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                let at = rest.find(['/', '?']).unwrap_or(rest.len());
                let path = rest.get(at..).unwrap_or_default();
                if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
            }
            _ if location.starts_with('/') => location.to_owned(),
            _ => {
                let path = asked.split('?').next().unwrap_or_default();
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{location}")
            }
        };
        Some(Place { node: node.clone(), target })
    }

    /// What the client is told, who asked for this path and query; none where it cannot be sealed.
    pub(super) fn location(&self, tokens: &Tokens, path: &str, query: &str) -> Option<String> {
        let token = tokens.seal_words(&format!("{}\n{}", self.node, self.target))?;
        // By these SRS's clients know their session; what else the client said is not for logs.
        let told =
            |pair: &&str| ["app", "stream", "vhost"].contains(&pair.split('=').next().unwrap_or_default());
        let told: String = query.split('&').filter(told).map(|pair| format!("{pair}&")).collect();
        Some(format!("{path}?{told}{NAME}={token}"))
    }

    /// The session that a client brings; none for what was not sealed with our secret.
    pub(super) fn open(tokens: &Tokens, token: &str) -> Option<Place> {
        let words = tokens.open_words(token)?;
        let (node, target) = words.split_once('\n')?;
        Some(Place { node: NodeId::new(node).ok()?, target: target.to_owned() })
    }
}

/// The token in a query.
pub(super) fn token(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix(NAME)?.strip_prefix('='))
}

#[cfg(test)]
mod tests;

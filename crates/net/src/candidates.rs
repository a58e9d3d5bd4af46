//! The addresses at which a client of WebRTC is told to look for media.
//!
//! An operator sets [`Candidate`]s; what they say is read here alone, and names of hosts are looked up here alone ([`Names`]).
//! [`Rules`] are how a node finds what it tells; a proxy has its own.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

mod names;
mod rules;

pub use names::Names;
pub use rules::{Asked, Family, Rules};

/// Most that can be set.
const MOST_SET: usize = 32;
/// Most letters of a host's name, and of a part of it (RFC 1035 section 2.3.4).
const MOST_NAME: usize = 253;
const MOST_LABEL: usize = 63;

/// What is set as an address for clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Candidate {
    /// Whatever clients can be expected to reach: `*`, or `0.0.0.0` as SRS has it too.
    Detected,
    /// This one.
    At(Place),
}

/// An address to be told, and its port where that is not the listener's: behind a translator of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where.
    pub host: Host,
    /// At which port, not 0.
    pub port: Option<u16>,
}

/// An address or a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address; of a mapped one the IPv4 address in it.
    Ip(IpAddr),
    /// A name.
    Name(String),
}

/// What is no candidate, as the end of "expected".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCandidate {
    /// This word is none.
    #[error(
        "addresses or host names, each with or without :port, parted by blanks or commas; or * for those that are found; not `{0}`"
    )]
    Word(String),
    /// More than can be set.
    #[error("at most {MOST_SET} addresses and host names")]
    TooMany,
}

impl Candidate {
    /// Reads a list whose words are parted by blanks, commas or semicolons; of an empty one the addresses are detected.
    ///
    /// # Errors
    /// The first word that is no candidate; more than 32.
    pub fn list(text: &str) -> Result<Vec<Candidate>, BadCandidate> {
        let is_between = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ';');
        let words = text.split(is_between).filter(|word| !word.is_empty());
        let list = words.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        match list.len() {
            0 => Ok(vec![Candidate::Detected]),
            1..=MOST_SET => Ok(list),
            _ => Err(BadCandidate::TooMany),
        }
    }

    /// Where it is, unless that is to be detected.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Candidate::Detected => None,
            Candidate::At(place) => Some(place),
        }
    }
}

impl FromStr for Candidate {
    type Err = BadCandidate;

    /// Reads `*`, `ip`, `ip:port`, `[v6]`, `[v6]:port`, `host` or `host:port`.
    fn from_str(word: &str) -> Result<Candidate, BadCandidate> {
        if matches!(word, "*" | "0.0.0.0") {
            return Ok(Candidate::Detected);
        }
        place(word).map(Candidate::At).ok_or_else(|| BadCandidate::Word(word.to_owned()))
    }
}

fn place(word: &str) -> Option<Place> {
    if let Ok(address) = word.parse::<SocketAddr>() {
        return at(address.ip(), Some(address.port()));
    }
    let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return at(ip, None);
    }
    let (name, port) = match word.split_once(':') {
        // Digits alone: a number of Rust's may begin with a sign.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name, Some(port.parse().ok().filter(|port| *port != 0)?))
        }
        Some(_) => return None,
        None => (word, None),
    };
    is_name(name).then(|| Place { host: Host::Name(name.to_owned()), port })
}

fn at(ip: IpAddr, port: Option<u16>) -> Option<Place> {
    let ip = ip.to_canonical();
    (!ip.is_unspecified() && port != Some(0)).then_some(Place { host: Host::Ip(ip), port })
}

/// Whether it can be the name of a host; a dot may stand behind it, which ends the search for it.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label =
        |label: &str| !label.is_empty() && label.len() <= MOST_LABEL && label.bytes().all(is_letter);
    // What ends in a number is an address, and was none above.
    let is_number =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= MOST_NAME && name.split('.').all(is_label) && !is_number
}

impl Place {
    /// Its addresses, by `names` where it is one; none where nobody knows that.
    pub async fn ips(&self, names: &Names) -> Vec<IpAddr> {
        match &self.host {
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => names.find(name).await,
        }
    }
}

#[cfg(test)]
mod tests;

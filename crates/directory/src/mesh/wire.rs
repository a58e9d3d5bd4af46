//! How things are spelled between members: numbers in network order, texts and lists behind their length.

use crate::Beat;
use bytes::Bytes;
use srs_balance::directory::Error;
use srs_balance::{Claim, Epoch};
use srs_names::{NodeId, StreamKey};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Longest lease: a claim is renewed every few seconds.
const MAX_LEASE_MS: u64 = 86_400_000;

/// What is asked of a key's home, or of every member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Claim {
        claim: Claim,
        over: Option<Epoch>,
        lease: Duration,
    },
    Renew {
        claim: Claim,
        lease: Duration,
    },
    Release {
        claim: Claim,
    },
    Lookup {
        key: StreamKey,
    },
    /// Of every member: a text that each keeps.
    Note {
        name: String,
        text: String,
        ttl: Duration,
    },
}

impl Ask {
    /// The stream that it is about; none for what concerns every member.
    pub(super) fn key(&self) -> Option<&StreamKey> {
        match self {
            Self::Claim { claim, .. } | Self::Renew { claim, .. } | Self::Release { claim } => {
                Some(&claim.key)
            }
            Self::Lookup { key } => Some(key),
            Self::Note { .. } => None,
        }
    }
}

/// What the home answers: to a look-up the standing claim, to the others nothing.
pub(super) type Reply = Result<Option<Claim>, Error>;

/// What members tell each other over their link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Nothing; the link is there.
    Idle,
    Ask(u64, Ask),
    Reply(u64, Reply),
    /// What a node told the sender: the sender's run, and the number of the post in it.
    Beat {
        run: u64,
        number: u64,
        beat: Beat,
    },
    /// Claims that the sender kept and whose home is the receiver now.
    Hand(Vec<Claim>),
    /// There are no more of them.
    Handed,
    /// Two claims of one key met at the sender: whoever publishes is to tell its claims again.
    Again,
}

/// Reads from the front of what is left; none when it is too short or not what is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(super) fn id(&mut self) -> Option<NodeId> {
        let length = self.u8()?;
        NodeId::new(std::str::from_utf8(self.take(length.into())?).ok()?).ok()
    }

    pub(super) fn address(&mut self) -> Option<SocketAddr> {
        let ip = match self.u8()? {
            4 => IpAddr::from(Ipv4Addr::from(self.array::<4>()?)),
            6 => IpAddr::from(Ipv6Addr::from(self.array::<16>()?)),
            _ => return None,
        };
        Some(SocketAddr::new(ip, self.u16()?))
    }

    fn epoch(&mut self) -> Option<Epoch> {
        self.u64().map(Epoch)
    }

    fn lease(&mut self) -> Option<Duration> {
        self.u64().map(|millis| Duration::from_millis(millis.min(MAX_LEASE_MS)))
    }

    fn key(&mut self) -> Option<StreamKey> {
        self.text()?.parse().ok()
    }

    fn claim(&mut self) -> Option<Claim> {
        let key = self.key()?;
        let holder = NodeId::new(self.text()?).ok()?;
        let instance = self.text()?.to_owned();
        Some(Claim { key, holder, instance, epoch: self.epoch()? })
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    fn ask(&mut self) -> Option<Ask> {
        Some(match self.u8()? {
            0 => Ask::Claim { claim: self.claim()?, over: self.maybe(Self::epoch)?, lease: self.lease()? },
            1 => Ask::Renew { claim: self.claim()?, lease: self.lease()? },
            2 => Ask::Release { claim: self.claim()? },
            3 => Ask::Lookup { key: self.key()? },
            4 => {
                let (name, text) = (self.text()?.to_owned(), self.text()?.to_owned());
                Ask::Note { name, text, ttl: self.lease()? }
            }
            _ => return None,
        })
    }

    fn reply(&mut self) -> Option<Reply> {
        Some(match self.u8()? {
            0 => Ok(self.maybe(Self::claim)?),
            1 => Err(Error::Held(self.claim()?)),
            2 => Err(Error::Stale(self.epoch()?)),
            3 => Err(Error::Gone),
            4 => Err(Error::Full),
            5 => Err(Error::Unavailable(self.text()?.to_owned())),
            _ => return None,
        })
    }
}

pub(super) fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_be_bytes());
}

pub(super) fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// A text of up to 255 bytes; a longer one is cut, which no reader takes for an id.
pub(super) fn put_short(out: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    out.push(length);
    out.extend(text.bytes().take(length.into()));
}

/// Up to 65535 bytes; more are cut.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    put_u16(out, length);
    out.extend(bytes.iter().take(length.into()));
}

pub(super) fn put_address(out: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
    put_u16(out, address.port());
}

fn put_lease(out: &mut Vec<u8>, lease: Duration) {
    put_u64(out, u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).clamp(1, MAX_LEASE_MS));
}

fn put_claim(out: &mut Vec<u8>, claim: &Claim) {
    put_bytes(out, claim.key.as_str().as_bytes());
    put_bytes(out, claim.holder.as_str().as_bytes());
    put_bytes(out, claim.instance.as_bytes());
    put_u64(out, claim.epoch.0);
}

fn put_ask(out: &mut Vec<u8>, ask: &Ask) {
    match ask {
        Ask::Claim { claim, over, lease } => {
            out.push(0);
            put_claim(out, claim);
            out.push(over.is_some().into());
            over.iter().for_each(|epoch| put_u64(out, epoch.0));
            put_lease(out, *lease);
        }
        Ask::Renew { claim, lease } => {
            out.push(1);
            put_claim(out, claim);
            put_lease(out, *lease);
        }
        Ask::Release { claim } => {
            out.push(2);
            put_claim(out, claim);
        }
        Ask::Lookup { key } => {
            out.push(3);
            put_bytes(out, key.as_str().as_bytes());
        }
        Ask::Note { name, text, ttl } => {
            out.push(4);
            put_bytes(out, name.as_bytes());
            put_bytes(out, text.as_bytes());
            put_lease(out, *ttl);
        }
    }
}

fn put_reply(out: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Ok(standing) => {
            out.extend([0, standing.is_some().into()]);
            standing.iter().for_each(|claim| put_claim(out, claim));
        }
        Err(Error::Held(claim)) => {
            out.push(1);
            put_claim(out, claim);
        }
        Err(Error::Stale(epoch)) => {
            out.push(2);
            put_u64(out, epoch.0);
        }
        Err(Error::Gone) => out.push(3),
        Err(Error::Full) => out.push(4),
        Err(Error::Unavailable(why)) => {
            out.push(5);
            put_bytes(out, why.as_bytes());
        }
    }
}

impl Frame {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Idle => out.push(0),
            Self::Ask(number, ask) => {
                out.push(1);
                put_u64(&mut out, *number);
                put_ask(&mut out, ask);
            }
            Self::Reply(number, reply) => {
                out.push(2);
                put_u64(&mut out, *number);
                put_reply(&mut out, reply);
            }
            Self::Beat { run, number, beat } => {
                out.push(3);
                put_u64(&mut out, *run);
                put_u64(&mut out, *number);
                put_bytes(&mut out, beat.id.as_str().as_bytes());
                out.push(beat.local.into());
                put_bytes(&mut out, beat.host.as_bytes());
                out.extend_from_slice(&beat.body);
            }
            Self::Hand(claims) => {
                out.push(4);
                claims.iter().for_each(|claim| put_claim(&mut out, claim));
            }
            Self::Handed => out.push(5),
            Self::Again => out.push(6),
        }
        out
    }

    /// None for what [`write`](Self::write) does not make.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let frame = match reader.u8()? {
            0 => Self::Idle,
            1 => Self::Ask(reader.u64()?, reader.ask()?),
            2 => Self::Reply(reader.u64()?, reader.reply()?),
            3 => {
                let (run, number) = (reader.u64()?, reader.u64()?);
                let id = NodeId::new(reader.text()?).ok()?;
                let local = reader.flag()?;
                let host = reader.text()?.to_owned();
                let body = Bytes::copy_from_slice(std::mem::take(&mut reader.0));
                Self::Beat { run, number, beat: Beat { id, body, local, host } }
            }
            4 => {
                let mut claims = Vec::new();
                while !reader.0.is_empty() {
                    claims.push(reader.claim()?);
                }
                Self::Hand(claims)
            }
            5 => Self::Handed,
            6 => Self::Again,
            _ => return None,
        };
        reader.0.is_empty().then_some(frame)
    }
}

#[cfg(test)]
mod tests;

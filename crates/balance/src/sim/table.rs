//! What is written down: the claims of a directory, with leases in virtual time.

use super::clock::Ms;
use crate::Epoch;
use crate::directory::{Claim, Error};
use srs_names::StreamKey;
use std::collections::BTreeMap;

/// The last epoch of a key is remembered for so long after its claim.
const REMEMBERED: Ms = 600_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) claims: BTreeMap<StreamKey, (Claim, Ms)>,
    pub(super) last: BTreeMap<StreamKey, (Epoch, Ms)>,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Claim(Claim, Option<Epoch>, Ms),
    Renew(Claim, Ms),
    Release(Claim),
    Lookup(StreamKey),
}

pub(super) type Reply = Result<Option<Claim>, Error>;

impl Op {
    pub(super) fn key(&self) -> &StreamKey {
        match self {
            Op::Claim(claim, ..) | Op::Renew(claim, _) | Op::Release(claim) => &claim.key,
            Op::Lookup(key) => key,
        }
    }
}

impl Table {
    pub(super) fn expire(&mut self, now: Ms) {
        self.claims.retain(|_, (_, end)| *end > now);
        self.last.retain(|_, (_, end)| *end > now);
    }

    pub(super) fn put(&mut self, claim: &Claim, lease: Ms, now: Ms) {
        let epoch = self.last(&claim.key).max(claim.epoch);
        self.last.insert(claim.key.clone(), (epoch, now + lease + REMEMBERED));
        self.claims.insert(claim.key.clone(), (claim.clone(), now + lease));
    }

    pub(super) fn last(&self, key: &StreamKey) -> Epoch {
        self.last.get(key).map_or(Epoch(0), |(epoch, _)| *epoch)
    }

    pub(super) fn apply(&mut self, op: &Op, now: Ms) -> Reply {
        self.expire(now);
        let standing = self.claims.get(op.key()).map(|(claim, _)| claim.clone());
        match op {
            Op::Lookup(_) => return Ok(standing),
            Op::Claim(ask, over, lease) => {
                let last = self.last(&ask.key).max(standing.as_ref().map_or(Epoch(0), |claim| claim.epoch));
                match standing {
                    Some(standing) if standing == *ask => {}
                    Some(standing) if *over != Some(standing.epoch) => return Err(Error::Held(standing)),
                    _ if ask.epoch <= last => return Err(Error::Stale(last)),
                    _ => {}
                }
                self.put(ask, *lease, now);
            }
            Op::Renew(claim, lease) => {
                match standing {
                    Some(standing) if standing.epoch > claim.epoch => return Err(Error::Held(standing)),
                    None if self.last(&claim.key) > claim.epoch => return Err(Error::Gone),
                    _ => {}
                }
                self.put(claim, *lease, now);
            }
            Op::Release(claim) => {
                if standing.is_none_or(|standing| standing.epoch != claim.epoch) {
                    return Err(Error::Gone);
                }
                self.claims.remove(&claim.key);
            }
        }
        Ok(None)
    }
}

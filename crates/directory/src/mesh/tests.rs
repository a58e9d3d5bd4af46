//! The directory's promises on one member and on three, and what they do when members come, die and lose each other.

use super::testkit::{
    InTurn, LENIENT, Running, id, run, see_each_other, settings, settle, stream_of, three, until,
};
use super::*;
use bytes::Bytes;
use srs_balance::directory::contract::ask;
use std::time::Instant;

mod claims;
mod hostile;
mod members;

const LEASE: Duration = Duration::from_secs(30);
const NOW: Duration = Duration::ZERO;

async fn one() -> InTurn {
    InTurn::new(vec![Running::join("a", &[])])
}

async fn in_turn() -> InTurn {
    InTurn::new(three().await.into())
}

srs_balance::contract!(one_member, run, one());
srs_balance::contract!(three_members, run, in_turn());

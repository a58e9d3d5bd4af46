//! The digest form. It is not in the standard; the layout below is what Flash and every server since agree on.
//!
//! After time and version a block has two parts of 764 bytes, a key part and a digest part, in either order (two schemas).
//! The digest part begins with four bytes whose sum, modulo 728, says where behind them the 32 digest bytes lie. The
//! digest is an HMAC-SHA256 over the block without these 32 bytes.

use bytes::{BufMut, BytesMut};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::BLOCK;
use crate::Random;

/// What both sides append to their name to make the key of the answer.
const SUFFIX: [u8; 32] = [
    0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57, 0x6e,
    0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae,
];
const CLIENT: &[u8] = b"Genuine Adobe Flash Player 001";
const SERVER: &[u8] = b"Genuine Adobe Flash Media Server 001";

/// Where the four offset bytes are: the digest part comes first or second.
const SCHEMAS: [usize; 2] = [8, 772];

/// A version that says "digests are used": Flash 9.0.124.2 for clients, as librtmp and ffmpeg write it.
const CLIENT_VERSION: [u8; 4] = [9, 0, 124, 2];
const SERVER_VERSION: [u8; 4] = [4, 5, 0, 1];

type Digest = [u8; 32];

/// Appends S1 and S2 for a C1 of either form.
pub(super) fn answer(c1: &[u8; BLOCK], random: &mut Random, out: &mut BytesMut) {
    let mut s1 = [0; BLOCK];
    random.fill(s1.get_mut(8..).unwrap_or_default());
    let Some((base, seen)) = find(c1, CLIENT) else {
        out.put_slice(&s1);
        out.put_slice(c1);
        return;
    };
    sign(&mut s1, SERVER_VERSION, base, SERVER);
    out.put_slice(&s1);
    put_proof(SERVER, &seen, random, out);
}

/// Puts a digest into C1.
pub(super) fn sign_client(c1: &mut [u8; BLOCK]) {
    sign(c1, CLIENT_VERSION, SCHEMAS[0], CLIENT);
}

/// Appends C2 for an S1 of either form.
pub(super) fn confirm(s1: &[u8; BLOCK], random: &mut Random, out: &mut BytesMut) {
    match find(s1, SERVER) {
        Some((_, seen)) => put_proof(CLIENT, &seen, random, out),
        None => out.put_slice(s1),
    }
}

/// The schema and digest of a block signed with `key`. A block whose version is zero has none.
pub(super) fn find(block: &[u8; BLOCK], key: &[u8]) -> Option<(usize, Digest)> {
    if block.get(4..8) == Some(&[0; 4]) {
        return None;
    }
    SCHEMAS.into_iter().find_map(|base| {
        let (before, rest) = block.split_at_checked(position(block, base)?)?;
        let (said, after) = rest.split_first_chunk::<32>()?;
        (hmac(key, &[before, after]) == *said).then_some((base, *said))
    })
}

fn sign(block: &mut [u8; BLOCK], version: [u8; 4], base: usize, key: &[u8]) {
    if let Some(field) = block.get_mut(4..8) {
        field.copy_from_slice(&version);
    }
    let digest = position(block, base).and_then(|at| {
        let (before, rest) = block.split_at_checked(at)?;
        Some((at, hmac(key, &[before, rest.get(32..)?])))
    });
    if let Some((at, digest)) = digest
        && let Some(place) = block.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<32>())
    {
        *place = digest;
    }
}

fn position(block: &[u8; BLOCK], base: usize) -> Option<usize> {
    let offset = block.get(base..)?.first_chunk::<4>()?;
    let sum: usize = offset.iter().map(|byte| usize::from(*byte)).sum();
    base.checked_add(4)?.checked_add(sum % 728)
}

/// C2 or S2: random bytes and the proof that the peer's digest was seen.
fn put_proof(name: &[u8], seen: &Digest, random: &mut Random, out: &mut BytesMut) {
    let key = hmac(&[name, &SUFFIX].concat(), &[seen]);
    let mut filler = [0; BLOCK - 32];
    random.fill(&mut filler);
    out.put_slice(&filler);
    out.put_slice(&hmac(&key, &[&filler]));
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Digest {
    // HMAC takes a key of any length; the error type belongs to other MACs.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

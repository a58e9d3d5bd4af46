use bytes::{Bytes, BytesMut};

use super::digest::{self, find};
use super::{BLOCK, Client, Error, Server, Style};
use crate::Random;

fn random() -> Random {
    Random::new([7; 32])
}

/// Runs both sides against each other, handing over `step` bytes at a time, and returns what the server sent.
fn shake(style: Style, step: usize) -> Vec<u8> {
    let mut random = random();
    let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
    let mut client = Client::new(style, &mut random, &mut to_server);
    let mut server = Server::new();
    let (mut client_done, mut server_done, mut sent) = (false, false, Vec::new());
    while !(client_done && server_done) {
        let count = step.min(to_server.len());
        let mut input = to_server.split_to(count).freeze();
        let count = to_client.len();
        server_done = server_done || server.read(&mut input, &mut random, &mut to_client).unwrap();
        sent.extend_from_slice(&to_client[count..]);
        let count = step.min(to_client.len());
        let mut input = to_client.split_to(count).freeze();
        client_done = client_done || client.read(&mut input, &mut random, &mut to_server).unwrap();
    }
    sent
}

#[test]
fn both_sides_agree_however_the_bytes_are_cut() {
    for style in [Style::Simple, Style::Digest] {
        for step in [1, 7, BLOCK, BLOCK + 1, 10_000] {
            assert_eq!(shake(style, step).len(), 1 + 2 * BLOCK);
        }
    }
}

#[test]
fn a_simple_client_gets_its_block_back() {
    let c1: Vec<u8> = (0..BLOCK).map(|index| if (4..8).contains(&index) { 0 } else { index as u8 }).collect();
    let mut out = BytesMut::new();
    let mut input = Bytes::from([&[3], &c1[..]].concat());
    assert_eq!(Server::new().read(&mut input, &mut random(), &mut out), Ok(false));
    assert_eq!(out[0], 3);
    assert_eq!(out[1 + BLOCK..], c1[..]);
}

#[test]
fn a_digest_client_gets_a_signed_block_in_its_own_schema_and_a_proof() {
    let mut c1 = [0; BLOCK];
    random().fill(&mut c1);
    digest::sign_client(&mut c1);
    let (base, _) = find(&c1, b"Genuine Adobe Flash Player 001").unwrap();
    let mut out = BytesMut::new();
    let mut input = Bytes::from([&[3], &c1[..]].concat());
    Server::new().read(&mut input, &mut random(), &mut out).unwrap();
    let s1 = out[1..].first_chunk::<BLOCK>().unwrap();
    let (schema, _) = find(s1, b"Genuine Adobe Flash Media Server 001").unwrap();
    assert_eq!(schema, base);
    assert_ne!(out[1 + BLOCK..], c1[..]);
}

#[test]
fn a_version_without_a_digest_is_taken_for_simple() {
    let mut c1 = [0x55; BLOCK];
    c1[4..8].copy_from_slice(&[128, 0, 7, 2]);
    let mut out = BytesMut::new();
    Server::new().read(&mut Bytes::from([&[3], &c1[..]].concat()), &mut random(), &mut out).unwrap();
    assert_eq!(out[1 + BLOCK..], c1[..]);
}

#[test]
fn the_answer_does_not_wait_for_more_than_c1() {
    let mut out = BytesMut::new();
    let mut server = Server::new();
    server.read(&mut Bytes::from(vec![3; BLOCK]), &mut random(), &mut out).unwrap();
    assert!(out.is_empty());
    server.read(&mut Bytes::from(vec![3]), &mut random(), &mut out).unwrap();
    assert_eq!(out.len(), 1 + 2 * BLOCK);
}

#[test]
fn what_follows_c2_is_left_in_the_input() {
    let mut input = Bytes::from([vec![3; 1 + 2 * BLOCK], b"chunks".to_vec()].concat());
    assert_eq!(Server::new().read(&mut input, &mut random(), &mut BytesMut::new()), Ok(true));
    assert_eq!(input, b"chunks".as_slice());
}

#[test]
fn other_versions_are_refused_at_the_first_byte() {
    let first = |byte| Server::new().read(&mut Bytes::from(vec![byte]), &mut random(), &mut BytesMut::new());
    assert_eq!(first(6), Err(Error::Encrypted { version: 6 }));
    assert_eq!(first(b'G'), Err(Error::NotRtmp { version: b'G' }));
    assert_eq!(first(0x16), Err(Error::NotRtmp { version: 0x16 }));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    assert_eq!(shake(Style::Simple, 100), shake(Style::Simple, 100));
    assert_ne!(Random::new([1; 32]).next_u64(), Random::new([2; 32]).next_u64());
    assert_ne!(Random::new([0; 32]).next_u64(), 0);
}

//! What is written is read back, and what is not written so is not read.

use super::*;
use proptest::prelude::*;
use srs_balance::directory::contract::{ask, key};

fn frames() -> Vec<Frame> {
    let claim = ask("s", "o1", 10);
    let lease = Duration::from_secs(30);
    let mut frames =
        vec![Frame::Idle, Frame::Handed, Frame::Again, Frame::Hand(vec![claim.clone(), ask("t", "o2", 11)])];
    for over in [None, Some(Epoch(9))] {
        frames.push(Frame::Ask(1, Ask::Claim { claim: claim.clone(), over, lease }));
    }
    frames.push(Frame::Ask(2, Ask::Renew { claim: claim.clone(), lease }));
    frames.push(Frame::Ask(3, Ask::Release { claim: claim.clone() }));
    frames.push(Frame::Ask(4, Ask::Lookup { key: key("s") }));
    let (name, text) = ("rtc:a+/".to_owned(), "sealed".to_owned());
    frames.push(Frame::Ask(5, Ask::Note { name, text, ttl: lease }));
    let replies = [
        Ok(None),
        Ok(Some(claim.clone())),
        Err(Error::Held(claim)),
        Err(Error::Stale(Epoch(u64::MAX))),
        Err(Error::Gone),
        Err(Error::Full),
        Err(Error::Unavailable("why".to_owned())),
    ];
    frames.extend(replies.map(|reply| Frame::Reply(5, reply)));
    let (id, body) = (NodeId::new("o1").unwrap(), Bytes::from_static(b"{}"));
    frames.push(Frame::Beat {
        run: 6,
        number: 7,
        beat: Beat { id, body, local: true, host: "h".to_owned() },
    });
    frames
}

#[test]
fn every_frame_is_read_back() {
    for frame in frames() {
        assert_eq!(Frame::read(&frame.write()), Some(frame));
    }
}

#[test]
fn a_frame_that_was_cut_short_is_none() {
    // A beat's body has no end of its own, and a list of claims may end after each.
    for frame in frames().iter().filter(|frame| !matches!(frame, Frame::Beat { .. } | Frame::Hand(_))) {
        let bytes = frame.write();
        for length in 0..bytes.len() {
            assert_eq!(Frame::read(&bytes[..length]), None, "{frame:?} cut to {length}");
        }
    }
}

proptest! {
    #[test]
    fn garbage_is_read_without_harm(mut bytes: Vec<u8>, kind in 0_u8..8) {
        let _ = Frame::read(&bytes);
        bytes.insert(0, kind);
        if let Some(frame) = Frame::read(&bytes) {
            prop_assert_eq!(Frame::read(&frame.write()), Some(frame));
        }
    }
}

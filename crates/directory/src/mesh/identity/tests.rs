//! Foca's messages are read back as they were spelled, with nothing left and nothing missing.

use super::*;
use foca::Codec as _;
use proptest::prelude::*;

fn member(id: &str, bump: u64) -> Identity {
    Identity { id: NodeId::new(id).unwrap(), at: "192.0.2.1:7000".parse().unwrap(), bump }
}

fn messages() -> Vec<Message<Identity>> {
    let (other, probe_number) = (member("p3", 3), 200);
    vec![
        Message::Ping(probe_number),
        Message::Ack(probe_number),
        Message::PingReq { target: other.clone(), probe_number },
        Message::IndirectPing { origin: other.clone(), probe_number },
        Message::IndirectAck { target: other.clone(), probe_number },
        Message::ForwardedAck { origin: other, probe_number },
        Message::Announce,
        Message::Feed,
        Message::Gossip,
        Message::Broadcast,
        Message::TurnUndead,
    ]
}

#[test]
fn every_message_is_read_back() {
    for message in messages() {
        let (src, dst) = (member("p1", 1), member("p2", 2));
        let header = Header { src, src_incarnation: 5, dst, message };
        let mut out = Vec::new();
        Codec.encode_header(&header, &mut out).unwrap();
        let mut rest = out.as_slice();
        let read = Codec.decode_header(&mut rest).unwrap();
        assert_eq!((&read, rest.len()), (&header, 0));
        assert_eq!(read.src.at, header.src.at);
    }
}

#[test]
fn every_state_is_read_back() {
    for state in [State::Alive, State::Suspect, State::Down] {
        let member = Member::new(member("p1", 1), 7, state);
        let mut out = Vec::new();
        Codec.encode_member(&member, &mut out).unwrap();
        let mut rest = out.as_slice();
        assert_eq!(Codec.decode_member(&mut rest).unwrap(), member);
        assert!(rest.is_empty());
    }
}

#[test]
fn what_does_not_fit_is_left_out_whole() {
    let mut room = [0; 10];
    let mut buf = room.as_mut_slice();
    assert!(Codec.encode_member(&Member::alive(member("p1", 1)), &mut buf).is_err());
    assert_eq!(buf.len(), 10);
}

proptest! {
    #[test]
    fn garbage_is_no_message(bytes: Vec<u8>) {
        let _ = Codec.decode_header(bytes.as_slice());
        let _ = Codec.decode_member(bytes.as_slice());
    }
}

use super::*;
use crate::NodeId;
use crate::envelope::Term;

const NOW: u64 = 1_795_000_000_000;

fn seal() -> Seal {
    Seal::new(b"a secret of the cluster")
}

fn door() -> Door {
    Door::new(seal(), "vid-here", vec![1935])
}

fn envelope(purpose: Purpose) -> Envelope {
    Envelope {
        from: NodeId::new("vid-edge").unwrap(),
        role: "edge".to_owned(),
        purpose,
        to: "10.0.0.1:1935".to_owned(),
        client: None,
        term: None,
        hold: None,
        session: String::new(),
        bound: "these words".to_owned(),
        hops: Vec::new(),
    }
}

#[test]
fn a_node_is_meant_by_its_id_and_by_its_ports() {
    for (to, is_me) in [
        ("vid-here", true),
        ("10.0.0.1:1935", true),
        ("[::1]:1935", true),
        ("host.name:1935", true),
        ("vid-other", false),
        ("10.0.0.1:1936", false),
        ("1935", false),
        ("", false),
    ] {
        assert_eq!(door().is_me(to), is_me, "{to}");
    }
}

#[test]
fn an_envelope_opens_for_its_own_purpose_request_and_node() {
    let text = |envelope| seal().sign(&envelope, NOW, 7);
    let open = |text: &str| door().open(text, &[Purpose::Pull, Purpose::Relay], "these words", NOW);
    let good = envelope(Purpose::Pull);
    assert_eq!(open(&text(good.clone())), Ok(good.clone()));
    assert_eq!(open(&text(envelope(Purpose::Push))), Err(Shut::Purpose(Purpose::Push)));
    assert_eq!(open(&text(Envelope { bound: "others".to_owned(), ..good.clone() })), Err(Shut::Request));
    let elsewhere = Envelope { to: "vid-other".to_owned(), ..good };
    assert_eq!(open(&text(elsewhere)), Err(Shut::Foreign(Foreign::NotForUs("vid-other".to_owned()))));
    assert_eq!(open("junk"), Err(Shut::Foreign(Foreign::Malformed)));
}

#[test]
fn an_envelope_of_a_claim_opens_once_and_others_again() {
    let door = door();
    let open = |envelope: Envelope| {
        let text = seal().sign(&envelope, NOW, 7);
        let once = || door.open(&text, &[envelope.purpose], "these words", NOW).map(drop);
        (once(), once())
    };
    assert_eq!(open(envelope(Purpose::Pull)), (Ok(()), Ok(())));
    let term = Some(Term { domain: "d".to_owned(), epoch: 7, resumed: false });
    assert_eq!(open(Envelope { term, ..envelope(Purpose::Relay) }), (Ok(()), Err(Shut::Again)));
}

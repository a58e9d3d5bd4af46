use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_795_000_000_000;

fn seal() -> Seal {
    Seal::new(b"a secret of the cluster")
}

fn envelope() -> Envelope {
    Envelope {
        from: NodeId::new("vid-proxy1").unwrap(),
        role: "proxy".to_owned(),
        purpose: Purpose::Relay,
        to: "vid-origin1".to_owned(),
        client: Some("[2001:db8::7]:50123".parse().unwrap()),
        term: Some(Term { domain: "dir-1".to_owned(), epoch: 1_795_000_000_000 << 16 | 7, resumed: true }),
        hold: Some(Duration::from_millis(10_500)),
        session: "s 1;é".to_owned(),
        bound: bound::of_rtmp("publish", "live", "rtmp://host/live", "a"),
        hops: vec![NodeId::new("edge,1").unwrap(), NodeId::new("edge é").unwrap()],
    }
}

fn open(text: &str, now: u64) -> Result<(Envelope, Mark), Foreign> {
    seal().open(text, |to| to == "vid-origin1", now)
}

#[test]
fn an_envelope_arrives_as_it_was_sent() {
    let text = seal().sign(&envelope(), NOW, 42);
    assert_eq!(open(&text, NOW), Ok((envelope(), Mark { sent_ms: NOW, nonce: 42 })));
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
}

#[test]
fn an_envelope_of_few_words_arrives_too() {
    let least = Envelope { client: None, term: None, hold: None, ..envelope() };
    let least = Envelope { session: String::new(), role: String::new(), hops: Vec::new(), ..least };
    assert_eq!(open(&seal().sign(&least, NOW, 0), NOW).unwrap().0, least);
}

#[test]
fn no_two_requests_are_bound_alike() {
    let bounds = [
        bound::of_rtmp("publish", "live", "rtmp://host/live", "a"),
        bound::of_rtmp("play", "live", "rtmp://host/live", "a"),
        bound::of_rtmp("publish", "live", "rtmp://other/live", "a"),
        bound::of_rtmp("publish", "live", "rtmp://host/live", "b"),
        bound::of_rtmp("publish", "liv", "ertmp://host/live", "a"),
        bound::of_http("GET", "/live/a.flv"),
        bound::of_http("POST", "/live/a.flv"),
        bound::of_body(b"GET/live/a.flv"),
        bound::of_srt("#!::r=live/a,m=publish"),
        bound::of_srt("#!::r=live/a,m=request"),
    ];
    let all = bounds.iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(all.len(), bounds.len());
}

#[test]
fn another_secret_opens_nothing() {
    let text = Seal::new(b"another secret").sign(&envelope(), NOW, 42);
    assert_eq!(open(&text, NOW), Err(Foreign::Secret));
}

#[test]
fn an_envelope_is_good_for_half_a_minute_either_side() {
    let text = seal().sign(&envelope(), NOW, 42);
    assert!(open(&text, NOW + 30_000).is_ok() && open(&text, NOW - 30_000).is_ok());
    assert_eq!(open(&text, NOW + 30_001), Err(Foreign::TooOld(30_001)));
    assert_eq!(open(&text, NOW - 30_001), Err(Foreign::TooNew(30_001)));
}

#[test]
fn an_envelope_for_another_node_is_not_opened() {
    let other = Envelope { to: "127.0.0.1:1935".to_owned(), ..envelope() };
    let text = seal().sign(&other, NOW, 42);
    assert_eq!(open(&text, NOW), Err(Foreign::NotForUs("127.0.0.1:1935".to_owned())));
    assert!(seal().open(&text, |to| to.ends_with(":1935"), NOW).is_ok());
}

#[test]
fn more_hops_and_more_bytes_than_the_limits_are_refused() {
    let hop = NodeId::new("e").unwrap();
    let of = |count| Envelope { hops: vec![hop.clone(); count], ..envelope() };
    assert!(open(&seal().sign(&of(MOST_HOPS), NOW, 0), NOW).is_ok());
    assert_eq!(open(&seal().sign(&of(MOST_HOPS + 1), NOW, 0), NOW), Err(Foreign::Malformed));
    let empty = seal().sign(&Envelope { session: String::new(), ..envelope() }, NOW, 0).len();
    let of = |length| Envelope { session: "x".repeat(length), ..envelope() };
    assert!(open(&seal().sign(&of(MOST_BYTES - empty), NOW, 0), NOW).is_ok());
    assert_eq!(open(&seal().sign(&of(MOST_BYTES - empty + 1), NOW, 0), NOW), Err(Foreign::Malformed));
}

#[test]
fn what_is_no_envelope_is_malformed() {
    for text in ["", ";", "1", "srsNode", "1;;;;;;;;;;;;;", &"é".repeat(100), &"x".repeat(MOST_BYTES + 1)] {
        assert_eq!(open(text, NOW), Err(Foreign::Malformed), "{text}");
    }
}

#[test]
fn keys_of_every_length_are_those_of_hmac() {
    for length in [0, 1, 63, 64, 65, 200] {
        let key = vec![7; length];
        let expected = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update("x").finalize();
        assert!(keyed(&key).chain_update("x").finalize() == expected, "{length}");
    }
}

#[test]
fn a_seal_does_not_show_its_key() {
    assert_eq!(format!("{:?}", seal()), "Seal(..)");
}

fn id() -> impl Strategy<Value = NodeId> {
    "[a-zA-Z0-9é ,;:=@|^~_-]{1,40}".prop_map(|id| NodeId::new(&id).unwrap())
}

fn client() -> impl Strategy<Value = SocketAddr> {
    let address = prop_oneof![
        any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from(bits).into()),
        any::<u128>().prop_map(|bits| std::net::IpAddr::from(std::net::Ipv6Addr::from(bits))),
    ];
    (address, any::<u16>()).prop_map(|(address, port)| SocketAddr::new(address, port))
}

prop_compose! {
    fn any_envelope()(
        from in id(), role in ".{0,12}", purpose in 0..5_usize, to in ".{0,60}",
        client in proptest::option::of(client()), term in proptest::option::of((".{0,20}", any::<u64>())),
        hold in proptest::option::of(any::<u64>()), session in ".{0,40}",
        bound in ".{0,70}",
        hops in proptest::collection::vec(id(), 0..4),
    ) -> Envelope {
        Envelope {
            from, role, to, client, session, bound, hops,
            purpose: [Purpose::Relay, Purpose::Pull, Purpose::Push, Purpose::Beat, Purpose::Control][purpose],
            term: term.map(|(domain, epoch)| Term { domain, epoch, resumed: epoch % 2 == 0 }),
            hold: hold.map(Duration::from_millis),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_envelope_goes_round(envelope in any_envelope(), now: u64, nonce: u64) {
        let text = seal().sign(&envelope, now, nonce);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{}", text);
        match seal().open(&text, |to| to == envelope.to, now) {
            Ok(opened) => prop_assert_eq!(opened, (envelope, Mark { sent_ms: now, nonce })),
            Err(error) => prop_assert!(text.len() > MOST_BYTES && error == Foreign::Malformed),
        }
    }

    #[test]
    fn every_changed_byte_is_refused(at: prop::sample::Index, change in 1..128_u8) {
        let mut bytes = seal().sign(&envelope(), NOW, 42).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        bytes[at] &= 0x7f;
        prop_assert!(open(&String::from_utf8(bytes).unwrap(), NOW).is_err());
    }

    #[test]
    fn a_piece_of_an_envelope_is_refused(length: prop::sample::Index) {
        let text = seal().sign(&envelope(), NOW, 42);
        prop_assert!(open(&text[..length.index(text.len())], NOW).is_err());
    }

    #[test]
    fn no_text_panics(text in any::<String>(), told in "[0-9a-z;%,:.é]{0,200}", now: u64) {
        prop_assert!(open(&text, now).is_err());
        // Also behind a good seal.
        let mac = seal().0.chain_update(&told).finalize().into_bytes();
        let mut sealed = told + ";";
        text::push_hex(&mac, &mut sealed);
        let _ = open(&sealed, now);
    }
}

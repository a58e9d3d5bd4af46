//! Which peers can be named, and what is listened on.

use super::*;

fn peer(text: &str) -> Option<String> {
    Peer::parse(text, 7000).map(|peer| peer.to_string())
}

#[test]
fn a_peer_is_a_host_with_or_without_a_port() {
    for (text, read) in [
        ("10.0.0.1:9", "10.0.0.1:9"),
        ("10.0.0.1", "10.0.0.1:7000"),
        ("proxies.default.svc", "proxies.default.svc:7000"),
        ("localhost:80", "localhost:80"),
    ] {
        assert_eq!(peer(text).as_deref(), Some(read));
    }
    assert_eq!(Peer::parse("[::1]:9", 7000).unwrap().address(), Some("[::1]:9".parse().unwrap()));
    assert_eq!(Peer::parse("[::1]", 7000).unwrap().address(), Some("[::1]:7000".parse().unwrap()));
    assert_eq!(Peer::parse("::1", 7000).unwrap().address(), Some("[::1]:7000".parse().unwrap()));
}

#[test]
fn what_is_no_peer_is_refused() {
    for text in ["", ":", "a:", ":80", "a:0", "a:65536", "a b", "http://a:80", "a:b:c", "[::1"] {
        assert_eq!(peer(text), None, "{text}");
    }
}

#[test]
fn peers_are_parted_by_commas_and_blanks() {
    assert_eq!(Settings::split(" a:1,b:2  c:3,\n").unwrap(), ["a:1", "b:2", "c:3"]);
    assert_eq!(Settings::split("").unwrap(), Vec::<String>::new());
    assert_eq!(Settings::split("a:1 b:x"), Err(Wrong::Peer("b:x".to_owned())));
    assert_eq!(Settings::split(&"a ".repeat(65)), Err(Wrong::TooMany));
}

#[test]
fn a_secret_is_not_shown() {
    let settings = Settings {
        listen: Vec::new(),
        peers: Vec::new(),
        secret: b"hidden".to_vec(),
        me: NodeId::new("p").unwrap(),
    };
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hidden") && !shown.contains("104"), "{shown}");
}

#[test]
fn tcp_and_udp_have_the_same_port() {
    let (tcp, udp) = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    assert_eq!(tcp.local_addr().unwrap(), udp.local_addr().unwrap());
}

#[test]
fn an_address_that_is_taken_is_named() {
    let (tcp, _udp) = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let address = tcp.local_addr().unwrap();
    let error = bind(&[address]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

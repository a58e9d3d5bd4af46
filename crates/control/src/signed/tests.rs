use super::*;

const SECRET: &[u8] = b"the secret of a test";

fn me() -> Signatures {
    Signatures::new(SECRET, "vid-proxy", vec![12_025, 11_985])
}

fn signer(secret: &[u8]) -> Signer {
    Signer::new(secret, NodeId::new("vid-origin").unwrap(), "origin")
}

fn headers(value: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(NODE, value)])
}

fn beat(to: &str, body: &[u8]) -> HeaderMap {
    headers(signer(SECRET).beat(to, body).unwrap())
}

fn why(opened: Option<Result<Envelope, Unsigned>>) -> String {
    opened.unwrap().unwrap_err().to_string()
}

#[test]
fn a_heartbeat_is_opened_by_the_proxy_that_was_dialled_and_is_of_its_body_alone() {
    for to in ["10.0.0.1:12025", "[::1]:12025", "proxy.example:11985", "vid-proxy"] {
        let envelope = me().open(&beat(to, b"body"), Asked::Beat).unwrap().unwrap();
        assert_eq!((envelope.from.as_str(), envelope.role.as_str()), ("vid-origin", "origin"));
        assert!(is_of_body(&envelope, b"body") && !is_of_body(&envelope, b"another"), "{to}");
    }
    for to in ["10.0.0.1:1985", "vid-other", "12025", ""] {
        assert!(why(me().open(&beat(to, b""), Asked::Beat)).contains("which is not this node"), "{to}");
    }
    assert!(me().open(&HeaderMap::new(), Asked::Beat).is_none());
}

#[test]
fn a_signature_is_good_once() {
    let (me, headers) = (me(), beat("vid-proxy", b""));
    assert!(me.open(&headers, Asked::Beat).unwrap().is_ok());
    assert_eq!(me.open(&headers, Asked::Beat), Some(Err(Unsigned::Again)));
}

#[test]
fn a_signature_is_good_for_its_own_request_alone() {
    let to = NodeId::new("vid-proxy").unwrap();
    let control = || headers(signer(SECRET).control(&to, &Method::GET, "/api/v1/clients?start=0").unwrap());
    let open = |headers: &HeaderMap, method: &Method, path| {
        me().open(headers, Asked::Control(method, path)).unwrap()
    };
    assert!(open(&control(), &Method::GET, "/api/v1/clients?start=0").is_ok());
    for (method, path) in [(Method::DELETE, "/api/v1/clients?start=0"), (Method::GET, "/api/v1/clients")] {
        assert!(open(&control(), &method, path).is_err(), "{method} {path}");
    }
    assert!(open(&beat("vid-proxy", b""), &Method::GET, "/api/v1/clients").is_err(), "a beat opens no lists");
    assert!(why(me().open(&control(), Asked::Beat)).contains("another request"));
}

#[test]
fn what_relays_send_with_sessions_steers_nothing() {
    let own = signer(SECRET);
    let path = "/api/v1/clients";
    let value = own.sign(Purpose::Relay, "vid-proxy", bound::of_http("GET", path)).unwrap();
    for asked in [Asked::Beat, Asked::Control(&Method::GET, path)] {
        assert!(matches!(me().open(&headers(value.clone()), asked), Some(Err(Unsigned::Foreign(_)))));
    }
}

#[test]
fn signatures_of_others_and_nonsense_are_as_if_they_were_not_there() {
    let foreign = headers(signer(b"another secret").beat("vid-proxy", b"").unwrap());
    let nonsense = headers(HeaderValue::from_static("nonsense"));
    let bytes = headers(HeaderValue::from_bytes(b"\xff").unwrap());
    for headers in [foreign, nonsense, bytes] {
        assert!(matches!(me().open(&headers, Asked::Beat), Some(Err(Unsigned::Foreign(_)))));
    }
}

#[test]
fn a_signature_is_good_for_thirty_seconds() {
    let headers = beat("vid-proxy", b"");
    let now = unix_ms();
    assert!(why(me().open_at(&headers, Asked::Beat, now + 31_000)).contains("ms ago"));
    assert!(me().open_at(&headers, Asked::Beat, now + 29_000).unwrap().is_ok());
}

#[test]
fn neither_secret_nor_seal_is_in_a_debug_text() {
    let texts = format!("{:?} {:?}", me(), signer(SECRET));
    assert!(!texts.contains("secret") && texts.contains("Seal(..)"), "{texts}");
}

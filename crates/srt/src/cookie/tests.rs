use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_cookie_is_good_for_its_minute_and_the_next() {
    let (cookies, from, caller) = (Cookies::new(b"key"), address("192.0.2.1:4000"), SocketId(5));
    for minute in [0, 1, 29_000_000, u64::MAX] {
        let cookie = cookies.make(minute, from, caller);
        assert!(cookies.is_good(cookie, minute, from, caller));
        assert!(cookies.is_good(cookie, minute.wrapping_add(1), from, caller));
        assert!(!cookies.is_good(cookie, minute.wrapping_add(2), from, caller));
        assert!(!cookies.is_good(cookie, minute.wrapping_sub(1), from, caller));
    }
}

#[test]
fn a_cookie_is_good_for_whom_it_was_made_alone() {
    let (cookies, from, caller) = (Cookies::new(b"key"), address("192.0.2.1:4000"), SocketId(5));
    let cookie = cookies.make(7, from, caller);
    for other in ["192.0.2.2:4000", "192.0.2.1:4001", "[2001:db8::1]:4000"] {
        assert!(!cookies.is_good(cookie, 7, address(other), caller), "{other}");
    }
    assert!(!cookies.is_good(cookie, 7, from, SocketId(6)));
    assert!(!Cookies::new(b"another key").is_good(cookie, 7, from, caller));
    assert!(!cookies.is_good(cookie ^ 1, 7, from, caller));
    assert!(!cookies.is_good(0, 7, from, caller));
}

#[test]
fn processes_with_the_same_key_know_each_others_cookies() {
    let (from, caller) = (address("[2001:db8::1]:4000"), SocketId(5));
    let cookie = Cookies::new(b"key").make(7, from, caller);
    assert!(Cookies::new(b"key").is_good(cookie, 8, from, caller));
}

#[test]
fn an_ipv4_address_in_the_form_of_ipv6_is_the_same() {
    let (cookies, caller) = (Cookies::new(b"key"), SocketId(5));
    let cookie = cookies.make(7, address("192.0.2.1:4000"), caller);
    assert!(cookies.is_good(cookie, 7, address("[::ffff:192.0.2.1]:4000"), caller));
}

#[test]
fn the_key_is_not_printed() {
    assert_eq!(format!("{:?}", Cookies::new(b"key")), "Cookies { .. }");
}

#[test]
fn nodes_with_one_secret_know_each_others_cookies_and_by_the_secret_alone_nobody_makes_one() {
    let (from, caller) = (address("192.0.2.1:4000"), SocketId(5));
    let cookie = Cookies::of_secret(b"a secret").make(7, from, caller);
    assert!(Cookies::of_secret(b"a secret").is_good(cookie, 7, from, caller));
    assert!(!Cookies::of_secret(b"another").is_good(cookie, 7, from, caller));
    assert!(!Cookies::new(b"a secret").is_good(cookie, 7, from, caller));
}

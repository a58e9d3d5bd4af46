use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn access(token: Option<&str>, allow: &[&str]) -> Access {
    Access::of_proxy(token.map(str::to_owned), allow.iter().map(|range| range.parse().unwrap()).collect())
}

fn is_allowed(access: &Access, peer: &str, list: &[(&'static str, &str)]) -> bool {
    access.check(ip(peer), &headers(list)).is_ok()
}

const GOOD: [(&str, &str); 1] = [("authorization", "Bearer secret")];

#[test]
fn with_nothing_set_loopback_alone_may_steer() {
    let access = access(None, &[]);
    for peer in ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"] {
        assert!(is_allowed(&access, peer, &[]), "{peer}");
    }
    for peer in ["10.0.0.1", "128.0.0.1", "fd00::1", "::ffff:10.0.0.1"] {
        assert!(!is_allowed(&access, peer, &[]), "{peer}");
    }
}

#[test]
fn a_refusal_prints_the_line_that_would_allow_it() {
    let refusal = access(None, &[]).check(ip("10.1.2.3"), &HeaderMap::new()).unwrap_err();
    let text = refusal.to_string();
    assert!(text.contains("PROXY_SYSTEM_API_ALLOW=10.1.2.3/32"), "{text}");
    assert!(text.contains("PROXY_HTTP_API_AUTH_TOKEN=<secret>"), "{text}");
}

#[test]
fn the_line_that_would_allow_an_address_keeps_those_that_are_allowed() {
    let text =
        access(None, &["10.0.0.0/8"]).check(ip("11.1.2.3"), &HeaderMap::new()).unwrap_err().to_string();
    assert!(text.contains("PROXY_SYSTEM_API_ALLOW=10.0.0.0/8,11.1.2.3/32"), "{text}");
}

#[test]
fn ten_wrong_tokens_lock_an_address_out_and_nobody_else() {
    let access = access(Some("secret"), &[]);
    let wrong = headers(&[("authorization", "Bearer wrong")]);
    for _ in 0..10 {
        assert!(matches!(access.check(ip("10.0.0.1"), &wrong), Err(Refusal::Token(_))));
    }
    for list in [&wrong, &headers(&GOOD)] {
        assert!(matches!(access.clone().check(ip("10.0.0.1"), list), Err(Refusal::Guesses(..))));
    }
    let none = access.check(ip("10.0.0.1"), &HeaderMap::new());
    assert!(matches!(none, Err(Refusal::Token(_))), "who brings none guesses nothing");
    assert!(is_allowed(&access, "10.0.0.2", &GOOD));
}

#[test]
fn who_brings_no_token_is_not_locked_out_for_it() {
    let access = access(Some("secret"), &[]);
    for _ in 0..20 {
        assert!(!is_allowed(&access, "10.0.0.1", &[]));
    }
    assert!(is_allowed(&access, "10.0.0.1", &GOOD));
}

#[test]
fn the_token_itself_is_in_no_refusal_and_no_debug_text() {
    let access = access(Some("hunter2"), &["10.0.0.0/8"]);
    for peer in ["10.1.2.3", "11.1.2.3"] {
        let text = access.check(ip(peer), &HeaderMap::new()).unwrap_err().to_string();
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(!format!("{access:?}").contains("hunter2"));
}

#[test]
fn listed_addresses_may_steer() {
    let access = access(None, &["10.0.0.0/8", "fd00::/8"]);
    for (peer, allowed) in [
        ("10.200.0.1", true),
        ("::ffff:10.0.0.1", true),
        ("fd12::1", true),
        ("127.0.0.1", true),
        ("11.0.0.1", false),
    ] {
        assert_eq!(is_allowed(&access, peer, &[]), allowed, "{peer}");
    }
}

#[test]
fn with_a_token_everybody_must_bring_it() {
    let access = access(Some("secret"), &[]);
    for peer in ["127.0.0.1", "203.0.113.9"] {
        assert!(is_allowed(&access, peer, &GOOD));
        assert!(is_allowed(&access, peer, &[("authorization", "bearer  secret")]), "the scheme has no case");
        for wrong in [
            "Bearer secre",
            "Bearer secretx",
            "Bearer Secret",
            "Bearer ",
            "Bearer",
            "secret",
            "Basic secret",
            "",
        ] {
            assert!(!is_allowed(&access, peer, &[("authorization", wrong)]), "{wrong:?}");
        }
        assert!(!is_allowed(&access, peer, &[]));
    }
}

#[test]
fn two_authorizations_are_none() {
    let mut list = headers(&GOOD);
    list.append(AUTHORIZATION, HeaderValue::from_static("Bearer other"));
    assert!(access(Some("secret"), &[]).check(ip("127.0.0.1"), &list).is_err());
}

#[test]
fn an_empty_token_is_brought_by_nobody() {
    assert!(!is_allowed(&access(Some(""), &[]), "127.0.0.1", &[("authorization", "Bearer ")]));
}

#[test]
fn with_token_and_list_both_must_hold() {
    let access = access(Some("secret"), &["10.0.0.0/8"]);
    assert!(is_allowed(&access, "10.1.1.1", &GOOD));
    assert!(is_allowed(&access, "127.0.0.1", &GOOD));
    assert!(!is_allowed(&access, "10.1.1.1", &[]));
    assert!(!is_allowed(&access, "11.1.1.1", &GOOD));
}

#[test]
fn what_a_reverse_proxy_forwards_is_not_loopback() {
    let access = access(None, &[]);
    for name in ["x-forwarded-for", "x-real-ip", "forwarded", "via"] {
        assert!(!is_allowed(&access, "127.0.0.1", &[(name, "127.0.0.1")]), "{name}");
    }
}

#[test]
fn a_page_of_another_site_may_not_use_the_operators_browser() {
    let access = access(None, &["10.0.0.0/8"]);
    for peer in ["127.0.0.1", "10.0.0.1"] {
        for origin in ["http://evil.example", "http://6.6.6.6", "null", "http://localhost.evil.example"] {
            assert!(
                !is_allowed(&access, peer, &[("origin", origin), ("host", "127.0.0.1:1985")]),
                "{origin}"
            );
        }
    }
}

#[test]
fn a_foreign_name_that_points_here_is_not_our_own_page() {
    let access = access(None, &[]);
    let rebound = [("host", "evil.example:1985"), ("sec-fetch-site", "same-origin")];
    assert!(!is_allowed(&access, "127.0.0.1", &rebound));
    assert!(!is_allowed(
        &access,
        "127.0.0.1",
        &[("host", "evil.example"), ("origin", "http://evil.example")]
    ));
    assert!(is_allowed(&access, "127.0.0.1", &[("host", "srs.example:1985")]), "curl is no browser");
}

#[test]
fn a_page_of_this_machine_may_steer() {
    let access = access(None, &["10.0.0.0/8"]);
    for (host, origin) in [
        ("localhost:1985", "http://localhost:8080"),
        ("127.0.0.1:1985", "http://[::1]:8080"),
        ("10.0.0.1:1985", "http://10.0.0.1:8080"),
    ] {
        let list = [("host", host), ("origin", origin), ("sec-fetch-site", "same-site")];
        assert!(is_allowed(&access, "10.0.0.1", &list), "{origin}");
    }
}

#[test]
fn ranges_are_read_and_matched() {
    for (range, inside, outside) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
        ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
        ("10.0.0.6/31", "10.0.0.7", "10.0.0.8"),
        ("0.0.0.0/0", "203.0.113.1", "fd00::1"),
        ("::/0", "fd00::1", "10.0.0.1"),
        ("fd00::/9", "fd7f::1", "fd80::1"),
    ] {
        let cidr: Cidr = range.parse().unwrap();
        assert!(cidr.contains(ip(inside)), "{range} {inside}");
        assert!(!cidr.contains(ip(outside)), "{range} {outside}");
    }
    for bad in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0/8",
        "::/129",
        "a/8",
        "10.0.0.0/8/8",
        "10.0.0.0/256",
    ] {
        assert!(bad.parse::<Cidr>().is_err(), "{bad}");
    }
}

#[test]
fn loopback_and_listed_addresses_are_known() {
    let access = access(None, &["10.0.0.0/8"]);
    for (address, is_known) in [
        ("127.0.0.1", true),
        ("::1", true),
        ("10.9.8.7", true),
        ("::ffff:10.9.8.7", true),
        ("8.8.8.8", false),
    ] {
        assert_eq!(access.knows(ip(address)), is_known, "{address}");
    }
}

#[test]
fn an_address_is_known_once_it_brought_the_token() {
    let access = access(Some("secret"), &[]);
    let served = access.clone();
    assert!(!is_allowed(&served, "10.9.8.7", &[("authorization", "Bearer wrong")]));
    assert!(!access.knows(ip("10.9.8.7")));
    assert!(is_allowed(&served, "10.9.8.7", &GOOD));
    assert!(access.knows(ip("10.9.8.7")) && !access.knows(ip("10.9.8.8")));
}

#[test]
fn a_thousand_addresses_that_brought_the_token_are_remembered() {
    let access = access(Some("secret"), &[]);
    let address = |number: usize| format!("10.1.{}.{}", number / 250, number % 250);
    for number in (0..=MAX_PROVEN).chain(1..=MAX_PROVEN) {
        assert!(is_allowed(&access, &address(number), &GOOD));
    }
    assert!(!access.knows(ip(&address(0))) && access.knows(ip(&address(1))));
    assert_eq!(access.proven().len(), MAX_PROVEN);
}

use super::*;

const NODE: &str = "192.168.1.2";

fn dialled(text: &str) -> String {
    parse(text, NODE, false).unwrap().to_string()
}

#[test]
fn a_bare_port_is_dialled_at_the_node() {
    for text in
        ["1935", ":1935", "tcp://1935", "tcp://:1935", "0.0.0.0:1935", "tcp://0.0.0.0:1935", "[::]:1935"]
    {
        assert_eq!(dialled(text), "192.168.1.2:1935", "{text}");
    }
}

#[test]
fn a_written_host_is_dialled() {
    for (text, address) in [
        ("10.0.0.7:1935", "10.0.0.7:1935"),
        ("udp://10.0.0.7:8000", "10.0.0.7:8000"),
        ("udp:10.0.0.7:8000", "10.0.0.7:8000"),
        ("[fd00::7]:1935", "[fd00::7]:1935"),
        ("tcp://[fd00::7]:1935", "[fd00::7]:1935"),
        ("[::ffff:10.0.0.7]:1935", "10.0.0.7:1935"),
        ("Origin-1.example.:1935", "origin-1.example:1935"),
        ("tcp:origin:1935", "origin:1935"),
    ] {
        assert_eq!(dialled(text), address, "{text}");
    }
}

#[test]
fn the_protocol_is_kept() {
    assert_eq!(parse("udp://0.0.0.0:10082", NODE, false).unwrap().proto.as_deref(), Some("udp"));
    assert_eq!(parse("udp:0.0.0.0:10082", NODE, false).unwrap().proto.as_deref(), Some("udp"));
    assert_eq!(parse("10082", NODE, false).unwrap().proto, None);
}

#[test]
fn ports_out_of_range_are_refused() {
    for text in ["0", "99999", "65536", "tcp://:0", "10.0.0.7:0", "123456789012345678901234567890"] {
        assert_eq!(parse(text, NODE, false), Err(Error::Port(text.to_owned())), "{text}");
    }
}

#[test]
fn other_spellings_are_refused() {
    let long = format!("{}:1", "a".repeat(400));
    for text in [
        "",
        ":",
        "abc",
        "-1",
        "+1935",
        "19 35",
        "0x50",
        "1935/",
        "::1:1935",
        "fe80::1",
        "[::1",
        "[::1]",
        "[10.0.0.7]:1935",
        "tcp://",
        "://1935",
        "TCP://1935",
        "tcp://tcp://1",
        "a b://1935",
        "1935:",
        "[[::1]]:1935",
        "١٩٣٥",
        &long,
    ] {
        assert!(matches!(parse(text, NODE, true), Err(Error::Spelling(_))), "{text:?}");
    }
}

#[test]
fn hosts_that_cannot_be_dialled_are_refused() {
    for text in [
        "",
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "127.1",
        "0x7f000001",
        "0x7f.1",
        "2130706433",
        "1.2.3.4.5",
        "a..b",
        "-a",
        "a b",
        "a/b",
        "a@b",
        "a%b",
        "ex\u{e4}mple",
        "fe80::1%eth0",
        "[10.0.0.1",
        "a:b",
    ] {
        assert!(matches!(host(text, true), Err(Error::Host(_))), "{text:?}");
    }
    assert!(host(&"a.".repeat(200), true).is_err());
}

#[test]
fn loopback_is_good_over_loopback_only() {
    for text in [
        "127.0.0.1",
        "127.8.9.1",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
    ] {
        assert!(host(text, true).is_ok(), "{text}");
        assert!(matches!(host(text, false), Err(Error::Loopback(_))), "{text}");
    }
    assert!(matches!(parse("127.0.0.1:6379", NODE, false), Err(Error::Loopback(_))));
    assert!(matches!(parse("tcp://localhost:6379", NODE, false), Err(Error::Loopback(_))));
}

#[test]
fn link_local_addresses_and_what_clouds_answer_at_are_good_over_loopback_only() {
    for text in
        ["169.254.169.254", "169.254.1.1", "::ffff:169.254.169.254", "fe80::1", "[febf::1]", "fd00:ec2::254"]
    {
        assert!(host(text, true).is_ok(), "{text}");
        assert!(matches!(host(text, false), Err(Error::LinkLocal(_))), "{text}");
    }
    assert!(matches!(parse("169.254.169.254:80", NODE, false), Err(Error::LinkLocal(_))));
    assert!(host("fd00::1", false).is_ok() && host("169.253.0.1", false).is_ok());
}

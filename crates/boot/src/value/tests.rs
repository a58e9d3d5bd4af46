use std::time::Duration;

use super::*;

#[test]
fn a_bare_port_is_every_interface_and_ipv6_comes_first() {
    for text in ["1935", ":1935"] {
        let listen = Listen::parse(text).unwrap();
        assert_eq!(listen, Listen::port(1935));
        let addresses: Vec<String> = listen.addresses().iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["[::]:1935", "0.0.0.0:1935"]);
    }
}

#[test]
fn a_listener_may_name_an_address_of_either_family() {
    for text in ["127.0.0.1:1935", "[::1]:1935", "0.0.0.0:0"] {
        let listen = Listen::parse(text).unwrap();
        assert_eq!(listen.to_string(), text);
        assert_eq!(listen.addresses().len(), 1);
    }
    assert_eq!(Listen::parse("1935").unwrap().to_string(), "1935");
}

#[test]
fn a_listener_that_is_no_port_or_address_is_refused() {
    for text in [
        "",
        ":",
        "65536",
        "-1",
        "+1",
        "1935 ",
        "localhost:1935",
        "::1:1935",
        "[::1]",
        "[1.2.3.4]:1",
        "1.2.3.4",
    ] {
        assert!(Listen::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_bare_time_is_in_the_unit_of_its_directive() {
    assert_eq!(duration("350", Unit::Millis).unwrap(), Duration::from_millis(350));
    assert_eq!(duration("9.9", Unit::Seconds).unwrap(), Duration::from_millis(9900));
    assert_eq!(duration(".5", Unit::Seconds).unwrap(), Duration::from_millis(500));
    assert_eq!(duration("0", Unit::Millis).unwrap(), Duration::ZERO);
}

#[test]
fn a_time_with_its_unit_means_the_same_everywhere() {
    for unit in [Unit::Millis, Unit::Seconds] {
        assert_eq!(duration("350ms", unit).unwrap(), Duration::from_millis(350));
        assert_eq!(duration("10s", unit).unwrap(), Duration::from_secs(10));
        assert_eq!(duration("1m30s", unit).unwrap(), Duration::from_secs(90));
    }
}

#[test]
fn go_times_read_as_in_go() {
    let cases = [
        ("300s", 300_000_000_000),
        ("1h2m3.5s", 3_723_500_000_000),
        ("500ms", 500_000_000),
        ("1.5h", 5_400_000_000_000),
        ("7us8ns", 7008),
        ("7µs", 7000),
        ("0", 0),
    ];
    for (text, nanos) in cases {
        assert_eq!(go_duration(text).unwrap(), Duration::from_nanos(nanos), "{text}");
    }
}

#[test]
fn a_time_that_is_none_is_refused() {
    for text in [
        "",
        "10",
        "-5s",
        "s",
        "1.2.3s",
        "5 s",
        "5d",
        "1e3s",
        ".s",
        "10s ",
        "999999999999999999999s",
        "367h1",
        "99999h",
    ] {
        assert!(go_duration(text).is_err(), "{text:?}");
    }
    assert!(duration("", Unit::Seconds).is_err());
    assert!(duration("on", Unit::Seconds).is_err());
}

#[test]
fn a_number_is_digits_within_its_bounds() {
    assert_eq!(number("128", 128, 65536).unwrap(), 128);
    for text in ["127", "65537", "", "+200", "0x80", "1e3", " 200", "99999999999999999999999"] {
        assert!(number(text, 128, 65536).is_err(), "{text:?}");
    }
    assert_eq!(number("1", 2, 3).unwrap_err().to_string(), "a whole number from 2 to 3");
}

#[test]
fn shards_are_a_number_or_one_for_each_core() {
    let cores = NonZeroUsize::new(8).unwrap();
    assert_eq!(Shards::parse("auto").unwrap().count(cores).get(), 8);
    assert_eq!(Shards::parse("2").unwrap().count(cores).get(), 2);
    for text in ["0", "1025", "many", ""] {
        assert!(Shards::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_secret_does_not_print() {
    let secret = Secret::new("hunter2");
    assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "******** ******** Some(********)");
    assert_eq!(secret.expose(), "hunter2");
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_value_or_refused_without_a_panic(text in "[0-9a-zµ.:+\\[\\]/ -]{0,40}") {
        let _ = (Listen::parse(&text), go_duration(&text), duration(&text, Unit::Millis), Shards::parse(&text));
        let _ = (number(&text, 0, u64::MAX), switch(&text));
    }

    #[test]
    fn a_listener_prints_what_it_reads(ip: Option<std::net::IpAddr>, port: u16) {
        let listen = Listen { ip, port };
        // An IPv4 address in IPv6 clothes prints so and reads back so.
        proptest::prop_assert_eq!(Listen::parse(&listen.to_string()), Ok(listen));
    }
}

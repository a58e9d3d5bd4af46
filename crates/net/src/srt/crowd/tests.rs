use super::*;

#[test]
fn a_network_of_ipv6_is_one_caller_and_an_address_of_ipv4_is() {
    let mut crowd = Crowd::default();
    let ip = |ip: &str| ip.parse().unwrap();
    for one in ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1", "10.0.0.1", "10.0.0.2"] {
        crowd.add(ip(one), Silent::Waits);
    }
    let count = |one| crowd.count(ip(one), Silent::Waits);
    assert_eq!((count("2001:db8:0:1::7"), count("2001:db8:0:2::7")), (2, 1));
    assert_eq!((count("10.0.0.1"), count("10.0.0.3")), (1, 0));
    assert_eq!(crowd.count(ip("10.0.0.1"), Silent::Accepted), 0);
}

#[test]
fn nothing_is_kept_of_who_has_gone() {
    let mut crowd = Crowd::default();
    let ip = [10, 0, 0, 1].into();
    for _ in 0..2 {
        crowd.add(ip, Silent::Accepted);
    }
    for _ in 0..3 {
        crowd.remove(ip, Silent::Accepted);
    }
    assert!(crowd.0.is_empty());
}

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn an_address_is_locked_by_ten_wrong_tokens_until_a_minute_after_the_first() {
    let (mut guesses, start) = (Guesses::default(), Instant::now());
    for number in 0..MAX_WRONG {
        assert_eq!(guesses.locked(ip("10.0.0.1"), start), None, "{number}");
        guesses.wrong(ip("10.0.0.1"), start + Duration::from_secs(number.into()));
    }
    assert_eq!(
        guesses.locked(ip("10.0.0.1"), start + Duration::from_secs(20)),
        Some(Duration::from_secs(40))
    );
    assert_eq!(guesses.locked(ip("::ffff:10.0.0.1"), start + MINUTE), None);
    assert_eq!(guesses.locked(ip("10.0.0.2"), start), None);
    guesses.wrong(ip("10.0.0.1"), start + MINUTE);
    assert_eq!(guesses.locked(ip("10.0.0.1"), start + MINUTE), None, "it is counted anew");
}

#[tokio::test]
async fn all_addresses_of_one_network_of_ipv6_are_one() {
    let (mut guesses, now) = (Guesses::default(), Instant::now());
    for number in 0..MAX_WRONG {
        guesses.wrong(ip(&format!("2001:db8::{number}")), now);
    }
    assert!(guesses.locked(ip("2001:db8::ffff"), now).is_some());
    assert!(guesses.locked(ip("2001:db8:0:1::"), now).is_none());
}

#[tokio::test]
async fn however_many_guess_so_many_are_watched() {
    let (mut guesses, now) = (Guesses::default(), Instant::now());
    for number in 0..=MAX_ADDRESSES as u32 {
        guesses.wrong(std::net::Ipv4Addr::from_bits(number).into(), now);
    }
    assert_eq!(guesses.0.len(), MAX_ADDRESSES);
    guesses.make_room(now + MINUTE);
    assert_eq!(guesses.0.len(), 0);
}

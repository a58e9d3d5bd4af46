use std::cell::Cell;
use std::io;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time;

use super::*;

fn ip(text: &str) -> Place {
    Place { host: Host::Ip(text.parse().unwrap()), port: None }
}

fn name(text: &str) -> Place {
    Place { host: Host::Name(text.to_owned()), port: None }
}

fn with(port: u16, place: Place) -> Place {
    Place { port: Some(port), ..place }
}

fn read(word: &str) -> Option<Candidate> {
    word.parse().ok()
}

#[test]
fn an_address_is_read_with_and_without_a_port() {
    for (word, place) in [
        ("1.2.3.4", ip("1.2.3.4")),
        ("1.2.3.4:8000", with(8000, ip("1.2.3.4"))),
        ("2001:db8::1", ip("2001:db8::1")),
        ("[2001:db8::1]", ip("2001:db8::1")),
        ("[2001:db8::1]:8000", with(8000, ip("2001:db8::1"))),
    ] {
        assert_eq!(read(word), Some(Candidate::At(place)), "{word}");
    }
}

#[test]
fn a_name_is_read_with_and_without_a_port() {
    for (word, place) in [
        ("localhost", name("localhost")),
        ("media.example.com:1", with(1, name("media.example.com"))),
        ("media.example.com.", name("media.example.com.")),
        ("4u.my_net-2.x1", name("4u.my_net-2.x1")),
    ] {
        assert_eq!(read(word), Some(Candidate::At(place)), "{word}");
    }
}

#[test]
fn a_star_and_what_srs_takes_for_it_are_detected() {
    for word in ["*", "0.0.0.0"] {
        assert_eq!(read(word), Some(Candidate::Detected), "{word}");
    }
}

#[test]
fn a_mapped_address_is_the_one_in_it() {
    assert_eq!(read("[::ffff:1.2.3.4]:5"), Some(Candidate::At(with(5, ip("1.2.3.4")))));
}

#[test]
fn what_is_no_candidate_is_refused() {
    for word in [
        "",
        ".",
        "*:8000",
        "::",
        "0.0.0.0:8000",
        "[::]:8000",
        "1.2.3.4:0",
        "[2001:db8::1]:0",
        "1.2.3",
        "1.2.3.256",
        "1.2.3.4.",
        "8000",
        "a b",
        "a/b",
        "http://a",
        "a:",
        "a:0",
        "a:b",
        "a:+1",
        "a:70000",
        "a:1:2",
        ":1",
        "a..b",
        ".a",
        "[a]",
        "1.2.3.4:x",
        "ä",
    ] {
        assert_eq!(read(word), None, "{word}");
    }
    assert_eq!(read(&"a".repeat(64)), None);
    assert_eq!(read(&"ab.".repeat(85)), None);
}

#[test]
fn a_list_has_blanks_commas_or_semicolons_between_its_words() {
    let list = Candidate::list("1.2.3.4, a.example:8000 [2001:db8::1]:9\t*;;b ").unwrap();
    let wanted = [
        Candidate::At(ip("1.2.3.4")),
        Candidate::At(with(8000, name("a.example"))),
        Candidate::At(with(9, ip("2001:db8::1"))),
        Candidate::Detected,
        Candidate::At(name("b")),
    ];
    assert_eq!(list, wanted);
}

#[test]
fn of_an_empty_list_addresses_are_detected() {
    for text in ["", " ,"] {
        assert_eq!(Candidate::list(text), Ok(vec![Candidate::Detected]));
    }
}

#[test]
fn a_list_is_refused_with_the_word_that_is_none() {
    let refused = Candidate::list("1.2.3.4 1.2.3 a").unwrap_err();
    assert_eq!(refused, BadCandidate::Word("1.2.3".to_owned()));
    assert!(refused.to_string().ends_with("; not `1.2.3`"), "{refused}");
}

#[test]
fn a_list_has_an_end() {
    assert_eq!(Candidate::list(&"a,".repeat(32)).unwrap().len(), 32);
    assert_eq!(Candidate::list(&"a,".repeat(33)), Err(BadCandidate::TooMany));
}

proptest! {
    #[test]
    fn every_address_is_read_as_it_is_written(address: SocketAddr) {
        let fine = address.port() != 0 && !address.ip().to_canonical().is_unspecified();
        let place = Place { host: Host::Ip(address.ip().to_canonical()), port: Some(address.port()) };
        let bare = SocketAddr::new(address.ip(), address.port());
        prop_assert_eq!(read(&bare.to_string()), fine.then_some(Candidate::At(place)));
    }

    #[test]
    fn what_is_read_from_anything_can_be_told(text in r"[\[\]a-c.:0-9*%+ -]{0,24}|\PC{0,24}") {
        if let Some(Candidate::At(Place { host, port })) = read(&text) {
            prop_assert_ne!(port, Some(0));
            match host {
                Host::Ip(ip) => prop_assert!(!ip.is_unspecified()),
                Host::Name(name) => {
                    prop_assert!(text.starts_with(&name) && name.parse::<IpAddr>().is_err());
                    prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
                }
            }
        }
    }
}

async fn ips(word: &str) -> Vec<IpAddr> {
    read(word).unwrap().place().unwrap().ips(&Names::default()).await
}

#[tokio::test]
async fn a_name_has_the_addresses_that_the_resolver_knows() {
    assert!(ips("localhost:80").await.iter().any(IpAddr::is_loopback));
}

#[tokio::test]
async fn a_name_that_nobody_knows_has_no_address() {
    assert_eq!(ips("no-such-name.invalid").await, [] as [IpAddr; 0]);
}

/// A resolver that counts.
#[derive(Default)]
struct Resolver {
    asked: Cell<u8>,
    fails: Cell<bool>,
}

impl Resolver {
    /// How the name is answered: with the number of the question.
    async fn find(&self, names: &Names, host: &str) -> Vec<IpAddr> {
        self.answer(names, host, false).await
    }

    async fn answer(&self, names: &Names, host: &str, is_strange: bool) -> Vec<IpAddr> {
        let answer = async || {
            let asked = self.asked.get() + 1;
            self.asked.set(asked);
            if self.fails.get() {
                Err(io::ErrorKind::NotFound.into())
            } else {
                Ok(vec![[10, 0, 0, asked].into()])
            }
        };
        names.find_by(host, is_strange, answer).await
    }
}

fn nth(number: u8) -> Vec<IpAddr> {
    vec![[10, 0, 0, number].into()]
}

#[tokio::test(start_paused = true)]
async fn a_name_is_looked_up_once_a_minute() {
    let (names, resolver) = (Names::default(), Resolver::default());
    for (after, number) in [(0, 1), (59, 1), (1, 2)] {
        time::advance(Duration::from_secs(after)).await;
        assert_eq!(resolver.find(&names, "a").await, nth(number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_not_found_is_looked_up_again_soon() {
    let (names, resolver) = (Names::default(), Resolver::default());
    resolver.fails.set(true);
    assert!(resolver.find(&names, "a").await.is_empty());
    resolver.fails.set(false);
    assert!(resolver.find(&names, "a").await.is_empty());
    time::advance(Duration::from_secs(5)).await;
    assert_eq!(resolver.find(&names, "a").await, nth(2));
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_fails_does_not_take_away_what_it_said() {
    let (names, resolver) = (Names::default(), Resolver::default());
    assert_eq!(resolver.find(&names, "a").await, nth(1));
    resolver.fails.set(true);
    time::advance(Duration::from_secs(60)).await;
    assert_eq!(resolver.find(&names, "a").await, nth(1));
    assert_eq!(resolver.asked.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn names_that_requests_make_up_neither_fill_the_memory_nor_drive_out_what_is_set() {
    let (names, resolver) = (Names::default(), Resolver::default());
    assert_eq!(resolver.find(&names, "n7").await, nth(1));
    for number in 0..200 {
        resolver.answer(&names, &format!("n{number}"), true).await;
        time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(names.count(), 65);
    assert_eq!(resolver.answer(&names, "n199", true).await, nth(201));
    assert_eq!(resolver.find(&names, "n7").await, nth(1));
}

#[tokio::test]
async fn while_four_names_of_requests_are_looked_up_others_are_done_without_and_those_that_are_set_are_not() {
    let (names, resolver) = (Names::default(), Resolver::default());
    let silent = async || std::future::pending::<io::Result<Vec<IpAddr>>>().await;
    let hosts = ["a", "b", "c", "d"];
    let mut waiting: Vec<_> = hosts.iter().map(|host| Box::pin(names.find_by(host, true, silent))).collect();
    for one in &mut waiting {
        assert!(polled(one.as_mut()).is_pending());
    }
    assert!(resolver.answer(&names, "e", true).await.is_empty());
    assert_eq!(resolver.find(&names, "e").await, nth(1));
    drop(waiting);
    assert_eq!(resolver.answer(&names, "e", true).await, nth(2));
}

/// Polls it once.
fn polled<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

async fn found(rules: Rules, bound: &str, asked: Asked<'_>) -> Vec<Place> {
    rules.candidates(&Names::default(), &[bound.parse().unwrap()], asked).await
}

#[tokio::test]
async fn what_the_client_says_comes_first_then_the_requests_host_then_what_is_named() {
    let rules = Rules { candidates: Candidate::list("10.0.0.9:7000").unwrap(), ..Rules::default() };
    let asked = Asked { external: Some("203.0.113.5:9"), host: "192.0.2.7" };
    let wanted = [with(9, ip("203.0.113.5")), ip("192.0.2.7"), with(7000, ip("10.0.0.9"))];
    assert_eq!(found(rules, "0.0.0.0", asked).await, wanted);
}

#[tokio::test]
async fn what_the_client_says_is_an_address_or_nothing() {
    for external in ["media.example", "*", "0.0.0.0", "203.0.113.5:0", "?"] {
        let asked = Asked { external: Some(external), host: "" };
        assert_eq!(found(Rules::default(), "127.0.0.1", asked).await, [ip("127.0.0.1")], "{external}");
    }
}

#[tokio::test]
async fn the_requests_host_may_be_an_ipv6_address() {
    let asked = Asked { external: None, host: "[2001:db8::7]" };
    let found = found(Rules { detect: false, ..Rules::default() }, "127.0.0.1", asked).await;
    assert_eq!(found, [ip("2001:db8::7")]);
}

#[tokio::test]
async fn the_name_in_a_request_is_told_if_that_is_set() {
    let rules = Rules { resolve: false, keep: true, detect: false, ..Rules::default() };
    let asked = Asked { external: None, host: "media.example" };
    assert_eq!(found(rules, "127.0.0.1", asked).await, [name("media.example")]);
}

#[tokio::test]
async fn what_is_named_is_told_alone_also_beside_a_star() {
    let rules = Rules { candidates: Candidate::list("* 192.0.2.7").unwrap(), ..Rules::default() };
    assert_eq!(found(rules, "127.0.0.1", Asked::default()).await, [ip("192.0.2.7")]);
}

#[tokio::test]
async fn a_listener_with_an_address_is_reached_there_alone() {
    assert_eq!(found(Rules::default(), "127.0.0.1", Asked::default()).await, [ip("127.0.0.1")]);
}

#[tokio::test]
async fn there_is_always_a_candidate() {
    for bound in ["0.0.0.0", "::"] {
        let rules = Rules { detect: false, ..Rules::default() };
        assert!(!found(rules, bound, Asked::default()).await.is_empty());
    }
}

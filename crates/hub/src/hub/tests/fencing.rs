//! Of two owners of a stream the one with the newer claim wins.

use srs_names::Term;

use super::*;

fn term(domain: &str, epoch: u64) -> Term {
    Term { domain: domain.to_owned(), epoch, resumed: false }
}

fn by(domain: &str, epoch: u64) -> Settings {
    Settings { term: Some(term(domain, epoch)), ..settings() }
}

fn refusing(settings: Settings) -> Settings {
    Settings { takeover: Takeover::Refuse, ..settings }
}

fn begin(hub: &Hub, settings: Settings) -> Result<Publisher, Refused> {
    hub.publish(&name("s"), settings)
}

fn is_superseded(publisher: &Publisher) -> bool {
    publisher.poll_superseded(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn an_older_claim_is_refused_while_a_newer_one_is_live_held_or_watched_to_its_end() {
    let hub = Hub::new();
    let newer = begin(&hub, by("d", 7)).unwrap();
    let _shard = Shard::of(&hub, &name("s"));
    assert_eq!(begin(&hub, by("d", 6)).unwrap_err(), Refused::Fenced { current: 7 });
    assert!(!is_superseded(&newer));
    let generation = newer.finish(Finish::Dropped).unwrap();
    assert_eq!(begin(&hub, by("d", 6)).unwrap_err(), Refused::Fenced { current: 7 });
    hub.expire(&name("s"), generation);
    assert_eq!(hub.phase(&name("s")), Some(Phase::Ended));
    assert_eq!(begin(&hub, by("d", 6)).unwrap_err(), Refused::Fenced { current: 7 });
    begin(&hub, by("d", 7)).unwrap();
}

#[test]
fn a_newer_claim_takes_over_even_where_second_publishers_are_refused() {
    let hub = Hub::new();
    let older = begin(&hub, refusing(by("d", 6))).unwrap();
    let newer = begin(&hub, refusing(by("d", 7))).unwrap();
    assert!(is_superseded(&older) && !is_superseded(&newer));
}

#[test]
fn between_equal_claims_and_between_domains_the_takeover_rule_decides() {
    for (second, what) in [(by("d", 6), "equal"), (by("other", 1), "another domain"), (settings(), "none")] {
        let hub = Hub::new();
        let first = begin(&hub, by("d", 6)).unwrap();
        assert_eq!(begin(&hub, refusing(second.clone())).unwrap_err(), Refused::Busy, "{what}");
        assert!(!is_superseded(&first), "{what}");
        let _second = begin(&hub, second).unwrap();
        assert!(is_superseded(&first), "{what}");
    }
}

#[test]
fn a_publish_without_a_claim_does_not_make_an_older_claim_good_again() {
    let hub = Hub::new();
    let _first = begin(&hub, by("d", 7)).unwrap();
    let _direct = begin(&hub, settings()).unwrap();
    assert_eq!(begin(&hub, by("d", 6)).unwrap_err(), Refused::Fenced { current: 7 });
}

#[test]
fn a_fence_ends_an_older_publish_and_its_viewers_are_told() {
    let hub = Hub::new();
    let publisher = begin(&hub, by("d", 6)).unwrap();
    let mut shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    let viewer = shard.join(true);
    shard.pull();
    let (alarm, waker) = alarm();
    assert!(poll(&shard, &waker).is_pending());
    assert!(hub.fence(&name("s"), &term("d", 7)));
    assert_eq!(alarm.0.load(Ordering::Relaxed), 1);
    assert!(is_superseded(&publisher));
    assert_eq!(publisher.push(inter(40, b"late")), Err(Superseded));
    shard.flow();
    assert_eq!((shard.phase, shape(&shard.viewers[viewer].got).as_str()), (Phase::Ended, "Fk"));
    assert_eq!(publisher.finish(Finish::Dropped), None);
    assert_eq!(begin(&hub, by("d", 6)).unwrap_err(), Refused::Fenced { current: 7 });
}

#[test]
fn a_fence_ends_a_hold() {
    let hub = Hub::new();
    begin(&hub, by("d", 6)).unwrap().finish(Finish::Dropped).unwrap();
    assert!(hub.fence(&name("s"), &term("d", 7)));
    assert_eq!(hub.phase(&name("s")), None);
}

#[test]
fn a_fence_leaves_alone_who_is_as_new_of_another_domain_or_without_a_claim() {
    for settings in [by("d", 7), by("d", 8), by("other", 1), settings()] {
        let hub = Hub::new();
        let publisher = begin(&hub, settings).unwrap();
        assert!(!hub.fence(&name("s"), &term("d", 7)));
        assert!(!is_superseded(&publisher));
        assert_eq!(hub.phase(&name("s")), Some(Phase::Live));
    }
    assert!(!Hub::new().fence(&name("s"), &term("d", 7)));
}

#[test]
fn a_rendition_is_told_by_which_claim_a_publisher_sends() {
    let hub = Hub::new();
    let _first = begin(&hub, by("d", 6)).unwrap();
    assert_eq!(hub.streams()[0].3.term, Some(term("d", 6)));
    let _second = begin(&hub, settings()).unwrap();
    assert_eq!(hub.streams()[0].3.term, None);
}

use std::sync::atomic::AtomicBool;

use super::*;
use crate::clients::About;
use crate::testkit::source::{Says, Spring, application, fetched};
use crate::testkit::{gateway, key, publisher};

#[test]
fn streams_that_begin_while_counters_are_sampled_stay_listed() {
    let gateway = gateway(Vhost::default());
    let done = AtomicBool::new(false);
    let peer = ([127, 0, 0, 1], 1).into();
    let publishers = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                gateway.sample_streams();
            }
        });
        let begin = |number: u32| {
            let stream = format!("s{number}");
            let publisher = publisher(&gateway, &stream);
            let listed = gateway.clients.add(&key(&stream), peer, "fmle-publish", About::default());
            gateway.clients.goes_live(&listed.client);
            publisher
        };
        let publishers: Vec<_> = (0..2_000).map(begin).collect();
        done.store(true, Ordering::Release);
        publishers
    });
    assert_eq!(gateway.live().len(), publishers.len());
}

#[test]
fn a_stream_that_is_gone_is_forgotten_by_the_next_sample() {
    let gateway = gateway(Vhost::default());
    let publisher = publisher(&gateway, "a");
    let listed = gateway.clients.add(&key("a"), ([127, 0, 0, 1], 1).into(), "fmle-publish", About::default());
    gateway.clients.goes_live(&listed.client);
    gateway.sample_streams();
    assert!(gateway.clients.live(&key("a")).is_some());
    drop(publisher);
    gateway.sample_streams();
    assert!(gateway.clients.live(&key("a")).is_none());
}

#[test]
fn totals_never_fall_when_clients_leave() {
    let gateway = gateway(Vhost::default());
    let come = |stream: &str, sent: u64, received: u64| {
        let listed =
            gateway.clients.add(&key(stream), ([127, 0, 0, 1], 1).into(), "rtmp-play", About::default());
        listed.client.traffic.sent.store(sent, Ordering::Relaxed);
        listed.client.traffic.received.store(received, Ordering::Relaxed);
        listed
    };
    let (first, second) = (come("a", 10, 1), come("b", 20, 2));
    let all = Totals { clients: 2, errors: 0, send_bytes: 30, recv_bytes: 3 };
    assert_eq!(gateway.totals(), all);
    drop(first);
    gateway.clients.failed();
    assert_eq!(gateway.totals(), Totals { errors: 1, ..all });
    drop(second);
    assert_eq!(gateway.totals(), Totals { errors: 1, ..all });
}

#[test]
fn vhosts_are_listed_by_name_and_switched_off_ones_too() {
    let vhosts = ["b.example", "a.example"].map(|name| Vhost {
        name: name.to_owned(),
        enabled: name.starts_with('a'),
        ..Vhost::default()
    });
    let config = crate::Config { vhosts: vhosts.to_vec(), ..crate::testkit::config(Vhost::default()) };
    let gateway = Gateway::new(srs_hub::Hub::new(), config);
    let listed: Vec<_> = gateway.vhosts().into_iter().map(|vhost| (vhost.name, vhost.enabled)).collect();
    assert_eq!(listed, [("a.example".to_owned(), true), ("b.example".to_owned(), false)]);
}

#[test]
fn a_stream_that_a_pull_publishes_is_listed_and_told_to_nobody_as_one_of_this_node() {
    let gateway = gateway(Vhost::default());
    let publisher = publisher(&gateway, "a");
    assert!(gateway.streams().is_empty());
    gateway.begin_hls(&key("a"), false);
    gateway.begin_hls(&key("a"), false);
    crate::testkit::begin(&publisher);
    gateway.sample_streams();
    let listed = gateway.streams();
    let record = &listed[0];
    assert_eq!((listed.len(), record.publish.active, record.publish.cid.as_str()), (1, true, ""));
    assert_eq!((record.tc_url.as_str(), record.frames), ("rtmp://__defaultVhost__/live", 2));
    assert!(gateway.live().is_empty() && gateway.publishers() == 0);
    assert_eq!(gateway.carried().streams, 1);
    let id = record.id.clone();
    let listed = gateway.clients.add(&key("a"), ([127, 0, 0, 1], 1).into(), "fmle-publish", About::default());
    gateway.clients.goes_live(&listed.client);
    assert_eq!((gateway.live().len(), gateway.streams()[0].id.as_str()), (1, id.as_str()));
}

#[test]
fn what_is_fetched_is_what_the_source_says() {
    let spring = Spring::new(Says::Here);
    let gateway = spring.gateway(Vhost::default());
    assert_eq!(gateway.fetches(), [fetched()]);
    assert_eq!(gateway.applications(), [application()]);
    let without = crate::testkit::gateway(Vhost::default());
    assert!(without.fetches().is_empty() && without.applications().is_empty());
}

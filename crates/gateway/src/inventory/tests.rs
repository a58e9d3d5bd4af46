use std::sync::atomic::AtomicBool;

use super::*;
use crate::clients::About;
use crate::config::Vhost;
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

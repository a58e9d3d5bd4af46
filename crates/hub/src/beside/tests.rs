use srs_media::{Codec, DERIVED, Kind, Role};

use super::*;
use crate::testkit::{Shard, audio, frame, items, key, name, settings, shape};
use crate::{Finish, Hub, Publisher};

fn derived(role: Role, time: i64, wire: &[u8]) -> Frame {
    Frame { track: DERIVED, codec: Codec::Aac, ..frame(Kind::Audio, role, time, wire) }
}

fn live() -> (Hub, Publisher) {
    let hub = Hub::new();
    let publisher = hub.publish(&name("a"), settings()).unwrap();
    (hub, publisher)
}

fn configs(hub: &Hub) -> Vec<u8> {
    hub.streams()[0].3.configs.iter().map(|config| config.track).collect()
}

#[test]
fn viewers_get_what_is_pushed_beside_in_its_own_time() {
    let (hub, publisher) = live();
    let mut shard = Shard::of(&hub, &name("a"));
    shard.join(true);
    publisher.push(key(1_000, b"k")).unwrap();
    let beside = hub.beside(&name("a"), DERIVED).unwrap();
    beside.push(derived(Role::Key, 700, b"d")).unwrap();
    shard.flow();
    let got = items(&shard.viewers[0].got);
    assert_eq!(got.last().map(|item| (item.time, item.body.clone())), Some((700, b"d".to_vec())));
}

#[test]
fn what_is_beside_is_in_the_gop_cache_and_begins_none() {
    let (hub, publisher) = live();
    let beside = hub.beside(&name("a"), DERIVED).unwrap();
    publisher.push(audio(5_000, b"o")).unwrap();
    beside.push(derived(Role::Key, 4_900, b"d")).unwrap();
    publisher.push(audio(5_020, b"p")).unwrap();
    let mut shard = Shard::of(&hub, &name("a"));
    shard.join(true);
    shard.flow();
    assert_eq!(shape(&shard.viewers[0].got), "Fiii");
}

#[test]
fn its_codec_header_is_told_to_new_viewers_until_it_is_dropped() {
    let (hub, _publisher) = live();
    let beside = hub.beside(&name("a"), DERIVED).unwrap();
    beside.push(derived(Role::Config, 0, b"asc")).unwrap();
    assert_eq!(configs(&hub), [DERIVED]);
    drop(beside);
    assert!(configs(&hub).is_empty());
}

#[test]
fn nothing_can_stand_beside_a_stream_that_nobody_publishes() {
    let hub = Hub::new();
    assert!(hub.beside(&name("a"), DERIVED).is_none());
    let _waits = Shard::of(&hub, &name("a"));
    assert!(hub.beside(&name("a"), DERIVED).is_none());
}

#[test]
fn a_track_is_pushed_by_one_alone() {
    let (hub, _publisher) = live();
    let first = hub.beside(&name("a"), DERIVED).unwrap();
    assert!(hub.beside(&name("a"), DERIVED).is_none());
    assert!(hub.beside(&name("a"), 7).is_some());
    drop(first);
    assert!(hub.beside(&name("a"), DERIVED).is_some());
}

#[test]
fn a_take_over_ends_what_was_beside_the_publish_before_and_spares_what_comes_next() {
    let (hub, _first) = live();
    let old = hub.beside(&name("a"), DERIVED).unwrap();
    let _second = hub.publish(&name("a"), settings()).unwrap();
    assert!(old.is_over());
    let new = hub.beside(&name("a"), DERIVED).unwrap();
    new.push(derived(Role::Config, 0, b"asc")).unwrap();
    assert_eq!(old.push(derived(Role::Key, 0, b"d")), Err(Over));
    drop(old);
    assert_eq!(configs(&hub), [DERIVED]);
    assert!(!new.is_over());
}

#[test]
fn a_stream_that_is_held_keeps_what_is_beside_it_and_one_that_ended_does_not() {
    let (hub, publisher) = live();
    let beside = hub.beside(&name("a"), DERIVED).unwrap();
    let generation = publisher.finish(Finish::Dropped).unwrap();
    beside.push(derived(Role::Key, 0, b"d")).unwrap();
    hub.expire(&name("a"), generation);
    assert_eq!(beside.push(derived(Role::Key, 20, b"d")), Err(Over));
}

#[test]
fn a_derived_track_that_the_publisher_brings_is_the_only_one_while_it_comes() {
    let (hub, publisher) = live();
    let beside = hub.beside(&name("a"), DERIVED).unwrap();
    publisher.push(derived(Role::Config, 0, b"asc")).unwrap();
    publisher.push(derived(Role::Key, 0, b"d")).unwrap();
    assert!(beside.is_over());
    drop(beside);
    assert_eq!(configs(&hub), [DERIVED]);
    assert!(hub.beside(&name("a"), DERIVED).is_none());
    publisher.push(audio(1_000, b"o")).unwrap();
    assert!(hub.beside(&name("a"), DERIVED).is_some());
}

#[test]
fn a_publish_counts_nothing_of_what_is_beside_it() {
    let (hub, publisher) = live();
    publisher.push(audio(0, b"o")).unwrap();
    hub.beside(&name("a"), DERIVED).unwrap().push(derived(Role::Key, 0, b"ddd")).unwrap();
    let stats = &hub.streams()[0].2;
    assert_eq!((stats.audio_frames, stats.recv_bytes), (1, 1));
}

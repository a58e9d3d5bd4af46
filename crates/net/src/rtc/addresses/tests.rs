use super::*;

fn far(number: usize) -> Far {
    Far { peer: ([127, 0, 0, 1], number as u16 + 1).into(), tcp: false }
}

#[test]
fn what_is_remembered_for_other_shards_is_bounded_until_its_time_is_up() {
    let (mut addresses, now) = (Addresses::default(), Instant::now());
    let until = now + limits::RTC_STRAY;
    for number in 0..limits::RTC_STRAYS {
        assert!(addresses.has_room(now));
        assert!(addresses.put(far(number), Owner::There { shard: 1, until }).is_none());
    }
    assert!(!addresses.has_room(now));
    // The same again is no other one.
    assert!(addresses.put(far(0), Owner::There { shard: 2, until: until + SWEEP * 2 }).is_some());
    assert!(!addresses.has_room(now + SWEEP));
    assert!(addresses.has_room(until + SWEEP));
    assert_eq!((addresses.len(), addresses.there), (1, 1));
    assert!(addresses.remove(&far(0)).is_some() && addresses.remove(&far(0)).is_none());
    assert_eq!((addresses.len(), addresses.there), (0, 0));
}

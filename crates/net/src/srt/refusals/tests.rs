use super::*;

#[test]
fn a_peer_is_gone_when_its_host_says_so_three_times_in_a_moment_of_silence() {
    let (mut refusals, now) = (Refusals::default(), Instant::now());
    for millis in [0, 100, 200, 299] {
        assert!(!refusals.refused(now + Duration::from_millis(millis)));
    }
    assert!(refusals.refused(now + SILENT));
}

#[test]
fn twice_is_not_enough_however_long_it_takes() {
    let (mut refusals, now) = (Refusals::default(), Instant::now());
    assert!(!refusals.refused(now));
    assert!(!refusals.refused(now + 10 * SILENT));
    assert!(refusals.refused(now + 10 * SILENT));
}

#[test]
fn a_peer_that_is_heard_is_there() {
    let (mut refusals, mut now) = (Refusals::default(), Instant::now());
    for _ in 0..100 {
        now += SILENT / 2;
        assert!(!refusals.refused(now));
        assert!(!refusals.refused(now + SILENT / 3));
        refusals.heard();
    }
}

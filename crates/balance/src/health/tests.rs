use super::*;
use crate::testkit::{self, seconds};

fn ours(name: &str, instance: &str, live: &[(&str, u64)]) -> Arc<Node> {
    Arc::new(testkit::ours(name, instance, live))
}

fn plain(name: &str, instance: &str) -> Arc<Node> {
    Arc::new(testkit::plain(name, instance))
}

const TTL: Duration = Duration::from_secs(300);

fn alive(entry: &Entry, at: f64) -> bool {
    entry.is_alive(TTL, seconds(at))
}

#[test]
fn a_node_that_beats_each_second_is_out_after_three_seconds() {
    let entry = Entry::new(ours("a", "1", &[]), seconds(10.0));
    assert!(alive(&entry, 13.0));
    assert_eq!(entry.health(TTL, seconds(13.1)), Health::Silent);
}

#[test]
fn a_plain_node_may_miss_two_of_its_own_intervals() {
    let mut entry = Entry::new(plain("a", "1"), seconds(0.0));
    for beat in 1..20 {
        entry.beat(plain("a", "1"), seconds(f64::from(beat) * 5.0));
    }
    assert!(alive(&entry, 95.0 + 14.9));
    assert!(!alive(&entry, 95.0 + 17.0));
}

#[test]
fn the_slowest_heartbeat_is_given_thirty_seconds() {
    let mut entry = Entry::new(plain("a", "1"), seconds(0.0));
    entry.beat(plain("a", "1"), seconds(25.0));
    assert!(alive(&entry, 54.9));
    assert!(!alive(&entry, 55.1));
}

#[test]
fn a_plain_node_is_given_srs_default_interval_before_its_second_heartbeat() {
    let entry = Entry::new(plain("a", "1"), seconds(0.0));
    assert!(alive(&entry, 29.0));
    assert!(!alive(&entry, 30.0));
}

#[test]
fn one_quick_heartbeat_does_not_make_the_next_late() {
    let mut entry = Entry::new(plain("a", "1"), seconds(0.0));
    entry.beat(plain("a", "1"), seconds(9.0));
    entry.beat(plain("a", "1"), seconds(9.1));
    assert!(alive(&entry, 9.1 + 18.0));
}

#[test]
fn a_short_time_to_live_bounds_silence() {
    let entry = Entry::new(plain("a", "1"), seconds(0.0));
    assert!(!entry.is_alive(seconds(10.0), seconds(10.5)));
}

#[test]
fn an_answered_probe_counts_as_a_heartbeat() {
    let mut entry = Entry::new(ours("a", "1", &[]), seconds(0.0));
    entry.probe_answered(seconds(2.5));
    assert!(alive(&entry, 5.0));
    assert!(!alive(&entry, 5.6));
}

#[test]
fn three_seconds_of_failed_probes_put_a_slow_node_out() {
    let mut entry = Entry::new(plain("a", "1"), seconds(0.0));
    entry.probe_answered(seconds(1.0));
    for at in [2.0, 3.0, 4.0, 5.0] {
        entry.probe_failed(seconds(at));
        assert!(alive(&entry, at));
    }
    assert!(!alive(&entry, 5.1));
    entry.probe_answered(seconds(6.0));
    assert!(alive(&entry, 6.0));
}

#[test]
fn failed_probes_say_nothing_of_a_node_that_never_answered_one() {
    let mut entry = Entry::new(plain("a", "1"), seconds(0.0));
    entry.probe_failed(seconds(1.0));
    entry.probe_failed(seconds(8.0));
    assert!(alive(&entry, 20.0));
}

#[test]
fn a_failed_dial_puts_a_node_out_at_once() {
    let mut entry = Entry::new(ours("a", "1", &[]), seconds(0.0));
    entry.dial_failed(seconds(0.5));
    assert_eq!(entry.health(TTL, seconds(0.5)), Health::Refusing { retry_in: MIN_BACK_OFF });
}

#[test]
fn after_the_back_off_a_node_comes_back_with_a_later_heartbeat() {
    let mut entry = Entry::new(ours("a", "1", &[]), seconds(0.0));
    entry.dial_failed(seconds(0.5));
    assert!(!alive(&entry, 2.0), "no heartbeat since the failure");
    entry.beat(ours("a", "1", &[]), seconds(1.0));
    assert!(!alive(&entry, 1.2), "the back-off runs");
    assert!(alive(&entry, 1.5));
}

#[test]
fn the_back_off_grows_to_a_minute() {
    let mut entry = Entry::new(ours("a", "1", &[]), seconds(0.0));
    let mut now = 0.0;
    let mut waits = Vec::new();
    for _ in 0..9 {
        entry.beat(ours("a", "1", &[]), seconds(now));
        assert!(alive(&entry, now));
        entry.dial_failed(seconds(now));
        let Health::Refusing { retry_in } = entry.health(TTL, seconds(now)) else {
            panic!("still in rotation")
        };
        waits.push(retry_in.as_secs_f64());
        now += retry_in.as_secs_f64() + 0.001;
    }
    let ideal = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0];
    for (wait, ideal) in waits.iter().zip(ideal) {
        assert!(*wait <= ideal && *wait >= ideal * 0.9, "{waits:?}");
    }
}

#[test]
fn many_sessions_that_fail_together_are_one_failure() {
    let mut entry = Entry::new(ours("a", "1", &[]), seconds(0.0));
    for _ in 0..100 {
        entry.dial_failed(seconds(0.5));
    }
    assert_eq!(entry.health(TTL, seconds(0.5)), Health::Refusing { retry_in: MIN_BACK_OFF });
}

#[test]
fn a_dial_that_succeeds_forgets_the_failures() {
    let mut entry = Entry::new(ours("a", "1", &[]), seconds(0.0));
    entry.dial_failed(seconds(0.5));
    entry.dial_ok();
    assert!(alive(&entry, 0.5));
    entry.dial_failed(seconds(1.0));
    assert_eq!(entry.health(TTL, seconds(1.0)), Health::Refusing { retry_in: MIN_BACK_OFF });
}

#[test]
fn a_new_run_comes_back_without_waiting() {
    let mut entry = Entry::new(ours("a", "1", &[]), seconds(0.0));
    entry.dial_failed(seconds(0.5));
    entry.restart(ours("a", "2", &[]), seconds(0.6));
    assert!(alive(&entry, 0.6));
    assert!(entry.is_former("1"));
    assert!(!entry.is_former("2"));
}

#[test]
fn former_runs_are_remembered_up_to_a_limit() {
    let mut entry = Entry::new(ours("a", "0", &[]), seconds(0.0));
    for run in 1..100 {
        entry.restart(ours("a", &run.to_string(), &[]), seconds(f64::from(run)));
    }
    assert_eq!(entry.former.len(), MAX_FORMER);
    assert!(entry.is_former("98"));
}

#[test]
fn a_permanent_node_is_never_silent_and_backs_off_briefly() {
    let mut entry = Entry::new(Arc::new(Node { permanent: true, ..testkit::plain("a", "1") }), seconds(0.0));
    assert!(alive(&entry, 1e6));
    for at in [1e6, 2e6, 3e6] {
        entry.dial_failed(seconds(at));
        assert!(!alive(&entry, at + 0.9));
        assert!(alive(&entry, at + 1.0));
    }
}

//! What is concluded from what is read back.

use super::*;

fn told(counter: u64, age: Duration) -> (Canary, Instant) {
    let sent = Instant::now();
    let mut canary = Canary::new("k".to_owned(), "run".to_owned());
    canary.told = Some((counter, sent));
    (canary, sent + age)
}

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

#[test]
fn a_canary_that_is_missing_before_its_time_means_lost_writes() {
    let (canary, now) = told(5, Duration::from_secs(2));
    assert_eq!(canary.judge(&Value::Nil, now), Ok(Found::Lost));
    let (canary, now) = told(5, LIFE);
    assert_eq!(canary.judge(&Value::Nil, now), Ok(Found::Whole), "it ran out");
}

#[test]
fn an_older_canary_means_lost_writes() {
    let (canary, now) = told(5, Duration::from_secs(1));
    assert_eq!(canary.judge(&bulk("run 4"), now), Ok(Found::Lost));
    assert_eq!(canary.judge(&bulk("run 5"), now), Ok(Found::Whole));
    assert_eq!(canary.judge(&bulk("run 6"), now), Ok(Found::Whole), "one whose answer was late");
}

#[test]
fn another_process_by_our_name_is_told_from_lost_writes() {
    let (canary, now) = told(5, Duration::from_secs(1));
    assert_eq!(canary.judge(&bulk("other 4"), now), Ok(Found::Strange));
    assert_eq!(canary.judge(&bulk("garbage"), now), Ok(Found::Strange));
    assert_eq!(canary.judge(&Value::Int(3), now), Err(Fault::Malformed));
}

use super::*;
use crate::media::{Programme, Track};

fn judged(frames: &[(u64, u32, u32)]) -> Map<String, Value> {
    let programme = Programme::new(1000, 25, 2.0);
    let mut judge = Judge::new(1);
    judge.measuring = true;
    for &(stream, instance, sequence) in frames {
        let mark = Mark { stream, instance, sequence, sent_ns: 1_000_000 };
        judge.frame(9, &programme.frame(Track::Video, sequence.into(), &mark), 3_000_000);
    }
    let mut line = Map::new();
    judge.report(&mut line);
    line
}

#[test]
fn frames_in_order_have_no_fault() {
    let line = judged(&[(1, 5, 10), (1, 5, 11), (1, 5, 12)]);
    for name in ["wrong_stream", "seq_gaps", "repeated", "other_instance", "corrupt", "unmarked"] {
        assert_eq!(line[name], 0, "{name}");
    }
    assert_eq!((&line["frames_judged"], &line["delay_p50_ms"]), (&json!(3), &json!(2.0)));
}

#[test]
fn lost_and_repeated_frames_are_counted() {
    let line = judged(&[(1, 5, 10), (1, 5, 14), (1, 5, 14)]);
    assert_eq!((&line["seq_gaps"], &line["repeated"]), (&json!(3), &json!(1)));
}

#[test]
fn frame_of_another_stream_is_counted() {
    assert_eq!(judged(&[(1, 5, 10), (2, 5, 11)])["wrong_stream"], 1);
}

#[test]
fn new_publisher_starts_its_own_count() {
    let line = judged(&[(1, 5, 10), (1, 6, 0), (1, 6, 1)]);
    assert_eq!((&line["seq_gaps"], &line["other_instance"]), (&json!(0), &json!(1)));
}

#[test]
fn changed_payload_is_corrupt() {
    let mark = Mark { stream: 1, instance: 1, sequence: 1, sent_ns: 1 };
    let mut body = Programme::new(1000, 25, 2.0).frame(Track::Audio, 0, &mark);
    *body.last_mut().unwrap() ^= 1;
    let mut judge = Judge::new(1);
    judge.frame(8, &body, 2);
    assert_eq!((judge.corrupt, judge.wrong_stream), (1, 0));
}

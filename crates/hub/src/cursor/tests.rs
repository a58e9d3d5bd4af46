use super::*;
use crate::limits::GOP_BYTES;
use crate::testkit::{Shard, Viewer, config, inter, item, items, key, name, settings, shape};
use crate::{Hub, Publisher};

const QUICK: Lag = Lag { queue_ms: 100 };
const PATIENT: Lag = Lag { queue_ms: 1_000_000 };

fn stream() -> (Publisher, Shard) {
    let hub = Hub::new();
    let publisher = hub.publish(&name("s"), settings()).unwrap();
    let shard = Shard::of(&hub, &name("s"));
    (publisher, shard)
}

fn push(publisher: &Publisher, frames: impl IntoIterator<Item = srs_media::Frame>) {
    for frame in frames {
        publisher.push(frame).unwrap();
    }
}

#[test]
fn a_viewer_starts_at_the_newest_key_frame_with_the_headers_in_front() {
    let (publisher, mut shard) = stream();
    push(&publisher, [config(0, b"c1"), key(0, b"a"), inter(40, b"b"), key(80, b"c"), inter(120, b"d")]);
    let viewer = shard.join(true);
    shard.flow();
    let got = items(&shard.viewers[viewer].got);
    assert_eq!(shape(&shard.viewers[viewer].got), "Fki");
    assert_eq!((got[0].body.as_slice(), got[0].time, got[1].time), (b"c1".as_slice(), 80, 80));
}

#[test]
fn without_the_cache_a_viewer_starts_at_the_next_key_frame() {
    let (publisher, mut shard) = stream();
    push(&publisher, [key(0, b"a"), inter(40, b"b")]);
    let viewer = shard.join(false);
    shard.flow();
    assert!(!shard.viewers[viewer].cursor.started());
    push(&publisher, [inter(80, b"c"), key(120, b"d")]);
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "Fk");
}

#[test]
fn single_bytes_add_up_to_the_whole_stream() {
    let (publisher, mut shard) = stream();
    push(&publisher, [config(0, b"c1"), key(0, b"abc"), inter(40, b"def")]);
    let viewer = shard.join(true);
    while shard.viewers[viewer].take(&shard.window, 1) > 0 {}
    assert_eq!(shape(&shard.viewers[viewer].got), "Fki");
}

#[test]
fn a_slow_viewer_gets_its_frame_whole_then_goes_on_at_the_newest_key_frame() {
    let (publisher, mut shard) = stream();
    push(&publisher, [key(0, b"a")]);
    let viewer = shard.join(true);
    shard.flow();
    push(&publisher, [inter(40, &[7; 100]), inter(80, b"lost"), key(300, b"b"), inter(340, b"c")]);
    shard.pull();
    shard.viewers[viewer].take(&shard.window, 50);
    assert!(shard.viewers[viewer].cursor.drop_lag(&shard.window, QUICK));
    shard.flow();
    let times: Vec<_> = items(&shard.viewers[viewer].got).iter().map(|item| item.time).collect();
    assert_eq!(times, [0, 0, 40, 300, 340]);
    assert_eq!(shard.viewers[viewer].cursor.skips(), 1);
}

#[test]
fn a_skip_over_new_codec_headers_brings_them() {
    let (publisher, mut shard) = stream();
    push(&publisher, [config(0, b"old"), key(0, b"a")]);
    let viewer = shard.join(true);
    shard.flow();
    push(&publisher, [inter(40, b"x"), config(200, b"new"), key(200, b"b")]);
    shard.pull();
    shard.drop_lag(QUICK);
    shard.flow();
    let got = items(&shard.viewers[viewer].got);
    assert_eq!(shape(&shard.viewers[viewer].got), "FkAk");
    assert_eq!(got[2].body, b"new");
}

#[test]
fn a_viewer_is_moved_once_per_gop() {
    let (publisher, mut shard) = stream();
    push(&publisher, [key(0, b"a")]);
    shard.join(true);
    shard.flow();
    push(&publisher, [inter(40, b"x"), key(500, b"b"), inter(900, b"c")]);
    shard.pull();
    let Shard { viewers, window, .. } = &mut shard;
    assert!(viewers[0].cursor.drop_lag(window, QUICK));
    assert!(!viewers[0].cursor.drop_lag(window, QUICK));
    push(&publisher, [key(1400, b"d")]);
    shard.pull();
    let Shard { viewers, window, .. } = &mut shard;
    assert!(viewers[0].cursor.drop_lag(window, QUICK));
}

#[test]
fn the_join_burst_does_not_count_as_lag() {
    let (publisher, mut shard) = stream();
    push(&publisher, [key(0, b"a"), inter(5000, b"b")]);
    shard.join(true);
    push(&publisher, [key(5040, b"c")]);
    shard.pull();
    let Shard { viewers, window, .. } = &mut shard;
    assert!(!viewers[0].cursor.drop_lag(window, QUICK));
    viewers[0].take(window, 1);
    assert!(!viewers[0].cursor.drop_lag(window, QUICK));
}

#[test]
fn lag_in_bytes_is_measured_by_the_largest_gop() {
    let (publisher, mut shard) = stream();
    let mebibyte = vec![0; 1 << 20];
    push(&publisher, [key(0, b"a")]);
    push(&publisher, (1..4).map(|time| inter(time, &mebibyte)));
    push(&publisher, [key(4, b"b")]);
    shard.join(true);
    shard.flow();
    // Over 2 MiB, but under twice the GOP of 3 MiB.
    push(&publisher, (5..8).map(|time| inter(time, &mebibyte)));
    push(&publisher, [key(8, b"c")]);
    shard.pull();
    let Shard { viewers, window, .. } = &mut shard;
    assert!(!viewers[0].cursor.drop_lag(window, PATIENT));
    push(&publisher, (9..13).map(|time| inter(time, &mebibyte)));
    push(&publisher, [key(13, b"d")]);
    shard.pull();
    push(&publisher, [inter(14, &mebibyte), inter(15, &mebibyte)]);
    shard.pull();
    let Shard { viewers, window, .. } = &mut shard;
    assert!(viewers[0].cursor.drop_lag(window, PATIENT));
}

#[test]
fn a_stuck_viewer_cannot_make_the_window_grow_without_end() {
    let (publisher, mut shard) = stream();
    let body = vec![0; 512 << 10];
    push(&publisher, [key(0, b"a")]);
    shard.join(true);
    let mut largest = 0;
    for time in 1..200 {
        let frame = if time % 10 == 0 { key(time, &body) } else { inter(time, &body) };
        push(&publisher, [frame]);
        shard.pull();
        shard.drop_lag(PATIENT);
        shard.trim();
        largest = largest.max(shard.window.len());
    }
    assert!(largest <= LAG_BYTES_HARD + 2 * GOP_BYTES as u64, "{largest}");
}

#[test]
fn headers_that_wait_are_replaced_and_not_collected() {
    let (publisher, mut shard) = stream();
    push(&publisher, [config(0, b"0"), key(0, b"a")]);
    let viewer = shard.join(true);
    shard.flow();
    for round in 1..50_i64 {
        push(&publisher, [config(round * 500, &[u8::try_from(round).unwrap(); 100]), key(round * 500, b"k")]);
        shard.pull();
        shard.drop_lag(QUICK);
    }
    shard.flow();
    assert!(shard.viewers[viewer].cursor.skips() > 40);
    assert_eq!(shape(&shard.viewers[viewer].got), "FkAk");
    assert_eq!(items(&shard.viewers[viewer].got)[2].body, [49; 100]);
}

#[test]
fn headers_that_are_partly_sent_are_not_taken_back() {
    let (publisher, mut shard) = stream();
    push(&publisher, [config(0, b"0"), key(0, b"a")]);
    let viewer = shard.join(true);
    shard.flow();
    for (time, body) in [(500, b"1"), (1000, b"2")] {
        push(&publisher, [inter(time - 400, b"x"), config(time, body), key(time, b"k")]);
        shard.pull();
        shard.drop_lag(QUICK);
        shard.viewers[viewer].take(&shard.window, 3);
    }
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "FkAAk");
}

#[test]
fn bytes_for_one_viewer_go_behind_the_frame_on_its_way() {
    let (publisher, mut shard) = stream();
    push(&publisher, [key(0, &[1; 50]), inter(40, b"b")]);
    let viewer = shard.join(true);
    shard.viewers[viewer].take(&shard.window, 30);
    shard.viewers[viewer].cursor.insert(item('p', 0, b"pong"), &shard.window);
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "Fkpi");
}

#[test]
fn the_goodbye_comes_behind_the_last_frame() {
    let (publisher, mut shard) = stream();
    push(&publisher, [key(0, b"a"), inter(40, b"b")]);
    let viewer = shard.join(true);
    shard.viewers[viewer].take(&shard.window, 20);
    shard.viewers[viewer].cursor.close(item('p', 0, b"bye"), &shard.window);
    push(&publisher, [key(80, b"of the next stream")]);
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "Fkip");
}

#[test]
fn no_bytes_at_all_are_nothing_to_send() {
    let window = Window::default();
    let mut viewer = Viewer::join(&window, true);
    viewer.cursor.open(Bytes::new());
    viewer.cursor.insert(Bytes::new(), &window);
    viewer.cursor.close(Bytes::new(), &window);
    assert!(!viewer.cursor.pending(&window));
    assert_eq!(viewer.take(&window, 10), 0);
}

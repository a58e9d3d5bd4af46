use super::*;

/// What x264 makes of 25 pictures a second with three B-frames, one of which the others refer to: groups of four, each
/// `P B b b` with the times of this order.
const PYRAMID: [i64; 4] = [160, 80, 40, 120];

fn pyramid(groups: i64) -> Vec<i64> {
    let mut times = vec![1_000];
    for group in 0..groups {
        times.extend(PYRAMID.map(|time| 1_000 + group * 160 + time));
    }
    times
}

fn place(order: &mut Order, times: &[i64]) -> Vec<(i64, i64)> {
    times.iter().map(|time| order.place(*time)).map(|(at, later)| (at, at + i64::from(later))).collect()
}

fn assert_grows(placed: &[(i64, i64)]) {
    assert!(placed.windows(2).all(|pair| pair[0].0 < pair[1].0), "{placed:?}");
    assert!(placed.iter().all(|(at, shown)| at <= shown), "{placed:?}");
}

#[test]
fn pictures_in_order_are_decoded_when_they_are_shown() {
    let mut order = Order::default();
    assert_eq!(place(&mut order, &[0, 33, 67, 100]), [(0, 0), (33, 33), (67, 67), (100, 100)]);
}

#[test]
fn pictures_out_of_order_are_shown_when_they_say_and_decoded_one_after_the_other() {
    let mut order = Order::default();
    order.set_depth(2);
    let times = pyramid(10);
    let placed = place(&mut order, &times);
    assert_grows(&placed);
    assert_eq!(placed.iter().map(|(_, shown)| *shown).collect::<Vec<_>>(), times);
    let steps: Vec<i64> = placed.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(steps.iter().all(|step| *step == 40), "{steps:?}");
}

#[test]
fn the_delay_is_bounded_by_the_depth() {
    let mut order = Order::default();
    order.set_depth(2);
    let placed = place(&mut order, &pyramid(10));
    assert!(placed.iter().all(|(at, shown)| shown - at <= 240), "{placed:?}");
}

#[test]
fn a_depth_that_is_not_told_is_learnt_within_the_first_group() {
    let mut order = Order::default();
    let times = pyramid(10);
    let placed = place(&mut order, &times);
    assert_grows(&placed);
    for ((at, shown), time) in placed.iter().zip(&times).skip(8) {
        assert_eq!(shown, time);
        assert!(shown - at <= 240, "{placed:?}");
    }
    let late = placed.iter().zip(&times).map(|((_, shown), time)| shown - time).max();
    assert!(late <= Some(125), "{placed:?}");
}

#[test]
fn lost_pictures_harm_no_other() {
    let mut order = Order::default();
    order.set_depth(2);
    let mut times = pyramid(20);
    let mut count = 0;
    times.retain(|_| {
        count += 1;
        count % 7 != 0 && count % 11 != 0
    });
    let placed = place(&mut order, &times);
    assert_grows(&placed);
    assert_eq!(placed.iter().map(|(_, shown)| *shown).collect::<Vec<_>>(), times);
}

#[test]
fn another_depth_in_mid_stream_is_taken_up() {
    let mut order = Order::default();
    order.set_depth(2);
    let mut placed = place(&mut order, &pyramid(3));
    order.set_depth(0);
    placed.extend(place(&mut order, &[1_520, 1_560, 1_600]));
    order.set_depth(2);
    placed.extend(place(&mut order, &[1_640, 1_800, 1_720, 1_680, 1_760, 1_960, 1_880, 1_840, 1_920]));
    assert_grows(&placed);
    assert_eq!(
        placed[placed.len() - 4..].iter().map(|(_, shown)| *shown).collect::<Vec<_>>(),
        [1_960, 1_880, 1_840, 1_920]
    );
}

#[test]
fn a_clock_that_is_set_begins_anew() {
    for jump in [-3_600_000, 3_600_000] {
        let mut order = Order::default();
        order.set_depth(2);
        place(&mut order, &pyramid(3));
        let moved: Vec<i64> = pyramid(3).iter().map(|time| time + jump).collect();
        let placed = place(&mut order, &moved);
        assert_grows(&placed);
        assert_eq!(placed[0], (1_000 + jump - 80, 1_000 + jump));
        assert!(placed.iter().all(|(at, shown)| shown - at <= 240), "{placed:?}");
    }
}

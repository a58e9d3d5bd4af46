use super::*;
use crate::Codec;
use bytes::Bytes;
use proptest::prelude::*;

fn full() -> Jitter {
    Jitter::new(Mode::Full, false)
}

fn video(jitter: &mut Jitter, times: &[i64]) -> Vec<i64> {
    times.iter().map(|&time| jitter.time(Kind::Video, Role::Inter, time)).collect()
}

fn audio(jitter: &mut Jitter, times: &[i64]) -> Vec<i64> {
    times.iter().map(|&time| jitter.time(Kind::Audio, Role::Key, time)).collect()
}

fn frame(kind: Kind, time: i64) -> Frame {
    let role = if kind == Kind::Data { Role::Other } else { Role::Key };
    Frame { kind, role, codec: Codec::None, track: 0, time, composition: 0, wire: Bytes::new() }
}

#[test]
fn unwrapping_goes_on_over_the_end_of_32_bits() {
    let mut unwrap = Unwrap::default();
    let times = [u32::MAX - 10, u32::MAX, 5, 20].map(|time| unwrap.unwrap(time));
    assert_eq!(times, [4_294_967_285, 4_294_967_295, 4_294_967_301, 4_294_967_316]);
}

#[test]
fn unwrapping_takes_a_step_back_as_such() {
    let mut unwrap = Unwrap::default();
    assert_eq!([1_000, 980, 1_020].map(|time| unwrap.unwrap(time)), [1_000, 980, 1_020]);
    let mut unwrap = Unwrap::default();
    assert_eq!(
        [u32::MAX, 3, u32::MAX].map(|time| unwrap.unwrap(time)),
        [4_294_967_295, 4_294_967_299, 4_294_967_295]
    );
}

#[test]
fn full_mode_starts_at_zero() {
    assert_eq!(video(&mut full(), &[5_000, 5_040, 5_080]), [0, 40, 80]);
}

#[test]
fn slow_picture_is_not_crushed() {
    assert_eq!(video(&mut full(), &[0, 1_000, 4_000, 7_000]), [0, 1_000, 4_000, 7_000]);
}

#[test]
fn picture_slower_than_the_limit_is_believed_where_sound_shows_the_time() {
    let mut jitter = full();
    video(&mut jitter, &[0]);
    audio(&mut jitter, &[0, 2_000, 4_000, 6_000]);
    assert_eq!(video(&mut jitter, &[6_000]), [6_000]);
}

#[test]
fn jumps_continue_with_one_step() {
    assert_eq!(video(&mut full(), &[0, 40, 3_600_000, 3_600_040]), [0, 40, 50, 90]);
    assert_eq!(video(&mut full(), &[20_000, 20_040, 0, 40]), [0, 40, 50, 90]);
}

#[test]
fn interleaving_back_is_kept() {
    let mut jitter = full();
    video(&mut jitter, &[0, 40, 80, 240]);
    assert_eq!(audio(&mut jitter, &[10, 33, 56]), [10, 33, 56]);
}

#[test]
fn sound_and_picture_stay_together_over_a_jump() {
    let mut jitter = full();
    video(&mut jitter, &[10_000]);
    audio(&mut jitter, &[10_005]);
    assert_eq!(video(&mut jitter, &[0]), [15]);
    assert_eq!(audio(&mut jitter, &[8]), [23]);
}

#[test]
fn clocks_far_apart_are_shifted_once() {
    let mut jitter = full();
    let mut out = Vec::new();
    for step in 0..50 {
        out.extend(video(&mut jitter, &[step * 40]));
        out.extend(audio(&mut jitter, &[9_000_000 + step * 40]));
    }
    let last = [out[out.len() - 2], out[out.len() - 1]];
    assert_eq!(last, [49 * 40, 49 * 40 + 10]);
}

#[test]
fn headers_and_metadata_do_not_move_the_timeline() {
    let mut jitter = full();
    video(&mut jitter, &[70_000, 70_040]);
    assert_eq!(jitter.time(Kind::Video, Role::Config, 0), 40);
    assert_eq!(jitter.time(Kind::Data, Role::Metadata, 0), 40);
    assert_eq!(video(&mut jitter, &[70_080]), [80]);
}

#[test]
fn zero_mode_believes_jumps() {
    let mut jitter = Jitter::new(Mode::Zero, false);
    assert_eq!(jitter.time(Kind::Video, Role::Config, 0), 0);
    assert_eq!(video(&mut jitter, &[5_000, 5_040, 3_600_000]), [0, 40, 3_595_000]);
}

#[test]
fn off_and_absolute_time_change_nothing() {
    let times = [5_000, 3_600_000, 7];
    assert_eq!(video(&mut Jitter::new(Mode::Off, false), &times), times);
    assert_eq!(video(&mut Jitter::new(Mode::Full, true), &times), times);
}

#[test]
fn mix_puts_flows_in_order() {
    let mut mix = Mix::default();
    let mut out = Vec::new();
    for (kind, time) in
        [(Kind::Video, 0), (Kind::Video, 40), (Kind::Audio, 20), (Kind::Audio, 60), (Kind::Video, 80)]
    {
        mix.push(frame(kind, time));
        out.extend(std::iter::from_fn(|| mix.pop()).map(|frame| frame.time));
    }
    out.extend(std::iter::from_fn(|| mix.take()).map(|frame| frame.time));
    assert_eq!(out, [0, 20, 40, 60, 80]);
}

#[test]
fn mix_lets_a_lone_flow_through_in_the_order_given() {
    let mut mix = Mix::default();
    let mut out = 0;
    for time in 0..100 {
        mix.push(frame(Kind::Audio, time));
        out += std::iter::from_fn(|| mix.pop()).count();
    }
    assert_eq!(out, 100 - (PURE - 1));
}

proptest! {
    #[test]
    fn output_never_jumps(steps in proptest::collection::vec((any::<bool>(), any::<i64>()), 1..60)) {
        let mut jitter = full();
        let mut last = 0;
        for (picture, time) in steps {
            let kind = if picture { Kind::Video } else { Kind::Audio };
            let out = jitter.time(kind, Role::Key, time);
            prop_assert!(out >= 0 && out - last <= MAX_FORWARD, "{last} -> {out}");
            last = last.max(out);
        }
    }

    #[test]
    fn each_flow_goes_back_at_most_by_the_limit(times in proptest::collection::vec((any::<bool>(), -9_000..9_000i64), 1..60)) {
        let mut jitter = full();
        let mut last = [0; 2];
        for (picture, time) in times {
            let kind = if picture { Kind::Video } else { Kind::Audio };
            let out = jitter.time(kind, Role::Key, time);
            let last = &mut last[usize::from(picture)];
            prop_assert!(out >= *last - MAX_BACK);
            *last = out;
        }
    }
}

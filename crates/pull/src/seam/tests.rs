use bytes::Bytes;
use srs_media::Codec;

use super::*;

fn frame(kind: Kind, role: Role, time: i64, body: u8) -> Frame {
    let wire = Bytes::copy_from_slice(&[body]);
    Frame { kind, role, codec: Codec::None, track: 0, time, composition: 0, wire }
}

fn key(time: i64, body: u8) -> Frame {
    frame(Kind::Video, Role::Key, time, body)
}

fn inter(time: i64) -> Frame {
    frame(Kind::Video, Role::Inter, time, 0)
}

fn audio(time: i64) -> Frame {
    frame(Kind::Audio, Role::Key, time, 0)
}

fn times(seam: &mut Seam, frames: Vec<Frame>) -> Vec<i64> {
    frames.into_iter().filter_map(|frame| seam.place(frame)).map(|frame| frame.time).collect()
}

#[test]
fn a_first_server_may_begin_anywhere_and_its_times_stay() {
    let mut gate = Gate::first();
    assert!(gate.take(frame(Kind::Audio, Role::Config, 0, 1)).is_none());
    let begin = gate.take(inter(700)).unwrap();
    assert_eq!(begin.len(), 2);
    let mut seam = Seam::default();
    seam.enter(&begin[1]);
    assert_eq!(times(&mut seam, vec![inter(700), audio(690), inter(740)]), [700, 690, 740]);
}

#[test]
fn another_server_begins_with_a_key_frame_and_its_newest_headers() {
    let mut gate = Gate::again(true);
    for body in [1, 2] {
        assert!(gate.take(frame(Kind::Video, Role::Config, 0, body)).is_none());
    }
    assert!(gate.take(audio(10)).is_none());
    assert!(gate.take(inter(20)).is_none());
    let begin = gate.take(key(30, 9)).unwrap();
    assert_eq!(begin.iter().map(|frame| frame.wire[0]).collect::<Vec<_>>(), [2, 9]);
}

#[test]
fn where_no_picture_comes_sound_alone_will_do_after_three_seconds() {
    let mut gate = Gate::again(true);
    assert!((0..=3000).step_by(20).all(|time| gate.take(audio(time)).is_none()));
    assert!(gate.take(audio(3020)).is_some());
    assert!(Gate::again(false).take(audio(0)).is_some());
}

#[test]
fn time_goes_on_behind_what_viewers_have() {
    let mut seam = Seam::default();
    assert_eq!(times(&mut seam, vec![key(5000, 1), audio(5030), inter(5020)]), [5000, 5030, 5020]);
    let next = key(100, 2);
    seam.enter(&next);
    let after = times(&mut seam, vec![next, audio(40), audio(70), audio(120), inter(140)]);
    assert_eq!(after, [5070, 5040, 5090, 5110], "sound that viewers may have is left out");
}

#[test]
fn headers_and_scripts_come_at_the_time_where_viewers_are() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(5000, 1)]);
    assert_eq!(times(&mut seam, vec![frame(Kind::Data, Role::Metadata, 0, 0)]), [5000]);
}

#[test]
fn a_gop_that_viewers_have_begun_is_gone_on_with() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(0, 1), inter(40), audio(50), inter(80)]);
    let same = key(9000, 1);
    seam.enter(&same);
    let after = times(&mut seam, vec![same, inter(9040), audio(9050), inter(9080), audio(9090), inter(9120)]);
    assert_eq!(after, [90, 120]);
    let other = times(&mut seam, vec![key(9160, 2), inter(9200)]);
    assert_eq!(other, [160, 200]);
}

#[test]
fn a_gop_that_ends_early_at_another_server_is_not_waited_for() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(0, 1), inter(40), inter(80)]);
    let same = key(0, 1);
    seam.enter(&same);
    assert_eq!(times(&mut seam, vec![same, inter(40), key(120, 2), inter(160)]), [120, 160]);
}

#[test]
fn key_frames_that_are_alike_are_no_repetition() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(0, 1), inter(40), inter(80)]);
    let same = key(9000, 1);
    seam.enter(&same);
    let after = vec![same, inter(9040), inter(9080), inter(9120), key(9160, 1), inter(9200), key(9240, 1)];
    assert_eq!(times(&mut seam, after), [120, 160, 200, 240]);
    let same = key(0, 1);
    seam.enter(&same);
    let after = times(&mut seam, vec![same, key(40, 1), inter(80), key(120, 1)]);
    assert_eq!(after, [280, 320, 360], "also where it ends early there");
}

#[test]
fn of_what_came_meanwhile_all_is_left_out_that_viewers_have() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(0, 1), inter(40), key(80, 2), inter(120)]);
    let came = vec![key(9000, 1), audio(9010), inter(9040), key(9080, 2), inter(9120), inter(9160)];
    let begin = seam.begin_of(&came).unwrap();
    assert_eq!(begin, 3);
    seam.enter(&came[begin]);
    assert_eq!(times(&mut seam, came[begin..].to_vec()), [160]);
    // Of another encoder the newest picture.
    let came = vec![key(0, 7), inter(40), key(80, 8), inter(120)];
    assert_eq!(seam.begin_of(&came), Some(2));
    assert_eq!(seam.begin_of(&[frame(Kind::Audio, Role::Config, 0, 0), audio(5)]), Some(1));
}

#[test]
fn a_server_that_is_a_gop_behind_goes_on_where_viewers_are() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(0, 1), inter(40), audio(50), key(80, 2), audio(75)]);
    let before = key(9000, 1);
    seam.enter(&before);
    let after = vec![before, inter(9040), audio(9050), audio(9075), key(9080, 2), audio(9079), inter(9120)];
    assert_eq!(
        times(&mut seam, after),
        [79, 120],
        "sound that viewers lack comes, though they have later pictures"
    );
}

#[test]
fn a_gop_that_another_server_came_between_is_begun_anew() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(0, 1), inter(40)]);
    for server in [2, 1] {
        let first = key(0, server);
        seam.enter(&first);
        assert_eq!(times(&mut seam, vec![first, inter(40)]).len(), 2);
    }
}

#[test]
fn a_server_that_goes_on_otherwise_is_not_gone_on_with_inside_a_gop() {
    let mut seam = Seam::default();
    times(&mut seam, vec![key(0, 1), inter(40), key(80, 2), inter(120)]);
    let before = key(9000, 1);
    seam.enter(&before);
    let after = times(&mut seam, vec![before, inter(9040), key(9080, 3), inter(9120)]);
    assert_eq!(after, [160, 200]);
}

#[test]
fn derived_sound_counts_for_nothing_and_goes_on_where_viewers_have_it() {
    let derived = |time| Frame { track: DERIVED, ..audio(time) };
    let mut seam = Seam::default();
    let first = vec![key(0, 1), audio(20), derived(0), audio(40), derived(21)];
    assert_eq!(times(&mut seam, first), [0, 20, 0, 40, 21]);
    let same = key(9000, 1);
    seam.enter(&same);
    let next = vec![same, audio(9020), audio(9040), audio(9060), derived(9000), derived(9021), derived(9043)];
    assert_eq!(times(&mut seam, next), [60, 43], "the other server begins at its own frames");
}

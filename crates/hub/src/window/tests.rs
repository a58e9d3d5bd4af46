use super::*;

fn heads() -> Arc<Heads> {
    let opener: Arc<dyn crate::Opener> = Arc::new(crate::testkit::Plain);
    Arc::new(Heads::new(&opener, &Arc::default(), 0, 1))
}

/// Four runs of two frames of five bytes each, 10 ms apart; a key frame at 0 and at 20.
fn window() -> Window {
    let mut window = Window::default();
    for run in 0..4_u64 {
        let at = run * 10;
        if run % 2 == 0 {
            window.add_key(at, heads());
        }
        let mark = |frame: u64| Mark {
            at: at + frame * 5,
            time: i64::try_from((run * 2 + frame) * 10).unwrap(),
            key: run % 2 == 0 && frame == 0,
        };
        let bytes: Vec<u8> = (at..at + 10).map(|byte| u8::try_from(byte).unwrap()).collect();
        window.append(bytes.into(), [mark(0), mark(1)]);
    }
    window
}

fn bytes_from(window: &Window, at: u64) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 8];
    let count = window.gather(at, &mut slices);
    slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
}

#[test]
fn bytes_are_found_from_any_offset() {
    let window = window();
    for at in 0..=40_u8 {
        let expected: Vec<u8> = (at..40).collect();
        assert_eq!(bytes_from(&window, u64::from(at)), expected);
        assert_eq!(window.slices(u64::from(at), 40).concat(), expected);
    }
    assert_eq!(window.slices(7, 23).concat(), (7..23).collect::<Vec<u8>>());
}

#[test]
fn only_as_many_slices_as_fit_are_put() {
    let window = window();
    let mut slices = [IoSlice::new(&[]); 2];
    assert_eq!(window.gather(3, &mut slices), 2);
    assert_eq!(slices.iter().map(|slice| slice.len()).sum::<usize>(), 17);
}

#[test]
fn a_byte_has_the_time_and_the_boundaries_of_its_frame() {
    let window = window();
    assert_eq!((window.time_at(4), window.time_at(5), window.time_at(40)), (0, 10, 70));
    assert_eq!((window.boundary_from(5), window.boundary_from(6), window.boundary_from(36)), (5, 10, 40));
    assert_eq!((window.frames_from(0), window.frames_from(5), window.frames_from(36)), (8, 7, 0));
}

#[test]
fn key_frames_are_found_and_measured() {
    let window = window();
    assert_eq!(window.newest_key(), Some(20));
    assert_eq!((window.key_from(0), window.key_from(1), window.key_from(21)), (Some(0), Some(20), None));
    assert_eq!(window.largest_gop(), 20);
}

#[test]
fn trimming_drops_whole_runs_and_what_lies_in_them() {
    let mut window = window();
    window.trim(15);
    assert_eq!((window.start(), window.len()), (10, 30));
    assert_eq!(window.key_from(0), Some(20));
    assert_eq!(bytes_from(&window, 12), (12..40).collect::<Vec<u8>>());
    window.trim(40);
    assert!(window.is_empty());
    assert_eq!((window.start(), window.newest_key()), (40, None));
}

#[test]
fn a_bound_counts_frames_and_keeps_the_newest_run_whatever_its_size() {
    let mut window = window();
    window.bound(25 + 4 * FRAME_COST as u64);
    assert_eq!((window.start(), window.end()), (20, 40));
    window.bound(0);
    assert_eq!((window.start(), window.end()), (30, 40));
}

#[test]
fn following_takes_over_what_is_new_and_shares_it() {
    let other = window();
    let mut window = Window::default();
    window.follow(&other);
    window.trim(20);
    let mut more = other;
    more.append(Bytes::from_static(&[40, 41]), [Mark { at: 40, time: 80, key: false }]);
    window.follow(&more);
    assert_eq!(bytes_from(&window, 20), (20..42).collect::<Vec<u8>>());
    assert_eq!((window.edge_time(), window.frames_from(20)), (80, 5));
}

#[test]
fn following_goes_on_inside_a_run() {
    let mut whole = Window::default();
    whole.append(Bytes::from_static(&[0, 1, 2, 3]), []);
    let mut part = Window::default();
    part.append(Bytes::from_static(&[0, 1]), []);
    part.follow(&whole);
    assert_eq!(bytes_from(&part, 0), [0, 1, 2, 3]);
}

#[test]
fn over_a_gap_a_window_is_begun_anew() {
    let mut other = window();
    other.trim(20);
    let mut window = Window::default();
    window.append(Bytes::from_static(b"old"), []);
    assert!(!window.reaches(&other));
    window.follow(&other);
    assert_eq!((window.start(), window.end(), window.newest_key()), (20, 40, Some(20)));
}

#[test]
fn start_points_before_what_is_held_are_not_taken_over() {
    let other = window();
    let mut window = Window::default();
    window.follow(&other);
    window.trim(20);
    // `other` still has the key frame at 0, whose bytes are gone here.
    window.follow(&other);
    assert_eq!(window.key_from(0), Some(20));
}

#[test]
fn what_the_publishers_side_forgot_is_forgotten_here() {
    let mut other = window();
    let mut window = Window::default();
    window.follow(&other);
    other.clear_keys();
    window.follow(&other);
    assert_eq!(window.newest_key(), None);
}

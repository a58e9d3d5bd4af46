use super::*;

const MARK: Mark = Mark { stream: 1, instance: 2, sequence: 3, sent_ns: 4 };

fn rate_of(kbps: u64) -> f64 {
    let programme = Programme::new(kbps, 25, 2.0);
    let total = |track: Track, seconds: u64| {
        let due = |&index: &u64| programme.due_ns(track, index) < seconds * 1_000_000_000;
        let frames = (0..).take_while(due);
        frames.map(|index| programme.frame(track, index, &MARK).len()).sum::<usize>()
    };
    (total(Track::Video, 10) + total(Track::Audio, 10)) as f64 * 8.0 / 10_000.0
}

#[test]
fn bit_rate_is_within_two_percent() {
    for kbps in [200, 1000, 4000] {
        let rate = rate_of(kbps);
        assert!((rate / kbps as f64 - 1.0).abs() < 0.02, "{kbps}: {rate}");
    }
}

#[test]
fn every_frame_carries_its_mark() {
    let programme = Programme::new(1000, 25, 2.0);
    for track in [Track::Audio, Track::Video] {
        for index in 0..60 {
            assert_eq!(Mark::read(&programme.frame(track, index, &MARK)), Ok(MARK));
        }
    }
}

#[test]
fn key_frames_come_once_per_gop() {
    let programme = Programme::new(1000, 25, 2.0);
    let keys: Vec<u64> = (0..120).filter(|&i| is_key(9, &programme.frame(Track::Video, i, &MARK))).collect();
    assert_eq!(keys, [0, 50, 100]);
}

#[test]
fn sequence_headers_are_not_coded_frames() {
    assert!(!is_coded(8, &sequence_header(Track::Audio)));
    assert!(!is_coded(9, &sequence_header(Track::Video)));
}

#[test]
fn nal_units_fill_a_video_frame_exactly() {
    let body = Programme::new(4000, 25, 2.0).frame(Track::Video, 0, &MARK);
    let mut rest = &body[5..];
    let mut types = Vec::new();
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk::<4>().unwrap();
        let (nal, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
        types.push(nal[0] & 0x1f);
        rest = tail;
    }
    assert_eq!(types, [6, 5, 12]);
}

#[test]
fn solid_pictures_have_their_size_and_mark_and_no_filler() {
    let (plain, solid) = (Programme::new(4000, 30, 2.0), Programme::new(4000, 30, 2.0).solid());
    for index in 0..70 {
        let (plain, solid) =
            (plain.frame(Track::Video, index, &MARK), solid.frame(Track::Video, index, &MARK));
        assert_eq!((solid.len(), Mark::read(&solid)), (plain.len(), Ok(MARK)));
        let mut units = &solid[5..];
        let mut kinds = Vec::new();
        while !units.is_empty() {
            let length = u32::from_be_bytes(units[..4].try_into().unwrap()) as usize;
            kinds.push(units[4] & 0x1f);
            units = &units[4 + length..];
        }
        assert_eq!(kinds, [6, if index % 60 == 0 { 5 } else { 1 }]);
    }
}

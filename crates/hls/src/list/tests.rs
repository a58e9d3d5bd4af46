use super::{Entry, List, MOST_ENTRIES};
use crate::Settings;
use std::time::Duration;

fn entry(sequence: u64, duration_ms: u64) -> Entry {
    let name = format!("a-{sequence}.ts");
    Entry { sequence, duration_ms, discontinuity: false, name, bytes: 1_000, key: None, made_unix_ms: None }
}

fn broken(sequence: u64, duration_ms: u64) -> Entry {
    Entry { discontinuity: true, ..entry(sequence, duration_ms) }
}

fn list(fragment_s: u64, window_s: u64) -> List {
    let settings = Settings {
        fragment: Duration::from_secs(fragment_s),
        window: Duration::from_secs(window_s),
        ..Settings::default()
    };
    List::new(&settings)
}

fn listed(list: &List) -> Vec<u64> {
    list.in_window().map(|entry| entry.sequence).collect()
}

fn text(list: &List) -> String {
    list.playlist(|entry| entry.name.clone())
}

#[test]
fn one_segment_makes_it_ready() {
    let mut list = list(10, 60);
    assert!(!list.ready());
    list.add(entry(7, 9_960), 0);
    assert!(list.ready());
    let wanted = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-TARGETDURATION:10\n\
        #EXT-X-DISCONTINUITY-SEQUENCE:7\n\
        #EXTINF:9.960,\na-7.ts\n";
    assert_eq!(text(&list), wanted);
}

#[test]
fn the_window_slides_by_time() {
    let mut list = list(10, 60);
    for number in 0..10 {
        list.add(entry(number, 10_000), number * 10_000);
    }
    assert_eq!(listed(&list), [4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_small_window_still_has_three_target_durations() {
    let mut list = list(10, 5);
    for number in 0..10 {
        list.add(entry(number, 10_000), number * 10_000);
    }
    assert_eq!(listed(&list), [7, 8, 9]);
}

#[test]
fn discontinuities_are_counted_when_they_leave() {
    let mut list = list(10, 30);
    list.add(entry(0, 10_000), 0);
    list.add(broken(1, 10_000), 0);
    for number in 2..4 {
        list.add(entry(number, 10_000), 0);
    }
    assert_eq!((listed(&list), list.discontinuity_sequence()), (vec![1, 2, 3], 0));
    assert!(text(&list).contains("TARGETDURATION:10\n#EXT-X-DISCONTINUITY\n#EXTINF"));
    list.add(broken(4, 10_000), 0);
    assert_eq!((listed(&list), list.discontinuity_sequence()), (vec![2, 3, 4], 1));
    assert!(text(&list).contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
}

#[test]
fn an_epoch_counts_discontinuities_from_its_first_number() {
    let mut list = list(10, 60);
    list.add(entry(100, 10_000), 0);
    list.add(broken(101, 10_000), 0);
    assert_eq!(list.discontinuity_sequence(), 100);
    list.begin(0);
    list.add(broken(400, 10_000), 0);
    // Its own is listed: with it there are 400.
    assert_eq!(list.discontinuity_sequence(), 399);
    list.add(broken(401, 10_000), 0);
    list.next_epoch();
    assert_eq!(listed(&list), [400, 401], "until the first segment of the new epoch is there");
    list.add(broken(900, 10_000), 0);
    assert_eq!((listed(&list), list.discontinuity_sequence()), (vec![900], 899));
}

#[test]
fn numbers_of_discontinuities_stay_small_however_late_it_is() {
    for year in 0..20 {
        let mut list = list(10, 60);
        let first = crate::first_sequence(1_795_000_000_000 + year * 31_557_600_000);
        list.add(broken(first, 10_000), 0);
        assert!(list.discontinuity_sequence() < 1 << 18, "{}", list.discontinuity_sequence());
        assert_eq!((list.discontinuity_sequence() + 1) % (1 << 18), first % (1 << 18));
    }
}

#[test]
fn an_epoch_that_goes_on_by_one_changes_no_count() {
    let mut list = list(10, 60);
    list.add(entry(100, 10_000), 0);
    list.next_epoch();
    list.add(broken(101, 10_000), 0);
    assert_eq!((listed(&list), list.discontinuity_sequence()), (vec![100, 101], 100));
    list.add(entry(103, 10_000), 0);
    assert_eq!((listed(&list), list.discontinuity_sequence()), (vec![103], 101), "a gap is no epoch");
}

#[test]
fn a_long_segment_raises_the_target_which_shrinks_with_a_new_epoch_only() {
    let mut list = list(2, 10);
    assert_eq!(list.target_duration_s(), 2);
    list.add(entry(0, 7_001), 0);
    assert_eq!(list.target_duration_s(), 8);
    for number in 1..30 {
        list.add(entry(number, 2_000), 0);
    }
    assert_eq!(list.target_duration_s(), 8);
    list.begin(0);
    assert_eq!(list.target_duration_s(), 2);
}

#[test]
fn what_left_is_kept_for_the_longest_list_and_itself() {
    let mut list = list(10, 30);
    for number in 0..3 {
        assert_eq!(list.add(entry(number, 10_000), 0), []);
    }
    assert_eq!(list.add(entry(3, 10_000), 1_000), []);
    assert_eq!(list.retired().map(|entry| entry.sequence).collect::<Vec<_>>(), [0]);
    assert_eq!(list.entries().count(), 4);
    assert_eq!(list.sweep(40_999), []);
    assert_eq!(list.sweep(41_000), [entry(0, 10_000)]);
    assert_eq!((list.entries().count(), list.bytes()), (3, 3_000));
}

#[test]
fn a_number_that_is_not_above_is_given_back() {
    let mut list = list(10, 60);
    list.add(entry(5, 10_000), 0);
    assert_eq!(list.add(entry(5, 9_000), 0), [entry(5, 9_000)]);
    assert_eq!(list.add(entry(4, 9_000), 0), [entry(4, 9_000)]);
    list.begin(0);
    assert_eq!(list.sweep(u64::MAX).len(), 1);
    assert_eq!(list.add(entry(5, 9_000), 0), [entry(5, 9_000)]);
}

#[test]
fn a_segment_that_could_not_be_stored_starts_the_list_over() {
    let mut list = list(10, 60);
    list.add(broken(5, 12_000), 0);
    list.add(entry(6, 10_000), 0);
    list.add(entry(8, 10_000), 0);
    assert_eq!((listed(&list), list.discontinuity_sequence()), (vec![8], 5));
    assert_eq!(list.retired().count(), 2);
    assert_eq!(list.target_duration_s(), 12);
}

#[test]
fn an_ended_list_says_so_until_it_goes_on() {
    let mut list = list(10, 60);
    list.add(entry(5, 10_000), 0);
    list.end();
    assert!(text(&list).ends_with("a-5.ts\n#EXT-X-ENDLIST\n"));
    list.add(broken(6, 10_000), 0);
    assert!(text(&list).ends_with("a-6.ts\n"));
}

#[test]
fn neither_the_list_nor_what_left_it_grows_without_end() {
    let mut list = list(10, 1_000_000);
    let mut gone = 0;
    for number in 0..u64::try_from(MOST_ENTRIES).unwrap() * 3 {
        gone += list.add(entry(number, 1), 0).len();
    }
    assert_eq!(
        (listed(&list).len(), list.retired().count(), gone),
        (MOST_ENTRIES, MOST_ENTRIES, MOST_ENTRIES)
    );
}

#[test]
fn one_without_room_drops_what_left_first_and_never_the_newest() {
    let mut list = list(10, 30);
    for number in 0..5 {
        list.add(entry(number, 10_000), 0);
    }
    let dropped: Vec<u64> = std::iter::from_fn(|| list.drop_oldest(0)).map(|entry| entry.sequence).collect();
    assert_eq!((dropped, listed(&list)), (vec![0, 1, 2, 3], vec![4]));
}

#[test]
fn keys_and_times_are_told() {
    let mut list = list(10, 60);
    let key = Some(srs_m3u8::Key { uri: "a-5.key".into(), iv: [1; 16] });
    list.add(Entry { key, made_unix_ms: Some(0), ..entry(5, 10_000) }, 0);
    let text = text(&list);
    assert!(text.contains("#EXT-X-KEY:METHOD=AES-128,URI=\"a-5.key\",IV=0x01010101"), "{text}");
    assert!(text.contains("#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:00.000Z\n"), "{text}");
}

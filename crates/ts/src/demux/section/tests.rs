use super::*;
use crate::packet::Marks;

fn part(counter: u8, start: bool, payload: &[u8]) -> Packet<'_> {
    Packet { pid: 0, start, counter, marks: Marks::default(), payload: Some(payload) }
}

/// A section of so many bytes.
fn section(table: u8, length: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(length - 3).unwrap().to_be_bytes();
    let mut bytes = vec![table; length];
    bytes[..3].copy_from_slice(&[table, 0xb0 | high, low]);
    bytes
}

#[test]
fn sections_lie_across_packets_and_several_in_one() {
    let (first, second, third) = (section(1, 300), section(2, 10), section(3, 20));
    let stream = [&first[..], &second, &third].concat();
    let (mut sections, mut errors) = (Sections::default(), Errors::default());
    assert_eq!(
        sections.take(&part(0, true, &[&[0], &stream[..183]].concat()), &mut errors),
        Vec::<Vec<u8>>::new()
    );
    let pointer = [&[117], &stream[183..]].concat();
    assert_eq!(sections.take(&part(1, true, &pointer), &mut errors), [first, second, third]);
    assert_eq!(errors, Errors::default());
}

#[test]
fn stuffing_ends_the_sections_of_a_packet() {
    let (mut sections, mut errors) = (Sections::default(), Errors::default());
    let stuffed = [&[0][..], &section(1, 10), &[0xff; 20]].concat();
    assert_eq!(sections.take(&part(0, true, &stuffed), &mut errors), [section(1, 10)]);
    assert!(sections.take(&part(1, false, &section(2, 10)), &mut errors).is_empty());
    let two_bytes = [&[0][..], &section(1, 10), &[0xff; 2]].concat();
    assert_eq!(sections.take(&part(2, true, &two_bytes), &mut errors), [section(1, 10)]);
    assert!(sections.take(&part(3, false, &section(2, 10)), &mut errors).is_empty());
}

#[test]
fn a_gap_costs_the_section_and_a_repeat_nothing() {
    let (mut sections, mut errors) = (Sections::default(), Errors::default());
    let whole = section(1, 500);
    let begin = [&[0], &whole[..183]].concat();
    sections.take(&part(7, true, &begin), &mut errors);
    sections.take(&part(7, true, &begin), &mut errors);
    sections.take(&part(8, false, &whole[183..367]), &mut errors);
    assert_eq!(sections.take(&part(9, false, &whole[367..]), &mut errors), std::slice::from_ref(&whole));
    sections.take(&part(10, true, &begin), &mut errors);
    assert!(sections.take(&part(12, false, &whole[367..]), &mut errors).is_empty());
    assert_eq!(errors.continuity, 1);
    sections.take(&part(13, true, &begin), &mut errors);
    sections.take(&part(14, false, &whole[183..367]), &mut errors);
    assert_eq!(sections.take(&part(15, false, &whole[367..]), &mut errors), [whole]);
}

#[test]
fn a_pointer_beyond_the_packet_is_counted() {
    let (mut sections, mut errors) = (Sections::default(), Errors::default());
    assert!(sections.take(&part(0, true, &[9, 1, 2]), &mut errors).is_empty());
    assert_eq!(errors.tables, 1);
}

#[test]
fn sections_longer_than_any_are_not_collected() {
    let (mut sections, mut errors) = (Sections::default(), Errors::default());
    sections.take(&part(0, true, &[0, 1, 0xbf, 0xff]), &mut errors);
    assert!(!sections.open);
}

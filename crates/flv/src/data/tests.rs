use super::*;
use crate::{DATA, demux as demux_any, metadata};
use srs_amf::Value;

const SET: &[u8] = b"\x02\x00\x0d@setDataFrame";
const NAMED: &[u8] = b"\x02\x00\x0aonMetaData";
/// `{width: 2}` in an ECMA array.
const VALUE: &[u8] = b"\x08\0\0\0\x01\0\x05width\0\x40\0\0\0\0\0\0\0\0\0\x09";
const STRAY: &[u8] = b"\0\x3f\xf0\0\0\0\0\0\0";

fn read(kind: u8, parts: &[&[u8]]) -> Frame {
    demux_any(kind, 0, parts.concat().into()).unwrap()
}

fn assert_metadata(frame: &Frame) {
    assert_eq!((frame.role, &frame.wire[..]), (Role::Metadata, &[NAMED, VALUE].concat()[..]));
    let value = metadata(frame).unwrap();
    assert_eq!(value.get("width"), Some(&Value::Number(2.0)));
}

#[test]
fn metadata_starts_at_its_name() {
    assert_metadata(&read(DATA, &[SET, NAMED, VALUE]));
    assert_metadata(&read(DATA, &[NAMED, VALUE]));
}

#[test]
fn stray_numbers_before_the_name_are_dropped() {
    assert_metadata(&read(DATA, &[STRAY, STRAY, SET, NAMED, VALUE]));
    assert_metadata(&read(DATA, &[STRAY, NAMED, VALUE]));
}

#[test]
fn format_byte_of_amf3_is_dropped() {
    assert_metadata(&read(DATA_AMF3, &[&[0], SET, NAMED, VALUE]));
    assert_metadata(&read(DATA_AMF3, &[&[0], STRAY, SET, NAMED, VALUE]));
    assert_metadata(&read(DATA, &[&[0], SET, NAMED, VALUE]));
}

#[test]
fn amf3_message_without_its_format_byte_is_read() {
    assert_metadata(&read(DATA_AMF3, &[SET, NAMED, VALUE]));
}

#[test]
fn unknown_bytes_behind_the_name_are_kept() {
    let frame = read(DATA, &[SET, NAMED, VALUE, b"more"]);
    assert!(frame.wire.ends_with(b"more"));
}

#[test]
fn other_scripts_are_passed_on() {
    let cue = &b"\x02\x00\x0aonCuePoint\x05"[..];
    let frame = read(DATA, &[cue]);
    assert_eq!((frame.role, &frame.wire[..]), (Role::Other, cue));
    let frame = read(DATA, &[SET, cue]);
    assert_eq!((frame.role, &frame.wire[..]), (Role::Other, cue));
}

#[test]
fn numbers_without_a_name_are_kept_whole() {
    let frame = read(DATA, &[STRAY, b"\x05"]);
    assert_eq!((frame.role, frame.wire.len()), (Role::Other, STRAY.len() + 1));
}

#[test]
fn name_without_a_value_is_no_metadata() {
    assert_eq!(read(DATA, &[SET, NAMED]).role, Role::Other);
}

#[test]
fn broken_value_is_passed_on_and_not_read() {
    let frame = read(DATA, &[NAMED, b"\x08\0"]);
    assert_eq!((frame.role, metadata(&frame)), (Role::Metadata, None));
}

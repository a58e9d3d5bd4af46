use bytes::BytesMut;
use proptest::prelude::*;

use crate::{Error, MAX_DEPTH, Value, decode, decode_bounded, encode};

fn bytes(value: &Value) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(value, &mut out);
    out.to_vec()
}

fn read(mut input: &[u8]) -> Result<Value, Error> {
    decode(&mut input)
}

/// AMF3 inside AMF0.
fn read3(amf3: &[u8]) -> Result<Value, Error> {
    read(&[&[0x11], amf3].concat())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|number| Value::Number(f64::from(number) / 8.0)),
        any::<bool>().prop_map(Value::Boolean),
        ".{0,12}".prop_map(Value::String),
        ".{0,12}".prop_map(Value::LongString),
        ".{0,12}".prop_map(Value::Xml),
        any::<u16>().prop_map(Value::Reference),
        (any::<i32>(), any::<i16>()).prop_map(|(ms, tz)| Value::Date { ms: f64::from(ms), tz }),
        Just(Value::Null),
        Just(Value::Undefined),
        Just(Value::Unsupported),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let fields = prop::collection::vec((".{0,6}", inner.clone()), 0..6);
        prop_oneof![
            fields.clone().prop_map(Value::Object),
            fields.clone().prop_map(Value::EcmaArray),
            (".{0,6}", fields).prop_map(|(class, fields)| Value::TypedObject { class, fields }),
            prop::collection::vec(inner, 0..6).prop_map(Value::StrictArray),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_survives_the_round_trip(value in any_value()) {
        let encoded = bytes(&value);
        let mut rest = encoded.as_slice();
        prop_assert_eq!(decode(&mut rest), Ok(value));
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn a_value_cut_short_is_an_error_and_takes_nothing(value in any_value(), cut in any::<prop::sample::Index>()) {
        let encoded = bytes(&value);
        let cut = &encoded[..cut.index(encoded.len())];
        let mut rest = cut;
        if decode(&mut rest).is_err() {
            prop_assert_eq!(rest.len(), cut.len());
        } else {
            // Only an ECMA array may end with the bytes.
            prop_assert!(encoded.contains(&0x08));
        }
    }

    #[test]
    fn byte_soup_never_panics(soup in prop::collection::vec(prop_oneof![0u8..0x13, any::<u8>()], 0..200)) {
        let mut rest = soup.as_slice();
        while !rest.is_empty() && decode(&mut rest).is_ok() {}
        let _ = read3(&soup);
    }
}

#[test]
fn keys_keep_their_order() {
    let value = Value::object([("zebra", 1.0.into()), ("app", "live".into()), ("mid", true.into())]);
    let Ok(Value::Object(fields)) = read(&bytes(&value)) else { panic!("an object") };
    let keys: Vec<_> = fields.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["zebra", "app", "mid"]);
}

#[test]
fn the_bytes_are_those_of_the_standard() {
    let value = Value::object([("a", Value::Number(1.0)), ("b", "x".into())]);
    let wire = b"\x03\x00\x01a\x00\x3f\xf0\0\0\0\0\0\0\x00\x01b\x02\x00\x01x\x00\x00\x09";
    assert_eq!(bytes(&value), wire);
}

#[test]
fn deep_nesting_is_refused_on_a_small_stack() {
    let nests: [&[u8]; 4] =
        [b"\x03\x00\x01a", b"\x08\x00\x00\x00\x01\x00\x01a", b"\x0a\x00\x00\x00\x01", b"\x10\0\0\x00\x01a"];
    let hostile: Vec<Vec<u8>> = nests.iter().map(|nest| nest.repeat(100_000)).collect();
    let deep3 = [b"\x11".as_slice(), &b"\x09\x03\x01".repeat(100_000)].concat();
    let work =
        move || hostile.iter().chain([&deep3]).all(|input| matches!(read(input), Err(Error::TooDeep { .. })));
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(work);
    assert!(thread.unwrap().join().unwrap());
}

#[test]
fn the_deepest_allowed_value_is_read() {
    let mut value = Value::Null;
    for _ in 0..MAX_DEPTH {
        value = Value::StrictArray(vec![value]);
    }
    assert_eq!(read(&bytes(&value)), Ok(value.clone()));
    assert!(matches!(read(&bytes(&Value::StrictArray(vec![value]))), Err(Error::TooDeep { .. })));
}

#[test]
fn a_count_without_data_is_refused() {
    assert_eq!(read(b"\x0a\xff\xff\xff\xff"), Err(Error::Truncated { at: 5 }));
    assert_eq!(read(b"\x08\xff\xff\xff\xff"), Err(Error::Truncated { at: 5 }));
}

#[test]
fn a_text_longer_than_the_message_is_refused() {
    assert_eq!(read(b"\x02\xff\xffabc"), Err(Error::Truncated { at: 6 }));
    assert_eq!(read(b"\x0c\xff\xff\xff\xffabc"), Err(Error::Truncated { at: 8 }));
}

#[test]
fn the_number_of_values_is_limited() {
    let mut input: &[u8] = b"\x0a\x00\x00\x00\x04\x05\x05\x05\x05";
    assert_eq!(decode_bounded(&mut input, &mut 4), Err(Error::TooMany { at: 8 }));
    let mut budget = 6;
    assert!(decode_bounded(&mut input, &mut budget).is_ok());
    assert_eq!(budget, 1);
}

#[test]
fn an_ecma_array_may_lie_about_its_count_and_lack_its_end() {
    let value = Value::ecma_array([("a", Value::Null)]);
    assert_eq!(read(b"\x08\x00\x00\x00\x00\x00\x01a\x05\x00\x00\x09"), Ok(value.clone()));
    assert_eq!(read(b"\x08\x00\x00\x00\x63\x00\x01a\x05\x00\x00\x09"), Ok(value.clone()));
    assert_eq!(read(b"\x08\x00\x00\x00\x01\x00\x01a\x05"), Ok(value));
}

#[test]
fn unknown_markers_are_named() {
    assert_eq!(read(b"\x0a\x00\x00\x00\x01\x04"), Err(Error::UnknownMarker { marker: 0x04, at: 5 }));
}

#[test]
fn a_text_past_65535_bytes_takes_the_long_form() {
    let text = "x".repeat(65_536);
    assert_eq!(read(&bytes(&text.as_str().into())), Ok(Value::LongString(text)));
}

#[test]
fn a_key_past_65535_bytes_is_cut_between_characters() {
    let value = Value::object([("é".repeat(40_000), Value::Null)]);
    let Ok(Value::Object(fields)) = read(&bytes(&value)) else { panic!("an object") };
    assert_eq!(fields[0].0.len(), 65_534);
}

#[test]
fn text_that_is_not_utf8_stays_distinguishable() {
    assert_ne!(read(b"\x02\x00\x02\xc4\xe3"), read(b"\x02\x00\x02\xba\xc3"));
}

#[test]
fn fields_are_found_set_and_removed_in_place() {
    let mut value = Value::object([("a", 1.0.into()), ("b", 2.0.into()), ("a", 3.0.into())]);
    assert!(value.set("b", "two".into()));
    assert_eq!(value.get("b").and_then(Value::as_str), Some("two"));
    assert_eq!(value.remove("a"), Some(Value::Number(1.0)));
    assert_eq!(value, Value::object([("b", "two".into())]));
    assert!(!Value::Null.set("a", Value::Null));
}

#[test]
fn amf3_scalars_become_their_twins() {
    assert_eq!(read3(b"\x00"), Ok(Value::Undefined));
    assert_eq!(read3(b"\x01"), Ok(Value::Null));
    assert_eq!(read3(b"\x03"), Ok(Value::Boolean(true)));
    assert_eq!(read3(b"\x04\x7f"), Ok(Value::Number(127.0)));
    assert_eq!(read3(b"\x04\x81\x00"), Ok(Value::Number(128.0)));
    assert_eq!(read3(b"\x04\xff\xff\xff\xff"), Ok(Value::Number(-1.0)));
    assert_eq!(read3(b"\x05\x3f\xf0\0\0\0\0\0\0"), Ok(Value::Number(1.0)));
    assert_eq!(read3(b"\x06\x07abc"), Ok("abc".into()));
}

#[test]
fn amf3_objects_and_arrays_become_their_twins() {
    // A dynamic anonymous object {app: "live", again: "app"}; the second text refers to the first key.
    let object = Value::object([("app", "live".into()), ("again", "app".into())]);
    assert_eq!(read3(b"\x0a\x0b\x01\x07app\x06\x09live\x0bagain\x06\x00\x01"), Ok(object));
    let typed =
        Value::TypedObject { class: "C".to_owned(), fields: vec![("x".to_owned(), Value::Number(5.0))] };
    // The second object refers to the traits of the first.
    let pair = Value::StrictArray(vec![typed.clone(), typed]);
    assert_eq!(read3(b"\x09\x05\x01\x0a\x13\x03C\x03x\x04\x05\x0a\x01\x04\x05"), Ok(pair));
    let mixed = Value::ecma_array([("k", Value::Null), ("0", true.into())]);
    assert_eq!(read3(b"\x09\x03\x03k\x01\x01\x03"), Ok(mixed));
}

#[test]
fn amf3_forms_without_a_twin_are_refused_by_name() {
    for (marker, wire) in
        [(0x0c, b"\x0c\x01".as_slice()), (0x0a, b"\x0a\x00"), (0x0a, b"\x0a\x07\x01"), (0x0d, b"\x0d")]
    {
        assert_eq!(read3(wire), Err(Error::Amf3 { marker, at: 1 }));
    }
}

#[test]
fn amf3_references_cannot_multiply_a_long_text() {
    // A text of 16320 bytes, then a thousand references to it.
    let text = [b"\x06\x81\xff\x01".as_slice(), &vec![b'x'; 16_320]].concat();
    let bomb = [b"\x09\x8f\x41\x01".as_slice(), &text, &b"\x06\x00".repeat(1000)].concat();
    assert!(matches!(read3(&bomb), Err(Error::Amf3 { marker: 0x06, .. })));
}

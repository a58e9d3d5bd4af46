//! Values to AMF0 bytes.

use bytes::{BufMut, BytesMut};

use crate::Value;

/// Appends one value. A text that does not fit the short form takes the long one; a key is cut at 65535 bytes.
pub fn encode(value: &Value, out: &mut BytesMut) {
    match value {
        Value::Number(number) => {
            out.put_u8(0x00);
            out.put_f64(*number);
        }
        Value::Boolean(flag) => out.put_slice(&[0x01, u8::from(*flag)]),
        Value::String(text) => encode_str(text, out),
        Value::Object(fields) => {
            out.put_u8(0x03);
            put_fields(fields, out);
        }
        Value::Null => out.put_u8(0x05),
        Value::Undefined => out.put_u8(0x06),
        Value::Reference(index) => {
            out.put_u8(0x07);
            out.put_u16(*index);
        }
        Value::EcmaArray(fields) => {
            out.put_u8(0x08);
            put_count(fields.len(), out);
            put_fields(fields, out);
        }
        Value::StrictArray(values) => {
            out.put_u8(0x0a);
            put_count(values.len(), out);
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Date { ms, tz } => {
            out.put_u8(0x0b);
            out.put_f64(*ms);
            out.put_i16(*tz);
        }
        Value::LongString(text) => put_long(0x0c, text, out),
        Value::Unsupported => out.put_u8(0x0d),
        Value::Xml(text) => put_long(0x0f, text, out),
        Value::TypedObject { class, fields } => {
            out.put_u8(0x10);
            put_key(class, out);
            put_fields(fields, out);
        }
    }
}

/// Appends a text as [`Value::String`] would, without making the value.
pub fn encode_str(text: &str, out: &mut BytesMut) {
    if u16::try_from(text.len()).is_ok() {
        out.put_u8(0x02);
        put_key(text, out);
    } else {
        put_long(0x0c, text, out);
    }
}

fn put_fields(fields: &[(String, Value)], out: &mut BytesMut) {
    for (key, value) in fields {
        put_key(key, out);
        encode(value, out);
    }
    out.put_slice(&[0x00, 0x00, 0x09]);
}

fn put_key(key: &str, out: &mut BytesMut) {
    let mut end = key.len().min(usize::from(u16::MAX));
    while !key.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let key = key.get(..end).unwrap_or_default();
    out.put_u16(u16::try_from(end).unwrap_or(u16::MAX));
    out.put_slice(key.as_bytes());
}

fn put_long(marker: u8, text: &str, out: &mut BytesMut) {
    out.put_u8(marker);
    put_count(text.len(), out);
    out.put_slice(text.as_bytes());
}

/// Counts past 2^32 cannot be built in a message of at most 2^24 bytes, so the cap is never reached on the wire.
fn put_count(count: usize, out: &mut BytesMut) {
    out.put_u32(u32::try_from(count).unwrap_or(u32::MAX));
}

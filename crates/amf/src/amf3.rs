//! The subset of AMF3 that turns up inside AMF0 commands (marker `0x11`), read into AMF0 twins.
//!
//! Each marker `0x11` opens fresh reference tables. References to strings and class traits are followed; references to
//! objects are refused, as copying their target again and again would let few bytes grow without bound.

use crate::decode::{Cursor, text};
use crate::{Error, Value};

/// Bytes that string references may copy in one value; a reference of two bytes could otherwise repeat a long text.
const MAX_COPIED: usize = 64 * 1024;

struct Traits {
    class: String,
    dynamic: bool,
    names: Vec<String>,
}

struct Tables {
    texts: Vec<String>,
    traits: Vec<Traits>,
    copied: usize,
}

pub(crate) fn read(input: &mut Cursor<'_>, depth: usize) -> Result<Value, Error> {
    value(input, &mut Tables { texts: Vec::new(), traits: Vec::new(), copied: 0 }, depth.saturating_add(1))
}

fn value(input: &mut Cursor<'_>, tables: &mut Tables, depth: usize) -> Result<Value, Error> {
    input.enter(depth)?;
    let at = input.at();
    let marker = input.byte()?;
    let refused = Error::Amf3 { marker, at };
    Ok(match marker {
        0x00 => Value::Undefined,
        0x01 => Value::Null,
        0x02 => Value::Boolean(false),
        0x03 => Value::Boolean(true),
        0x04 => Value::Number(f64::from(signed(integer(input)?))),
        0x05 => Value::Number(input.number()?),
        0x06 => Value::String(string(input, tables, refused)?),
        0x07 | 0x0b => {
            let length = inline(input, refused)?;
            Value::Xml(input.take(length).map(text)?)
        }
        0x08 => {
            inline(input, refused)?;
            Value::Date { ms: input.number()?, tz: 0 }
        }
        0x09 => array(input, tables, depth, refused)?,
        0x0a => object(input, tables, depth, refused)?,
        _ => return Err(refused),
    })
}

/// U29: up to four bytes, seven bits each, the fourth with eight.
fn integer(input: &mut Cursor<'_>) -> Result<u32, Error> {
    let mut number = 0u32;
    for _ in 0..3 {
        let byte = input.byte()?;
        number = (number << 7) | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Ok((number << 8) | u32::from(input.byte()?))
}

/// The 29 bits as a two's complement number.
fn signed(number: u32) -> i32 {
    (number << 3).cast_signed() >> 3
}

/// The length in a U29 whose low bit says "inline, not a reference".
fn inline(input: &mut Cursor<'_>, refused: Error) -> Result<usize, Error> {
    let number = integer(input)?;
    if number & 1 == 0 {
        return Err(refused);
    }
    usize::try_from(number >> 1).map_err(|_| refused)
}

fn string(input: &mut Cursor<'_>, tables: &mut Tables, refused: Error) -> Result<String, Error> {
    let number = integer(input)?;
    let index = usize::try_from(number >> 1).map_err(|_| refused)?;
    if number & 1 == 1 {
        let found = input.take(index).map(text)?;
        if !found.is_empty() {
            tables.texts.push(found.clone());
        }
        return Ok(found);
    }
    let found = tables.texts.get(index).ok_or(refused)?;
    tables.copied = tables.copied.saturating_add(found.len());
    if tables.copied > MAX_COPIED {
        return Err(refused);
    }
    Ok(found.clone())
}

fn array(input: &mut Cursor<'_>, tables: &mut Tables, depth: usize, refused: Error) -> Result<Value, Error> {
    let count = inline(input, refused)?;
    let mut fields = dynamic_fields(input, tables, depth, refused)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(value(input, tables, depth.saturating_add(1))?);
    }
    if fields.is_empty() {
        return Ok(Value::StrictArray(values));
    }
    // A mixed array has one AMF0 form: the ordinal part under its numbers.
    fields.extend(values.into_iter().enumerate().map(|(index, value)| (index.to_string(), value)));
    Ok(Value::EcmaArray(fields))
}

/// U29O: bit 0 inline object, bit 1 inline traits, bit 2 externalizable, bit 3 dynamic, then the count of sealed names.
fn object(input: &mut Cursor<'_>, tables: &mut Tables, depth: usize, refused: Error) -> Result<Value, Error> {
    let number = integer(input)?;
    let index = if number & 0b11 == 0b01 {
        usize::try_from(number >> 2).map_err(|_| refused)?
    } else if number & 0b111 == 0b011 {
        let class = string(input, tables, refused)?;
        let mut names = Vec::new();
        for _ in 0..number >> 4 {
            input.enter(depth)?;
            names.push(string(input, tables, refused)?);
        }
        tables.traits.push(Traits { class, dynamic: number & 0b1000 != 0, names });
        tables.traits.len().saturating_sub(1)
    } else {
        return Err(refused);
    };
    let traits = tables.traits.get(index).ok_or(refused)?;
    let (class, dynamic, names) = (traits.class.clone(), traits.dynamic, traits.names.clone());
    let copied: usize = names.iter().map(String::len).sum();
    tables.copied = tables.copied.saturating_add(copied).saturating_add(class.len());
    if tables.copied > MAX_COPIED {
        return Err(refused);
    }
    let mut fields = Vec::new();
    for name in names {
        fields.push((name, value(input, tables, depth.saturating_add(1))?));
    }
    if dynamic {
        fields.extend(dynamic_fields(input, tables, depth, refused)?);
    }
    Ok(if class.is_empty() { Value::Object(fields) } else { Value::TypedObject { class, fields } })
}

fn dynamic_fields(
    input: &mut Cursor<'_>,
    tables: &mut Tables,
    depth: usize,
    refused: Error,
) -> Result<Vec<(String, Value)>, Error> {
    let mut fields = Vec::new();
    loop {
        let key = string(input, tables, refused)?;
        if key.is_empty() {
            return Ok(fields);
        }
        fields.push((key, value(input, tables, depth.saturating_add(1))?));
    }
}

//! The value and the small questions that are asked of it.

/// One AMF0 value. Objects and arrays keep their keys in wire order, duplicates included.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Marker 0x00.
    Number(f64),
    /// Marker 0x01.
    Boolean(bool),
    /// Marker 0x02, up to 65535 bytes; longer ones are written as [`Value::LongString`].
    String(String),
    /// Marker 0x03, an anonymous object.
    Object(Vec<(String, Value)>),
    /// Marker 0x05.
    Null,
    /// Marker 0x06.
    Undefined,
    /// Marker 0x07: the index of an earlier object of the same packet. Kept as said, never followed.
    Reference(u16),
    /// Marker 0x08. The announced count is a hint that many encoders get wrong: it is ignored when reading.
    EcmaArray(Vec<(String, Value)>),
    /// Marker 0x0A.
    StrictArray(Vec<Value>),
    /// Marker 0x0B.
    Date {
        /// Milliseconds since 1970-01-01 UTC.
        ms: f64,
        /// Minutes; the standard reserves it and asks for 0.
        tz: i16,
    },
    /// Marker 0x0C.
    LongString(String),
    /// Marker 0x0D.
    Unsupported,
    /// Marker 0x0F, an XML document as text.
    Xml(String),
    /// Marker 0x10, an object with a class name.
    TypedObject {
        /// The class alias that the sender registered.
        class: String,
        /// The fields in wire order.
        fields: Vec<(String, Value)>,
    },
}

impl Value {
    /// An object from its fields, in the order given.
    pub fn object<K: Into<String>>(fields: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Object(fields.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// An ECMA array from its fields, in the order given.
    pub fn ecma_array<K: Into<String>>(fields: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::EcmaArray(fields.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The named field of an object or ECMA array; the first one where a key comes twice.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.fields()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The fields of any value that has named ones.
    pub fn fields(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Object(fields) | Value::EcmaArray(fields) | Value::TypedObject { fields, .. } => {
                Some(fields)
            }
            _ => None,
        }
    }

    /// As [`Value::fields`], to be changed in place.
    pub fn fields_mut(&mut self) -> Option<&mut Vec<(String, Value)>> {
        match self {
            Value::Object(fields) | Value::EcmaArray(fields) | Value::TypedObject { fields, .. } => {
                Some(fields)
            }
            _ => None,
        }
    }

    /// Replaces the named field where it stands, or appends it. False when the value has no fields.
    pub fn set(&mut self, key: &str, value: Value) -> bool {
        let Some(fields) = self.fields_mut() else { return false };
        match fields.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => fields.push((key.to_owned(), value)),
        }
        true
    }

    /// Takes every field of this name out and returns the first.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let fields = self.fields_mut()?;
        let at = fields.iter().position(|(name, _)| name == key)?;
        let (_, value) = fields.remove(at);
        fields.retain(|(name, _)| name != key);
        Some(value)
    }

    /// The text of a string of either length.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::LongString(text) => Some(text),
            _ => None,
        }
    }

    /// The number; a boolean or a text is not taken for one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean; a number is taken for one, as some encoders write flags as 0 and 1.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(flag) => Some(*flag),
            Value::Number(number) => Some(*number != 0.0),
            _ => None,
        }
    }

    /// The elements of a strict array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::StrictArray(values) => Some(values),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Boolean(flag)
    }
}

//! As much AMF0 as a client's commands need: it writes what it sends and reads the head of what comes back.

/// A value that a command carries.
pub enum Value<'a> {
    /// Double.
    Number(f64),
    /// UTF-8 of at most 65,535 bytes.
    Text(&'a str),
    /// No command object.
    Null,
    /// Object with the given properties.
    Object(&'a [(&'a str, Value<'a>)]),
}

impl Value<'_> {
    /// Appends the AMF0 form.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => {
                out.push(0);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Text(text) => {
                out.push(2);
                key(text, out);
            }
            Self::Null => out.push(5),
            Self::Object(properties) => {
                out.push(3);
                for (name, value) in *properties {
                    key(name, out);
                    value.write(out);
                }
                out.extend_from_slice(&[0, 0, 9]);
            }
        }
    }
}

fn key(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The head of a command from the server: name and transaction, and the rest as bytes.
pub struct Reply<'a> {
    /// `_result`, `onStatus` and so on.
    pub name: &'a str,
    /// The transaction that it answers, 0 when none.
    pub transaction: f64,
    rest: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Reads a command message; `None` when it does not open with a name and a number.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let [2, high, low, rest @ ..] = body else { return None };
        let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        let (transaction, rest) = number(rest)?;
        Some(Self { name: std::str::from_utf8(name).ok()?, transaction, rest })
    }

    /// The number behind a null command object: the stream id that createStream answers.
    pub fn number_behind_null(&self) -> Option<f64> {
        let [5, rest @ ..] = self.rest else { return None };
        number(rest).map(|(number, _)| number)
    }

    /// Whether the bytes of `text` occur in the information object; enough to tell status codes apart.
    pub fn says(&self, text: &str) -> bool {
        self.rest.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// The `code` of the information object as far as it can be found.
    pub fn code(&self) -> String {
        let at = self.rest.windows(5).position(|window| window == b"code\x02");
        let text = at.and_then(|at| {
            let (length, rest) = self.rest[at + 5..].split_first_chunk::<2>()?;
            rest.get(..usize::from(u16::from_be_bytes(*length)))
        });
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}

fn number(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let [0, rest @ ..] = bytes else { return None };
    let (digits, rest) = rest.split_first_chunk()?;
    Some((f64::from_be_bytes(*digits), rest))
}

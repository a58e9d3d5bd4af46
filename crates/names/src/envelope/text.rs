//! An envelope as text: fields in a fixed order, parted by `;`, nothing left out.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Envelope, MOST_HOPS, Mark, Purpose, Term};
use crate::NodeId;
use crate::text::percent_decode;

/// What the text begins with.
const VERSION: &str = "1";

/// Behind the epoch of a publish that goes on.
const RESUMED: &str = "+";

/// Bytes of a MAC.
const MAC_BYTES: usize = 32;

/// Everything but the MAC.
pub(super) fn write(envelope: &Envelope, mark: Mark) -> String {
    let Envelope { from, role, purpose, to, client, term, hold, session, bound, hops } = envelope;
    let (domain, epoch) = match term {
        Some(Term { domain, epoch, resumed }) => (escaped(domain), format!("{epoch}{}", mark_of(*resumed))),
        None => Default::default(),
    };
    let hops: Vec<String> = hops.iter().map(|hop| escaped(hop.as_str())).collect();
    let fields = [
        VERSION.to_owned(),
        escaped(from.as_str()),
        escaped(role),
        name(*purpose).to_owned(),
        escaped(to),
        client.map(|client| escaped(&client.to_string())).unwrap_or_default(),
        domain,
        epoch,
        hold.map(|hold| hold.as_millis().to_string()).unwrap_or_default(),
        escaped(session),
        escaped(bound),
        hops.join(","),
        mark.sent_ms.to_string(),
        mark.nonce.to_string(),
    ];
    fields.join(";")
}

/// Reads what [`write`] wrote; none when somebody else did.
pub(super) fn read(text: &str) -> Option<(Envelope, Mark)> {
    let fields: Vec<&str> = text.split(';').collect();
    let [version, from, role, purpose, to, client, domain, epoch, hold, session, bound, hops, sent_ms, nonce] =
        fields.as_slice()
    else {
        return None;
    };
    if *version != VERSION {
        return None;
    }
    let (epoch, resumed) = epoch.strip_suffix(RESUMED).map_or((*epoch, false), |epoch| (epoch, true));
    let term = match optional(epoch, |epoch| epoch.parse().ok())? {
        Some(epoch) => Some(Term { domain: plain(domain)?, epoch, resumed }),
        None => None,
    };
    let hops: Vec<NodeId> = match *hops {
        "" => Vec::new(),
        hops => hops.split(',').take(MOST_HOPS.saturating_add(1)).map(node).collect::<Option<_>>()?,
    };
    if hops.len() > MOST_HOPS {
        return None;
    }
    let envelope = Envelope {
        from: node(from)?,
        role: plain(role)?,
        purpose: purpose_of(purpose)?,
        to: plain(to)?,
        client: optional(client, |client| plain(client)?.parse().ok())?,
        term,
        hold: optional(hold, |hold| hold.parse().ok().map(Duration::from_millis))?,
        session: plain(session)?,
        bound: plain(bound)?,
        hops,
    };
    Some((envelope, Mark { sent_ms: sent_ms.parse().ok()?, nonce: nonce.parse().ok()? }))
}

fn mark_of(resumed: bool) -> &'static str {
    if resumed { RESUMED } else { "" }
}

fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Relay => "relay",
        Purpose::Pull => "pull",
        Purpose::Push => "push",
        Purpose::Beat => "beat",
        Purpose::Control => "control",
    }
}

fn purpose_of(name: &str) -> Option<Purpose> {
    Some(match name {
        "relay" => Purpose::Relay,
        "pull" => Purpose::Pull,
        "push" => Purpose::Push,
        "beat" => Purpose::Beat,
        "control" => Purpose::Control,
        _ => return None,
    })
}

/// An empty field is none; one that does not read as it should is a fault of the whole.
fn optional<'a, T>(field: &'a str, parse: impl FnOnce(&'a str) -> Option<T>) -> Option<Option<T>> {
    match field {
        "" => Some(None),
        field => parse(field).map(Some),
    }
}

fn node(field: &str) -> Option<NodeId> {
    NodeId::new(&plain(field)?).ok()
}

fn plain(field: &str) -> Option<String> {
    percent_decode(field).map(String::from)
}

/// With everything escaped but letters, digits and what addresses and host names are made of.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'[' | b']') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            push_hex(&[byte], &mut out);
        }
    }
    out
}

/// Appends two lower-case digits for each byte.
pub(super) fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

/// Reads a MAC as [`push_hex`] writes it, and in no other spelling.
pub(super) fn read_hex(text: &str) -> Option<[u8; MAC_BYTES]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'f' => char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()),
        _ => None,
    };
    let mut mac = [0; MAC_BYTES];
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != MAC_BYTES {
        return None;
    }
    for (byte, [high, low]) in mac.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(mac)
}

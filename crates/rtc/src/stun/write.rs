//! Messages, written.

use std::net::{IpAddr, SocketAddr};

use hmac::Mac as _;

use super::attribute::{
    ERROR_CODE, FINGERPRINT_KIND, ICE_CONTROLLING, MESSAGE_INTEGRITY, PRIORITY, UNKNOWN_ATTRIBUTES,
    USE_CANDIDATE, USERNAME, XOR_MAPPED_ADDRESS, mixed,
};
use super::{COOKIE, FINGERPRINT, HEADER, Message, fingerprint, integrity};

/// Types of messages: Binding in each class.
const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const ERROR: u16 = 0x0111;

/// A binding request of ICE's controlling side, RFC 8445 section 7.2.2. `username` is `theirs:ours` as the sender sees it, the
/// receiver's first; `password` is the receiver's; `controlling` is the tie breaker.
pub fn binding_request(
    transaction: [u8; 12],
    username: &str,
    password: &str,
    priority: u32,
    controlling: u64,
    use_candidate: bool,
) -> Vec<u8> {
    let mut writer = Writer::new(REQUEST, transaction);
    writer.attribute(USERNAME, username.as_bytes());
    writer.attribute(PRIORITY, &priority.to_be_bytes());
    writer.attribute(ICE_CONTROLLING, &controlling.to_be_bytes());
    if use_candidate {
        writer.attribute(USE_CANDIDATE, &[]);
    }
    writer.finish(password)
}

/// The answer to a good binding request: from where it came. `password` is the answering side's, with which the request was
/// made too.
pub fn success(request: &Message<'_>, mapped: SocketAddr, password: &str) -> Vec<u8> {
    let mut writer = Writer::new(SUCCESS, request.transaction());
    // At a socket for both families an IPv4 address may have either form; the far end knows its own one alone.
    let mapped = SocketAddr::new(mapped.ip().to_canonical(), mapped.port());
    writer.attribute(XOR_MAPPED_ADDRESS, &address(mixed(mapped, request.transaction())));
    writer.finish(password)
}

/// A refusal: `code` is 300 to 699, `unknown` are the attributes that 420 is about.
pub fn error(request: &Message<'_>, code: u16, reason: &str, password: &str, unknown: &[u16]) -> Vec<u8> {
    let mut writer = Writer::new(ERROR, request.transaction());
    let [hundreds, rest] = [code / 100, code % 100].map(|number| u8::try_from(number).unwrap_or(0));
    writer.attribute(ERROR_CODE, &[&[0, 0, hundreds, rest], reason.as_bytes()].concat());
    if !unknown.is_empty() {
        let unknown: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        writer.attribute(UNKNOWN_ATTRIBUTES, &unknown);
    }
    writer.finish(password)
}

/// A zero, the family, the port and the address.
fn address(address: SocketAddr) -> Vec<u8> {
    let [high, low] = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => [&[0, 1, high, low][..], &ip.octets()].concat(),
        IpAddr::V6(ip) => [&[0, 2, high, low][..], &ip.octets()].concat(),
    }
}

pub(super) struct Writer {
    pub(super) out: Vec<u8>,
}

impl Writer {
    fn new(kind: u16, transaction: [u8; 12]) -> Writer {
        let mut out = Vec::with_capacity(128);
        out.extend(kind.to_be_bytes());
        out.extend([0; 2]);
        out.extend(COOKIE.to_be_bytes());
        out.extend(transaction);
        Writer { out }
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        // A text that is too long for its attribute is cut: it is one that this house wrote.
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let value = value.get(..usize::from(length)).unwrap_or_default();
        self.out.extend(kind.to_be_bytes());
        self.out.extend(length.to_be_bytes());
        self.out.extend(value);
        self.out.resize(self.out.len().next_multiple_of(4), 0);
    }

    /// Sets the length to what there will be with so many bytes more.
    fn length(&mut self, more: usize) {
        let length = self.out.len().saturating_sub(HEADER).saturating_add(more);
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        for (to, from) in self.out.iter_mut().skip(2).zip(length) {
            *to = from;
        }
    }

    /// With MESSAGE-INTEGRITY and FINGERPRINT behind it.
    pub(super) fn finish(mut self, password: &str) -> Vec<u8> {
        if let Some(mac) = integrity(&self.out, self.out.len(), password) {
            let mac: [u8; 20] = mac.finalize().into_bytes().into();
            self.attribute(MESSAGE_INTEGRITY, &mac);
        }
        self.length(FINGERPRINT);
        let sum = fingerprint(&self.out);
        self.attribute(FINGERPRINT_KIND, &sum.to_be_bytes());
        self.out
    }
}

/// A signed request with these attributes, as they are, between its user name and its integrity.
#[cfg(test)]
pub(crate) fn signed_request(
    transaction: [u8; 12],
    username: &str,
    password: &str,
    attributes: &[u8],
) -> Vec<u8> {
    let mut writer = Writer::new(REQUEST, transaction);
    writer.attribute(USERNAME, username.as_bytes());
    writer.out.extend(attributes);
    writer.finish(password)
}

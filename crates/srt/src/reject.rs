//! Why a listener refuses a caller: libsrt's `SRT_REJ_*` (below 1000, from the library) and `SRT_REJX_*` (from 1000 on, from
//! who uses it; those from 1400 on mean what they mean in HTTP, less 1000).

use std::fmt;

/// A reason. On the wire it is 1000 more: the type of the handshake that refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reason(pub u32);

/// A constant for each reason, and its text.
macro_rules! reasons {
    ($($name:ident $code:literal $text:literal)*) => {
        impl Reason {
            $(#[doc = concat!("Its text: ", $text, ".")]
            pub const $name: Reason = Reason($code);)*

            /// What it means; none for codes that are not known here.
            pub fn text(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }

        #[cfg(test)]
        const ALL: &[Reason] = &[$(Reason::$name),*];
    };
}

reasons! {
    UNKNOWN 0 "unknown reason"
    SYSTEM 1 "a system function failed"
    PEER 2 "the peer rejected it"
    RESOURCE 3 "a resource could not be had"
    ROGUE 4 "wrong data in the handshake"
    BACKLOG 5 "the listener's backlog is full"
    INTERNAL_ERROR 6 "an internal error of the program"
    CLOSE 7 "the socket is closing"
    VERSION 8 "the peer's version is too old"
    RENDEZVOUS_COOKIE 9 "the cookies of a rendezvous collide"
    BAD_SECRET 10 "wrong passphrase"
    UNSECURE 11 "a passphrase is required, or none is expected"
    MESSAGE_API 12 "stream mode and message mode do not match"
    CONGESTION 13 "the congestion controllers do not match"
    FILTER 14 "the packet filters do not match"
    GROUP 15 "the groups do not match"
    TIMEOUT 16 "the connection timed out"
    CRYPTO 17 "the modes of encryption do not match"
    FALLBACK 1000 "the application refused it"
    KEY_NOT_SUPPORTED 1001 "the stream id has a key that is not supported"
    FILE_PATH 1002 "the path of the file is wrong"
    HOST_NOT_FOUND 1003 "the host is not known"
    BAD_REQUEST 1400 "the stream id is not understood"
    UNAUTHORIZED 1401 "not authorized"
    OVERLOAD 1402 "too much load"
    FORBIDDEN 1403 "access is denied"
    NOT_FOUND 1404 "the stream is not there"
    BAD_MODE 1405 "the mode is not supported"
    UNACCEPTABLE 1406 "what was asked for cannot be given"
    CONFLICT 1409 "the stream is published already"
    MEDIA_NOT_SUPPORTED 1415 "the type of media is not supported"
    LOCKED 1423 "the stream is locked"
    FAILED_DEPENDENCY 1424 "the session is not there"
    INTERNAL_SERVER_ERROR 1500 "an internal error of the server"
    UNIMPLEMENTED 1501 "not implemented"
    GATEWAY 1502 "the server behind refused it"
    UNAVAILABLE 1503 "down for maintenance"
    VERSION_NOT_SUPPORTED 1505 "the version is not supported"
    NO_ROOM 1507 "no room to store it"
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => write!(f, "{} ({text})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests;

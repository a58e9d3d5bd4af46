//! Bad input at the real doors: each case ends in a protocol error or status and a log line, and nobody else notices.
//!
//! The numbers in the tests' names:
//!
//! | | Input | What must come of it |
//! |---|---|---|
//! | B02 | a header that announces 16 MiB after the largest chunk size | at most 64 KiB held until bytes come; a thousand such peers at most 64 MiB |
//! | B03 | many half-sent chunk streams on one connection | closed at 33 open ones, or at 6 MiB |
//! | B04 | chunk size 0, 1, 2^31-1, top bit set | refused or clamped, no busy loop |
//! | B05 | AMF nested 100,000 deep, an array count of 2^32-1, a string longer than its message | refused at once, bounded stack |
//! | B06 | type 3 chunks with and without repeated extended timestamp, deltas over 2^24 | both ways of sending play |
//! | B07 | SPS with absurd sizes, endless exp-Golomb numbers, AAC without configuration | passed on or ended; the API says nothing wrong |
//! | B08 | FLV tags whose length lies, wrong back pointers, empty tags | the same |
//! | B10 | conclusions of SRT that are too long, lie of lengths, or want what is not there | refused by the right code, or not answered |
//! | B12 | HTTP framing that two readers could take for two things | 400 and close; nobody sees a second request |
//! | B13 | heads of 1 MiB, of 10,000 fields, of one byte a second | 431 or 408 at 16 KiB, 100 fields, 5 s |
//! | B14 | HTTP/2 by prior knowledge and by upgrade | not spoken; refused at once |
//! | B16 | registration of 10 MiB, deep, port 0 and 99999, host names, odd IPv6, doubled keys | 400, one answer, no entry |
//! | B24 | names with `%2e`, `//`, `;`, NUL, newline, look-alikes, 4 KiB; hosts with and without port | every protocol gives the same name, or all refuse |
//! | S06 | `..` in every spelling, absolute paths, twins of the folder's name, links, NUL | nothing outside the folder is read |
//! | S12 | a flood of inductions of SRT, and noise | no more bytes out than in, nobody notices |
//! | S13 | very many inductions of SRT | at most 1 MiB of memory |
//! | S14 | cookies of SRT that were guessed, another's, or are old | not answered, nothing kept |
//! | S15 | packets of SRT from a third address into a session | nothing happens, nothing is answered |
//! | S19 | markup in names and parameters | refused, and never sent back as a page |
//! | S26 | very many names | no memory for names that nobody publishes |

mod commands;
mod files;
mod framing;
mod heads;
mod media;
mod memory;
mod messages;
mod names;
mod registration;
mod srt;

use std::net::SocketAddr;

use srs_tests::{Cluster, Crowd, Raw, logs};

/// One origin and the proxy before it, with healthy sessions on both.
pub struct Beside {
    /// The roles.
    pub cluster: Cluster,
    crowd: Crowd,
}

impl Beside {
    /// Starts it.
    pub async fn start() -> Beside {
        let cluster = Cluster::build().origins(1).srt(None).start().await;
        let crowd = Crowd::start(&cluster).await;
        Beside { cluster, crowd }
    }

    /// Both RTMP doors.
    pub fn rtmp(&self) -> [SocketAddr; 2] {
        [self.cluster.rtmp(), self.cluster.origin(0).rtmp()[0]]
    }

    /// Both HTTP doors of media.
    pub fn http(&self) -> [SocketAddr; 2] {
        [self.cluster.http(), self.cluster.origin(0).http()[0]]
    }

    /// Nobody lost a frame, and no session ended in a panic.
    pub async fn noticed_nothing(self) {
        self.crowd.lost_nothing().await;
        assert_eq!(logs::lines(&["panic"]), Vec::<String>::new());
    }
}

/// Sends `bytes` at every RTMP door, right after the handshake; each must close, and log `words` with the peer.
pub async fn ends_with(beside: &Beside, bytes: &[u8], words: &[&str]) {
    for door in beside.rtmp() {
        let mut raw = Raw::open(door).await;
        raw.send(bytes).await;
        raw.closed().await;
        logged(&raw, words).await;
    }
}

/// Waits for a log line of this client's that holds `words`.
pub async fn logged(raw: &Raw, words: &[&str]) {
    let peer = format!("127.0.0.1:{}", raw.port());
    let words: Vec<&str> = std::iter::once(peer.as_str()).chain(words.iter().copied()).collect();
    logs::wait(&words).await;
}

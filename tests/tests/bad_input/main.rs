//! Bad input at the real doors: each case ends in a protocol error or status and a log line, and nobody else notices.
//!
//! The numbers (B02 …) are those of the project's table of bad input.

mod commands;
mod framing;
mod heads;
mod media;
mod memory;
mod messages;
mod names;
mod registration;

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
        let cluster = Cluster::build().origins(1).start().await;
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

//! Where a client of SRT calls, what it wants, and how each program is told so.

use std::net::SocketAddr;

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whom it calls.
    pub to: SocketAddr,
    /// What it says that it wants.
    pub stream_id: String,
    /// Milliseconds; by none what the program takes by itself.
    pub latency: Option<u32>,
    /// The passphrase and the bytes of the key.
    pub secret: Option<(String, u8)>,
}

impl Call {
    /// To publish `live/NAME`.
    pub fn publish(to: SocketAddr, name: &str) -> Call {
        Call::with_id(to, &format!("#!::r=live/{name},m=publish"))
    }

    /// To play `live/NAME`.
    pub fn play(to: SocketAddr, name: &str) -> Call {
        Call::with_id(to, &format!("#!::r=live/{name},m=request"))
    }

    /// With a stream id of the test's own.
    pub fn with_id(to: SocketAddr, stream_id: &str) -> Call {
        Call { to, stream_id: stream_id.to_owned(), latency: None, secret: None }
    }

    /// With a latency.
    #[must_use]
    pub fn latency(self, milliseconds: u32) -> Call {
        Call { latency: Some(milliseconds), ..self }
    }

    /// With a passphrase and a key of so many bytes.
    #[must_use]
    pub fn secret(self, passphrase: &str, key: u8) -> Call {
        Call { secret: Some((passphrase.to_owned(), key)), ..self }
    }

    /// For ffmpeg: the stream id as it is, and times in microseconds.
    pub fn ffmpeg_url(&self) -> String {
        self.url(&self.stream_id, 1_000)
    }

    /// For srt-live-transmit: the stream id as it is, and times in milliseconds.
    pub fn transmit_url(&self) -> String {
        self.url(&self.stream_id, 1)
    }

    /// For programs that read addresses by the book: what has another meaning in one is escaped.
    pub fn escaped_url(&self) -> String {
        self.url(&self.stream_id.replace('%', "%25").replace('#', "%23").replace('&', "%26"), 1)
    }

    fn url(&self, stream_id: &str, millisecond: u32) -> String {
        let mut url = format!("srt://{}?streamid={stream_id}", self.to);
        if let Some(latency) = self.latency {
            url += &format!("&latency={}", latency.saturating_mul(millisecond));
        }
        if let Some((passphrase, key)) = &self.secret {
            url += &format!("&passphrase={passphrase}&pbkeylen={key}");
        }
        url
    }
}

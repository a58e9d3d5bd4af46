//! What of a session can be set.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use srs_rtc::Codec;
use str0m::config::DtlsCert;

/// A certificate for DTLS, with its key. It is self-signed: who this end is is said by the SDP's fingerprint.
#[derive(Debug, Clone)]
pub struct Certificate(pub(super) DtlsCert);

impl Certificate {
    /// A new one; none when no random numbers can be had.
    pub fn generate() -> Option<Certificate> {
        let provider = str0m::crypto::from_feature_flags();
        provider.dtls_provider.generate_certificate().map(Certificate)
    }

    /// The one of this process, made when it is first asked for.
    pub fn of_process() -> Option<Certificate> {
        static MADE: OnceLock<Option<Certificate>> = OnceLock::new();
        MADE.get_or_init(Certificate::generate).clone()
    }
}

/// Of a session, by either side.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who this end is; none: [`Certificate::of_process`].
    pub certificate: Option<Certificate>,
    /// This end begins DTLS, where the offer leaves it to us. Peers mostly expect the other way.
    pub active: bool,
    /// Lost packets are asked for, and sent again when they are asked for (RFC 4585 NACK).
    pub nack: bool,
    /// What is sent again goes as a stream of its own (RFC 4588). Without it nothing is sent again.
    pub rtx: bool,
    /// Transport-wide feedback: when which packet came.
    pub twcc: bool,
    /// Estimates of the receiver (`goog-remb`).
    pub remb: bool,
    /// Of a viewer: how much can be sent is estimated from feedback, beginning with so many bits a second. None: it is not,
    /// which is cheaper.
    pub estimate: Option<u64>,
    /// How often round trip and losses are reckoned anew; none: never.
    pub figures: Option<Duration>,
    /// For how long no check of the peer's may come, RFC 7675.
    pub consent: Duration,
    /// How many packets of a viewer's pictures are kept to be sent again: 1,024 are 2 s at 4 Mbit/s.
    pub resend_video: usize,
    /// The same for sound.
    pub resend_audio: usize,
    /// After how many newer frames of a publisher's pictures one that lacks a packet is given up, when time has not given it
    /// up before: that is about three round trips. While nothing is missing nothing waits.
    pub hold_video: usize,
    /// The same for sound.
    pub hold_audio: usize,
    /// Of a publisher's codecs, those that are preferred to what the offer lists first.
    pub prefer: Arc<[Codec]>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            certificate: None,
            active: false,
            nack: true,
            rtx: true,
            twcc: true,
            remb: true,
            estimate: None,
            figures: Some(Duration::from_secs(5)),
            consent: Duration::from_secs(30),
            resend_video: 1024,
            resend_audio: 50,
            // Two seconds, which time mostly does not leave: a packet may well have to be asked for twice.
            hold_video: 60,
            hold_audio: 15,
            // RTMP and HLS viewers see H.264 without re-encoding.
            prefer: Arc::from([Codec::H264, Codec::H265, Codec::Av1, Codec::Vp9, Codec::Vp8]),
        }
    }
}

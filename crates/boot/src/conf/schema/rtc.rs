//! The words of WebRTC: SRS's, `timeout`, `rtx`, `ulpfec` and `jitter_buffer` as OvenMediaEngine calls them, and `ffmpeg`, which is
//! this project's own.

use super::table::{MILLIS, SECONDS, block, built, later};
use super::{Rule, Shape};
use crate::value::Unit;

/// Bits a second of sound: below 6,000 Opus says nothing, above 510,000 it has nothing more to say.
const SOUND: Shape = Shape::Number(6_000, 510_000);

pub(super) static RTC: &[Rule] = &[
    built("enabled", Shape::Switch),
    later("aac"),
    built("aac_bitrate", SOUND),
    later("bframe"),
    later("drop_for_pt"),
    built("dtls_role", Shape::OneOf(&["active", "passive"])),
    later("dtls_version"),
    later("init_rate_from_sdp"),
    later("jitter_buffer"),
    built("keep_avc_nalu_sei", Shape::Switch),
    built("keep_bframe", Shape::Switch),
    later("keep_original_ssrc"),
    built("nack", Shape::Switch),
    later("nack_no_copy"),
    built("opus_bitrate", SOUND),
    built("pli_for_rtmp", Shape::Period(Unit::Seconds)),
    built("rtc_to_rtmp", Shape::Switch),
    built("rtmp_to_rtc", Shape::Switch),
    built("rtx", Shape::Switch),
    later("stun_strict_check"),
    built("stun_timeout", SECONDS),
    built("timeout", MILLIS),
    built("twcc", Shape::Switch),
    later("ulpfec"),
];

pub(super) static RTC_SERVER: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("listen", Shape::Listens),
    block("tcp", &[built("enabled", Shape::Switch), built("listen", Shape::Listens)]),
    built("api_as_candidates", Shape::Switch),
    later("black_hole"),
    built("candidate", Shape::Words),
    later("dir"),
    later("ecdsa"),
    later("encrypt"),
    built("ffmpeg", Shape::Text),
    built("ip_family", Shape::OneOf(&["ipv4", "ipv6", "all"])),
    built("keep_api_domain", Shape::Switch),
    later("merge_nalus"),
    later("perf_stat"),
    built("protocol", Shape::OneOf(&["udp", "tcp", "all"])),
    later("queue_length"),
    built("resolve_api_domain", Shape::Switch),
    later("reuseport"),
    built("use_auto_detect_network_ip", Shape::Switch),
];

//! Blocks that drive other programs or devices. None is built; they are here so that files of SRS load.

use super::table::{later, later_block, many};
use super::{Label, Rule};

pub(super) static ENGINE: &[Rule] = &[
    later("enabled"),
    later("abitrate"),
    later("achannels"),
    later("acodec"),
    later("aparams"),
    later("asample_rate"),
    later("iformat"),
    later("oformat"),
    later("output"),
    later("perfile"),
    later("vbitrate"),
    later("vcodec"),
    later("vfilter"),
    later("vfps"),
    later("vheight"),
    later("vparams"),
    later("vpreset"),
    later("vprofile"),
    later("vthreads"),
    later("vwidth"),
];

pub(super) static INGEST: &[Rule] = &[
    later("enabled"),
    later("ffmpeg"),
    later_block("input", Label::None, &[later("type"), later("url")]),
    many(later_block("engine", Label::Any, ENGINE)),
];

pub(super) static STREAM_CASTER: &[Rule] = &[
    later("enabled"),
    later("audio_enable"),
    later("auto_create_channel"),
    later("caster"),
    later("host"),
    later("listen"),
    later("output"),
    later("rtp_idle_timeout"),
    later("rtp_port_max"),
    later("rtp_port_min"),
    later_block("sip", Label::None, SIP),
    later("tcp_enable"),
    later("wait_keyframe"),
];

static SIP: &[Rule] = &[
    later("enabled"),
    later("ack_timeout"),
    later("auto_play"),
    later("candidate"),
    later("invite_port_fixed"),
    later("keepalive_timeout"),
    later("listen"),
    later("query_catalog_interval"),
    later("realm"),
    later("reinvite"),
    later("serial"),
    later("timeout"),
];

pub(super) static CIRCUIT_BREAKER: &[Rule] = &[
    later("enabled"),
    later("high_threshold"),
    later("high_pulse"),
    later("critical_threshold"),
    later("critical_pulse"),
    later("dying_threshold"),
    later("dying_pulse"),
];

pub(super) static TENCENT_CLS: &[Rule] = &[
    later("enabled"),
    later("debug_logging"),
    later("endpoint"),
    later("heartbeat_ratio"),
    later("label"),
    later("secret_id"),
    later("secret_key"),
    later("stat_heartbeat"),
    later("stat_streams"),
    later("streams_ratio"),
    later("tag"),
    later("topic_id"),
];

pub(super) static TENCENT_APM: &[Rule] = &[
    later("enabled"),
    later("debug_logging"),
    later("endpoint"),
    later("service_name"),
    later("team"),
    later("token"),
];

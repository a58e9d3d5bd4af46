//! The table itself: SRS's names up to version 8, and this project's own (`shards`, `cluster_secret`, `takeover`,
//! `hold`, `play_from`, and of fetching: `liveedge` with `primary`, `secondary` and `failback`, `origin_http`, `push`,
//! `origin_map`, `origin_map_store`, `application`).

use super::external::{CIRCUIT_BREAKER, ENGINE, INGEST, STREAM_CASTER, TENCENT_APM, TENCENT_CLS};
use super::fetch::{CLUSTER, ORIGIN_MAP, ORIGIN_MAP_STORE};
use super::rtc::{RTC, RTC_SERVER};
use super::{Label, Rule, Shape, Status};
use crate::value::Unit;

pub(super) const fn built(name: &'static str, shape: Shape) -> Rule {
    Rule { name, shape, status: Status::Built, many: false }
}

pub(super) const fn block(name: &'static str, rules: &'static [Rule]) -> Rule {
    built(name, Shape::Block(Label::None, rules))
}

pub(super) const fn later(name: &'static str) -> Rule {
    Rule { name, shape: Shape::Any, status: Status::Later, many: false }
}

pub(super) const fn later_block(name: &'static str, label: Label, rules: &'static [Rule]) -> Rule {
    Rule { name, shape: Shape::Block(label, rules), status: Status::Later, many: false }
}

const fn guard(name: &'static str, rules: &'static [Rule]) -> Rule {
    Rule { name, shape: Shape::Either(rules), status: Status::Guard, many: false }
}

const fn either(name: &'static str, rules: &'static [Rule]) -> Rule {
    Rule { name, shape: Shape::Either(rules), status: Status::Later, many: false }
}

/// The same rule, but it may stand more than once.
pub(super) const fn many(rule: Rule) -> Rule {
    Rule { name: rule.name, shape: rule.shape, status: rule.status, many: true }
}

pub(super) const MILLIS: Shape = Shape::Time(Unit::Millis);
pub(super) const MILLIS_AT_LEAST_ONE: Shape = Shape::Period(Unit::Millis);
pub(super) const SECONDS: Shape = Shape::Time(Unit::Seconds);

/// RTMP's chunk sizes as SRS allows them; the specification's least is 1, its greatest 16777215.
const CHUNK_SIZE: Shape = Shape::Number(128, 65536);

/// Bytes that a connection of SRT may keep: less than 32 packets cannot carry a picture, more than 64 MiB no stream needs.
const SRT_BUFFER: Shape = Shape::Number(32 * 1472, 64 << 20);

/// Descriptors bound this long before the number does.
const CONNECTIONS: Shape = Shape::Number(1, 10_000_000);

/// The whole file.
pub static GLOBAL: &[Rule] = &[
    built("listen", Shape::Listens),
    built("chunk_size", CHUNK_SIZE),
    block("rtmp", &[built("listen", Shape::Listens), built("chunk_size", CHUNK_SIZE)]),
    built("max_connections", CONNECTIONS),
    built("daemon", Shape::Switch),
    built("pid", Shape::Text),
    built("work_dir", Shape::Text),
    built("server_id", Shape::Text),
    built("shards", Shape::Shards),
    built("cluster_secret", Shape::Secret),
    built("srs_log_tank", Shape::OneOf(&["console", "file"])),
    built("srs_log_file", Shape::Text),
    built("srs_log_level", Shape::OneOf(&["verbose", "info", "trace", "warn", "error"])),
    built("srs_log_level_v2", Shape::OneOf(&["trace", "debug", "info", "warn", "error"])),
    block("http_server", HTTP_SERVER),
    block("http_api", HTTP_API),
    block("exporter", EXPORTER),
    block("heartbeat", HEARTBEAT),
    block("rtc_server", RTC_SERVER),
    many(built("vhost", Shape::Block(Label::Required, VHOST))),
    later_block("rtmps", Label::None, TLS_SERVER),
    block("srt_server", SRT_SERVER),
    later_block("rtsp_server", Label::None, &[later("enabled"), later("listen")]),
    later_block("stats", Label::None, &[later("enabled"), later("network"), later("disk")]),
    many(later_block("stream_caster", Label::None, STREAM_CASTER)),
    later_block("circuit_breaker", Label::None, CIRCUIT_BREAKER),
    later_block("threads", Label::None, &[later("interval")]),
    later_block("tencentcloud_cls", Label::None, TENCENT_CLS),
    later_block("tencentcloud_apm", Label::None, TENCENT_APM),
    later("asprocess"),
    later("auto_reload_for_docker"),
    later("disable_daemon_for_docker"),
    later("empty_ip_ok"),
    later("ff_log_dir"),
    later("ff_log_level"),
    later("first_wait_for_qlv"),
    later("force_grace_quit"),
    built("grace_final_wait", MILLIS),
    later("grace_start_wait"),
    later("in_docker"),
    later("inotify_auto_reload"),
    later("is_full"),
    later("pithy_print_ms"),
    later("query_latest_version"),
    later("tcmalloc_release_rate"),
    later("utc_time"),
];

static TLS_SERVER: &[Rule] = &[later("enabled"), later("listen"), later("key"), later("cert")];

static HTTP_SERVER: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("listen", Shape::Listens),
    built("dir", Shape::Text),
    built("crossdomain", Shape::Switch),
    later_block("https", Label::None, TLS_SERVER),
];

static HTTP_API: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("listen", Shape::Listens),
    built("crossdomain", Shape::Switch),
    later_block(
        "raw_api",
        Label::None,
        &[later("enabled"), later("allow_reload"), later("allow_query"), later("allow_update")],
    ),
    guard(
        "auth",
        &[
            later("enabled"),
            later("username"),
            later("password"),
            later("type"),
            later("token"),
            later("rtc_bearer_enabled"),
        ],
    ),
    later_block("https", Label::None, TLS_SERVER),
];

static EXPORTER: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("listen", Shape::Listens),
    built("label", Shape::Text),
    built("tag", Shape::Text),
];

static HEARTBEAT: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("interval", Shape::Period(Unit::Seconds)),
    built("url", Shape::Urls),
    built("device_id", Shape::Text),
    built("ports", Shape::Switch),
    later("summaries"),
    block(
        "auth",
        &[
            built("enabled", Shape::Switch),
            built("type", Shape::OneOf(&["bearer"])),
            built("token", Shape::Secret),
        ],
    ),
];

static VHOST: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("chunk_size", CHUNK_SIZE),
    built("min_latency", Shape::Switch),
    built("tcp_nodelay", Shape::Switch),
    block("play", PLAY),
    block("publish", PUBLISH),
    block("http_remux", HTTP_REMUX),
    later("in_ack_size"),
    later("out_ack_size"),
    block("hls", HLS),
    later_block("dash", Label::None, DASH),
    later_block(
        "hds",
        Label::None,
        &[later("enabled"), later("hds_path"), later("hds_fragment"), later("hds_window")],
    ),
    block("rtc", RTC),
    block("srt", &[built("enabled", Shape::Switch), built("srt_to_rtmp", Shape::Switch)]),
    later_block("rtsp", Label::None, &[later("enabled"), later("rtmp_to_rtsp")]),
    built("play_from", Shape::OneOf(&["any", "cluster"])),
    block("cluster", CLUSTER),
    block("origin_map", ORIGIN_MAP),
    block("origin_map_store", ORIGIN_MAP_STORE),
    many(built("application", Shape::Block(Label::Required, &[built("providers", Shape::Words)]))),
    later_block("dvr", Label::None, DVR),
    later_block("http_static", Label::None, &[later("enabled"), later("mount"), later("dir")]),
    guard("security", &[later("enabled"), many(later("allow")), many(later("deny"))]),
    guard("refer", &[later("enabled"), later("all"), later("publish"), later("play")]),
    guard("http_hooks", HTTP_HOOKS),
    either("forward", &[later("enabled"), later("destination"), later("backend")]),
    later_block("exec", Label::None, &[later("enabled"), many(later("publish"))]),
    many(later_block(
        "transcode",
        Label::Any,
        &[later("enabled"), later("ffmpeg"), many(later_block("engine", Label::Any, ENGINE))],
    )),
    many(later_block("ingest", Label::Any, INGEST)),
    later_block(
        "bandcheck",
        Label::None,
        &[later("enabled"), later("key"), later("interval"), later("limit_kbps")],
    ),
];

static PLAY: &[Rule] = &[
    built("gop_cache", Shape::Switch),
    built("gop_cache_max_frames", Shape::Number(0, 100_000)),
    built("queue_length", Shape::Period(Unit::Seconds)),
    built("mw_latency", MILLIS),
    built("mw_msgs", Shape::Number(0, 128)),
    built("atc", Shape::Switch),
    built("time_jitter", Shape::OneOf(&["full", "zero", "off"])),
    built("mix_correct", Shape::Switch),
    later("atc_auto"),
    later("send_min_interval"),
    later("reduce_sequence_header"),
];

static PUBLISH: &[Rule] = &[
    built("mr", Shape::Switch),
    built("mr_latency", MILLIS),
    built("firstpkt_timeout", Shape::Period(Unit::Millis)),
    built("normal_timeout", Shape::Period(Unit::Millis)),
    later("parse_sps"),
    built("takeover", Shape::OneOf(&["refuse", "replace"])),
    built("hold", SECONDS),
    later("try_annexb_first"),
    later("kickoff_for_idle"),
];

static HTTP_REMUX: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("mount", Shape::Text),
    later("fast_cache"),
    later("drop_if_not_match"),
    later("has_audio"),
    later("has_video"),
    later("guess_has_av"),
    later("hstrs"),
];

static HTTP_HOOKS: &[Rule] = &[
    later("enabled"),
    later("on_connect"),
    later("on_close"),
    later("on_publish"),
    later("on_unpublish"),
    later("on_play"),
    later("on_stop"),
    later("on_dvr"),
    later("on_hls"),
    later("on_hls_notify"),
];

static HLS: &[Rule] = &[
    built("enabled", Shape::Switch),
    later("hls_acodec"),
    built("hls_aof_ratio", Shape::Text),
    built("hls_cleanup", Shape::Switch),
    built("hls_ctx", Shape::Switch),
    built("hls_dispose", SECONDS),
    later("hls_dts_directly"),
    built("hls_entry_prefix", Shape::Text),
    later("hls_fmp4_file"),
    built("hls_fragment", Shape::Period(Unit::Seconds)),
    built("hls_fragments_per_key", Shape::Number(1, 1_000_000)),
    later("hls_init_file"),
    built("hls_key_file", Shape::Text),
    later("hls_key_file_path"),
    built("hls_key_url", Shape::Text),
    built("hls_keys", Shape::Switch),
    built("hls_m3u8_file", Shape::Text),
    later("hls_master_m3u8_path_relative"),
    later("hls_mount"),
    later("hls_nb_notify"),
    later("hls_on_error"),
    built("hls_path", Shape::Text),
    later("hls_recover"),
    later("hls_storage"),
    built("hls_td_ratio", Shape::Text),
    built("hls_ts_ctx", Shape::Switch),
    built("hls_ts_file", Shape::Text),
    later("hls_ts_floor"),
    later("hls_use_fmp4"),
    later("hls_vcodec"),
    built("hls_wait_keyframe", Shape::Switch),
    built("hls_window", Shape::Period(Unit::Seconds)),
];

static DASH: &[Rule] = &[
    later("enabled"),
    later("dash_cleanup"),
    later("dash_dispose"),
    later("dash_fragment"),
    later("dash_mpd_file"),
    later("dash_path"),
    later("dash_timeshift"),
    later("dash_update_period"),
    later("dash_window_size"),
];

static DVR: &[Rule] = &[
    later("enabled"),
    later("dvr_apply"),
    later("dvr_duration"),
    later("dvr_path"),
    later("dvr_plan"),
    later("dvr_wait_keyframe"),
    later("time_jitter"),
];

/// SRS's `maxbw` is -1 for no limit, and a number of bytes a second.
static SRT_SERVER: &[Rule] = &[
    built("enabled", Shape::Switch),
    built("listen", Shape::Listens),
    built("connect_timeout", MILLIS_AT_LEAST_ONE),
    built("default_app", Shape::Text),
    built("default_mode", Shape::OneOf(&["request", "publish"])),
    built("default_streamid", Shape::Text),
    built("latency", MILLIS),
    built("maxbw", Shape::Text),
    later("mix_correct"),
    built("mss", Shape::Number(400, 1500)),
    built("passphrase", Shape::Secret),
    later("payloadsize"),
    built("pbkeylen", Shape::OneOf(&["0", "16", "24", "32"])),
    built("peer_idle_timeout", MILLIS_AT_LEAST_ONE),
    built("peerlatency", MILLIS),
    built("recvbuf", SRT_BUFFER),
    built("recvlatency", MILLIS),
    later("sei_filter"),
    built("sendbuf", SRT_BUFFER),
    built("tlpkdrop", Shape::Switch),
    built("tlpktdrop", Shape::Switch),
    built("tsbpdmode", Shape::Switch),
];

//! Every field of SRS's API by its path, at a node and at a proxy.

use super::*;

/// Endpoints, and JSON pointers below the place in front of the colon.
const FIELDS: [(&str, &str, &str); 16] = [
    ("/api/v1/versions", "/data", "major minor revision version"),
    ("/api/v1/summaries", "/data", "ok now_ms"),
    (
        "/api/v1/summaries",
        "/data/self",
        "version pid ppid argv cwd mem_kbyte mem_percent cpu_percent srs_uptime",
    ),
    (
        "/api/v1/summaries",
        "/data/system",
        "cpu_percent disk_read_KBps disk_write_KBps disk_busy_percent mem_ram_kbyte mem_ram_percent mem_swap_kbyte \
         mem_swap_percent cpus cpus_online uptime ilde_time load_1m load_5m load_15m net_sample_time net_recv_bytes \
         net_send_bytes net_recvi_bytes net_sendi_bytes srs_sample_time srs_recv_bytes srs_send_bytes conn_sys \
         conn_sys_et conn_sys_tw conn_sys_udp conn_srs",
    ),
    (
        "/api/v1/rusages",
        "/data",
        "ok sample_time ru_utime ru_stime ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt ru_nswap ru_inblock \
         ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw",
    ),
    (
        "/api/v1/self_proc_stats",
        "/data",
        "ok sample_time percent pid comm state ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt utime \
         stime cutime cstime priority nice num_threads itrealvalue starttime vsize rss rsslim startcode endcode \
         startstack kstkesp kstkeip signal blocked sigignore sigcatch wchan nswap cnswap exit_signal processor \
         rt_priority policy delayacct_blkio_ticks guest_time cguest_time",
    ),
    (
        "/api/v1/system_proc_stats",
        "/data",
        "ok sample_time percent user nice sys idle iowait irq softirq steal guest",
    ),
    (
        "/api/v1/meminfos",
        "/data",
        "ok sample_time percent_ram percent_swap MemActive RealInUse NotInUse MemTotal MemFree Buffers Cached SwapTotal \
         SwapFree",
    ),
    ("/api/v1/authors", "/data", "license contributors"),
    (
        "/api/v1/features",
        "/data",
        "options options2 build build2 features/ssl features/hls features/hds features/callback features/api \
         features/httpd features/dvr features/transcode features/ingest features/stat features/caster \
         features/complex_send features/tcp_nodelay features/so_sendbuf features/mr",
    ),
    (
        "/api/v1/requests",
        "/data",
        "uri path METHOD headers server/sigature server/version server/link server/time",
    ),
    (
        "/api/v1/raw?rpc=raw",
        "/http_api",
        "enabled crossdomain raw_api/enabled raw_api/allow_reload raw_api/allow_query raw_api/allow_update",
    ),
    ("/api/v1/vhosts", "/vhosts/0", VHOST),
    ("/api/v1/streams", "/streams/0", STREAM),
    ("/api/v1/streams/vid-1", "/stream", STREAM),
    ("/api/v1/clients/c1", "/client", CLIENT),
];

const VHOST: &str = "id name enabled clients streams send_bytes recv_bytes kbps/recv_30s kbps/send_30s hls/enabled hls/fragment";
const STREAM: &str = "id name vhost app tcUrl url live_ms clients frames audio_frames video_frames send_bytes recv_bytes \
    kbps/recv_30s kbps/send_30s publish/active publish/cid video/codec video/profile video/level video/width \
    video/height audio/codec audio/sample_rate audio/channel audio/profile";
const CLIENT: &str = "id vhost stream ip pageUrl swfUrl tcUrl url name type publish alive send_bytes recv_bytes \
    kbps/recv_30s kbps/send_30s";

/// What only those see who may steer.
pub(super) const GUARDED: [&str; 22] = [
    "/api/v1/summaries",
    "/api/v1/rusages",
    "/api/v1/self_proc_stats",
    "/api/v1/system_proc_stats",
    "/api/v1/meminfos",
    "/api/v1/authors",
    "/api/v1/features",
    "/api/v1/requests",
    "/api/v1/tests/requests",
    "/api/v1/tests/errors",
    "/api/v1/tests/redirects",
    "/api/v1/raw",
    "/api/v1/vhosts",
    "/api/v1/vhosts/vid-1",
    "/api/v1/streams",
    "/api/v1/streams/",
    "/api/v1/streams/vid-1",
    "/api/v1/clients",
    "/api/v1/clients/",
    "/api/v1/clients/c1",
    "/api/v1/pulls",
    "/api/v1/pulls/",
];

#[tokio::test]
async fn every_field_of_srs_is_there_at_a_node_and_at_a_proxy() {
    let mut fleet = Fleet::new();
    fleet.node("a", Arc::new(Shelf::new(0, 2, 2))).await;
    let mut missing = Vec::new();
    for (who, router) in [("node", router(false).0), ("proxy", fleet.router())] {
        for (path, place, fields) in FIELDS {
            let body = testkit::fetch(&router, path).await;
            for field in ["code", "server", "service", "pid"] {
                assert!(body.get(field).is_some(), "{who} {path}: {field}");
            }
            let absent = |field: &&str| body.pointer(&format!("{place}/{field}")).is_none();
            missing.extend(
                fields.split(' ').filter(absent).map(|field| format!("{who} {path} {place}/{field}")),
            );
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_adds_whose_a_record_is_and_who_was_asked() {
    let mut fleet = Fleet::new();
    fleet.node("a", Arc::new(Shelf::new(0, 2, 2))).await;
    for (path, place) in [
        ("/api/v1/streams", "/streams/0/server"),
        ("/api/v1/streams/vid-1", "/stream/server"),
        ("/api/v1/clients", "/clients/0/server"),
        ("/api/v1/clients/c1", "/client/server"),
        ("/api/v1/vhosts", "/vhosts/0/servers/0"),
    ] {
        let body = fleet.fetch(path).await;
        assert_eq!(body.pointer(place), Some(&json!("a")), "{path}");
        let nodes = json!([{"id": "a", "device_id": "device-a", "alive": true, "answered": true}]);
        assert_eq!(body["nodes"], nodes, "{path}");
        assert_eq!(body["server"], "vid-1234567", "the proxy answers in its own name");
    }
}

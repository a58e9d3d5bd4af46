use srs_boot::env::Setting;

const fn set(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting::new(name, default, help)
}

/// Every variable, with SRS's names and defaults; `PROXY_SHARDS`, `PROXY_SYSTEM_API_ALLOW`, `PROXY_PROTOCOL_TRUST`,
/// `PROXY_CLUSTER_SECRET`, `PROXY_PUBLISH_HOLD`, `PROXY_WEBRTC_CANDIDATE`, `PROXY_REDIRECT_HTTP`, `PROXY_SRT_DEFAULT_*`,
/// `PROXY_REDIS_URL` and `PROXY_MESH_*` are this project's own.
pub static SETTINGS: &[Setting] = &[
    set("PROXY_RTMP_SERVER", "11935", "RTMP listener (TCP)"),
    set("PROXY_HTTP_SERVER", "18080", "HTTP streaming listener (TCP)"),
    set("PROXY_HTTP_API", "11985", "HTTP API listener (TCP)"),
    set("PROXY_WEBRTC_SERVER", "18000", "WebRTC media listener (UDP, and TCP of the same number)"),
    set("PROXY_SRT_SERVER", "20080", "SRT listener (UDP)"),
    set(
        "PROXY_SRT_DEFAULT_APP",
        "live",
        "app of SRT callers whose stream id names a stream alone, as an origin's default_app",
    ),
    set(
        "PROXY_SRT_DEFAULT_MODE",
        "request",
        "request or publish: what SRT callers want whose stream id does not say it, as an origin's default_mode",
    ),
    set(
        "PROXY_SRT_DEFAULT_STREAMID",
        "#!::r=live/livestream,m=request",
        "stream id of SRT callers without one, as an origin's default_streamid",
    ),
    set("PROXY_SYSTEM_API", "12025", "system API listener (TCP), where origins register"),
    set("PROXY_STATIC_FILES", "", "folder of static pages; empty: none yet"),
    set(
        "PROXY_REDIRECT_HTTP",
        "off",
        "edge: players of FLV, TS, AAC, MP3 and HLS are sent to an edge by 302, where there is one; they must reach edges by\n      \
         the addresses under which these register",
    ),
    set(
        "PROXY_LOAD_BALANCER_TYPE",
        "memory",
        "where shared state lives: memory (redis and mesh are not built yet)",
    ),
    set("PROXY_REDIS_HOST", "127.0.0.1", "Redis host"),
    set("PROXY_REDIS_PORT", "6379", "Redis port"),
    set("PROXY_REDIS_PASSWORD", "", "Redis password").secret(),
    set("PROXY_REDIS_DB", "0", "Redis database number"),
    set("PROXY_REDIS_KEY_PREFIX", "", "put before every Redis key as PREFIX:"),
    set("PROXY_REDIS_URL", "", "Redis as a URL, for TLS, ACL user, Sentinel or Cluster").secret(),
    set(
        "PROXY_MESH_LISTEN",
        "",
        "mesh: where the other proxies reach this one, TCP and UDP; taken: the next free port",
    ),
    set("PROXY_MESH_PEERS", "", "mesh: other proxies as host:port, or a name whose every address is one"),
    set("PROXY_ORIGIN_SERVER_TTL", "300s", "upper bound of a registration's life without a heartbeat"),
    set("PROXY_HTTP_API_AUTH_ENABLED", "off", "on: what controls may be called with the bearer token"),
    set("PROXY_HTTP_API_AUTH_TYPE", "bearer", "kind of that authentication: bearer"),
    set("PROXY_HTTP_API_AUTH_TOKEN", "", "the bearer token").secret(),
    set("PROXY_SYSTEM_API_ALLOW", "loopback", "addresses and blocks (CIDR) that may call what controls"),
    set(
        "PROXY_PROTOCOL_TRUST",
        "",
        "balancers' addresses and blocks (CIDR), or loopback; empty: off. A connection from there must begin with a PROXY\n      \
         protocol header, v1 or v2, and counts as that of the address in it. Where loopback is trusted, clients on this\n      \
         machine that send no header are refused too, except at the system API, where its origins register",
    ),
    set("PROXY_CLUSTER_SECRET", "", "signs what nodes tell each other; empty: made once on this machine")
        .secret(),
    set(
        "PROXY_PUBLISH_HOLD",
        "10s",
        "how long an origin holds a stream whose publisher dropped; 0: not at all",
    ),
    set(
        "PROXY_WEBRTC_CANDIDATE",
        "",
        "addresses told to WebRTC clients: ip, ip:port, host or host:port, parted by commas; * or empty: detected",
    ),
    set("PROXY_DEFAULT_BACKEND_ENABLED", "off", "on: use one origin that does not register"),
    set("PROXY_DEFAULT_BACKEND_IP", "127.0.0.1", "its address or host name"),
    set("PROXY_DEFAULT_BACKEND_RTMP", "1935", "its RTMP port"),
    set("PROXY_DEFAULT_BACKEND_HTTP", "8080", "its HTTP streaming port"),
    set("PROXY_DEFAULT_BACKEND_API", "1985", "its HTTP API port"),
    set("PROXY_DEFAULT_BACKEND_RTC", "8000", "its WebRTC port (UDP)"),
    set("PROXY_DEFAULT_BACKEND_SRT", "10080", "its SRT port (UDP)"),
    set("PROXY_GRACE_QUIT_TIMEOUT", "20s", "how long sessions may go on after SIGTERM"),
    set("PROXY_FORCE_QUIT_TIMEOUT", "30s", "when the end is forced, counted from the first signal"),
    set("PROXY_SHARDS", "auto", "threads that serve; auto: one for each core"),
];

use std::path::Path;
use std::time::Duration;

use srs_boot::conf;
use srs_boot::env::Vars;

use srs_gateway::hls::{Keys, Settings};
use srs_hls::Template;
use srs_net::candidates::{Candidate, Family};
use srs_pull::HostPort;

use super::*;

fn conf_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf").join(name)
}

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn of(text: &str, pairs: &[(&str, &str)]) -> Result<Loaded, conf::Error> {
    from_directives(conf::parse(text, "x.conf")?, &vars(pairs))
}

fn read(text: &str) -> Config {
    of(text, &[]).unwrap().config
}

fn refusal(text: &str) -> String {
    of(text, &[]).unwrap_err().to_string()
}

/// Runs with arguments; the configuration and its warnings.
fn run(args: &[&str], pairs: &[(&str, &str)]) -> (Config, Vec<String>) {
    match start(Role::Origin, args.iter().map(|arg| (*arg).to_owned()), &vars(pairs)).unwrap() {
        Start::Run { config, warnings } => (*config, warnings),
        Start::Print(text) => panic!("printed {text}"),
    }
}

fn printed(args: &[&str], pairs: &[(&str, &str)]) -> String {
    match start(Role::Origin, args.iter().map(|arg| (*arg).to_owned()), &vars(pairs)).unwrap() {
        Start::Print(text) => text,
        Start::Run { .. } => panic!("would run"),
    }
}

#[test]
fn every_file_of_conf_for_an_origin_loads_without_error_or_warning() {
    let mut found = 0;
    for entry in std::fs::read_dir(conf_file("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("origin") && name.ends_with(".conf") {
            let (_, warnings) = run(&["-c", path.to_str().unwrap()], &[]);
            assert_eq!(warnings, Vec::<String>::new(), "{name}");
            found += 1;
        }
    }
    assert!(found >= 4, "{found}");
}

#[test]
fn every_file_of_conf_for_an_edge_fetches_from_the_proxy_and_registers_there() {
    for (name, i) in [("edge.conf", 1_u16), ("edge1.conf", 1), ("edge2.conf", 2), ("edge3.conf", 3)] {
        let (config, warnings) = run(&["-c", conf_file(name).to_str().unwrap()], &[]);
        assert_eq!(warnings, Vec::<String>::new(), "{name}");
        assert_eq!(config.rtmp.listen, [Listen::port(19360 + i)]);
        assert_eq!(config.http_server.listen, [Listen::port(8090 + i)]);
        assert_eq!(config.http_api.listen, [Listen::port(19860 + i)]);
        assert_eq!(config.heartbeat.urls, ["http://127.0.0.1:12025/api/v1/srs/register"]);
        assert!(config.heartbeat.enabled && config.heartbeat.ports && config.http_api.enabled);
        let server = |port| HostPort { host: "127.0.0.1".to_owned(), port };
        let expected = Cluster {
            mode: Mode::Remote,
            origins: vec![server(1935).into()],
            origin_http: vec![server(8080)],
            ..Cluster::default()
        };
        assert_eq!(config.vhosts["__defaultVhost__"].cluster, expected, "{name}");
    }
}

#[test]
fn every_example_of_the_pages_for_users_of_others_loads() {
    let mut found = 0;
    for page in ["moving-from-ovenmediaengine.md", "moving-from-ant-media.md", "moving-from-srs.md"] {
        let text = std::fs::read_to_string(conf_file("../doc").join(page)).unwrap();
        for (number, example) in text.split("```conf\n").skip(1).enumerate() {
            let example = example.split("```").next().unwrap();
            let loaded = of(example, &[]).unwrap_or_else(|error| panic!("{page} {number}: {error}"));
            assert!(!loaded.config.vhosts.is_empty(), "{page} {number}");
            found += 1;
        }
    }
    assert!(found >= 9, "{found}");
}

#[test]
fn a_vhost_that_fetches_says_from_where_and_what_is_wrong_is_named_with_its_place() {
    let vhost = |text: &str| {
        of(&format!("vhost v {{ {text} }}"), &[]).map(|loaded| loaded.config.vhosts["v"].clone())
    };
    let edge = vhost("cluster { mode remote; origin a b:1936 [::1]:1937; protocol rtmp; }").unwrap();
    let origins: Vec<String> = edge.cluster.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["a:1935", "b:1936", "[::1]:1937"]);
    let live = vhost("cluster { mode liveedge; primary a:1; secondary b:2; failback on; }").unwrap();
    assert_eq!(
        (live.cluster.mode, live.cluster.origins.len(), live.cluster.failback),
        (Mode::LiveEdge, 2, true)
    );
    for (text, words) in [
        ("cluster { mode remote; protocol srt; origin a:x; }", "a host with a port"),
        ("cluster { mode liveedge; primary gopher://a; }", "srt://10.0.0.1:10080"),
        ("cluster { mode liveedge; primary srt://a?passphrase=short; }", "10 to 79 letters"),
        ("cluster { mode liveedge; primary srt://a/app/stream; }", "neither path nor streamid"),
        ("origin_map { origin /a/ { pass { scheme srt; urls a:1/b?latency=1s; } } }", "bad latency"),
        ("cluster { mode remote; }", "needs `origin HOST:PORT`"),
        ("cluster { mode liveedge; }", "needs `primary HOST:PORT`"),
        ("cluster { mode liveedge; secondary b; }", "needs `primary HOST:PORT`"),
        ("cluster { mode liveedge; primary a; origin b; }", "`origin` is not of this mode"),
        ("cluster { mode remote; origin a; primary b; }", "`primary` is not of this mode"),
        ("cluster { mode remote; origin a; origin_http a:80 b:80; }", "one each, in the same order"),
        ("cluster { mode remote; origin a:x; }", "a host with a port"),
        ("cluster { mode remote; protocol flv; origin a; }", "a host with a port"),
        ("origin_map { origin /a/ { } }", "needs `pass { scheme …; urls …; }`"),
        ("origin_map { origin /a/ { pass { scheme gopher; urls a:1/b; } } }", "gopher"),
        ("origin_map_store { auth x; }", "needs `redis HOST:PORT`"),
        ("origin_map_store { redis a:1; auth !@#oven; }", "expected quotes"),
        ("origin_map_store { redis a:1; auth #oven; }", "expected quotes"),
        ("application live { providers rtmp smoke; }", "smoke"),
    ] {
        let error = vhost(text).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(':'), "{text}: {error}");
    }
}

#[test]
fn what_fetches_by_srt_is_said_by_protocol_or_by_url() {
    let vhost = |text: &str| of(&format!("vhost v {{ {text} }}"), &[]).unwrap().config.vhosts["v"].clone();
    let shown =
        |text: &str| -> Vec<String> { vhost(text).cluster.origins.iter().map(ToString::to_string).collect() };
    let edge = vhost("cluster { mode remote; protocol srt; origin a b:9000 rtmp://c; }");
    assert_eq!(edge.cluster.protocol, Protocol::Srt);
    let origins: Vec<String> = edge.cluster.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["a:10080", "b:9000", "rtmp://c:1935"]);
    assert_eq!(
        shown("cluster { mode liveedge; primary srt://a:9000; secondary b; }"),
        ["srt://a:9000", "b:1935"]
    );
    let live = vhost("cluster { mode liveedge; primary srt://a?latency=200&passphrase=0123456789; }");
    assert_eq!(live.cluster.origins[0].srt.latency, Some(Duration::from_millis(200)));
    assert!(!format!("{live:?}").contains("0123456789"), "{live:?}");
    let map =
        vhost("origin_map { origin /a/ { pass { scheme srt; urls a:9000/b/ srt://c/b/?latency=80; } } }");
    let targets = map.origin_map.unwrap().rules[0].targets("a", "s", "").unwrap();
    let urls: Vec<String> = targets.iter().map(ToString::to_string).collect();
    assert_eq!(urls, ["srt://a:9000/b/s", "srt://c:10080/b/s"]);
    assert_eq!(vhost("application * { providers rtmp srt; }").applications[0].schemes.len(), 2);
}

#[test]
fn a_rule_that_fetches_by_what_is_not_built_is_warned_of() {
    let loaded =
        of("vhost v { origin_map { origin /a/ { pass { scheme OVT; urls a:9000/b/; } } } }", &[]).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(|warning| warning.text.clone()).collect();
    assert_eq!(warnings, ["`origin /a/` fetches by ovt, which is not built yet"]);
}

#[test]
fn the_standalone_file_shows_every_default() {
    let (mut shown, _) = run(&["-c", conf_file("origin.conf").to_str().unwrap()], &[]);
    // The lines whose comment gives another default.
    assert_eq!(shown.log.tank, Tank::Console);
    shown.log.tank = Log::default().tank;
    let servers = [
        &mut shown.http_server.enabled,
        &mut shown.http_api.enabled,
        &mut shown.srt.enabled,
        &mut shown.rtc.enabled,
    ];
    for switched_on in servers {
        assert!(std::mem::take(switched_on));
    }
    let mut vhost = shown.vhosts.remove("__defaultVhost__").unwrap();
    assert!(std::mem::take(&mut vhost.http_remux.enabled) && std::mem::take(&mut vhost.hls.enabled));
    assert!(std::mem::take(&mut vhost.srt.enabled) && std::mem::take(&mut vhost.rtc.enabled));
    assert_eq!(vhost, Vhost::default());
    assert_eq!(shown, Config::default());
}

#[test]
fn the_standalone_file_shows_every_directive_that_is_built() {
    let text = std::fs::read_to_string(conf_file("origin.conf")).unwrap();
    let shown: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("# ").split_whitespace().next())
        .map(|word| word.trim_end_matches(';'))
        .collect();
    // Other spellings of what is shown: of what stands at the top, of `srs_log_level_v2`, of `tlpktdrop`, of `stun_timeout`; and what a comment tells.
    built(conf::schema::GLOBAL, &mut |name| {
        assert!(
            ["rtmp", "srs_log_level", "tlpkdrop", "tcp", "timeout"].contains(&name) || shown.contains(&name),
            "{name} is not shown"
        );
    });
}

fn built(rules: &'static [conf::schema::Rule], visit: &mut dyn FnMut(&'static str)) {
    for rule in rules.iter().filter(|rule| rule.status == conf::schema::Status::Built) {
        visit(rule.name);
        if let conf::schema::Shape::Block(_, inner) = rule.shape {
            built(inner, visit);
        }
    }
}

#[test]
fn an_origin_for_the_proxy_has_its_ports_and_registers_every_second() {
    for i in 1..=3_u16 {
        let file = conf_file(&format!("origin{i}-for-proxy.conf"));
        let (config, _) = run(&["-c", file.to_str().unwrap()], &[]);
        assert_eq!(config.rtmp.listen, [Listen::port(19350 + i)]);
        assert_eq!(
            (config.http_server.enabled, config.http_server.listen),
            (true, vec![Listen::port(8080 + i)])
        );
        assert_eq!((config.http_api.enabled, config.http_api.listen), (true, vec![Listen::port(19850 + i)]));
        assert_eq!(config.pid, PathBuf::from(format!("./objs/origin{i}.pid")));
        let heartbeat = Heartbeat {
            enabled: true,
            interval: Duration::from_secs(1),
            urls: vec!["http://127.0.0.1:12025/api/v1/srs/register".to_owned()],
            device_id: format!("origin{i}"),
            ports: true,
            ..Heartbeat::default()
        };
        assert_eq!(config.heartbeat, heartbeat);
        assert_eq!((config.srt.enabled, config.srt.listen), (true, vec![Listen::port(10080 + i)]));
        assert_eq!((config.rtc.enabled, config.rtc.listen), (true, vec![Listen::port(8000 + i)]));
        let vhost = &config.vhosts["__defaultVhost__"];
        assert!(vhost.http_remux.enabled && vhost.srt.enabled && vhost.rtc.enabled);
    }
}

#[test]
fn the_file_that_srs_has_for_its_proxy_loads_as_it_is() {
    let loaded = of(include_str!("fixtures/srs-origin1-for-proxy.conf"), &[]).unwrap();
    assert_eq!(loaded.warnings.len(), 0, "{:?}", loaded.warnings);
    let vhost = &loaded.config.vhosts[DEFAULT_VHOST];
    assert!(vhost.hls.enabled && vhost.srt.enabled && vhost.rtc.enabled);
    let rtc = &loaded.config.rtc;
    assert_eq!((rtc.enabled, &rtc.listen[..]), (true, &[Listen::port(8001)][..]));
    assert_eq!(rtc.candidates, [Candidate::Detected]);
    let srt = &loaded.config.srt;
    assert_eq!((srt.enabled, &srt.listen[..]), (true, &[Listen::port(10081)][..]));
    assert!(!srt.tsbpd && !srt.too_late_drop);
    assert_eq!(loaded.config.rtmp.listen, [Listen::port(19351)]);
    assert_eq!(loaded.config.heartbeat.interval, Duration::from_secs(9));
}

#[test]
fn an_empty_file_gives_the_defaults_and_a_warning_that_nobody_can_publish() {
    assert_eq!(read(""), Config::default());
    let (_, warnings) = run(&["-c", "/dev/null"], &[]);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("no `vhost` is set"), "{}", warnings[0]);
}

fn file(text: &str) -> Template {
    Template::parse(text).unwrap()
}

#[test]
fn every_value_of_a_file_arrives() {
    let config = read(
        "max_connections 7; pid a.pid; work_dir w; server_id me; shards 3;\n\
         cluster_secret 0123456789abcdef; grace_final_wait 700;\n\
         srs_log_tank file; srs_log_file a.log; srs_log_level warn; listen 1 127.0.0.1:2; chunk_size 4096;\n\
         http_server { enabled on; listen 3; dir d; crossdomain off; }\n\
         http_api { enabled on; listen 4; crossdomain off; }\n\
         exporter { enabled on; listen 5; label l; tag t; }\n\
         srt_server { enabled on; listen 6 7; connect_timeout 2; default_app a; default_mode publish;\n\
           default_streamid d; latency 50; recvlatency 60; maxbw 9; mss 1400; passphrase 0123456789; pbkeylen 24;\n\
           peer_idle_timeout 8; sendbuf 100000; recvbuf 200000; tlpktdrop off; tsbpdmode off; }\n\
         rtc_server { enabled on; listen 8 9; tcp { enabled on; listen 10; } candidate 1.2.3.4 * a.example:7; ffmpeg /f;\n\
           api_as_candidates off; resolve_api_domain off; keep_api_domain on; use_auto_detect_network_ip off; ip_family ipv6; }\n\
         heartbeat { enabled on; interval 0.3; url http://a/b http://c/d; device_id d; ports on;\n\
           auth { enabled on; type bearer; token t; } }\n\
         vhost v { enabled off; chunk_size 128; min_latency on; play_from cluster; tcp_nodelay on;\n\
           http_remux { enabled on; mount /[app]/[stream].ts; } srt { enabled on; srt_to_rtmp on; }\n\
           hls { enabled on; hls_fragment 2; hls_window 8; hls_td_ratio 1.5; hls_aof_ratio 3; hls_path p;\n\
             hls_m3u8_file [app]/[stream]/live.m3u8; hls_ts_file [app]/[stream]/[seq].ts; hls_entry_prefix /e;\n\
             hls_cleanup off; hls_dispose 9; hls_wait_keyframe off; hls_ctx off; hls_ts_ctx off; hls_keys on;\n\
             hls_fragments_per_key 3; hls_key_file [stream]-[seq].k; hls_key_url http://k/; }\n\
           play { gop_cache off; gop_cache_max_frames 1; queue_length 5; mw_latency 2; mw_msgs 3; atc on;\n\
             time_jitter zero; mix_correct on; }\n\
           rtc { enabled on; rtmp_to_rtc off; rtc_to_rtmp off; keep_bframe on; keep_avc_nalu_sei off; nack off; rtx off; twcc off;\n\
             dtls_role active; stun_timeout 9; pli_for_rtmp 2; opus_bitrate 32000; aac_bitrate 64000; }\n\
           publish { mr on; mr_latency 4; firstpkt_timeout 5; normal_timeout 6; takeover replace;\n\
             hold 350ms; } }",
    );
    let listen = Listen::parse("127.0.0.1:2").unwrap();
    let vhost = Vhost {
        enabled: false,
        chunk_size: Some(128),
        cluster: Cluster::default(),
        origin_map: None,
        origin_map_store: None,
        applications: Vec::new(),
        play_from_cluster: true,
        min_latency: true,
        http_remux: HttpRemux { enabled: true, mount: "/[app]/[stream].ts".to_owned() },
        srt: VhostSrt { enabled: true },
        rtc: VhostRtc {
            enabled: true,
            settings: srs_gateway::RtcSettings {
                to_opus: false,
                to_aac: false,
                keep_bframe: true,
                keep_sei: false,
                nack: false,
                rtx: false,
                twcc: false,
                active: true,
                timeout: Duration::from_secs(9),
                key_frames: Duration::from_secs(2),
            },
            opus_bitrate: 32_000,
            aac_bitrate: 64_000,
        },
        hls: Hls {
            enabled: true,
            settings: Settings {
                cut: srs_hls::Settings {
                    fragment: Duration::from_secs(2),
                    window: Duration::from_secs(8),
                    td_ratio: 1.5,
                    aof_ratio: 3.0,
                    wait_keyframe: false,
                    fragments_per_key: 3,
                    ..srs_hls::Settings::default()
                },
                list_file: file("[app]/[stream]/live.m3u8"),
                segment_file: file("[app]/[stream]/[seq].ts"),
                entry_prefix: "/e".to_owned(),
                path: Some("p".into()),
                cleanup: false,
                dispose: Duration::from_secs(9),
                ctx: false,
                ts_ctx: false,
                keys: Some(Keys { file: file("[stream]-[seq].k"), url: "http://k/".to_owned() }),
            },
        },
        play: Play {
            gop_cache: false,
            gop_cache_max_frames: 1,
            queue_length: Duration::from_secs(5),
            mw_latency: Duration::from_millis(2),
            mw_msgs: 3,
            atc: true,
            time_jitter: TimeJitter::Zero,
            mix_correct: true,
        },
        publish: Publish {
            mr: true,
            mr_latency: Duration::from_millis(4),
            firstpkt_timeout: Duration::from_millis(5),
            normal_timeout: Duration::from_millis(6),
            takeover: Takeover::Replace,
            hold: Duration::from_millis(350),
        },
    };
    let expected = Config {
        role: Role::Origin,
        max_connections: 7,
        pid: "a.pid".into(),
        work_dir: "w".into(),
        server_id: Some("me".to_owned()),
        cluster_secret: Some(Secret::new("0123456789abcdef")),
        grace_final_wait: Duration::from_millis(700),
        shards: Shards::parse("3").unwrap(),
        device_ip: None,
        log: Log { tank: Tank::File("a.log".into()), level: Level::Warn },
        rtmp: Rtmp { listen: vec![Listen::port(1), listen], chunk_size: 4096 },
        http_server: HttpServer {
            enabled: true,
            listen: vec![Listen::port(3)],
            dir: "d".into(),
            crossdomain: false,
        },
        http_api: HttpApi { enabled: true, listen: vec![Listen::port(4)], crossdomain: false },
        srt: Srt {
            enabled: true,
            listen: vec![Listen::port(6), Listen::port(7)],
            receive_latency: Duration::from_millis(60),
            peer_latency: Duration::from_millis(50),
            tsbpd: false,
            too_late_drop: false,
            most_bandwidth: Some(9),
            mss: 1400,
            send_buffer: 100_000,
            receive_buffer: 200_000,
            connect_timeout: Duration::from_millis(2),
            idle_timeout: Duration::from_millis(8),
            passphrase: Some(Secret::new("0123456789")),
            key_length: 24,
            defaults: srs_srt::streamid::Defaults {
                app: "a".to_owned(),
                mode: srs_srt::streamid::Mode::Publish,
                stream_id: "d".to_owned(),
            },
        },
        rtc: Rtc {
            enabled: true,
            listen: vec![Listen::port(8), Listen::port(9)],
            tcp: Some(vec![Listen::port(10)]),
            transport: Transport::All,
            candidates: Candidate::list("1.2.3.4 * a.example:7").unwrap(),
            api: false,
            resolve: false,
            keep: true,
            detect: false,
            family: Family::V6,
            ffmpeg: "/f".into(),
        },
        exporter: Exporter {
            enabled: true,
            listen: vec![Listen::port(5)],
            label: "l".to_owned(),
            tag: "t".to_owned(),
        },
        heartbeat: Heartbeat {
            enabled: true,
            interval: Duration::from_millis(300),
            urls: vec!["http://a/b".to_owned(), "http://c/d".to_owned()],
            device_id: "d".to_owned(),
            ports: true,
            token: Some(Secret::new("t")),
        },
        vhosts: BTreeMap::from([("v".to_owned(), vhost)]),
    };
    assert_eq!(config, expected);
}

#[test]
fn a_host_without_its_own_vhost_gets_the_default_one() {
    let config =
        read("vhost a.b { min_latency on; } vhost __defaultVhost__ { } vhost off.b { enabled off; }");
    assert!(config.vhost("a.b").unwrap().min_latency);
    assert!(!config.vhost("c.d").unwrap().min_latency);
    assert_eq!(config.vhost("off.b"), None);
    assert_eq!(read("vhost a.b { }").vhost("c.d"), None);
}

#[test]
fn the_newer_log_level_wins_over_the_older() {
    assert_eq!(read("srs_log_level trace;").log.level, Level::Info);
    assert_eq!(read("srs_log_level error; srs_log_level_v2 trace;").log.level, Level::Trace);
}

#[test]
fn daemon_on_is_answered_with_a_warning() {
    let loaded = of("\ndaemon on;", &[]).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().starts_with("x.conf:2: the process stays in the foreground"));
}

#[test]
fn latency_says_both_and_is_what_each_is_that_is_not_said() {
    let of = |text: &str| {
        let srt = read(&format!("srt_server {{ {text} }}")).srt;
        (srt.receive_latency.as_millis(), srt.peer_latency.as_millis())
    };
    assert_eq!(of(""), (120, 0));
    assert_eq!(of("latency 400;"), (400, 400));
    assert_eq!(of("latency 400; recvlatency 200;"), (200, 400));
    assert_eq!(of("peerlatency 1s;"), (120, 1000));
}

#[test]
fn a_stream_that_is_to_stay_with_srt_is_warned_of() {
    let loaded = of("\nvhost a { srt { enabled on; srt_to_rtmp off; } }", &[]).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().starts_with("x.conf:2: `srt_to_rtmp off` does nothing"));
    assert!(loaded.config.vhosts["a"].srt.enabled);
}

#[test]
fn values_that_only_the_origin_can_judge_are_refused_with_their_place() {
    for (text, expected) in [
        ("heartbeat { url https://a/; }", "expected a URL that begins with http:// and a host"),
        ("heartbeat { url http:///x; }", "expected a URL that begins with http:// and a host"),
        ("heartbeat { url http://a/ https://b/; }", "`url https://b/` is not allowed: expected a URL that"),
        ("heartbeat { url http://a/ device_id d; }", "expected ; after `url` before `device_id`"),
        ("heartbeat { auth { enabled on; } }", "heartbeat auth is on but has no `token`"),
        ("server_id 'a b';", "expected at most 64 letters, digits and - _ ."),
        ("srt_server { passphrase short; }", "expected 10 to 79 letters"),
        ("srt_server { maxbw much; }", "expected -1 or a number of bytes"),
        ("srt_server { pbkeylen 17; }", "expected 0, 16, 24, 32"),
        ("srt_server { mss 100; }", "from 400 to 1500"),
        (
            "rtc_server { candidate 10.0.0.1 1.2.3; }",
            "`candidate 1.2.3` is not allowed: expected addresses or",
        ),
        ("vhost a { http_remux { mount /live.flv; } }", "expected [vhost]/[app]/[stream] with"),
        ("vhost a { http_remux { mount /[stream].mp4; } }", "expected [vhost]/[app]/[stream] with"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.starts_with("x.conf:1: ") && refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn candidates_are_what_srs_takes_for_one_in_the_file_or_the_environment() {
    for (word, value, said) in [
        ("*", "", "*"),
        ("0.0.0.0", "", "*"),
        ("192.168.1.1", "", "192.168.1.1"),
        ("media.example", "", "media.example"),
        ("192.168.1.1 media.example:8000", "", "192.168.1.1 media.example:8000"),
        ("$CANDIDATE", "", "*"),
        ("$CANDIDATE", "*", "*"),
        ("$CANDIDATE", "192.168.1.1", "192.168.1.1"),
        ("$CANDIDATE", "192.168.1.1 media.example", "192.168.1.1 media.example"),
        ("$CANDIDATE", "192.168.1.1;[2001:db8::1]:9", "192.168.1.1 [2001:db8::1]:9"),
    ] {
        let loaded = of(&format!("rtc_server {{ candidate {word}; }}"), &[("CANDIDATE", value)]).unwrap();
        assert_eq!(loaded.config.rtc.candidates, Candidate::list(said).unwrap(), "{word} {value}");
    }
}

#[test]
fn a_candidate_that_is_none_is_refused_with_the_word_and_its_place() {
    let text = "\nrtc_server { candidate $CANDIDATE; }";
    let in_variable = of(text, &[("CANDIDATE", "10.0.0.1, 10.0.0")]).unwrap_err().to_string();
    assert!(in_variable.starts_with("x.conf:2: `candidate $CANDIDATE` is not allowed: "), "{in_variable}");
    assert!(in_variable.ends_with("; not `10.0.0`"), "{in_variable}");
    let place = of("", &[("SRS_RTC_SERVER_CANDIDATE", "a/b")]).unwrap_err().to_string();
    assert!(
        place.starts_with("environment variable SRS_RTC_SERVER_CANDIDATE: `candidate a/b` is"),
        "{place}"
    );
}

#[test]
fn a_token_counts_only_while_authentication_is_on() {
    assert_eq!(read("heartbeat { auth { enabled off; token t; } }").heartbeat.token, None);
}

#[test]
fn variables_win_over_the_file() {
    let pairs =
        [("SRS_LISTEN", "19350 19351"), ("SRS_VHOST_PLAY_MW_LATENCY", "100"), ("SRS_DEVICE_IP", "10.0.0.1")];
    let config = of("listen 1935; vhost a { }", &pairs).unwrap().config;
    assert_eq!(config.rtmp.listen, [Listen::port(19350), Listen::port(19351)]);
    assert_eq!(config.vhost("a").unwrap().play.mw_latency, Duration::from_millis(100));
    assert_eq!(config.device_ip.as_deref(), Some("10.0.0.1"));
}

#[test]
fn a_secret_in_the_environment_wins_and_is_not_shown() {
    let pairs = [("SRS_CLUSTER_SECRET", "of the environment"), ("SRS_HEARTBEAT_URL", "http://a/ http://b/")];
    let mut config = of("cluster_secret of_the_file;", &pairs).unwrap().config;
    assert_eq!(config.find_secret(&Vars::new()), None);
    assert_eq!(config.cluster_secret.as_ref().unwrap().expose(), "of the environment");
    assert!(!format!("{config:?}").contains("of the environment"));
    assert_eq!(config.heartbeat.urls, ["http://a/", "http://b/"]);
}

#[test]
fn without_a_secret_the_machines_own_is_taken_and_without_that_there_is_a_warning() {
    let home = std::env::temp_dir().join(format!("srs-origin-{:016x}", rand::random::<u64>()));
    let home = home.to_str().unwrap();
    let taken = || {
        let mut config = Config::default();
        let warning = config.find_secret(&vars(&[("XDG_STATE_HOME", home)]));
        (config.cluster_secret.unwrap(), warning)
    };
    let (first, second) = (taken(), taken());
    std::fs::remove_dir_all(home).unwrap();
    assert_eq!(first, second);
    assert_eq!(first.1, None);
    let mut config = Config::default();
    assert!(config.find_secret(&Vars::new()).unwrap().contains("cluster_secret <16 letters or more>"));
    assert_eq!(config.cluster_secret, None);
}

#[test]
fn the_environment_alone_serves_every_host() {
    for (args, pairs) in [(&["-e"][..], &[][..]), (&[], &[("SRS_ENV_ONLY", "on")])] {
        let (config, warnings) = run(args, pairs);
        assert_eq!(config.vhosts, BTreeMap::from([("__defaultVhost__".to_owned(), Vhost::default())]));
        assert_eq!(warnings, Vec::<String>::new());
    }
}

#[test]
fn the_file_is_named_by_argument_or_variable() {
    let file = conf_file("origin1-for-proxy.conf");
    let file = file.to_str().unwrap();
    for (args, pairs) in
        [(&["-c", file][..], &[][..]), (&["--config", file], &[]), (&[], &[("SRS_CONFIG_FILE", file)])]
    {
        assert_eq!(run(args, pairs).0.rtmp.listen, [Listen::port(19351)]);
    }
}

#[test]
fn a_test_prints_the_result() {
    let file = conf_file("origin.conf");
    let text = printed(&["-t", "-c", file.to_str().unwrap()], &[("SRS_DAEMON", "on")]);
    assert!(
        text.starts_with("warning: environment variable SRS_DAEMON: ") && text.ends_with("origin.conf is ok"),
        "{text}"
    );
    assert_eq!(printed(&["-t", "-e"], &[]), "the configuration of the environment is ok");
}

#[test]
fn version_and_help_are_printed() {
    assert_eq!(printed(&["-v"], &[]), concat!("srs-origin ", env!("CARGO_PKG_VERSION")));
    assert!(printed(&["-h"], &[]).starts_with("Usage: srs-origin"));
}

#[test]
fn arguments_that_make_no_sense_are_errors_with_the_usage() {
    for args in [&["-x"][..], &["-c"], &[], &["file.conf"]] {
        let error = start(Role::Origin, args.iter().map(|arg| (*arg).to_owned()), &Vars::new()).unwrap_err();
        assert!(matches!(&error, Error::Arguments(..)) && error.to_string().contains("Usage: "), "{error}");
    }
}

#[test]
fn hls_values_that_make_no_sense_are_errors() {
    for (text, words) in [
        ("hls_fragment 0;", "hls_fragment"),
        ("hls_td_ratio x;", "expected a number from 0.1 to 100"),
        ("hls_ts_file ../[seq].ts;", "expected a path such as"),
        ("hls_m3u8_file [nothing].m3u8;", "unknown variable [nothing]"),
    ] {
        let error = of(&format!("vhost a {{ hls {{ {text} }} }}"), &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

/// What an edge of this configuration is warned of.
fn of_edge(text: &str) -> Vec<String> {
    let folder = std::env::temp_dir().join(format!("srs-edge-conf-{}-{}", std::process::id(), text.len()));
    std::fs::write(&folder, text).unwrap();
    let args = ["-c".to_owned(), folder.to_str().unwrap().to_owned()];
    let started = start(Role::Edge, args, &vars(&[])).unwrap();
    std::fs::remove_file(&folder).unwrap();
    match started {
        Start::Run { warnings, .. } => warnings,
        Start::Print(text) => panic!("printed {text}"),
    }
}

#[test]
fn an_edge_that_fetches_nothing_is_told_so() {
    let fetching = "vhost v { cluster { mode remote; origin a; } }";
    assert_eq!(of_edge(fetching), Vec::<String>::new());
    for text in ["vhost v { }", "vhost v { enabled off; cluster { mode remote; origin a; } }"] {
        let warnings = of_edge(text);
        assert!(warnings.len() == 1 && warnings[0].contains("an edge that fetches nothing"), "{warnings:?}");
    }
}

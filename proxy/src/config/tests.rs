use std::net::IpAddr;

use srs_srt::streamid::Mode;

use super::*;

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn started(args: &[&str], pairs: &[(&str, &str)]) -> Result<Start, Error> {
    start(args.iter().map(|arg| (*arg).to_owned()), &vars(pairs), Path::new("/no/such/.env"))
}

fn run(pairs: &[(&str, &str)]) -> (Config, Vec<String>) {
    match started(&[], pairs).unwrap() {
        Start::Run { config, warnings } => (*config, warnings),
        Start::Print(text) => panic!("printed {text}"),
    }
}

fn printed(args: &[&str], pairs: &[(&str, &str)]) -> String {
    match started(args, pairs).unwrap() {
        Start::Print(text) => text,
        Start::Run { .. } => panic!("would run"),
    }
}

fn refusal(pairs: &[(&str, &str)]) -> String {
    started(&[], pairs).unwrap_err().to_string()
}

#[test]
fn players_are_sent_to_edges_only_when_that_is_said() {
    assert!(run(&[("PROXY_REDIRECT_HTTP", "edge")]).0.redirect_http);
    assert!(!run(&[("PROXY_REDIRECT_HTTP", "off")]).0.redirect_http);
    let report = printed(&["--check"], &[("PROXY_REDIRECT_HTTP", "edge")]);
    assert!(report.contains("PROXY_REDIRECT_HTTP"), "{report}");
}

#[test]
fn an_empty_environment_gives_the_defaults_of_srs() {
    let (config, warnings) = run(&[]);
    let seconds = Duration::from_secs;
    let expected = Config {
        rtmp: Listen::port(11935),
        http_server: Listen::port(18080),
        http_api: Listen::port(11985),
        webrtc: Listen::port(18000),
        srt: Listen::port(20080),
        srt_defaults: Defaults::default(),
        system_api: Listen::port(12025),
        static_files: None,
        redirect_http: false,
        directory: Directory::Memory,
        origin_ttl: seconds(300),
        api_token: None,
        system_api_allow: Vec::new(),
        protocol_trust: Vec::new(),
        cluster_secret: None,
        publish_hold: seconds(10),
        webrtc_candidate: vec![Candidate::Detected],
        default_backend: None,
        grace_quit: seconds(20),
        force_quit: seconds(30),
        shards: Shards::Auto,
    };
    assert_eq!((config, warnings), (expected.clone(), Vec::new()));
    assert_eq!(Config::default(), expected);
}

#[test]
fn the_command_of_the_srs_documentation_runs() {
    let (config, warnings) = run(&[
        ("PROXY_RTMP_SERVER", "1935"),
        ("PROXY_HTTP_SERVER", "8080"),
        ("PROXY_HTTP_API", "1985"),
        ("PROXY_WEBRTC_SERVER", "8000"),
        ("PROXY_SRT_SERVER", "10080"),
        ("PROXY_SYSTEM_API", "12025"),
        ("PROXY_LOAD_BALANCER_TYPE", "memory"),
    ]);
    assert_eq!(
        (config.rtmp, config.http_server, config.http_api),
        (Listen::port(1935), Listen::port(8080), Listen::port(1985))
    );
    assert_eq!((config.srt, config.webrtc), (Listen::port(10080), Listen::port(8000)));
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn a_listener_takes_a_port_or_an_address() {
    for text in ["127.0.0.1:1935", "[::1]:1935"] {
        assert_eq!(run(&[("PROXY_RTMP_SERVER", text)]).0.rtmp.to_string(), text);
    }
}

#[test]
fn a_wrong_value_names_the_variable_the_value_and_what_is_allowed() {
    for (name, value, expected) in [
        ("PROXY_RTMP_SERVER", "host:1935", "a port, ip:port or [v6]:port"),
        (
            "PROXY_ORIGIN_SERVER_TTL",
            "300",
            "a time with its unit, such as 300s, 1m30s or 500ms, of at most a year",
        ),
        ("PROXY_ORIGIN_SERVER_TTL", "0s", "a time above zero"),
        ("PROXY_DEFAULT_BACKEND_ENABLED", "yes", "on or off"),
        ("PROXY_DEFAULT_BACKEND_IP", "a b", "an address or a host name"),
        ("PROXY_DEFAULT_BACKEND_RTMP", "0", "a port above 0"),
        ("PROXY_REDIRECT_HTTP", "on", "off or edge"),
        ("PROXY_SHARDS", "0", "auto or a whole number from 1 to 1024"),
        (
            "PROXY_SYSTEM_API_ALLOW",
            "10.0.0.0/33",
            "loopback, or addresses and blocks such as 10.0.0.0/8, parted by commas",
        ),
        (
            "PROXY_PROTOCOL_TRUST",
            "on",
            "loopback, or addresses and blocks such as 10.0.0.0/8, parted by commas",
        ),
        ("PROXY_LOAD_BALANCER_TYPE", "memroy", "memory, redis or mesh"),
        ("PROXY_SRT_DEFAULT_APP", "a,b", "an app's name, such as live"),
        ("PROXY_SRT_DEFAULT_MODE", "play", "request or publish"),
        (
            "PROXY_SRT_DEFAULT_STREAMID",
            "#!::m=publish",
            "a stream id, such as #!::r=live/livestream,m=request",
        ),
    ] {
        assert_eq!(
            refusal(&[(name, value)]),
            format!("{name}={value} (from environment) is not allowed: expected {expected}")
        );
    }
}

#[test]
fn a_mistyped_name_is_warned_of() {
    let (_, warnings) = run(&[("PROXY_HTTP_SERVR", "8080")]);
    assert_eq!(
        warnings,
        ["PROXY_HTTP_SERVR (from environment) is no setting; did you mean PROXY_HTTP_SERVER?"]
    );
}

#[test]
fn authentication_needs_its_type_and_token() {
    let on = ("PROXY_HTTP_API_AUTH_ENABLED", "on");
    let token = ("PROXY_HTTP_API_AUTH_TOKEN", "hunter2");
    assert_eq!(run(&[on, token]).0.api_token, Some(Secret::new("hunter2")));
    assert_eq!(run(&[token]).0.api_token, None);
    assert!(
        refusal(&[on]).contains("PROXY_HTTP_API_AUTH_TOKEN= (from default) is not allowed: expected a token")
    );
    assert!(refusal(&[on, token, ("PROXY_HTTP_API_AUTH_TYPE", "basic")]).ends_with("expected bearer"));
}

#[test]
fn the_default_backend_is_used_only_when_it_is_on() {
    let on = ("PROXY_DEFAULT_BACKEND_ENABLED", "on");
    let backend = run(&[on]).0.default_backend.unwrap();
    let expected = DefaultBackend {
        ip: "127.0.0.1".to_owned(),
        rtmp: Listen::port(1935),
        http: Listen::port(8080),
        api: Listen::port(1985),
        rtc: Listen::port(8000),
        srt: Listen::port(10080),
    };
    assert_eq!(backend, expected);
    let named = run(&[on, ("PROXY_DEFAULT_BACKEND_IP", "origin.svc")]).0.default_backend.unwrap();
    assert_eq!(named.ip, "origin.svc");
}

#[test]
fn the_allow_list_holds_addresses_and_blocks_beside_loopback() {
    let allow =
        run(&[("PROXY_SYSTEM_API_ALLOW", "loopback, 10.0.0.0/8 fd00::/8,192.0.2.7")]).0.system_api_allow;
    let allowed = |ip: &str| allow.iter().any(|range| range.contains(ip.parse::<IpAddr>().unwrap()));
    assert_eq!(allow.len(), 3);
    assert!(allowed("10.1.2.3") && allowed("fd00::1") && allowed("192.0.2.7") && allowed("::ffff:10.1.2.3"));
    assert!(!allowed("11.0.0.1") && !allowed("192.0.2.8"));
}

#[test]
fn balancers_are_addresses_and_blocks_and_loopback_only_where_it_is_named() {
    let trusted = |list: &str, ip: &str| {
        let trust = run(&[("PROXY_PROTOCOL_TRUST", list)]).0.protocol_trust;
        trust.iter().any(|range| range.contains(ip.parse::<IpAddr>().unwrap()))
    };
    assert!(trusted("10.0.0.0/8, 192.0.2.7", "10.1.2.3") && trusted("10.0.0.0/8, 192.0.2.7", "192.0.2.7"));
    assert!(!trusted("10.0.0.0/8", "127.0.0.1") && !trusted("10.0.0.0/8", "11.0.0.1"));
    assert!(
        trusted("loopback", "127.0.0.2") && trusted("loopback", "::1") && !trusted("loopback", "10.0.0.1")
    );
}

#[test]
fn a_directory_in_this_process_is_no_reason_to_share_ports() {
    assert!(!Config::default().shares_ports());
}

#[test]
fn what_srt_callers_mean_who_do_not_say_it_is_a_setting() {
    let pairs = [
        ("PROXY_SRT_DEFAULT_APP", "tv"),
        ("PROXY_SRT_DEFAULT_MODE", "publish"),
        ("PROXY_SRT_DEFAULT_STREAMID", "publish:tv/first"),
    ];
    let expected =
        Defaults { app: "tv".to_owned(), mode: Mode::Publish, stream_id: "publish:tv/first".to_owned() };
    assert_eq!(run(&pairs).0.srt_defaults, expected);
    let report = printed(&["--check"], &pairs);
    assert!(report.contains("PROXY_SRT_DEFAULT_STREAMID=publish:tv/first (environment)\n"), "{report}");
}

#[test]
fn a_missing_folder_of_pages_is_a_warning_and_not_the_end() {
    let (config, warnings) = run(&[("PROXY_STATIC_FILES", "/no/such/folder")]);
    assert_eq!(config.static_files, Some(PathBuf::from("/no/such/folder")));
    assert_eq!(warnings, ["PROXY_STATIC_FILES=/no/such/folder is no folder; its pages answer 404"]);
}

#[test]
fn a_dotenv_file_is_read() {
    let file = std::env::temp_dir().join(format!("srs-proxy-dotenv-{}", std::process::id()));
    std::fs::write(&file, "export PROXY_RTMP_SERVER=1 # port\nPROXY_HTTP_API=2\n").unwrap();
    let started = start([], &vars(&[("PROXY_HTTP_API", "3")]), &file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let Start::Run { config, .. } = started else { panic!("printed") };
    assert_eq!((config.rtmp, config.http_api), (Listen::port(1), Listen::port(3)));
}

#[test]
fn help_lists_every_variable_with_its_default() {
    let help = printed(&["--help"], &[]);
    for setting in SETTINGS {
        assert!(help.contains(&format!("{} (default: ", setting.name)), "{}", setting.name);
    }
}

#[test]
fn check_prints_settings_with_sources_and_masks_secrets() {
    let pairs = [
        ("PROXY_RTMP_SERVER", "1935"),
        ("PROXY_CLUSTER_SECRET", "hunter2"),
        ("PROXY_REDIS_PASSWORD", "hunter2"),
        ("PROXY_REDIS_URL", "rediss://u:hunter2@h"),
        ("PROXY_WEBRTC_CANDIDATE", "192.0.2.1"),
        ("PROXY_HTTP_API_AUTH_TOKEN", "hunter2"),
    ];
    let report = printed(&["--check"], &pairs);
    assert!(report.contains("PROXY_RTMP_SERVER=1935 (environment)\n"), "{report}");
    assert!(report.contains("PROXY_HTTP_API=11985 (default)\n"), "{report}");
    assert!(report.contains("PROXY_WEBRTC_CANDIDATE=192.0.2.1 (environment)\n"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn a_configuration_does_not_print_its_secrets() {
    let on = ("PROXY_HTTP_API_AUTH_ENABLED", "on");
    let pairs = [on, ("PROXY_HTTP_API_AUTH_TOKEN", "hunter2"), ("PROXY_CLUSTER_SECRET", "hunter2")];
    assert!(!format!("{:?}", run(&pairs).0).contains("hunter2"));
}

#[test]
fn a_cluster_secret_is_taken_without_a_warning() {
    let (config, warnings) = run(&[("PROXY_CLUSTER_SECRET", "one of the whole cluster")]);
    assert_eq!(config.cluster_secret.unwrap().expose(), "one of the whole cluster");
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn without_a_cluster_secret_the_machines_own_is_taken_or_that_is_told() {
    let folder = std::env::temp_dir().join(format!("srs-proxy-{:016x}", rand::random::<u64>()));
    let vars = Vars::from([("XDG_STATE_HOME".to_owned(), folder.to_str().unwrap().to_owned())]);
    let secret = |vars: &Vars| {
        let mut config = Config::default();
        (config.find_secret(vars), config.cluster_secret)
    };
    let (warning, made) = secret(&vars);
    assert!(warning.is_none() && made.is_some());
    assert_eq!(secret(&vars), (None, made));
    let (warning, none) = secret(&Vars::new());
    assert!(warning.unwrap().contains("PROXY_CLUSTER_SECRET=") && none.is_none());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn check_of_a_wrong_setting_is_an_error() {
    assert!(started(&["--check"], &[("PROXY_SHARDS", "x")]).is_err());
}

#[test]
fn version_is_printed_and_other_arguments_are_errors() {
    assert_eq!(printed(&["--version"], &[]), concat!("srs-proxy ", env!("CARGO_PKG_VERSION")));
    assert!(matches!(started(&["-c"], &[]), Err(Error::Argument(arg)) if arg == "-c"));
}

#[test]
fn a_directory_is_chosen_by_its_name_and_told_where_it_is() {
    let (config, _) = run(&[("PROXY_LOAD_BALANCER_TYPE", "redis"), ("PROXY_REDIS_HOST", "cache")]);
    assert!(matches!(&config.directory, Directory::Redis(target) if target.to_string() == "cache:6379"));
    let mesh = [
        ("PROXY_LOAD_BALANCER_TYPE", "mesh"),
        ("PROXY_MESH_LISTEN", "12026"),
        ("PROXY_MESH_PEERS", "a:1, proxies.example:12026"),
    ];
    let (config, _) = run(&mesh);
    let Directory::Mesh { listen, peers } = &config.directory else { panic!("{:?}", config.directory) };
    assert_eq!((listen.port, peers.len()), (12026, 2));
    assert!(config.shares_ports());
    assert_eq!(
        refusal(&mesh[..1]),
        "PROXY_MESH_LISTEN= (from default) is not allowed: expected a port, as PROXY_LOAD_BALANCER_TYPE is mesh"
    );
}

#[test]
fn webrtc_candidates_are_addresses_and_names_in_a_list() {
    let (config, _) = run(&[("PROXY_WEBRTC_CANDIDATE", "192.0.2.1, media.example:443,*")]);
    assert_eq!(config.webrtc_candidate, Candidate::list("192.0.2.1 media.example:443 *").unwrap());
    let refusal = refusal(&[("PROXY_WEBRTC_CANDIDATE", "192.0.2.1,192.0.2")]);
    let place = "PROXY_WEBRTC_CANDIDATE=192.0.2.1,192.0.2 (from environment) is not allowed: ";
    assert!(refusal.starts_with(place) && refusal.ends_with("; not `192.0.2`"), "{refusal}");
}

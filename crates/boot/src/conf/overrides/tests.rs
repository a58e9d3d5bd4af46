use super::*;
use crate::conf::{Section, modernise, parse, schema};

fn laid(text: &str, vars: &[(&str, &str)]) -> (Vec<Directive>, Vec<String>) {
    let mut directives = parse(text, "x.conf").unwrap();
    modernise(&mut directives);
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let warnings = apply(&mut directives, &vars).iter().map(ToString::to_string).collect();
    (directives, warnings)
}

fn listens(directives: &[Directive], block: &str) -> Vec<String> {
    let section = Section::new(directives).block(block);
    section.listens("listen").unwrap().unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn a_variable_wins_over_the_file() {
    let (directives, warnings) = laid("http_api { listen 1985; }", &[("SRS_HTTP_API_LISTEN", "1986")]);
    assert_eq!(listens(&directives, "http_api"), ["1986"]);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn listen_may_be_spelled_in_both_ways_and_hold_several() {
    for name in ["SRS_LISTEN", "SRS_RTMP_LISTEN"] {
        for text in ["listen 1;", "rtmp { listen 1; }", ""] {
            let (directives, _) = laid(text, &[(name, "1935 127.0.0.1:19350")]);
            assert_eq!(listens(&directives, "rtmp"), ["1935", "127.0.0.1:19350"], "{name} {text}");
        }
    }
}

#[test]
fn a_vhost_variable_holds_for_every_vhost() {
    let text = "vhost a { play { mw_latency 1; } } vhost b { }";
    let (directives, _) = laid(text, &[("SRS_VHOST_PLAY_MW_LATENCY", "100")]);
    for (name, vhost) in Section::new(&directives).blocks("vhost") {
        assert_eq!(vhost.block("play").text("mw_latency"), Some("100"), "{name}");
    }
}

#[test]
fn a_vhost_variable_without_a_vhost_makes_the_default_one() {
    let (directives, _) = laid("", &[("SRS_VHOST_HTTP_REMUX_ENABLED", "on")]);
    let vhosts: Vec<&str> = Section::new(&directives).blocks("vhost").map(|(name, _)| name).collect();
    assert_eq!(vhosts, [DEFAULT_VHOST]);
    schema::check(&directives).unwrap();
}

#[test]
fn the_log_is_set_by_either_spelling() {
    for name in ["SRS_LOG_TANK", "SRS_SRS_LOG_TANK"] {
        let (directives, warnings) = laid("srs_log_tank file;", &[(name, "console")]);
        assert_eq!(Section::new(&directives).text("srs_log_tank"), Some("console"));
        assert_eq!(warnings, Vec::<String>::new());
    }
}

#[test]
fn a_nested_block_is_reached() {
    let vars = [("SRS_HEARTBEAT_AUTH_TOKEN", "x y"), ("SRS_RTC_SERVER_TCP_ENABLED", "on")];
    let (directives, warnings) = laid("", &vars);
    assert_eq!(Section::new(&directives).block("heartbeat").block("auth").text("token"), Some("x y"));
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn an_empty_variable_is_not_set() {
    let (directives, _) = laid("daemon off;", &[("SRS_DAEMON", "")]);
    assert_eq!(Section::new(&directives).text("daemon"), Some("off"));
}

#[test]
fn an_unknown_variable_is_warned_of_with_the_nearest_name() {
    let (_, warnings) = laid("", &[("SRS_HTTP_API_LISTN", "1"), ("SRS_ENV_ONLY", "on"), ("OTHER", "1")]);
    assert_eq!(
        warnings,
        ["environment variable SRS_HTTP_API_LISTN: no such setting; did you mean SRS_HTTP_API_LISTEN?"]
    );
}

#[test]
fn a_wrong_value_names_the_variable() {
    let (directives, _) = laid("", &[("SRS_DAEMON", "maybe")]);
    assert_eq!(
        schema::check(&directives).unwrap_err().to_string(),
        "environment variable SRS_DAEMON: `daemon maybe` is not allowed: expected on or off"
    );
}

#[test]
fn a_setting_that_is_not_built_warns_from_the_environment_too() {
    let (directives, _) = laid("", &[("SRS_RTSP_SERVER_ENABLED", "on")]);
    let warnings = schema::check(&directives).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].to_string().contains("SRS_RTSP_SERVER_ENABLED: `rtsp_server` is known"),
        "{}",
        warnings[0]
    );
}

use super::*;
use crate::conf::parse;

fn warnings(text: &str) -> Vec<String> {
    check(&parse(text, "x.conf").unwrap()).unwrap().iter().map(ToString::to_string).collect()
}

fn errors(text: &str) -> Vec<String> {
    check(&parse(text, "x.conf").unwrap()).unwrap_err().to_string().lines().map(str::to_owned).collect()
}

#[test]
fn a_built_directive_in_its_place_passes_in_silence() {
    let text = "listen 1935 127.0.0.1:0; max_connections 10; shards auto;\n\
                http_api { enabled on; listen 1985; }\n\
                heartbeat { interval 0.3; auth { enabled on; type bearer; token x; } }\n\
                vhost a { play { mw_latency 0; queue_length 350ms; } publish { hold 10s; takeover replace; } }\n\
                vhost b { http_remux { enabled on; } }";
    assert_eq!(warnings(text), Vec::<String>::new());
}

#[test]
fn an_unknown_directive_is_an_error_with_the_nearest_name() {
    assert_eq!(
        errors("listen 1;\nvhost a { play {\n gop_cahce on; } }"),
        ["x.conf:3: unknown directive `gop_cahce` in `play`; did you mean `gop_cache`?"]
    );
    assert_eq!(errors("banana_split on;"), ["x.conf:1: unknown directive `banana_split` in the top level"]);
}

#[test]
fn an_unknown_directive_inside_a_block_that_is_not_built_is_an_error_too() {
    assert_eq!(
        errors("vhost a { dash { enabled on; dash_fragmant 2; } }"),
        ["x.conf:1: unknown directive `dash_fragmant` in `dash`; did you mean `dash_fragment`?"]
    );
}

#[test]
fn a_directive_in_the_wrong_block_says_where_it_belongs() {
    assert_eq!(
        errors("vhost a { publish { gop_cache on; } }"),
        ["x.conf:1: `gop_cache` does not belong in `publish`; it belongs in `vhost.play`"]
    );
    assert_eq!(
        errors("http_api { max_connections 5; }"),
        ["x.conf:1: `max_connections` does not belong in `http_api`; it belongs in the top level"]
    );
}

#[test]
fn a_repeated_directive_names_the_first() {
    assert_eq!(errors("daemon off;\ndaemon off;"), ["x.conf:2: `daemon` is already set at x.conf:1"]);
    assert_eq!(
        errors("vhost a { }\nvhost b { }\nvhost a { }"),
        ["x.conf:3: `vhost a` is already set at x.conf:1"]
    );
    assert_eq!(errors("http_api { }\nhttp_api { }"), ["x.conf:2: `http_api` is already set at x.conf:1"]);
}

#[test]
fn what_may_repeat_does() {
    let text = "stream_caster { enabled off; } stream_caster { enabled off; }\n\
                vhost a { security { enabled off; allow play all; allow publish all; } }";
    assert_eq!(warnings(text), Vec::<String>::new());
}

#[test]
fn a_wrong_value_says_what_is_allowed() {
    let cases = [
        ("daemon yes;", "`daemon yes` is not allowed: expected on or off"),
        ("chunk_size 127;", "`chunk_size 127` is not allowed: expected a whole number from 128 to 65536"),
        ("listen 1935 host:1;", "`listen host:1` is not allowed: expected a port, ip:port or [v6]:port"),
        ("srs_log_tank both;", "`srs_log_tank both` is not allowed: expected console, file"),
        ("heartbeat { interval 0; }", "`interval 0` is not allowed: expected a time above zero"),
        ("shards none;", "`shards none` is not allowed: expected auto or a whole number from 1 to 1024"),
        ("pid '';", "`pid ` is not allowed: expected a text that is not empty"),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), [format!("x.conf:1: {expected}")]);
    }
}

#[test]
fn the_wrong_number_of_values_is_an_error() {
    assert_eq!(errors("daemon;"), ["x.conf:1: `daemon` takes one value, not 0"]);
    assert_eq!(errors("pid a b;"), ["x.conf:1: `pid` takes one value, not 2"]);
    assert_eq!(errors("listen;"), ["x.conf:1: `listen` takes one value or more, not 0"]);
}

#[test]
fn a_forgotten_semicolon_is_found_by_the_next_name() {
    assert_eq!(
        errors("listen 1935\nmax_connections 10;"),
        ["x.conf:1: expected ; after `listen` before `max_connections`"]
    );
    assert_eq!(errors("pid ./x.pid\ndaemon off;"), ["x.conf:1: expected ; after `pid` before `daemon`"]);
}

#[test]
fn a_text_may_be_a_word_that_is_also_a_directive() {
    assert_eq!(warnings("heartbeat { device_id vhost; }"), Vec::<String>::new());
}

#[test]
fn blocks_and_values_are_not_mixed_up() {
    assert_eq!(errors("http_api on;"), ["x.conf:1: expected a block: `http_api { … }`"]);
    assert_eq!(errors("vhost { }"), ["x.conf:1: expected one name between `vhost` and {"]);
    assert_eq!(errors("http_api x { }"), ["x.conf:1: expected nothing between `http_api` and {"]);
    assert_eq!(errors("daemon { }"), ["x.conf:1: `daemon` takes a value, not a block"]);
}

#[test]
fn all_errors_are_listed_and_not_the_first_alone() {
    assert_eq!(errors("daemon maybe;\nlistem 1;\nhttp_api { enabled 1; }").len(), 3);
}

#[test]
fn a_directive_that_is_not_built_warns_once_for_its_block() {
    let text = "vhost a {\n dash { enabled on; dash_fragment 2; dash_timeshift 10; }\n in_ack_size 0;\n}";
    assert_eq!(
        warnings(text),
        [
            "x.conf:2: `dash` is known from SRS but not built yet; it does nothing",
            "x.conf:3: `in_ack_size` is known from SRS but not built yet; it does nothing",
        ]
    );
}

#[test]
fn a_block_that_is_off_asks_for_nothing() {
    assert_eq!(
        warnings("rtsp_server { enabled off; listen 554; } srt_server { listen 10080; }"),
        Vec::<String>::new()
    );
}

#[test]
fn rules_that_keep_clients_out_are_refused_while_they_would_be_ignored() {
    for text in [
        "http_api { auth { enabled on; username a; password b; } }",
        "vhost a { security { enabled on; deny publish all; } }",
        "vhost a { refer { enabled on; all a.b; } }",
        "vhost a { http_hooks { enabled on; on_publish http://a/; } }",
    ] {
        let errors = errors(text);
        assert!(
            errors.len() == 1 && errors[0].contains("keeps clients out and is not built yet"),
            "{errors:?}"
        );
    }
    assert_eq!(
        warnings("http_api { auth { enabled off; } } vhost a { refer { all a.b; } }"),
        Vec::<String>::new()
    );
}

#[test]
fn a_secret_is_not_printed() {
    let errors = errors("cluster_secret '';\nheartbeat { auth { token a b; } }").join("\n");
    assert!(!errors.contains("a b"), "{errors}");
}

#[test]
fn no_block_of_the_table_has_a_name_twice() {
    let mut seen = std::collections::BTreeSet::new();
    walk(GLOBAL, &mut Vec::new(), &mut |path, rule| {
        assert!(seen.insert((path.to_vec(), rule.name)), "{path:?} {}", rule.name);
    });
    assert!(seen.len() > 300, "{}", seen.len());
}

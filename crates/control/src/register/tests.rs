use super::*;
use serde_json::{Value, json};

/// What SRS sends, from its own log.
fn sample() -> Value {
    json!({"device_id":"origin2","ip":"10.78.122.184","server":"vid-46p14mm","service":"z2s3w865","pid":"42583",
        "rtmp":["19352"],"http":["8082"],"api":["19853"],"srt":["udp://0.0.0.0:10082"],"rtc":["udp://0.0.0.0:8001"]})
}

fn node(message: &Value) -> Result<Node, Error> {
    Message::parse(message.to_string().as_bytes())?.into_node(false)
}

fn with(field: &str, value: Value) -> Value {
    let mut message = sample();
    message[field] = value;
    message
}

#[test]
fn the_message_of_plain_srs_is_understood() {
    let node = node(&sample()).unwrap();
    assert_eq!((node.id.as_str(), node.instance.as_str()), ("vid-46p14mm", "z2s3w865-42583"));
    assert_eq!((node.host.as_str(), node.device_id.as_str()), ("10.78.122.184", "origin2"));
    let dialled: Vec<String> = ["rtmp", "http", "api", "srt", "rtc"]
        .iter()
        .map(|label| node.endpoint(label).unwrap().to_string())
        .collect();
    let expected = ["19352", "8082", "19853", "10082", "8001"].map(|port| format!("10.78.122.184:{port}"));
    assert_eq!(dialled, expected);
    assert_eq!((node.role, node.live, node.interval), (Role::Origin, None, None));
}

#[test]
fn each_required_field_is_missed_by_its_name() {
    for (field, text) in [
        ("ip", "empty ip"),
        ("server", "empty server"),
        ("service", "empty service"),
        ("pid", "empty pid"),
        ("rtmp", "empty rtmp"),
    ] {
        let mut absent = sample();
        absent.as_object_mut().unwrap().remove(field);
        assert_eq!(node(&absent).unwrap_err().to_string(), text);
        let empty = if field == "rtmp" { json!([]) } else { json!("") };
        assert_eq!(node(&with(field, empty)).unwrap_err().to_string(), text);
    }
}

#[test]
fn unknown_fields_are_ignored() {
    assert!(node(&with("summaries", json!({"ok": true, "deep": [[[{}]]]}))).is_ok());
}

#[test]
fn our_own_fields_are_understood() {
    let mut message = sample();
    for (field, value) in [
        ("role", json!("edge")),
        ("load", json!(0.5)),
        ("capacity", json!(200)),
        ("interval_ms", json!(1000)),
        (
            "streams",
            json!([{"key": "__defaultVhost__/live/a", "epoch": 7}, {"key": "__defaultVhost__/live/b"}]),
        ),
        ("capabilities", json!(["envelope"])),
    ] {
        message[field] = value;
    }
    let node = node(&message).unwrap();
    assert_eq!((node.role.clone(), node.load, node.capacity), (Role::Edge, Some(0.5), Some(200)));
    assert_eq!(node.interval, Some(Duration::from_secs(1)));
    assert!(node.can("envelope"));
    let live = node.live.unwrap();
    assert_eq!(live[&"__defaultVhost__/live/a".parse().unwrap()].epoch, Epoch(7));
    assert_eq!(live.len(), 2);
}

#[test]
fn streams_have_their_domains_and_holds_and_the_node_its_drain_and_usage() {
    let mut message = sample();
    message["draining"] = json!(true);
    message["usage"] =
        json!({"cpu": 1.5, "streams": 2, "viewers": 3, "recv_kbps": 4, "send_kbps": 5, "more": 6});
    message["streams"] = json!([
        {"key": "v.example/live/a", "epoch": 7, "domain": "d", "held": true},
        {"key": "v.example/live/b", "epoch": 8, "domain": "d"},
        {"key": "v.example/live/c", "domain": ""},
    ]);
    let node = node(&message).unwrap();
    let live = node.live.unwrap();
    let of = |name: &str| live[&format!("v.example/live/{name}").parse().unwrap()].clone();
    assert_eq!(of("a"), Listed { epoch: Epoch(7), domain: Some(Arc::from("d")), held: true });
    assert_eq!((of("b").held, of("c").domain), (false, None));
    assert!(
        Arc::ptr_eq(&of("a").domain.unwrap(), &of("b").domain.unwrap()),
        "a text that all have is kept once"
    );
    let usage = srs_balance::Usage { cpu: 1.0, streams: 2, viewers: 3, recv_kbps: 4, send_kbps: 5 };
    assert_eq!((node.draining, node.usage), (true, Some(usage)));
}

#[test]
fn a_node_that_says_nothing_of_it_neither_drains_nor_has_numbers() {
    let node = node(&sample()).unwrap();
    assert_eq!((node.draining, node.usage, node.load), (false, None, None));
}

#[test]
fn an_empty_list_of_streams_differs_from_none() {
    assert_eq!(node(&with("streams", json!([]))).unwrap().live, Some(HashMap::new()));
}

#[test]
fn a_stream_with_a_bad_name_does_not_cost_the_registration() {
    let streams = json!([{"key": "../../etc", "epoch": 1}, {"key": "v.example/live/a", "epoch": 2}]);
    assert_eq!(node(&with("streams", streams)).unwrap().live.unwrap().len(), 1);
}

#[test]
fn a_stream_listed_twice_has_its_higher_epoch() {
    let streams = json!([{"key": "v.example/live/a", "epoch": 9}, {"key": "v.example/live/a", "epoch": 2}]);
    let live = node(&with("streams", streams)).unwrap().live.unwrap();
    assert_eq!(live.values().map(|listed| listed.epoch).collect::<Vec<_>>(), [Epoch(9)]);
}

#[test]
fn a_field_given_twice_is_refused() {
    let text = sample().to_string().replacen('{', r#"{"ip":"10.0.0.1","#, 1);
    let error = Message::parse(text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("duplicate field"), "{error}");
}

#[test]
fn ports_out_of_range_are_refused_in_every_list() {
    for field in ["rtmp", "http", "api", "srt", "rtc"] {
        for port in ["0", "99999"] {
            let error = node(&with(field, json!(["1935", port]))).unwrap_err();
            assert!(matches!(error, Error::Endpoint { field: at, .. } if at == field), "{error}");
        }
    }
}

#[test]
fn a_host_name_is_good_as_ip() {
    assert_eq!(node(&with("ip", json!("origin-1.example"))).unwrap().host, "origin-1.example");
}

#[test]
fn a_loopback_ip_is_good_only_over_loopback() {
    let message = || Message::parse(with("ip", json!("127.0.0.1")).to_string().as_bytes()).unwrap();
    assert!(message().into_node(true).is_ok());
    assert!(matches!(message().into_node(false), Err(Error::Endpoint { field: "ip", .. })));
}

#[test]
fn json_nested_deep_is_refused_on_a_small_stack() {
    let run = || {
        for open in ["[", "{\"a\":"] {
            let text = format!("{{\"x\":{}", open.repeat(100_000));
            assert!(matches!(Message::parse(text.as_bytes()), Err(Error::Json(_))));
        }
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn what_is_too_much_is_refused() {
    let long = "x".repeat(300);
    for (field, value) in [
        ("device_id", json!(long)),
        ("device_id", json!("a\nb")),
        ("service", json!(long)),
        ("pid", json!(long)),
        ("role", json!(long)),
        ("rtmp", json!(vec!["1935"; 17])),
        ("capabilities", json!(vec!["a"; 33])),
        ("capabilities", json!([long])),
        ("streams", json!(vec![json!({"key": "v.example/live/a"}); MAX_STREAMS + 1])),
        ("streams", json!([{"key": "v.example/live/a", "domain": "x".repeat(257)}])),
        ("streams", json!([{"key": "v.example/live/a", "domain": "a\nb"}])),
    ] {
        assert_eq!(node(&with(field, value)).unwrap_err(), Error::TooMuch(field));
    }
    assert!(matches!(node(&with("server", json!(long))), Err(Error::Server(_))));
}

#[test]
fn a_load_that_is_no_number_of_use_is_dropped() {
    assert_eq!(node(&with("load", json!(-1))).unwrap().load, None);
    assert_eq!(node(&with("load", json!(1e300))).unwrap().load, None);
}

#[test]
fn what_is_sent_is_what_is_read() {
    let message = Message::parse(sample().to_string().as_bytes()).unwrap();
    let sent = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), sample(), "no field of ours unless it is set");
    let with_streams = Message {
        streams: Some(vec![Stream {
            key: "v.example/live/a".to_owned(),
            epoch: u64::MAX,
            domain: Some("d".to_owned()),
            held: Some(true),
        }]),
        load: Some(0.25),
        interval_ms: Some(1_000),
        ..message
    };
    assert_eq!(Message::parse(&serde_json::to_vec(&with_streams).unwrap()).unwrap(), with_streams);
}

#[test]
fn nesting_in_a_field_that_nobody_reads_is_refused_too() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"ip":"1.2.3.4","x":{open}{close},"y":"[[[[\"[["}}"#)
    };
    assert!(Message::parse(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    assert!(matches!(Message::parse(nested(MAX_DEPTH).as_bytes()), Err(Error::Json(_))));
}

use super::*;
use crate::testkit::{Fleet, Shelf, api, ask, stream_record};
use http::{Request, StatusCode};
use std::collections::BTreeSet;
use std::time::Duration;

fn own(shelf: Shelf) -> String {
    written(&api(Shows::Own(Arc::new(shelf))))
}

/// The value of a series, written as on the page.
fn value<'a>(page: &'a str, series: &str) -> Option<&'a str> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

/// How many series a metric has.
fn count(page: &str, name: &str) -> usize {
    page.lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .count()
}

/// Every line is a comment or a series with a number, each metric is announced once and before its series.
fn check(page: &str) {
    let mut announced = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(announced.insert(rest.split(' ').next().unwrap()), "twice: {line}");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            let name = series.split('{').next().unwrap();
            assert!(announced.contains(name), "not announced: {line}");
            assert!(series == name || series.ends_with("\"}"), "{line}");
        }
    }
    assert!(page.ends_with('\n'));
}

#[test]
fn a_node_tells_every_metric_of_srs() {
    let page = own(Shelf::new(0, 3, 5));
    check(&page);
    for (series, expected) in [
        ("srs_send_bytes_total", "5000"),
        ("srs_receive_bytes_total", "6000"),
        ("srs_streams", "3"),
        ("srs_clients", "5"),
        ("srs_clients_total", "70"),
        ("srs_clients_errs_total", "7"),
        ("srs_cluster_clients{type=\"rtmp-play\"}", "5"),
        ("srs_cluster_connections", "17"),
        ("srs_cluster_streams_unlisted", "0"),
        ("srs_cluster_stream_clients{vhost=\"__defaultVhost__\",app=\"live\",stream=\"s2\"}", "2"),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}");
    }
    for name in
        ["srs_node_uname_info", "srs_build_info", "srs_cpu_percent", "srs_memory", "srs_cluster_panics_total"]
    {
        assert_eq!(count(&page, name), 1, "{name}");
    }
    for label in [
        "sysname",
        "nodename",
        "release",
        "version",
        "machine",
        "server",
        "service",
        "pid",
        "build_date",
        "major",
        "code",
    ] {
        assert!(page.contains(&format!("{label}=\"")), "{label}");
    }
}

#[test]
fn a_node_tells_how_many_streams_it_fetches_by_how_far_that_is() {
    for (shelf, running, lost) in [(Shelf::fetching(0, 5, 0), "3", "2"), (Shelf::default(), "0", "0")] {
        let page = own(shelf);
        check(&page);
        for (state, expected) in [("opening", "0"), ("running", running), ("held", "0"), ("lost", lost)] {
            let series = format!("srs_pulls{{state=\"{state}\"}}");
            assert_eq!(value(&page, &series), Some(expected), "{series}");
        }
    }
}

#[test]
fn label_and_tag_stand_in_the_build_info_where_they_are_set() {
    let api =
        Api { label: "a\"b".to_owned(), tag: "c".to_owned(), ..api(Shows::Own(Arc::new(Shelf::default()))) };
    let page = written(&api);
    check(&page);
    assert!(page.contains(",label=\"a\\\"b\",tag=\"c\"} 1\n"), "{page}");
    assert!(!own(Shelf::default()).contains("label="));
}

#[test]
fn a_flood_of_names_is_no_flood_of_series() {
    let mut shelf = Shelf::new(0, 100_000, 0);
    for (number, stream) in shelf.streams.iter_mut().enumerate() {
        stream.clients = u64::from(number % 1_000 == 7);
    }
    let page = own(shelf);
    check(&page);
    assert!(page.len() < 200_000, "{}", page.len());
    for metric in ["clients", "frames_total", "receive_bytes_total", "send_bytes_total"] {
        assert_eq!(count(&page, &format!("srs_cluster_stream_{metric}")), MAX_SERIES, "{metric}");
    }
    assert_eq!(value(&page, "srs_streams"), Some("100000"));
    assert_eq!(value(&page, "srs_cluster_streams_unlisted"), Some("99800"));
    let watched =
        page.lines().filter(|line| line.starts_with("srs_cluster_stream_clients{") && line.ends_with(" 1"));
    assert_eq!(watched.count(), 100, "those with clients come first");
}

#[test]
fn a_hostile_name_stays_inside_its_label() {
    let mut stream = stream_record(1);
    // Names of streams have no quotes; what a later rule may let through must not matter here.
    let Ok(key) = "v/live/a{b}=c d#'x".parse() else { return };
    stream.key = key;
    check(&own(Shelf { streams: vec![stream], ..Shelf::default() }));
}

#[tokio::test]
async fn a_proxy_tells_of_its_nodes_and_legs_without_asking() {
    let mut fleet = Fleet::new();
    fleet.register("silent", None);
    fleet.started -= Duration::from_secs(60);
    fleet.register("a", None);
    fleet.register("refusing", None);
    fleet.balancer.dial_failed(&NodeId::new("refusing").unwrap(), fleet.started.elapsed());
    let key = "v/live/x".parse().unwrap();
    fleet.balancer.pick_publish(&key, &[], fleet.started.elapsed()).await.unwrap();
    let page = written(&api(fleet.shows()));
    check(&page);
    for (series, expected) in [
        ("srs_cluster_nodes{state=\"alive\"}", "1"),
        ("srs_cluster_nodes{state=\"silent\"}", "1"),
        ("srs_cluster_nodes{state=\"refusing\"}", "1"),
        ("srs_cluster_legs{node=\"a\"}", "3"),
        ("srs_cluster_legs{node=\"silent\"}", "0"),
        ("srs_clients", "4"),
        ("srs_streams", "1"),
        ("srs_cluster_claims", "1"),
        ("srs_cluster_node_streams{node=\"a\"}", "1"),
        ("srs_cluster_nodes_unlisted", "0"),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}");
    }
}

#[test]
fn a_thousand_nodes_are_no_thousand_series() {
    let fleet = Fleet::new();
    for number in 0..1_000 {
        fleet.register(&format!("n{number:04}"), None);
    }
    let page = written(&api(fleet.shows()));
    check(&page);
    assert_eq!(count(&page, "srs_cluster_legs"), MAX_SERIES);
    assert_eq!(value(&page, "srs_cluster_nodes_unlisted"), Some("800"));
}

#[tokio::test]
async fn metrics_are_for_those_who_may_steer() {
    let api = Arc::new(api(Shows::Own(Arc::new(Shelf::default()))));
    let router = metrics_api(api);
    let (status, headers, _) = ask(&router, "127.0.0.1", Request::get("/metrics"), "").await;
    assert_eq!((status, &headers[CONTENT_TYPE]), (StatusCode::OK, &FORMAT));
    assert_eq!(ask(&router, "203.0.113.9", Request::get("/metrics"), "").await.0, StatusCode::FORBIDDEN);
}

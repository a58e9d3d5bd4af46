use srs_names::{FetchState, Source};
use tokio::task::LocalSet;

use super::*;
use crate::Upstream;
use crate::apps::Template;
use crate::map::{OriginMap, Rule};
use crate::plan::{Login, SrtCall, Target};
use crate::table::Flight;
use crate::testkit::{Edge, Server, VHOST, key};

/// What is fetched by name from this server.
fn edge(server: &Server) -> Edge {
    let url = format!("{}/live/", server.address);
    let rule = Rule::new("/live/", "rtmp", &[url]).unwrap();
    let map = OriginMap { rules: vec![rule], ..OriginMap::default() };
    let applications = vec![Template::new("configured", &["rtsp", "flv"]).unwrap()];
    Edge::with(Upstream { map: Some(map), applications, ..Upstream::default() }, 10)
}

#[tokio::test(start_paused = true)]
async fn what_is_fetched_and_its_applications_are_shown() {
    let body = async {
        let server = Server::live(0, 1).await;
        let edge = edge(&server);
        let before = unix_ms(SystemTime::now());
        let viewer = edge.watch("s").await;
        viewer.sees(1).await;
        let source: &dyn Source = &*edge.puller;
        let pull = source.fetches().remove(0);
        let after = unix_ms(SystemTime::now());
        assert!((before..=after).contains(&pull.since_ms), "{} {pull:?}", before);
        let expected = FetchRecord {
            key: key("s"),
            url: format!("rtmp://{}/live/s", server.address),
            since_ms: pull.since_ms,
            state: FetchState::Running,
            viewers: 1,
            error: String::new(),
        };
        assert_eq!(source.fetches(), [expected]);
        let app = |name: &str, providers: &[&str], made_ms, streams| AppRecord {
            vhost: VHOST.to_owned(),
            name: name.to_owned(),
            providers: providers.iter().map(|word| (*word).to_owned()).collect(),
            made_ms,
            streams,
        };
        let applications = source.applications();
        let made = applications[1].made_ms.unwrap();
        // The clock of the test goes its own way.
        assert!(made.abs_diff(before) < 600_000, "{before} {made}");
        let expected = [
            app("configured", &["rtsp", "http", "https"], None, 0),
            app("live", &["rtmp", "http", "https", "rtsp", "srt"], Some(made), 1),
        ];
        assert_eq!(applications, expected);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn neither_login_nor_query_of_a_server_is_shown() {
    let flight = Flight::new(crate::way::Wanted::by_itself(key("s")));
    assert_eq!((flight.record().url.as_str(), flight.record().state), ("", FetchState::Opening));
    flight.runs_on(&Target {
        scheme: Scheme::Http,
        host: "h".to_owned(),
        port: 80,
        login: Some(Login { user: "me".to_owned(), password: "s3cret".to_owned() }),
        path: "/a.flv".to_owned(),
        query: "token=s3cret".to_owned(),
        vhost: None,
        srt: SrtCall::default(),
    });
    assert_eq!(flight.record().url, "http://h:80/a.flv");
}

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use super::*;

/// A folder of this test, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("srs-origin-{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed_already = std::fs::remove_dir_all(&self.0);
    }
}

fn any_port() -> Listen {
    Listen { ip: Some(Ipv4Addr::LOCALHOST.into()), port: 0 }
}

fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn every_level_of_the_api_is_answered_on_the_port_that_it_shares_with_media() {
    let folder = Folder::new();
    let mut config = Config { pid: folder.0.join("origin.pid"), ..Config::default() };
    config.rtmp.listen = vec![any_port()];
    (config.http_server.enabled, config.http_api.enabled) = (true, true);
    (config.http_server.listen, config.http_api.listen) = (vec![any_port()], vec![any_port()]);
    config.http_server.dir = folder.0.join("html");
    let origin = Origin::bind(config).unwrap();
    assert!(origin.api().is_empty(), "one listener for both");
    for path in ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/versions", "/api/v1/streams"] {
        let answer = ask(origin.http()[0], path);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""code":0"#), "{path}: {answer}");
    }
    for (path, is_of_api) in [("/api/v2", true), ("/", false), ("/apis", false)] {
        let answer = ask(origin.http()[0], path);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert_eq!(answer.contains(r#""code":404"#), is_of_api, "{path}: {answer}");
    }
}

#[test]
fn the_address_told_to_a_proxy_is_of_the_family_by_which_it_is_reached() {
    for url in ["http://127.0.0.1:12025/api/v1/srs/register", "http://127.0.0.1", "http://localhost:12025/"] {
        assert_eq!(reached_from(url), IpAddr::from(Ipv4Addr::LOCALHOST), "{url}");
    }
    // Another answer only where this machine has no IPv6 at all.
    let has_v6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let expected = if has_v6 { Ipv6Addr::LOCALHOST.into() } else { IpAddr::from(Ipv4Addr::LOCALHOST) };
    for url in ["http://[::1]:12025/api/v1/srs/register", "http://[::1]/", "http://[::1]"] {
        assert_eq!(reached_from(url), expected, "{url}");
    }
}

#[test]
fn a_url_that_leads_nowhere_leaves_loopback() {
    assert_eq!(reached_from("nonsense"), IpAddr::from(Ipv4Addr::LOCALHOST));
}

#[test]
fn a_heartbeat_over_ipv6_is_a_registration_that_a_proxy_takes() {
    let listen = |ip: IpAddr| [SocketAddr::new(ip, 19351)];
    let mut config = Config::default();
    (config.heartbeat.ports, config.heartbeat.url) = (true, "http://[::1]:12025/".to_owned());
    config.device_ip = Some("fd00::2".to_owned());
    let (any, own) = (listen(Ipv6Addr::UNSPECIFIED.into()), listen("fd00::3".parse().unwrap()));
    let identity = Identity {
        signature: "SRS".to_owned(),
        version: "1".to_owned(),
        server: "vid-a".to_owned(),
        service: "s".to_owned(),
        pid: "1".to_owned(),
    };
    let message = beat_message(&config, &identity, (&any, &own, &[]), std::time::Duration::from_secs(1));
    let node = message.into_node(false).unwrap();
    let dialled = |label| node.endpoint(label).unwrap().to_string();
    assert_eq!(
        (dialled("rtmp"), dialled("http")),
        ("[fd00::2]:19351".to_owned(), "[fd00::3]:19351".to_owned())
    );
}

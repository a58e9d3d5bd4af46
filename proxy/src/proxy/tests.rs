use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

/// A configuration of which each listener gets a port of loopback.
fn config() -> Config {
    let any = Listen { ip: Some([127, 0, 0, 1].into()), port: 0 };
    Config {
        rtmp: any,
        http_server: any,
        http_api: any,
        srt: any,
        webrtc: any,
        system_api: any,
        ..Config::default()
    }
}

fn trusting(balancers: &str) -> Proxy {
    Proxy::bind(Config { protocol_trust: vec![balancers.parse().unwrap()], ..config() }).unwrap()
}

/// The answer to a request for the versions, with these bytes before it; empty when the connection was closed.
fn versions(address: SocketAddr, before: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("{before}GET /api/v1/versions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _reset = stream.read_to_string(&mut answer);
    answer
}

const HEADER: &str = "PROXY TCP4 192.0.2.7 192.0.2.1 5 1985\r\n";

#[test]
fn a_second_proxy_with_a_directory_of_its_own_is_told_which_port_is_taken() {
    let first = Proxy::bind(config()).unwrap();
    let taken = Listen { ip: Some(first.rtmp().ip()), port: first.rtmp().port() };
    let error = Proxy::bind(Config { rtmp: taken, ..config() }).err().unwrap().to_string();
    let begin = format!("PROXY_RTMP_SERVER={taken}: cannot listen: ");
    assert!(error.starts_with(&begin) && error.contains("in use"), "{error}");
}

#[test]
fn a_balancers_connection_must_begin_with_a_header() {
    let proxy = trusting("127.0.0.1");
    for address in [proxy.http(), proxy.http_api()] {
        assert!(versions(address, HEADER).starts_with("HTTP/1.1 200 "));
        assert_eq!(versions(address, ""), "");
    }
}

#[test]
fn a_header_from_an_address_that_is_not_trusted_is_a_bad_request() {
    for proxy in [Proxy::bind(config()).unwrap(), trusting("192.0.2.0/24")] {
        for address in [proxy.http(), proxy.http_api()] {
            assert!(versions(address, "").starts_with("HTTP/1.1 200 "));
            assert!(versions(address, HEADER).starts_with("HTTP/1.1 400 "));
        }
    }
}

#[test]
fn who_may_steer_is_judged_by_the_address_in_the_header() {
    let proxy = trusting("127.0.0.1");
    let ask = |source: &str| {
        let mut stream = TcpStream::connect(proxy.http_api()).unwrap();
        let header = format!("PROXY TCP4 {source} 192.0.2.1 5 1985\r\n");
        let request = "GET /api/v1/clients HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        stream.write_all((header + request).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("127.0.0.9").starts_with("HTTP/1.1 200 "));
    let refused = ask("192.0.2.7");
    assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains("192.0.2.7"), "{refused}");
}

#[test]
fn nodes_of_the_balancers_machine_register_without_a_header() {
    let proxy = trusting("127.0.0.1");
    let mut stream = TcpStream::connect(proxy.system_api()).unwrap();
    stream
        .write_all(b"GET /api/v1/origins HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn whip_and_whep_are_answered_at_both_ports_of_http() {
    let proxy = Proxy::bind(config()).unwrap();
    for address in [proxy.http(), proxy.http_api()] {
        for (method, status) in [("POST", "503"), ("OPTIONS", "204"), ("GET", "405")] {
            let mut stream = TcpStream::connect(address).unwrap();
            let request = format!(
                "{method} /rtc/v1/whep/?app=live&stream=a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nv=0"
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{address} {answer}");
        }
    }
}

#[test]
fn media_of_webrtc_is_taken_by_udp_and_tcp_at_one_number() {
    let proxy = Proxy::bind(config()).unwrap();
    assert!(TcpStream::connect(proxy.webrtc()).is_ok());
    assert!(proxy.banner().iter().any(|line| line.contains(&format!("WebRTC     {}", proxy.webrtc()))));
}

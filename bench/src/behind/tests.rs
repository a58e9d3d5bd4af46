use super::*;

fn look(clients: u64, received: u64, sent: u64) -> Look {
    Look { clients, received, sent }
}

#[test]
fn counts_are_read_from_the_metrics_and_summed_over_the_streams() {
    let metrics = "# HELP srs_clients_total Clients.\nsrs_clients 1\nsrs_clients_total 7\n";
    let streams = r#"{"code": 0, "streams": [{"recv_bytes": 2, "send_bytes": 30}, {"recv_bytes": 4, "send_bytes": 50}]}"#;
    assert_eq!(Look::read(metrics, streams).unwrap(), look(7, 6, 80));
    assert!(Look::read("", streams).is_err());
    assert!(Look::read(metrics, r#"{"code": 100}"#).is_err());
}

#[test]
fn sessions_count_from_the_beginning_and_bytes_from_when_it_settled() {
    let mut line = Map::new();
    report(&look(1, 100, 0), &look(2, 1000, 500), &look(3, 2000, 1540), &mut line);
    assert_eq!(line["pulls"], 2);
    assert_eq!(line["egress"], 1.04);
}

#[test]
fn a_stream_that_stood_still_has_no_egress_by_its_rate() {
    let mut line = Map::new();
    report(&look(1, 100, 0), &look(2, 100, 0), &look(2, 100, 40), &mut line);
    assert_eq!(line["egress"], Value::Null);
}

#[test]
fn an_answer_that_is_no_200_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        // All of it: a socket that is closed with more to read takes its answer back.
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut some = [0; 256];
            let count = socket.read(&mut some).unwrap();
            asked.extend_from_slice(&some[..count]);
        }
        socket.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        asked
    });
    let error = get(&at, "/metrics").unwrap_err().to_string();
    assert!(error.ends_with("HTTP/1.1 403 Forbidden"), "{error}");
    assert!(server.join().unwrap().starts_with(b"GET /metrics"));
}

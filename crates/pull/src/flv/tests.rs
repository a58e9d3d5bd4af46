use std::cell::RefCell;
use std::rc::Rc;

use bytes::BytesMut;
use srs_names::NodeId;
use srs_names::envelope::{Envelope, Seal, bound};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

use super::*;

/// A server that answers each connection with the next of these texts, and closes.
async fn server(answers: Vec<Vec<u8>>) -> (u16, Rc<RefCell<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&heads);
    spawn_local(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let more = buffer::read(&mut stream).await.unwrap();
                head.extend_from_slice(&more);
            }
            noted.borrow_mut().push(String::from_utf8(head).unwrap());
            stream.write_all(&answer).await.unwrap();
        }
    });
    (port, heads)
}

fn target(port: u16) -> Target {
    Target {
        scheme: Scheme::Http,
        host: "127.0.0.1".to_owned(),
        port,
        login: None,
        path: "/live/a b.flv".to_owned(),
        query: "token=1".to_owned(),
        vhost: Some("v.example".to_owned()),
        srt: SrtCall::default(),
    }
}

/// A head and an FLV file of a key frame and a frame behind it, as one chunk, and the end where that is wanted.
fn stream(ends: bool) -> Vec<u8> {
    let mut file = BytesMut::from(&tag::FILE_HEADER[..]);
    tag::write(9, 100, &[0x17, 1, 0, 0, 0, 1], &mut file);
    tag::write(9, 140, &[0x27, 1, 0, 0, 0, 2], &mut file);
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    answer.extend_from_slice(format!("{:x}\r\n", file.len()).as_bytes());
    answer.extend_from_slice(&file);
    answer.extend_from_slice(if ends { b"\r\n0\r\n\r\n" } else { b"\r\n" });
    answer
}

async fn events(session: &mut Session) -> Vec<String> {
    let mut events = Vec::new();
    loop {
        match session.next().await {
            Ok(Event::Frame(frame)) => events.push(format!("{} {:?}", frame.time, frame.role)),
            Ok(other) => return [events, vec![format!("{other:?}")]].concat(),
            Err(failed) => return [events, vec![failed.why]].concat(),
        }
    }
}

#[tokio::test]
async fn a_stream_over_http_is_read_to_its_end() {
    let body = async {
        let (port, heads) = server(vec![stream(true), stream(false)]).await;
        let mut session = Session::open(&target(port), None).await.unwrap();
        assert_eq!(events(&mut session).await, ["100 Key", "140 Inter", "Over"]);
        let head = heads.borrow()[0].clone();
        assert!(head.starts_with("GET /live/a%20b.flv?token=1 HTTP/1.1\r\nHost: v.example\r\n"), "{head}");
        assert!(!head.contains(HTTP_HEADER));
        let mut session = Session::open(&target(port), None).await.unwrap();
        assert_eq!(events(&mut session).await, ["100 Key", "140 Inter", "the answer broke off"]);
    };
    LocalSet::new().run_until(body).await;
}

fn elsewhere(port: u16) -> Vec<u8> {
    let head = format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/x/y.flv?k=2\r\n");
    format!("{head}Content-Length: 0\r\n\r\n").into_bytes()
}

/// The envelope in a head, if there is one for the server at this port.
fn envelope(seal: &Seal, head: &str, port: u16) -> Option<Envelope> {
    let text = head.lines().find_map(|line| line.strip_prefix("x-srs-node: "))?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    Some(seal.open(text, |to| to == format!("127.0.0.1:{port}"), now as u64).unwrap().0)
}

#[tokio::test]
async fn a_redirect_is_followed_and_servers_of_the_plan_are_told_who_asks() {
    let body = async {
        let (port, heads) = server(vec![stream(true), stream(true)]).await;
        let within = b"HTTP/1.1 302 Found\r\nLocation: /y.flv\r\nContent-Length: 0\r\n\r\n".to_vec();
        let (first, at_first) = server(vec![within, elsewhere(port), elsewhere(port)]).await;
        let me = NodeId::new("me").unwrap();
        let seal = Seal::new(b"secret");
        let asker = Asker {
            seal: Some(seal.clone()),
            me,
            client: None,
            hops: Vec::new(),
            debug: false,
            servers: vec![("127.0.0.1".to_owned(), port)],
        };
        let mut session = Session::open(&target(first), Some(&asker)).await.unwrap();
        assert_eq!(events(&mut session).await.len(), 3);
        let head = heads.borrow()[0].clone();
        assert!(head.starts_with("GET /x/y.flv?k=2 HTTP/1.1\r\nHost: v.example\r\n"), "{head}");
        assert_eq!(envelope(&seal, &head, port).unwrap().bound, bound::of_http("GET", "/x/y.flv?k=2"));
        let again = envelope(&seal, &at_first.borrow()[1], first).unwrap();
        assert_eq!(again.bound, bound::of_http("GET", "/y.flv"), "it is the server that was meant");
        // Nobody else gets what he could show at a node of ours.
        let asker = Asker { servers: Vec::new(), ..asker };
        let mut session = Session::open(&target(first), Some(&asker)).await.unwrap();
        assert_eq!(events(&mut session).await.len(), 3);
        assert_eq!(envelope(&seal, &heads.borrow()[1], port), None);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn a_login_is_told_to_the_server_that_it_is_for_and_to_no_other() {
    let body = async {
        let (other, at_other) = server(vec![stream(true)]).await;
        let within = b"HTTP/1.1 302 Found\r\nLocation: /y.flv\r\nContent-Length: 0\r\n\r\n".to_vec();
        let (port, heads) = server(vec![within, elsewhere(other)]).await;
        let login = Login { user: "Aladdin".to_owned(), password: "open sesame".to_owned() };
        let target = Target { login: Some(login), ..target(port) };
        let mut session = Session::open(&target, None).await.unwrap();
        assert_eq!(events(&mut session).await.len(), 3);
        assert_eq!(heads.borrow().len(), 2);
        for head in &*heads.borrow() {
            assert!(head.contains("\r\nauthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{head}");
        }
        let head = at_other.borrow()[0].to_ascii_lowercase();
        assert!(!head.contains("authorization"), "{head}");
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn a_server_that_redirects_for_ever_is_left() {
    let body = async {
        let again = b"HTTP/1.1 302 Found\r\nLocation: /live/again.flv\r\nContent-Length: 0\r\n\r\n".to_vec();
        let (port, heads) = server(vec![again; 10]).await;
        let failed = Session::open(&target(port), None).await.unwrap_err();
        assert_eq!((failed.kind, heads.borrow().len()), (MissingKind::Unreachable, 4));
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn a_status_tells_what_a_viewer_is_told() {
    let body = async {
        for (status, kind) in [
            ("404 Not Found", MissingKind::NotFound),
            ("403 Forbidden", MissingKind::Forbidden),
            ("508 Loop Detected", MissingKind::Loop),
            ("503 Service Unavailable", MissingKind::Unreachable),
        ] {
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nwords\n");
            let (port, _) = server(vec![answer.into_bytes()]).await;
            let failed = Session::open(&target(port), None).await.unwrap_err();
            assert_eq!((failed.kind, failed.why.as_str()), (kind, "words"));
        }
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn https_towards_a_server_that_speaks_none_is_a_failure_and_no_more() {
    let body = async {
        let (port, _) = server(vec![]).await;
        let target = Target { scheme: Scheme::Https, ..target(port) };
        let failed = Session::open(&target, None).await.unwrap_err();
        assert_eq!(failed.kind, MissingKind::Unreachable);
    };
    LocalSet::new().run_until(body).await;
}

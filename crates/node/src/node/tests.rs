use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;

use srs_control::register::Message;

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
    let origin = Node::bind(config).unwrap();
    assert!(origin.api().is_empty(), "one listener for both");
    for path in
        ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/versions", "/api/v1/streams", "/api/v1/pulls"]
    {
        let answer = ask(origin.http()[0], path);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""code":0"#), "{path}: {answer}");
    }
    for (path, is_of_api) in [("/api/v2", true), ("/", false), ("/apis", false)] {
        let answer = ask(origin.http()[0], path);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert_eq!(answer.contains(r#""code":404"#), is_of_api, "{path}: {answer}");
    }
}

/// A proxy on a thread, which takes heartbeats and tells of them.
fn proxy() -> (String, mpsc::Receiver<Message>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (telling, told) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let body = body(&mut stream);
            let _gone_already =
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if telling.send(Message::parse(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (url, told)
}

fn body(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if bytes.len() >= head + length.parse::<usize>().unwrap() {
                return bytes.split_off(head);
            }
        }
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the heartbeat broke off");
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// An origin that tells these proxies of itself every half minute.
fn origin(folder: &Folder, urls: Vec<String>) -> Node {
    let mut config = Config { pid: folder.0.join("origin.pid"), ..Config::default() };
    config.rtmp.listen = vec![any_port()];
    (config.heartbeat.enabled, config.heartbeat.interval) = (!urls.is_empty(), Duration::from_secs(30));
    config.heartbeat.urls = urls;
    config.grace_final_wait = Duration::from_secs(20);
    config.cluster_secret = Some(srs_boot::Secret::new("a secret of the cluster"));
    Node::bind(config).unwrap()
}

/// Signals reach every listener of the process.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Serves until this process gets the signal, which comes as soon as the origin listens for it.
fn end_by(origin: &Node, signal: &str) {
    let _turn = TURN.lock().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kill = async {
        let me = std::process::id().to_string();
        assert!(Command::new("kill").args([signal, &me]).status().unwrap().success());
    };
    runtime.block_on(async { tokio::join!(biased; origin.until_over(), kill).0 }).unwrap();
}

#[test]
fn every_proxy_is_told_at_once_when_the_origin_is_to_be_left() {
    let folder = Folder::new();
    let ((first_url, first), (second_url, second)) = (proxy(), proxy());
    // Nobody listens there any more.
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let origin = origin(&folder, vec![format!("http://{gone}/"), first_url, second_url]);
    for proxy in [&first, &second] {
        let beat = proxy.recv().unwrap();
        assert_eq!(beat.capabilities, Some(vec!["envelope".to_owned()]));
        assert_eq!((beat.draining, beat.streams), (None, Some(Vec::new())));
    }
    end_by(&origin, "-TERM");
    for proxy in [&first, &second] {
        assert_eq!(proxy.recv().unwrap().draining, Some(true));
    }
}

#[test]
fn an_origin_that_no_proxy_knows_ends_at_the_first_signal() {
    let folder = Folder::new();
    let origin = origin(&folder, Vec::new());
    assert!(origin.beats.is_none());
    end_by(&origin, "-QUIT");
}

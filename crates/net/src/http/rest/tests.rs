use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::http::read_request;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (theirs, ours) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (ours.unwrap().0, theirs.unwrap())
}

async fn say(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(request.uri().path().to_owned()))
}

#[tokio::test]
async fn bytes_read_already_are_read_again_first() {
    for room in 1..20 {
        let mut whole = Rewind::new(Bytes::from_static(b"first "), &b"second"[..]);
        let mut out = Vec::new();
        let mut buffer = vec![0; room];
        loop {
            let count = whole.read(&mut buffer).await.unwrap();
            if count == 0 {
                break;
            }
            out.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(out, b"first second", "{room}");
    }
}

#[tokio::test]
async fn one_request_is_served_and_the_connection_ends() {
    let (mut ours, mut theirs) = pair().await;
    theirs
        .write_all(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two.flv HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let received = read_request(&mut ours).await.unwrap();
    assert_eq!(received.request.as_ref().unwrap().uri().path(), "/one");
    let service = hyper::service::service_fn(say);
    let mut answer = Vec::new();
    let (served, read) =
        tokio::join!(serve_rest(Rewind::new(received.bytes, ours), service), theirs.read_to_end(&mut answer));
    served.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    // Unread bytes may reset the connection; the answer came before that.
    assert!(read.is_ok() || !answer.is_empty());
    assert!(answer.ends_with("/one") && answer.contains("connection: close"), "{answer}");
}

/// Answers with more than any buffer on the way takes.
async fn say_much(_: Request<Incoming>) -> Result<Response<String>, Infallible> {
    Ok(Response::new("x".repeat(1 << 20)))
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_its_answer_is_given_up() {
    let (ours, mut theirs) = tokio::io::duplex(4096);
    theirs.write_all(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let began = tokio::time::Instant::now();
    let served = serve_rest(ours, hyper::service::service_fn(say_much));
    let served = tokio::time::timeout(10 * limits::STALL, served).await.expect("it is held for ever");
    assert!(served.is_err());
    assert_eq!(began.elapsed().as_secs(), limits::STALL.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_its_whole_answer() {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    theirs.write_all(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let read = async {
        let mut answer = Vec::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            tokio::time::sleep(limits::STALL * 9 / 10).await;
            match theirs.read(&mut piece).await.unwrap() {
                0 => return answer,
                count => answer.extend_from_slice(&piece[..count]),
            }
        }
    };
    let (served, answer) = tokio::join!(serve_rest(ours, hyper::service::service_fn(say_much)), read);
    served.unwrap();
    assert!(answer.ends_with(&[b'x'; 1 << 20]));
}

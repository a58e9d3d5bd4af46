use super::*;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nabcde";

#[test]
fn an_answer_is_read_however_it_is_cut() {
    for cut in 1..ANSWER.len() {
        let mut answer = Answer::default();
        assert!(answer.is_untouched());
        let mut body = answer.feed(&ANSWER[..cut]).unwrap().to_vec();
        assert!(!answer.is_whole() && !answer.is_untouched(), "{cut}");
        body.extend_from_slice(answer.feed(&ANSWER[cut..]).unwrap());
        assert_eq!(
            (answer.status, answer.closes, body.as_slice()),
            (200, false, b"abcde".as_slice()),
            "{cut}"
        );
        assert!(answer.is_whole());
    }
}

#[test]
fn an_answer_without_a_length_is_an_error() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(Answer::default().feed(chunked), Err("no Content-Length"));
}

#[test]
fn bytes_behind_the_end_are_an_error() {
    assert!(Answer::default().feed(&[ANSWER, b"f"].concat()).is_err());
}

#[test]
fn a_server_that_closes_says_so() {
    let mut answer = Answer::default();
    answer.feed(b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    assert_eq!((answer.status, answer.closes, answer.is_whole()), (404, true, true));
}

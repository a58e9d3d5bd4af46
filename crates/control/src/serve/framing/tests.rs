use super::*;

/// Feeds the text cut at every place, which must make no difference, and returns the fault or the number of
/// requests that ended.
fn read(text: &[u8]) -> Result<bool, Fault> {
    let whole = feed(&[text]);
    for at in 0..text.len().min(600) {
        let (left, right) = text.split_at(at);
        assert_eq!(feed(&[left, right]), whole, "cut at {at}");
    }
    whole
}

/// True when the connection stands between two requests afterwards.
fn feed(parts: &[&[u8]]) -> Result<bool, Fault> {
    let mut framing = Framing::new();
    for part in parts {
        framing.feed(part)?;
    }
    Ok(framing.state == State::Head && !framing.is_inside_head())
}

fn request(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}").into_bytes()
}

#[test]
fn plain_requests_pass() {
    for (fields, body) in [
        ("", ""),
        ("Content-Length: 0\r\n", ""),
        ("Content-Length: 5\r\n", "hello"),
        ("content-length:5\r\nX-Empty:\r\nX-Tab: a\tb\r\n", "he\nlo"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        ("Transfer-Encoding: Chunked\r\n", "0\r\n\r\n"),
    ] {
        let mut text = request(fields, body);
        assert_eq!(read(&text), Ok(true), "{fields:?}");
        text.extend(request(fields, body));
        assert_eq!(read(&text), Ok(true), "two of {fields:?}");
    }
    assert_eq!(read(b"\r\nGET / HTTP/1.0\r\n\r\n"), Ok(true));
}

#[test]
fn an_unfinished_request_is_waited_for() {
    for text in [
        &b"GET / HTT"[..],
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
    ] {
        assert_eq!(read(text), Ok(false));
    }
}

#[test]
fn every_ambiguous_field_is_refused() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\ncontent-length: 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5,5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: a\r\n folded\r\n",
        "X: a\r\n\tfolded\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length : 5\r\n",
        ": empty\r\n",
        "no colon\r\n",
        "X Y: a\r\n",
        "X\0: a\r\n",
        "X: a\0b\r\n",
        "X: a\x7fb\r\n",
        "X: a\nContent-Length: 5\r\n",
        "X: a\rContent-Length: 5\r\n",
        "X: a\n",
        "Host: b\r\n",
        "X\u{e4}: a\r\n",
    ] {
        assert!(matches!(read(&request(fields, "hello")), Err(Fault::Bad(_))), "{fields:?}");
    }
}

#[test]
fn every_odd_request_line_is_refused() {
    for line in [
        "GET /",
        "GET / HTTP/0.9",
        "GET / HTTP/2.0",
        "GET / HTTP/1.2",
        "GET / http/1.1",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET /\x01 HTTP/1.1",
        "/ HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        let text = format!("{line}\r\nHost: a\r\n\r\n");
        assert!(matches!(read(text.as_bytes()), Err(Fault::Bad(_))), "{line:?}");
    }
}

#[test]
fn http_1_1_without_a_host_is_refused() {
    assert_eq!(read(b"GET / HTTP/1.1\r\n\r\n"), Err(Fault::Bad("no host")));
}

#[test]
fn http_1_0_with_a_transfer_encoding_is_refused() {
    assert!(read(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
}

#[test]
fn every_odd_chunk_is_refused() {
    for body in [
        "5;ext=1\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "1FFFFFFFF\r\n",
        "0\r\nTrailer: a\r\n\r\n",
        "0\r\n\nGET",
    ] {
        assert!(
            matches!(read(&request("Transfer-Encoding: chunked\r\n", body)), Err(Fault::Bad(_))),
            "{body:?}"
        );
    }
}

#[test]
fn heads_are_bounded_in_bytes() {
    let start = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    let head = |fill: usize| [start.clone(), vec![b'a'; fill], b"\r\n\r\n".to_vec()].concat();
    let most = MAX_HEAD - start.len() - 4;
    assert_eq!(feed(&[&head(most)]), Ok(true));
    assert_eq!(feed(&[&head(most + 1)]), Err(Fault::TooLarge));
    assert_eq!(
        feed(&[&b"\r\n".repeat(MAX_HEAD)]),
        Err(Fault::TooLarge),
        "empty lines before a request count"
    );
}

#[test]
fn heads_are_bounded_in_fields() {
    let head = |fields: usize| request(&"X: a\r\n".repeat(fields - 1), "");
    assert_eq!(feed(&[&head(MAX_FIELDS)]), Ok(true));
    assert_eq!(feed(&[&head(MAX_FIELDS + 1)]), Err(Fault::TooLarge));
}

#[test]
fn random_bytes_never_panic() {
    let mut seed = 1_u32;
    let alphabet = b"GET / HTTP/1.1\r\n:Content-Length0123456789abcTransfer-Encodingchunked\0\xff ";
    for _ in 0..20_000 {
        let text: Vec<u8> = (0..80)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                alphabet[(seed >> 16) as usize % alphabet.len()]
            })
            .collect();
        let mut framing = Framing::new();
        let _ = framing.feed(&text);
        let _ = framing.feed(&text);
    }
}

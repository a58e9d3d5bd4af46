use super::*;

fn all(body: &mut Body, input: &[u8], step: usize) -> Result<Vec<u8>, BodyError> {
    let mut out = Vec::new();
    for part in input.chunks(step) {
        let mut part = Bytes::copy_from_slice(part);
        while let Some(piece) = body.read(&mut part)? {
            out.extend_from_slice(&piece);
        }
    }
    Ok(out)
}

fn chunked() -> Body {
    Body::Chunked(Chunked::Size(Vec::new()))
}

#[test]
fn chunks_are_joined_wherever_the_input_is_split() {
    let input = b"3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";
    for step in 1..input.len() {
        let mut body = chunked();
        assert_eq!(all(&mut body, input, step).unwrap(), b"abc0123456789");
        assert!(body.is_over());
    }
}

#[test]
fn broken_chunk_sizes_are_refused() {
    for input in ["\r\n", "-1\r\n", "+3\r\n", "3\n", "0x3\r\n", "ffffffffffffffffff\r\n", "3\r\nabcd"] {
        assert!(all(&mut chunked(), input.as_bytes(), 1).is_err(), "{input:?}");
    }
}

#[test]
fn a_body_with_a_length_ends_there() {
    let mut body = Body::Length(3);
    assert_eq!(all(&mut body, b"abcdef", 2).unwrap(), b"abc");
    assert!(body.is_over());
}

#[test]
fn unclear_lengths_are_refused() {
    let of = |fields: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, http::HeaderValue::from_static(value));
        }
        Body::of_response(&headers)
    };
    assert!(of(&[("content-length", "3"), ("transfer-encoding", "chunked")]).is_err());
    assert!(of(&[("content-length", "3"), ("content-length", "3")]).is_err());
    assert!(of(&[("content-length", "+3")]).is_err());
    assert!(of(&[("transfer-encoding", "gzip, chunked")]).is_err());
    assert_eq!(of(&[]), Ok(Body::UntilClose));
    assert_eq!(of(&[("content-length", "3")]), Ok(Body::Length(3)));
}

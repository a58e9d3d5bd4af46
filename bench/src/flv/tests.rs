use super::*;

fn file() -> Vec<u8> {
    let mut bytes = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for (kind, body) in [(18, vec![1; 40]), (9, vec![2; 300]), (8, vec![3; 20])] {
        bytes.extend_from_slice(&[kind, 0, (body.len() >> 8) as u8, body.len() as u8, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&(body.len() as u32 + 11).to_be_bytes());
    }
    bytes
}

fn chunked() -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in file().chunks(77) {
        bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn read(parts: &[&[u8]]) -> Result<Vec<(u8, usize)>, String> {
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    for part in parts {
        reader.feed(part, &mut |kind, body| found.push((kind, body.len())))?;
    }
    Ok(found)
}

#[test]
fn both_transfer_codings_survive_any_split() {
    let plain = [b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n".as_slice(), &file()].concat();
    for bytes in [plain, chunked()] {
        for split in 0..=bytes.len() {
            let found = read(&[&bytes[..split], &bytes[split..]]).unwrap();
            assert_eq!(found, [(9, 300), (8, 20)], "split at {split}");
        }
    }
}

#[test]
fn status_other_than_200_is_an_error() {
    assert_eq!(read(&[b"HTTP/1.1 404 Not Found\r\n\r\n"]).unwrap_err(), "HTTP status 404");
}

#[test]
fn end_of_a_chunked_response_is_an_error() {
    let bytes = [chunked(), b"0\r\n\r\n".to_vec()].concat();
    assert_eq!(read(&[&bytes]).unwrap_err(), "response ended");
}

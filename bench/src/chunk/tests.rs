use super::*;

fn message(kind: u8, time: u32, length: usize) -> Message {
    Message { kind, time, body: (0..length).map(|i| i as u8).collect() }
}

fn written(messages: &[Message], chunk: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        write(&mut out, chunk, 6, 1, message.kind, message.time, &message.body);
    }
    out
}

#[test]
fn messages_survive_any_split() {
    let messages = [message(9, 0, 300), message(8, 20, 5), message(9, 0x0100_0000, 400)];
    let bytes = written(&messages, DEFAULT_CHUNK);
    for split in 0..bytes.len() {
        let mut reader = Reader::new();
        let mut read = Vec::new();
        for part in [&bytes[..split], &bytes[split..]] {
            reader.push(part);
            while let Some(message) = reader.next().unwrap() {
                read.push(message);
            }
        }
        assert_eq!(read, messages, "split at {split}");
    }
}

#[test]
fn set_chunk_size_holds_from_the_next_message() {
    let mut bytes = Vec::new();
    write(&mut bytes, DEFAULT_CHUNK, 2, 0, SET_CHUNK_SIZE, 0, &1000u32.to_be_bytes());
    bytes.extend(written(&[message(9, 1, 900)], 1000));
    let mut reader = Reader::new();
    reader.push(&bytes);
    assert_eq!(reader.next().unwrap().unwrap().kind, SET_CHUNK_SIZE);
    assert_eq!(reader.next().unwrap().unwrap(), message(9, 1, 900));
}

#[test]
fn interleaved_chunk_streams_are_told_apart() {
    let (video, audio) = (written(&[message(9, 1, 200)], DEFAULT_CHUNK), message(8, 2, 7));
    let mut bytes = video[..12 + DEFAULT_CHUNK].to_vec();
    write(&mut bytes, DEFAULT_CHUNK, 4, 1, 8, 2, &audio.body);
    bytes.extend_from_slice(&video[12 + DEFAULT_CHUNK..]);
    let mut reader = Reader::new();
    reader.push(&bytes);
    assert_eq!(reader.next().unwrap(), Some(audio));
    assert_eq!(reader.next().unwrap(), Some(message(9, 1, 200)));
}

#[test]
fn short_headers_add_their_delta() {
    let mut bytes = written(&[message(9, 100, 1)], DEFAULT_CHUNK);
    bytes.extend_from_slice(&[0x86, 0, 0, 40, 0]); // type 2: delta 40
    bytes.extend_from_slice(&[0xc6, 0]); // type 3: the same again
    let mut reader = Reader::new();
    reader.push(&bytes);
    let times: Vec<u32> = std::iter::from_fn(|| reader.next().unwrap()).map(|message| message.time).collect();
    assert_eq!(times, [100, 140, 180]);
}

#[test]
fn garbage_is_an_error_not_a_panic() {
    for seed in 0..=255u8 {
        let mut reader = Reader::new();
        reader
            .push(&(0..2000u32).map(|i| (i as u8).wrapping_mul(seed).wrapping_add(seed)).collect::<Vec<_>>());
        while let Ok(Some(_)) = reader.next() {}
    }
}

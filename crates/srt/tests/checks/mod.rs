//! What holds for any bytes from the network: used by the tests here and by the fuzz entry points.

// Each of those uses one.
#![allow(dead_code)]

use std::time::Duration;

use srs_srt::handshake::{Change, Error, ExtensionKind, Handshake, PLAIN};
use srs_srt::streamid::{Defaults, strip_key, with_key};
use srs_srt::{Header, MOST_BYTES, SocketId, StreamId};

/// A handshake that is read has nothing beyond its datagram, is written as it was, and told again differs in what was
/// changed alone.
pub fn handshake(data: &[u8]) {
    let Ok(handshake) = Handshake::read(data) else { return };
    assert!((PLAIN..=MOST_BYTES).contains(&data.len()));
    assert_eq!(Header::read(data).map(|header| header.destination), Ok(handshake.destination));
    let plain = handshake.fields.write(handshake.destination, handshake.timestamp);
    // What stands beside the type in the header of a handshake means nothing.
    assert_eq!((&plain[..2], &plain[8..]), (&data[..2], &data[8..PLAIN]));
    let blocks = handshake.extensions.as_bytes();
    assert!(blocks.is_empty() || *blocks == data[PLAIN..]);
    assert_eq!(handshake.extensions.iter().map(|block| 4 + block.content.len()).sum::<usize>(), blocks.len());
    let _ = handshake.srt();

    let (destination, socket, cookie) = (SocketId(1), SocketId(2), 3);
    let change = Change { destination, socket, cookie, stream_id: None, held: Duration::from_micros(4) };
    let again = handshake.for_peer(&change).unwrap();
    assert_eq!((&again[16..40], &again[48..64]), (&data[16..40], &data[48..64]));
    assert_eq!(again[PLAIN..], *blocks);

    let Ok(said) = handshake.stream_id() else { return };
    let text = format!("{}+", said.as_deref().unwrap_or_default());
    match handshake.for_peer(&Change { stream_id: Some(&text), ..change }) {
        Err(error) => assert!(matches!(error, Error::Long { .. } | Error::StreamIdLong { .. }), "{error}"),
        Ok(again) => {
            let again = Handshake::read(&again).unwrap();
            if handshake.fields.version < 5 || again.extensions.as_bytes().is_empty() {
                return;
            }
            assert_eq!(again.stream_id(), Ok(Some(text)));
            let others = |handshake: Handshake<'_>| {
                let all = handshake.extensions.iter();
                let others = all.filter(|block| block.kind != ExtensionKind::STREAM_ID);
                others.map(|block| (block.kind, block.content.to_owned())).collect::<Vec<_>>()
            };
            assert_eq!(others(again), others(handshake));
        }
    }
}

/// What a stream id means is the same in the form of pairs, and with a key of ours, which comes out again.
pub fn stream_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let defaults = Defaults::default();
    let (rest, _) = strip_key(text, "srs");
    assert_eq!(strip_key(&rest, "srs"), (rest.clone(), None));
    let Ok(id) = StreamId::parse(text, &defaults) else { return };
    let same = |other: &str| {
        let other = StreamId::parse(other, &defaults).unwrap();
        assert_eq!((other.mode, &other.user, &other.session), (id.mode, &id.user, &id.session));
        match (id.key(), other.key()) {
            (Ok((key, params)), Ok((again, same))) => {
                assert_eq!(key, again);
                assert!(params.iter().eq(same.iter()), "{params:?} {same:?}");
            }
            (before, after) => assert_eq!(before.is_err(), after.is_err(), "{before:?} {after:?}"),
        }
    };
    let pairs = id.to_string();
    if pairs.len() <= 512 {
        same(&pairs);
    }
    // A stranger's key of the same name goes with ours: what is left is another text.
    if text.contains("srs") {
        return;
    }
    let value = "1;a%20b,c";
    if let Ok(longer) = with_key(text, &defaults, "srs", value) {
        let (rest, told) = strip_key(&longer, "srs");
        assert_eq!(told.as_deref(), Some(value));
        same(&rest);
    }
}

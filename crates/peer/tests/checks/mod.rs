//! What holds for any bytes from the network: used by the tests here and by the fuzz entry points.

// Each of those uses one.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srs_peer::srt::{Call, Passphrase, Settings, accept};
use srs_srt::engine::{Caller as _, Ended, Engine, Progress};
use srs_srt::handshake::Handshake;
use srs_srt::{Reason, SocketId};

const CALLER: SocketId = SocketId(0x0102);
const LISTENER: SocketId = SocketId(0x0304);

fn settings(secret: bool) -> Settings {
    let passphrase = secret.then(|| Passphrase::new("correct horse battery").unwrap());
    Settings { passphrase, ..Settings::default() }
}

/// Both ends of a connection.
fn connect(settings: &Settings, now: Instant) -> [Box<dyn Engine>; 2] {
    let address = ([192, 0, 2, 1], 9000).into();
    let mut call = Call::new(settings, None, address, CALLER, now).unwrap();
    let mut out = BytesMut::new();
    assert!(call.next_packet(now, &mut out));
    let fields = Handshake::read(&out.split()).unwrap().fields;
    let mut answer = fields.answer_induction(CALLER, 1, address.ip()).write(CALLER, 0);
    assert!(matches!(call.packet(now, &mut answer), Progress::Waiting));
    assert!(call.next_packet(now, &mut out));
    let asked = Handshake::read(&out).unwrap();
    let mut accepted = accept(settings, &asked, LISTENER, address, Duration::ZERO, now).unwrap();
    match call.packet(now, &mut accepted.answer) {
        Progress::Connected(engine) => [engine, accepted.engine],
        other => panic!("{other:?}"),
    }
}

/// What an end sends, and the number of its first packet of media.
fn drain(end: &mut dyn Engine, now: Instant) -> (Vec<Vec<u8>>, Option<u32>) {
    let (mut all, mut out) = (Vec::new(), BytesMut::new());
    while end.next_packet(now, &mut out) {
        all.push(out.split().to_vec());
    }
    while end.next_message(now).is_some() {}
    let media = all.iter().find(|packet| packet[0] & 0x80 == 0);
    let number = media.map(|packet| u32::from_be_bytes(packet[..4].try_into().unwrap()));
    (all, number)
}

/// Bytes as packets of a running connection, which takes them or not, in short time, and has no defect. Each is two
/// bytes that say how it is changed and how long it is, and so many of content.
pub fn engine(data: &[u8]) {
    let Some((&first, mut data)) = data.split_first() else { return };
    let mut now = Instant::now();
    let [mut end, _peer] = connect(&settings(first & 1 != 0), now);
    for _ in 0..32 {
        assert!(end.send(now, Bytes::from_static(&[0x47; 1316])));
    }
    now += Duration::from_millis(50);
    end.tick(now);
    let number = drain(&mut *end, now).1.unwrap();
    while let Some((&[how, length], rest)) = data.split_first_chunk::<2>() {
        let (content, rest) = rest.split_at(rest.len().min(length.into()));
        data = rest;
        let mut packet = content.to_vec();
        // To this end, and about numbers that it knows: what is about others goes no far.
        if let Some(field) = packet.get_mut(12..16) {
            field.copy_from_slice(&CALLER.0.to_be_bytes());
        }
        let place = if packet.first().is_some_and(|byte| byte & 0x80 == 0) { 0 } else { 16 };
        if how & 1 != 0
            && let Some(field) = packet.get_mut(place..place + 4)
        {
            let near = number.wrapping_add(u32::from(field[3])) & 0x7fff_ffff;
            field.copy_from_slice(&(near | u32::from(field[0] & 0x80) << 24).to_be_bytes());
        }
        if how & 2 != 0 && end.ended().is_none() {
            end.send(now, Bytes::from_static(&[0x47; 1316]));
        }
        now += Duration::from_micros(u64::from(how >> 2) * 200);
        let begin = Instant::now();
        end.packet(now, &mut packet);
        let next = end.tick(now);
        assert!(next.is_none_or(|next| next > now && next < now + Duration::from_secs(1)));
        let (all, _) = drain(&mut *end, now);
        assert!(all.iter().all(|packet| (16..=1472).contains(&packet.len())));
        assert!(all.len() < 1_000, "{}", all.len());
        assert!(begin.elapsed() < Duration::from_secs(2), "{packet:?}");
    }
    assert_ne!(end.ended(), Some(Ended::Broken));
    end.stats(now);
    end.close(now);
    assert!(end.ended().is_some() && end.tick(now).is_none());
    drain(&mut *end, now);
    assert!(!end.next_packet(now, &mut BytesMut::new()) && !end.send(now, Bytes::from_static(b"late")));
}

/// Any handshake is accepted or refused, by a listener with a passphrase and one without; a call too has an end of it.
pub fn handshake(data: &[u8]) {
    let now = Instant::now();
    let address = ([192, 0, 2, 1], 9000).into();
    let mut datagram = data.to_vec();
    let mut call = Call::new(&settings(false), None, address, CALLER, now).unwrap();
    let _ = call.packet(now, &mut datagram);
    let Ok(asked) = Handshake::read(data) else { return };
    let plain = accept(&settings(false), &asked, LISTENER, address, Duration::ZERO, now);
    let locked = accept(&settings(true), &asked, LISTENER, address, Duration::ZERO, now);
    assert!(plain.is_err() || locked.is_err(), "one passphrase for all");
    for answer in [plain, locked] {
        match answer {
            Ok(accepted) => {
                assert!(Handshake::read(&accepted.answer).unwrap().srt().is_ok_and(|word| word.is_some()))
            }
            Err(reason) => assert_ne!(reason, Reason::INTERNAL_ERROR),
        }
    }
}

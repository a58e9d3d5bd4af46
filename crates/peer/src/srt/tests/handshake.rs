use std::time::Instant;

use bytes::BytesMut;
use srs_srt::engine::{CallError, Caller as _, Progress};
use srs_srt::handshake::{self, Extension, ExtensionKind, Fields, Handshake, Kind, MOST_BETWEEN_NODES, Srt};
use srs_srt::{Reason, SocketId};

use super::kit::{CALLER, LISTENER, SECRET, address, latency, ms, secret};
use crate::srt::keys::Cipher;
use crate::srt::{Call, KeyLength, Passphrase, Settings, accept};

const HSREQ: ExtensionKind = ExtensionKind::HSREQ;
const KMREQ: ExtensionKind = ExtensionKind::KMREQ;

fn fields() -> Fields {
    Fields {
        version: 5,
        encryption: 0,
        extension: 0,
        sequence: 5,
        mtu: 1500,
        window: 8192,
        kind: Kind::Conclusion,
        socket: CALLER,
        cookie: 7,
        peer_ip: [0; 16],
    }
}

fn word() -> Srt {
    Srt { version: 0x0001_0501, flags: 0xbf, receive_delay: 120, send_delay: 120 }
}

/// Key material by this passphrase.
fn keys(passphrase: &str, length: u64) -> Vec<u8> {
    let passphrase = Passphrase::new(passphrase).unwrap();
    Cipher::make(&passphrase, KeyLength::new(length).unwrap(), &Settings::default()).unwrap().message
}

type Extensions = Vec<(ExtensionKind, Vec<u8>)>;

fn answer(settings: &Settings, fields: &Fields, extensions: &Extensions) -> Result<Vec<u8>, Reason> {
    let extensions: Vec<_> =
        extensions.iter().map(|(kind, content)| Extension { kind: *kind, content }).collect();
    let bytes = handshake::write(fields, &extensions, SocketId::LISTENER, 1_000).unwrap();
    let Ok(asked) = Handshake::read(&bytes) else { return Err(Reason::ROGUE) };
    accept(settings, &asked, LISTENER, address(), ms(1), Instant::now()).map(|accepted| accepted.answer)
}

#[test]
fn an_answer_grants_the_longer_latency_each_way() {
    let settings = Settings { receive_latency: ms(200), peer_latency: ms(50), ..Settings::default() };
    let asked = Srt { receive_delay: 80, send_delay: 300, ..word() };
    let bytes = answer(&settings, &fields(), &vec![(HSREQ, asked.write().to_vec())]).unwrap();
    let told = Handshake::read(&bytes).unwrap();
    let granted = told.srt().unwrap().unwrap();
    assert_eq!((granted.receive_delay, granted.send_delay), (300, 80));
    assert_eq!((granted.version, granted.flags), (0x0001_0501, 0x3f));
    assert_eq!((told.destination, told.fields.socket, told.fields.cookie), (CALLER, LISTENER, 7));
    assert_eq!((told.fields.sequence, told.fields.mtu, told.fields.kind), (5, 1500, Kind::Conclusion));
}

#[test]
fn an_absurd_latency_is_cut() {
    let asked = Srt { receive_delay: u16::MAX, send_delay: u16::MAX, ..word() };
    let bytes = answer(&Settings::default(), &fields(), &vec![(HSREQ, asked.write().to_vec())]).unwrap();
    let granted = Handshake::read(&bytes).unwrap().srt().unwrap().unwrap();
    assert_eq!((granted.receive_delay, granted.send_delay), (10_000, 10_000));
}

#[test]
fn key_material_comes_back_as_it_was() {
    let message = keys(SECRET, 24);
    let asked = vec![(HSREQ, word().write().to_vec()), (KMREQ, message.clone())];
    let bytes = answer(&secret(SECRET, 0), &Fields { encryption: 3, ..fields() }, &asked).unwrap();
    let told = Handshake::read(&bytes).unwrap();
    assert_eq!(told.fields.encryption, 3);
    let back = told.extensions.iter().find(|extension| extension.kind == ExtensionKind::KMRSP).unwrap();
    assert_eq!(back.content, message);
}

/// What a listener without a passphrase says to a caller with these extensions.
fn plain(extensions: Extensions) -> Option<Reason> {
    answer(&latency(120), &fields(), &extensions).err()
}

/// The same of one with a passphrase, to this key material.
fn locked(encryption: u16, kind: ExtensionKind, message: Vec<u8>) -> Option<Reason> {
    let asked = vec![(HSREQ, word().write().to_vec()), (kind, message)];
    answer(&secret(SECRET, 16), &Fields { encryption, ..fields() }, &asked).err()
}

fn ask() -> (ExtensionKind, Vec<u8>) {
    (HSREQ, word().write().to_vec())
}

#[test]
fn callers_that_are_honest_are_taken() {
    assert_eq!(plain(vec![ask(), (ExtensionKind::STREAM_ID, b"lbup".to_vec())]), None);
    assert_eq!(plain(vec![ask(), (ExtensionKind::CONGESTION, b"evil".to_vec())]), None);
    // What later versions may say.
    assert_eq!(plain(vec![ask(), (ExtensionKind(99), vec![0; 8])]), None);
    for (encryption, length) in [(2, 16), (3, 24), (4, 32), (0, 16), (2, 32)] {
        assert_eq!(locked(encryption, KMREQ, keys(SECRET, length)), None);
    }
}

#[test]
fn what_is_not_done_here_is_refused_by_its_own_reason() {
    assert_eq!(plain(vec![ask(), (ExtensionKind::CONGESTION, b"elif".to_vec())]), Some(Reason::CONGESTION));
    assert_eq!(plain(vec![ask(), (ExtensionKind::FILTER, b":cefsloc:01\0".to_vec())]), Some(Reason::FILTER));
    assert_eq!(plain(vec![ask(), (ExtensionKind::GROUP, vec![0, 0, 0, 1, 1, 0, 0, 1])]), Some(Reason::GROUP));
    assert_eq!(plain(vec![(ExtensionKind::GROUP, vec![]), ask()]), Some(Reason::GROUP));
    let stream = Srt { flags: 0xff, ..word() };
    assert_eq!(plain(vec![(HSREQ, stream.write().to_vec())]), Some(Reason::MESSAGE_API));
    let old = Srt { version: 0x0000_0900, ..word() };
    assert_eq!(plain(vec![(HSREQ, old.write().to_vec())]), Some(Reason::VERSION));
    let by = |fields: Fields| answer(&latency(120), &fields, &vec![ask()]).err();
    assert_eq!(by(Fields { version: 4, ..fields() }), Some(Reason::VERSION));
    assert_eq!(by(Fields { kind: Kind::WaveAHand, ..fields() }), Some(Reason::ROGUE));
    assert_eq!(by(Fields { kind: Kind::Agreement, ..fields() }), Some(Reason::ROGUE));
}

#[test]
fn fields_that_cannot_be_are_refused() {
    let by = |fields: Fields| answer(&latency(120), &fields, &vec![ask()]).err();
    for mtu in [0, 199, 65_536, u32::MAX] {
        assert_eq!(by(Fields { mtu, ..fields() }), Some(Reason::ROGUE), "{mtu}");
    }
    for encryption in [1, 5, 0x1fff] {
        assert_eq!(by(Fields { encryption, ..fields() }), Some(Reason::ROGUE), "{encryption}");
    }
    assert_eq!(by(Fields { sequence: 1 << 31, ..fields() }), Some(Reason::ROGUE));
    assert_eq!(by(Fields { window: 0, ..fields() }), None);
}

#[test]
fn extensions_that_cannot_be_are_refused() {
    let word = || word().write().to_vec();
    let cases: Vec<Extensions> = vec![
        vec![],
        vec![ask(), ask()],
        vec![(ExtensionKind::HSRSP, word())],
        vec![ask(), (ExtensionKind::HSRSP, word())],
        vec![(HSREQ, vec![0; 8])],
        vec![(ExtensionKind(0), vec![0; 8]), ask()],
        vec![(ExtensionKind::STREAM_ID, vec![]), ask()],
        vec![ask(), (ExtensionKind::STREAM_ID, vec![b'a'; MOST_BETWEEN_NODES + 4])],
        vec![ask(), (ExtensionKind::STREAM_ID, vec![0xff; 8])],
        vec![(ExtensionKind::STREAM_ID, b"lbup".to_vec())],
        vec![ask(), (ExtensionKind::KMRSP, keys(SECRET, 16))],
        vec![ask(), (KMREQ, keys(SECRET, 16)), (KMREQ, keys(SECRET, 16))],
    ];
    for case in cases {
        assert_eq!(plain(case.clone()), Some(Reason::ROGUE), "{case:?}");
    }
}

#[test]
fn key_material_that_cannot_be_is_refused() {
    let changed = |at: usize, byte: u8| {
        let mut message = keys(SECRET, 16);
        message[at] = byte;
        message
    };
    let cut = {
        let mut message = keys(SECRET, 16);
        message.truncate(message.len() - 8);
        message
    };
    // No keys, only the odd one, another cipher, no salt, a long salt, a long key, another sign.
    let cases = [(3, 0), (3, 2), (3, 7), (8, 1), (9, 1), (10, 1), (14, 0), (14, 255), (15, 252), (1, 0)];
    for message in
        cases.map(|(at, byte)| changed(at, byte)).into_iter().chain([cut, vec![], vec![0; 4], vec![0; 12]])
    {
        assert_eq!(locked(2, KMREQ, message.clone()), Some(Reason::ROGUE), "{message:?}");
    }
    // As long as one key, where there were two.
    assert_eq!(locked(2, KMREQ, changed(3, 1)), Some(Reason::ROGUE));
    assert_eq!(locked(2, KMREQ, changed(60, 1)), Some(Reason::BAD_SECRET));
    assert_eq!(locked(2, ExtensionKind::KMRSP, vec![0, 0, 0, 4]), Some(Reason::ROGUE));
}

/// A call that has said its conclusion.
fn called(settings: &Settings) -> (Call, Vec<u8>) {
    let now = Instant::now();
    let mut call = Call::new(settings, Some("a/b"), address(), CALLER, now).unwrap();
    let mut out = BytesMut::new();
    assert!(call.next_packet(now, &mut out));
    let fields = Handshake::read(&out.split()).unwrap().fields;
    let mut answer = fields.answer_induction(CALLER, 9, address().ip()).write(CALLER, 0);
    assert!(matches!(call.packet(now, &mut answer), Progress::Waiting));
    assert!(call.next_packet(now, &mut out));
    (call, out.to_vec())
}

/// What becomes of a call with this answer to its conclusion.
fn told(settings: &Settings, change: impl FnOnce(&mut Fields, &mut Extensions)) -> Option<CallError> {
    let (mut call, conclusion) = called(settings);
    let mut fields = Handshake::read(&conclusion).unwrap().fields.answer_conclusion(LISTENER, address().ip());
    let mut extensions = vec![(ExtensionKind::HSRSP, word().write().to_vec())];
    change(&mut fields, &mut extensions);
    let extensions: Vec<_> =
        extensions.iter().map(|(kind, content)| Extension { kind: *kind, content }).collect();
    let mut bytes = handshake::write(&fields, &extensions, CALLER, 0).unwrap();
    match call.packet(Instant::now(), &mut bytes) {
        Progress::Connected(_) => None,
        Progress::Failed(error) => Some(error),
        Progress::Waiting => panic!(),
    }
}

#[test]
fn a_caller_checks_what_it_is_told() {
    let rogue = Some(CallError::Refused(Reason::ROGUE));
    assert_eq!(told(&latency(120), |_, _| {}), None);
    assert_eq!(told(&latency(120), |fields, _| fields.sequence ^= 1), rogue);
    assert_eq!(told(&latency(120), |fields, _| fields.mtu = 0), rogue);
    assert_eq!(told(&latency(120), |_, extensions| extensions.clear()), rogue);
    let reason = Reason(1404);
    let refusal = told(&latency(120), |fields, _| fields.kind = Kind::Rejection(reason));
    assert_eq!(refusal, Some(CallError::Refused(reason)));
}

#[test]
fn a_caller_with_a_passphrase_connects_to_nobody_who_has_another_or_none() {
    let with = |content: Option<Vec<u8>>| {
        told(&secret(SECRET, 16), |_, extensions| {
            extensions.extend(content.map(|content| (ExtensionKind::KMRSP, content)));
        })
    };
    assert_eq!(with(None), Some(CallError::Refused(Reason::UNSECURE)));
    assert_eq!(with(Some(vec![0, 0, 0, 3])), Some(CallError::Refused(Reason::UNSECURE)));
    assert_eq!(with(Some(vec![0, 0, 0, 4])), Some(CallError::Refused(Reason::BAD_SECRET)));
    assert_eq!(with(Some(keys(SECRET, 16))), Some(CallError::Refused(Reason::BAD_SECRET)));
}

#[test]
fn a_listener_that_speaks_the_old_handshake_is_left() {
    let now = Instant::now();
    let mut call = Call::new(&latency(120), None, address(), CALLER, now).unwrap();
    let mut fields = Fields { version: 4, kind: Kind::Induction, ..fields() };
    let mut answer = fields.write(CALLER, 0);
    assert!(matches!(call.packet(now, &mut answer), Progress::Failed(CallError::Refused(Reason::VERSION))));
    // For somebody else, or nothing of the kind.
    let mut call = Call::new(&latency(120), None, address(), CALLER, now).unwrap();
    fields.version = 5;
    assert!(matches!(call.packet(now, &mut fields.write(LISTENER, 0)), Progress::Waiting));
    assert!(matches!(call.packet(now, &mut [0x80; 20]), Progress::Waiting));
    assert!(
        Call::new(&latency(120), Some(&"a".repeat(MOST_BETWEEN_NODES + 1)), address(), CALLER, now).is_err()
    );
}

#[test]
fn a_caller_takes_the_key_length_that_a_listener_says() {
    let now = Instant::now();
    let mut call = Call::new(&secret(SECRET, 16), None, address(), CALLER, now).unwrap();
    let mut out = BytesMut::new();
    assert!(call.next_packet(now, &mut out));
    let fields = Handshake::read(&out.split()).unwrap().fields;
    let fields = Fields { encryption: 4, ..fields.answer_induction(CALLER, 9, address().ip()) };
    assert!(matches!(call.packet(now, &mut fields.write(CALLER, 0)), Progress::Waiting));
    assert!(call.next_packet(now, &mut out));
    assert_eq!(Handshake::read(&out).unwrap().fields.encryption, 4);
}

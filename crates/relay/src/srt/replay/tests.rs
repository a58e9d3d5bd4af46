use srs_srt::handshake::{ExtensionKind, Fields};

use super::*;
use crate::srt::testkit::{CALLER, ORIGIN, conclusion};

const LOCAL: SocketId = SocketId(77);
const OURS: SocketId = SocketId(88);
const NUMBERS: Numbers = Numbers { local: LOCAL, ours: OURS };
const COOKIE: u32 = 0x1111_2222;
const THEIRS: u32 = 0x3333_4444;

fn read(datagram: &[u8]) -> Handshake<'_> {
    Handshake::read(datagram).unwrap()
}

/// What a listener answers to an induction.
fn induced(fields: &Fields) -> Vec<u8> {
    fields.answer_induction(fields.socket, THEIRS, [127, 0, 0, 1].into()).write(fields.socket, 0).to_vec()
}

/// A replay that has the origin's cookie.
fn with_cookie<'a>(told: &'a [u8], stream_id: Option<&str>) -> Replay<'a> {
    let mut replay = Replay::new(read(told), NUMBERS, stream_id.map(str::to_owned));
    let first = replay.say(Duration::ZERO).unwrap();
    assert_eq!(replay.hear(&induced(&read(&first).fields)), Word::Next);
    replay
}

#[test]
fn an_origin_is_asked_as_the_caller_would_ask() {
    let told = conclusion(CALLER, COOKIE, "#!::r=live/a", None);
    let first = Replay::new(read(&told), NUMBERS, None).say(Duration::ZERO).unwrap();
    let asked = read(&first);
    assert_eq!((asked.fields.kind, asked.fields.version, asked.fields.cookie), (Kind::Induction, 4, 0));
    assert_eq!((asked.destination, asked.fields.socket), (SocketId::LISTENER, OURS));
}

#[test]
fn the_conclusion_is_the_callers_but_for_the_cookie_and_the_time_it_was_held() {
    let told = conclusion(CALLER, COOKIE, "#!::r=live/a", Some(&[9; 64]));
    let again = with_cookie(&told, None).say(Duration::from_millis(30)).unwrap();
    let (again, told) = (read(&again), read(&told));
    assert_eq!(again.fields, Fields { cookie: THEIRS, socket: OURS, ..told.fields });
    assert_eq!(again.timestamp, told.timestamp + 30_000);
    assert_eq!(again.extensions.as_bytes(), told.extensions.as_bytes());
}

#[test]
fn another_stream_id_takes_the_place_of_the_callers() {
    let told = conclusion(CALLER, COOKIE, "#!::r=live/a", Some(&[9; 64]));
    let again = with_cookie(&told, Some("#!::r=live/a,srsNode=x")).say(Duration::ZERO).unwrap();
    assert_eq!(read(&again).stream_id().unwrap().unwrap(), "#!::r=live/a,srsNode=x");
    let kinds: Vec<_> = read(&again).extensions.iter().map(|extension| extension.kind).collect();
    assert!(kinds.contains(&ExtensionKind::KMREQ));
}

#[test]
fn the_answer_is_the_origins_but_for_who_says_it_and_the_cookie() {
    let told = conclusion(CALLER, COOKIE, "", None);
    let mut replay = with_cookie(&told, None);
    let fields = read(&told).fields.answer_conclusion(ORIGIN, [127, 0, 0, 1].into());
    let answer = fields.write(OURS, 99);
    let Word::Granted { socket, answer } = replay.hear(&answer) else { panic!("not granted") };
    assert_eq!(socket, ORIGIN);
    let heard = read(&answer);
    assert_eq!(heard.fields, Fields { socket: LOCAL, cookie: COOKIE, ..fields });
    assert_eq!((heard.destination, heard.timestamp), (CALLER, 99));
}

#[test]
fn a_refusal_is_heard_at_any_time() {
    let told = conclusion(CALLER, COOKIE, "", None);
    let no = read(&told).fields.reject(Reason::FORBIDDEN).write(OURS, 0);
    assert_eq!(Replay::new(read(&told), NUMBERS, None).hear(&no), Word::Refused(Reason::FORBIDDEN));
    assert_eq!(with_cookie(&told, None).hear(&no), Word::Refused(Reason::FORBIDDEN));
}

#[test]
fn what_is_for_another_or_too_early_or_no_handshake_means_nothing() {
    let told = conclusion(CALLER, COOKIE, "", None);
    let fields = read(&told).fields.answer_conclusion(ORIGIN, [127, 0, 0, 1].into());
    let mut early = Replay::new(read(&told), NUMBERS, None);
    assert_eq!(early.hear(&fields.write(OURS, 0)), Word::Nothing);
    let mut replay = with_cookie(&told, None);
    assert_eq!(replay.hear(&fields.write(CALLER, 0)), Word::Nothing);
    assert_eq!(replay.hear(&[0; 64]), Word::Nothing);
    assert_eq!(replay.hear(b"short"), Word::Nothing);
    // The cookie is the first one.
    assert_eq!(replay.hear(&induced(&fields)), Word::Nothing);
}

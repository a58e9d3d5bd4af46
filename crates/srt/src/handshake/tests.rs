mod recorded;

use std::time::Duration;

use proptest::prelude::*;
use recorded::*;

use super::*;

/// A handshake's bytes read, or the test fails.
fn read(datagram: &[u8]) -> Handshake<'_> {
    Handshake::read(datagram).unwrap()
}

fn kinds(handshake: &Handshake<'_>) -> Vec<u16> {
    handshake.extensions.iter().map(|extension| extension.kind.0).collect()
}

fn same() -> Change<'static> {
    Change {
        destination: SocketId::LISTENER,
        socket: SocketId(7),
        cookie: 0x1234_5678,
        stream_id: None,
        held: Duration::ZERO,
    }
}

#[test]
fn an_induction_of_libsrt_is_read() {
    let wire = bytes(INDUCTION);
    let handshake = read(&wire);
    assert_eq!((handshake.timestamp, handshake.destination), (0x64, SocketId::LISTENER));
    assert_eq!(
        handshake.fields,
        Fields {
            version: 4,
            encryption: 0,
            extension: 2,
            sequence: 0x457b_46eb,
            mtu: 1500,
            window: 8192,
            kind: Kind::Induction,
            socket: SocketId(0x2650_9320),
            cookie: 0,
            peer_ip: peer_ip([127, 0, 0, 1].into()),
        }
    );
    assert_eq!(kinds(&handshake), []);
    assert_eq!((handshake.stream_id(), handshake.srt()), (Ok(None), Ok(None)));
}

#[test]
fn a_conclusion_of_libsrt_says_its_delays_and_no_stream_id() {
    let wire = bytes(CONCLUSION);
    let handshake = read(&wire);
    let Fields { version, extension, kind, cookie, .. } = handshake.fields;
    assert_eq!((version, extension, kind, cookie), (5, FLAG_HSREQ, Kind::Conclusion, 0x48a7_cd9d));
    assert_eq!(kinds(&handshake), [1]);
    let srt = Srt { version: 0x01_0501, flags: 0xbf, receive_delay: 120, send_delay: 0 };
    assert_eq!(handshake.srt(), Ok(Some(srt)));
    assert_eq!(handshake.stream_id(), Ok(None));
}

#[test]
fn stream_ids_of_libsrt_and_ffmpeg_are_read() {
    for (hex, text) in [
        (SID_CONCLUSION, "#!::r=live/livestream,m=publish"),
        (PASS_CONCLUSION, "#!::h=host.example,r=live/livestream,m=request"),
        (FFMPEG_CONCLUSION, "publish:live/a"),
    ] {
        assert_eq!(read(&bytes(hex)).stream_id(), Ok(Some(text.to_owned())));
    }
}

#[test]
fn a_conclusion_with_a_passphrase_has_key_material_behind_the_stream_id() {
    let wire = bytes(PASS_CONCLUSION);
    let handshake = read(&wire);
    assert_eq!((handshake.fields.encryption, handshake.fields.extension), (2, 7));
    assert_eq!(kinds(&handshake), [1, 5, 3]);
    let answer = bytes(PASS_CONCLUSION_ANSWER);
    assert_eq!(kinds(&read(&answer)), [2, 4]);
    let srt = Srt { version: 0x01_0501, flags: 0xbf, receive_delay: 120, send_delay: 120 };
    assert_eq!(read(&answer).srt(), Ok(Some(srt)));
}

#[test]
fn a_refusal_says_why_and_has_no_extensions_whatever_its_field_says() {
    let wire = bytes(WRONG_PASS_ANSWER);
    let handshake = read(&wire);
    assert_eq!(handshake.fields.kind, Kind::Rejection(Reason::BAD_SECRET));
    assert_eq!((handshake.fields.extension, kinds(&handshake)), (7, vec![]));
}

#[test]
fn an_induction_is_answered_as_libsrt_does() {
    for (asked, answered) in [(INDUCTION, INDUCTION_ANSWER), (PASS_INDUCTION, PASS_INDUCTION_ANSWER)] {
        let (asked, answered) = (bytes(asked), bytes(answered));
        let (asked, libsrt) = (read(&asked), read(&answered));
        let caller = asked.fields.socket;
        let ours = asked.fields.answer_induction(caller, libsrt.fields.cookie, [127, 0, 0, 1].into());
        assert_eq!(ours.write(caller, libsrt.timestamp), *answered);
    }
}

#[test]
fn a_conclusion_is_answered_as_libsrt_does() {
    for (asked, answered) in [(CONCLUSION, CONCLUSION_ANSWER), (PASS_CONCLUSION, PASS_CONCLUSION_ANSWER)] {
        let (asked, answered) = (bytes(asked), bytes(answered));
        let (asked, libsrt) = (read(&asked), read(&answered));
        let ours = asked.fields.answer_conclusion(libsrt.fields.socket, [127, 0, 0, 1].into());
        let extensions: Vec<Extension<'_>> = libsrt.extensions.iter().collect();
        let ours = write(&ours, &extensions, asked.fields.socket, libsrt.timestamp).unwrap();
        assert_eq!(ours, answered);
    }
}

#[test]
fn a_refusal_has_1000_more_than_its_reason_and_no_extensions() {
    let wire = bytes(SID_CONCLUSION);
    let refusal = read(&wire).fields.reject(Reason::NOT_FOUND).write(SocketId(9), 5);
    assert_eq!((refusal.len(), &refusal[36..40]), (PLAIN, &2404_u32.to_be_bytes()[..]));
    let handshake = read(&refusal);
    assert_eq!(handshake.fields.kind, Kind::Rejection(Reason::NOT_FOUND));
    assert_eq!((handshake.destination, handshake.timestamp), (SocketId(9), 5));
}

#[test]
fn the_induction_that_went_before_is_made_of_the_conclusion() {
    let (induction, conclusion) = (bytes(INDUCTION), bytes(CONCLUSION));
    let first = read(&induction);
    assert_eq!(
        read(&conclusion).fields.as_induction().write(first.destination, first.timestamp),
        induction[..]
    );
}

#[test]
fn a_conclusion_told_again_differs_in_what_was_changed_alone() {
    let wire = bytes(PASS_CONCLUSION);
    let change = Change { destination: SocketId(3), held: Duration::from_millis(2), ..same() };
    let again = read(&wire).for_peer(&change).unwrap();
    let mut expected = wire.clone();
    expected[8..12].copy_from_slice(&(0x3fb_u32 + 2000).to_be_bytes());
    expected[12..16].copy_from_slice(&[0, 0, 0, 3]);
    expected[40..44].copy_from_slice(&[0, 0, 0, 7]);
    expected[44..48].copy_from_slice(&[0x12, 0x34, 0x56, 0x78]);
    assert_eq!(again, expected);
}

#[test]
fn another_stream_id_stands_where_the_old_one_stood_and_key_material_is_untouched() {
    let wire = bytes(PASS_CONCLUSION);
    let before = read(&wire);
    let text = "#!::h=host.example,r=live/livestream,m=request,srs=told";
    let again = before.for_peer(&Change { stream_id: Some(text), ..same() }).unwrap();
    let after = read(&again);
    assert_eq!(after.stream_id(), Ok(Some(text.to_owned())));
    assert_eq!((kinds(&after), after.fields.extension), (vec![1, 5, 3], 7));
    let key = |handshake: &Handshake<'_>| {
        handshake.extensions.one(ExtensionKind::KMREQ).unwrap().unwrap().to_owned()
    };
    assert_eq!(key(&before), key(&after));
}

#[test]
fn a_stream_id_comes_where_there_was_none_and_goes_where_it_is_empty() {
    let wire = bytes(CONCLUSION);
    let again = read(&wire).for_peer(&Change { stream_id: Some("live/a"), ..same() }).unwrap();
    let with = read(&again);
    assert_eq!((with.stream_id(), kinds(&with)), (Ok(Some("live/a".to_owned())), vec![1, 5]));
    assert_eq!(with.fields.extension, FLAG_HSREQ | FLAG_CONFIG);
    let without = with.for_peer(&Change { stream_id: Some(""), ..same() }).unwrap();
    assert_eq!((read(&without).stream_id(), kinds(&read(&without))), (Ok(None), vec![1]));
}

#[test]
fn the_time_of_a_handshake_wraps_as_it_goes_on() {
    let wire = Fields { ..read(&bytes(CONCLUSION)).fields }.write(SocketId(1), u32::MAX);
    let again = read(&wire).for_peer(&Change { held: Duration::from_micros(3), ..same() }).unwrap();
    assert_eq!(read(&again).timestamp, 2);
}

/// A conclusion with these bytes behind its fields.
fn conclusion(blocks: &[u8]) -> Vec<u8> {
    let mut wire = bytes(CONCLUSION);
    wire.truncate(PLAIN);
    wire.extend(blocks);
    wire
}

#[test]
fn lengths_that_lie_are_errors() {
    let kind = ExtensionKind::STREAM_ID;
    assert_eq!(Handshake::read(&conclusion(&[0, 5, 0, 1])), Err(Error::Cut { kind, said: 4, left: 0 }));
    let cut = Handshake::read(&conclusion(&[0, 5, 0, 2, 1, 2, 3, 4, 5, 6, 7])).err();
    assert_eq!(cut, Some(Error::Cut { kind, said: 8, left: 7 }));
    let cut = Handshake::read(&conclusion(&[0, 5, 0xff, 0xff, 1, 2, 3, 4])).err();
    assert_eq!(cut, Some(Error::Cut { kind, said: 0x3_fffc, left: 4 }));
    assert_eq!(Handshake::read(&conclusion(&[0, 5, 0])), Err(Error::Tail { left: 3 }));
    assert_eq!(Handshake::read(&conclusion(&[0, 5, 0, 0, 1])), Err(Error::Tail { left: 1 }));
}

#[test]
fn a_handshake_that_ends_within_its_fields_is_refused() {
    let wire = bytes(CONCLUSION);
    for length in HEADER..PLAIN {
        assert_eq!(Handshake::read(&wire[..length]), Err(Error::Short { length }));
    }
    let short = packet::Error::Short { length: 15 };
    assert_eq!(Handshake::read(&wire[..15]), Err(Error::Packet(short)));
}

#[test]
fn other_packets_are_no_handshakes() {
    let shutdown = packet::shutdown(SocketId(1), 2);
    assert_eq!(Handshake::read(&shutdown), Err(Error::Other));
    let mut media = bytes(CONCLUSION);
    media[0] = 0;
    assert_eq!(Handshake::read(&media), Err(Error::Other));
}

#[test]
fn an_unknown_extension_goes_by_as_it_is() {
    let wire = conclusion(&[0x12, 0x34, 0, 1, 9, 8, 7, 6, 0, 99, 0, 0]);
    let again = read(&wire).for_peer(&Change { stream_id: Some("a"), ..same() }).unwrap();
    let extensions: Vec<_> =
        read(&again).extensions.iter().map(|e| (e.kind.0, e.content.to_owned())).collect();
    assert_eq!(extensions, [(5, vec![0, 0, 0, b'a']), (0x1234, vec![9, 8, 7, 6]), (99, vec![])]);
}

#[test]
fn a_stream_id_is_at_most_1200_bytes_that_of_a_node_with_its_own_words() {
    let says = |text: &str| {
        let words = stream_id_words(text)?;
        let id = Extension { kind: ExtensionKind::STREAM_ID, content: &words };
        let wire = write(&read(&bytes(CONCLUSION)).fields, &[id], SocketId(1), 0)?;
        read(&wire).stream_id()
    };
    let most = "x".repeat(1200);
    assert_eq!(says(&most), Ok(Some(most.clone())));
    assert_eq!(says(&"x".repeat(1201)), Err(Error::StreamIdLong { length: 1201 }));
    let block = [&[0, 5, 1, 45][..], &[b'x'; 1204]].concat();
    assert_eq!(read(&conclusion(&block)).stream_id(), Err(Error::StreamIdLong { length: 1204 }));
}

#[test]
fn a_stream_id_that_readers_would_not_agree_on_is_refused() {
    // A zero, at which libsrt would end it: "a\0b".
    assert_eq!(read(&conclusion(&[0, 5, 0, 1, 0, b'b', 0, b'a'])).stream_id(), Err(Error::StreamIdText));
    assert_eq!(
        read(&conclusion(&[0, 5, 0, 1, 0xff, 0xff, 0xff, 0xff])).stream_id(),
        Err(Error::StreamIdText)
    );
    let twice = [[0, 5, 0, 1, 0, 0, 0, b'a'], [0, 5, 0, 1, 0, 0, 0, b'b']].concat();
    let kind = ExtensionKind::STREAM_ID;
    assert_eq!(read(&conclusion(&twice)).stream_id(), Err(Error::Twice { kind }));
    let change = Change { stream_id: Some("c"), ..same() };
    assert_eq!(read(&conclusion(&twice)).for_peer(&change), Err(Error::Twice { kind }));
    assert_eq!(stream_id_words("a\0b"), Err(Error::StreamIdText));
}

#[test]
fn an_hsreq_without_room_for_its_words_is_refused() {
    let kind = ExtensionKind::HSREQ;
    assert_eq!(read(&conclusion(&[0, 1, 0, 1, 0, 1, 5, 1])).srt(), Err(Error::Length { kind, length: 4 }));
}

#[test]
fn a_handshake_larger_than_a_packet_is_not_written() {
    let blocks = [&[0, 6, 1, 80][..], &[7; 1344]].concat();
    let wire = conclusion(&blocks);
    let change = Change { stream_id: Some("x"), ..same() };
    assert_eq!(
        read(&wire).for_peer(&Change { stream_id: None, ..change }).map(|again| again.len()),
        Ok(1412)
    );
    let long = "x".repeat(57);
    let error = read(&wire).for_peer(&Change { stream_id: Some(&long), ..change });
    assert_eq!(error, Err(Error::Long { length: 1476 }));
}

#[test]
fn an_address_is_written_as_libsrt_writes_it() {
    let four = peer_ip("10.1.2.3".parse().unwrap());
    assert_eq!(four[..], [&[3, 2, 1, 10][..], &[0; 12]].concat());
    assert_eq!(peer_ip("::ffff:10.1.2.3".parse().unwrap()), four);
    let six = peer_ip("2001:db8::1".parse().unwrap());
    assert_eq!(six, [0xb8, 0x0d, 0x01, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
}

fn any_kind() -> impl Strategy<Value = Kind> {
    any::<u32>().prop_map(Kind::read)
}

proptest! {
    #[test]
    fn fields_come_back_as_they_were_written(
        numbers: [u32; 6], halves: [u16; 2], kind in any_kind(), peer_ip: [u8; 16], destination: u32, timestamp: u32
    ) {
        let [version, sequence, mtu, window, socket, cookie] = numbers;
        let [encryption, extension] = halves;
        let socket = SocketId(socket);
        let fields = Fields { version, encryption, extension, sequence, mtu, window, kind, socket, cookie, peer_ip };
        let wire = fields.write(SocketId(destination), timestamp);
        let again = read(&wire);
        prop_assert_eq!(again.fields, fields);
        prop_assert_eq!((again.destination, again.timestamp), (SocketId(destination), timestamp));
    }

    #[test]
    fn extensions_come_back_as_they_were_written(
        said in proptest::collection::vec((any::<u16>(), proptest::collection::vec(any::<[u8; 4]>(), 0..20)), 0..12)
    ) {
        let said: Vec<(u16, Vec<u8>)> = said.into_iter().map(|(kind, words)| (kind, words.concat())).collect();
        let extensions: Vec<_> =
            said.iter().map(|(kind, content)| Extension { kind: ExtensionKind(*kind), content }).collect();
        let wire = write(&read(&bytes(CONCLUSION)).fields, &extensions, SocketId(1), 2).unwrap();
        prop_assert_eq!(read(&wire).extensions.iter().collect::<Vec<_>>(), extensions);
    }

    #[test]
    fn any_text_is_a_stream_id_that_comes_back(text in "[^\0]{0,128}") {
        let again = read(&bytes(SID_CONCLUSION)).for_peer(&Change { stream_id: Some(&text), ..same() }).unwrap();
        let expected = if text.is_empty() { None } else { Some(text) };
        prop_assert_eq!(read(&again).stream_id(), Ok(expected));
    }
}

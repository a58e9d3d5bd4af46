use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;

const CHROMIUM_PUBLISH: &str = include_str!("../../tests/fixtures/chromium_156_publish_simulcast.sdp");
const CHROMIUM_PLAY: &str = include_str!("../../tests/fixtures/chromium_156_play.sdp");
const FIREFOX_PLAY: &str = include_str!("../../tests/fixtures/firefox_132_play.sdp");
const FFMPEG: &str = include_str!("../../tests/fixtures/ffmpeg_9_whip.sdp");
const OBS: &str = include_str!("../../tests/fixtures/obs_30_whip.sdp");
const SRS: &str = include_str!("../../tests/fixtures/srs_6_answer.sdp");
const ALL: [&str; 6] = [CHROMIUM_PUBLISH, CHROMIUM_PLAY, FIREFOX_PLAY, FFMPEG, OBS, SRS];

fn parse(text: &str) -> Description {
    Description::parse(text).unwrap()
}

fn credentials() -> Credentials {
    Credentials { ufrag: "new/name".to_owned(), password: "new+password+of+24+chars".to_owned() }
}

fn host(address: &str, tcp: bool, index: u16) -> Candidate {
    Candidate::host(address.parse().unwrap(), tcp, index)
}

/// Kind, `mid`, direction and port of each section.
fn sections(text: &str) -> Vec<(String, String, Direction, u16)> {
    let description = parse(text);
    description
        .media()
        .map(|media| (media.kind.to_owned(), media.mid.unwrap_or("").to_owned(), media.direction, media.port))
        .collect()
}

/// Names of the formats of a kind.
fn names<'a>(description: &'a Description, kind: &str) -> Vec<&'a str> {
    description
        .media()
        .filter(|media| media.kind == kind)
        .flat_map(|media| media.formats)
        .map(|format| format.name)
        .collect()
}

#[test]
fn what_real_software_says_is_given_back_byte_for_byte() {
    for text in ALL {
        assert_eq!(parse(text).to_string(), text);
    }
}

#[test]
fn other_ends_of_lines_are_given_back_too() {
    for text in ["v=0\na=x\n", "v=0\r\na=x", "v=0\na=x\r\n\r\n", "v=0"] {
        assert_eq!(parse(text).to_string(), text);
    }
}

#[test]
fn chromium_publishes_simulcast() {
    let description = parse(CHROMIUM_PUBLISH);
    assert_eq!(
        sections(CHROMIUM_PUBLISH),
        [
            ("audio".to_owned(), "0".to_owned(), Direction::SendOnly, 59643),
            ("video".to_owned(), "1".to_owned(), Direction::SendOnly, 9),
        ]
    );
    let video = description.media().nth(1).unwrap();
    assert_eq!(video.rids, ["h", "m", "l"]);
    assert_eq!(video.attributes("simulcast").collect::<Vec<_>>(), ["send h;m;l"]);
    assert_eq!(video.setup(), Some(Setup::ActPass));
    let h264 = video.formats.iter().find(|format| format.pt == 108).unwrap();
    assert_eq!((h264.name, h264.clock, h264.channels), ("H264", 90000, None));
    assert_eq!(h264.parameter("Profile-Level-Id"), Some("42e01f"));
    assert_eq!(h264.parameter("packetization-mode"), Some("1"));
    assert_eq!(h264.feedback, ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]);
    let rtx = video.formats.iter().find(|format| format.pt == 109).unwrap();
    assert_eq!((rtx.name, rtx.parameter("apt")), ("rtx", Some("108")));
    let opus = description.media().next().unwrap().formats.into_iter().next().unwrap();
    assert_eq!((opus.pt, opus.name, opus.clock, opus.channels), (111, "opus", 48000, Some(2)));
    assert_eq!(opus.fmtp, Some("minptime=10;useinbandfec=1"));
}

#[test]
fn what_each_side_says_of_ice_is_read() {
    let chromium = parse(CHROMIUM_PUBLISH);
    let said = chromium.credentials().unwrap();
    assert_eq!((said.ufrag.as_str(), said.password.as_str()), ("jC6V", "K+Fo3d68yIr+HoF5V2i5qLIA"));
    assert_eq!(chromium.fingerprint().map(|(hash, print)| (hash, print.len())), Some(("sha-256", 95)));
    assert!(!chromium.is_ice_lite());
    assert_eq!(parse(FFMPEG).credentials().unwrap().ufrag, "7ff3c4e6");
    assert_eq!(parse(FIREFOX_PLAY).credentials().unwrap().ufrag, "5c2f0a1e");
    assert_eq!(parse(OBS).credentials().unwrap().ufrag, "Hq5S");
    assert!(parse(SRS).is_ice_lite());
    assert!(parse(FIREFOX_PLAY).has_end_of_candidates());
    assert!(!parse(SRS).has_end_of_candidates());
}

#[test]
fn codecs_of_each_software_are_read() {
    assert_eq!(names(&parse(FFMPEG), "video"), ["H264", "rtx"]);
    assert_eq!(names(&parse(OBS), "audio"), ["opus"]);
    assert_eq!(names(&parse(FIREFOX_PLAY), "audio"), ["opus", "G722", "PCMU", "PCMA", "telephone-event"]);
    for name in ["VP8", "VP9", "H264", "AV1"] {
        assert!(names(&parse(CHROMIUM_PLAY), "video").contains(&name), "{name}");
    }
}

#[test]
fn ffmpeg_waits_for_dtls() {
    assert!(parse(FFMPEG).media().all(|media| media.setup() == Some(Setup::Passive)));
}

#[test]
fn candidates_are_read() {
    let srs = parse(SRS).candidates();
    assert_eq!(srs.len(), 4);
    assert_eq!((srs[0].tcp, srs[0].socket_address()), (None, Some("192.168.3.10:8000".parse().unwrap())));
    assert_eq!(srs[1].tcp, Some(TcpKind::Passive));
    let firefox = parse(FIREFOX_PLAY).candidates();
    assert_eq!(firefox[0].address, Address::Name("4a1c8bd0-3a6f-4f0e-9c3a-2f6d4b0a7c11.local".to_owned()));
    assert_eq!((firefox[0].socket_address(), firefox[1].tcp), (None, Some(TcpKind::Active)));
}

#[test]
fn candidates_are_given_back_as_they_were() {
    for text in ALL {
        for line in text.lines().filter(|line| line.starts_with("a=candidate:")) {
            let read: Candidate = line.parse().unwrap();
            assert_eq!(format!("a={read}").to_lowercase(), line.to_lowercase());
        }
    }
    let relayed =
        "candidate:1 1 udp 41885695 198.51.100.1 50000 typ relay raddr 10.0.0.1 rport 9 generation 0";
    assert_eq!(relayed.parse::<Candidate>().unwrap().to_string(), relayed);
}

#[test]
fn candidates_that_make_no_sense_are_none() {
    for text in [
        "",
        "candidate:",
        "candidate:1 1 udp 1 1.2.3.4 5 typ",
        "candidate:1 1 udp 1 1.2.3.4 5 host",
        "candidate:1 1 udp 1 1.2.3.4 5 typ other",
        "candidate:1 1 sctp 1 1.2.3.4 5 typ host",
        "candidate:1 1 udp 4294967296 1.2.3.4 5 typ host",
        "candidate:1 1 udp 1 1.2.3.4 65536 typ host",
        "candidate:1 1 udp -1 1.2.3.4 5 typ host",
        "candidate:1 1 tcp 1 1.2.3.4 5 typ host tcptype x",
        "candidate:1 1 tcp 1 1.2.3.4 5 typ host tcptype",
    ] {
        assert_eq!(text.parse::<Candidate>(), Err(CandidateError), "{text}");
    }
}

#[test]
fn a_hosts_candidates_are_liked_in_order_and_udp_before_tcp() {
    let text = host("[::ffff:192.0.2.1]:8000", false, 0).to_string();
    assert_eq!(text, "candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host");
    let text = host("[2001:db8::1]:8000", true, 0).to_string();
    assert_eq!(text, "candidate:2 1 tcp 1520435199 2001:db8::1 8000 typ host tcptype passive");
    let address = "192.0.2.1:8000";
    let priorities: Vec<u32> =
        [(false, 0), (false, 1), (false, u16::MAX), (true, 0), (true, 1), (true, u16::MAX)]
            .map(|(tcp, index)| host(address, tcp, index).priority)
            .into();
    assert!(priorities.is_sorted_by(|before, after| before > after), "{priorities:?}");
}

#[test]
fn credentials_are_put_in_the_place_of_all_and_nothing_else_changes() {
    for text in ALL {
        let old = parse(text).credentials().unwrap();
        let mut description = parse(text);
        description.set_credentials(&credentials());
        assert_eq!(description.credentials(), Some(credentials()));
        let by_hand = text
            .replace(&format!("a=ice-ufrag:{}\r", old.ufrag), "a=ice-ufrag:new/name\r")
            .replace(&format!("a=ice-pwd:{}\r", old.password), "a=ice-pwd:new+password+of+24+chars\r");
        assert_eq!(description.to_string(), by_hand);
    }
}

#[test]
fn credentials_come_to_the_session_where_there_were_none() {
    let mut description = parse("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n");
    description.set_credentials(&credentials());
    let expected = "v=0\r\na=ice-ufrag:new/name\r\na=ice-pwd:new+password+of+24+chars\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
    assert_eq!(description.to_string(), expected);
}

#[test]
fn a_user_name_at_which_others_would_be_cut_is_none() {
    for name in ["", "a:b", "a b", "é", &"a".repeat(257)] {
        assert_eq!(
            parse(&format!("v=0\r\na=ice-ufrag:{name}\r\na=ice-pwd:x\r\n")).credentials(),
            None,
            "{name}"
        );
    }
}

#[test]
fn candidates_come_into_the_first_section_of_a_bundle() {
    let mut description = parse(SRS);
    description.set_candidates(&[host("192.0.2.1:8000", false, 0), host("192.0.2.1:8000", true, 0)]);
    let text = description.to_string();
    let (_, media) = text.split_once("m=audio").unwrap();
    let (audio, video) = media.split_once("m=video").unwrap();
    assert!(audio.ends_with(
        "a=fmtp:111 minptime=10;useinbandfec=1\r\na=candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host\r\n\
        a=candidate:2 1 tcp 1520435199 192.0.2.1 8000 typ host tcptype passive\r\na=end-of-candidates\r\n"
    ));
    assert!(!video.contains("candidate"));
    assert_eq!(description.candidates().len(), 2);
}

/// How many candidates each section has after one was set; the groups are lines, the sections `port mid`.
fn spread(groups: &str, sections: &[(u16, &str)]) -> Vec<usize> {
    let media: String = sections
        .iter()
        .map(|(port, mid)| format!("m=video {port} UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na=candidate:9 1 udp 1 192.0.2.9 9 typ host\r\n"))
        .collect();
    let mut description = parse(&format!("v=0\r\n{groups}{media}"));
    description.set_candidates(&[host("192.0.2.1:8000", false, 0)]);
    assert!(!description.to_string().contains("192.0.2.9"));
    description.media().map(|media| media.attributes("candidate").count()).collect()
}

#[test]
fn each_transport_has_candidates_and_no_other_section() {
    let group = "a=group:BUNDLE 0 1\r\n";
    assert_eq!(spread(group, &[(9, "0"), (9, "1")]), [1, 0]);
    assert_eq!(spread("", &[(9, "0"), (9, "1")]), [1, 1]);
    assert_eq!(spread("a=group:BUNDLE 1 0\r\n", &[(9, "0"), (9, "1")]), [0, 1]);
    assert_eq!(spread(group, &[(0, "0"), (9, "1")]), [0, 1]);
    assert_eq!(spread(group, &[(9, "0"), (9, "1"), (9, "2")]), [1, 0, 1]);
    assert_eq!(
        spread("a=group:BUNDLE 0 1\r\na=group:BUNDLE 2 3\r\n", &[(9, "0"), (9, "1"), (9, "2"), (9, "3")]),
        [1, 0, 1, 0]
    );
    assert_eq!(spread("a=group:LS 0 1\r\n", &[(9, "0"), (9, "1")]), [1, 1]);
    assert_eq!(spread("a=group:BUNDLE 7\r\n", &[(9, "0")]), [1]);
}

#[test]
fn no_candidates_leave_no_trace() {
    let mut description = parse(FIREFOX_PLAY);
    description.set_candidates(&[]);
    assert!(!description.to_string().contains("candidate"));
}

#[test]
fn what_is_added_stands_on_lines_of_its_own() {
    let mut description = parse("v=0\nm=audio 9 RTP/AVP 0");
    description.set_candidates(&[host("192.0.2.1:8000", false, 0)]);
    let added = "a=candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host\r\na=end-of-candidates\r\n";
    assert_eq!(description.to_string(), format!("v=0\nm=audio 9 RTP/AVP 0\r\n{added}"));
    let mut description = parse("v=0\r\nm=audio 9 RTP/AVP 0\r\n\r\n");
    description.set_candidates(&[host("192.0.2.1:8000", false, 0)]);
    assert_eq!(description.to_string(), format!("v=0\r\nm=audio 9 RTP/AVP 0\r\n{added}\r\n"));
}

#[test]
fn a_section_is_rejected_by_port_0_but_not_when_it_is_bundled_only() {
    let text = "v=0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\n";
    assert_eq!(parse(text).media().map(|media| media.is_rejected()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_data_channel_has_no_formats() {
    let description = parse("v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
    let media = description.media().next().unwrap();
    assert_eq!((media.kind, media.formats.len()), ("application", 0));
}

#[test]
fn odd_formats_are_read_as_far_as_they_go() {
    let description = parse(
        "v=0\r\nm=video 9/2 UDP/TLS/RTP/SAVPF 96 96 0 97\r\na=rtpmap:96\r\na=rtpmap:96 H264\r\na=rtpmap:200 X/1\r\n\
        a=rtpmap:97 VP8/99999999999\r\na=fmtp:96 \r\na=fmtp:96 ;;=;a;b=c=d; E = f ;\r\na=fmtp\r\na=rtcp-fb:* nack\r\n",
    );
    let formats = description.media().next().unwrap().formats;
    assert_eq!(
        formats.iter().map(|format| (format.pt, format.name, format.clock)).collect::<Vec<_>>(),
        [(96, "H264", 0), (0, "PCMU", 8000), (97, "VP8", 0),]
    );
    assert!(formats.iter().all(|format| format.feedback == ["nack"]));
    let format = Format { fmtp: Some(";;=;a;b=c=d; E = f ;"), ..formats[0].clone() };
    assert_eq!(
        (format.parameter("b"), format.parameter("e"), format.parameter("a")),
        (Some("c=d"), Some("f"), None)
    );
}

#[test]
fn what_is_no_sdp_is_refused_with_its_line() {
    let head = "v=0\r\n";
    for (rest, error) in [
        ("a=x\0y\r\n", Error::Line { line: 2 }),
        ("a=x\ry\r\n", Error::Line { line: 2 }),
        ("\r\nhello\r\n", Error::Line { line: 3 }),
        ("A=x\r\n", Error::Line { line: 2 }),
        ("a\r\n", Error::Line { line: 2 }),
        ("m=\r\n", Error::Media { line: 2 }),
        ("m=audio\r\n", Error::Media { line: 2 }),
        ("m=audio 65536 RTP/AVP 0\r\n", Error::Media { line: 2 }),
        ("a=x\r\nm=audio 9 RTP/AVP 128\r\n", Error::PayloadType { line: 3 }),
        ("m=audio 9 RTP/AVP 0 x\r\n", Error::PayloadType { line: 2 }),
        ("m=audio 9 RTP/AVP -1\r\n", Error::PayloadType { line: 2 }),
    ] {
        assert_eq!(Description::parse(&format!("{head}{rest}")), Err(error), "{rest:?}");
    }
    for text in ["", "\r\n", "o=x\r\n", "v=1\r\n", "v=0 \r\n"] {
        assert_eq!(Description::parse(text), Err(Error::NoVersion), "{text:?}");
    }
}

#[test]
fn the_limits_hold() {
    let long = format!("v=0\r\na={}", "x".repeat(MOST_BYTES));
    assert_eq!(Description::parse(&long), Err(Error::Long { length: long.len() }));
    let most = format!("v=0\r\na={}", "x".repeat(MOST_BYTES - 7));
    assert_eq!(parse(&most).to_string(), most);
    assert!(Description::parse(&format!("v=0\r\n{}", "a=\r\n".repeat(MOST_LINES - 1))).is_ok());
    assert_eq!(Description::parse(&format!("v=0\r\n{}", "a=\r\n".repeat(MOST_LINES))), Err(Error::ManyLines));
    let media = "m=audio 9 RTP/AVP 0\r\n";
    assert!(Description::parse(&format!("v=0\r\n{}", media.repeat(MOST_MEDIA))).is_ok());
    assert_eq!(
        Description::parse(&format!("v=0\r\n{}", media.repeat(MOST_MEDIA + 1))),
        Err(Error::ManyMedia)
    );
}

#[test]
fn a_fragment_tells_more_candidates() {
    // RFC 9725 section 4.3.2.
    let text = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n\
        a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 \
        ufrag EsAw network-id 1\r\na=end-of-candidates\r\n";
    let fragment = Fragment::parse(text).unwrap();
    assert_eq!(fragment.credentials().unwrap().ufrag, "EsAw");
    assert_eq!(fragment.candidates().len(), 1);
    assert_eq!(fragment.media().next().unwrap().mid, Some("0"));
    assert!(fragment.has_end_of_candidates());
    assert_eq!(fragment.to_string(), text);
}

#[test]
fn a_fragment_without_sections_has_its_candidates_at_its_end() {
    let mut fragment = Fragment::parse("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n").unwrap();
    fragment.set_credentials(&credentials());
    fragment.set_candidates(&[host("192.0.2.1:8000", false, 0)]);
    assert_eq!((fragment.credentials(), fragment.candidates().len()), (Some(credentials()), 1));
}

#[test]
fn the_fragment_of_an_answer_tells_of_a_restart() {
    let fragment = parse(SRS).fragment(&credentials(), &[host("192.0.2.1:8000", false, 0)]);
    let expected = "a=ice-lite\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:new/name\r\na=ice-pwd:new+password+of+24+chars\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host\r\n\
        a=end-of-candidates\r\n";
    assert_eq!(fragment.to_string(), expected);
    assert_eq!(Fragment::parse(expected), Ok(fragment));
}

/// A real description with some lines put elsewhere, left out, doubled or cut.
fn damaged() -> impl Strategy<Value = String> {
    let changes =
        prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<prop::sample::Index>()), 0..8);
    (prop::sample::select(ALL.to_vec()), changes).prop_map(|(text, changes)| {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for (at, change, to) in changes {
            let (at, to) = (at.index(lines.len()), to.index(lines.len()));
            match change {
                0 => lines.swap(at, to),
                1 => lines.insert(to, lines[at].clone()),
                2 => drop(lines.remove(at)),
                _ => lines[at].truncate(to % 30),
            }
            if lines.is_empty() {
                lines.push("v=0\r\n".to_owned());
            }
        }
        lines.concat()
    })
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm_and_given_back(text in prop_oneof!["[ -~\r\n\0é]{0,300}", damaged()]) {
        if let Ok(description) = Description::parse(&text) {
            prop_assert_eq!(description.to_string(), text.clone());
        }
        if let Ok(fragment) = Fragment::parse(&text) {
            prop_assert_eq!(fragment.to_string(), text);
        }
    }

    #[test]
    fn what_is_set_is_read_back_from_any_description(text in damaged(), index in any::<u16>()) {
        let Ok(mut description) = Description::parse(&text) else { return Ok(()) };
        let candidates = [host("192.0.2.1:8000", false, index), host("[2001:db8::1]:8000", true, index)];
        description.set_credentials(&credentials());
        description.set_candidates(&candidates);
        let again = parse(&description.to_string());
        prop_assert_eq!(again.candidates(), description.candidates());
        let live = again.media().any(|media| !media.is_rejected());
        prop_assert!(!live || again.candidates().starts_with(&candidates));
    }

    #[test]
    fn a_candidate_is_read_back(ip in any::<std::net::IpAddr>(), port in any::<u16>(), tcp in any::<bool>(), index in any::<u16>()) {
        let candidate = Candidate::host(SocketAddr::new(ip, port), tcp, index);
        let read: Candidate = candidate.to_string().parse().unwrap();
        prop_assert_eq!(read.socket_address(), Some(SocketAddr::new(ip.to_canonical(), port)));
        prop_assert_eq!(read, candidate);
    }
}

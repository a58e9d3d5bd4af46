use std::time::{Duration, Instant};

use proptest::prelude::*;
use srs_rtc::Codec;
use srs_rtc::sdp::Description;

use super::net::ours;
use super::offers;
use crate::rtc::{Accepted, Refused, Settings, play, publish};

/// What is said of one section, without what has the same text in all.
fn section<'a>(answer: &'a str, kind: &str) -> Vec<&'a str> {
    let start = format!("m={kind}");
    let lines = answer.lines().skip_while(|line| !line.starts_with(&start)).take(200);
    let mut seen = 0;
    let own = lines.take_while(|line| {
        seen += usize::from(line.starts_with("m="));
        seen == 1
    });
    let common = ["c=", "a=rtcp:", "a=ice-", "a=fingerprint:", "a=ssrc", "a=msid"];
    own.filter(|line| !common.iter().any(|start| line.starts_with(start))).collect()
}

fn published(offer: &str) -> Accepted {
    publish(&Settings::default(), offer, ours(), Instant::now()).unwrap()
}

fn played(offer: &str, stream: &[Codec]) -> Accepted {
    play(&Settings::default(), offer, ours(), stream, Instant::now()).unwrap()
}

fn refused(offer: &str, stream: &[Codec]) -> Refused {
    play(&Settings::default(), offer, ours(), stream, Instant::now()).unwrap_err()
}

const BOTH: [Codec; 2] = [Codec::H264, Codec::Opus];

#[test]
fn an_answer_begins_with_what_holds_for_all() {
    let accepted = published(&offers::chromium_publish());
    let head: Vec<&str> = accepted.answer.split("\r\n").take(8).collect();
    assert_eq!(head[0], "v=0");
    assert!(head[1].starts_with("o=- ") && head[1].ends_with(" 1 IN IP4 127.0.0.1"));
    assert_eq!(head[2..7], ["s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0 1", "a=msid-semantic:WMS *"]);
    let read = Description::parse(&accepted.answer).unwrap();
    assert_eq!(read.credentials(), Some(ours()));
    assert!(read.is_ice_lite() && read.candidates().is_empty());
    assert_eq!(accepted.theirs.ufrag, "Jbde");
    assert_eq!(accepted.theirs.password, "Xh1n0Lg1sdfSDFs6lkjH3dfg");
}

#[test]
fn chromium_that_publishes_is_answered_h264_in_all_its_profiles() {
    let accepted = published(&offers::chromium_publish());
    assert_eq!(accepted.codecs, [Codec::Opus, Codec::H264]);
    assert!(accepted.layers.is_empty());
    assert_eq!(
        section(&accepted.answer, "audio"),
        [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "a=setup:passive",
            "a=mid:0",
            "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
            "a=recvonly",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            "a=rtpmap:111 opus/48000/2",
            "a=rtcp-fb:111 transport-cc",
            "a=fmtp:111 minptime=10;useinbandfec=1",
        ]
    );
    let video = section(&accepted.answer, "video");
    assert_eq!(video[0], "m=video 9 UDP/TLS/RTP/SAVPF 103 104 109 114 117 118 39 40 107 108");
    let first = video.iter().position(|line| *line == "a=rtpmap:103 H264/90000").unwrap();
    assert_eq!(
        video[first..first + 9],
        [
            "a=rtpmap:103 H264/90000",
            "a=rtcp-fb:103 goog-remb",
            "a=rtcp-fb:103 transport-cc",
            "a=rtcp-fb:103 ccm fir",
            "a=rtcp-fb:103 nack",
            "a=rtcp-fb:103 nack pli",
            "a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
            "a=rtpmap:104 rtx/90000",
            "a=fmtp:104 apt=103",
        ]
    );
}

#[test]
fn a_publisher_gets_what_it_lists_first_where_nothing_is_preferred() {
    let settings = Settings { prefer: [].into(), ..Settings::default() };
    let accepted = publish(&settings, &offers::chromium_publish(), ours(), Instant::now()).unwrap();
    assert_eq!(accepted.codecs, [Codec::Opus, Codec::Vp8]);
    assert_eq!(section(&accepted.answer, "video")[0], "m=video 9 UDP/TLS/RTP/SAVPF 96 97");
}

#[test]
fn all_layers_of_simulcast_are_taken() {
    let accepted = published(&offers::chromium_simulcast());
    assert_eq!(accepted.layers.iter().map(|layer| &**layer).collect::<Vec<_>>(), ["h", "m", "l"]);
    let video = section(&accepted.answer, "video");
    for line in ["a=rid:h recv", "a=rid:m recv", "a=rid:l recv", "a=simulcast:recv h;m;l"] {
        assert!(video.contains(&line), "{line} in {video:?}");
    }
    assert!(video.contains(&"a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
}

#[test]
fn a_player_could_have_what_it_offers_on_a_track_that_the_stream_lacks() {
    use Codec::{Av1, H264, H265, Opus, Vp8, Vp9};
    let offer = offers::chromium_play();
    assert_eq!(played(&offer, &BOTH).could, []);
    assert_eq!(played(&offer, &[H264]).could, [Opus]);
    let could = played(&offer, &[Opus]).could;
    assert_eq!(could.len(), [Vp8, H264, Av1, Vp9, H265].len(), "each once: {could:?}");
    assert!([Vp8, H264, Av1, Vp9, H265].iter().all(|codec| could.contains(codec)), "{could:?}");
}

#[test]
fn a_player_could_not_have_what_it_does_not_offer_or_want() {
    let offer = offers::chromium_play();
    let (head, _) = offer.split_once("m=video").unwrap();
    assert_eq!(played(head, &[Codec::Opus]).could, [], "no such track");
    let (before, after) = offer.rsplit_once("a=recvonly").unwrap();
    for without in [offer.replace("m=video 9", "m=video 0"), format!("{before}a=inactive{after}")] {
        assert_eq!(played(&without, &[Codec::Opus]).could, []);
    }
    // With its H.264 this one would be refused.
    let clash = offer.replace(" 39 40 45 ", " 111 40 45 ").replace(":39 ", ":111 ");
    let could = played(&clash, &[Codec::Opus]).could;
    assert!(could.contains(&Codec::Vp8) && !could.contains(&Codec::H264), "{could:?}");
    let unknown = offer.replace(" opus/48000", " SPEEX/48000");
    assert_eq!(played(&unknown, &[Codec::H264]).could, []);
}

#[test]
fn chromium_that_watches_gets_the_format_that_understands_most() {
    let accepted = played(&offers::chromium_play(), &BOTH);
    assert_eq!(accepted.codecs, [Codec::Opus, Codec::H264]);
    assert_eq!(
        section(&accepted.answer, "video"),
        [
            "m=video 9 UDP/TLS/RTP/SAVPF 39 40",
            "a=setup:passive",
            "a=mid:1",
            "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
            "a=sendonly",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            "a=rtpmap:39 H264/90000",
            "a=rtcp-fb:39 goog-remb",
            "a=rtcp-fb:39 ccm fir",
            "a=rtcp-fb:39 nack",
            "a=rtcp-fb:39 nack pli",
            "a=fmtp:39 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
            "a=rtpmap:40 rtx/90000",
            "a=fmtp:40 apt=39",
        ]
    );
}

#[test]
fn sound_and_picture_are_of_one_stream_that_names_its_repairs() {
    let accepted = played(&offers::chromium_play(), &BOTH);
    let msids: Vec<&str> = accepted.answer.lines().filter_map(|line| line.strip_prefix("a=msid:")).collect();
    let stream = |at: usize| msids[at].split(' ').next().unwrap();
    assert_eq!(msids.len(), 2);
    assert_eq!(stream(0), stream(1));
    assert_ne!(msids[0], msids[1]);
    assert_eq!(accepted.answer.matches("a=ssrc-group:FID").count(), 1);
    assert_eq!(accepted.answer.matches("a=ssrc:").count(), 3);
}

#[test]
fn feedback_on_arrivals_is_agreed_on_with_a_player_only_to_estimate() {
    let settings = Settings { estimate: Some(2_000_000), ..Settings::default() };
    let accepted = play(&settings, &offers::chromium_play(), ours(), &BOTH, Instant::now()).unwrap();
    assert!(accepted.answer.contains("a=rtcp-fb:39 transport-cc"));
    assert!(!played(&offers::chromium_play(), &BOTH).answer.contains("transport-cc"));
}

#[test]
fn firefox_that_watches_is_answered_with_its_only_good_h264() {
    let accepted = played(&offers::firefox_play(), &BOTH);
    assert_eq!(section(&accepted.answer, "video")[0], "m=video 9 UDP/TLS/RTP/SAVPF 126 127");
    assert_eq!(section(&accepted.answer, "audio")[0], "m=audio 9 UDP/TLS/RTP/SAVPF 109");
    assert!(accepted.answer.contains("a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1"));
}

#[test]
fn a_stream_without_sound_leaves_the_section_of_sound_out() {
    let accepted = played(&offers::chromium_play(), &[Codec::H264]);
    assert_eq!(
        section(&accepted.answer, "audio"),
        ["m=audio 0 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=rtpmap:111 opus/48000/2", "a=inactive"]
    );
    assert!(accepted.answer.contains("a=group:BUNDLE 1\r\n"));
    assert_eq!(accepted.codecs, [Codec::H264]);
}

#[test]
fn a_stream_with_two_kinds_of_picture_is_answered_both() {
    let accepted = played(&offers::chromium_play(), &[Codec::H265, Codec::H264, Codec::Opus]);
    assert_eq!(accepted.codecs, [Codec::Opus, Codec::H265, Codec::H264]);
    assert_eq!(section(&accepted.answer, "video")[0], "m=video 9 UDP/TLS/RTP/SAVPF 49 50 39 40");
}

#[test]
fn data_channels_are_left_out() {
    let accepted = played(&offers::chromium_data(), &BOTH);
    assert_eq!(
        section(&accepted.answer, "application"),
        ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2", "a=inactive"]
    );
    assert!(accepted.answer.contains("a=group:BUNDLE 0 1\r\n"));
}

#[test]
fn obs_is_answered_stereo_and_asked_again_without_a_stream_of_repairs() {
    let accepted = published(&offers::obs());
    assert_eq!(accepted.codecs, [Codec::Opus, Codec::H264]);
    assert_eq!(
        section(&accepted.answer, "audio"),
        [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "a=setup:passive",
            "a=mid:0",
            "a=recvonly",
            "a=rtcp-mux",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;maxaveragebitrate=160000;stereo=1;sprop-stereo=1;useinbandfec=1",
        ]
    );
    let video = section(&accepted.answer, "video");
    assert_eq!(video[0], "m=video 9 UDP/TLS/RTP/SAVPF 96");
    assert!(video.contains(&"a=rtcp-fb:96 nack"));
}

#[test]
fn ffmpeg_that_waits_for_dtls_is_begun_with() {
    let accepted = published(&offers::ffmpeg());
    let video = section(&accepted.answer, "video");
    assert_eq!(video[..3], ["m=video 9 UDP/TLS/RTP/SAVPF 106 105", "a=setup:active", "a=mid:1"]);
}

#[test]
fn who_asks_for_stereo_by_one_word_is_answered_all_of_them() {
    let offer = offers::chromium_publish().replace("useinbandfec=1", "useinbandfec=1;stereo=1");
    assert!(
        published(&offer).answer.contains("a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1")
    );
}

#[test]
fn a_player_that_lacks_the_streams_codec_is_told_which() {
    let offer = offers::firefox_play();
    let says = refused(&offer, &[Codec::H265, Codec::Opus]).to_string();
    assert_eq!(says, "the stream is H.265, which the player does not offer");
}

#[test]
fn who_only_wants_to_watch_cannot_publish() {
    let refused = publish(&Settings::default(), &offers::chromium_play(), ours(), Instant::now());
    assert_eq!(refused.unwrap_err().to_string(), "the offer has no sound or picture that is to be sent");
}

#[test]
fn what_an_offer_lacks_is_said() {
    let offer = offers::chromium_play();
    let cases = [
        (offer.replace("a=fingerprint", "a=finger"), "the offer has no fingerprint of SHA-256 or SHA-1"),
        (offer.replace("a=ice-ufrag", "a=ufrag"), "the offer has no ice-ufrag and ice-pwd"),
        (
            offer.replace("t=0 0", "t=0 0\r\na=ice-lite"),
            "the offer is of ICE-lite, and so is this end: one has to check",
        ),
        (offer.replace("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\nDIR", ""), ""),
    ];
    for (offer, says) in cases.iter().filter(|case| !case.1.is_empty()) {
        assert_eq!(refused(offer, &BOTH).to_string(), *says);
    }
    assert!(matches!(refused("hello", &BOTH), Refused::Unreadable(_)));
}

#[test]
fn a_codec_that_a_stream_has_twice_is_answered_once() {
    let accepted = played(&offers::chromium_play(), &[Codec::Opus, Codec::H264, Codec::Opus]);
    assert_eq!(accepted.codecs, played(&offers::chromium_play(), &[Codec::Opus, Codec::H264]).codecs);
}

#[test]
fn one_number_for_two_formats_is_refused() {
    let offer = offers::chromium_play().replace("111", "39");
    assert_eq!(refused(&offer, &BOTH).to_string(), "payload type 39 means two formats");
}

/// Offers with something else in some places: bytes, lines away, lines twice.
fn mutated() -> impl Strategy<Value = String> {
    let offers = prop_oneof![
        Just(offers::chromium_publish()),
        Just(offers::chromium_simulcast()),
        Just(offers::chromium_data()),
        Just(offers::firefox_play()),
        Just(offers::obs()),
        Just(offers::ffmpeg()),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..5_u8, "[ -~]{0,12}"), 0..12);
    (offers, changes).prop_map(|(offer, changes)| {
        let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
        for (at, kind, text) in changes {
            let at = at.index(lines.len());
            match kind {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[at].clone()),
                2 => lines[at].push_str(&text),
                3 => {
                    let (name, _) = lines[at].split_once([':', '=']).unwrap_or(("a", ""));
                    lines[at] = format!("{name}:{text}");
                }
                _ => {
                    let other = (at + 7) % lines.len();
                    lines.swap(at, other);
                }
            }
            if lines.is_empty() {
                break;
            }
        }
        lines.join("\r\n") + "\r\n"
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_offer_breaks_anything_and_every_answer_can_be_read(offer in mutated()) {
        let (settings, now) = (Settings::default(), Instant::now());
        for accepted in [
            publish(&settings, &offer, ours(), now),
            play(&settings, &offer, ours(), &BOTH, now),
        ].into_iter().flatten() {
            let answer = Description::parse(&accepted.answer).unwrap();
            let offered = Description::parse(&offer).unwrap();
            prop_assert_eq!(answer.media().count(), offered.media().count());
            prop_assert!(!accepted.codecs.is_empty());
            let mut engine = accepted.engine;
            srs_rtc::Engine::tick(&mut engine, now + Duration::from_secs(1));
        }
    }
}

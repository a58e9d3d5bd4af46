//! WHIP, WHEP and SRS's API as HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header};
use srs_hub::{Settings, Takeover};

use srs_names::envelope::{HTTP_HEADER, bound};
use srs_names::source::MissingKind;
use srs_names::{Inventory as _, Term};
use srs_rtc::Codec;
use srs_rtc::sdp::Description;

use super::super::testkit::*;
use crate::config::{Publish, To};
use crate::testkit::source::{Says, Spring, missing};
use crate::testkit::{begin, claimed, key, publisher, sealed, video};
use crate::{Config, Gateway, Vhost};

/// A stream of H.264 that is live.
pub(super) fn live(doors: &Doors) -> srs_hub::Publisher {
    let publisher = publisher(&doors.gateway, "a");
    begin(&publisher);
    publisher
}

pub(super) async fn whip(doors: &Doors) -> Response<Bytes> {
    doors.ask(post(WHIP, offer_to_publish(&BOTH))).await
}

async fn whep(doors: &Doors) -> Response<Bytes> {
    doors.ask(post(WHEP, offer_to_play(&[Codec::H264]))).await
}

/// The status, and whether the text says so.
pub(super) fn assert_no(response: &Response<Bytes>, status: StatusCode, said: &str) {
    assert_eq!(response.status(), status, "{}", text(response));
    assert!(text(response).contains(said), "{}", text(response));
    assert_eq!(head(response, "cache-control"), "no-store");
}

#[test]
fn an_offer_is_answered_with_a_session_and_where_its_media_is() {
    run(async {
        let doors = doors();
        let _publisher = live(&doors);
        for (response, path) in [(whip(&doors).await, "/rtc/v1/whip/"), (whep(&doors).await, "/rtc/v1/whep/")]
        {
            assert_eq!(response.status(), StatusCode::CREATED, "{}", text(&response));
            let place = head(&response, "location");
            assert!(place.starts_with(&format!("{path}?action=delete&token=")), "{place}");
            assert!(place.contains("&app=live&stream=a&session="), "{place}");
            assert_eq!(head(&response, "content-type"), "application/sdp");
            assert_eq!(head(&response, "accept-patch"), "application/trickle-ice-sdpfrag");
            let answer = Description::parse(text(&response)).unwrap();
            let ours = answer.credentials().unwrap();
            assert_eq!(head(&response, "etag"), format!("\"{}\"", ours.ufrag));
            assert!(answer.is_ice_lite() && answer.has_end_of_candidates());
            let kinds: Vec<bool> =
                answer.candidates().iter().map(|candidate| candidate.tcp.is_some()).collect();
            assert_eq!(kinds, [false, true]);
        }
    });
}

#[test]
fn what_is_not_live_is_not_there_at_once() {
    run(async {
        let (doors, began) = (doors(), Instant::now());
        assert_no(&whep(&doors).await, StatusCode::NOT_FOUND, "not live");
        assert!(began.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn who_is_refused_reads_why() {
    run(async {
        let doors = doors();
        let _publisher = live(&doors);
        let no = async |request, status, said| assert_no(&doors.ask(request).await, status, said);
        no(post(WHIP, "hello"), StatusCode::BAD_REQUEST, "SDP").await;
        no(post(WHIP, vec![0xff, 0xfe]), StatusCode::BAD_REQUEST, "UTF-8").await;
        let offer = offer_to_publish(&BOTH);
        no(post("/rtc/v1/whip/?app=live&stream=a%00", offer.clone()), StatusCode::BAD_REQUEST, "name").await;
        let mut wrong = post(WHIP, offer);
        wrong.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        no(wrong, StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/sdp").await;
        no(post(WHEP, offer_to_play(&[Codec::Vp8])), StatusCode::NOT_ACCEPTABLE, "H.264").await;
        no(post("/rtc/v1/nack/", ""), StatusCode::NOT_FOUND, "path").await;
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            let response = doors.ask(request(method, WHIP, "")).await;
            assert_no(&response, StatusCode::METHOD_NOT_ALLOWED, "POST");
            assert_eq!(head(&response, "allow"), "POST, DELETE, PATCH, OPTIONS");
        }
        assert!(doors.gateway.totals().errors >= 5);
    });
}

#[test]
fn a_body_without_a_type_is_taken_as_srs_takes_it() {
    run(async {
        let response = doors().ask(request(Method::POST, WHIP, offer_to_publish(&BOTH))).await;
        assert_eq!(response.status(), StatusCode::CREATED);
    });
}

#[test]
fn a_stream_of_which_players_can_have_nothing_is_refused_with_what_it_has() {
    run(async {
        let doors = doors();
        let publisher = publisher(&doors.gateway, "a");
        // Sorenson H.263.
        video(&publisher, 0, &[0x12, 0, 0, 0, 0, 1]);
        let began = Instant::now();
        assert_no(&whep(&doors).await, StatusCode::NOT_ACCEPTABLE, "nothing that WebRTC carries");
        assert!(began.elapsed() < Duration::from_secs(2));
    });
}

#[test]
fn a_vhost_or_a_node_without_webrtc_says_how_to_switch_it_on() {
    run(async {
        let doors = doors_with(Vhost::default(), |config| config);
        assert_no(&whip(&doors).await, StatusCode::NOT_FOUND, "rtc { enabled on; }");
        let gateway = Gateway::new(srs_hub::Hub::new(), crate::testkit::config(vhost()));
        let asked =
            srs_net::http::Signalling::answer(gateway, post(WHIP, ""), ([127, 0, 0, 1], 1).into()).await;
        assert_no(&asked, StatusCode::NOT_FOUND, "rtc_server { enabled on; }");
    });
}

#[test]
fn a_busy_stream_a_draining_node_and_a_newer_claim_refuse_a_publisher() {
    run(async {
        let publish = Publish { takeover: Takeover::Refuse, ..Publish::default() };
        let doors = doors_with(Vhost { publish, ..vhost() }, |config| config);
        let publisher = live(&doors);
        assert_no(&whip(&doors).await, StatusCode::CONFLICT, "busy");
        drop(publisher);
        let term = Some(Term { domain: "d".to_owned(), epoch: 9 << 16, resumed: false });
        let publisher =
            doors.gateway.hub.publish(&key("a"), Settings { term, ..Settings::default() }).unwrap();
        let mut sent = post(WHIP, offer_to_publish(&BOTH));
        let envelope = sealed(&claimed(7 << 16), bound::of_http("POST", WHIP));
        sent.headers_mut().insert(HTTP_HEADER, envelope.parse().unwrap());
        let response = doors.ask(sent).await;
        assert_no(&response, StatusCode::CONFLICT, "above");
        assert_eq!(head(&response, "x-srs-fenced"), (9 << 16).to_string());
        drop(publisher);
        doors.gateway.drain(true);
        let response = whip(&doors).await;
        assert_no(&response, StatusCode::SERVICE_UNAVAILABLE, "drained");
        assert_eq!(head(&response, "retry-after"), "1");
    });
}

#[test]
fn what_is_published_elsewhere_and_not_passed_on_is_refused() {
    run(async {
        for to in [To::Elsewhere, To::Nowhere] {
            let publish = Publish { to, ..Publish::default() };
            let doors = doors_with(Vhost { publish, ..vhost() }, |config| config);
            assert_no(&whip(&doors).await, StatusCode::FORBIDDEN, "elsewhere");
        }
    });
}

#[test]
fn pages_of_other_sites_may_ask_where_crossdomain_is_on() {
    run(async {
        let open = doors();
        let asked = open.ask(request(Method::OPTIONS, WHIP, "")).await;
        assert_eq!(asked.status(), StatusCode::OK);
        assert_eq!(head(&asked, "accept-post"), "application/sdp");
        let has = |headers: &HeaderMap, name: &str, words: &[&str]| {
            let said = headers.get(name).unwrap().to_str().unwrap().to_ascii_lowercase();
            let said: Vec<&str> = said.split(',').map(str::trim).collect();
            words.iter().for_each(|word| assert!(said.contains(word), "{word} in {said:?}"));
        };
        for headers in [asked.headers(), whip(&open).await.headers()] {
            assert_eq!(headers["access-control-allow-origin"], "*");
            has(headers, "access-control-allow-headers", &["authorization", "content-type", "if-match"]);
            has(headers, "access-control-allow-methods", &["post", "patch", "delete", "options"]);
            has(headers, "access-control-expose-headers", &["location", "etag", "link", "retry-after"]);
        }
        let shut = doors_with(vhost(), |config| Config { crossdomain: false, ..config });
        assert_eq!(whip(&shut).await.headers().get("access-control-allow-origin"), None);
    });
}

#[test]
fn a_publishers_own_word_called_session_is_not_taken_for_ours() {
    run(async {
        let doors = doors();
        let asked = post(&format!("{WHIP}&session=7"), offer_to_publish(&BOTH));
        assert_eq!(doors.ask(asked).await.status(), StatusCode::CREATED);
    });
}

#[test]
fn srss_own_api_says_all_in_json() {
    run(async {
        let doors = doors();
        let _publisher = live(&doors);
        let ask = async |path: &str, body: serde_json::Value| {
            let response = doors.ask(request(Method::POST, path, body.to_string())).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(head(&response, "content-type"), "application/json");
            serde_json::from_slice::<serde_json::Value>(response.body()).unwrap()
        };
        let url = "webrtc://some.where/live/a?token=1";
        let publish = serde_json::json!({"api": "", "streamurl": url, "sdp": offer_to_publish(&BOTH)});
        let play = serde_json::json!({"streamurl": url, "sdp": offer_to_play(&[Codec::H264])});
        for (path, body) in [("/rtc/v1/publish/", publish), ("/rtc/v1/play/", play)] {
            let said = ask(path, body).await;
            assert_eq!((said["code"].as_u64(), said["server"].as_str()), (Some(0), Some("vid-origin")));
            assert!(said["sdp"].as_str().unwrap().starts_with("v=0"));
            assert!(!said["sessionid"].as_str().unwrap().is_empty());
        }
        let named = serde_json::json!({"sdp": offer_to_play(&[Codec::H264])});
        assert_eq!(ask("/rtc/v1/play/?app=live&stream=a", named.clone()).await["code"], 0);
        let none = ask("/rtc/v1/play/?app=live&stream=b", named).await;
        assert_eq!(
            (none["code"].as_u64(), none["error"].as_str()),
            (Some(404), Some("the stream is not live"))
        );
        for wrong in [serde_json::json!({}), serde_json::json!(["sdp"]), serde_json::json!({"sdp": 1})] {
            assert_eq!(ask("/rtc/v1/play/", wrong).await["code"], 400);
        }
    });
}

#[test]
fn the_address_at_which_a_client_sees_this_node_is_the_first_candidate() {
    run(async {
        let doors = doors();
        let response =
            doors.ask(post(&format!("{WHIP}&eip=203.0.113.5:7000"), offer_to_publish(&BOTH))).await;
        let candidates = Description::parse(text(&response)).unwrap().candidates();
        let first = candidates.iter().max_by_key(|candidate| candidate.priority).unwrap();
        assert_eq!(first.socket_address(), Some(([203, 0, 113, 5], 7000).into()));
    });
}

#[test]
fn a_stream_that_comes_from_elsewhere_is_awaited() {
    run(async {
        let spring = Spring::new(Says::Coming);
        let source = Some(Arc::clone(&spring) as Arc<dyn srs_names::source::Source>);
        let doors = doors_with(vhost(), |config| Config { source, ..config });
        let coming = async {
            spring.heard(1).await;
            live(&doors)
        };
        let (response, _publisher) = tokio::join!(whep(&doors), coming);
        assert_eq!(response.status(), StatusCode::CREATED, "{}", text(&response));
        spring.say(Says::Missing(missing(MissingKind::Forbidden, "not for you")));
        assert_no(&whep(&doors).await, StatusCode::FORBIDDEN, "not for you");
    });
}

#[test]
fn a_stream_that_began_just_now_may_still_say_that_it_has_sound() {
    run(async {
        let doors = doors();
        let mut publisher = doors.publish(WHIP, &BOTH).await;
        publisher.picture(0, true);
        doors.until(|gateway| gateway.streams().first().is_some_and(|stream| stream.video_frames > 0)).await;
        let player = doors.ask(post(WHEP, offer_to_play(&BOTH)));
        let sound = async { publisher.sound(0) };
        let (response, ()) = tokio::join!(player, sound);
        let answer = Description::parse(text(&response)).unwrap();
        assert!(answer.media().all(|media| !media.is_rejected()), "{}", text(&response));
    });
}

#[test]
fn who_makes_sessions_and_never_comes_is_stopped() {
    run(async {
        let doors = doors();
        let offer = offer_to_publish(&[Codec::Opus]);
        for _ in 0..128 {
            assert_eq!(doors.ask(post(WHIP, offer.clone())).await.status(), StatusCode::CREATED);
        }
        assert_no(&doors.ask(post(WHIP, offer)).await, StatusCode::SERVICE_UNAVAILABLE, "too many");
    });
}

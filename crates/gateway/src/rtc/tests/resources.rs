//! What a client asks of its session.

use http::{Method, StatusCode, header};
use srs_rtc::sdp::Fragment;

use super::super::testkit::*;
use super::http::{assert_no, whip};

/// A fragment of a client, with or without credentials.
fn fragment(of_client: Option<(&str, &str)>) -> String {
    let ice = of_client.map(|(ufrag, password)| format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n"));
    let candidate = "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n";
    format!("{}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{candidate}", ice.unwrap_or_default())
}

#[test]
fn candidates_are_taken_note_of_and_ice_may_begin_anew() {
    run(async {
        let doors = doors();
        let made = whip(&doors).await;
        let (place, tag) = (head(&made, "location"), head(&made, "etag").to_owned());
        let patch = async |body: String, tag: Option<&str>| {
            let mut asked = request(Method::PATCH, place, body);
            asked
                .headers_mut()
                .insert(header::CONTENT_TYPE, "application/trickle-ice-sdpfrag".parse().unwrap());
            if let Some(tag) = tag {
                asked.headers_mut().insert(header::IF_MATCH, tag.parse().unwrap());
            }
            doors.ask(asked).await
        };
        assert_eq!(patch(fragment(None), Some(&tag)).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(patch(fragment(None), None).await.status(), StatusCode::NO_CONTENT);
        let anew = fragment(Some(("anew", "apasswordoftwentytwoletters")));
        assert_no(&patch(anew.clone(), Some("\"stale\"")).await, StatusCode::PRECONDITION_FAILED, "If-Match");
        let restarted = patch(anew.clone(), Some("\"*\"")).await;
        assert_eq!(restarted.status(), StatusCode::OK);
        let renewed = Fragment::parse(text(&restarted)).unwrap();
        let ours = renewed.credentials().unwrap();
        assert_eq!(head(&restarted, "etag"), format!("\"{}\"", ours.ufrag));
        assert_eq!((renewed.candidates().len(), renewed.has_end_of_candidates()), (2, true));
        // What the client said already is no news; what was of before is stale.
        assert_eq!(patch(anew, Some(head(&restarted, "etag"))).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(patch(fragment(None), Some(&tag)).await.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(
            patch(fragment(Some(("again", "apasswordoftwentytwoletters"))), Some("*")).await.status(),
            StatusCode::OK
        );
        let mut wrong = request(Method::PATCH, place, fragment(None));
        wrong.headers_mut().insert(header::CONTENT_TYPE, "application/sdp".parse().unwrap());
        assert_no(&doors.ask(wrong).await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "sdpfrag");
        assert_no(&patch("\0".to_owned(), None).await, StatusCode::BAD_REQUEST, "fragment");
    });
}

#[test]
fn a_session_that_waits_is_deleted_by_who_has_its_token() {
    run(async {
        let doors = doors();
        let made = whip(&doors).await;
        let place = head(&made, "location").to_owned();
        let token = place.split("token=").nth(1).unwrap().split('&').next().unwrap();
        let other = place.replace(token, &"0".repeat(token.len()));
        for (at, status) in
            [(&other, StatusCode::NOT_FOUND), (&place, StatusCode::OK), (&place, StatusCode::NOT_FOUND)]
        {
            for method in [Method::PATCH, Method::GET].into_iter().filter(|_| status == StatusCode::NOT_FOUND)
            {
                assert_eq!(doors.ask(request(method, at, fragment(None))).await.status(), status);
            }
            assert_eq!(doors.ask(request(Method::DELETE, at, "")).await.status(), status);
        }
    });
}

#[test]
fn a_layer_is_for_sessions_that_have_begun() {
    run(async {
        let doors = doors();
        let made = whip(&doors).await;
        let at = format!("{}&layer=f", head(&made, "location"));
        assert_no(&doors.ask(request(Method::POST, &at, "")).await, StatusCode::CONFLICT, "begun");
        let mut publisher = doors.publish(WHIP, &BOTH).await;
        publisher.picture(0, true);
        for layer in ["f", ""] {
            let at = format!("{}&layer={layer}", publisher.place);
            assert_eq!(doors.ask(request(Method::POST, &at, "")).await.status(), StatusCode::OK);
        }
        assert_no(
            &doors.ask(request(Method::POST, &publisher.place, "")).await,
            StatusCode::METHOD_NOT_ALLOWED,
            "POST",
        );
    });
}

//! Who is let in by a token, and what those hear who are not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use srs_names::{Admit, Params, Refusal, RefusalKind, StreamKey};
use srs_net::http::Signalling as _;
use srs_rtc::Codec;

use super::super::testkit::*;
use super::http::{assert_no, live};
use crate::Config;

/// Lets in who knows the token, from everywhere but one address.
struct Tokens;

impl Tokens {
    fn check(params: &Params, peer: SocketAddr) -> Result<(), Refusal> {
        let refusal = |kind, reason: &str| Err(Refusal { kind, reason: reason.to_owned() });
        if peer.ip() == UNWANTED {
            return refusal(RefusalKind::Forbidden, "not from there");
        }
        match params.get("token") {
            Some("a secret") => Ok(()),
            Some("too many") => refusal(RefusalKind::Busy, "come again"),
            _ => refusal(RefusalKind::Unauthorized, "no token"),
        }
    }
}

/// Nobody is let in from here.
const UNWANTED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

impl Admit for Tokens {
    fn publish(&self, _: &StreamKey, params: &Params, peer: SocketAddr) -> Result<(), Refusal> {
        Tokens::check(params, peer)
    }

    fn play(&self, _: &StreamKey, params: &Params, peer: SocketAddr) -> Result<(), Refusal> {
        Tokens::check(params, peer)
    }
}

/// Doors that ask for a token.
fn guarded() -> Doors {
    doors_with(vhost(), |config| Config { admit: Arc::new(Tokens), ..config })
}

/// Who wants to publish and to play, with this in the query and this as its `Authorization`.
async fn both(doors: &Doors, query: &str, authorization: &str) -> Vec<Response<Bytes>> {
    let mut answers = Vec::new();
    for (at, offer) in [(WHIP, offer_to_publish(&BOTH)), (WHEP, offer_to_play(&[Codec::H264]))] {
        let mut asked = post(&format!("{at}{query}"), offer);
        if !authorization.is_empty() {
            asked.headers_mut().insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        answers.push(doors.ask(asked).await);
    }
    answers
}

#[test]
fn a_bearers_token_is_that_of_the_query() {
    run(async {
        let doors = guarded();
        let _publisher = live(&doors);
        for (query, authorization) in [("", "Bearer a secret"), ("&token=a%20secret", "")] {
            for answer in both(&doors, query, authorization).await {
                assert_eq!(answer.status(), StatusCode::CREATED, "{}", text(&answer));
            }
        }
    });
}

#[test]
fn who_brings_no_token_is_asked_for_one_and_who_brings_a_wrong_one_hears_that() {
    run(async {
        let doors = guarded();
        let _publisher = live(&doors);
        let ask = "Bearer realm=\"srs\"";
        let wrong = "Bearer realm=\"srs\", error=\"invalid_token\"";
        let said = [
            ("", "", ask),
            ("&token=", "", ask),
            ("", "Bearer ", ask),
            ("", "Basic dTpw", ask),
            ("&token=guessed", "", wrong),
            ("", "Bearer guessed", wrong),
        ];
        for (query, authorization, challenge) in said {
            for answer in both(&doors, query, authorization).await {
                assert_no(&answer, StatusCode::UNAUTHORIZED, "no token");
                assert_eq!(head(&answer, "www-authenticate"), challenge, "{query} {authorization}");
                assert!(head(&answer, "access-control-expose-headers").contains("www-authenticate"));
            }
        }
    });
}

#[test]
fn a_refusal_that_no_token_would_change_asks_for_none() {
    run(async {
        let doors = guarded();
        let _publisher = live(&doors);
        for answer in both(&doors, "&token=too%20many", "").await {
            assert_no(&answer, StatusCode::SERVICE_UNAVAILABLE, "come again");
            assert_eq!((head(&answer, "retry-after"), head(&answer, "www-authenticate")), ("1", ""));
        }
        for (at, offer) in [(WHIP, offer_to_publish(&BOTH)), (WHEP, offer_to_play(&[Codec::H264]))] {
            let from = (UNWANTED, 4000).into();
            let answer = within(Arc::clone(&doors.gateway).answer(post(at, offer), from)).await;
            assert_no(&answer, StatusCode::FORBIDDEN, "not from there");
            assert_eq!(head(&answer, "www-authenticate"), "");
        }
    });
}

#[test]
fn srss_own_api_says_of_a_token_what_it_says_of_every_refusal() {
    run(async {
        let body = serde_json::json!({"sdp": offer_to_publish(&BOTH)}).to_string();
        let answer = guarded().ask(request(Method::POST, "/rtc/v1/publish/?app=live&stream=a", body)).await;
        let said: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!((answer.status(), said["code"].as_u64()), (StatusCode::OK, Some(403)));
        assert_eq!(head(&answer, "www-authenticate"), "");
    });
}

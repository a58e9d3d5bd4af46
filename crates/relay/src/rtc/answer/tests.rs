use http::HeaderMap;

use super::*;
use crate::rtc::testkit::sdp;

fn told(body: &str) -> Told {
    Told { status: StatusCode::CREATED, headers: HeaderMap::new(), body: body.to_owned().into() }
}

#[test]
fn over_tcp_no_address_is_shown_where_nobody_listens() {
    let shown = ["203.0.113.9:1".parse().unwrap(), "[2001:db8::1]:2".parse().unwrap()];
    assert_eq!(candidates(&shown, false).len(), 2);
    let all = candidates(&shown, true);
    assert_eq!(all.iter().map(|one| one.tcp.is_some()).collect::<Vec<_>>(), [false, false, true, true]);
    assert!(all.windows(2).all(|two| two[0].priority > two[1].priority));
}

#[test]
fn an_answer_without_the_nodes_side_of_ice_takes_no_session() {
    assert!(taken(&told(&sdp("u")), Shape::Sdp, &[]).is_some());
    for body in ["", "v=0\r\n", "hello", "{}"] {
        assert!(taken(&told(body), Shape::Sdp, &[]).is_none(), "{body}");
        assert!(taken(&told(body), Shape::Json, &[]).is_none(), "{body}");
    }
    let refused = Told { status: StatusCode::FORBIDDEN, ..told(&sdp("u")) };
    assert!(taken(&refused, Shape::Sdp, &[]).is_none());
}

#[test]
fn what_is_no_description_is_passed_on_as_it_is() {
    let answer = told("a=candidate:1 1 udp 1 10.9.8.7 8000 typ host\r\n");
    assert_eq!(of_session(&answer, &[]).0, answer.body);
}

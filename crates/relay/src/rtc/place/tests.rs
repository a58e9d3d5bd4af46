use super::*;
use crate::testkit::{SECRET, id};

fn at(location: &str) -> Option<String> {
    Some(Place::new(&id("a"), "/rtc/v1/whip/?app=live", location)?.target)
}

#[test]
fn a_nodes_location_is_a_path_at_that_node() {
    assert_eq!(at("/rtc/v1/whip/?session=1").unwrap(), "/rtc/v1/whip/?session=1");
    assert_eq!(at("http://10.0.0.1:1985/s/1?x=http://b/").unwrap(), "/s/1?x=http://b/");
    assert_eq!(at("http://10.0.0.1:1985").unwrap(), "/");
    assert_eq!(at("http://10.0.0.1?x").unwrap(), "/?x");
    assert_eq!(at("one").unwrap(), "/rtc/v1/whip/one");
    assert_eq!(at("/a?u=http://b").unwrap(), "/a?u=http://b");
}

#[test]
fn what_is_no_address_is_none() {
    for location in ["", "/a b", "/a\r\nx: y", "/ä", &"/x".repeat(1024)] {
        assert_eq!(at(location), None, "{location}");
    }
}

#[test]
fn a_location_is_opened_by_whoever_has_the_secret_and_by_nobody_else() {
    let ours = Tokens::of_sessions(SECRET);
    let place = Place::new(&id("a"), "/", "/rtc/v1/whip/?session=u").unwrap();
    let told = place.location(&ours, "/rtc/v1/whip/", "app=live&token=secret&stream=s").unwrap();
    assert!(told.starts_with("/rtc/v1/whip/?app=live&stream=s&session="), "{told}");
    let token = token(told.split_once('?').unwrap().1).unwrap();
    assert_eq!(Place::open(&Tokens::of_sessions(SECRET), token), Some(place));
    assert_eq!(Place::open(&Tokens::of_sessions(b"another"), token), None);
    assert_eq!(Place::open(&Tokens::new(SECRET), token), None);
    assert_eq!(Place::open(&ours, "x"), None);
}
